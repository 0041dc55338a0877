// What a template wants filled in, in wire order, and from which columns (part of render.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/template.hpp"

namespace bulkmsg::content {

// Slot -> column, where a column is not called as the default says. Slots are named "body.1", "body.first_name",
// "header.1", "header.order", "header.media", "header.filename", "header.latitude" (longitude, name, address), and
// "button.0": the button's 0-based place in the template, the number that goes on the wire.
struct mapping {
  std::vector<std::pair<std::string, std::string>> columns;
};

enum class slot_kind : std::uint8_t {
  text,
  media,
  filename,
  coordinate,
  url_suffix,
  coupon_code,
  payload
};

struct template_slot {
  std::string name;    // "body.1"
  std::string column;  // where its value comes from
  slot_kind kind = slot_kind::text;
  std::size_t column_index = 0;  // in the recipients' parameter columns; after compiling
};

namespace detail {

inline const std::string* mapped_column(const mapping& map, std::string_view slot) noexcept {
  for (const auto& [name, column] : map.columns) {
    if (name == slot) return &column;
  }
  return nullptr;
}

inline bool same_column(std::string_view a, std::string_view b) noexcept {
  constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// The index of a column, found in any case; columns.size() when there is none.
inline std::size_t find_column(std::span<const std::string> columns, std::string_view name) noexcept {
  std::size_t i = 0;
  while (i < columns.size() && !same_column(columns[i], name)) ++i;
  return i;
}

// Optional slots (a document's file name, a quick reply's payload) appear when they are mapped, the file name also when
// its default column is among `columns`. `first_button` is 0, or 1 for files whose author counts buttons from one.
inline result<std::vector<template_slot>> slots_of(const message_template& message, const mapping& map,
                                                   std::span<const std::string> columns, std::size_t first_button) {
  std::vector<template_slot> slots;
  const auto add = [&](std::string slot, std::string column, slot_kind kind) {
    if (const std::string* mapped = mapped_column(map, slot)) column = *mapped;
    slots.push_back({std::move(slot), std::move(column), kind, 0});
  };
  const bool named = message.format == parameter_format::named;

  switch (message.header.kind) {
    case header_kind::none:
      break;
    case header_kind::text: {
      auto variables = variables_of(message.header.text, message.format, "header");
      if (!variables) return fail(variables.error());
      for (const std::string& variable : *variables) {
        add("header." + variable, named ? variable : "header_param" + variable, slot_kind::text);
      }
      break;
    }
    case header_kind::location:
      add("header.latitude", "header_latitude", slot_kind::coordinate);
      add("header.longitude", "header_longitude", slot_kind::coordinate);
      add("header.name", "header_name", slot_kind::text);
      add("header.address", "header_address", slot_kind::text);
      break;
    case header_kind::image:
    case header_kind::video:
    case header_kind::document:
      add("header.media", "header_media", slot_kind::media);
      if (message.header.kind == header_kind::document && (mapped_column(map, "header.filename") != nullptr ||
                                                           find_column(columns, "header_filename") < columns.size())) {
        add("header.filename", "header_filename", slot_kind::filename);
      }
      break;
  }

  auto variables = variables_of(message.body, message.format, "body");
  if (!variables) return fail(variables.error());
  for (const std::string& variable : *variables) {
    add("body." + variable, named ? variable : "param" + variable, slot_kind::text);
  }

  for (std::size_t i = 0; i < message.buttons.size(); ++i) {
    const template_button& button = message.buttons[i];
    std::string slot = "button." + std::to_string(i);
    std::string column = "button" + std::to_string(i + first_button) + "_param";
    if (button.kind == button_kind::url && split_variables(button.url).size() > 1) {
      add(std::move(slot), std::move(column), slot_kind::url_suffix);
    } else if (button.kind == button_kind::copy_code) {
      add(std::move(slot), std::move(column), slot_kind::coupon_code);
    } else if (button.kind == button_kind::quick_reply && mapped_column(map, slot) != nullptr) {
      add(std::move(slot), std::move(column), slot_kind::payload);
    }
  }

  for (const auto& [slot, column] : map.columns) {
    bool known = false;
    for (const template_slot& each : slots) known = known || each.name == slot;
    if (known) continue;
    std::string list;
    for (const template_slot& each : slots) list += (list.empty() ? "" : ", ") + each.name;
    return fail(errc::invalid_argument, "mapping: the template has no '" + slot +
                                            "' to fill (it has: " + (list.empty() ? "nothing" : list) + ")");
  }
  return slots;
}

// Slots with their columns found. column_missing names everything that is needed.
inline result<std::vector<template_slot>> resolved_slots(const message_template& message, const mapping& map,
                                                         std::span<const std::string> columns) {
  const auto resolve = [&](std::vector<template_slot>& slots) {
    std::string missing;
    for (template_slot& slot : slots) {
      slot.column_index = find_column(columns, slot.column);
      if (slot.column_index < columns.size()) continue;
      missing += (missing.empty() ? "" : ", ") + slot.column;
    }
    return missing;
  };
  auto slots = slots_of(message, map, columns, 0);
  if (!slots) return slots;
  const std::string missing = resolve(*slots);
  if (missing.empty()) return slots;

  auto counted_from_one = slots_of(message, map, columns, 1);
  if (counted_from_one && resolve(*counted_from_one).empty()) return counted_from_one;

  std::string needed;
  for (const template_slot& slot : *slots) needed += (needed.empty() ? "" : ", ") + slot.column;
  std::string have;
  for (const std::string& column : columns) have += (have.empty() ? "" : ", ") + column;
  return fail(errc::column_missing, "template '" + message.name + "' needs the columns " + needed +
                                        "; the file lacks " + missing + " (it has: " + (have.empty() ? "none" : have) +
                                        "); add or rename columns, or map them");
}

}  // namespace detail

// The columns a template reads, in wire order and without repeats: the header row of a CSV to fill in, after
// phone_number. Empty when the template or the mapping is malformed (compile says why).
[[nodiscard]] inline std::vector<std::string> needed_columns(const message_template& message, const mapping& map = {}) {
  std::vector<std::string> names;
  if (const auto slots = detail::slots_of(message, map, {}, 0)) {
    for (const template_slot& slot : *slots) {
      if (detail::find_column(names, slot.column) == names.size()) names.push_back(slot.column);
    }
  }
  return names;
}

}  // namespace bulkmsg::content
