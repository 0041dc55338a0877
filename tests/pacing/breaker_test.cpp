#include "bulkmsg/pacing/breaker.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <utility>

namespace bulkmsg::pacing {
namespace {

TEST(breaker, trips_at_a_share_not_at_a_number) {
  breaker b({{.failed_percent = 50, .outcomes_min = 20}});
  nanoseconds_t now = 0;
  for (int i = 0; i < 100'000; ++i) EXPECT_EQ(b.add(now += millisecond, i % 5 == 0 ? 1 : 0), nullptr);  // a fifth
  EXPECT_EQ(b.tripped(), nullptr);
  const breaker_rule* tripped = nullptr;
  int more = 0;
  for (; tripped == nullptr && more < 100'000; ++more) tripped = b.add(now += millisecond, 1);
  ASSERT_NE(tripped, nullptr);
  EXPECT_EQ(tripped->failed_percent, 50);
  EXPECT_GT(more, 20'000) << "the good ones of the last minute count as well";
  EXPECT_EQ(b.add(now, 1), nullptr) << "told once";
  EXPECT_NE(b.tripped(), nullptr);
}

TEST(breaker, a_few_failures_at_the_start_are_too_few) {
  breaker b({{.failed_percent = 50, .outcomes_min = 20}});
  for (int i = 0; i < 19; ++i) EXPECT_EQ(b.add(i, 1), nullptr);
  EXPECT_NE(b.add(19, 0), nullptr) << "19 of 20";
}

TEST(breaker, success_alone_never_trips) {
  breaker b({{.failed_percent = 1, .outcomes_min = 1}});
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(b.add(i, 0), nullptr);
}

TEST(breaker, a_class_of_errors_has_its_own_rule) {
  breaker b(
      {{.failed_percent = 90, .outcomes_min = 10}, {.error_class = 3, .failed_percent = 10, .outcomes_min = 100}});
  for (int i = 0; i < 200; ++i) ASSERT_EQ(b.add(i, i % 2 == 0 ? 0 : 2), nullptr) << "half fail, of another class";
  const breaker_rule* tripped = nullptr;
  for (int i = 0; i < 25 && tripped == nullptr; ++i) tripped = b.add(200, 3);
  ASSERT_NE(tripped, nullptr);
  EXPECT_EQ(tripped->error_class, 3);
}

TEST(breaker, old_failures_are_forgotten) {
  breaker b({{.failed_percent = 50, .outcomes_min = 20}});
  for (int i = 0; i < 19; ++i) b.add(0, 1);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(b.add(61 * second + i, i % 3 == 0 ? 1 : 0), nullptr);
}

TEST(breaker, reset_begins_anew) {
  breaker b({{.failed_percent = 50, .outcomes_min = 2}});
  b.add(0, 1);
  EXPECT_NE(b.add(0, 1), nullptr);
  b.reset();
  EXPECT_EQ(b.tripped(), nullptr);
  EXPECT_EQ(b.add(1, 1), nullptr);
}

// The same as counting a list, over steps, rests and a clock that goes back.
TEST(breaker, agrees_with_a_list) {
  for (int seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const breaker_rule rule{
        .error_class = static_cast<std::uint8_t>(random() % 3), .failed_percent = 40, .outcomes_min = 15};
    breaker b({rule}, 20 * second);  // steps of a second
    std::deque<std::pair<std::int64_t, std::uint8_t>> list;
    std::int64_t latest = 0;
    nanoseconds_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
      now += static_cast<nanoseconds_t>(random() % second);
      if (random() % 100 == 0) now -= static_cast<nanoseconds_t>(random() % (3 * second));
      if (random() % 500 == 0) now += 100 * second;
      latest = std::max(latest, now / second);
      const auto what = static_cast<std::uint8_t>(random() % 10 < 7 ? 0 : 1 + random() % 3);
      list.emplace_back(latest, what);
      while (list.front().first <= latest - 20) list.pop_front();
      std::int64_t failed = 0;
      for (const auto& [step, w] : list) failed += rule.error_class == 0 ? w != 0 : w == rule.error_class;
      const bool trips = failed > 0 && list.size() >= 15 && failed * 100 >= static_cast<std::int64_t>(list.size()) * 40;
      ASSERT_EQ(b.add(now, what) != nullptr, trips) << "seed " << seed << " step " << i;
      if (trips) {
        b.reset();
        list.clear();
      }
    }
  }
}

}  // namespace
}  // namespace bulkmsg::pacing
