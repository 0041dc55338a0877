// A provider's message template, as read from its API: what is fixed, and which variables are to be filled in.
//
// Identity when sending is name + language. Read one with parse_template_json() (template_json.hpp), make it ready to
// send with a channel's layout, channels::compile_whatsapp() say.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::content {

enum class parameter_format : std::uint8_t {
  positional,
  named
};
enum class header_kind : std::uint8_t {
  none,
  text,
  image,
  video,
  document,
  gif,  // the marketing endpoint only
  location
};
enum class button_kind : std::uint8_t {
  quick_reply,
  url,
  phone_number,
  copy_code,
  one_time_password,  // takes the code, as a URL suffix
  flow,
  catalog,
  other  // takes nothing when sending
};

// The provider's names: "image", "quick_reply"; "" for no header.
[[nodiscard]] constexpr std::string_view word(header_kind kind) noexcept {
  constexpr std::string_view words[] = {"", "text", "image", "video", "document", "gif", "location"};
  return words[static_cast<std::size_t>(kind)];
}
[[nodiscard]] constexpr std::string_view word(button_kind kind) noexcept {
  constexpr std::string_view words[] = {"quick_reply",       "url",  "phone_number", "copy_code",
                                        "one_time_password", "flow", "catalog",      "other"};
  return words[static_cast<std::size_t>(kind)];
}

struct template_header {
  header_kind kind = header_kind::none;
  std::string text;  // kind text only
};

struct template_button {
  button_kind kind = button_kind::quick_reply;
  std::string text;          // what the button shows
  std::string url;           // kind url only; `{{1}}` at its end is filled in per recipient
  std::string phone_number;  // kind phone_number only
};

// What a template, or one card of its carousel, is made of. Buttons are numbered by their place, from 0, as on the
// wire.
struct template_parts {
  template_header header;
  std::string body;
  std::vector<template_button> buttons;
};

struct limited_time_offer {
  std::string text;
  bool expires = false;  // needs a time per message
};

struct message_template : template_parts {
  std::string id;  // the provider's, may be empty
  std::string name;
  std::string language;  // "en_US"; `en` and `en_US` are different templates
  std::string category;  // MARKETING, UTILITY or AUTHENTICATION
  std::string status;    // only APPROVED ones are sent
  parameter_format format = parameter_format::positional;
  std::string footer;
  std::vector<template_parts> cards;  // of a carousel: none, or 2 to 10
  std::optional<limited_time_offer> offer;

  // An authentication template's body and button take the same code.
  [[nodiscard]] bool is_authentication() const noexcept { return category == "AUTHENTICATION"; }
};

// Limits of the filled-in text, in code points (facts: WhatsApp, text and templates). The payload's is our own cautious
// choice, no source gives one.
inline constexpr std::size_t template_body_max = 1024;
inline constexpr std::size_t template_offer_body_max = 600;
inline constexpr std::size_t template_card_body_max = 160;
inline constexpr std::size_t template_header_max = 60;
inline constexpr std::size_t template_url_max = 2000;
inline constexpr std::size_t coupon_code_max = 20;
inline constexpr std::size_t offer_coupon_code_max = 15;
inline constexpr std::size_t one_time_password_max = 15;
inline constexpr std::size_t payload_max = 128;

// A run of fixed text and the variable that follows it; the last piece of a text has no variable. `{{ }}` around
// anything but [a-z0-9_]+ is fixed text.
struct text_piece {
  std::string_view fixed;
  std::string_view variable;
};

// Views into `text`.
[[nodiscard]] inline std::vector<text_piece> split_variables(std::string_view text) {
  constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  std::vector<text_piece> pieces;
  std::size_t begin = 0;
  std::size_t search = 0;
  for (;;) {
    const std::size_t open = text.find("{{", search);
    if (open == std::string_view::npos) break;
    std::size_t first = open + 2;
    while (first < text.size() && text[first] == ' ') ++first;
    std::size_t last = std::min(text.find_first_not_of(name_characters, first), text.size());
    const std::string_view name = text.substr(std::min(first, text.size()), last - std::min(first, last));
    while (last < text.size() && text[last] == ' ') ++last;
    if (name.empty() || text.substr(last, 2) != "}}") {
      search = open + 1;
      continue;
    }
    pieces.push_back({text.substr(begin, open - begin), name});
    begin = search = last + 2;
  }
  pieces.push_back({text.substr(begin), {}});
  return pieces;
}

// The place of a positional variable, 1 for "1"; 0 when it is not one.
[[nodiscard]] inline unsigned variable_position(std::string_view name) noexcept {
  unsigned value = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), value);
  return problem == std::errc() && end == name.data() + name.size() && name[0] != '0' ? value : 0;
}

// The distinct variables of a text in the order they are sent: positional ones 1..n, named ones as they first appear.
// `where` names the component in errors. template_malformed: a name in a positional text, or a gap in the numbers.
[[nodiscard]] inline result<std::vector<std::string>> variables_of(std::string_view text, parameter_format format,
                                                                   std::string_view where) {
  std::vector<std::string> names;
  unsigned highest = 0;
  for (const text_piece& piece : split_variables(text)) {
    if (piece.variable.empty()) continue;
    if (format == parameter_format::positional) {
      const unsigned position = variable_position(piece.variable);
      if (position == 0) {
        return fail(errc::template_malformed, "template: {{" + std::string(piece.variable) + "}} in the " +
                                                  std::string(where) + " of a template with positional parameters");
      }
      highest = std::max(highest, position);
    }
    if (std::find(names.begin(), names.end(), piece.variable) == names.end()) names.emplace_back(piece.variable);
  }
  if (format == parameter_format::named) return names;
  if (highest != names.size()) {
    return fail(errc::template_malformed,
                "template: the variables of the " + std::string(where) + " are not numbered 1, 2, 3... without a gap");
  }
  std::sort(names.begin(), names.end(),
            [](const std::string& a, const std::string& b) { return variable_position(a) < variable_position(b); });
  return names;
}

namespace detail {

// What input says, fit for an error of one line.
[[nodiscard]] inline std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace detail

// Unicode code points of UTF-8 text, which is how the provider's length limits are read.
[[nodiscard]] inline std::size_t code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  return count;
}

}  // namespace bulkmsg::content
