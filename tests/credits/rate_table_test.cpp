#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

#include "bulkmsg/credits/rate_table_json.hpp"

namespace bulkmsg::credits {
namespace {

rate_table parsed(std::string_view json) {
  auto r = parse_rate_table_json(json);
  if (!r) ADD_FAILURE() << r.error().message;
  return r ? *r : rate_table();
}

constexpr std::string_view example = R"({
  "rates": {"1":    {"marketing": 25000, "utility": 4000},
            "1787": {"marketing": 74000},
            "49":   {"marketing": 136500, "utility": 55000},
            "*":    {"marketing": 60000}},
  "credits": {"marketing": 3}})";

TEST(rate_table, the_longest_prefix_that_states_the_category_decides) {
  const auto t = parsed(example);
  EXPECT_EQ(t.micros("+4915112345678", "marketing"), 136'500);
  EXPECT_EQ(t.micros("+12125550100", "marketing"), 25'000);
  EXPECT_EQ(t.micros("+17875550100", "marketing"), 74'000);
  EXPECT_EQ(t.micros("+17875550100", "utility"), 4'000) << "1787 says nothing of utility";
  EXPECT_EQ(t.micros("+442071838750", "marketing"), 60'000);
  EXPECT_EQ(t.micros("+442071838750", "utility"), std::nullopt);
  EXPECT_EQ(t.micros("+4", "marketing"), 60'000);
  EXPECT_EQ(t.micros("+49151", "no_such"), std::nullopt);
}

TEST(rate_table, what_is_no_number_is_priced_as_everywhere_else) {
  const auto t = parsed(example);
  for (const char* address : {"group:49151", "user:US.1349", "chat:1", "", "+", "4915112345678"}) {
    EXPECT_EQ(t.micros(address, "marketing"), 60'000) << address;
  }
}

TEST(rate_table, credits_are_one_where_nothing_is_said) {
  const auto t = parsed(example);
  EXPECT_EQ(t.credits_per_message("marketing"), 3);
  EXPECT_EQ(t.credits_per_message("utility"), 1);
  EXPECT_EQ(t.credits_per_message("no_such"), 1);
  EXPECT_EQ(rate_table().credits_per_message("marketing"), 1);
}

TEST(rate_table, every_mistake_is_named_by_its_path) {
  const std::pair<const char*, const char*> mistakes[] = {
      {R"({"rates":{"49":{"marketing":1.5}}})", "rates.49.marketing: must be an integer"},
      {R"({"rates":{"49":{"marketing":"1"}}})", "rates.49.marketing: must be an integer"},
      {R"({"rates":{"49":{"marketing":-1}}})", "rates.49.marketing: a price is from 0 to 1000000000"},
      {R"({"rates":{"49":{"marketing":1000000001}}})", "rates.49.marketing: a price is from 0"},
      {R"({"rates":{"49":{"Marketing":1}}})", "rates.49.Marketing: a category is"},
      {R"({"rates":{"49":{"":1}}})", "rates.49.: a category is"},
      {R"({"rates":{"DE":{"marketing":1}}})", "rates.DE.marketing: a destination is up to 15 digits"},
      {R"({"rates":{"+49":{"marketing":1}}})", "rates.+49.marketing: a destination is"},
      {R"({"rates":{"049":{"marketing":1}}})", "rates.049.marketing: a destination is"},
      {R"({"rates":{"1234567890123456":{"marketing":1}}})", "a destination is"},
      {R"({"rates":{"":{"marketing":1}}})", "rates.: a destination is empty"},
      {R"({"rates":{"49":{"marketing":1,"marketing":2}}})", "rates.49.marketing: is given twice"},
      {R"({"rates":{"49":{},"49":{}}})", "rates.49: is given twice"},
      {R"({"rates":{"49":7}})", "rates.49: must be an object"},
      {R"({"rates":[]})", "rates: must be an object"},
      {R"({"credits":{"marketing":0}})", "credits.marketing: a message costs from 1 to 1000"},
      {R"({"credits":{"marketing":1001}})", "credits.marketing: a message costs"},
      {R"({"credits":{},"credits":{}})", "credits: is given twice"},
  };
  for (const auto& [json, words] : mistakes) {
    const auto r = parse_rate_table_json(json);
    ASSERT_FALSE(r.has_value()) << json;
    EXPECT_EQ(r.error().code, errc::bad_option_value) << json;
    EXPECT_NE(r.error().message.find(words), std::string::npos) << json << ": " << r.error().message;
  }
  EXPECT_EQ(parse_rate_table_json(R"({"rate":{}})").error().code, errc::unknown_option);
  for (const char* bad : {"", "[]", "{", "7", R"({"rates":{"49":{"marketing":1}})"}) {
    EXPECT_EQ(parse_rate_table_json(bad).error().code, errc::json_malformed) << bad;
  }
  EXPECT_EQ(parse_rate_table_json(std::string(rate_table_bytes_max + 1, ' ')).error().code, errc::too_large);
}

TEST(rate_table, is_bounded_in_destinations_and_categories) {
  rate_table t;
  for (std::size_t i = 0; i < rate_prefixes_max; ++i) {
    ASSERT_TRUE(t.set_micros(std::to_string(100'000 + i), "marketing", 1).has_value());
  }
  EXPECT_EQ(t.set_micros("9", "marketing", 1).error().code, errc::bad_option_value);
  EXPECT_TRUE(t.set_micros("100000", "marketing", 2).has_value()) << "one that is there may change";
  for (std::size_t i = 1; i < rate_categories_max; ++i) {
    ASSERT_TRUE(t.set_credits(std::string(i, 'a'), 1).has_value());
  }
  EXPECT_EQ(t.set_credits("b", 1).error().code, errc::bad_option_value);
}

TEST(rate_table, an_estimate_adds_up_by_destination) {
  const auto t = parsed(example);
  estimator cost(t, "marketing", 3);
  for (const char* to : {"+4915112345678", "+12125550100", "+17875550100", "+4915112345679", "group:7"}) cost.add(to);
  const auto sum = cost.total();
  ASSERT_TRUE(sum.has_value());
  const std::vector<estimate_line> lines = {{"*", "marketing", 1, 3, 60'000, true},
                                            {"1", "marketing", 1, 3, 25'000, true},
                                            {"1787", "marketing", 1, 3, 74'000, true},
                                            {"49", "marketing", 2, 6, 273'000, true}};
  EXPECT_EQ(sum->lines, lines);
  EXPECT_EQ(sum->messages, 5);
  EXPECT_EQ(sum->credits, 15);
  EXPECT_EQ(sum->micros, 432'000);
  EXPECT_EQ(sum->unpriced, 0);
}

TEST(rate_table, what_has_no_price_is_counted_and_costs_its_credits_all_the_same) {
  const auto t = parsed(example);
  estimator cost(t, "utility", 1);
  cost.add("+4915112345678");
  cost.add("+442071838750");
  const auto sum = cost.total();
  ASSERT_TRUE(sum.has_value());
  EXPECT_EQ(sum->unpriced, 1);
  EXPECT_EQ(sum->credits, 2);
  EXPECT_EQ(sum->micros, 55'000);
  EXPECT_EQ(sum->lines[0], (estimate_line{"*", "utility", 1, 1, 0, false}));
}

TEST(rate_table, an_estimate_that_passes_64_bits_is_an_error) {
  const rate_table t;
  estimator cost(t, "marketing", std::numeric_limits<std::int64_t>::max());
  cost.add("+1");
  EXPECT_TRUE(cost.total().has_value());
  cost.add("+1");
  EXPECT_EQ(cost.total().error().code, errc::invalid_argument);
}

// Against a map of strings and the definition of the longest prefix.
TEST(rate_table, random_tables_price_as_a_naive_search_does) {
  std::mt19937_64 random(5);
  const auto digits = [&](std::size_t most) {
    std::string s(1, static_cast<char>('1' + random() % 2));
    while (s.size() < most && random() % 3 != 0) s += static_cast<char>('0' + random() % 3);
    return s;
  };
  for (int round = 0; round < 200; ++round) {
    rate_table t;
    std::map<std::pair<std::string, std::string>, std::int64_t> naive;
    for (auto n = random() % 30; n > 0; --n) {
      const auto prefix = random() % 8 == 0 ? std::string() : digits(6);
      const std::string category = random() % 2 == 0 ? "a" : "b";
      const auto price = static_cast<std::int64_t>(random() % 1'000);
      ASSERT_TRUE(t.set_micros(prefix, category, price).has_value());
      naive[{prefix, category}] = price;
    }
    for (int i = 0; i < 100; ++i) {
      const auto number = digits(9);
      std::optional<std::int64_t> expected;
      for (std::size_t n = 0; n <= number.size(); ++n) {
        if (const auto at = naive.find({number.substr(0, n), "a"}); at != naive.end()) expected = at->second;
      }
      ASSERT_EQ(t.micros("+" + number, "a"), expected) << number;
    }
  }
}

}  // namespace
}  // namespace bulkmsg::credits
