#include "store/intents.hpp"

#include <gtest/gtest.h>

#include "scratch_store.hpp"
#include "store/reports.hpp"
#include "store/senders.hpp"

namespace bulkmsg::testing {
namespace {

using sequences = std::vector<std::uint32_t>;

std::string intents(store::database& db) {
  return table(db, "SELECT first, last, retries, closed FROM intents ORDER BY id");
}
std::string states(store::database& db) {
  return table(db, "SELECT id & 0xffffffff, state, attempt FROM messages ORDER BY id");
}
// The store as it is found by the next process: another connection, and what was not committed is gone.
store::recovered recover(scratch_store& s, std::int64_t now_ms = noon_ms + 5'000) {
  return store::recover(s.db(), now_ms);
}

TEST(open_range, opens_the_next_messages_with_their_address_and_parameters) {
  sending_store s(5);
  EXPECT_EQ(s.open(2), (sequences{0, 1}));
  ASSERT_EQ(s.last_claim.messages.size(), 2u);
  EXPECT_EQ(s.last_claim.messages[0].address, "+15551000002");
  EXPECT_EQ(s.last_claim.messages[0].parameters, "n2");
  EXPECT_EQ(s.last_claim.messages[1].address, "+15551000003");
  EXPECT_EQ(s.last_claim.messages[1].parameters, "n3");
  EXPECT_EQ(s.last_claim.messages[1].attempt, 1u);
  EXPECT_EQ(s.open(2), (sequences{2, 3}));
  EXPECT_EQ(s.open(2), (sequences{4}));
  EXPECT_EQ(intents(s.db()), "0|2|0|0 2|4|0|0 4|5|0|0 ");
}

TEST(open_range, at_the_end_of_the_lane_nothing_is_opened) {
  sending_store s(3);
  s.open(3);
  EXPECT_EQ(s.open(3), sequences{});
  EXPECT_EQ(s.last_claim.intent, 0);
  EXPECT_EQ(intents(s.db()), "0|3|0|0 ");
}

TEST(open_range, asking_for_none_opens_none) {
  sending_store s(3);
  EXPECT_EQ(s.open(0), sequences{});
  EXPECT_EQ(intents(s.db()), "");
  EXPECT_EQ(store::position(s.db(), s.lane), 0);
}

TEST(open_range, intent_and_position_are_one_transaction) {
  sending_store s(5);
  s.db().exec("BEGIN");
  s.open(3);
  EXPECT_EQ(store::position(s.db(), s.lane), 3);
  auto reader = s.reader();
  EXPECT_EQ(intents(reader), "") << "told before it was durable";
  s.db().exec("ROLLBACK");
  EXPECT_EQ(store::position(s.db(), s.lane), 0);
  EXPECT_EQ(intents(s.db()), "");
  s.db().exec("BEGIN");
  s.open(3);
  s.db().exec("COMMIT");
  EXPECT_EQ(intents(reader), "0|3|0|0 ");
  EXPECT_EQ(store::position(reader, s.lane), 3);
}

TEST(open_range, lanes_do_not_touch_each_other) {
  sending_store s(4);
  const auto other = s.draft("other");
  s.import(other, 4, 0, 100);
  const auto lane = s.start(other);
  s.open(3);
  store::claim c;
  store::open_range(s.db(), lane, 2, noon_ms, c);
  ASSERT_EQ(c.messages.size(), 2u);
  EXPECT_EQ(c.messages[0].id, (message_id{lane, 0}));
  EXPECT_EQ(c.messages[0].address, "+15551000100");
  store::take_back(s.db(), lane, 0);
  EXPECT_EQ(store::position(s.db(), s.lane), 3);
  EXPECT_EQ(intents(s.db()), "0|3|0|0 ");
}

TEST(open_range, an_opened_message_without_outcome_is_still_queued) {
  sending_store s(5);
  s.open(5);
  EXPECT_EQ(s.told().queued(), 5);
  s.expect_accounted_for();
}

TEST(recover, turns_exactly_the_open_messages_without_a_row_into_unconfirmed) {
  sending_store s(10);
  s.open(3);
  s.open(3);
  s.settle(1, message_state::accepted);
  s.settle(3, message_state::refused);
  s.settle(4, message_state::retry, {}, 1, noon_ms + 100);

  const auto found = recover(s);

  EXPECT_EQ(found.unconfirmed, 3);
  EXPECT_EQ(found.window, 6);
  EXPECT_EQ(states(s.db()), "0|4|1 1|2|1 2|4|1 3|3|1 4|1|1 5|4|1 ");
  EXPECT_EQ(s.told().unconfirmed, 3);
  EXPECT_EQ(s.told().queued(), 5) << "four never opened, and one waits for its retry";
  s.expect_accounted_for();
}

TEST(recover, says_why_and_when) {
  sending_store s(2);
  s.open(1, noon_ms + 77);
  recover(s, noon_ms + 9'000);
  const auto row = s.row(0);
  EXPECT_EQ(row.state, message_state::unconfirmed);
  EXPECT_EQ(row.code, static_cast<std::int32_t>(errc::connection_lost));
  EXPECT_EQ(row.at_ms, noon_ms + 77) << "when it may have gone, not when that was found out";
  EXPECT_NE(row.detail.find("may have been on its way"), std::string::npos);
  EXPECT_EQ(row.provider_id, "");
}

TEST(recover, counts_on_the_campaign_that_each_message_belongs_to) {
  sending_store s(4);
  const auto other = s.draft("other");
  s.import(other, 4, 0, 100);
  const auto lane = s.start(other);
  s.open(1);
  store::claim c;
  store::open_range(s.db(), lane, 3, noon_ms, c);
  EXPECT_EQ(recover(s).unconfirmed, 4);
  EXPECT_EQ(s.told().unconfirmed, 1);
  EXPECT_EQ(store::read_status(s.db(), other).counters.unconfirmed, 3);
}

TEST(recover, a_second_time_finds_nothing) {
  sending_store s(10);
  s.open(4);
  recover(s);
  const auto before = states(s.db());
  const auto found = recover(s);
  EXPECT_EQ(found.unconfirmed, 0);
  EXPECT_EQ(found.window, 0);
  EXPECT_EQ(states(s.db()), before);
  EXPECT_EQ(s.told().unconfirmed, 4);
}

TEST(recover, leaves_closed_intents_alone) {
  sending_store s(4);
  s.open(2);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::accepted);
  s.close_intent(s.last_claim.intent, noon_ms + 10);
  const auto found = recover(s, noon_ms + 5'000);
  EXPECT_EQ(found.unconfirmed, 0);
  EXPECT_EQ(found.window, 0);
  EXPECT_EQ(table(s.db(), "SELECT first, last, closed, at_ms FROM intents"), "0|2|1|1800000000010 ");
}

TEST(recover, closes_what_it_found_so_that_the_rest_is_sent) {
  sending_store s(5);
  s.open(3);
  recover(s);
  EXPECT_EQ(intents(s.db()), "0|3|0|1 ");
  EXPECT_EQ(s.open(10), (sequences{3, 4}));
}

TEST(recover, holds_the_credit_of_what_may_have_gone) {
  sending_store s(5);
  s.open(3);
  recover(s);
  EXPECT_EQ(s.balances().reserved, 5);
  EXPECT_EQ(s.balances().spent, 0);
  s.expect_accounted_for();
}

TEST(recover, a_store_without_campaigns_has_nothing_to_recover) {
  scratch_store s;
  const auto found = recover(s);
  EXPECT_EQ(found.unconfirmed, 0);
  EXPECT_EQ(found.window, 0);
}

TEST(take_back, restores_the_position_and_leaves_no_intent) {
  sending_store s(10);
  s.open(4);
  store::take_back(s.db(), s.lane, 0);
  EXPECT_EQ(store::position(s.db(), s.lane), 0);
  EXPECT_EQ(intents(s.db()), "");
  EXPECT_EQ(s.open(2), (sequences{0, 1}));
}

TEST(take_back, cuts_the_range_that_was_partly_handed_over_and_drops_later_ones) {
  sending_store s(12);
  s.open(4);
  s.open(4);
  s.open(4);
  store::take_back(s.db(), s.lane, 6);
  EXPECT_EQ(intents(s.db()), "0|4|0|0 4|6|0|0 ");
  EXPECT_EQ(s.open(3), (sequences{6, 7, 8}));
}

TEST(take_back, of_nothing_changes_nothing) {
  sending_store s(10);
  s.open(4);
  store::take_back(s.db(), s.lane, 4);
  EXPECT_EQ(intents(s.db()), "0|4|0|0 ");
  EXPECT_EQ(store::position(s.db(), s.lane), 4);
}

TEST(take_back, never_moves_a_position_forward) {
  sending_store s(10);
  s.open(2);
  store::take_back(s.db(), s.lane, 7);
  EXPECT_EQ(store::position(s.db(), s.lane), 2);
}

TEST(take_back, leaves_the_intents_of_retries_alone) {
  sending_store s(4);
  s.open(2);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms, c);
  store::take_back(s.db(), s.lane, 0);
  EXPECT_EQ(intents(s.db()), "0|0|1|0 ");
}

TEST(take_back, everything_and_then_a_crash_leaves_nothing_unconfirmed) {
  sending_store s(10);
  s.open(4);
  s.open(4);
  store::take_back(s.db(), s.lane, 0);
  EXPECT_EQ(recover(s).unconfirmed, 0);
  EXPECT_EQ(states(s.db()), "");
  EXPECT_EQ(s.told().queued(), 10);
  s.expect_accounted_for();
}

TEST(take_back, a_part_and_then_a_crash_leaves_only_what_was_handed_over) {
  sending_store s(10);
  s.open(4);
  s.open(4);
  store::take_back(s.db(), s.lane, 5);
  EXPECT_EQ(recover(s).unconfirmed, 5);
  EXPECT_EQ(s.told().queued(), 5);
  EXPECT_EQ(s.open(100).front(), 5u);
}

TEST(close_intent, does_not_touch_a_later_one_of_the_same_number) {
  sending_store s(10);
  s.open(4);
  const auto gone = s.last_claim.intent;
  store::take_back(s.db(), s.lane, 0);
  s.open(4);
  s.close_intent(gone);
  EXPECT_EQ(intents(s.db()), "0|4|0|0 ");
}

TEST(close_intent, closed_ones_are_kept_for_a_minute_and_open_ones_for_ever) {
  sending_store s(10);
  s.open(1);
  const auto left_open = s.last_claim.intent;
  s.open(1);
  s.close_intent(s.last_claim.intent, noon_ms);
  s.open(1);
  s.close_intent(s.last_claim.intent, noon_ms + 60'000);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM intents"), 3) << "a minute is not over";
  s.open(1);
  s.close_intent(s.last_claim.intent, noon_ms + 60'001);
  EXPECT_EQ(intents(s.db()), "0|1|0|0 2|3|0|1 3|4|0|1 ");
  EXPECT_EQ(count(s.db(), "SELECT min(id) FROM intents"), left_open);
}

// Retries: they have rows of their own, and an intent that only says how many.

TEST(retries, only_what_is_due_is_opened_the_longest_waiting_first) {
  sending_store s(6);
  s.open(6);
  s.settle(0, message_state::retry, {}, 1, noon_ms + 300);
  s.settle(1, message_state::retry, {}, 2, noon_ms + 100);
  s.settle(2, message_state::retry, {}, 1, noon_ms + 301);
  s.settle(3, message_state::accepted);
  store::claim c;

  store::open_retries(s.db(), s.lane, 10, noon_ms + 300, c);

  ASSERT_EQ(c.messages.size(), 2u);
  EXPECT_EQ(c.messages[0].id.sequence, 1u);
  EXPECT_EQ(c.messages[0].attempt, 3u);
  EXPECT_EQ(c.messages[0].address, "+15551000003");
  EXPECT_EQ(c.messages[1].id.sequence, 0u);
  EXPECT_EQ(c.messages[1].attempt, 2u);
  EXPECT_EQ(states(s.db()), "0|6|2 1|6|3 2|1|1 3|2|1 ");
  EXPECT_EQ(count(s.db(), "SELECT retries FROM intents WHERE id = " + std::to_string(c.intent)), 2);
}

TEST(retries, no_more_are_opened_than_asked_for) {
  sending_store s(6);
  s.open(6);
  for (std::uint32_t i = 0; i < 6; ++i) s.settle(i, message_state::retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 4, noon_ms, c);
  EXPECT_EQ(c.messages.size(), 4u);
}

TEST(retries, when_none_is_due_no_intent_is_written) {
  sending_store s(2);
  s.open(1);
  s.settle(0, message_state::retry, {}, 1, noon_ms + 1);
  const auto before = intents(s.db());
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms, c);
  EXPECT_TRUE(c.messages.empty());
  EXPECT_EQ(c.intent, 0);
  EXPECT_EQ(intents(s.db()), before);
}

TEST(retries, those_of_another_lane_are_left) {
  sending_store s(2);
  const auto other = s.draft("other");
  s.import(other, 2, 0, 100);
  const auto lane = s.start(other);
  s.open(1);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), lane, 10, noon_ms + 1'000, c);
  EXPECT_TRUE(c.messages.empty());
  EXPECT_EQ(store::next_retry_at(s.db(), lane), 0);
}

TEST(retries, a_waiting_one_is_queued_and_stays_so_over_a_crash) {
  sending_store s(2);
  s.open(1);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  EXPECT_EQ(recover(s).unconfirmed, 0);
  EXPECT_EQ(states(s.db()), "0|1|1 ");
  EXPECT_EQ(s.told().queued(), 2);
  s.expect_accounted_for();
}

TEST(retries, an_attempting_one_is_queued_and_after_a_crash_unconfirmed) {
  sending_store s(3);
  s.open(3);
  for (std::uint32_t i = 0; i < 3; ++i) s.settle(i, message_state::retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 2, noon_ms, c);
  EXPECT_EQ(s.told().queued(), 3);

  const auto found = recover(s);

  EXPECT_EQ(found.unconfirmed, 2);
  EXPECT_EQ(states(s.db()), "0|4|2 1|4|2 2|1|1 ");
  EXPECT_EQ(s.told().unconfirmed, 2);
  EXPECT_EQ(s.told().queued(), 1);
  EXPECT_EQ(intents(s.db()).find("|0 "), std::string::npos) << "an intent was left open";
  s.expect_accounted_for();
}

TEST(retries, taken_back_it_waits_again_and_no_attempt_is_counted) {
  sending_store s(2);
  s.open(2);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms, c);
  store::take_back_retry(s.db(), s.message(0), noon_ms + 50);
  EXPECT_EQ(states(s.db()), "0|1|1 ");
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), noon_ms + 50);
  store::open_retries(s.db(), s.lane, 10, noon_ms + 50, c);
  ASSERT_EQ(c.messages.size(), 1u);
  EXPECT_EQ(c.messages[0].attempt, 2u);
}

