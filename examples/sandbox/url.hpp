// The little of URLs that the sandbox needs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

/// a=1&b=2 with percent escapes and '+'.
std::map<std::string, std::string, std::less<>> parse_query(std::string_view text);

std::string escape_query(std::string_view text);

std::optional<std::uint64_t> parse_count(std::string_view digits);

struct loopback_url {
  std::string host;  // 127.x.y.z or ::1
  std::uint16_t port = 80;
  std::string target;
};

/// http://127.0.0.1:PORT/path, http://localhost:PORT/path or http://[::1]:PORT/path: the sandbox speaks to nobody else.
std::optional<loopback_url> parse_loopback_url(std::string_view url);

/// "127.0.0.1", any other 127.x.y.z, "localhost" or "::1", as an address; nothing for anything else.
std::optional<std::string> loopback_address(std::string_view host);

}  // namespace sandbox
