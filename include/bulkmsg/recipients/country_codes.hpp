// The assigned ITU-T E.164 country codes (list annexed to ITU Operational Bulletin 1114 and its amendments).
//
// Complete, including the non-geographic codes (800, 808, 870, 878, 881-883, 979); left out are codes that are free,
// reserved or withdrawn (388, 888, 991). North America is one code, 1, and Russia with Kazakhstan is 7.
#pragma once

#include <array>
#include <cstdint>

namespace bulkmsg::recipients {

namespace detail {

struct code_range {
  std::uint16_t first;
  std::uint16_t last;
};

inline constexpr code_range assigned_codes[] = {
    {1, 1},     {7, 7},     {20, 20},   {27, 27},   {30, 34},   {36, 36},   {39, 41},   {43, 49},
    {51, 58},   {60, 66},   {81, 82},   {84, 84},   {86, 86},   {90, 95},   {98, 98},   {211, 213},
    {216, 216}, {218, 218}, {220, 258}, {260, 269}, {290, 291}, {297, 299}, {350, 359}, {370, 383},
    {385, 387}, {389, 389}, {420, 421}, {423, 423}, {500, 509}, {590, 599}, {670, 670}, {672, 683},
    {685, 692}, {800, 800}, {808, 808}, {850, 850}, {852, 853}, {855, 856}, {870, 870}, {878, 878},
    {880, 883}, {886, 886}, {960, 968}, {970, 977}, {979, 979}, {992, 996}, {998, 998},
};

// By a number's first three digits: how many of them are its country code, 0 for none. Codes are prefix-free.
constexpr std::array<std::uint8_t, 1000> make_code_lengths() {
  std::array<std::uint8_t, 1000> lengths{};
  for (const code_range range : assigned_codes) {
    for (unsigned code = range.first; code <= range.last; ++code) {
      const unsigned span = code < 10 ? 100 : code < 100 ? 10 : 1;
      const auto length = static_cast<std::uint8_t>(code < 10 ? 1 : code < 100 ? 2 : 3);
      for (unsigned i = 0; i < span; ++i) lengths[code * span + i] = length;
    }
  }
  return lengths;
}

inline constexpr std::array<std::uint8_t, 1000> code_lengths = make_code_lengths();

}  // namespace detail

// first_three: 0..999, the first three digits of an international number. 0 when no country has it.
[[nodiscard]] constexpr unsigned country_code_length(unsigned first_three) noexcept {
  return first_three < detail::code_lengths.size() ? detail::code_lengths[first_three] : 0;
}

}  // namespace bulkmsg::recipients
