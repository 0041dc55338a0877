#include "bulkmsg/pacing/pair_backoff.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::pacing {
namespace {

TEST(pair_backoff, waits_are_powers_of_four_until_one_goes_through) {
  pair_backoff waits;
  nanoseconds_t now = 100 * second;
  for (const std::int64_t s : {1, 4, 16, 64, 256, 1'024, 4'096, 4'096}) {
    EXPECT_EQ(waits.refused(7, now), now + s * second);
    EXPECT_EQ(waits.next(7, now), now + s * second);
    EXPECT_EQ(waits.next(8, now), now) << "nobody else waits";
    now += s * second;
    EXPECT_EQ(waits.next(7, now), now);
  }
  waits.went_through(7);
  EXPECT_EQ(waits.tracked(), 0u);
  EXPECT_EQ(waits.refused(7, now), now + second);
}

TEST(pair_backoff, several_refused_at_once_count_once) {
  pair_backoff waits;
  EXPECT_EQ(waits.refused(7, 0), second);
  EXPECT_EQ(waits.refused(7, second / 2), second);
  EXPECT_EQ(waits.refused(7, second), 5 * second);
}

TEST(pair_backoff, after_a_long_rest_it_begins_anew) {
  pair_backoff waits;
  nanoseconds_t now = 0;
  for (int i = 0; i < 5; ++i) now = waits.refused(7, now);
  now += 4 * pair_backoff::longest;
  EXPECT_EQ(waits.refused(7, now), now + second);
}

TEST(pair_backoff, is_bounded) {
  pair_backoff waits;
  for (std::uint64_t key = 0; key < pair_backoff::recipients_max; ++key) waits.refused(key, 0);
  EXPECT_EQ(waits.refused(1'000'000, 0), pair_backoff::longest);
  EXPECT_EQ(waits.tracked(), pair_backoff::recipients_max);
  const nanoseconds_t later = 6 * pair_backoff::longest;
  EXPECT_EQ(waits.refused(1'000'000, later), later + second);
  EXPECT_EQ(waits.tracked(), 1u);
}

TEST(pair_backoff, a_clock_that_goes_back_gains_nothing) {
  pair_backoff waits;
  waits.refused(7, 10 * second);
  EXPECT_EQ(waits.next(7, 0), 11 * second);
  EXPECT_EQ(waits.refused(8, 0), 11 * second);
}

}  // namespace
}  // namespace bulkmsg::pacing
