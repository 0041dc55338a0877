#include "bulkmsg/recipients/list.hpp"

#include <gtest/gtest.h>

#include <string>

#include "read_rows.hpp"

namespace bulkmsg::recipients {
namespace {

TEST(list, items_are_separated_by_all_that_people_use) {
  EXPECT_EQ(read_rows(list_reader(), "10023, 10024;10025\r\n\n 10026\t10027 ,,\n").rows,
            (lines{"0: address", "1: 10023", "2: 10024", "3: 10025", "4: 10026", "5: 10027"}));
  EXPECT_EQ(read_rows(list_reader(), "+49 (0) 151 / 23-45").rows, (lines{"0: address", "1: +49 (0) 151 / 23-45"}));
  EXPECT_TRUE(read_rows(list_reader(), " ,;\n").rows.empty());
}

TEST(list, an_over_long_item_is_a_problem_and_reading_goes_on) {
  const std::string fits(list_item_max, 'x');
  EXPECT_EQ(read_rows(list_reader(), "    " + fits + "," + fits + "x,a").rows,
            (lines{"0: address", "1: " + fits, "2! row_too_long@0", "3: a"}));
}

TEST(list, text_that_is_not_utf8_names_line_and_byte) {
  const auto out = read_rows(list_reader(), "1,2\n3\xe9");
  EXPECT_EQ(out.code, errc::text_not_utf8);
  EXPECT_NE(out.message.find("line 2, byte 5 "), std::string::npos) << out.message;
}

TEST(list, any_chunks_give_the_same_rows) {
  expect_same_in_all_chunks(
      [] { return list_reader(); },
      "\xef\xbb\xbf 1,+49 151;\n" + std::string(list_item_max + 9, 'y') + "\r\nchat:\xc3\xa4,2\n");
}

TEST(list, takes_nothing_after_the_end) {
  list_reader reader;
  row_collector sink;
  ASSERT_TRUE(reader.finish(sink));
  EXPECT_EQ(reader.feed("1", sink).error().code, errc::wrong_state);
}

}  // namespace
}  // namespace bulkmsg::recipients
