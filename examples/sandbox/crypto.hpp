// The three encodings of the provider: SHA-256, HMAC-SHA-256 and base64.
#pragma once

#include <string>
#include <string_view>

namespace sandbox {

std::string sha256_hex(std::string_view data);
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

std::string base64(std::string_view data);

/// Without padding, with '-' and '_'.
std::string base64_url(std::string_view data);

/// Takes as long for a near miss as for a far one.
bool equal_secret(std::string_view a, std::string_view b);

}  // namespace sandbox
