#include "bulkmsg/pacing/adaptive_rate.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "bulkmsg/pacing/rate_limiter.hpp"
#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

// Takes as fast as both allow until `end`; when each was taken.
std::vector<nanoseconds_t> run(adaptive_rate& pace, rate_limiter& limit, nanoseconds_t& now, nanoseconds_t end) {
  std::vector<nanoseconds_t> takes;
  while (now < end) {
    const nanoseconds_t at = std::max(limit.next(now), pace.next(now));
    if (at > now) {
      now = std::min(at, end);
      continue;
    }
    limit.take(now);
    pace.take(now);
    takes.push_back(now);
  }
  return takes;
}

TEST(adaptive, at_rest_it_allows_everything) {
  adaptive_rate pace({.ceiling_per_s = 80});
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(pace.next(i), i);
    pace.take(i);
  }
  EXPECT_EQ(pace.per_1000_s(5), 0);
}

TEST(adaptive, a_cut_halves_what_was_sent_and_the_pace_grows_back) {
  adaptive_rate pace({.ceiling_per_s = 80, .regain = 20 * second});
  rate_limiter limit(80, second);
  nanoseconds_t now = 0;
  run(pace, limit, now, 10 * second);
  EXPECT_TRUE(pace.throttled(now - 50 * millisecond, now));
  EXPECT_NEAR(static_cast<double>(pace.per_1000_s(now)), 40'000.0, 1'000.0);
  // 40/s and 4/s more every second: 42 in the first, 78 in the tenth.
  EXPECT_NEAR(static_cast<double>(run(pace, limit, now, 11 * second).size()), 42.0, 2.0);
  EXPECT_NEAR(static_cast<double>(run(pace, limit, now, 20 * second).size()),
              46 + 50 + 54 + 58 + 62 + 66 + 70 + 74 + 78.0, 9.0);
  EXPECT_NEAR(static_cast<double>(run(pace, limit, now, 30 * second).size()), 800.0, 2.0);
  EXPECT_EQ(pace.per_1000_s(now), 0) << "back at rest";
}

