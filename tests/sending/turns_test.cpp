// Whose turn it is: campaigns by weight, urgent ones first, lanes within their hours.
#include <absl/time/time.h>

#include <algorithm>

#include "pacing/reference.hpp"
#include "pacing_world.hpp"

namespace bulkmsg::testing {
namespace {

namespace reference = pacing::reference;
constexpr nanoseconds_t minute = 60 * second;
constexpr nanoseconds_t hour = 60 * minute;

std::size_t before(const std::vector<nanoseconds_t>& times, nanoseconds_t end) {
  return static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), end) - times.begin());
}

// The hour of the clock on the wall there.
int hour_there(const pacing_world& w, nanoseconds_t at, const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone));
  return static_cast<int>(absl::ToCivilSecond(absl::FromUnixNanos(at + w.time.wall() - w.time.now()), zone).hour());
}

nanoseconds_t wall_at(const pacing_world& w, absl::CivilSecond there, const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone));
  return absl::ToUnixNanos(absl::FromCivil(there, zone)) - (w.time.wall() - w.time.now());
}

TEST(turns, campaigns_share_a_sender_by_weight_and_use_all_of_it) {
  pacing_world w({{"60/s"}}, {{.count = 4000, .share = {.weight = 1}},
                              {.count = 4000, .first_person = 4000, .share = {.weight = 3}},
                              {.count = 4000, .first_person = 8000, .share = {.weight = 2}}});
  w.open();
  w.run_for(60 * second);
  const double all = static_cast<double>(w.books.arrivals.size());
  EXPECT_GE(all, 0.99 * 60 * 60);
  EXPECT_NEAR(static_cast<double>(w.times(0).size()) / all, 1.0 / 6, 0.01);
  EXPECT_NEAR(static_cast<double>(w.times(1).size()) / all, 3.0 / 6, 0.01);
  EXPECT_NEAR(static_cast<double>(w.times(2).size()) / all, 2.0 / 6, 0.01);
  w.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 12'000u);
  EXPECT_LE(reference::most_in_a_window(w.times(), second), 60);
  w.expect_nobody_twice();
}

TEST(turns, slow_limits_are_shared_too) {
  pacing_world w({{"1/s"}}, {{.count = 100}, {.count = 100, .first_person = 100, .share = {.weight = 4}}});
  w.open();
  w.run_for(100 * second);
  EXPECT_GE(w.books.arrivals.size(), 99u);
  EXPECT_NEAR(static_cast<double>(w.times(1).size()), 80.0, 3.0);
}

TEST(turns, without_a_limit_weights_still_count) {
  pacing_world w({{"in-flight=100"}}, {{.count = 9000}, {.count = 9000, .first_person = 9000, .share = {.weight = 2}}});
  w.open();
  w.run(w.time.now() + hour, 12'000);
  const auto first = static_cast<double>(w.times(0).size());
  const auto second_ = static_cast<double>(w.times(1).size());
  ASSERT_GT(first, 500);
  EXPECT_NEAR(second_ / first, 2.0, 0.2);
  w.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 18'000u);
}

TEST(turns, an_urgent_campaign_never_waits_behind_others) {
  pacing_world w({{"50/s"}}, {{.count = 5000},
                              {.count = 5000, .first_person = 5000, .share = {.weight = 100}},
                              {.count = 200, .first_person = 10'000, .share = {.urgent = true}}});
  w.open({0, 1});
  w.run_for(10 * second);
  const auto began = w.time.now();
  w.begin(2);
  w.run_for(10 * second);
  const auto urgent = w.times(2);
  ASSERT_EQ(urgent.size(), 200u);
  EXPECT_LE(urgent.front() - began, 100 * millisecond);
  EXPECT_LE(urgent.back() - began, 4 * second + 300 * millisecond) << "200 at 50 a second";
  // Nearly nobody else went meanwhile, and afterwards the others have all of it again.
  const auto all = w.times();
  const auto others = std::count_if(w.books.arrivals.begin(), w.books.arrivals.end(), [&](const arrival& a) {
    return a.key.campaign != 3 && a.at >= urgent.front() && a.at <= urgent.back();
  });
  EXPECT_LE(others, 10);
  EXPECT_GE(all.size() - before(all, urgent.back()), 50u * 5);
}

TEST(turns, what_was_opened_for_others_is_not_left_open_while_urgent_ones_go) {
  pacing_world w({{"50/s"}}, {{.count = 5000}, {.count = 1000, .first_person = 5000, .share = {.urgent = true}}});
  w.open();
  w.run_for(10 * second);
  w.crash();
  w.open({1});
  EXPECT_EQ(w.count(0).unconfirmed, 0);
}

TEST(turns, a_lane_leaves_within_its_hours_only_each_by_its_own_clock) {
  pacing_world w({{"1/s"}},
                 {{.count = 10'000, .hours = "09:00-10:00", .zones = {"Europe/Berlin", "America/New_York"}}});
  w.open();
  for (int i = 0; i < 6; ++i) {
    w.run_for(7 * hour + 17 * minute);
    w.crash();
    w.open();
  }
  w.run_for(60 * hour);
  EXPECT_GE(w.books.arrivals.size(), 9'990u);
  EXPECT_EQ(w.count(0).queued(), 0);
  std::map<std::int32_t, std::size_t> by_lane;
  for (const auto& a : w.books.arrivals) {
    ++by_lane[a.key.message.lane];
    const bool berlin = a.key.message.lane == 1;
    ASSERT_EQ(hour_there(w, a.at, berlin ? "Europe/Berlin" : "America/New_York"), 9);
  }
  EXPECT_EQ(by_lane.size(), 2u);
}

TEST(turns, hours_over_midnight_when_the_clocks_are_set) {
  // In the night to 28 March 2027 an hour is skipped in Berlin: from 22:00 to 04:00 are five hours.
  pacing_world w({{"1/s"}}, {{.count = 30'000, .hours = "22:00-04:00", .zones = {"Europe/Berlin"}}});
  w.time.advance_to(wall_at(w, absl::CivilSecond(2027, 3, 27, 12, 0, 0), "Europe/Berlin"));
  w.open();
  w.run_for(24 * hour);
  const auto times = w.times();
  ASSERT_FALSE(times.empty());
  EXPECT_GE(times.front(), wall_at(w, absl::CivilSecond(2027, 3, 27, 22, 0, 0), "Europe/Berlin"));
  EXPECT_LE(times.front(), wall_at(w, absl::CivilSecond(2027, 3, 27, 22, 0, 1), "Europe/Berlin"));
  EXPECT_LT(times.back(), wall_at(w, absl::CivilSecond(2027, 3, 28, 4, 0, 0), "Europe/Berlin"));
  EXPECT_GE(times.size(), 5u * 3600 * 99 / 100);
  EXPECT_LE(times.size(), 5u * 3600);
  w.run_for(24 * hour);
  EXPECT_EQ(w.books.arrivals.size(), 30'000u);
}

TEST(turns, a_closed_lane_leaves_nothing_open_and_does_not_hold_up_others) {
  pacing_world w({{"20/s"}},
                 {{.count = 2000, .hours = "08:00-08:01", .zones = {"UTC"}}, {.count = 2000, .first_person = 2000}});
  w.open();
  w.run_for(10 * minute);
  EXPECT_EQ(w.times(1).size(), 2000u);
  EXPECT_LT(w.times(0).size(), 1200u);
  EXPECT_GT(w.times(0).size(), 400u);
  w.crash();
  w.open();
  EXPECT_EQ(w.count(0).unconfirmed, 0);
}

}  // namespace
}  // namespace bulkmsg::testing
