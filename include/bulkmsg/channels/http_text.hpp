// What every channel needs to write a request's bytes, and to show what came back without its secret.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

namespace bulkmsg::channels {

inline constexpr std::size_t provider_text_max = 300;  // bytes kept of what the provider says

// True when the text can stand in a request head: printable ASCII without blanks, and not empty.
[[nodiscard]] inline bool head_safe(std::string_view text) noexcept {
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return !text.empty();
}

// Appends a Content-Length's value, the end of the head, and the body that `render(std::string& out)` appends. `digits`
// is how many the length had last time: the body is moved only when that changes.
template <class Render>
void append_length_and_body(std::string& buffer, std::size_t& digits, Render&& render) {
  const std::size_t length_at = buffer.size();
  buffer.append(digits, '0');
  buffer.append("\r\n\r\n", 4);
  const std::size_t body_at = buffer.size();
  render(buffer);
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, buffer.size() - body_at).ptr;
  const auto size = static_cast<std::size_t>(end - text);
  buffer.replace(length_at, digits, text, size);
  digits = size;
}

// Its beginning, in whole characters.
[[nodiscard]] inline std::string_view cut(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

// What the provider said, fit to be stored and shown: without our secret, should it repeat it, and of bounded length.
[[nodiscard]] inline std::string without_secret(std::string_view text, std::string_view secret) {
  std::string clean;
  while (clean.size() <= provider_text_max) {
    const auto at = secret.empty() ? std::string_view::npos : text.find(secret);
    clean.append(text.substr(0, std::min(at, provider_text_max + 1)));
    if (at == std::string_view::npos) break;
    clean.append("(token)");
    text.remove_prefix(at + secret.size());
  }
  clean.resize(cut(clean, provider_text_max).size());
  return clean;
}

}  // namespace bulkmsg::channels
