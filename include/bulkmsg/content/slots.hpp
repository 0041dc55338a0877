// What a message wants filled in per recipient: slots, the column or constant of each, and what a value may be.
//
// Slots and the columns they are filled from when nothing is mapped (names match in any case):
//
//   template                          slot                       usual column
//   body {{1}} / {{first_name}}       body.1 / body.first_name   param1 / first_name
//   header {{1}} / {{num}}            header.1 / header.num      header_param1 / num
//   header with media                 header.media               header_media: an https:// link or a media id
//     a document's file name            header.filename            header_filename; optional
//   header with a location            header.latitude, .longitude, .name, .address    header_latitude ...
//   URL suffix, copy code             button.0                   button0_param; counted from 0, as on the wire
//   quick reply payload, flow token,
//     catalog's thumbnail product     button.0                   optional: only when mapped
//   limited-time offer                offer.expiration           offer_expiration: Unix milliseconds
//   authentication                    code                       code: goes into the body and the button
//   card of a carousel                card.0.header.media, card.0.body.1, card.0.body.name, card.0.button.0
//                                                                card0_header_media, card0_param1, name,
//                                                                card0_button0_param
//   own message: {{first_name}}, {{1}}    first_name, 1          first_name, param1
//
// A template's file whose button columns fit only when counted from 1 is read so.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/mapping.hpp"

namespace bulkmsg::content {

enum class value_kind : std::uint8_t {
  template_text,  // no line break, no tab, at most four blanks in a row: facts, WhatsApp, template messages
  free_text,      // line breaks are fine
  line,           // one line
  media,          // an https:// link, a provider's media id, or file:PATH
  link,           // an https:// link
  url_part,       // no blanks
  file_name,      // one line; may be empty
  latitude,
  longitude,
  whole_number  // digits only, at most 15
};

inline constexpr std::size_t no_column = static_cast<std::size_t>(-1);

struct slot {
  std::string name;   // "body.1"
  std::string where;  // the same for people: "body {{1}}"
  value_kind kind = value_kind::template_text;
  source from;                     // with its column filled in
  std::size_t column = no_column;  // index into the columns; none: always the constant, or the fallback
  std::string_view media = {};     // kind media: image, video or document, a static word
};

[[nodiscard]] inline bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(' ') == std::string_view::npos;
}

// The value of a slot for one row. View into the cells or the slot.
[[nodiscard]] inline std::string_view value_of(const slot& of, std::span<const std::string_view> cells) noexcept {
  if (of.column == no_column) return of.from.constant.empty() ? of.from.fallback : of.from.constant;
  const std::string_view cell = cells[of.column];
  return is_blank(cell) && !of.from.fallback.empty() ? std::string_view(of.from.fallback) : cell;
}

[[nodiscard]] inline bool is_secure_link(std::string_view text) noexcept {
  constexpr std::string_view scheme = "https://";
  if (text.size() <= scheme.size()) return false;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != scheme[i]) return false;
  }
  return true;
}

// A file of ours, which the provider gets before anything is sent: file:PATH.
inline constexpr std::string_view file_prefix = "file:";
[[nodiscard]] inline bool is_own_file(std::string_view value) noexcept {
  return value.size() > file_prefix.size() && value.starts_with(file_prefix);
}

// ok, parameter_missing or parameter_not_allowed.
[[nodiscard]] inline errc check_value(value_kind kind, std::string_view value) noexcept {
  if (is_blank(value)) return kind == value_kind::file_name && value.empty() ? errc::ok : errc::parameter_missing;
  std::size_t blanks = 0;
  for (const char c : value) {
    const bool allowed_break = kind == value_kind::free_text && (c == '\n' || c == '\r' || c == '\t');
    if (static_cast<unsigned char>(c) < 0x20 && !allowed_break) return errc::parameter_not_allowed;
    blanks = c == ' ' ? blanks + 1 : 0;
    if (blanks > 4 && kind == value_kind::template_text) return errc::parameter_not_allowed;
  }
  const auto yes = [](bool allowed) { return allowed ? errc::ok : errc::parameter_not_allowed; };
  const auto degrees = [&](double most) {
    double number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    return yes(problem == std::errc() && end == value.data() + value.size() && number >= -most && number <= most);
  };
  const auto clean = [&] { return value.find_first_of(" \"<>\\") == std::string_view::npos; };  // as web addresses are
  switch (kind) {
    case value_kind::media:
      // Not a link: an id, which holds neither blanks nor slashes; so http:// and local paths are caught here.
      return yes(is_own_file(value) || (is_secure_link(value) && clean()) ||
                 value.find_first_of(" :/\\\"") == std::string_view::npos);
    case value_kind::link:
      return yes(is_secure_link(value) && clean());
    case value_kind::url_part:
      return yes(clean());
    case value_kind::latitude:
      return degrees(90);
    case value_kind::longitude:
      return degrees(180);
    case value_kind::whole_number:
      return yes(value.size() <= 15 && value[0] != '0' &&
                 value.find_first_not_of("0123456789") == std::string_view::npos);
    default:
      return errc::ok;
  }
}

