// Short cuts for numbers as they are usually written (part of phone.hpp): they give what parse_phone gives without
// them, or nothing. Lists mix countries, lengths and spellings, so branches on them are guessed wrong, and a wrong
// guess costs as much as reading a number: here is none but the last one, whether the short cut served.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bulkmsg/recipients/country_codes.hpp"
#include "bulkmsg/recipients/phone_digits.hpp"
#include "bulkmsg/recipients/simd.hpp"

namespace bulkmsg::recipients::detail {

// Zeros in place of all but the last n of eight digits.
constexpr std::uint64_t last_digits(std::uint64_t digits, unsigned n) noexcept {
  return n == 0 ? 0 : digits >> (64 - 8 * n) << (64 - 8 * n);
}

// The common case: 8 to 15 digits only, perhaps after `+`, that are an international number as they stand. Else 0.
constexpr std::uint64_t plain_number(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto size = static_cast<unsigned>(text.size());
  if (text.size() < 8 || text.size() > phone_digits_max) return 0;
  constexpr std::uint64_t zeros = 0x3030303030303030;
  const std::uint64_t front = eight_bytes(text.data()) ^ zeros;
  const std::uint64_t back = eight_bytes(text.data() + size - 8) ^ zeros;
  const auto beyond_nine = [](std::uint64_t digits) {
    constexpr std::uint64_t high = 0xf0f0f0f0f0f0f0f0;
    return (((digits & ~high) + 0x0606060606060606) | digits) & high;
  };
  if ((beyond_nine(front) | beyond_nine(back)) != 0) return 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(text[i] - '0'); };
  const unsigned place = places[at(0) * 100 + at(1) * 10 + at(2)];
  if (place == 0) return 0;
  const country_plan& plan = plans[place - 1];
  if ((plan.all[at(plan.code_size)] >> (size - plan.code_size) & 1) == 0) return 0;
  return eight_digits(front) * powers_of_ten[size - 8] + eight_digits(last_digits(back, size - 8));
}

#if defined(BULKMSG_AVX2)
// A region's numbering plan as far as the usual spellings go.
struct usual_plan {
  std::array<length_sets, 2> lengths{};  // of a number at home: the usual ones; behind the country code: all
  // By first digit, a bit for each second: a number that begins so at home may be another than a national one.
  std::array<std::uint16_t, 10> doubtful{};
  std::uint16_t code = 0;
  std::uint8_t code_size = 0;
  std::uint8_t trunk = 0;  // what is dropped at home where the number does not fit as it stands
  std::uint8_t trunk_size = 0;
};

constexpr std::array<usual_plan, plan_count> make_usual_plans() {
  std::array<usual_plan, plan_count> made{};
  for (std::size_t i = 0; i < plan_count; ++i) {
    const country_plan& plan = plans[i];
    usual_plan& usual = made[i];
    usual.lengths = {plan.usual, plan.all};
    usual.code = plan.code;
    usual.code_size = plan.code_size;
    const dialled_prefix& trunk = plan.trunk[0];
    if (trunk.fixed == trunk.size && plan.local.size == 0) {
      usual.trunk = static_cast<std::uint8_t>(trunk.value);
      usual.trunk_size = trunk.size;
    }
    const auto doubt = [&usual](unsigned prefix, unsigned size) {
      for (unsigned two = 0; two < 100; ++two) {
        if (size == 1 ? two / 10 == prefix : two == prefix / powers_of_ten[size - 2]) {
          usual.doubtful[two / 10] = static_cast<std::uint16_t>(usual.doubtful[two / 10] | 1U << two % 10);
        }
      }
    };
    doubt(0, 2);
    for (const dialled_prefix& prefix : plan.international) {
      if (prefix.size != 0) doubt(prefix.value, prefix.fixed);
    }
    if (trunk.size != 0) doubt(plan.code, plan.code_size);  // may be the region's own code
  }
  return made;
}

inline constexpr std::array<usual_plan, plan_count> usual_plans = make_usual_plans();

