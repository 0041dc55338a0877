// Phone numbers: what people write, brought to E.164, or the reason why not.
//
//   phone_verdict v = parse_phone("+49 (0) 151-2345 6789");   // v.number.digits == 4915123456789
//   region germany = *region::parse("DE");
//   phone_verdict w = parse_phone("0151 23456789", germany);  // the same
//
// No allocation and no result<> here: this runs once per row of files with millions.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/country_codes.hpp"
#include "bulkmsg/recipients/phone_digits.hpp"
#include "bulkmsg/recipients/phone_usual.hpp"

namespace bulkmsg::recipients {

// An international number without `+`, as 15550001111.
struct phone {
  std::uint64_t digits = 0;
  friend constexpr auto operator<=>(phone, phone) = default;
};

struct phone_verdict {
  errc code = errc::ok;  // ok or phone_missing ... phone_needs_country
  phone number;          // only when ok
  region where;          // not ok: the country whose lengths the number does not fit, where one was recognised
};

namespace detail {

// Digits in a row, at most 19.
struct digit_run {
  const std::uint8_t* digits = nullptr;
  unsigned count = 0;

  [[nodiscard]] constexpr unsigned head(unsigned n) const noexcept {
    unsigned made = 0;
    for (unsigned i = 0; i < n; ++i) made = made * 10 + digits[i];
    return made;
  }
  [[nodiscard]] constexpr std::uint64_t value() const noexcept {
    std::uint64_t made = 0;
    for (unsigned i = 0; i < count; ++i) made = made * 10 + digits[i];
    return made;
  }
  [[nodiscard]] constexpr digit_run without(unsigned n) const noexcept { return {digits + n, count - n}; }
  [[nodiscard]] constexpr bool begins_with(dialled_prefix prefix) const noexcept {
    return count > prefix.size && head(prefix.fixed) == prefix.value;
  }
  [[nodiscard]] constexpr bool fits(const length_sets& lengths) const noexcept {
    return count > 0 && count <= phone_digits_max && (lengths[digits[0]] >> count & 1) != 0;
  }
};

// A national number as it follows the country code; of no digits: none.
struct national_digits {
  unsigned count = 0;
  std::uint64_t value = 0;
};

// Argentina's mobiles: at home AREA 15 LOCAL, with an area of 2 (only 11), 3 or 4 digits; to the world 9 AREA LOCAL.
constexpr national_digits argentine_mobile(digit_run run) noexcept {
  if (run.count == 13 && run.digits[0] == 0) run = run.without(1);
  if (run.count != 12) return {};
  for (unsigned area = run.head(2) == 11 ? 2 : 3; area <= 4; ++area) {
    if (run.digits[area] != 1 || run.digits[area + 1] != 5) continue;
    const std::uint64_t local = powers_of_ten[10 - area];
    return {11, 9 * powers_of_ten[10] + run.head(area) * local + run.without(area + 2).value()};
  }
  return {};
}

// A number without trunk prefix, with the area before it where local numbers are written without.
constexpr national_digits whole_number(digit_run run, const country_plan& plan, const length_sets& lengths) noexcept {
  if (run.fits(lengths)) return {run.count, run.value()};
  const unsigned count = run.count + plan.local.size;
  if (plan.local.size == 0 || count > phone_digits_max) return {};
  const auto first = plan.local.value / powers_of_ten[plan.local.size - 1U];
  if ((lengths[first] >> count & 1) == 0) return {};
  return {count, plan.local.value * powers_of_ten[run.count] + run.value()};
}

// A number as it follows the country code, or is dialled at home: as it stands, else without a trunk prefix.
constexpr national_digits national_number(digit_run run, const country_plan& plan,
                                          const length_sets& lengths) noexcept {
  if (const auto read = whole_number(run, plan, lengths); read.count != 0) return read;
  for (const dialled_prefix trunk : plan.trunk) {
    if (trunk.size == 0) break;
    if (!run.begins_with(trunk)) continue;
    if (const auto read = whole_number(run.without(trunk.size), plan, lengths); read.count != 0) return read;
  }
  return plan.code == 54 ? argentine_mobile(run) : national_digits{};
}

constexpr phone_verdict accepted(const country_plan& plan, national_digits national) noexcept {
  return {errc::ok, {plan.code * powers_of_ten[national.count] + national.value}, {}};
}

// Why a national number does not fit: too many or too few digits for what begins so, or nothing does.
constexpr phone_verdict misfit(digit_run run, std::size_t place) noexcept {
  const country_plan& plan = plans[place];
  if (plan.trunk[0].size != 0 && run.begins_with(plan.trunk[0])) run = run.without(plan.trunk[0].size);
  const unsigned first = run.count == 0 ? 1 : run.digits[0];
  const unsigned lengths = plan.usual[first] != 0 ? plan.usual[first] : plan.all[first];
  const errc code = lengths == 0                                  ? errc::phone_unknown_country
                    : run.count < 16 && lengths >> run.count != 0 ? errc::phone_too_short
                                                                  : errc::phone_too_long;
  return {code, {}, region::at(place)};
}

// Digits that begin with a country code. `trunk_zero`: a zero that stands alone in brackets, as in "+34 (0) 91 ...".
template <length_sets country_plan::*lengths>
constexpr phone_verdict read_international(digit_run run, const std::uint8_t* trunk_zero) noexcept {
  if (run.count < 3) return {errc::phone_too_short, {}, {}};
  const unsigned place = places[run.head(3)];
  if (place == 0) return {errc::phone_unknown_country, {}, {}};
  const country_plan& plan = plans[place - 1];
  const digit_run rest = run.without(plan.code_size);
  if (rest.fits(plan.*lengths)) return {errc::ok, {run.value()}, {}};
  national_digits national = national_number(rest, plan, plan.*lengths);
  if (national.count == 0 && rest.count > 1 && rest.digits == trunk_zero) {
    if (const digit_run part = rest.without(1); part.fits(plan.*lengths)) national = {part.count, part.value()};
  }
  if (national.count == 0) return misfit(rest, place - 1);
  return accepted(plan, national);
}

// Digits without `+`, written in a region.
constexpr phone_verdict read_in_region(digit_run run, region where, const std::uint8_t* trunk_zero) noexcept {
  constexpr auto usual = &country_plan::usual;
  constexpr auto all = &country_plan::all;
  const country_plan& plan = plans[where.place()];
  for (const dialled_prefix prefix : plan.international) {
    if (prefix.size == 0) break;
    if (!run.begins_with(prefix)) continue;
    if (const auto read = read_international<all>(run.without(prefix.size), trunk_zero); read.code == errc::ok) {
      return read;
    }
  }
  const bool from_zeros = run.count > 2 && run.head(2) == 0;
  if (from_zeros) {
    if (const auto read = read_international<all>(run.without(2), trunk_zero); read.code == errc::ok) return read;
  }

  const auto behind_own_code = [&](const length_sets& lengths) -> national_digits {
    if (run.count <= plan.code_size || run.head(plan.code_size) != plan.code) return {};
    return whole_number(run.without(plan.code_size), plan, lengths);
  };
  if (plan.trunk[0].size != 0) {
    if (const auto read = behind_own_code(plan.usual); read.count != 0) return accepted(plan, read);
  }
  if (const auto read = national_number(run, plan, plan.usual); read.count != 0) return accepted(plan, read);
  if (const auto read = read_international<usual>(run, trunk_zero); read.code == errc::ok) return read;
  if (const auto read = behind_own_code(plan.all); read.count != 0) return accepted(plan, read);
  if (const auto read = national_number(run, plan, plan.all); read.count != 0) return accepted(plan, read);
  if (const auto read = read_international<all>(run, trunk_zero); read.code == errc::ok) return read;
  return from_zeros ? read_international<all>(run.without(2), trunk_zero) : misfit(run, where.place());
}

// Cuts off what other programs put around a number: "tel:", and the ".0" of a number that was once a float.
constexpr std::string_view bare_number(std::string_view text) noexcept {
  const auto is_letter = [&](std::size_t i, char lower) { return i < text.size() && (text[i] | 0x20) == lower; };
  if (is_letter(0, 't') && is_letter(1, 'e') && is_letter(2, 'l') && text.size() > 3 && text[3] == ':') {
    text.remove_prefix(4);
  }
  if (text.ends_with(".0")) {
    const std::string_view front = text.substr(0, text.size() - 2);
    if (front.find_first_not_of("0123456789") == std::string_view::npos) return front;
  }
  return text;
}

// Without short cuts.
constexpr phone_verdict read_phone(std::string_view text, region where) noexcept {
  text = bare_number(text);
  std::array<std::uint8_t, 20> digits{};
  unsigned count = 0;
  const std::uint8_t* trunk_zero = nullptr;
  bool plus = false;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const phone_mark mark = phone_marks[byte];
    if (mark <= phone_mark::blank) [[likely]] {
      // Without a branch: where the blanks are can not be guessed.
      digits[count] = byte & 15;
      count += mark == phone_mark::digit ? 1 : 0;
      ++i;
    } else if (mark == phone_mark::open) {
      if (text.substr(i, 3) == "(0)") trunk_zero = &digits[count];
      ++i;
    } else {
      phone_character c{mark, 0, 1};
      if (mark == phone_mark::wide) c = wide_phone_character(text.substr(i));
      const bool is_plus = c.mark == phone_mark::plus;
      if (c.mark == phone_mark::other || (is_plus && (plus || count > 0))) {
        return {errc::phone_has_letters, {}, {}};
      }
      plus = plus || is_plus;
      digits[count] = c.digit;
      count += c.mark == phone_mark::digit ? 1 : 0;
      i += c.size;
    }
    if (count == digits.size()) return {errc::phone_too_long, {}, {}};
  }
  if (count == 0) return {errc::phone_missing, {}, {}};
  const digit_run run{digits.data(), count};
  if (plus) return read_international<&country_plan::all>(run, trunk_zero);
  if (!where.empty()) return read_in_region(run, where, trunk_zero);
  if (count > 2 && run.head(2) == 0) {
    return read_international<&country_plan::all>(run.without(2), trunk_zero);
  }
  if (digits[0] == 0) {
    return {count < phone_digits_min ? errc::phone_too_short : errc::phone_needs_country, {}, {}};
  }
  return read_international<&country_plan::all>(run, trunk_zero);
}

}  // namespace detail

