// Phone numbers: what people write, brought to E.164, or the reason why not.
//
//   phone_verdict v = parse_phone("+49 (0) 151-2345 6789");   // v.number.digits == 4915123456789
//
// No allocation and no result<> here: this runs once per row of files with millions.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/country_codes.hpp"

namespace bulkmsg::recipients {

// E.164 allows 15 digits. No minimum is given there; the shortest numbers that exist have 7 (Niue and Tokelau), all
// others at least 8.
inline constexpr unsigned phone_digits_min = 8;
inline constexpr unsigned phone_digits_max = 15;

// An international number without `+`, as 15550001111.
struct phone {
  std::uint64_t digits = 0;
  friend constexpr auto operator<=>(phone, phone) = default;
};

struct phone_verdict {
  errc code = errc::ok;  // ok, phone_missing, phone_has_letters, phone_too_short, phone_too_long, phone_unknown_country
  phone number;          // only when ok
};

namespace detail {

// What one character of a written number is.
enum class phone_mark : std::uint8_t {
  digit,
  blank,
  plus,
  open,
  close,
  other
};

struct phone_character {
  phone_mark mark = phone_mark::other;
  std::uint8_t digit = 0;
  std::uint8_t size = 1;  // bytes
};

// Characters outside ASCII that phones and spreadsheets put into numbers: no-break and thin blanks, typographic
// dashes, direction marks, full-width and Arabic digits.
constexpr phone_character wide_phone_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned a = byte(0);
  const unsigned b = byte(1);
  const unsigned c = byte(2);
  const auto digit = [](unsigned value, std::uint8_t size) {
    return phone_character{phone_mark::digit, static_cast<std::uint8_t>(value), size};
  };
  if (a == 0xc2 && (b == 0xa0 || b == 0xad)) return {phone_mark::blank, 0, 2};             // U+00A0, U+00AD
  if (a == 0xd9 && b >= 0xa0 && b <= 0xa9) return digit(b - 0xa0, 2);                      // U+0660..9
  if (a == 0xdb && b >= 0xb0 && b <= 0xb9) return digit(b - 0xb0, 2);                      // U+06F0..9
  if (a == 0xd8 && b == 0x9c) return {phone_mark::blank, 0, 2};                            // U+061C
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

constexpr std::array<phone_character, 128> make_phone_characters() {
  std::array<phone_character, 128> table{};
  for (std::uint8_t i = 0; i < 10; ++i) table['0' + i] = {phone_mark::digit, i, 1};
  for (const char c : {' ', '\t', '\r', '\n', '-', '.', '/', '[', ']'}) {
    table[static_cast<unsigned char>(c)].mark = phone_mark::blank;
  }
  table['+'].mark = phone_mark::plus;
  table['('].mark = phone_mark::open;
  table[')'].mark = phone_mark::close;
  return table;
}

inline constexpr std::array<phone_character, 128> phone_characters = make_phone_characters();

// The common case: digits only, perhaps after `+`, no leading zero, 8 to 15 of them, a known country. Else 0.
constexpr phone plain_number(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.size() < phone_digits_min || text.size() > phone_digits_max || text[0] == '0') return {};
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9) return {};
    value = value * 10 + digit;
  }
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(text[i] - '0'); };
  return country_code_length(at(0) * 100 + at(1) * 10 + at(2)) == 0 ? phone{} : phone{value};
}

}  // namespace detail

