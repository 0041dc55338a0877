// Finds the bytes that mean something to CSV, 64 at a time (part of csv.hpp).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bulkmsg::recipients::detail {

// Walks over every delimiter, quote, CR and LF of [begin, end), in order.
class csv_scanner {
 public:
  csv_scanner(const char* begin, const char* end, char delimiter) noexcept
      : base_(begin), end_(end), delimiter_(delimiter), marks_(begin == end ? 0 : load()) {}

  // The next one, or `end` when there is none (then every later call gives `end` too).
  const char* next() noexcept {
    while (marks_ == 0) {
      if (end_ - base_ <= block) return end_;
      base_ += block;
      marks_ = load();
    }
    const char* at = base_ + std::countr_zero(marks_);
    marks_ &= marks_ - 1;
    return at;
  }

 private:
  static constexpr std::ptrdiff_t block = 64;

  [[nodiscard]] std::uint64_t load() const noexcept {
    if (end_ - base_ >= block) return marks(base_);
    char padded[block] = {};  // zeros: no byte that means anything
    std::memcpy(padded, base_, static_cast<std::size_t>(end_ - base_));
    return marks(padded);
  }

  [[nodiscard]] std::uint64_t marks(const char* from) const noexcept {
    std::uint64_t found = 0;
#if defined(__SSE2__)
    const __m128i delimiter = _mm_set1_epi8(delimiter_);
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i carriage_return = _mm_set1_epi8('\r');
    const __m128i line_feed = _mm_set1_epi8('\n');
    for (std::ptrdiff_t i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i));
      const __m128i hit =
          _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, delimiter), _mm_cmpeq_epi8(bytes, quote)),
                       _mm_or_si128(_mm_cmpeq_epi8(bytes, carriage_return), _mm_cmpeq_epi8(bytes, line_feed)));
      found |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(hit))) << (16 * i);
    }
#else
    for (int i = 0; i < block; ++i) {
      const char c = from[i];
      const bool hit = c == delimiter_ || c == '"' || c == '\r' || c == '\n';
      found |= static_cast<std::uint64_t>(hit) << i;
    }
#endif
    return found;
  }

  const char* base_;
  const char* end_;
  char delimiter_;
  std::uint64_t marks_;  // declared last: load() reads the others
};

}  // namespace bulkmsg::recipients::detail
