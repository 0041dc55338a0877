// JSON whose grammar is right and whose values cannot be kept: halves of surrogate pairs (words that were cut within an
// emoji), and numbers beyond 64 bits. simdjson refuses a document as a whole for one of them.
//
//   mended_json(R"({"text":"\ud83d","n":1e999})")    // {"text":"\ufffd","n":0    }
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bulkmsg::channels {

namespace detail {

// The code unit of an escape \uXXXX at `at`; -1: there is none.
inline int escaped_unit(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t size = 6;
  if (text.size() < size || at > text.size() - size || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  const char* const end = text.data() + at + size;
  return std::from_chars(text.data() + at + 2, end, unit, 16).ptr == end && unit >= 0 ? unit : -1;
}

inline bool too_large(std::string_view number) noexcept {
  const auto read = [&](auto value) { return std::from_chars(number.data(), number.data() + number.size(), value).ec; };
  constexpr auto beyond = std::errc::result_out_of_range;
  if (number.find_first_of(".eE") != std::string_view::npos) return read(double{}) == beyond;
  return read(std::int64_t{}) == beyond && read(std::uint64_t{}) != std::errc();
}

}  // namespace detail

// The same text with such halves replaced by U+FFFD and such numbers by 0; as long as before.
inline std::string mended_json(std::string_view json) {
  std::string text(json);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    if (in_string && text[i] == '\\') {
      const int unit = detail::escaped_unit(text, i);
      const int next = detail::escaped_unit(text, i + 6);
      const bool first = unit >= 0xd800 && unit <= 0xdbff, second = unit >= 0xdc00 && unit <= 0xdfff;
      const bool pair = first && next >= 0xdc00 && next <= 0xdfff;
      if ((first || second) && !pair) text.replace(i + 2, 4, "fffd");
      i += pair ? 12 : unit >= 0 ? 6 : 2;
    } else if (!in_string && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))) {
      const auto end = std::min(text.find_first_not_of("+-.0123456789eE", i), text.size());
      if (detail::too_large(std::string_view(text).substr(i, end - i))) {
        std::fill(text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
        text[i] = '0';
      }
      i = end;
    } else {
      if (text[i] == '"') in_string = !in_string;
      ++i;
    }
  }
  return text;
}

}  // namespace bulkmsg::channels
