#include "bulkmsg/inbound/signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace bulkmsg::inbound {

bool equal_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool verify_signature(std::string_view body, std::string_view signature, std::span<const std::string> secrets) {
  constexpr std::string_view prefix = "sha256=";
  if (!signature.starts_with(prefix) || signature.size() != prefix.size() + 64) return false;
  signature.remove_prefix(prefix.size());
  bool good = false;
  for (const auto& secret : secrets) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(body.data()), body.size(), mac.data(), &size) == nullptr) {
      continue;
    }
    std::array<char, 64> hex;
    constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = 0; i < 32; ++i) {
      hex[2 * i] = digits[mac[i] >> 4];
      hex[2 * i + 1] = digits[mac[i] & 15];
    }
    // No early end: how long it takes says nothing about which secret fits.
    good = equal_secret({hex.data(), hex.size()}, signature) || good;
  }
  return good;
}

}  // namespace bulkmsg::inbound
