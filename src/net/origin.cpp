#include "net/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace bulkmsg::net {
namespace {

constexpr std::size_t host_bytes_max = 253;  // the longest DNS name

bool all_of(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string origin::host_and_port() const {
  return (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + std::to_string(port);
}

result<origin> parse_origin(std::string_view text) {
  // What is shown comes from a configuration: bounded, and only when it is plain text.
  const bool plain = text.size() <= 300 && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
  const std::string shown = plain && text.find('@') == std::string_view::npos ? std::string(text) : "(unprintable)";
  const auto bad = [&](const char* why) {
    return fail(errc::invalid_argument, "origin " + shown + ": " + why + "; write https://host or https://host:port");
  };
  origin to;
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
    to.tls = false;
    to.port = 80;
  } else {
    return bad("the scheme is missing");
  }
  if (text.ends_with('/')) text.remove_suffix(1);

  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("the bracket is not closed");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    in6_addr address{};
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) return bad("not an IPv6 address");
    to.is_address = true;
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    host = text.substr(0, end);
    port = text.substr(end);
    if (host.empty() || host.size() > host_bytes_max || !all_of(host, ".-_")) return bad("not a host name");
    in_addr address{};
    to.is_address = ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
  }
  to.host = host;
  if (!port.empty()) {
    if (port.front() != ':') return bad("something follows the host");
    port.remove_prefix(1);
    const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), to.port);
    if (wrong != std::errc() || end != port.data() + port.size() || to.port == 0)
      return bad("the port is not 1 to 65535");
  }
  if (!to.tls) {
    const bool loopback = to.host == "localhost" || to.host == "::1" || (to.is_address && to.host.starts_with("127."));
    if (!loopback) return bad("plain http is only for this machine");
  }
  return to;
}

}  // namespace bulkmsg::net