// Reads a number in any usual spelling. Blanks, dashes, dots, slashes and brackets are dropped.
//
// `+` or `00` is always followed by a country code; so is, in a region, what is dialled there (011 in the US). After
// the code a trunk prefix is dropped, bracketed or not, as in "+44 (0)20 ..." and "+49 0151 ..."; not in Italy and
// other countries where the zero is part of the number.
//
// Other digits are read, with a region, as the first of these that fits: behind the region's own code, a number of
// usual length (only where national numbers are dialled with a trunk prefix); a national number of usual length, with
// or without trunk prefix (also the carrier forms of Brazil and Colombia, and Argentina's 15); behind any country
// code, a number of usual length; then a national, then an international number of any length that exists. Without a
// region they must begin with a country code, and those that begin with 0 are refused (phone_needs_country): so
// "4155552671" is a number in Switzerland that is too short, and "14155552671" one in the United States.
[[nodiscard]] constexpr phone_verdict parse_phone(std::string_view text, region where = {}) noexcept {
#if defined(BULKMSG_AVX2)
  if (!std::is_constant_evaluated() && detail::have_avx512()) {
    if (const auto usual = detail::usual_number_avx512(text, where); usual != 0) return {errc::ok, {usual}, {}};
    return detail::read_phone(text, where);
  }
#endif
  if (where.empty() || text.starts_with('+')) {
    if (const auto plain = detail::plain_number(text); plain != 0) return {errc::ok, {plain}, {}};
  }
  return detail::read_phone(text, where);
}

