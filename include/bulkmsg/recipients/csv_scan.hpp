// Finds the bytes that mean something to CSV, 64 at a time (part of csv.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "bulkmsg/recipients/simd.hpp"

namespace bulkmsg::recipients::detail {

inline constexpr std::size_t scan_block = 64;

// Writes the places of the marks in `blocks` blocks from `from` on, counted from there plus `first`. Up to 16
// places beyond the last are overwritten. Returns the end of what was written; sets `controls` when there is a control
// character that is none of tab, CR and LF.
inline std::uint32_t* find_marks_plain(const char* from, std::size_t blocks, char delimiter, std::uint32_t first,
                                       std::uint32_t* out, bool& controls) noexcept {
  for (std::size_t i = 0; i < blocks * scan_block; ++i) {
    const char c = from[i];
    *out = first + static_cast<std::uint32_t>(i);
    const bool line_break = c == '\n' || c == '\r';
    out += c == delimiter || c == '"' || line_break;
    controls |= static_cast<unsigned char>(c) < 0x20 && !line_break && c != '\t';
  }
  return out;
}

#if defined(BULKMSG_AVX2)
__attribute__((target("avx2,bmi,popcnt"))) inline std::uint32_t* find_marks_avx2(const char* from, std::size_t blocks,
                                                                                 char delimiter, std::uint32_t first,
                                                                                 std::uint32_t* out,
                                                                                 bool& controls) noexcept {
  const __m256i delimiters = _mm256_set1_epi8(delimiter);
  const __m256i quotes = _mm256_set1_epi8('"');
  const __m256i carriage_returns = _mm256_set1_epi8('\r');
  const __m256i line_feeds = _mm256_set1_epi8('\n');
  const __m256i tabs = _mm256_set1_epi8('\t');
  const __m256i last_control = _mm256_set1_epi8(0x1f);
  __m256i found_controls = _mm256_setzero_si256();
  for (; blocks != 0; --blocks, from += scan_block, first += scan_block) {
    std::uint64_t marks = 0;
    for (int half = 0; half < 2; ++half) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32 * half));
      const __m256i line_breaks =
          _mm256_or_si256(_mm256_cmpeq_epi8(bytes, carriage_returns), _mm256_cmpeq_epi8(bytes, line_feeds));
      const __m256i hits = _mm256_or_si256(
          line_breaks, _mm256_or_si256(_mm256_cmpeq_epi8(bytes, delimiters), _mm256_cmpeq_epi8(bytes, quotes)));
      const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last_control), bytes);
      const __m256i harmless = _mm256_or_si256(line_breaks, _mm256_cmpeq_epi8(bytes, tabs));
      found_controls = _mm256_or_si256(found_controls, _mm256_andnot_si256(harmless, control));
      marks |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(hits))) << (32 * half);
    }
    // Eight at a time without asking how many there are, since a branch on that would be guessed wrong.
    const int count = std::popcount(marks);
    for (int done = 0;; done += 8) {
      for (int i = 0; i < 8; ++i) {
        out[done + i] = first + static_cast<std::uint32_t>(_tzcnt_u64(marks));
        marks &= marks - 1;
      }
      if (done + 8 >= count) break;
    }
    out += count;
  }
  controls |= _mm256_testz_si256(found_controls, found_controls) == 0;
  return out;
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt"))) inline std::uint32_t*
find_marks_avx512(const char* from, std::size_t blocks, char delimiter, std::uint32_t first, std::uint32_t* out,
                  bool& controls) noexcept {
  alignas(64) static constexpr auto numbers = [] {
    std::array<std::uint8_t, scan_block> made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::uint8_t>(i);
    return made;
  }();
  const __m512i all_places = _mm512_load_si512(numbers.data());
  const __m512i delimiters = _mm512_set1_epi8(delimiter);
  const __m512i quotes = _mm512_set1_epi8('"');
  const __m512i carriage_returns = _mm512_set1_epi8('\r');
  const __m512i line_feeds = _mm512_set1_epi8('\n');
  const __m512i tabs = _mm512_set1_epi8('\t');
  const __m512i blanks = _mm512_set1_epi8(' ');
  __mmask64 found_controls = 0;
  for (; blocks != 0; --blocks, from += scan_block, first += scan_block) {
    const __m512i bytes = _mm512_loadu_si512(from);
    const __mmask64 line_breaks =
        _mm512_cmpeq_epi8_mask(bytes, carriage_returns) | _mm512_cmpeq_epi8_mask(bytes, line_feeds);
    const __mmask64 marks =
        line_breaks | _mm512_cmpeq_epi8_mask(bytes, delimiters) | _mm512_cmpeq_epi8_mask(bytes, quotes);
    found_controls |= _mm512_cmplt_epu8_mask(bytes, blanks) & ~(line_breaks | _mm512_cmpeq_epi8_mask(bytes, tabs));
    // The masked forms, though nothing is masked: of the others g++ 12 says that they read what was never set.
    __m512i found = _mm512_maskz_compress_epi8(marks, all_places);
    const __m512i start = _mm512_set1_epi32(static_cast<int>(first));
    const int count = std::popcount(static_cast<std::uint64_t>(marks));
    for (int done = 0;;) {
      const __m512i sixteen = _mm512_maskz_cvtepu8_epi32(0xffff, _mm512_maskz_extracti32x4_epi32(0xf, found, 0));
      _mm512_storeu_si512(out + done, _mm512_add_epi32(sixteen, start));
      done += 16;
      if (done >= count) break;
      found = _mm512_maskz_alignr_epi32(0xffff, found, found, 4);
    }
    out += count;
  }
  controls |= found_controls != 0;
  return out;
}

