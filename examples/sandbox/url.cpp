#include "url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace sandbox {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::map<std::string, std::string, std::less<>> parse_query(std::string_view text) {
  std::map<std::string, std::string, std::less<>> out;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const auto equals = pair.find('=');
    if (!pair.empty())
      out[unescape(pair.substr(0, equals))] = equals == pair.npos ? "" : unescape(pair.substr(equals + 1));
  }
  return out;
}

std::string escape_query(std::string_view text) {
  constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || c == ',';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::optional<std::uint64_t> parse_count(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<std::string> loopback_address(std::string_view host) {
  if (host == "localhost") return "127.0.0.1";
  if (host == "::1") return "::1";
  in_addr address{};
  const std::string text(host);
  if (inet_pton(AF_INET, text.c_str(), &address) != 1 || ntohl(address.s_addr) >> 24 != 127) return std::nullopt;
  return text;
}

std::optional<loopback_url> parse_loopback_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme) || url.find_first_of(" \r\n\t") != url.npos) return std::nullopt;
  url.remove_prefix(scheme.size());
  const auto slash = std::min(url.find('/'), url.size());
  auto authority = url.substr(0, slash);
  loopback_url out;
  out.target = slash == url.size() ? "/" : std::string(url.substr(slash));
  std::string_view host;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == authority.npos) return std::nullopt;
    host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
  } else {
    host = authority.substr(0, authority.find(':'));
    authority.remove_prefix(host.size());
  }
  if (!authority.empty()) {
    const auto port = authority[0] == ':' ? parse_count(authority.substr(1)) : std::nullopt;
    if (!port || *port == 0 || *port > 65535) return std::nullopt;
    out.port = static_cast<std::uint16_t>(*port);
  }
  const auto address = loopback_address(host);
  if (!address) return std::nullopt;
  out.host = *address;
  return out;
}

}  // namespace sandbox
