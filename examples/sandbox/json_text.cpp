#include "json_text.hpp"

#include <cstdint>

namespace sandbox {
namespace {

constexpr char hex[] = "0123456789abcdef";

void append_unit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += hex[(unit >> shift) & 15U];
}

/// Takes one code point off the front; a broken sequence yields U+FFFD and takes one byte.
std::uint32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  std::uint32_t point = 0xfffd;
  std::size_t taken = 1;
  if (length == 1) {
    point = first;
  } else if (length != 0 && text.size() >= length) {
    std::uint32_t value = first & (0x7fU >> length);
    bool whole = true;
    for (std::size_t i = 1; i < length; ++i) {
      whole = whole && (byte(i) & 0xc0U) == 0x80;
      value = (value << 6) | (byte(i) & 0x3fU);
    }
    if (whole && value <= 0x10ffff) {
      point = value;
      taken = length;
    }
  }
  text.remove_prefix(taken);
  return point;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || c == '\\' || c == '/') {
      out += '\\';
      out += c;
      text.remove_prefix(1);
    } else if (c >= 0x20 && c < 0x7f && c != '<' && c != '%' && c != '@') {
      out += c;
      text.remove_prefix(1);
    } else {
      const std::uint32_t point = take_code_point(text);
      if (point >= 0x10000) {
        append_unit(out, 0xd800 + ((point - 0x10000) >> 10));
        append_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
      } else {
        append_unit(out, point);
      }
    }
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

}  // namespace sandbox