TEST(retries, what_was_settled_meanwhile_is_not_taken_back) {
  sending_store s(2);
  s.open(2);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms, c);
  s.settle(0, message_state::accepted, "wamid.1", 2);
  store::take_back_retry(s.db(), s.message(0), noon_ms);
  EXPECT_EQ(states(s.db()), "0|2|2 ");
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), 0);
}

TEST(retries, the_next_one_is_the_earliest_that_waits) {
  sending_store s(3);
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), 0);
  s.open(3);
  s.settle(0, message_state::retry, {}, 1, noon_ms + 200);
  s.settle(1, message_state::retry, {}, 1, noon_ms + 100);
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), noon_ms + 100);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 100, c);
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), noon_ms + 200) << "one that is being tried does not wait";
}

// What limits have to assume after opening the store again.

std::string past(sending_store& s, std::int64_t since_ms, std::int64_t now_ms, std::int64_t sender = 0) {
  std::string all;
  for (const auto& p : store::recent_sends(s.db(), sender != 0 ? sender : s.sender, since_ms, now_ms)) {
    all += std::to_string(p.at_ms - noon_ms) + 'x' + std::to_string(p.count) + ' ';
  }
  return all;
}

TEST(recent_sends, open_ranges_count_as_sent_now_and_closed_ones_when_they_were_closed) {
  sending_store s(20);
  s.open(4, noon_ms);
  s.close_intent(s.last_claim.intent, noon_ms + 1'000);
  s.open(3, noon_ms + 2'000);
  s.open(2, noon_ms + 2'500);
  s.close_intent(s.last_claim.intent, noon_ms + 3'000);
  EXPECT_EQ(past(s, noon_ms, noon_ms + 9'000), "1000x4 3000x2 9000x3 ");
}

TEST(recent_sends, what_was_taken_back_does_not_count) {
  sending_store s(20);
  s.open(8, noon_ms);
  store::take_back(s.db(), s.lane, 3);
  EXPECT_EQ(past(s, noon_ms, noon_ms + 10), "10x3 ");
}

TEST(recent_sends, after_recovery_what_may_have_gone_counts_as_sent_now) {
  sending_store s(20);
  s.open(5, noon_ms);
  recover(s, noon_ms + 4'000);
  EXPECT_EQ(past(s, noon_ms, noon_ms + 4'000), "4000x5 ");
}

TEST(recent_sends, what_lies_before_since_does_not_count_but_open_ranges_do) {
  sending_store s(20);
  s.open(4, noon_ms);
  s.close_intent(s.last_claim.intent, noon_ms + 1'000);
  s.open(3, noon_ms);
  EXPECT_EQ(past(s, noon_ms + 1'001, noon_ms + 2'000), "2000x3 ");
  EXPECT_EQ(past(s, noon_ms + 1'000, noon_ms + 2'000), "1000x4 2000x3 ");
}

TEST(recent_sends, retries_count_too) {
  sending_store s(5);
  s.open(2, noon_ms);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  s.settle(1, message_state::retry, {}, 1, noon_ms);
  s.close_intent(s.last_claim.intent, noon_ms + 10);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 20, c);
  EXPECT_EQ(past(s, noon_ms, noon_ms + 100), "10x2 100x2 ");
}

TEST(recent_sends, other_senders_do_not_count) {
  sending_store s(5);
  s.open(2, noon_ms);
  const auto other = store::put_sender(s.db(), {.name = "other", .phone_number_id = "2", .token = "env:T"});
  EXPECT_EQ(past(s, noon_ms, noon_ms + 100, other), "");
}

TEST(recent_sends, beyond_a_minute_the_messages_tell) {
  sending_store s(10);
  s.open(4, noon_ms);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::refused);
  s.settle(2, message_state::unconfirmed);
  s.settle(3, message_state::skipped, {}, 0);
  s.close_intent(s.last_claim.intent, noon_ms + 10);
  // Rows carry noon + 1 ms. The one left out was never on the wire.
  EXPECT_EQ(past(s, noon_ms, noon_ms + 3'600'000), "1x3 ");
  EXPECT_EQ(past(s, noon_ms + 2, noon_ms + 3'600'000), "");
}

TEST(recent_sends, who_was_tried_and_then_skipped_has_used_the_limit) {
  sending_store s(10);
  s.open(2, noon_ms);
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  s.settle(1, message_state::retry, {}, 1, noon_ms);
  s.close_intent(s.last_claim.intent, noon_ms + 10);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 20, c);
  s.settle(0, message_state::skipped, {}, 1);
  s.settle(1, message_state::skipped, {}, 1);
  s.close_intent(c.intent, noon_ms + 30);
  EXPECT_EQ(past(s, noon_ms, noon_ms + 3'600'000), "1x2 ");
}

TEST(recent_sends, who_was_set_aside_untried_takes_nothing_from_the_others) {
  sending_store s(10);
  s.open(3, noon_ms);
  s.settle(0, message_state::accepted, {}, 3);
  s.settle(1, message_state::retry, {}, 0, noon_ms);
  s.settle(2, message_state::retry, {}, 0, noon_ms);
  s.close_intent(s.last_claim.intent, noon_ms + 10);
  // Two earlier attempts of the first, and the range as it was closed; a longer limit asks for more than a minute.
  EXPECT_EQ(past(s, noon_ms - 3'600'000, noon_ms + 1'000), "1x2 10x3 ");
}

TEST(recent_sends, at_the_border_of_the_minute_no_send_is_left_out) {
  // A message is in its row at the first byte, and in its intent at the closing: whatever the moment of looking, one of
  // both must count.
  for (const std::int64_t after : {0, 1, 9, 10, 11, 59'999, 60'000, 60'001, 60'009, 60'010, 60'011, 70'000}) {
    sending_store s(4);
    s.open(4, noon_ms);
    for (std::uint32_t i = 0; i < 4; ++i) s.settle(i, message_state::accepted);
    s.close_intent(s.last_claim.intent, noon_ms + 10);
    std::int64_t counted = 0;
    for (const auto& p : store::recent_sends(s.db(), s.sender, noon_ms - 3'600'000, noon_ms + 10 + after)) {
      counted += p.count;
    }
    EXPECT_GE(counted, 4) << after << " ms after the closing";
  }
}

}  // namespace
}  // namespace bulkmsg::testing