// Reads a number in any usual spelling: blanks, dashes, dots, slashes and brackets are dropped, a leading `+` or `00`
// too, and so is the `(0)` of "+44 (0) 20 ..." (not in Italy, where the zero is part of the number). Without `+` and
// `00` the digits must begin with a country code just the same: a national number can not be told from an
// international one, so "4155552671" is read as Switzerland. Lists should be written with `+`.
[[nodiscard]] constexpr phone_verdict parse_phone(std::string_view text) noexcept {
  if (const phone plain = detail::plain_number(text); plain.digits != 0) return {errc::ok, plain};
  std::uint64_t value = 0;
  unsigned count = 0;  // digits, leading zeros not counted
  unsigned zeros = 0;  // leading zeros
  unsigned first_three = 0;
  bool plus = false;
  bool written = false;         // anything but blanks
  bool trunk_possible = false;  // inside brackets that hold one zero so far, and nothing else
  bool in_brackets = false;
  std::uint64_t before_trunk = 0;

  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const detail::phone_character c =
        byte < 128 ? detail::phone_characters[byte] : detail::wide_phone_character(text.substr(i));
    i += c.size;
    switch (c.mark) {
      case detail::phone_mark::digit:
        trunk_possible = in_brackets && c.digit == 0 && count > 0;
        in_brackets = false;
        before_trunk = value;
        written = true;
        if (count == 0 && c.digit == 0) {
          ++zeros;
          break;
        }
        if (count <= phone_digits_max) value = value * 10 + c.digit;
        if (++count == 3) first_three = static_cast<unsigned>(value);
        break;
      case detail::phone_mark::blank:
        break;
      case detail::phone_mark::open:
        in_brackets = true;
        break;
      case detail::phone_mark::close:
        in_brackets = false;
        if (trunk_possible && first_three / 10 != 39 && before_trunk != 39) {
          value = before_trunk;
          --count;
          if (count < 3) first_three = 0;
        }
        trunk_possible = false;
        break;
      case detail::phone_mark::plus:
        if (written) return {errc::phone_has_letters, {}};
        plus = written = true;
        break;
      case detail::phone_mark::other:
        return {errc::phone_has_letters, {}};
    }
  }
  if (count + zeros == 0) return {errc::phone_missing, {}};
  const bool international = zeros == 0 || (zeros == 2 && !plus);
  const unsigned digits = international ? count : count + zeros;
  if (digits < phone_digits_min && !(digits == 7 && (first_three == 683 || first_three == 690))) {
    return {errc::phone_too_short, {}};
  }
  if (digits > phone_digits_max) return {errc::phone_too_long, {}};
  if (!international || country_code_length(first_three) == 0) return {errc::phone_unknown_country, {}};
  return {errc::ok, {value}};
}

// The same for all spellings under which a person may be known (facts: WhatsApp, numbers): Brazil with and without the
// ninth digit, Mexico with and without the old 1, Argentina with 9, with the local 15, or with neither. It is not a
// number to send to.
[[nodiscard]] constexpr std::uint64_t deduplication_key(phone number) noexcept {
  const std::uint64_t n = number.digits;
  constexpr std::uint64_t e8 = 100'000'000;
  constexpr std::uint64_t e10 = 100 * e8;
  constexpr std::uint64_t e12 = 100 * e10;
  if (n < 10 * e10) return n;                      // under 12 digits: none of the three
  if (n / (10 * e10) == 55 && n / e8 % 10 == 9) {  // 55 AA 9 XXXXXXXX
    return n / (10 * e8) * e8 + n % e8;
  }
  if (n / e10 == 521) return 52 * e10 + n % e10;  // 52 1 XXXXXXXXXX
  if (n / e10 == 549) return 54 * e10 + n % e10;  // 54 9 XXXXXXXXXX
  if (n / e12 == 54) {                            // 54 AREA 15 LOCAL: area 2, 3 or 4 digits
    if (n / e8 % 10'000 == 1115) return 54 * e10 + 11 * e8 + n % e8;
    constexpr std::uint64_t e7 = e8 / 10;
    if (n / e7 % 100 == 15) return n / (100 * e7) * e7 + n % e7;
    constexpr std::uint64_t e6 = e7 / 10;
    if (n / e6 % 100 == 15) return n / (100 * e6) * e6 + n % e6;
  }
  return n;
}

// Appends `+` and the digits.
inline void append_e164(std::string& out, phone number) {
  char text[21] = {'+'};
  const auto end = std::to_chars(text + 1, text + sizeof text, number.digits).ptr;
  out.append(text, static_cast<std::size_t>(end - text));
}

// A sentence for people: what is wrong and what to do. Empty for codes that parse_phone does not give.
[[nodiscard]] constexpr std::string_view phone_advice(errc code) noexcept {
  switch (code) {
    case errc::phone_missing:
      return "no phone number in this row";
    case errc::phone_has_letters:
      return "a phone number has only digits, blanks, dashes, dots, brackets and one leading +; if a spreadsheet shows "
             "it as 1.5E+10, format the column as text";
    case errc::phone_too_short:
      return "too few digits for an international number; write it with + and the country code";
    case errc::phone_too_long:
      return "more than 15 digits, the most an international number has";
    case errc::phone_unknown_country:
      return "does not begin with a country code; write it with + and the country code, without the leading 0";
    default:
      return {};
  }
}

}  // namespace bulkmsg::recipients
