#include "bulkmsg/pacing/batch_limiter.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

TEST(batch, the_delay_runs_from_the_last_of_a_batch_to_the_first_of_the_next) {
  batch_limiter b(500, 10 * second);
  nanoseconds_t now = 0;
  for (int i = 0; i < 500; ++i, now += 20 * millisecond) {
    ASSERT_EQ(b.next(now), now);
    b.take(now);
  }
  EXPECT_EQ(b.next(now), now - 20 * millisecond + 10 * second);
  EXPECT_EQ(b.state(), (batch_state{500, 499 * 20 * millisecond}));
}

TEST(batch, an_incomplete_batch_is_over_after_the_delay) {
  batch_limiter b(3, second);
  b.take(0);
  b.take(0);
  b.take(second);
  EXPECT_EQ(b.state().taken, 1);
  b.take(second);
  b.take(2 * second - 1);
  EXPECT_EQ(b.next(2 * second - 1), 3 * second - 1);
}

TEST(batch, no_piece_between_gaps_holds_more_and_the_limit_is_used) {
  for (int seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto count = static_cast<std::int64_t>(1 + random() % 20);
    const auto delay = static_cast<nanoseconds_t>(1 + random() % 1'000);
    batch_limiter b(count, delay);
    std::vector<nanoseconds_t> takes;
    nanoseconds_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
      const nanoseconds_t at = b.next(now);
      if (at > now) {
        ASSERT_EQ(b.next(at - 1), at);
        now = random() % 4 == 0 ? at + 1 : at;
      }
      b.take(now);
      takes.push_back(now);
      if (random() % 4 == 0) now += static_cast<nanoseconds_t>(random() % static_cast<std::uint64_t>(2 * delay));
    }
    ASSERT_LE(reference::largest_batch(takes, delay), count) << "seed " << seed;
  }
  batch_limiter b(500, 10 * second);
  nanoseconds_t now = 0;
  for (int i = 0; i < 5'000; ++i) {
    now = b.next(now);
    b.take(now);
  }
  EXPECT_EQ(now, 9 * 10 * second);
}

TEST(batch, the_state_goes_on_across_a_restart) {
  batch_limiter before(10, second);
  for (int i = 0; i < 7; ++i) before.take(i);
  batch_limiter after(10, second);
  after.restore(before.state());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(after.next(100), 100);
    after.take(100);
  }
  EXPECT_EQ(after.next(100), 100 + second);
}

TEST(batch, assume_fills_the_batch_and_moves_its_end) {
  batch_limiter b(10, second);
  b.assume(5, 1'000'000);
  EXPECT_EQ(b.next(6), 5 + second);
}

TEST(batch, a_refund_makes_room_in_its_own_batch_only) {
  batch_limiter b(2, second);
  b.take(0);
  b.take(1);
  EXPECT_GT(b.next(1), 1);
  b.refund(1);
  EXPECT_EQ(b.next(2), 2);
  b.take(2);
  b.take(b.next(2));
  b.take(b.next(2));
  const nanoseconds_t full = b.next(2 + second);
  b.refund(0);  // long over
  EXPECT_EQ(b.next(2 + second), full);
}

TEST(batch, a_refund_of_what_came_before_assume_or_restore_does_nothing) {
  batch_limiter b(2, second);
  b.take(1);
  b.assume(2, 2);
  b.refund(1);
  EXPECT_EQ(b.next(3), 2 + second);
  batch_limiter restored(2, second);
  restored.restore({2, 10});
  restored.refund(5);
  EXPECT_EQ(restored.next(11), 10 + second);
}

TEST(batch, the_bound_on_claims_holds) {
  std::mt19937_64 random(4);
  batch_limiter b(7, 100);
  nanoseconds_t now = 0;
  for (int i = 0; i < 20'000; ++i) {
    const nanoseconds_t until = now + static_cast<nanoseconds_t>(random() % 500);
    batch_limiter copy = b;
    std::uint64_t granted = 0;
    // Sends at once, or begins with a new batch: the better of both is the most there can be.
    for (nanoseconds_t t = copy.next(now); t <= until; t = copy.next(t)) copy.take(t), ++granted;
    copy = b;
    std::uint64_t later = 0;
    const nanoseconds_t rest = std::max(now, b.state().last + 100);
    for (nanoseconds_t t = copy.next(rest); t <= until; t = copy.next(t)) copy.take(t), ++later;
    ASSERT_EQ(b.allowed_until(now, until), std::max(granted, later));
    now = b.next(now);
    b.take(now);
    if (random() % 3 == 0) now += static_cast<nanoseconds_t>(random() % 150);
  }
  EXPECT_GT(b.allowed_until(now, std::numeric_limits<nanoseconds_t>::max()), 1'000'000u);
}

TEST(batch, a_clock_that_goes_back_gains_nothing) {
  batch_limiter b(2, second);
  b.take(10 * second);
  b.take(3 * second);
  EXPECT_EQ(b.next(3 * second), 11 * second);
}

}  // namespace
}  // namespace bulkmsg::pacing
