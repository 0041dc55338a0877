#include "bulkmsg/recipients/contact.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::recipients {
namespace {

std::string read(attribute_type type, std::string_view written) {
  std::string out;
  return normalise_attribute(type, written, out) ? out : "refused";
}

TEST(contact, dates_have_one_spelling) {
  using enum attribute_type;
  EXPECT_EQ(read(date, "2026-11-21"), "2026-11-21");
  EXPECT_EQ(read(date, " 2026/11/21 "), "2026-11-21");
  EXPECT_EQ(read(date, "2026-11-21T08:00:00Z"), "2026-11-21");
  EXPECT_EQ(read(date, "2024-02-29"), "2024-02-29");
  for (const auto* wrong : {"2025-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "21.11.2026", "2026-11/21",
                            "2026-11-2", "2026-11-211", "26-11-21", "0000-01-01", "-026-01-01", "yesterday", ""}) {
    EXPECT_EQ(read(date, wrong), "refused") << wrong;
  }
}

TEST(contact, numbers_have_one_spelling_which_is_also_json) {
  using enum attribute_type;
  EXPECT_EQ(read(number, "12"), "12");
  EXPECT_EQ(read(number, "+12.50"), "12.5");
  EXPECT_EQ(read(number, "-0"), "0");
  EXPECT_EQ(read(number, "1e3"), "1000");
  for (const auto* wrong : {"12,5", "1.234,5", "nan", "inf", "-inf", "1e999", "12 EUR", "0x10", "", "+-1"}) {
    EXPECT_EQ(read(number, wrong), "refused") << wrong;
  }
}

TEST(contact, booleans_are_written_in_many_ways) {
  using enum attribute_type;
  for (const auto* yes : {"true", "TRUE", "yes", "Y", "1", "on"}) EXPECT_EQ(read(boolean, yes), "true") << yes;
  for (const auto* no : {"false", "No", "n", "0", "OFF"}) EXPECT_EQ(read(boolean, no), "false") << no;
  EXPECT_EQ(read(boolean, "maybe"), "refused");
}

TEST(contact, texts_are_bounded) {
  EXPECT_EQ(read(attribute_type::text, std::string(1024, 'a')).size(), 1024u);
  EXPECT_EQ(read(attribute_type::text, std::string(1025, 'a')), "refused");
}

TEST(contact, names_and_labels_hold_nothing_that_would_need_escapes) {
  EXPECT_TRUE(is_attribute_name("Mother's first name (\xc3\xa9)"));
  for (const auto* wrong : {"", " city", "city ", "a\"b", "a\\b", "a\nb"})
    EXPECT_FALSE(is_attribute_name(wrong)) << wrong;
  EXPECT_FALSE(is_attribute_name(std::string(65, 'a')));
  EXPECT_TRUE(is_label("very important \"person\""));
  EXPECT_FALSE(
      is_label("a\x1f"
               "b"));
  EXPECT_FALSE(is_label(std::string(65, 'a')));
}

}  // namespace
}  // namespace bulkmsg::recipients
