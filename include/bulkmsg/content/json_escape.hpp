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

// True when one of the bytes is to be escaped.
[[nodiscard]] inline bool has_json_special(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101U;
  const auto zero_in = [](std::uint64_t x) { return (x - each) & ~x; };
  const std::uint64_t control = (bytes - each * 0x20) & ~bytes;
  return ((control | zero_in(bytes ^ each * '"') | zero_in(bytes ^ each * '\\')) & each * 0x80) != 0;
}
[[nodiscard]] inline bool has_json_special(std::uint32_t bytes) noexcept {
  return has_json_special(std::uint64_t{bytes} << 32 | bytes);
}
#if defined(__SSE2__)
[[nodiscard]] inline bool has_json_special(__m128i bytes) noexcept { return json_specials(bytes) != 0; }
#endif

// Copies a text of at least one word; the last word overlaps the one before. False when a byte is to be escaped.
template <class Word>
[[nodiscard]] inline bool copy_words(char* to, std::string_view text) noexcept {
  bool special = false;
  const auto copy = [&](std::size_t at) {
    Word word;
    std::memcpy(&word, text.data() + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
    special |= has_json_special(word);
  };
  const std::size_t last = text.size() - sizeof(Word);
  for (std::size_t at = 0; at < last; at += sizeof(Word)) copy(at);
  copy(last);
  return !special;
}

// Copies a text. False when a byte is to be escaped.
[[nodiscard]] inline bool copy_clean(char* to, std::string_view text) noexcept {
#if defined(__SSE2__)
  if (text.size() >= 16) return copy_words<__m128i>(to, text);
#endif
  if (text.size() >= 8) return copy_words<std::uint64_t>(to, text);
  if (text.size() >= 4) return copy_words<std::uint32_t>(to, text);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') return false;
    *to++ = c;
  }
  return true;
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

// Appends to a string through a bare pointer, for rendering: room for what is expected is made at once. The string is
// whole again when this goes away.
class json_appender {
 public:
  // expected: bytes to come, about.
  json_appender(std::string& out, std::size_t expected) : out_(out), at_(out.data() + out.size()), end_(at_) {
    make_room(expected);
  }
  json_appender(const json_appender&) = delete;
  ~json_appender() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

  void bytes(std::string_view bytes) {
    make_room(bytes.size());
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  // The inside of a JSON string, as append_json_escaped().
  void text(std::string_view text) {
    make_room(text.size());
    if (detail::copy_clean(at_, text)) [[likely]] {
      at_ += text.size();
    } else {
      escaped(text);
    }
  }

 private:
  [[gnu::noinline]] void escaped(std::string_view text) {
    for (;;) {
      constexpr std::size_t longest_escape = 6;
      const std::size_t clean = detail::find_json_special(text, 0);
      make_room(text.size() + longest_escape);
      std::memcpy(at_, text.data(), clean);
      at_ += clean;
      if (clean == text.size()) return;
      at_ += detail::write_json_escape(at_, text[clean]);
      text.remove_prefix(clean + 1);
    }
  }

  void make_room(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) [[unlikely]]
      grow(size);
  }
  [[gnu::noinline]] void grow(std::size_t size) {
    const auto used = static_cast<std::size_t>(at_ - out_.data());
    out_.resize(used + size + slack);
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }

  static constexpr std::size_t slack = 256;  // for escapes, mostly

  std::string& out_;
  char* at_;
  char* end_;
};

// Appends the text as a whole JSON string, quotes included.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_json_escaped(out, text);
  out.push_back('"');
}

}  // namespace bulkmsg::content
