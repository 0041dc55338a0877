// The numbering plans (numbering_plan.hpp) made ready for looking up, and regions: whose national numbers are meant.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/numbering_plan.hpp"

namespace bulkmsg::recipients {

namespace detail {

// Digits in front of a number, as "0", "0011" or "0xx": `size` of them, the first `fixed` being `value`.
struct dialled_prefix {
  std::uint16_t value = 0;
  std::uint8_t fixed = 0;
  std::uint8_t size = 0;
};

// By a national number's first digit: bit n is set when there are numbers of n digits.
using length_sets = std::array<std::uint16_t, 10>;

struct country_plan {
  length_sets usual{};
  length_sets all{};
  std::uint16_t code = 0;
  std::uint8_t code_size = 0;
  std::array<dialled_prefix, 5> trunk{};          // ends at the first of size 0
  std::array<dialled_prefix, 7> international{};  // the same; without the 00 that is understood everywhere
  dialled_prefix local{};
};

// Cuts the part before the first blank off the front of a list.
constexpr std::string_view next_word(std::string_view& list) noexcept {
  const std::size_t end = std::min(list.find(' '), list.size());
  const std::string_view word = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return word;
}

constexpr unsigned read_number(std::string_view& text) {
  unsigned value = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    value = value * 10 + static_cast<unsigned>(text[0] - '0');
    text.remove_prefix(1);
  }
  return value;
}

constexpr void add_lengths(length_sets& sets, std::string_view list, unsigned code_size) {
  while (!list.empty()) {
    std::string_view word = next_word(list);
    unsigned first_digits = 0x3fe;  // bits 1 to 9
    if (word[0] == '[') {
      first_digits = 0;
      std::size_t i = 1;
      for (; word[i] != ']'; ++i) {
        const char from = word[i];
        if (word[i + 1] == '-') i += 2;
        for (char digit = from; digit <= word[i]; ++digit) first_digits |= 1U << (digit - '0');
      }
      word.remove_prefix(i + 1);
    }
    const unsigned low = read_number(word);
    if (!word.empty()) word.remove_prefix(1);
    const unsigned high = word.empty() ? low : read_number(word);
    for (unsigned digit = 0; digit < 10; ++digit) {
      for (unsigned n = low; n <= high && n + code_size <= 15 && (first_digits >> digit & 1) != 0; ++n) {
        sets[digit] = static_cast<std::uint16_t>(sets[digit] | 1U << n);
      }
    }
  }
}

template <std::size_t N>
constexpr void add_prefixes(std::array<dialled_prefix, N>& prefixes, std::string_view list) {
  for (std::size_t i = 0; !list.empty();) {
    std::string_view word = next_word(list);
    if (word == "00") continue;
    const auto size = static_cast<std::uint8_t>(word.size());
    const auto fixed = static_cast<std::uint8_t>(std::min(word.find('x'), word.size()));
    prefixes[i++] = {static_cast<std::uint16_t>(read_number(word)), fixed, size};
  }
}

inline constexpr std::size_t plan_count = std::size(numbering_plan);

constexpr std::array<country_plan, plan_count> make_plans() {
  std::array<country_plan, plan_count> plans{};
  for (std::size_t i = 0; i < plan_count; ++i) {
    const numbering_row& row = numbering_plan[i];
    country_plan& plan = plans[i];
    plan.code = row.code;
    plan.code_size = static_cast<std::uint8_t>(row.code < 10 ? 1 : row.code < 100 ? 2 : 3);
    if (row.usual.empty()) {
      plan.usual = plans[i - 1].usual;
      plan.all = plans[i - 1].all;
    } else {
      add_lengths(plan.usual, row.usual, plan.code_size);
      plan.all = plan.usual;
      add_lengths(plan.all, row.also, plan.code_size);
    }
    add_prefixes(plan.trunk, row.trunk);
    add_prefixes(plan.international, row.international);
    std::string_view local = row.local;
    const auto local_size = static_cast<std::uint8_t>(local.size());
    plan.local = {static_cast<std::uint16_t>(read_number(local)), local_size, local_size};
  }
  return plans;
}

inline constexpr std::array<country_plan, plan_count> plans = make_plans();

// By a number's first three digits: 1 + the place of its country code's main region, 0 for none. Codes are prefix-free.
constexpr std::array<std::uint16_t, 1000> make_places() {
  std::array<std::uint16_t, 1000> places{};
  for (std::size_t i = 0; i < plan_count; ++i) {
    if (numbering_plan[i].usual.empty()) continue;
    const unsigned code = plans[i].code;
    const unsigned span = code < 10 ? 100 : code < 100 ? 10 : 1;
    for (unsigned k = 0; k < span; ++k) places[code * span + k] = static_cast<std::uint16_t>(i + 1);
  }
  return places;
}

inline constexpr std::array<std::uint16_t, 1000> places = make_places();

}  // namespace detail

// first_three: 0..999, the first three digits of an international number. 0 when no country has it.
[[nodiscard]] constexpr unsigned country_code_length(unsigned first_three) noexcept {
  const unsigned place = first_three < detail::places.size() ? detail::places[first_three] : 0;
  return place == 0 ? 0 : detail::plans[place - 1].code_size;
}

// A country or territory with telephone numbers, by its ISO 3166 letters; default-made: none. Small, passed by value.
class region {
 public:
  constexpr region() = default;

  // text: two letters, any case; UK is understood as GB.
  [[nodiscard]] static result<region> parse(std::string_view text) {
    std::string letters(text);
    for (char& c : letters) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (letters == "UK") letters = "GB";
    for (std::size_t i = 0; i < detail::plan_count && !letters.empty(); ++i) {
      if (numbering_plan[i].region == letters) return at(i);
    }
    return fail(errc::invalid_argument, "region: '" + std::string(text.substr(0, 20)) +
                                            "' is not known; give the two letters of ISO 3166, as DE, US or BR");
  }

  // The region of a line of numbering_plan.
  [[nodiscard]] static constexpr region at(std::size_t place) noexcept {
    region made;
    if (place < detail::plan_count) made.place_ = static_cast<std::uint16_t>(place + 1);
    return made;
  }

  [[nodiscard]] constexpr bool empty() const noexcept { return place_ == 0; }
  // "DE"; empty for none, and for codes of no country.
  [[nodiscard]] constexpr std::string_view letters() const noexcept { return empty() ? "" : row().region; }
  [[nodiscard]] constexpr std::string_view name() const noexcept { return empty() ? "" : row().name; }
  [[nodiscard]] constexpr unsigned calling_code() const noexcept { return empty() ? 0 : row().code; }
  [[nodiscard]] constexpr std::size_t place() const noexcept { return place_ - 1U; }  // not of an empty one

  friend constexpr bool operator==(region, region) = default;

 private:
  [[nodiscard]] constexpr const numbering_row& row() const noexcept { return numbering_plan[place()]; }

  std::uint16_t place_ = 0;
};

}  // namespace bulkmsg::recipients
