// UTF-8 checked while it streams: chunks may end inside a character.
//
// Well-formed as in Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bulkmsg/recipients/simd.hpp"

namespace bulkmsg::recipients {

#if defined(BULKMSG_AVX2)
namespace detail {

// The length of a prefix that is UTF-8 and ends between two characters; what follows it is wrong, cut off, or less than
// a block. By the three tables of Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte": each
// gives, for half a byte, the faults that it may be part of; what all three agree on is one.
__attribute__((target("avx2"))) inline std::size_t utf8_prefix_avx2(const char* text, std::size_t size) noexcept {
  constexpr unsigned char too_short = 1, too_long = 2, overlong_3 = 4, too_large = 8, surrogate = 16, overlong_2 = 32,
                          too_large_1000 = 64, overlong_4 = 64, two_continuations = 128;
  constexpr unsigned char carry = too_short | too_long | two_continuations;
  constexpr unsigned char large = carry | too_large | too_large_1000;
  constexpr unsigned char continuation = too_long | overlong_2 | two_continuations;
  // By the high and the low half of a byte, and the high half of the one after it.
  static constexpr unsigned char by_first_high[16] = {too_long,
                                                      too_long,
                                                      too_long,
                                                      too_long,
                                                      too_long,
                                                      too_long,
                                                      too_long,
                                                      too_long,
                                                      two_continuations,
                                                      two_continuations,
                                                      two_continuations,
                                                      two_continuations,
                                                      too_short | overlong_2,
                                                      too_short,
                                                      too_short | overlong_3 | surrogate,
                                                      too_short | too_large | too_large_1000};
  static constexpr unsigned char by_first_low[16] = {carry | overlong_3 | overlong_2 | overlong_4,
                                                     carry | overlong_2,
                                                     carry,
                                                     carry,
                                                     carry | too_large,
                                                     large,
                                                     large,
                                                     large,
                                                     large,
                                                     large,
                                                     large,
                                                     large,
                                                     large,
                                                     large | surrogate,
                                                     large,
                                                     large};
  static constexpr unsigned char by_second_high[16] = {too_short,
                                                       too_short,
                                                       too_short,
                                                       too_short,
                                                       too_short,
                                                       too_short,
                                                       too_short,
                                                       too_short,
                                                       continuation | overlong_3 | too_large_1000 | overlong_4,
                                                       continuation | overlong_3 | too_large,
                                                       continuation | surrogate | too_large,
                                                       continuation | surrogate | too_large,
                                                       too_short,
                                                       too_short,
                                                       too_short,
                                                       too_short};
  const __m256i first_high =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(by_first_high)));
  const __m256i first_low =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(by_first_low)));
  const __m256i second_high =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(by_second_high)));
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  const __m256i top = _mm256_set1_epi8(static_cast<char>(0x80));

  __m256i before = _mm256_setzero_si256();
  std::size_t at = 0;
  for (; at + 32 <= size; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at));
    const bool ascii = _mm256_movemask_epi8(bytes) == 0;
    if (ascii && (static_cast<std::uint32_t>(_mm256_movemask_epi8(before)) >> 29) == 0) {
      before = bytes;
      continue;
    }
    const __m256i joined = _mm256_permute2x128_si256(before, bytes, 0x21);
    const __m256i one_before = _mm256_alignr_epi8(bytes, joined, 15);
    const __m256i two_before = _mm256_alignr_epi8(bytes, joined, 14);
    const __m256i three_before = _mm256_alignr_epi8(bytes, joined, 13);
    const __m256i high_of_first = _mm256_and_si256(_mm256_srli_epi16(one_before, 4), nibble);
    const __m256i high_of_second = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    const __m256i faults =
        _mm256_and_si256(_mm256_and_si256(_mm256_shuffle_epi8(first_high, high_of_first),
                                          _mm256_shuffle_epi8(first_low, _mm256_and_si256(one_before, nibble))),
                         _mm256_shuffle_epi8(second_high, high_of_second));
    // The third byte of three and the third and fourth of four follow a continuation, which is no fault there.
    const __m256i third = _mm256_subs_epu8(two_before, _mm256_set1_epi8(0x60));
    const __m256i fourth = _mm256_subs_epu8(three_before, _mm256_set1_epi8(0x70));
    const __m256i expected = _mm256_and_si256(_mm256_or_si256(third, fourth), top);
    if (const __m256i wrong = _mm256_xor_si256(faults, expected); _mm256_testz_si256(wrong, wrong) == 0) break;
    before = bytes;
  }
  // Back to before a character that the end of the last block cuts.
  for (std::size_t back = 1; back <= 3 && back <= at; ++back) {
    const auto byte = static_cast<unsigned char>(text[at - back]);
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? at - back : at;
    }
  }
  return at;
}

}  // namespace detail
#endif

class utf8_checker {
 public:
  // Reads on; returns the length of the prefix of `chunk` that may still be UTF-8. Less than chunk.size(): the byte
  // there is wrong, and character_start() is where the broken character began, counted from the stream's first byte.
  [[nodiscard]] std::size_t read(std::string_view chunk) noexcept {
    std::size_t i = 0;
#if defined(BULKMSG_AVX2)
    while (missing_ != 0 && i < chunk.size()) {
      if (!go_on(static_cast<unsigned char>(chunk[i]))) return i;
      ++i;
    }
    if (detail::have_avx2()) i += detail::utf8_prefix_avx2(chunk.data() + i, chunk.size() - i);
#endif
    while (i < chunk.size()) {
      if (missing_ == 0) {
        i = skip_ascii(chunk, i);
        if (i == chunk.size()) break;
        start_ = offset_ + i;
        if (!open(static_cast<unsigned char>(chunk[i]))) return i;
        ++i;
        continue;
      }
      if (!go_on(static_cast<unsigned char>(chunk[i]))) return i;
      ++i;
    }
    offset_ += chunk.size();
    return chunk.size();
  }

  // True when the stream may end here, false inside a character.
  [[nodiscard]] bool complete() const noexcept { return missing_ == 0; }
  [[nodiscard]] std::uint64_t character_start() const noexcept { return start_; }

 private:
  static std::size_t skip_ascii(std::string_view chunk, std::size_t i) noexcept {
    for (; i + 16 <= chunk.size(); i += 16) {
      std::uint64_t words[2];
      std::memcpy(words, chunk.data() + i, sizeof words);
      if (((words[0] | words[1]) & 0x8080808080808080U) != 0) break;
    }
    while (i < chunk.size() && static_cast<unsigned char>(chunk[i]) < 0x80) ++i;
    return i;
  }

  bool go_on(unsigned char byte) noexcept {
    if (byte < low_ || byte > high_) return false;
    low_ = 0x80;
    high_ = 0xbf;
    --missing_;
    return true;
  }

  bool open(unsigned char lead) noexcept {
    low_ = 0x80;
    high_ = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      missing_ = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      missing_ = 2;
      if (lead == 0xe0) low_ = 0xa0;   // shorter form exists
      if (lead == 0xed) high_ = 0x9f;  // surrogates
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      missing_ = 3;
      if (lead == 0xf0) low_ = 0x90;   // shorter form exists
      if (lead == 0xf4) high_ = 0x8f;  // above U+10FFFF
    } else {
      return false;
    }
    return true;
  }

  std::uint64_t offset_ = 0;
  std::uint64_t start_ = 0;
  unsigned missing_ = 0;  // continuation bytes still to come
  unsigned char low_ = 0x80;
  unsigned char high_ = 0xbf;
};

}  // namespace bulkmsg::recipients