TEST(adaptive, a_slow_sender_is_cut_from_what_it_sent) {
  adaptive_rate pace({.ceiling_per_s = 1'000});
  nanoseconds_t now = 0;
  for (int i = 0; i < 100; ++i, now += 50 * millisecond) pace.take(now);  // 20/s of 1000 allowed
  EXPECT_TRUE(pace.throttled(now - millisecond, now));
  EXPECT_NEAR(static_cast<double>(pace.per_1000_s(now)), 10'000.0, 1'000.0);
}

TEST(adaptive, refusals_of_one_burst_cut_once) {
  adaptive_rate pace({.ceiling_per_s = 80});
  for (nanoseconds_t t = 0; t < 2 * second; t += 12'500 * microsecond) pace.take(t);
  nanoseconds_t now = 2 * second;
  EXPECT_TRUE(pace.throttled(now - 1, now));
  const auto after = pace.per_1000_s(now);
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(pace.throttled(now - i, now + i));
  EXPECT_GE(pace.per_1000_s(now + 200), after);
  EXPECT_TRUE(pace.throttled(now + 1, now + second)) << "sent after the cut, and refused again";
  EXPECT_LT(pace.per_1000_s(now + second), after);
}

TEST(adaptive, it_never_falls_below_the_floor) {
  adaptive_rate pace({.ceiling_per_s = 80, .floor_per_1000_s = 2'000});
  nanoseconds_t now = 0;
  for (int i = 0; i < 50; ++i) {
    now = pace.next(now);
    pace.take(now);
    pace.throttled(now, now + 1);
    EXPECT_GE(pace.per_1000_s(now + 1), 2'000);
    EXPECT_LE(pace.next(now + 1), now + 1 + second / 2);
    now += 2;
  }
}

TEST(adaptive, retry_after_closes_everything_for_its_time) {
  adaptive_rate pace({.ceiling_per_s = 80, .retry_after_max = 100 * second});
  pace.take(0);
  pace.throttled(0, second, 7 * second);
  EXPECT_GE(pace.next(second), 8 * second);
  EXPECT_EQ(pace.allowed_until(second, 7 * second), 0u);
  pace.throttled(0, 2 * second, 20 * second);
  EXPECT_EQ(pace.next(2 * second), 22 * second) << "of the same burst: no cut, but obeyed";
  pace.throttled(3 * second, 3 * second, 1'000'000 * second);
  EXPECT_LE(pace.next(3 * second), 105 * second) << "bounded";
}

TEST(adaptive, without_a_known_ceiling_it_finds_one) {
  adaptive_rate pace;
  nanoseconds_t now = 0;
  for (; now < 3 * second; now += millisecond) pace.take(now);
  EXPECT_TRUE(pace.throttled(now - 1, now));
  EXPECT_NEAR(static_cast<double>(pace.per_1000_s(now)), 500'000.0, 10'000.0);
  for (int i = 0; i < 100'000; ++i) {
    now = pace.next(now);
    pace.take(now);
  }
  EXPECT_EQ(pace.per_1000_s(now), 0) << "once four times as fast goes well, nothing is held any more";
}

// A provider that takes fewer than the limit says: AIMD settles near it, refused seldom.
TEST(adaptive, it_settles_near_what_the_provider_takes) {
  for (const std::int64_t real : {20, 40, 60, 75}) {
    adaptive_rate pace({.ceiling_per_s = 80});
    rate_limiter limit(80, second);
    rate_limiter provider(real, second);
    std::int64_t accepted = 0;
    std::int64_t refused = 0;
    for (nanoseconds_t now = 0; now < 600 * second;) {
      const nanoseconds_t at = std::max(limit.next(now), pace.next(now));
      if (at > now) {
        now = at;
        continue;
      }
      limit.take(now);
      pace.take(now);
      if (provider.next(now) <= now) {
        provider.take(now);
        ++accepted;
      } else {
        ++refused;
        pace.throttled(now, now + 1);
      }
    }
    EXPECT_GE(accepted, real * 600 * 65 / 100) << real;
    EXPECT_LE(refused, accepted / 20) << real;
  }
}

TEST(adaptive, the_next_time_is_exact_and_the_bound_on_claims_holds) {
  for (int seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    adaptive_rate pace({.ceiling_per_s = static_cast<std::int64_t>(1 + random() % 2'000)});
    nanoseconds_t now = 0;
    std::vector<nanoseconds_t> takes;
    for (int i = 0; i < 5'000; ++i) {
      const nanoseconds_t at = pace.next(now);
      if (at > now) {
        ASSERT_GT(pace.next(at - 1), at - 1);
        ASSERT_EQ(pace.next(at), at);
        now = at;
      }
      const nanoseconds_t until = now + static_cast<nanoseconds_t>(random() % second);
      const auto bound = pace.allowed_until(now, until);
      adaptive_rate copy = pace;
      std::uint64_t taken = 0;
      for (nanoseconds_t t = now; i % 50 == 0 && bound < 10'000 && (t = copy.next(t)) <= until; ++taken) copy.take(t);
      ASSERT_LE(taken, bound);
      pace.take(now);
      if (random() % 100 == 0) {
        pace.throttled(now, now + static_cast<nanoseconds_t>(random() % second), 0);
      }
      now += static_cast<nanoseconds_t>(random() % (20 * millisecond));
      if (random() % 300 == 0) now -= static_cast<nanoseconds_t>(random() % second);
    }
  }
}

TEST(adaptive, the_same_history_gives_the_same_pace) {
  const auto history = [] {
    adaptive_rate pace({.ceiling_per_s = 333});
    std::vector<nanoseconds_t> all;
    nanoseconds_t now = 0;
    for (int i = 0; i < 10'000; ++i) {
      now = pace.next(now);
      pace.take(now);
      if (i % 997 == 0) pace.throttled(now, now + millisecond);
      now += millisecond;
      all.push_back(now);
    }
    return all;
  };
  EXPECT_EQ(history(), history());
}

}  // namespace
}  // namespace bulkmsg::pacing
