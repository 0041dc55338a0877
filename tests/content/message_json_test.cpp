#include "bulkmsg/content/message_json.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::content {
namespace {

std::string text_message(const std::string& body) { return R"({"type":"text","text":{"body":")" + body + "\"}}"; }

TEST(message_json, takes_variables_and_nothing_that_looks_like_one) {
  EXPECT_TRUE(parse_message_json(text_message("Hi {{first_name}}, {{ link }}")));
  EXPECT_TRUE(parse_message_json(text_message("Hi {you} }} there")));
  for (const char* raw : {"Hi {{first name}}", "Hi {{name|there}}", "Hi {{Name}}", "{{", "{{{{a}}}}"}) {
    const auto refused = parse_message_json(text_message(raw));
    ASSERT_FALSE(refused) << raw;
    EXPECT_EQ(refused.error().code, errc::message_malformed) << raw;
    EXPECT_NE(refused.error().message.find("text.body"), std::string::npos) << refused.error().message;
  }
}

}  // namespace
}  // namespace bulkmsg::content
