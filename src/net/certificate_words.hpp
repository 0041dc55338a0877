// Why a certificate was refused, in words for people.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

namespace bulkmsg::net {

// What the peer wrote, short and printable.
[[nodiscard]] std::string printable(std::string_view text);

// In a verify callback that was given a failure. `name` is the one that was asked for.
[[nodiscard]] std::string why_refused(X509_STORE_CTX* verifying, const std::string& name);

}  // namespace bulkmsg::net