// digits: one in each byte, the first in the lowest, zeros behind the last. abroad: they begin with a country code;
// else they were written in the region. Gives the number, or 0.
constexpr std::uint64_t usual_number(std::array<std::uint64_t, 2> digits, unsigned count, bool abroad,
                                     region where) noexcept {
  if (count < 3 || count > phone_digits_max) return 0;
  const auto digit = [&](unsigned i) { return static_cast<unsigned>(digits[0] >> 8 * i & 15); };
  const std::size_t place = abroad ? places[digit(0) * 100 + digit(1) * 10 + digit(2)] : where.place() + 1;
  if (place == 0) return 0;
  const usual_plan& plan = usual_plans[place - 1];
  // What stands before the national number: its code, its trunk prefix, or nothing when it fits as it stands.
  const unsigned kept = (plan.lengths[0][digit(0)] >> count & 1U) - 1U;
  const unsigned lead = abroad ? plan.code : plan.trunk & kept;
  const unsigned lead_size = abroad ? plan.code_size : plan.trunk_size & kept;
  const unsigned fits = plan.lengths[abroad ? 1 : 0][digit(lead_size)] >> (count - lead_size) & 1U;
  const unsigned doubtful = plan.doubtful[digit(0)] >> digit(1) & (abroad ? 0U : 1U);
  __extension__ using wide = unsigned __int128;
  const wide at_end = (wide{digits[1]} << 64 | digits[0]) << 8 * (16 - count);
  const std::uint64_t value = eight_digits(static_cast<std::uint64_t>(at_end)) * powers_of_ten[8] +
                              eight_digits(static_cast<std::uint64_t>(at_end >> 64));
  const std::uint64_t national_end = powers_of_ten[count - lead_size];
  const std::uint64_t national = value - lead * national_end;  // beyond its end when it does not begin so
  if ((fits & ~doubtful) == 0 || national >= national_end) return 0;
  return plan.code * national_end + national;
}

// A number of ASCII digits, blanks and dashes of any kind, brackets, and perhaps a + in front. Asks for have_avx512().
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt"))) inline std::uint64_t
usual_number_avx512(std::string_view text, region where) noexcept {
  // By the lower half of a byte: a bit for each upper half with which it is a character of numbers.
  alignas(32) static constexpr auto known_halves = [] {
    std::array<std::uint8_t, 32> made{};
    for (std::size_t i = 0; i < 128; ++i) {
      if (phone_marks[i] >= phone_mark::wide) continue;
      for (const std::size_t half : {0U, 16U}) made[half + i % 16] |= static_cast<std::uint8_t>(1U << i / 16);
    }
    return made;
  }();
  alignas(32) static constexpr std::array<std::uint8_t, 32> upper_halves{1, 2, 4, 8, 16, 32, 64, 128, 0,  0,  0,  0,
                                                                         0, 0, 0, 0, 1,  2,  4,  8,   16, 32, 64, 128};
  const auto size = static_cast<unsigned>(text.size());
  if (text.size() < 3 || text.size() > 32) return 0;
  const __mmask32 all = _bzhi_u32(0xffffffff, size);
  const __m256i bytes = _mm256_maskz_loadu_epi8(all, text.data());
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
  const __mmask32 known = _mm256_test_epi8_mask(
      _mm256_shuffle_epi8(_mm256_load_si256(reinterpret_cast<const __m256i*>(known_halves.data())), bytes),
      _mm256_shuffle_epi8(_mm256_load_si256(reinterpret_cast<const __m256i*>(upper_halves.data())), upper));
  const __m256i values = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
  const __mmask32 digits = _mm256_mask_cmplt_epu8_mask(all, values, _mm256_set1_epi8(10));
  const __mmask32 plus = _mm256_cmpeq_epi8_mask(bytes, _mm256_set1_epi8('+'));
  const __mmask32 points = _mm256_cmpeq_epi8_mask(bytes, _mm256_set1_epi8('.'));
  // One + before the first digit; and no ".0" of a float at the end.
  if (((all & ~known) | (plus & (plus - 1)) | (plus & ~_blsmsk_u32(digits)) | (points >> (size - 2) & 1)) != 0)
    return 0;
  const __m128i run = _mm256_castsi256_si128(_mm256_maskz_compress_epi8(digits, values));
  return usual_number(
      {static_cast<std::uint64_t>(_mm_cvtsi128_si64(run)), static_cast<std::uint64_t>(_mm_extract_epi64(run, 1))},
      static_cast<unsigned>(std::popcount(digits)), plus != 0 || where.empty(), where);
}
#endif

}  // namespace bulkmsg::recipients::detail
