#include "bulkmsg/pacing/limit.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace bulkmsg::pacing {
namespace {

limit parsed(std::string_view text) {
  auto r = parse_limit(text);
  EXPECT_TRUE(r.has_value()) << text << ": " << (r ? "" : r.error().message);
  return r.value_or(limit{});
}

TEST(limit, each_kind_is_read) {
  EXPECT_EQ(parsed("80/s"), (limit{limit_kind::rate, 80, second, 0}));
  EXPECT_EQ(parsed("80/2s"), (limit{limit_kind::rate, 80, 2 * second, 0}));
  EXPECT_EQ(parsed("1000/250ms"), (limit{limit_kind::rate, 1000, 250 * millisecond, 0}));
  EXPECT_EQ(parsed("100000/24h"), (limit{limit_kind::rate, 100'000, 86'400 * second, 0}));
  EXPECT_EQ(parsed("30/m"), (limit{limit_kind::rate, 30, 60 * second, 0}));
  EXPECT_EQ(parsed(" 500/batch,10s "), (limit{limit_kind::batch, 500, 10 * second, 0}));
  EXPECT_EQ(parsed("in-flight=200"), (limit{limit_kind::in_flight, 200, 0, 0}));
  EXPECT_EQ(parsed("1/6s per recipient,burst=45"), (limit{limit_kind::per_recipient, 1, 6 * second, 45}));
  EXPECT_EQ(parsed("1/6s per recipient"), (limit{limit_kind::per_recipient, 1, 6 * second, 1}));
  EXPECT_EQ(parsed("2000 recipients/24h"), (limit{limit_kind::recipients, 2'000, 86'400 * second, 0}));
  EXPECT_EQ(parsed("5000/day"), (limit{limit_kind::daily, 5'000, 0, 0}));
  EXPECT_EQ(parsed("inbound=20%"), (limit{limit_kind::inbound_share, 20, 0, 0}));
}

TEST(limit, several_are_separated_by_semicolons) {
  auto r = parse_limits("80/s; 500/batch,10s;in-flight=200");
  ASSERT_TRUE(r.has_value());
  ASSERT_EQ(r->size(), 3u);
  EXPECT_EQ(to_string(*r), "80/s; 500/batch,10s; in-flight=200");
}

TEST(limit, printing_takes_the_largest_unit_that_divides) {
  EXPECT_EQ(to_string(parsed("80/1000ms")), "80/s");
  EXPECT_EQ(to_string(parsed("80/60s")), "80/m");
  EXPECT_EQ(to_string(parsed("80/90s")), "80/90s");
  EXPECT_EQ(to_string(parsed("5/batch,1s")), "5/batch,1s");
  EXPECT_EQ(to_string(parsed("1/6s per recipient,burst=1")), "1/6s per recipient");
}

TEST(limit, print_and_parse_are_inverse) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    limit l;
    l.kind = static_cast<limit_kind>(1 + random() % 7);
    l.count = 1 + static_cast<std::int64_t>(random() % (random() % 2 == 0 ? 100 : limit_count_max));
    if (l.kind == limit_kind::inbound_share) {
      l.count = 1 + l.count % inbound_share_max;
    } else if (l.kind != limit_kind::in_flight && l.kind != limit_kind::daily) {
      const nanoseconds_t units[] = {millisecond, second, 60 * second, 3'600 * second};
      l.window = units[random() % 4] * static_cast<std::int64_t>(1 + random() % 744);
    }
    if (l.kind == limit_kind::per_recipient) l.burst = 1 + static_cast<std::int64_t>(random() % limit_burst_max);
    const std::string text = to_string(l);
    auto back = parse_limit(text);
    ASSERT_TRUE(back.has_value()) << text;
    ASSERT_EQ(*back, l) << text;
  }
}

TEST(limit, what_is_wrong_is_said_with_an_example) {
  struct wrong {
    const char* text;
    const char* says;
  };
  for (const wrong& w : {
           wrong{"", "nothing there"},
           wrong{"0/s", "from 1 to"},
           wrong{"-1/s", "from 1 to"},
           wrong{"+1/s", "from 1 to"},
           wrong{"1000000001/s", "from 1 to"},
           wrong{"99999999999999999999999/s", "from 1 to"},
           wrong{"80", "'/'"},
           wrong{"80 / s", "'/'"},
           wrong{"80/", "ms, s, m or h"},
           wrong{"80/x", "ms, s, m or h"},
           wrong{"80/0s", "ms, s, m or h"},
           wrong{"80/745h", "at most 744h"},
           wrong{"80/99999999999999h", "at most 744h"},
           wrong{"80/1.5s", "ms, s, m or h"},
           wrong{"80/s,max_burst=10", "unexpected ',max_burst=10'"},
           wrong{"80/second", "unexpected 'econd'"},
           wrong{"500/batch", "delay"},
           wrong{"500/batch,", "ms, s, m or h"},
           wrong{"500/batch,10s each", "unexpected"},
           wrong{"in-flight=", "from 1 to"},
           wrong{"in-flight=0", "from 1 to"},
           wrong{"in-flight=2x", "unexpected 'x'"},
           wrong{"1/6s per recipient,burst=0", "burst must"},
           wrong{"1/6s per recipient,burst=45,x", "unexpected"},
           wrong{"2000 recipients/", "ms, s, m or h"},
           wrong{"2000 recipients/day", "ms, s, m or h"},
           wrong{"2000 recipients/24h,burst=2", "unexpected"},
           wrong{"0 recipients/24h", "from 1 to"},
           wrong{"5000/days", "unexpected 's'"},
           wrong{"inbound=20", "from 1 to 90 with '%'"},
           wrong{"inbound=0%", "from 1 to 90"},
           wrong{"inbound=91%", "from 1 to 90"},
           wrong{"inbound=20%x", "unexpected 'x'"},
       }) {
    auto r = parse_limit(w.text);
    ASSERT_FALSE(r.has_value()) << w.text;
    EXPECT_EQ(r.error().code, errc::bad_option_value);
    EXPECT_NE(r.error().message.find(w.says), std::string::npos) << r.error().message;
    EXPECT_NE(r.error().message.find("for example '"), std::string::npos) << r.error().message;
  }
}

TEST(limit, a_hostile_text_gives_a_short_printable_message) {
  auto r = parse_limit(std::string("80/\n\x1b[31m") + std::string(900, 'x'));
  ASSERT_FALSE(r.has_value());
  EXPECT_LT(r.error().message.size(), 250u);
  for (const char c : r.error().message) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST(limit, lists_are_bounded) {
  std::string text = "1/s";
  for (std::size_t i = 1; i < limits_max; ++i) text += ";1/s";
  EXPECT_TRUE(parse_limits(text).has_value());
  EXPECT_FALSE(parse_limits(text + ";1/s").has_value());
  EXPECT_FALSE(parse_limits("80/s;").has_value());
  EXPECT_FALSE(parse_limits("").has_value());
  EXPECT_FALSE(parse_limits("80/s; inbound=20%; inbound=20%").has_value());
  EXPECT_FALSE(parse_limits("80/s" + std::string(limits_text_bytes_max, ' ')).has_value());
}

}  // namespace
}  // namespace bulkmsg::pacing
