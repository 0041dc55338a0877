#include "bulkmsg/content/mapping.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::content {
namespace {

TEST(mapping, a_source_is_a_column_a_constant_or_has_a_fallback) {
  EXPECT_EQ(*parse_source("first_name"), (source{"first_name", "", ""}));
  EXPECT_EQ(*parse_source(" first name | my friend "), (source{"first name", "", "my friend"}));
  EXPECT_EQ(*parse_source("|friend"), (source{"", "", "friend"}));
  EXPECT_EQ(*parse_source("a|b|c"), (source{"a", "", "b|c"}));
  EXPECT_EQ(*parse_source(R"("Spring "sale" | 5")"), (source{"", R"(Spring "sale" | 5)", ""}));
  EXPECT_EQ(*parse_source(R"(a\|b\\c)"), (source{R"(a|b\c)", "", ""}));
  EXPECT_EQ(*parse_source(R"(\"quoted\")"), (source{R"("quoted")", "", ""}));
}

TEST(mapping, what_cannot_be_read_is_refused) {
  for (const std::string_view wrong : {"", "  ", "a|", "|", "|  ", "\"", "\"abc", "\"\"", "\"  \"", "a\\", "a\nb"}) {
    const auto read = parse_source(wrong);
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().code, errc::invalid_argument);
    EXPECT_EQ(read.error().message.find('\n'), std::string::npos);
  }
  EXPECT_EQ(parse_source(std::string(source_bytes_max + 1, 'a')).error().code, errc::too_large);
}

TEST(mapping, the_written_form_reads_back) {
  for (const source& each : {source{"a|b\\c", "", "x|y"}, source{"\"q", "", ""}, source{"", "", "f"},
                             source{"", "con\"stant\\", ""}, source{"a\"b", "", ""}}) {
    EXPECT_EQ(*parse_source(to_text(each)), each) << to_text(each);
  }
}

TEST(mapping, a_line_names_its_slot) {
  const auto line = parse_mapping(" body.1 = first_name|friend");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->first, "body.1");
  EXPECT_EQ(line->second, (source{"first_name", "", "friend"}));
  EXPECT_EQ(parse_mapping("body.1").error().code, errc::invalid_argument);
  EXPECT_EQ(parse_mapping("=a").error().code, errc::invalid_argument);
  EXPECT_NE(parse_mapping("body.1=").error().message.find("body.1: "), std::string::npos);
}

}  // namespace
}  // namespace bulkmsg::content
