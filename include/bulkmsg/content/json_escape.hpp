// JSON string escaping for rendering: appends, and allocates nothing beyond the growth of `out`.
#pragma once

#include <bit>
#include <cstddef>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bulkmsg::content {

namespace detail {

// The place of the first byte at or after `from` that JSON wants escaped, or the size.
[[nodiscard]] inline std::size_t find_json_special(std::string_view text, std::size_t from) noexcept {
  std::size_t i = from;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1f);
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i hit =
        _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
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
    switch (c) {
      case '"':
        out.append("\\\"", 2);
        break;
      case '\\':
        out.append("\\\\", 2);
        break;
      case '\n':
        out.append("\\n", 2);
        break;
      case '\r':
        out.append("\\r", 2);
        break;
      case '\t':
        out.append("\\t", 2);
        break;
      default: {
        constexpr std::string_view hex = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        out.append(escape, sizeof escape);
      }
    }
    done = at + 1;
  }
}

// Appends the text as a whole JSON string, quotes included.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_json_escaped(out, text);
  out.push_back('"');
}

}  // namespace bulkmsg::content
