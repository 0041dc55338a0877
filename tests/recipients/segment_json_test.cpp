#include "bulkmsg/recipients/segment_json.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::recipients {
namespace {

const std::vector<attribute> known{{1, "city", attribute_type::text, true},
                                   {2, "spent", attribute_type::number, false},
                                   {3, "last_order", attribute_type::date, false},
                                   {4, "member", attribute_type::boolean, false}};

error refusal(std::string_view json) {
  const auto read = parse_segment_json(json, known);
  if (!read) return read.error();
  ADD_FAILURE() << "nothing was refused: " << json;
  return {};
}

TEST(segment_json, reads_nested_conditions) {
  const auto read = parse_segment_json(
      R"({"all":[{"attribute":"CITY","is":["Lisbon","Porto"]},
                 {"any":[{"label":"vip"},{"not":{"attribute":"spent","greater":10}}]},
                 {"attribute":"last_order","within_last_days":30},
                 {"attribute":"member","exists":false}]})",
      known);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->parts.size(), 4u);
  EXPECT_EQ(read->parts[0].attribute.id, 1);
  EXPECT_EQ(read->parts[0].texts, (std::vector<std::string>{"Lisbon", "Porto"}));
  EXPECT_EQ(read->parts[1].what, condition::kind::any);
  EXPECT_EQ(read->parts[1].parts[0].texts, std::vector<std::string>{"vip"});
  EXPECT_EQ(read->parts[1].parts[1].parts[0].numbers, std::vector<double>{10});
  EXPECT_EQ(read->parts[2].days, 30);
  EXPECT_FALSE(read->parts[3].flag);
}

TEST(segment_json, dates_are_brought_to_their_one_spelling) {
  const auto read = parse_segment_json(R"({"attribute":"last_order","before":"2026/01/02"})", known);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->texts, std::vector<std::string>{"2026-01-02"});
}

TEST(segment_json, errors_point_at_the_condition_and_say_what_is_allowed) {
  const auto expect = [](std::string_view json, std::string_view where, std::string_view what) {
    const auto why = refusal(json);
    EXPECT_EQ(why.code, errc::segment_malformed) << json;
    EXPECT_EQ(why.message.find("segment: " + std::string(where) + ": "), 0u) << why.message;
    EXPECT_NE(why.message.find(what), std::string::npos) << why.message;
  };
  expect("{", "$", "not JSON");
  expect("[]", "$", "a condition is an object");
  expect("{}", "$", "a condition is an object");
  expect(R"({"all":{}})", "$.all", "list of conditions");
  expect(R"({"all":[{"label":"a"},{"any":[{"lable":"x"}]}]})", "$.all[1].any[0]", "'lable' is not known");
  expect(R"({"all":[],"any":[]})", "$", "holds 2 members");
  expect(R"({"not":[]})", "$.not", "a condition is an object");
  expect(R"({"label":[]})", "$.label", "empty list");
  expect(R"({"label":["a",7]})", "$.label[1]", "must be a text");
  expect(R"({"attribute":"citty","is":"x"})", "$.attribute", "there are: city, spent, last_order, member");
  expect(R"({"attribute":7,"is":"x"})", "$.attribute", "must be a name");
  expect(R"({"attribute":"city"})", "$",
         "no comparison; 'city' is text and has: is, is_not, contains, starts_with, exists");
  expect(R"({"attribute":"city","greater":1})", "$", "'greater' does not fit; 'city' is text");
  expect(R"({"attribute":"spent","like":1})", "$",
         "'like' is no comparison; 'spent' is a number and has: is, is_not, greater");
  expect(R"({"attribute":"spent","greater":1,"less":2})", "$", "two comparisons");
  expect(R"({"attribute":"spent","greater":"1"})", "$.greater", "must be a number");
  expect(R"({"attribute":"spent","is":[1,"2"]})", "$.is[1]", "must be a number");
  expect(R"({"attribute":"last_order","after":"1.2.2026"})", "$.after", "YYYY-MM-DD");
  expect(R"({"attribute":"last_order","within_last_days":-1})", "$.within_last_days", "0 to 36500");
  expect(R"({"attribute":"member","is":"yes"})", "$.is", "true or false");
  expect(R"({"attribute":"city","is":""})", "$.is", "\"exists\": false");
  expect(R"({"attribute":"city","is":"a\u0000b"})", "$.is", "control character");
}

TEST(segment_json, depth_conditions_and_values_are_bounded) {
  const auto nested = [](int depth) {
    std::string json = R"({"label":"x"})";
    for (int i = 1; i < depth; ++i) json = R"({"not":)" + json + "}";
    return json;
  };
  EXPECT_TRUE(parse_segment_json(nested(16), known));
  EXPECT_NE(refusal(nested(17)).message.find("more than 16 deep"), std::string::npos);
  const auto wide = [](int parts) {
    std::string json = R"({"any":[)";
    for (int i = 0; i < parts; ++i) json += (i == 0 ? "" : ",") + std::string(R"({"label":"x"})");
    return json + "]}";
  };
  EXPECT_TRUE(parse_segment_json(wide(999), known));
  EXPECT_NE(refusal(wide(1000)).message.find("more than 1000 conditions"), std::string::npos);
  const auto many = [](int values) {
    std::string json = R"({"attribute":"spent","is":[0)";
    for (int i = 1; i < values; ++i) json += "," + std::to_string(i);
    return json + "]}";
  };
  EXPECT_TRUE(parse_segment_json(many(4000), known));
  EXPECT_NE(refusal(many(4001)).message.find("more than 4000 values"), std::string::npos);
  EXPECT_EQ(refusal(std::string(segment_json_bytes_max + 1, ' ')).code, errc::too_large);
}

}  // namespace
}  // namespace bulkmsg::recipients
