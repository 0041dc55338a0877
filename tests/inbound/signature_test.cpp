#include "bulkmsg/inbound/signature.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <vector>

namespace bulkmsg::inbound {
namespace {

using secrets = std::vector<std::string>;

// Computed the other way than signature.cpp does it: HMAC spelled out over plain SHA-256 (RFC 2104).
std::string sha256(const std::string& bytes) {
  std::array<unsigned char, 32> out;
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(out.data()), 32};
}
std::string sign(const std::string& body, std::string secret) {
  if (secret.size() > 64) secret = sha256(secret);
  secret.resize(64, '\0');
  std::string inner, outer;
  for (const char c : secret) {
    inner += static_cast<char>(c ^ 0x36);
    outer += static_cast<char>(c ^ 0x5c);
  }
  std::string hex = "sha256=";
  for (const unsigned char c : sha256(outer + sha256(inner + body))) {
    hex += "0123456789abcdef"[c >> 4];
    hex += "0123456789abcdef"[c & 15];
  }
  return hex;
}
bool verify(const std::string& body, const std::string& signature, const secrets& known) {
  return verify_signature(body, signature, known);
}

struct vector {
  std::string key, data, mac;
};

// RFC 4231, test cases 1-4, 6 and 7 (5 is of a truncated output).
TEST(signature, the_vectors_of_rfc_4231_verify) {
  const std::vector<vector> all = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
       std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed "
       "before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"}};
  for (const auto& v : all) {
    EXPECT_EQ(sign(v.data, v.key), "sha256=" + v.mac) << "the test's own HMAC";
    EXPECT_TRUE(verify(v.data, "sha256=" + v.mac, {v.key})) << v.data;
    EXPECT_FALSE(verify(v.data + "x", "sha256=" + v.mac, {v.key})) << v.data;
    EXPECT_FALSE(verify(v.data, "sha256=" + v.mac, {v.key + "x"})) << v.data;
  }
}

TEST(signature, exactly_this_body_is_signed) {
  const auto good = sign(R"({"entry":[]})", "secret");
  EXPECT_TRUE(verify(R"({"entry":[]})", good, {"secret"}));
  EXPECT_FALSE(verify(R"({"entry":[] })", good, {"secret"}));
  EXPECT_FALSE(verify("", good, {"secret"}));
}

TEST(signature, every_single_digit_of_it_counts) {
  const auto good = sign("body", "secret");
  for (std::size_t i = 7; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = bad[i] == '0' ? '1' : '0';
    EXPECT_FALSE(verify("body", bad, {"secret"})) << i;
  }
}

TEST(signature, a_wrong_secret_is_refused) {
  EXPECT_FALSE(verify("body", sign("body", "secret"), {"Secret"}));
  EXPECT_FALSE(verify("body", sign("body", "secret"), {""}));
  EXPECT_FALSE(verify("body", sign("body", "secret"), {}));
}

TEST(signature, without_its_prefix_or_with_another_it_is_refused) {
  const auto good = sign("body", "secret");
  EXPECT_FALSE(verify("body", good.substr(7), {"secret"}));
  EXPECT_FALSE(verify("body", "sha1=" + good.substr(7), {"secret"}));
  EXPECT_FALSE(verify("body", "SHA256=" + good.substr(7), {"secret"}));
  EXPECT_FALSE(verify("body", " " + good, {"secret"}));
}

TEST(signature, of_another_length_it_is_refused) {
  const auto good = sign("body", "secret");
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(verify("body", good.substr(0, n), {"secret"})) << n;
  EXPECT_FALSE(verify("body", good + "0", {"secret"}));
  EXPECT_FALSE(verify("body", good + std::string(1, '\0'), {"secret"}));
}

TEST(signature, any_of_several_secrets_will_do_while_one_is_rotated) {
  const auto with_old = sign("body", "old"), with_new = sign("body", "new");
  for (const auto& known : {secrets{"old", "new"}, secrets{"new", "old"}, secrets{"other", "old", "new"}}) {
    EXPECT_TRUE(verify("body", with_old, known));
    EXPECT_TRUE(verify("body", with_new, known));
    EXPECT_FALSE(verify("body", sign("body", "third"), known));
  }
}

TEST(signature, an_empty_body_has_one_too) {
  EXPECT_TRUE(verify("", sign("", "secret"), {"secret"}));
  EXPECT_FALSE(verify("", sign(" ", "secret"), {"secret"}));
}

TEST(signature, bodies_of_any_bytes_and_size_verify) {
  const std::string zeros(1000, '\0');
  EXPECT_TRUE(verify(zeros, sign(zeros, "secret"), {"secret"}));
  EXPECT_FALSE(verify(zeros.substr(1), sign(zeros, "secret"), {"secret"}));
  const std::string big(3 * 1024 * 1024, 'x');
  EXPECT_TRUE(verify(big, sign(big, "secret"), {"secret"}));
}

TEST(equal_secret, says_whether_two_texts_are_the_same) {
  EXPECT_TRUE(equal_secret("", ""));
  EXPECT_TRUE(equal_secret("abc", "abc"));
  EXPECT_FALSE(equal_secret("abc", "abd"));
  EXPECT_FALSE(equal_secret("abc", "ab"));
  EXPECT_FALSE(equal_secret("abc", ""));
  EXPECT_FALSE(equal_secret(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace bulkmsg::inbound
