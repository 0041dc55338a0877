// The characters and digits of written phone numbers (part of phone.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bulkmsg::recipients {

// E.164 allows 15 digits. Few have less than 8; company and pager numbers can have 6.
inline constexpr unsigned phone_digits_min = 6;
inline constexpr unsigned phone_digits_max = 15;

namespace detail {

// What one character of a written number is.
enum class phone_mark : std::uint8_t {
  digit,
  blank,
  plus,
  open,
  wide,  // the first byte of a character outside ASCII
  other
};

struct phone_character {
  phone_mark mark = phone_mark::other;
  std::uint8_t digit = 0;
  std::uint8_t size = 1;  // bytes
};

// Characters outside ASCII that phones and spreadsheets put into numbers: no-break and thin blanks, typographic
// dashes, direction marks, full-width, Arabic and Indic digits (Devanagari, Bengali, Tamil, ...).
constexpr phone_character wide_phone_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned a = byte(0);
  const unsigned b = byte(1);
  const unsigned c = byte(2);
  const auto digit = [](unsigned value, std::uint8_t size) {
    return phone_character{phone_mark::digit, static_cast<std::uint8_t>(value), size};
  };
  if (a == 0xc2 && (b == 0xa0 || b == 0xad)) return {phone_mark::blank, 0, 2};        // U+00A0, U+00AD
  if (a == 0xd9 && b >= 0xa0 && b <= 0xa9) return digit(b - 0xa0, 2);                 // U+0660..9
  if (a == 0xdb && b >= 0xb0 && b <= 0xb9) return digit(b - 0xb0, 2);                 // U+06F0..9
  if (a == 0xd8 && b == 0x9c) return {phone_mark::blank, 0, 2};                       // U+061C
  if (a == 0xe0 && b >= 0xa5 && b <= 0xb5 && b % 2 == 1 && c >= 0xa6 && c <= 0xaf) {  // U+0966.., U+09E6.. to U+0D66..
    return digit(c - 0xa6, 3);
  }
  if (a == 0xe2 && b == 0x80 && c >= 0x80 && c <= 0x95) return {phone_mark::blank, 0, 3};  // U+2000..15
  if (a == 0xe2 && b == 0x80 && c >= 0xaa && c <= 0xaf) return {phone_mark::blank, 0, 3};  // U+202A..F
  if (a == 0xe2 && b == 0x81 && c >= 0x9f && c <= 0xa9) return {phone_mark::blank, 0, 3};  // U+205F..69
  if (a == 0xe2 && b == 0x88 && c == 0x92) return {phone_mark::blank, 0, 3};               // U+2212
  if (a == 0xef && b == 0xbb && c == 0xbf) return {phone_mark::blank, 0, 3};               // U+FEFF
  if (a == 0xef && b == 0xbc && c >= 0x90 && c <= 0x99) return digit(c - 0x90, 3);         // U+FF10..9
  if (a == 0xef && b == 0xbc && c == 0x8b) return {phone_mark::plus, 0, 3};                // U+FF0B
  if (a == 0xef && b == 0xbc && c == 0x8d) return {phone_mark::blank, 0, 3};               // U+FF0D
  return {};
}

constexpr std::array<phone_mark, 256> make_phone_marks() {
  std::array<phone_mark, 256> marks{};
  for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = i < 128 ? phone_mark::other : phone_mark::wide;
  for (char c = '0'; c <= '9'; ++c) marks[static_cast<unsigned char>(c)] = phone_mark::digit;
  for (const char c : {' ', '\t', '\r', '\n', '-', '.', '/', '[', ']', ')', '\''}) {
    marks[static_cast<unsigned char>(c)] = phone_mark::blank;
  }
  marks['+'] = phone_mark::plus;
  marks['('] = phone_mark::open;
  return marks;
}

inline constexpr std::array<phone_mark, 256> phone_marks = make_phone_marks();

constexpr std::array<std::uint64_t, 20> make_powers_of_ten() {
  std::array<std::uint64_t, 20> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}

inline constexpr std::array<std::uint64_t, 20> powers_of_ten = make_powers_of_ten();

// Eight digits at a time, without a branch: lists mix lengths and spellings, and a wrong guess costs as much as reading
// a number. The first digit is the lowest byte.
constexpr std::uint64_t eight_bytes(const auto* at) noexcept {
  const auto byte = [at](unsigned i) { return std::uint64_t{static_cast<std::uint8_t>(at[i])} << (8 * i); };
  return byte(0) | byte(1) | byte(2) | byte(3) | byte(4) | byte(5) | byte(6) | byte(7);
}

// digits: a value of 0 to 9 in each byte.
constexpr std::uint64_t eight_digits(std::uint64_t digits) noexcept {
  digits = digits * 10 + (digits >> 8);  // pairs, in every second byte
  constexpr std::uint64_t pairs = 0x000000ff000000ff;
  constexpr std::uint64_t hundreds = 100 + (std::uint64_t{1'000'000} << 32);
  constexpr std::uint64_t ones = 1 + (std::uint64_t{10'000} << 32);
  return ((digits & pairs) * hundreds + ((digits >> 16) & pairs) * ones) >> 32;
}

}  // namespace detail

}  // namespace bulkmsg::recipients