// The same for all numbers under which one person may be known to WhatsApp, whichever of them a list or a webhook has:
// Brazil's mobiles with and without the ninth digit, which was put in front of numbers that began with 6 to 9 (numbers
// made later have a 9 before 1 to 5; without it they would be somebody's landline); Mexico with and without the old 1;
// Argentina's mobiles with and without the 9. It is not a number to send to.
[[nodiscard]] constexpr std::uint64_t deduplication_key(phone number) noexcept {
  const std::uint64_t n = number.digits;
  constexpr std::uint64_t e8 = 100'000'000;
  constexpr std::uint64_t e10 = 100 * e8;
  if (n < 100 * e10 || n >= 1000 * e10) return n;                             // not 13 digits
  if (n / (10 * e10) == 55 && n / e8 % 10 == 9 && n / (e8 / 10) % 10 >= 6) {  // 55 AA 9 6XXXXXXX
    return n / (10 * e8) * e8 + n % e8;
  }
  if (n / e10 == 521) return 52 * e10 + n % e10;  // 52 1 XXXXXXXXXX
  if (n / e10 == 549) return 54 * e10 + n % e10;  // 54 9 XXXXXXXXXX
  return n;
}

// Where a number is from. `where` is the main region of the code when the digits do not tell its regions apart (as in
// Guadeloupe), and empty for codes of no country, such as freephone numbers.
struct phone_origin {
  unsigned calling_code = 0;  // 0: not a number that parse_phone gave
  region where;
};