#endif

inline std::uint32_t* find_marks(const char* from, std::size_t blocks, char delimiter, std::uint32_t first,
                                 std::uint32_t* out, bool& controls) noexcept {
#if defined(BULKMSG_AVX2)
  if (have_avx512()) return find_marks_avx512(from, blocks, delimiter, first, out, controls);
  if (have_avx2()) return find_marks_avx2(from, blocks, delimiter, first, out, controls);
#endif
  return find_marks_plain(from, blocks, delimiter, first, out, controls);
}

// Walks over every delimiter, quote, CR and LF of [begin, end), in order. Their places are found some thousand bytes
// ahead.
class csv_scanner {
 public:
  // Where places are kept; to be used again and again.
  using buffer = std::unique_ptr<std::uint32_t[]>;

  csv_scanner(const char* begin, const char* end, char delimiter, buffer& kept)
      : base_(begin), found_to_(begin), end_(end), delimiter_(delimiter) {
    if (!kept) kept = std::make_unique_for_overwrite<std::uint32_t[]>(places_max + scan_block + 16);
    places_ = kept.get();
    next_ = last_ = places_;
  }

  // The next one, or `end` when there is none (then every later call gives `end` too).
  [[gnu::always_inline]] const char* next() noexcept {
    if (next_ == last_) [[unlikely]] {
      if (!find_more()) return end_;
    }
    return base_ + *next_++;
  }

  // Up to the last mark given there was no control character but tab, CR and LF.
  [[nodiscard]] bool printable() const noexcept { return !controls_; }

 private:
  static constexpr std::size_t places_max = 4096;
  static constexpr std::size_t ahead = std::size_t{64} * scan_block;  // so that places_max is enough

  [[gnu::noinline]] bool find_more() noexcept {
    next_ = last_ = places_;
    while (next_ == last_) {
      if (found_to_ == end_) return false;
      base_ = found_to_;
      const std::size_t size = std::min<std::size_t>(ahead, static_cast<std::size_t>(end_ - base_));
      const std::size_t blocks = size / scan_block;
      last_ = find_marks(base_, blocks, delimiter_, 0, last_, controls_);
      if (const std::size_t rest = size % scan_block; rest != 0) {
        char padded[scan_block];
        std::memset(padded, ' ', sizeof padded);
        std::memcpy(padded, base_ + blocks * scan_block, rest);
        last_ = find_marks(padded, 1, delimiter_, static_cast<std::uint32_t>(blocks * scan_block), last_, controls_);
        // A blank may be the delimiter.
        while (last_ != places_ && last_[-1] >= size) --last_;
      }
      found_to_ = base_ + size;
    }
    return true;
  }

  const char* base_;      // places count from here
  const char* found_to_;  // marks before this were found
  const char* end_;
  std::uint32_t* places_ = nullptr;
  std::uint32_t* next_ = nullptr;
  std::uint32_t* last_ = nullptr;
  char delimiter_;
  bool controls_ = false;
};

}  // namespace bulkmsg::recipients::detail
