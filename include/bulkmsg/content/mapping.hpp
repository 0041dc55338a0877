// Where the values of a message come from: a column, a constant, and what to say when a cell is empty.
//
//   mapping map;
//   map.add("body.1", "first_name|friend");      // the column first_name; "friend" where its cell is empty
//   map.add("header.1", "\"Spring sale\"");      // the same for everyone
//   map.add("body.2", "|soon");                  // the usual column with a fallback; may even be missing in the file
//
// Written form of a source:  COLUMN  |  COLUMN|FALLBACK  |  |FALLBACK  |  "CONSTANT"
// Blanks around each part do not count. A column whose name holds `|`, or begins with a quote, is written with a
// backslash before that character (and `\\` for a backslash). A constant runs from the first quote to the last, taken
// as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::content {

struct source {
  std::string column;    // empty: the slot's usual column
  std::string constant;  // not empty: no column is read
  std::string fallback;  // not empty: stands in for an empty cell

  friend bool operator==(const source&, const source&) = default;
};

// The longest written source.
inline constexpr std::size_t source_bytes_max = 8192;

namespace detail {

inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace detail

// Errors: invalid_argument (says what is wrong with it), too_large.
[[nodiscard]] inline result<source> parse_source(std::string_view written) {
  const auto wrong = [&](std::string_view what) {
    return fail(errc::invalid_argument, "mapping: '" + std::string(written.substr(0, 80)) + "' " + std::string(what) +
                                            "; write COLUMN, COLUMN|FALLBACK, |FALLBACK or \"CONSTANT\"");
  };
  if (written.size() > source_bytes_max) return fail(errc::too_large, "mapping: a source is over 8192 bytes long");
  for (const char c : written) {
    if (static_cast<unsigned char>(c) >= 0x20) continue;
    return fail(errc::invalid_argument, "mapping: a source holds a line break or another control character");
  }
  const std::string_view text = detail::trimmed(written);
  source made;
  if (text.starts_with('"')) {
    if (text.size() < 2 || !text.ends_with('"')) return wrong("is a constant without its second quote");
    made.constant = text.substr(1, text.size() - 2);
    if (detail::trimmed(made.constant).empty()) return wrong("is an empty constant, which nobody could read");
    return made;
  }
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '|'; ++at) {
    if (text[at] == '\\') {
      if (++at == text.size()) return wrong("ends in a backslash");
    }
    made.column += text[at];
  }
  made.column = detail::trimmed(made.column);
  if (at < text.size()) {
    made.fallback = detail::trimmed(text.substr(at + 1));
    if (made.fallback.empty()) return wrong("has nothing after '|'");
  } else if (made.column.empty()) {
    return wrong("is empty");
  }
  return made;
}

// The written form of a source: parse_source() gives the same back.
[[nodiscard]] inline std::string to_text(const source& from) {
  if (!from.constant.empty()) return '"' + from.constant + '"';
  std::string text;
  for (const char c : from.column) {
    if (c == '|' || c == '\\' || (c == '"' && text.empty())) text += '\\';
    text += c;
  }
  if (!from.fallback.empty()) text += '|' + from.fallback;
  return text;
}

// Slot -> source, for the slots that are not filled from their usual column. Which slots there are: slots.hpp.
struct mapping {
  std::vector<std::pair<std::string, source>> sources;

  // Adds one in written form. Errors: those of parse_source, with the slot's name.
  result<void> add(std::string_view slot, std::string_view written) {
    for (const char c : slot) {
      if (static_cast<unsigned char>(c) < 0x20) return fail(errc::invalid_argument, "mapping: no slot is called so");
    }
    auto from = parse_source(written);
    if (!from) return fail(from.error().code, std::string(slot) + ": " + from.error().message);
    sources.emplace_back(detail::trimmed(slot), std::move(*from));
    return {};
  }

  [[nodiscard]] const source* find(std::string_view slot) const noexcept {
    for (const auto& [name, from] : sources) {
      if (name == slot) return &from;
    }
    return nullptr;
  }
};

// One line of the form SLOT=SOURCE, as on a command line. Errors: invalid_argument, too_large.
[[nodiscard]] inline result<std::pair<std::string, source>> parse_mapping(std::string_view line) {
  const std::size_t equals = line.find('=');
  const std::string_view slot = detail::trimmed(line.substr(0, equals));
  if (equals == std::string_view::npos || slot.empty()) {
    return fail(errc::invalid_argument, "mapping: '" + std::string(line.substr(0, 80)) + "' is not SLOT=SOURCE");
  }
  mapping one;
  if (auto added = one.add(slot, line.substr(equals + 1)); !added) return fail(added.error());
  return std::move(one.sources.front());
}

}  // namespace bulkmsg::content
