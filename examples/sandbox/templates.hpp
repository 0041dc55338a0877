// The approved (and not approved) templates of the sandbox's account.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox {

/// A text with {{1}} or {{name}} in it.
struct slotted_text {
  std::string text;
  std::vector<std::string> slots;     // each distinct one, in order of appearance
  std::size_t fixed_code_points = 0;  // of the text without its slots
};

struct template_button {
  std::string type;  // upper case, as the provider lists it
  bool takes_suffix = false;
  bool one_time_password = false;
};

/// What a template, or one card of its carousel, is made of.
struct template_parts {
  std::string header_format;  // upper case; empty: no header
  slotted_text header;
  slotted_text body;
  std::vector<template_button> buttons;
};

struct message_template {
  std::string id;
  std::string name;
  std::string language;
  std::string status;
  std::string category;
  bool named = false;
  template_parts parts;
  std::vector<template_parts> cards;
  bool limited_time_offer = false;
  bool offer_expires = false;
  std::vector<std::pair<std::string, std::string>> raw;  // field -> JSON text, for listing
};

class template_catalogue {
 public:
  /// A template object, an array of them, or a page {"data":[...]}. Throws std::invalid_argument.
  void add_json(std::string_view text);

  /// The same, in the place of those with the same name and language.
  void put_json(std::string_view text);

  /// In all languages; false when there is none of this name.
  bool remove(std::string_view name);

  void add_built_in();

  const message_template* find(std::string_view name, std::string_view language) const;
  const message_template* find_id(std::string_view id) const;
  bool knows_name(std::string_view name) const;
  const std::vector<std::unique_ptr<message_template>>& all() const { return all_; }

  /// All languages of a name; returns the templates changed.
  std::vector<const message_template*> set_status(std::string_view name, std::string_view status);

 private:
  std::vector<std::unique_ptr<message_template>> all_;
};

}  // namespace sandbox
