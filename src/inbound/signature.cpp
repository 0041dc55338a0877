#include "bulkmsg/inbound/signature.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <vector>

namespace bulkmsg::inbound {

namespace {

struct free_mac {
  void operator()(EVP_MAC* m) const noexcept { EVP_MAC_free(m); }
  void operator()(EVP_MAC_CTX* c) const noexcept { EVP_MAC_CTX_free(c); }
};

}  // namespace

struct signature_checker::keys {
  std::unique_ptr<EVP_MAC, free_mac> hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  std::vector<std::unique_ptr<EVP_MAC_CTX, free_mac>> ready;
};

signature_checker::signature_checker(std::span<const std::string> secrets) : keys_(std::make_unique<keys>()) {
  std::array<char, 7> digest{"SHA256"};
  const OSSL_PARAM how[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                            OSSL_PARAM_construct_end()};
  for (const auto& secret : secrets) {
    std::unique_ptr<EVP_MAC_CTX, free_mac> made(EVP_MAC_CTX_new(keys_->hmac.get()));
    // An empty key would be taken for "as before".
    if (!made || secret.empty() ||
        EVP_MAC_init(made.get(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), how) != 1) {
      continue;
    }
    keys_->ready.push_back(std::move(made));
  }
}

signature_checker::~signature_checker() = default;
signature_checker::signature_checker(signature_checker&&) noexcept = default;
signature_checker& signature_checker::operator=(signature_checker&&) noexcept = default;

bool signature_checker::empty() const noexcept { return keys_->ready.empty(); }

bool signature_checker::verify(std::string_view body, std::string_view signature) {
  constexpr std::string_view prefix = "sha256=";
  if (!signature.starts_with(prefix) || signature.size() != prefix.size() + 64) return false;
  signature.remove_prefix(prefix.size());
  bool good = false;
  for (const auto& each : keys_->ready) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
    std::size_t size = 0;
    auto* m = each.get();
    if (EVP_MAC_init(m, nullptr, 0, nullptr) != 1 ||
        EVP_MAC_update(m, reinterpret_cast<const unsigned char*>(body.data()), body.size()) != 1 ||
        EVP_MAC_final(m, mac.data(), &size, mac.size()) != 1) {
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

bool equal_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool verify_signature(std::string_view body, std::string_view signature, std::span<const std::string> secrets) {
  return signature_checker(secrets).verify(body, signature);
}

}  // namespace bulkmsg::inbound
