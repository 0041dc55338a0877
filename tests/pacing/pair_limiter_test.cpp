#include "bulkmsg/pacing/pair_limiter.hpp"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

namespace bulkmsg::pacing {
namespace {

TEST(pair, forty_five_at_once_then_one_in_six_seconds) {
  pair_limiter p(1, 6 * second, 45);
  nanoseconds_t now = 1'000;
  for (int i = 0; i < 45; ++i) {
    ASSERT_EQ(p.next(7, now), now);
    p.take(7, now);
  }
  EXPECT_EQ(p.next(7, now), now + 6 * second);
  EXPECT_EQ(p.next(8, now), now) << "others do not wait";
  now += 6 * second;
  p.take(7, now);
  EXPECT_EQ(p.next(7, now), now + 6 * second);
}

// At most B + t/interval in any time t, for every pair of takes of every recipient, while entries come and go.
TEST(pair, no_time_holds_more_for_any_recipient) {
  for (int seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    pair_limiter p(2, 13, 4);  // an interval of 7
    std::unordered_map<std::uint64_t, std::vector<nanoseconds_t>> takes;
    std::unordered_map<std::uint64_t, nanoseconds_t> due;  // a plain GCRA each
    nanoseconds_t now = 0;
    for (int i = 0; i < 300'000; ++i) {
      const std::uint64_t key = random() % (random() % 4 == 0 ? 5'000 : 20);
      const nanoseconds_t at = p.next(key, now);
      const nanoseconds_t naive = due.contains(key) ? std::max(now, due[key] - 21) : now;
      ASSERT_EQ(at, naive);
      if (at <= now) {
        p.take(key, now);
        takes[key].push_back(now);
        due[key] = std::max(due.contains(key) ? due[key] : now, now) + 7;
      }
      now += random() % 3 == 0;
      if (random() % 20'000 == 0) now += 1'000;
    }
    for (const auto& [key, times] : takes) {
      for (std::size_t i = 0; i < times.size(); ++i) {
        for (std::size_t j = i; j < std::min(times.size(), i + 50); ++j) {
          ASSERT_LE(static_cast<nanoseconds_t>(j - i + 1), 4 + (times[j] - times[i]) / 7) << "key " << key;
        }
      }
    }
  }
}

TEST(pair, a_million_recipients_fit_in_48_bytes_each) {
  pair_limiter p(1, 6 * second, 45);
  double worst = 0;
  for (std::uint64_t key = 1; key <= 1'000'000; ++key) {
    p.take(key, 0);
    if (key > 1'000) worst = std::max(worst, static_cast<double>(p.memory_bytes()) / static_cast<double>(key));
  }
  EXPECT_EQ(p.tracked(), 1'000'000u);
  EXPECT_LE(worst, 48.0);
  for (std::uint64_t key = 1; key <= 1'000'000; key += 997) EXPECT_EQ(p.next(key, 0), 0);
}

TEST(pair, recovered_recipients_are_forgotten) {
  pair_limiter p(1, second, 1);
  for (std::uint64_t key = 0; key < 2'000'000; ++key) {
    p.take(key, static_cast<nanoseconds_t>(key) * millisecond);  // 1000 alive at any time
  }
  EXPECT_LT(p.memory_bytes(), 200'000u);
}

TEST(pair, key_zero_is_a_key) {
  pair_limiter p(1, second, 1);
  p.take(0, 0);
  EXPECT_EQ(p.next(0, 0), second);
}

TEST(pair, a_refund_returns_the_permit_unless_it_was_worked_off) {
  pair_limiter p(1, second, 2);
  p.take(1, 0);
  p.take(1, 0);
  EXPECT_EQ(p.next(1, 0), second);
  p.refund(1, 0);
  EXPECT_EQ(p.next(1, 0), 0);
  p.take(1, 5 * second);
  p.take(1, 5 * second);
  p.refund(1, 0);
  p.refund(9, 5 * second);
  EXPECT_EQ(p.next(1, 5 * second), 6 * second);
}

TEST(pair, a_clock_that_goes_back_gains_nothing) {
  pair_limiter p(1, second, 1);
  p.take(1, 10 * second);
  EXPECT_EQ(p.next(1, 2 * second), 11 * second);
}

TEST(pair, assume_fills_the_burst) {
  pair_limiter p(1, second, 3);
  p.assume(1, 0, 1'000'000);
  EXPECT_EQ(p.next(1, 0), second);
}

}  // namespace
}  // namespace bulkmsg::pacing
