#include "bulkmsg/pacing/weekly_hours.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace bulkmsg::pacing {
namespace {

TEST(hours, days_and_times_are_read) {
  auto r = parse_hours("mon-fri 09:00-20:00; sat 10:00-14:00");
  ASSERT_TRUE(r.has_value());
  EXPECT_EQ(*r, (std::vector<hours>{{0b0011111, 540, 1'200}, {0b0100000, 600, 840}}));
  EXPECT_EQ(parse_hours("00:00-24:00").value(), (std::vector<hours>{{every_day, 0, 1'440}}));
  EXPECT_EQ(parse_hours("fri-mon,wed  22:30-06:15").value(), (std::vector<hours>{{0b1110101, 1'350, 375}}));
  EXPECT_EQ(parse_hours("09:00-12:00,13:00-18:00").value(),
            (std::vector<hours>{{every_day, 540, 720}, {every_day, 780, 1'080}}));
}

TEST(hours, print_and_parse_are_inverse) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 50'000; ++i) {
    std::vector<hours> all;
    for (std::uint64_t n = 1 + random() % 6; n > 0; --n) {
      hours h;
      h.days = random() % 3 == 0 && !all.empty() ? all.back().days : static_cast<std::uint8_t>(1 + random() % 127);
      h.from_minute = static_cast<std::int32_t>(random() % 1'440);
      do {
        h.until_minute = static_cast<std::int32_t>(1 + random() % 1'440);
      } while (h.until_minute == h.from_minute);
      all.push_back(h);
    }
    auto back = parse_hours(to_string(all));
    ASSERT_TRUE(back.has_value()) << to_string(all) << ": " << back.error().message;
    ASSERT_EQ(*back, all) << to_string(all);
  }
  EXPECT_EQ(to_string(parse_hours("sat,sun,mon,wed 08:00-12:00;sat-mon,wed 13:00-24:00").value()),
            "mon,wed,sat-sun 08:00-12:00,13:00-24:00");
}

TEST(hours, what_is_wrong_is_said_with_an_example) {
  struct wrong {
    const char* text;
    const char* says;
  };
  for (const wrong& w : {
           wrong{"", "nothing there"},
           wrong{"09:00-20:00;", "nothing there"},
           wrong{"mon-fri", "a blank and times"},
           wrong{"monday 09:00-20:00", "a blank and times"},
           wrong{"mo 09:00-20:00", "days are"},
           wrong{"mon-09:00-20:00", "days are"},
           wrong{"Mon 09:00-20:00", "times are written"},
           wrong{"9:00-20:00", "times are written"},
           wrong{"09:00", "times are written"},
           wrong{"09:00-24:01", "times are written"},
           wrong{"09:60-10:00", "times are written"},
           wrong{"09.00-10.00", "times are written"},
           wrong{"24:00-01:00", "begins before 24:00"},
           wrong{"22:00-00:00", "ends after 00:00"},
           wrong{"09:00-09:00", "not when it begins"},
           wrong{"09:00-10:00 mon", "unexpected"},
       }) {
    auto r = parse_hours(w.text);
    ASSERT_FALSE(r.has_value()) << w.text;
    EXPECT_EQ(r.error().code, errc::bad_option_value);
    EXPECT_NE(r.error().message.find(w.says), std::string::npos) << r.error().message;
    EXPECT_NE(r.error().message.find("for example '"), std::string::npos) << r.error().message;
  }
}

TEST(hours, lists_are_bounded) {
  std::string text = "mon 00:00-00:01";
  for (std::size_t i = 1; i < hours_max; ++i) text += ",00:00-00:01";
  EXPECT_TRUE(parse_hours(text).has_value());
  EXPECT_FALSE(parse_hours(text + ",00:00-00:01").has_value());
  EXPECT_FALSE(parse_hours("09:00-20:00" + std::string(hours_text_bytes_max, ' ')).has_value());
}

// Every minute of the week against the rule as written.
TEST(hours, each_minute_of_the_week_is_as_written) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    std::vector<hours> all;
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      hours h{static_cast<std::uint8_t>(1 + random() % 127), static_cast<std::int32_t>(random() % 24 * 60),
              static_cast<std::int32_t>(60 + random() % 24 * 60)};
      if (h.from_minute == h.until_minute) h.until_minute = 1'440;
      all.push_back(h);
    }
    std::vector<bool> open(7 * 1'440);
    for (const hours& h : all) {
      for (int d = 0; d < 7; ++d) {
        if ((h.days >> d & 1) == 0) continue;
        const int length = h.until_minute - h.from_minute + (h.until_minute <= h.from_minute ? 1'440 : 0);
        for (int m = 0; m < length; ++m)
          open[static_cast<std::size_t>((d * 1'440 + h.from_minute + m) % (7 * 1'440))] = true;
      }
    }
    const weekly_hours w(all);
    const auto naive = [&](std::size_t at, bool state) {
      for (std::size_t m = 0; m < open.size(); ++m) {
        if (open[(at + m) % open.size()] == state) return static_cast<std::int64_t>(m) * 60;
      }
      return weekly_hours::never;
    };
    for (std::size_t m = 0; m < open.size(); m += 1 + random() % 97) {
      const auto at = static_cast<std::int64_t>(m) * 60;
      ASSERT_EQ(w.until_open(at), naive(m, true)) << to_string(all) << " minute " << m;
      ASSERT_EQ(w.until_close(at), naive(m, false)) << to_string(all) << " minute " << m;
    }
  }
}

}  // namespace
}  // namespace bulkmsg::pacing
