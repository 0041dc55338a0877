#include "bulkmsg/credits/billing.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::credits {
namespace {

std::string local(nanoseconds_t wall, const std::string& zone) {
  absl::TimeZone tz;
  EXPECT_TRUE(absl::LoadTimeZone(zone, &tz));
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixNanos(wall), tz);
}

std::int32_t period(int year, int month) { return year * 12 + month; }

TEST(billing, day_31_falls_on_the_last_day_of_shorter_months) {
  auto c = billing_calendar::make(31, "UTC");
  ASSERT_TRUE(c.has_value());
  EXPECT_EQ(local(c->begin_of(period(2027, 1)), "UTC"), "2027-01-31 00:00");
  EXPECT_EQ(local(c->begin_of(period(2027, 2)), "UTC"), "2027-02-28 00:00");
  EXPECT_EQ(local(c->begin_of(period(2028, 2)), "UTC"), "2028-02-29 00:00");
  EXPECT_EQ(local(c->begin_of(period(2027, 4)), "UTC"), "2027-04-30 00:00");
  EXPECT_EQ(local(c->begin_of(period(2027, 12)), "UTC"), "2027-12-31 00:00");
}

TEST(billing, a_period_lasts_to_the_nanosecond_before_the_next) {
  for (const char* zone : {"UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "Asia/Beirut",
                           "America/Havana", "Australia/Lord_Howe"}) {
    for (const int day : {1, 15, 28, 29, 30, 31}) {
      auto c = billing_calendar::make(day, zone);
      ASSERT_TRUE(c.has_value()) << zone;
      for (std::int32_t p = period(2009, 1); p < period(2031, 1); ++p) {
        const nanoseconds_t begin = c->begin_of(p);
        ASSERT_EQ(c->period_at(begin), p) << zone << " " << day << " " << local(begin, zone);
        ASSERT_EQ(c->period_at(begin - 1), p - 1) << zone << " " << day << " " << local(begin, zone);
        ASSERT_LT(begin, c->begin_of(p + 1));
      }
    }
  }
}

TEST(billing, a_day_without_midnight_begins_when_the_clocks_allow) {
  auto c = billing_calendar::make(4, "America/Sao_Paulo");  // 2018-11-04: 00:00 became 01:00
  ASSERT_TRUE(c.has_value());
  EXPECT_EQ(local(c->begin_of(period(2018, 11)), "America/Sao_Paulo"), "2018-11-04 01:00");
}

TEST(billing, a_midnight_that_comes_twice_counts_once) {
  auto c = billing_calendar::make(1, "America/Havana");  // 2026-11-01: 01:00 became 00:00
  ASSERT_TRUE(c.has_value());
  const nanoseconds_t begin = c->begin_of(period(2026, 11));
  EXPECT_EQ(local(begin, "America/Havana"), "2026-11-01 00:00");
  EXPECT_EQ(c->period_at(begin + 3'600 * second), period(2026, 11));
}

TEST(billing, what_cannot_be_is_refused) {
  EXPECT_EQ(billing_calendar::make(0, "UTC").error().code, errc::bad_option_value);
  EXPECT_EQ(billing_calendar::make(32, "UTC").error().code, errc::bad_option_value);
  EXPECT_EQ(billing_calendar::make(1, "Mars/Olympus").error().code, errc::bad_option_value);
}

}  // namespace
}  // namespace bulkmsg::credits
