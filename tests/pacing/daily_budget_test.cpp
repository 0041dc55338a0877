#include "bulkmsg/pacing/daily_budget.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace bulkmsg::pacing {
namespace {

constexpr nanoseconds_t hour = nanoseconds_t{3'600} * second;

absl::TimeZone zone(const char* name) {
  absl::TimeZone z;
  EXPECT_TRUE(absl::LoadTimeZone(name, &z)) << name;
  return z;
}

nanoseconds_t at(absl::CivilSecond local, absl::TimeZone z) { return absl::ToUnixNanos(absl::FromCivil(local, z)); }

TEST(daily, what_does_not_fit_waits_for_midnight_in_the_zone) {
  const auto berlin = zone("Europe/Berlin");
  daily_budget b(2, berlin);
  const nanoseconds_t noon = at(absl::CivilSecond(2026, 11, 21, 12), berlin);
  b.take(1, noon);
  b.take(2, noon + hour);
  EXPECT_EQ(b.next(noon + 2 * hour), at(absl::CivilSecond(2026, 11, 22), berlin));
  EXPECT_EQ(b.allowed_until(noon + 2 * hour, noon + 3 * hour), 0u);
  EXPECT_EQ(b.allowed_until(noon + 2 * hour, noon + 12 * hour), 2u);
  EXPECT_EQ(b.next(noon + 12 * hour), noon + 12 * hour);
}

// A year of saturation in zones whose days have 23, 24 and 25 hours, without a midnight, or with two.
TEST(daily, each_day_has_exactly_its_budget) {
  for (const char* name : {"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana",
                           "Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"}) {
    const auto z = zone(name);
    daily_budget b(3, z);
    std::map<std::string, int> days;
    const nanoseconds_t end = at(absl::CivilSecond(2019, 1, 1), z);
    nanoseconds_t wall = at(absl::CivilSecond(2018, 1, 1), z);
    for (nanoseconds_t now = 0; wall < end; ++now) {
      const nanoseconds_t next = b.next(wall);
      if (next <= wall) {
        b.take(now, wall);
        ++days[absl::FormatTime("%Y-%m-%d", absl::FromUnixNanos(wall), z)];
      } else {
        wall = next;
      }
    }
    EXPECT_EQ(days.size(), 365u) << name;
    for (const auto& [day, count] : days) EXPECT_EQ(count, 3) << name << " " << day;
  }
}

TEST(daily, setting_the_clock_back_frees_nothing) {
  const auto z = zone("Europe/Berlin");
  const nanoseconds_t midnight = at(absl::CivilSecond(2026, 11, 22), z);
  daily_budget b(1, z);
  b.take(1, midnight + second);
  EXPECT_EQ(b.next(midnight - second), midnight + 24 * hour) << "the day had begun";
  EXPECT_EQ(b.next(midnight - 72 * hour), midnight - 48 * hour) << "it was wrong by days: used up for today";
  EXPECT_EQ(b.next(midnight + 25 * hour), midnight + 25 * hour);
}

TEST(daily, a_refund_counts_for_its_own_day_only) {
  const auto z = zone("Europe/Berlin");
  const nanoseconds_t midnight = at(absl::CivilSecond(2026, 11, 22), z);
  daily_budget b(1, z);
  b.take(1, midnight - second);
  b.take(2, midnight);
  b.refund(1);
  EXPECT_GT(b.next(midnight), midnight) << "that was yesterday's";
  b.refund(2);
  EXPECT_EQ(b.next(midnight), midnight);
  b.assume(3, midnight, 5);
  b.refund(3);
  EXPECT_GT(b.next(midnight), midnight) << "what an earlier run sent stays";
}

TEST(daily, reopening_counts_the_rows_of_today) {
  const auto z = zone("Europe/Berlin");
  const nanoseconds_t midnight = at(absl::CivilSecond(2026, 11, 22), z);
  daily_budget b(10, z);
  b.assume(-30, midnight - 3 * hour, 10);
  b.assume(-20, midnight, 4);
  b.assume(-10, midnight + hour, 3);
  EXPECT_EQ(b.allowed_until(midnight + 2 * hour, midnight + 3 * hour), 3u);
}

}  // namespace
}  // namespace bulkmsg::pacing
