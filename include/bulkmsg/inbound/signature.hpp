// The signature of a webhook: X-Hub-Signature-256 = "sha256=" + hex HMAC-SHA256(body, app secret).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bulkmsg::inbound {

// True when one of the secrets (several while a secret is rotated) signed exactly this body. Constant time in the
// signature. Thread: any.
[[nodiscard]] bool verify_signature(std::string_view body, std::string_view signature,
                                    std::span<const std::string> secrets);

// The same with keys that are made ready once: about a third of the time for a body of one receipt. Thread: one at a
// time per object; move-only.
class signature_checker {
 public:
  explicit signature_checker(std::span<const std::string> secrets);  // copied, into OpenSSL's memory
  ~signature_checker();
  signature_checker(signature_checker&&) noexcept;
  signature_checker& operator=(signature_checker&&) noexcept;

  [[nodiscard]] bool verify(std::string_view body, std::string_view signature);
  [[nodiscard]] bool empty() const noexcept;  // no secrets: nothing verifies

 private:
  struct keys;
  std::unique_ptr<keys> keys_;
};

// Compares in constant time; the lengths may show.
[[nodiscard]] bool equal_secret(std::string_view a, std::string_view b);

}  // namespace bulkmsg::inbound
