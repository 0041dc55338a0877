#include "store/intents.hpp"

#include <gtest/gtest.h>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

TEST(recent_sends, beyond_a_minute_every_attempt_counts) {
  constexpr std::int64_t minute_ms = 60'000;
  sending_store s(1);
  std::int64_t now_ms = noon_ms;
  // Three attempts, ten minutes apart: refused, refused, accepted.
  s.open(1, now_ms);
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    store::outcomes batch;
    batch.add({.id = s.message(0),
               .state = attempt < 3 ? message_state::retry : message_state::accepted,
               .attempt = attempt,
               .at_ms = now_ms,
               .next_at_ms = attempt < 3 ? now_ms + 10 * minute_ms : 0},
              attempt < 3 ? "" : "wamid.1", "");
    batch.intents.push_back(s.last_claim.intent);
    store::settle(s.db(), s.campaign, batch, now_ms);
    now_ms += 10 * minute_ms;
    if (attempt < 3) store::open_retries(s.db(), s.lane, 1, now_ms, s.last_claim);
  }
  std::int64_t counted = 0;
  for (const auto& p : store::recent_sends(s.db(), s.sender, now_ms - 60 * minute_ms, now_ms)) counted += p.count;
  EXPECT_EQ(counted, 3) << "three requests went out within the hour";
}

}  // namespace
}  // namespace bulkmsg::testing
