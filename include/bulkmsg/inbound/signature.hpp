// The signature of a webhook: X-Hub-Signature-256 = "sha256=" + hex HMAC-SHA256(body, app secret).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bulkmsg::inbound {

// True when one of the secrets (several while a secret is rotated) signed exactly this body. Constant time in the
// signature. Thread: any.
[[nodiscard]] bool verify_signature(std::string_view body, std::string_view signature,
                                    std::span<const std::string> secrets);

// Compares in constant time; the lengths may show.
[[nodiscard]] bool equal_secret(std::string_view a, std::string_view b);

}  // namespace bulkmsg::inbound
