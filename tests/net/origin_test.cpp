#include "net/origin.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::net {
namespace {

TEST(origin, reads_scheme_host_and_port) {
  const auto a = parse_origin("https://graph.facebook.com");
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->tls);
  EXPECT_EQ(a->host, "graph.facebook.com");
  EXPECT_EQ(a->port, 443);
  EXPECT_FALSE(a->is_address);
  const auto b = parse_origin("http://[::1]:8080/");
  ASSERT_TRUE(b);
  EXPECT_FALSE(b->tls);
  EXPECT_EQ(b->host, "::1");
  EXPECT_EQ(b->port, 8080);
  EXPECT_TRUE(b->is_address);
}

TEST(origin, refuses_what_is_not_an_origin) {
  for (const char* text :
       {"", "graph.facebook.com", "ftp://a", "https://", "https://a:0", "https://a:65536", "https://a:b",
        "https://a:", "https://user@a", "https://a/path", "https://a?q", "https://[::1", "https://[x]", "https://a b",
        "https://a\r\nX: y", "https://[::1]x", "https://a:80:80"}) {
    EXPECT_FALSE(parse_origin(text)) << text;
  }
  EXPECT_FALSE(parse_origin("https://" + std::string(300, 'a')));
}

TEST(origin, plain_http_is_for_loopback_only) {
  for (const char* text : {"http://localhost", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]"}) {
    EXPECT_TRUE(parse_origin(text)) << text;
  }
  for (const char* text : {"http://example.test", "http://127.0.0.1.example.test", "http://10.0.0.1", "http://[::2]"}) {
    EXPECT_FALSE(parse_origin(text)) << text;
  }
}

TEST(origin, never_shows_a_password) {
  const auto a = parse_origin("https://user:secret@host");
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace bulkmsg::net
