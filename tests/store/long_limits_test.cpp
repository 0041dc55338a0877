#include <gtest/gtest.h>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

TEST(recent_sends, earlier_attempts_of_a_message_just_tried_again_count) {
  constexpr std::int64_t minute_ms = 60'000;
  sending_store s(1);
  std::int64_t now_ms = noon_ms;
  s.open(1, now_ms);
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    store::outcomes batch;
    batch.add({.id = s.message(0),
               .state = attempt < 2 ? message_state::retry : message_state::accepted,
               .attempt = attempt,
               .at_ms = now_ms,
               .next_at_ms = attempt < 2 ? now_ms + 10 * minute_ms : 0},
              attempt < 2 ? "" : "wamid.1", "");
    batch.intents.push_back(s.last_claim.intent);
    store::settle(s.db(), s.campaign, batch, now_ms);
    if (attempt == 2) break;
    now_ms += 10 * minute_ms;
    store::open_retries(s.db(), s.lane, 1, now_ms, s.last_claim);
  }
  now_ms += minute_ms / 2;
  std::int64_t counted = 0;
  for (const auto& p : store::recent_sends(s.db(), s.sender, now_ms - 60 * minute_ms, now_ms)) counted += p.count;
  EXPECT_GE(counted, 2) << "two requests went out within the hour";
}

}  // namespace
}  // namespace bulkmsg::testing
