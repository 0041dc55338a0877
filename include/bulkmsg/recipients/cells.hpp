// The stored form of one recipient's parameters: the cells joined by U+001F, in parameter-column order.
//
// U+001F (unit separator) is what ASCII has for this. A cell never holds it: the audience rejects rows with control
// characters, so joining needs no escapes and splitting is one memchr a cell.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bulkmsg::recipients {

inline constexpr char cell_separator = '\x1f';

// Appends the joined form; no cells append nothing. `cells` must not hold the separator.
inline void append_joined(std::string& out, std::span<const std::string_view> cells) {
  bool first = true;
  for (const std::string_view cell : cells) {
    if (!first) out.push_back(cell_separator);
    first = false;
    out.append(cell);
  }
}

// Splits `joined` into exactly `out.size()` cells, views into `joined`. False when the number of cells differs (the
// row belongs to other columns); then `out` is unspecified. No cells at all is the empty string with an empty `out`.
[[nodiscard]] inline bool split_cells(std::string_view joined, std::span<std::string_view> out) noexcept {
  if (out.empty()) return joined.empty();
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    const std::size_t at = joined.find(cell_separator);
    if (at == std::string_view::npos) return false;
    out[i] = joined.substr(0, at);
    joined.remove_prefix(at + 1);
  }
  out.back() = joined;
  return joined.find(cell_separator) == std::string_view::npos;
}

}  // namespace bulkmsg::recipients
