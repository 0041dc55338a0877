// Where a transport connects to, read from "https://host[:port]".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::net {

struct origin {
  bool tls = true;
  std::string host;  // without brackets
  std::uint16_t port = 443;
  bool is_address = false;  // an IP address, not a name
  [[nodiscard]] std::string host_and_port() const;
};

// Accepts a scheme, a host (name, IPv4, [IPv6]) and a port; a lone "/" may follow. User names, paths and queries are
// errors, and so is http:// to anything but localhost, 127.0.0.0/8 and [::1]. Errors: invalid_argument.
[[nodiscard]] result<origin> parse_origin(std::string_view text);

}  // namespace bulkmsg::net