[[nodiscard]] constexpr phone_origin country_of(phone number) noexcept {
  std::size_t count = 1;
  while (count < 19 && number.digits >= detail::powers_of_ten[count]) ++count;
  if (count < phone_digits_min || count > phone_digits_max) return {};
  const std::size_t first = detail::places[number.digits / detail::powers_of_ten[count - 3]];
  if (first == 0) return {};
  std::size_t found = first - 1;
  const unsigned code = detail::plans[found].code;
  const std::size_t national = count - detail::plans[found].code_size;
  for (std::size_t i = first; i < detail::plan_count && detail::plans[i].code == code; ++i) {
    for (std::string_view within = numbering_plan[i].within; !within.empty();) {
      const std::string_view word = detail::next_word(within);
      std::string_view rest = word;
      if (word.size() < national &&
          number.digits / detail::powers_of_ten[national - word.size()] % detail::powers_of_ten[word.size()] ==
              detail::read_number(rest)) {
        found = i;
      }
    }
  }
  return {code, numbering_plan[found].region.empty() ? region() : region::at(found)};
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
      return "a phone number has only digits, blanks, dashes, dots, brackets and one leading +; leave out extensions "
             "(x12, ;ext=12); if a spreadsheet shows it as 1.5E+10, format the column as text";
    case errc::phone_too_short:
      return "too few digits for an international number; write it with + and the country code";
    case errc::phone_too_long:
      return "too many digits for an international number; is there one number only, and without an extension?";
    case errc::phone_unknown_country:
      return "does not begin with a country code; write it with + and the country code, without the leading 0";
    case errc::phone_needs_country:
      return "a national number; write it with + and the country code, or give the list's default region, as DE";
    default:
      return {};
  }
}

// The same with the country's name and usual lengths, where one was recognised. Empty for a number that was accepted.
[[nodiscard]] inline std::string phone_advice(const phone_verdict& verdict) {
  if (verdict.where.empty()) return std::string(phone_advice(verdict.code));
  unsigned usual = 0;
  for (const unsigned lengths : detail::plans[verdict.where.place()].usual) usual |= lengths;
  std::string list;
  for (unsigned n = 0; n < 16; ++n) {
    if ((usual >> n & 1) == 0) continue;
    const unsigned first = n;
    while ((usual >> (n + 1) & 1) != 0) ++n;
    if (!list.empty()) list += usual >> (n + 1) == 0 ? " or " : ", ";
    list += std::to_string(first);
    if (n > first) list += " to " + std::to_string(n);
  }
  const std::string what = verdict.code == errc::phone_too_short  ? "too few digits"
                           : verdict.code == errc::phone_too_long ? "too many digits"
                                                                  : "no number begins so";
  return what + ": a number of " + std::string(verdict.where.name()) + " (+" +
         std::to_string(verdict.where.calling_code()) + ") usually has " + list + " digits after the country code";
}

}  // namespace bulkmsg::recipients
