#include "engine/earliest_clock.hpp"

#include <gtest/gtest.h>

#include "sending/restored_permits.hpp"
#include "store/scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

constexpr nanoseconds_t hour = 3600 * second;

TEST(earliest_clock, a_clock_that_was_set_back_and_again_frees_no_limit_of_a_sender_that_is_made_anew) {
  manual_clock time(noon_ms * millisecond);
  earliest_clock earliest(time);
  sending_store s(1);
  time.shift_wall(-hour);
  earliest.look();
  s.open(1, time.wall() / millisecond);
  store::outcomes batch;
  batch.add({.id = s.message(0), .state = message_state::accepted, .at_ms = time.wall() / millisecond}, "wamid.1", "");
  batch.intents.push_back(s.last_claim.intent);
  store::settle(s.db(), s.campaign, batch, time.wall() / millisecond);
  const auto sent_at = time.now();
  time.shift_wall(2 * hour);
  time.advance(5 * 60 * second);

  const auto limits = *pacing::parse_limits("1/10m; in-flight=8");
  auto permits = sending::restored_permits(s.db(), s.sender, limits, absl::UTCTimeZone(), earliest);
  EXPECT_FALSE(permits.take(sent_at + 9 * 60 * second, {}).granted);
  EXPECT_TRUE(permits.take(time.now() + 11 * 60 * second, {}).granted);
}

TEST(earliest_clock, it_goes_on_with_time) {
  manual_clock time;
  earliest_clock earliest(time);
  const auto at = earliest.wall();
  time.advance(second);
  EXPECT_EQ(earliest.wall(), at + second);
  time.shift_wall(hour);
  EXPECT_EQ(earliest.wall(), at + second);
  time.shift_wall(-2 * hour);
  EXPECT_EQ(earliest.wall(), at + second - hour);
}

}  // namespace
}  // namespace bulkmsg::testing
