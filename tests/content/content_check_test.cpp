#include "bulkmsg/content/content_check.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::content {
namespace {

std::string found(std::string_view rules, std::string_view text) {
  const auto check = content_check::parse(rules);
  if (!check) return check.error().message;
  std::string list;
  check->look(text, [&](const content_rule& rule) { list += (rule.blocks ? "!" : "?") + rule.text + ";"; });
  return list;
}

TEST(content_check, words_match_whole_and_in_any_case) {
  constexpr std::string_view rules = "# ours\n\nblock free money\r\nwarn \xc3\x84rger\n  warn\tgratis  ";
  EXPECT_EQ(found(rules, "Get FREE,  Money!"), "!free money;");
  EXPECT_EQ(found(rules, "free moneys, freemoney, money free"), "");
  EXPECT_EQ(found(rules, "So ein \xc3\xa4RGER"), "?\xc3\x84rger;");
  EXPECT_EQ(found(rules, "Gratis"), "?gratis;");
  EXPECT_EQ(found(rules, "gratis gratis"), "?gratis;?gratis;");
  EXPECT_EQ(found(rules, "\xe2\x80\x9cgratis\xe2\x80\x9d"), "?gratis;");
  EXPECT_EQ(found(rules, "gratis\xc3\xa9"), "");
  EXPECT_EQ(found("warn \xd0\x91\xd0\xb5\xd1\x81\xd0\xbf\xd0\xbb\xd0\xb0\xd1\x82\xd0\xbd\xd0\xbe",
                  "\xd0\x91\xd0\x95\xd0\xa1\xd0\x9f\xd0\x9b\xd0\x90\xd0\xa2\xd0\x9d\xd0\x9e!"),
            "?\xd0\x91\xd0\xb5\xd1\x81\xd0\xbf\xd0\xbb\xd0\xb0\xd1\x82\xd0\xbd\xd0\xbe;");
  EXPECT_EQ(found("", "anything"), "");
}

TEST(content_check, links_match_by_host_and_path) {
  constexpr std::string_view rules = "block bit.ly\nwarn https://x.example/old/";
  EXPECT_EQ(found(rules, "see https://Bit.ly/abc."), "!bit.ly;");
  EXPECT_EQ(found(rules, "see (www.bit.ly)"), "!bit.ly;");
  EXPECT_EQ(found(rules, "http://me@bit.ly:8080?x=1"), "!bit.ly;");
  EXPECT_EQ(found(rules, "rabbit.ly bit.ly.example ana@bit.ly bit ly"), "");
  EXPECT_EQ(found(rules, "https://bit.ly.evil.example/bit.ly"), "");
  EXPECT_EQ(found(rules, "https://x.example/old/a https://x.example/old"),
            "?https://x.example/old/;?https://x.example/old/;");
  EXPECT_EQ(found(rules, "https://x.example/older https://x.example/"), "");
}

TEST(content_check, a_line_that_is_no_rule_is_named) {
  EXPECT_NE(found("warn a\nrefuse b", "").find("line 2: 'refuse b'"), std::string::npos);
  EXPECT_NE(found("block", "").find("line 1"), std::string::npos);
  EXPECT_NE(found("block !!", "").find("line 1"), std::string::npos);
  EXPECT_EQ(content_check::parse(std::string(content_rules_bytes_max + 1, '\n')).error().code, errc::too_large);
}

}  // namespace
}  // namespace bulkmsg::content
