// Contacts are stored persons: an address, labels, and attributes with declared names and types.
//
//   std::string canonical;
//   normalise_attribute(attribute_type::date, " 2026-11-21T08:00:00Z ", canonical);   // ok: "2026-11-21"
//
// Values have one spelling each, so that comparing them is comparing texts or numbers. Thread: no state here.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::recipients {

enum class attribute_type : std::uint8_t {
  text = 1,
  number = 2,  // a double
  date = 3,    // a day, YYYY-MM-DD
  boolean = 4,
};

[[nodiscard]] constexpr std::string_view name(attribute_type t) noexcept {
  constexpr std::array<std::string_view, 5> names{"", "text", "number", "date", "boolean"};
  return static_cast<std::size_t>(t) < names.size() ? names[static_cast<std::size_t>(t)] : "unknown";
}

struct attribute {
  std::int64_t id = 0;
  std::string name;
  attribute_type type = attribute_type::text;
  bool indexed = false;  // conditions on it are answered from an index
};

inline constexpr std::size_t attributes_max = 256;        // of one store
inline constexpr std::size_t attribute_name_max = 64;     // bytes
inline constexpr std::size_t attribute_value_max = 1024;  // bytes
inline constexpr std::size_t label_max = 64;              // bytes

// ASCII letters are compared without regard to case, here and in conditions.
[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

[[nodiscard]] constexpr bool has_control_character(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

// Names stand in JSON as they are: no quotes, backslashes or control characters.
[[nodiscard]] constexpr bool is_attribute_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= attribute_name_max && !has_control_character(text) &&
         text.find_first_of("\"\\") == std::string_view::npos && text.front() != ' ' && text.back() != ' ';
}
[[nodiscard]] constexpr bool is_label(std::string_view text) noexcept {
  return !text.empty() && text.size() <= label_max && !has_control_character(text) && text.front() != ' ' &&
         text.back() != ' ';
}

namespace detail {

constexpr bool is_day(int year, int month, int day) noexcept {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

}  // namespace detail

// YYYY-MM-DD, also with slashes or dots in place of dashes, and alone or before a time of day, whose day it is.
[[nodiscard]] inline bool read_date(std::string_view text, std::string& out) {
  if (text.size() < 10) return false;
  if (text.size() > 10 && text[10] != 'T' && text[10] != ' ' && text[10] != 't') return false;
  if (text[4] != text[7] || (text[4] != '-' && text[4] != '/' && text[4] != '.')) return false;
  int part[3]{};
  constexpr std::size_t from[3] = {0, 5, 8};
  constexpr std::size_t size[3] = {4, 2, 2};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* const end = text.data() + from[i] + size[i];
    const auto [stop, problem] = std::from_chars(text.data() + from[i], end, part[i]);
    if (problem != std::errc() || stop != end || part[i] < 0) return false;
  }
  if (!detail::is_day(part[0], part[1], part[2])) return false;
  out.assign(text.substr(0, 10));
  out[4] = out[7] = '-';
  return true;
}

// A decimal number with a point; out: the shortest spelling, which is also JSON's.
[[nodiscard]] inline bool read_number(std::string_view text, std::string& out) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || stop != text.data() + text.size() || !std::isfinite(value)) return false;
  char digits[32];
  out.assign(digits, std::to_chars(digits, digits + sizeof digits, value == 0 ? 0.0 : value).ptr);
  return true;
}

[[nodiscard]] inline bool read_boolean(std::string_view text, std::string& out) {
  for (const std::string_view word : {"true", "yes", "y", "1", "on"}) {
    if (same_word(text, word)) return out = "true", true;
  }
  for (const std::string_view word : {"false", "no", "n", "0", "off"}) {
    if (same_word(text, word)) return out = "false", true;
  }
  return false;
}

// Brings a written value to its one spelling. False: it is none of this type, or over attribute_value_max.
[[nodiscard]] inline bool normalise_attribute(attribute_type type, std::string_view written, std::string& out) {
  while (written.starts_with(' ')) written.remove_prefix(1);
  while (written.ends_with(' ')) written.remove_suffix(1);
  if (written.size() > attribute_value_max) return false;
  switch (type) {
    case attribute_type::text:
      out.assign(written);
      return true;
    case attribute_type::number:
      return read_number(written, out);
    case attribute_type::date:
      return read_date(written, out);
    case attribute_type::boolean:
      return read_boolean(written, out);
  }
  return false;
}

// A sentence for people: how a value of this type is written.
[[nodiscard]] constexpr std::string_view attribute_advice(attribute_type type) noexcept {
  switch (type) {
    case attribute_type::number:
      return "not a number; write it with digits and a point, such as 1234.5";
    case attribute_type::date:
      return "not a date; write it as YYYY-MM-DD";
    case attribute_type::boolean:
      return "neither true nor false; write true, false, yes, no, 1 or 0";
    default:
      return "over 1024 bytes; shorten it";
  }
}

}  // namespace bulkmsg::recipients
