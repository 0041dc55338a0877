// JSON string escaping for rendering: appends, and allocates nothing beyond the growth of `out`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bulkmsg::content {

namespace detail {

#if defined(__SSE2__)
// A bit for each of 16 bytes that JSON wants escaped.
[[nodiscard]] inline unsigned json_specials(__m128i bytes) noexcept {
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i hit = _mm_or_si128(
      control, _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  return static_cast<unsigned>(_mm_movemask_epi8(hit));
}
#endif

template <class Word>
[[nodiscard]] inline Word load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// True when one of 8 bytes is to be escaped.
[[nodiscard]] inline bool has_json_special(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101U;
  const auto zero_in = [](std::uint64_t x) { return (x - each) & ~x; };
  const std::uint64_t control = (bytes - each * 0x20) & ~bytes;
  return ((control | zero_in(bytes ^ each * '"') | zero_in(bytes ^ each * '\\')) & each * 0x80) != 0;
}

// Writes the escape of one byte that needs it; returns its size, 2 or 6.
inline std::size_t write_json_escape(char* to, char c) noexcept {
  to[0] = '\\';
  switch (c) {
    case '"':
    case '\\':
      to[1] = c;
      return 2;
    case '\n':
      to[1] = 'n';
      return 2;
    case '\r':
      to[1] = 'r';
      return 2;
    case '\t':
      to[1] = 't';
      return 2;
    default: {
      constexpr std::string_view hex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      std::memcpy(to + 1, "u00", 3);
      to[4] = hex[byte >> 4];
      to[5] = hex[byte & 15];
      return 6;
    }
  }
}

// The place of the first byte at or after `from` that JSON wants escaped, or the size.
[[nodiscard]] inline std::size_t find_json_special(std::string_view text, std::size_t from) noexcept {
  std::size_t i = from;
#if defined(__SSE2__)
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const unsigned mask = json_specials(bytes);
    if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') return i;
  }
  return i;
}

}  // namespace detail

// Appends `text` as the inside of a JSON string (no quotes around it). `text` is UTF-8 and passes as it is; quote,
// backslash and C0 control characters are escaped.
inline void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t done = 0;
  for (;;) {
    const std::size_t at = detail::find_json_special(text, done);
    out.append(text.data() + done, at - done);
    if (at == text.size()) return;
    const char c = text[at];
    char escape[6];
    out.append(escape, detail::write_json_escape(escape, c));
    done = at + 1;
  }
}

// Appends to a string through a bare pointer, for rendering: room for what is expected is made once, so that nothing
// but an escape beyond the slack asks for more. The string is whole again when this goes away.
class json_appender {
 public:
  // expected: bytes to come, escapes not counted.
  json_appender(std::string& out, std::size_t expected) : out_(out) {
    const std::size_t size = out.size();
    out.resize(size + expected + slack_);
    at_ = out.data() + size;
  }
  json_appender(const json_appender&) = delete;
  ~json_appender() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

  void bytes(const char* from, std::size_t size) noexcept {
    std::memcpy(at_, from, size);
    at_ += size;
  }

  // The inside of a JSON string, as append_json_escaped().
  void text(std::string_view text) {
    const char* from = text.data();
    std::size_t size = text.size();
#if defined(__SSE2__)
    while (size >= 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(at_), bytes);
      const unsigned mask = detail::json_specials(bytes);
      if (mask == 0) [[likely]] {
        from += 16, at_ += 16, size -= 16;
        continue;
      }
      const auto clean = static_cast<std::size_t>(std::countr_zero(mask));
      from += clean, at_ += clean, size -= clean;
      escape(*from);
      ++from, --size;
    }
#endif
    while (size >= 8) {
      // The last word may overlap the one before: both are copied when both are clean.
      const std::size_t step = size >= 16 ? 8 : size;
      const auto first = detail::load<std::uint64_t>(from);
      const auto last = detail::load<std::uint64_t>(from + step - 8);
      if (detail::has_json_special(first) || detail::has_json_special(last)) break;
      std::memcpy(at_, &first, 8);
      std::memcpy(at_ + step - 8, &last, 8);
      from += step, at_ += step, size -= step;
    }
    if (size >= 4 && size < 8) {
      const auto first = detail::load<std::uint32_t>(from);
      const auto last = detail::load<std::uint32_t>(from + size - 4);
      if (!detail::has_json_special(std::uint64_t{first} << 32 | last)) {
        std::memcpy(at_, &first, 4);
        std::memcpy(at_ + size - 4, &last, 4);
        at_ += size;
        return;
      }
    }
    for (; size > 0; ++from, --size) {
      const char c = *from;
      if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') [[unlikely]] {
        escape(c);
      } else {
        *at_++ = c;
      }
    }
  }

 private:
  void escape(char c) {
    constexpr std::size_t longest = 6;
    if (slack_ < longest) {
      const auto used = static_cast<std::size_t>(at_ - out_.data());
      out_.resize(out_.size() + 1024);
      at_ = out_.data() + used;
      slack_ += 1024;
    }
    const std::size_t size = detail::write_json_escape(at_, c);
    at_ += size;
    slack_ -= size - 1;
  }

  std::string& out_;
  char* at_ = nullptr;
  std::size_t slack_ = 64;  // bytes of room beyond what is still expected
};

// Appends the text as a whole JSON string, quotes included.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_json_escaped(out, text);
  out.push_back('"');
}

}  // namespace bulkmsg::content