// What check_value() minds, to follow the name of the place.
[[nodiscard]] inline std::string_view expectation(value_kind kind) noexcept {
  switch (kind) {
    case value_kind::template_text:
      return "holds a line break, a tab, a control character or more than four blanks in a row, which the provider "
             "refuses";
    case value_kind::media:
      return "is neither an https:// link, nor a media id, nor file:PATH";
    case value_kind::link:
      return "is not an https:// link";
    case value_kind::url_part:
      return "holds a blank or a control character, which an address cannot have";
    case value_kind::latitude:
      return "is not a number of degrees from -90 to 90";
    case value_kind::longitude:
      return "is not a number of degrees from -180 to 180";
    case value_kind::whole_number:
      return "is not a whole number";
    case value_kind::free_text:
      return "holds a control character";
    default:
      return "holds a line break or a control character";
  }
}

namespace detail {

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

// A slot with its source: the mapped one, or the usual column.
inline slot made_slot(const mapping& map, std::string name, std::string where, std::string usual_column,
                      value_kind kind) {
  slot made{std::move(name), std::move(where), kind, {}, no_column};
  if (const source* mapped = map.find(made.name)) made.from = *mapped;
  if (made.from.column.empty()) made.from.column = std::move(usual_column);
  return made;
}

// Finds the columns; returns the names of those that are needed and missing. A usual column may be missing when there
// is a fallback; one that was named may not: it is mistyped.
inline std::vector<std::string> resolve(std::span<slot> slots, const mapping& map,
                                        std::span<const std::string> columns) {
  std::vector<std::string> missing;
  for (slot& each : slots) {
    if (!each.from.constant.empty()) continue;
    each.column = find_column(columns, each.from.column);
    if (each.column < columns.size()) continue;
    each.column = no_column;
    const source* mapped = map.find(each.name);
    if (each.from.fallback.empty() || (mapped != nullptr && !mapped->column.empty())) {
      if (find_column(missing, each.from.column) == missing.size()) missing.push_back(each.from.column);
    }
  }
  return missing;
}

inline std::string listed(std::span<const std::string> names, std::string_view when_empty) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? std::string(when_empty) : list;
}

// invalid_argument when the mapping names a slot that is not there, or one of them twice.
inline result<void> check_mapped(const mapping& map, std::span<const slot> slots, std::string_view what) {
  for (const auto& [name, from] : map.sources) {
    bool known = false;
    for (const slot& each : slots) known = known || each.name == name;
    if (!known) {
      std::vector<std::string> names;
      for (const slot& each : slots) names.push_back(each.name);
      return fail(errc::invalid_argument, "mapping: " + std::string(what) + " has no '" + name +
                                              "' to fill (it has: " + listed(names, "nothing") + ")");
    }
    if (map.find(name) != &from) return fail(errc::invalid_argument, "mapping: '" + name + "' is mapped twice");
  }
  return {};
}

// The distinct columns of slots, in order.
inline std::vector<std::string> columns_of(std::span<const slot> slots) {
  std::vector<std::string> names;
  for (const slot& each : slots) {
    if (!each.from.constant.empty()) continue;
    if (find_column(names, each.from.column) == names.size()) names.push_back(each.from.column);
  }
  return names;
}

inline error columns_missing(std::string_view what, std::span<const slot> slots, std::span<const std::string> missing,
                             std::span<const std::string> columns) {
  return {errc::column_missing,
          std::string(what) + " needs the columns " + listed(columns_of(slots), "none") + "; the file lacks " +
              listed(missing, "none") + " (it has: " + listed(columns, "none") +
              "); add or rename columns, map them, or give a fallback",
          0, 0};
}

}  // namespace detail

}  // namespace bulkmsg::content
