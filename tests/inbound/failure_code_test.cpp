#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "inbound/merge.hpp"
#include "store/brakes.hpp"
#include "store/campaigns.hpp"
#include "store/scratch_store.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

TEST(receipts, a_failure_without_a_code_does_not_make_the_code_depend_on_the_order) {
  std::set<std::string> rows;
  for (const bool turned : {false, true}) {
    sending_store s(1);
    s.open(1);
    std::vector<status_json> list = {receipt(s, 0, "failed").at(1'800'000'010),
                                     receipt(s, 0, "failed").at(1'800'000'020).because(131026)};
    if (turned) std::reverse(list.begin(), list.end());
    inbound::append(s.db(), webhook(list), noon_ms);
    static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
    rows.insert(table(s.db(), "SELECT code, detail, failed_at_ms FROM messages"));
  }
  EXPECT_EQ(rows.size(), 1u) << *rows.begin() << " and " << *rows.rbegin();
}

inbound::merge_result fail_with(sending_store& s, int code, std::uint32_t sequence = 0) {
  inbound::append(s.db(), webhook({receipt(s, sequence, "failed").because(code)}), noon_ms);
  return inbound::merge(s.db(), scratch_store_id, noon_ms + 10);
}
campaign_state state(sending_store& s) { return store::read_campaign(s.db(), s.campaign).state; }

TEST(failures_told_late, pull_the_brakes_that_an_answer_would) {
  for (const int code : {131042, 131048, 132015, 132012, 132000}) {
    sending_store s(2);
    s.open(2);
    s.settle(0, message_state::accepted);
    EXPECT_EQ(fail_with(s, code).paused, std::vector<std::int64_t>{s.campaign}) << code;
    EXPECT_EQ(state(s), campaign_state::paused);
    EXPECT_NE(store::read_campaign(s.db(), s.campaign).reason.find(std::to_string(code)), std::string::npos);
    EXPECT_EQ(s.told().undelivered, 1) << "it is not sent again";
  }
  for (const int code : {131026, 131049, 131047, 130472, 999999}) {
    sending_store s(2);
    s.open(2);
    EXPECT_TRUE(fail_with(s, code).paused.empty()) << code;
  }
}

TEST(failures_told_late, of_a_limit_end_by_themselves) {
  sending_store s(2);
  s.open(2);
  fail_with(s, 131048);
  EXPECT_TRUE(store::release_due_brakes(s.db(), noon_ms + 86'400'000).empty());
  EXPECT_EQ(store::release_due_brakes(s.db(), noon_ms + 86'400'010).campaigns.size(), 1u);
}

TEST(failures_told_late, of_a_limit_hold_from_when_the_message_left_and_not_at_all_once_that_is_over) {
  constexpr std::int64_t hour_ms = 3'600'000;
  sending_store s(3);
  s.open(3);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::accepted, "wamid.2");
  s.db().run("UPDATE messages SET at_ms = ?2 WHERE id = ?1", s.message(1).key(), noon_ms + hour_ms);
  const auto fail_at = [&](std::int64_t now_ms, std::uint32_t sequence) {
    inbound::append(s.db(), webhook({receipt(s, sequence, "failed").because(131048)}), now_ms);
    return inbound::merge(s.db(), scratch_store_id, now_ms);
  };
  EXPECT_EQ(fail_at(noon_ms + 10 * hour_ms, 1).paused.size(), 1u);
  fail_at(noon_ms + 11 * hour_ms, 0);  // an earlier message shortens nothing
  EXPECT_EQ(table(s.db(), "SELECT until_ms FROM brakes"), std::to_string(noon_ms + 25 * hour_ms) + " ");

  sending_store late(2);
  late.open(2);
  late.settle(0, message_state::accepted);
  inbound::append(late.db(), webhook({receipt(late, 0, "failed").because(131048)}), noon_ms + 25 * hour_ms);
  EXPECT_TRUE(inbound::merge(late.db(), scratch_store_id, noon_ms + 25 * hour_ms).paused.empty());
  EXPECT_EQ(state(late), campaign_state::sending);
  EXPECT_EQ(late.told().undelivered, 1);
}

TEST(failures_told_late, of_a_file_are_the_campaigns_when_all_get_the_same) {
  sending_store s(2);
  s.open(2);
  EXPECT_TRUE(fail_with(s, 131053).paused.empty());
  s.db().exec("UPDATE campaigns SET same_media = 1");
  EXPECT_EQ(fail_with(s, 131053, 1).paused.size(), 1u);
}

TEST(failures_told_late, of_what_left_before_a_person_resumed_say_nothing_new) {
  sending_store s(3);
  s.open(3);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::accepted, "wamid.2");
  fail_with(s, 131042);
  store::change_state(s.db(), s.campaign, campaign_state::sending, "resume", "", noon_ms + 5000);
  EXPECT_TRUE(fail_with(s, 131042, 1).paused.empty());
  EXPECT_EQ(state(s), campaign_state::sending);
  s.db().exec("UPDATE messages SET at_ms = at_ms + 10000, code = NULL, receipt = 0");
  EXPECT_EQ(fail_with(s, 131042, 1).paused.size(), 1u);
}

TEST(failures_told_late, hold_each_number_that_they_came_over) {
  sending_store s(2);
  s.open(2);
  auto& db = s.db();
  std::vector<channels::callback_key> keys = {key_of(s, 0)};
  for (const char* name : {"second", "third"}) {
    const auto sender = store::put_sender(db, {.name = name, .phone_number_id = name, .token = "env:T"});
    const auto lane = store::insert_lane(db, s.campaign, 2, {}, sender);
    db.run("UPDATE lanes SET position = 1 WHERE id = ?1", lane);
    db.run("INSERT INTO campaign_senders(campaign, place, sender) VALUES (?1, ?2, ?2)", s.campaign, sender);
    keys.push_back({scratch_store_id, s.campaign, {lane, 0}, 1});
  }
  keys.pop_back();  // nothing failed over the third
  std::vector<status_json> list;
  for (const auto& key : keys) list.push_back(receipt(s, 0, "failed").called(key.text()).because(131057));
  inbound::append(db, webhook(list), noon_ms);
  const auto merged = inbound::merge(db, scratch_store_id, noon_ms + 10);
  EXPECT_EQ(merged.held.size(), 2u);
  EXPECT_EQ(state(s), campaign_state::sending);
}

// The row of a message under the key of an earlier request keeps the time of the first.
TEST(failures_told_late, of_what_may_have_left_after_a_person_resumed_pause_again) {
  for (const auto* row :
       {"UPDATE messages SET state = 6", "UPDATE messages SET state = 4, left_by_ms = at_ms + 6000"}) {
    sending_store s(2);
    s.open(2);
    s.settle(0, message_state::accepted);
    s.db().exec(row);
    store::change_state(s.db(), s.campaign, campaign_state::paused, "pause", "", noon_ms + 3000);
    store::change_state(s.db(), s.campaign, campaign_state::sending, "resume", "", noon_ms + 5000);
    inbound::append(s.db(), webhook({receipt(s, 0, "failed").because(131042)}), noon_ms + 7000);
    EXPECT_EQ(inbound::merge(s.db(), scratch_store_id, noon_ms + 7000).paused.size(), 1u) << row;
  }
}

TEST(failures_told_late, of_an_attempt_before_a_person_resumed_say_nothing_new_though_another_is_under_way) {
  for (const std::uint32_t attempt : {1, 2}) {
    sending_store s(2);
    s.open(2);
    s.settle(0, message_state::unconfirmed);
    store::change_state(s.db(), s.campaign, campaign_state::paused, "pause", "", noon_ms + 3000);
    store::change_state(s.db(), s.campaign, campaign_state::sending, "resume", "", noon_ms + 5000);
    s.db().exec("UPDATE messages SET state = 1, repeat_until_ms = 0, next_at_ms = 1");  // as the rule `resend` does
    store::claim again;
    store::open_retries(s.db(), s.lane, 1, noon_ms + 6000, again);
    ASSERT_EQ(again.messages.size(), 1u);
    inbound::append(s.db(), webhook({receipt(s, 0, "failed", attempt).because(131042)}), noon_ms + 7000);
    EXPECT_EQ(inbound::merge(s.db(), scratch_store_id, noon_ms + 7000).paused.size(), attempt == 1 ? 0u : 1u);
  }
}

}  // namespace
}  // namespace bulkmsg::testing
