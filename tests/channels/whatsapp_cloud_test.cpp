#include "bulkmsg/channels/whatsapp_cloud.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::channels {
namespace {

whatsapp_sender sender() { return {"graph.facebook.com", "v23.0", "106540352242922", "EAAG-token"}; }

TEST(request_encoder, writes_exactly_one_request) {
  auto encoder = request_encoder::make(sender());
  ASSERT_TRUE(encoder);
  std::string buffer = "left over from before";
  encoder->encode_message(buffer, [](std::string& out) { out += "{\"a\":1}"; });
  EXPECT_EQ(buffer,
            "POST /v23.0/106540352242922/messages HTTP/1.1\r\nHost: graph.facebook.com\r\n"
            "Authorization: Bearer EAAG-token\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST(request_encoder, length_is_exact_when_its_digits_change) {
  auto encoder = request_encoder::make(sender());
  std::string buffer;
  for (const std::size_t size : {500u, 9u, 10u, 99u, 100u, 999u, 1000u, 70000u, 0u, 412u}) {
    encoder->encode_message(buffer, [&](std::string& out) { out.append(size, 'x'); });
    const std::size_t body = buffer.find("\r\n\r\n") + 4;
    EXPECT_EQ(buffer.size() - body, size);
    EXPECT_NE(buffer.find("\r\nContent-Length: " + std::to_string(size) + "\r\n"), std::string::npos) << size;
  }
}

TEST(request_encoder, writes_a_get) {
  const auto encoder = request_encoder::make(sender());
  std::string buffer;
  ASSERT_TRUE(encoder->encode_get(buffer, "102290129340398/message_templates?limit=100"));
  EXPECT_EQ(buffer,
            "GET /v23.0/102290129340398/message_templates?limit=100 HTTP/1.1\r\nHost: graph.facebook.com\r\n"
            "Authorization: Bearer EAAG-token\r\n\r\n");
  EXPECT_FALSE(encoder->encode_get(buffer, "a b"));
  EXPECT_FALSE(encoder->encode_get(buffer, "a\r\nX: y"));
  EXPECT_TRUE(buffer.empty());
}

TEST(request_encoder, parts_that_would_break_the_head_are_refused_without_showing_the_token) {
  const auto with = [](auto change) {
    whatsapp_sender made = sender();
    change(made);
    const auto encoder = request_encoder::make(made);
    if (!encoder) {
      EXPECT_EQ(encoder.error().message.find("EAAG"), std::string::npos);
    }
    return encoder ? errc::ok : encoder.error().code;
  };
  EXPECT_EQ(with([](auto& s) { s.phone_number_id = ""; }), errc::invalid_argument);
  EXPECT_EQ(with([](auto& s) { s.phone_number_id = "1/2"; }), errc::invalid_argument);
  EXPECT_EQ(with([](auto& s) { s.api_version = "v23.0\r\n"; }), errc::invalid_argument);
  EXPECT_EQ(with([](auto& s) { s.host = "https://graph"; }), errc::invalid_argument);
  EXPECT_EQ(with([](auto& s) { s.host = ""; }), errc::invalid_argument);
  EXPECT_EQ(with([](auto& s) { s.access_token = ""; }), errc::secret_missing);
  EXPECT_EQ(with([](auto& s) { s.access_token = "EAAG\n"; }), errc::invalid_argument);
  EXPECT_EQ(with([](auto& s) { s.host = "127.0.0.1:8080"; }), errc::ok);
}

TEST(request_encoder, a_new_token_is_used_at_once) {
  auto encoder = request_encoder::make(sender());
  ASSERT_TRUE(encoder->set_access_token("fresh"));
  EXPECT_EQ(encoder->set_access_token("bad token").error().code, errc::invalid_argument);
  std::string buffer;
  encoder->encode_message(buffer, [](std::string& out) { out += "{}"; });
  EXPECT_NE(buffer.find("Bearer fresh\r\n"), std::string::npos);
  EXPECT_EQ(buffer.find("EAAG"), std::string::npos);
}

}  // namespace
}  // namespace bulkmsg::channels
