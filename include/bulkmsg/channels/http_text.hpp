// What every channel needs to write a request's bytes, and to show what came back without its secret.
#pragma once

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

// What the provider said, fit to be stored and shown: without our secret, should it repeat it, and of bounded length.
[[nodiscard]] inline std::string without_secret(std::string_view text, std::string_view secret) {
  std::string clean(text.substr(0, provider_text_max + secret.size()));
  constexpr std::string_view instead = "(token)";
  for (auto at = clean.find(secret); !secret.empty() && at != std::string::npos;
       at = clean.find(secret, at + instead.size())) {
    clean.replace(at, secret.size(), instead);
  }
  if (clean.size() <= provider_text_max) return clean;
  std::size_t end = provider_text_max;
  while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xC0) == 0x80) --end;  // whole characters
  clean.resize(end);
  return clean;
}

}  // namespace bulkmsg::channels
