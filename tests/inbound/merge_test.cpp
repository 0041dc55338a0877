#include "inbound/merge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "store/campaigns.hpp"
#include "store/reports.hpp"
#include "store/scratch_store.hpp"
#include "store/unconfirmed.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using enum message_state;

inbound::merge_result merge(scratch_store& s, std::int64_t now_ms = noon_ms) {
  return inbound::merge(s.db(), scratch_store_id, now_ms);
}
inbound::merge_result deliver(scratch_store& s, const std::vector<std::string>& bodies) {
  for (const auto& b : bodies) inbound::append(s.db(), b, noon_ms);
  return merge(s);
}
// One body with all of them, in this order.
inbound::merge_result deliver(scratch_store& s, const std::vector<status_json>& statuses) {
  return deliver(s, std::vector<std::string>{webhook(statuses)});
}
std::string whole_row(sending_store& s) {
  return table(s.db(),
               "SELECT state, attempt, provider_id, code, detail, receipt, sent_at_ms, delivered_at_ms, read_at_ms, "
               "failed_at_ms, next_at_ms FROM messages ORDER BY id");
}

// What the rules say of a set of receipts, computed without any order: the highest rank wins, the first times and the
// error are kept.
struct verdict {
  std::string row;
  counters parts;
};
verdict judge(const std::set<std::string>& seen) {
  const auto has = [&](const char* word) { return seen.contains(word); };
  const auto time = [&](const char* word, const char* at) { return std::string(has(word) ? at : "-"); };
  const int rank = has("read") ? 4 : has("delivered") ? 3 : has("failed") ? 2 : has("sent") ? 1 : 0;
  return {"2|1|wamid.0|" + std::string(has("failed") ? "131026|gone" : "-|-") + '|' + std::to_string(rank) + '|' +
              time("sent", "1800000010000") + '|' + time("delivered", "1800000020000") + '|' +
              time("read", "1800000030000") + '|' + time("failed", "1800000015000") + "|- ",
          {.total = 2, .sent = 1, .delivered = rank >= 3, .read = rank == 4, .undelivered = rank == 2}};
}
status_json told(const sending_store& s, const std::string& word) {
  auto r = receipt(s, 0, word);
  if (word == "sent") return r.at(1'800'000'010);
  if (word == "delivered") return r.at(1'800'000'020);
  if (word == "read") return r.at(1'800'000'030);
  return r.at(1'800'000'015).because(131026, "gone");
}

const std::vector<std::string> words = {"sent", "delivered", "read", "failed"};

// Every sequence of one to four of the four words, repetitions included: 4 + 16 + 64 + 256.
std::vector<std::vector<std::string>> all_sequences() {
  std::vector<std::vector<std::string>> all = {{}};
  for (std::size_t from = 0, length = 0; length < 4; ++length) {
    const auto to = all.size();
    for (; from < to; ++from) {
      for (const auto& w : words) {
        auto longer = all[from];
        longer.push_back(w);
        all.push_back(longer);
      }
    }
  }
  all.erase(all.begin());
  return all;
}
std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& each : list) text += each + ' ';
  return text;
}

// How the receipts of one sequence come in, relative to one another and to the answer to the send.
enum class coming {
  one_body,
  a_body_each,
  a_merge_each
};
enum class answer {
  before,
  after,
  none
};

class orders : public ::testing::TestWithParam<std::tuple<coming, answer>> {};
std::string order_name(const ::testing::TestParamInfo<std::tuple<coming, answer>>& each) {
  const std::string comings[] = {"one_body", "a_body_each", "a_merge_each"};
  const std::string answers[] = {"answer_before", "answer_after", "no_answer"};
  return comings[static_cast<int>(std::get<0>(each.param))] + "_" + answers[static_cast<int>(std::get<1>(each.param))];
}
INSTANTIATE_TEST_SUITE_P(receipts, orders,
                         ::testing::Combine(::testing::Values(coming::one_body, coming::a_body_each,
                                                              coming::a_merge_each),
                                            ::testing::Values(answer::before, answer::after, answer::none)),
                         order_name);

TEST_P(orders, any_order_and_repetition_gives_the_same_row_and_counters) {
  const auto [how, when] = GetParam();
  sending_store s(2);
  s.open(2);
  const auto sequences = all_sequences();
  ASSERT_EQ(sequences.size(), 340u);
  for (const auto& sequence : sequences) {
    s.db().exec("SAVEPOINT one");
    if (when == answer::before) s.settle(0, accepted, "wamid.0");
    std::vector<std::string> bodies;
    std::vector<status_json> statuses;
    for (const auto& word : sequence) {
      statuses.push_back(told(s, word));
      bodies.push_back(webhook({told(s, word)}));
    }
    switch (how) {
      case coming::one_body:
        deliver(s, statuses);
        break;
      case coming::a_body_each:
        deliver(s, bodies);
        break;
      case coming::a_merge_each:
        for (const auto& b : bodies) deliver(s, std::vector<std::string>{b});
    }
    if (when == answer::after) s.settle(0, accepted, "wamid.0");

    const auto wanted = judge({sequence.begin(), sequence.end()});
    EXPECT_EQ(whole_row(s), wanted.row) << joined(sequence);
    EXPECT_TRUE(s.told() == wanted.parts) << joined(sequence);
    EXPECT_EQ(s.balances().spent, 1) << joined(sequence);
    EXPECT_EQ(count(s.db(), "SELECT count(*) FROM inbox"), 0);
    s.db().exec("ROLLBACK TO one");
    s.db().exec("RELEASE one");
    ASSERT_FALSE(HasFailure());
  }
}

TEST(receipts, the_first_time_of_each_kind_is_kept_whatever_the_order) {
  for (const bool turned : {false, true}) {
    sending_store s(1);
    s.open(1);
    std::vector<status_json> list;
    for (const auto& word : words) {
      list.push_back(receipt(s, 0, word).at(1'800'000'050));
      list.push_back(receipt(s, 0, word).at(1'800'000'040));
    }
    if (turned) std::reverse(list.begin(), list.end());
    deliver(s, list);
    EXPECT_EQ(table(s.db(), "SELECT sent_at_ms, delivered_at_ms, read_at_ms, failed_at_ms FROM messages"),
              "1800000040000|1800000040000|1800000040000|1800000040000 ");
  }
}

TEST(receipts, a_played_message_counts_as_read) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted);
  deliver(s, {receipt(s, 0, "played")});
  EXPECT_EQ(s.told().read, 1);
  EXPECT_EQ(s.told().delivered, 1) << "a read message was delivered";
}

TEST(receipts, a_word_of_a_newer_version_changes_nothing) {
  sending_store s(1);
  s.open(1);
  const auto result = deliver(s, {receipt(s, 0, "warmed")});
  EXPECT_TRUE(result.changed.empty());
  EXPECT_EQ(whole_row(s), "");
  s.expect_accounted_for();
}

TEST(receipts, before_the_answer_is_stored_they_settle_the_message_and_pay_for_it) {
  sending_store s(3);
  s.open(2);
  deliver(s, {receipt(s, 1, "delivered")});
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(s.told().delivered, 1);
  EXPECT_EQ(s.balances().spent, 1);
  EXPECT_EQ(store::read_status(s.db(), s.campaign).settled_by_receipt, 0) << "its fate was never in doubt";
  EXPECT_EQ(s.row(1).provider_id, "wamid.1");
  s.expect_accounted_for();
}

TEST(receipts, before_the_answer_the_answer_counts_nothing_twice) {
  for (const auto late : {accepted, unconfirmed, refused}) {
    sending_store s(3);
    s.open(2);
    deliver(s, {receipt(s, 1, "read")});
    s.settle(1, late, "wamid.1");
    EXPECT_EQ(s.told().sent, 1);
    EXPECT_EQ(s.told().read, 1);
    EXPECT_EQ(s.told().failed + s.told().unconfirmed, 0);
    s.expect_accounted_for();
  }
}

TEST(receipts, one_of_them_keeps_a_crash_from_doubting_the_message) {
  sending_store s(3);
  s.open(2);
  deliver(s, {receipt(s, 1, "sent")});
  EXPECT_EQ(store::recover(s.db(), noon_ms).unconfirmed, 1);
  EXPECT_EQ(s.row(1).state, accepted);
  s.expect_accounted_for();
}

// Of the row: when its request left, at the earliest and at the latest.
std::string left(sending_store& s, std::uint32_t sequence) {
  return table(s.db(), "SELECT at_ms - 1800000000000, left_by_ms - 1800000000000 FROM messages WHERE id & 4095 = " +
                           std::to_string(sequence));
}

TEST(receipts, before_the_answer_bound_when_the_request_left) {
  sending_store s(4);
  s.open(1);
  s.open(3, noon_ms + 10);
  const auto body = webhook({receipt(s, 1, "sent").at(1'800'000'009)});
  inbound::append(s.db(), body, noon_ms + 30);
  merge(s, noon_ms + 40);
  EXPECT_EQ(left(s, 1), "10|40 ") << "between its claim and now, by our own clock";
  s.settle(1, accepted);
  EXPECT_EQ(left(s, 1), "1|- ") << "the answer knows it to the millisecond";
  store::recover(s.db(), noon_ms + 500);
  EXPECT_EQ(left(s, 0), "0|500 ");
  EXPECT_EQ(left(s, 2), "10|500 ");
}

TEST(receipts, of_a_claim_taken_back_do_not_show_that_webhooks_arrive) {
  sending_store s(2);
  store::set_rule(s.db(), s.campaign, unconfirmed_rule::resend, 1'000);
  const auto heard = [&] { return count(s.db(), "SELECT heard_of_ms - 1800000000000 FROM senders"); };
  const auto told = [&](std::uint32_t sequence, std::int64_t now_ms) {
    inbound::append(s.db(), webhook({receipt(s, sequence, "sent")}), now_ms);
    inbound::merge(s.db(), scratch_store_id, now_ms, {.opened_at_ms = noon_ms + 1});
  };
  s.open(2);
  s.settle(0, unconfirmed);
  s.settle(1, accepted);
  told(1, noon_ms + 10);
  EXPECT_EQ(heard(), 1);
  s.db().run("UPDATE senders SET heard_of_ms = ?1", noon_ms + 2);
  EXPECT_EQ(store::keep_rules(s.db(), noon_ms + 2'000, noon_ms).queued.size(), 1u);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 3'000, c);
  ASSERT_EQ(c.messages.size(), 1u);
  store::take_back_retry(s.db(), s.message(0), noon_ms + 4'000);
  told(0, noon_ms + 5'000);
  EXPECT_EQ(s.row(0).state, accepted);
  EXPECT_EQ(heard(), 2) << "its one request left long before that claim";
}

TEST(receipts, a_claim_taken_back_leaves_what_is_known_of_the_request_before) {
  sending_store s(2);
  store::set_rule(s.db(), s.campaign, unconfirmed_rule::resend, 1'000);
  s.open(1);
  store::recover(s.db(), noon_ms + 500);
  s.db().run("UPDATE senders SET heard_of_ms = ?1", noon_ms + 501);
  EXPECT_EQ(store::keep_rules(s.db(), noon_ms + 2'000, noon_ms + 500).queued.size(), 1u);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 3'000, c);
  ASSERT_EQ(c.messages.size(), 1u);
  EXPECT_EQ(left(s, 0), "0|500 ");
  store::take_back_retry(s.db(), s.message(0), noon_ms + 4'000);
  EXPECT_EQ(left(s, 0), "0|500 ");
  store::open_retries(s.db(), s.lane, 10, noon_ms + 5'000, c);
  s.settle(0, accepted, "wamid.2", 2);
  EXPECT_EQ(left(s, 0), "1|- ");
}

class settles : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(receipt, settles, ::testing::ValuesIn(words));

TEST_P(settles, an_unconfirmed_message_and_spends_its_credit) {
  sending_store s(3);
  s.open(2);
  store::recover(s.db(), noon_ms);
  ASSERT_EQ(s.told().unconfirmed, 2);
  deliver(s, {receipt(s, 1, GetParam()).because(131026)});
  EXPECT_EQ(s.told().unconfirmed, 1);
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(store::read_status(s.db(), s.campaign).settled_by_receipt, 1);
  EXPECT_EQ(s.balances().spent, 1);
  const auto row = s.row(1);
  EXPECT_EQ(row.state, accepted);
  if (GetParam() == "failed") {
    EXPECT_EQ(row.code, 131026);
  } else {
    EXPECT_EQ(row.code, 0) << "the doubt is gone";
    EXPECT_EQ(row.detail, "");
  }
  s.expect_accounted_for();
  deliver(s, {receipt(s, 1, GetParam()).because(131026)});
  EXPECT_EQ(store::read_status(s.db(), s.campaign).settled_by_receipt, 1) << "once";
  s.expect_accounted_for();
}

TEST_P(settles, an_unconfirmed_message_of_a_finished_campaign) {
  sending_store s(2);
  s.open(2);
  s.settle(0, accepted);
  s.settle(1, unconfirmed);
  store::finish(s.db(), s.campaign, noon_ms);
  deliver(s, {receipt(s, 1, GetParam()).because(131026)});
  EXPECT_EQ(s.told().sent, 2);
  EXPECT_EQ(s.balances().reserved, 0);
  EXPECT_EQ(store::read_status(s.db(), s.campaign).state, campaign_state::completed);
  s.expect_accounted_for();
}

TEST_P(settles, a_message_that_waits_for_a_retry_so_that_it_is_not_sent_again) {
  sending_store s(2);
  s.open(2);
  s.settle(0, retry, {}, 1, noon_ms);
  deliver(s, {receipt(s, 0, GetParam()).because(131026)});
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), 0);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 1'000, c);
  EXPECT_TRUE(c.messages.empty());
  s.expect_accounted_for();
}

TEST_P(settles, a_message_whose_retry_is_on_the_wire) {
  sending_store s(2);
  s.open(2);
  s.settle(0, retry, {}, 1, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms, c);
  deliver(s, {receipt(s, 0, GetParam(), 2).because(131026)});
  EXPECT_EQ(s.row(0).state, accepted);
  s.settle(0, accepted, "wamid.other", 2);
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(s.balances().spent, 1);
  EXPECT_EQ(store::recover(s.db(), noon_ms).unconfirmed, 1) << "only the other one";
  s.expect_accounted_for();
}

TEST_P(settles, a_refused_message_whose_credit_is_taken_from_what_is_available) {
  sending_store s(2);
  s.open(2);
  s.settle(0, refused);
  ASSERT_EQ(s.balances().available(), 2'999);
  deliver(s, {receipt(s, 0, GetParam()).because(131026)});
  EXPECT_EQ(s.told().failed, 0);
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(s.balances().available(), 2'998);
  EXPECT_EQ(s.balances().spent, 1);
  EXPECT_EQ(s.balances().reserved, 1);
  s.expect_accounted_for();
  deliver(s, {receipt(s, 0, GetParam()).because(131026)});
  EXPECT_EQ(s.balances().spent, 1) << "once";
}

TEST(receipts, for_a_refused_message_with_nothing_left_to_charge_it_shows_as_uncollected) {
  sending_store s(2);
  s.open(2);
  s.settle(0, refused);
  s.settle(1, refused);
  static_cast<void>(store::reserve(s.db(), s.account, 99, 2'999, noon_ms));
  ASSERT_EQ(s.balances().available(), 1);
  deliver(s, {receipt(s, 0, "delivered"), receipt(s, 1, "delivered")});
  EXPECT_EQ(s.told().sent, 2);
  EXPECT_EQ(s.balances().spent, 1);
  EXPECT_EQ(s.balances().available(), 0);
  EXPECT_EQ(count(s.db(), "SELECT uncollected FROM accounts WHERE id = " + std::to_string(s.account)), 1);
  EXPECT_NO_THROW(static_cast<void>(store::audit(s.db(), s.account)));
}

TEST(receipts, for_a_refused_message_without_an_account_only_count) {
  sending_store s(2, 0, false);
  s.open(2);
  s.settle(0, refused);
  deliver(s, {receipt(s, 0, "delivered")});
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(s.told().failed, 0);
  EXPECT_EQ(s.balances().spent, 0);
}

TEST(receipts, for_a_message_left_out_change_nothing) {
  sending_store s(2);
  s.open(2);
  s.settle(0, skipped);
  const auto before = whole_row(s);
  deliver(s, {receipt(s, 0, "delivered")});
  EXPECT_EQ(whole_row(s), before);
  s.expect_accounted_for();
}

TEST(receipts, for_a_message_never_opened_change_nothing) {
  sending_store s(5);
  s.open(2);
  const auto paid = s.balances();
  auto other_lane = key_of(s, 0);
  other_lane.message.lane = 9;
  auto other_campaign = key_of(s, 2);
  other_campaign.campaign = 9;
  auto beyond = key_of(s, 0);
  beyond.message.sequence = 0xffffffff;
  const auto result =
      deliver(s, {receipt(s, 2, "delivered"), receipt(s, 4, "read"), receipt(s, 5, "sent"),
                  receipt(s, 0, "sent").called(other_lane.text()), receipt(s, 0, "sent").called(other_campaign.text()),
                  receipt(s, 0, "sent").called(beyond.text())});
  EXPECT_TRUE(result.changed.empty());
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM messages"), 0);
  EXPECT_EQ(s.balances(), paid);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM inbox"), 0) << "it does not come again";
  s.expect_accounted_for();
}

TEST(receipts, whose_key_names_another_campaign_than_the_messages_change_nothing) {
  sending_store s(3);
  s.open(3);
  s.settle(0, accepted);
  s.settle(1, unconfirmed);
  const auto other = s.draft("other");
  for (const std::int64_t campaign : {other, std::int64_t{99}}) {
    std::vector<status_json> list;
    for (std::uint32_t i = 0; i < 3; ++i) {
      auto key = key_of(s, i);
      key.campaign = campaign;
      list.push_back(receipt(s, i, "delivered").called(key.text()));
    }
    EXPECT_TRUE(deliver(s, list).changed.empty());
    EXPECT_TRUE(store::read_status(s.db(), other).counters == counters{});
    s.expect_accounted_for();
  }
}

TEST(receipts, for_a_message_taken_back_before_it_left_change_nothing) {
  sending_store s(5);
  s.open(4);
  store::take_back(s.db(), s.lane, 2);
  deliver(s, {receipt(s, 3, "delivered"), receipt(s, 1, "delivered")});
  EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff FROM messages"), "1 ");
  s.expect_accounted_for();
}

TEST(receipts, of_many_messages_and_campaigns_in_one_merge_are_each_counted_where_they_belong) {
  sending_store s(20);
  const auto other = s.draft("other");
  s.import(other, 20, 0, 500);
  const auto lane = s.start(other);
  s.open(20);
  store::claim c;
  store::open_range(s.db(), lane, 20, noon_ms, c);
  std::vector<status_json> list;
  for (std::uint32_t i = 0; i < 12; ++i) list.push_back(receipt(s, 11 - i, i % 3 == 0 ? "read" : "delivered"));
  for (std::uint32_t i = 0; i < 7; ++i) {
    const channels::callback_key key{scratch_store_id, other, {lane, i}, 1};
    list.push_back({"sent", "wamid.o" + std::to_string(i), key.text(), ""});
  }
  std::rotate(list.begin(), list.begin() + 9, list.end());
  deliver(s, list);
  EXPECT_EQ(s.told().sent, 12);
  EXPECT_EQ(s.told().delivered, 12);
  EXPECT_EQ(s.told().read, 4);
  EXPECT_EQ(store::read_status(s.db(), other).counters.sent, 7);
  EXPECT_EQ(store::read_status(s.db(), other).counters.delivered, 0);
  EXPECT_EQ(s.balances().spent, 19);
  EXPECT_NO_THROW(static_cast<void>(store::audit(s.db(), s.account)));
}

TEST(receipts, what_changed_is_told_in_the_order_of_the_messages) {
  sending_store s(5);
  s.open(5);
  const auto result = deliver(s, {receipt(s, 3, "read"), receipt(s, 1, "sent"), receipt(s, 3, "read")});
  ASSERT_EQ(result.changed.size(), 2u) << "what changed nothing is not told";
  EXPECT_EQ(result.changed[0].message, s.message(1));
  EXPECT_EQ(result.changed[0].receipt, receipt_rank::sent);
  EXPECT_EQ(result.changed[1].message, s.message(3));
  EXPECT_EQ(result.changed[1].campaign, campaign_id{s.campaign});
}

TEST(receipts, of_another_store_are_counted_and_dropped) {
  sending_store s(2);
  s.open(2);
  auto foreign = key_of(s, 0);
  foreign.store = scratch_store_id + 1;
  deliver(s, {receipt(s, 0, "read").called(foreign.text()), receipt(s, 0, "read").called("order-4711"),
              receipt(s, 1, "read")});
  EXPECT_EQ(count(s.db(), "SELECT foreign_receipts FROM store"), 2);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM parked"), 0);
  EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff FROM messages"), "1 ");
  deliver(s, {receipt(s, 0, "read").called(foreign.text())});
  EXPECT_EQ(count(s.db(), "SELECT foreign_receipts FROM store"), 3);
}

TEST(receipts, a_failure_told_twice_keeps_the_first_ones_code_whatever_the_order) {
  for (const bool turned : {false, true}) {
    sending_store s(1);
    s.open(1);
    std::vector<status_json> list = {receipt(s, 0, "failed").at(1'800'000'010).because(131026, "first"),
                                     receipt(s, 0, "failed").at(1'800'000'020).because(131049, "second")};
    if (turned) std::reverse(list.begin(), list.end());
    for (const auto& each : list) deliver(s, std::vector<status_json>{each});
    EXPECT_EQ(table(s.db(), "SELECT code, detail, failed_at_ms FROM messages"), "131026|first|1800000010000 ");
  }
}

TEST(receipts, of_impossible_times_do_no_harm) {
  sending_store s(3);
  s.open(3);
  deliver(s, {receipt(s, 0, "sent").at(std::numeric_limits<std::int64_t>::max()),
              receipt(s, 1, "sent").at(std::numeric_limits<std::int64_t>::min()), receipt(s, 2, "sent").at(-1)});
  EXPECT_EQ(s.told().sent, 3);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM messages WHERE sent_at_ms < 0 OR sent_at_ms > 253402300800000"), 0);
  s.expect_accounted_for();
}

TEST(receipts, for_a_retry_of_a_stopped_campaign_are_collected_apart_and_do_not_hold_up_the_others) {
  sending_store s(4);
  s.open(3);
  s.settle(0, retry, {}, 1, noon_ms);
  s.settle(1, unconfirmed);
  s.settle(2, unconfirmed);
  store::change_state(s.db(), s.campaign, campaign_state::stopped, "stop", "", noon_ms);
  store::finish(s.db(), s.campaign, noon_ms);
  ASSERT_EQ(s.balances().reserved, 2);
  deliver(s, {receipt(s, 0, "delivered"), receipt(s, 1, "delivered")});
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM inbox"), 0);
  EXPECT_EQ(s.told().sent, 2);
  EXPECT_EQ(s.balances().spent, 2);
  EXPECT_EQ(s.balances().reserved, 1) << "the credit of the one that is still unconfirmed is not for others";
  s.expect_accounted_for();
}

TEST(receipts, for_a_retry_of_a_stopped_campaign_with_nothing_left_to_charge_show_as_uncollected) {
  sending_store s(2);
  s.open(1);
  s.settle(0, retry, {}, 1, noon_ms);
  store::change_state(s.db(), s.campaign, campaign_state::stopped, "stop", "", noon_ms);
  store::finish(s.db(), s.campaign, noon_ms);
  static_cast<void>(store::reserve(s.db(), s.account, 99, 3'000, noon_ms));
  deliver(s, {receipt(s, 0, "delivered")});
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(s.balances().spent, 0);
  EXPECT_EQ(count(s.db(), "SELECT uncollected FROM accounts WHERE id = " + std::to_string(s.account)), 1);
  EXPECT_NO_THROW(static_cast<void>(store::audit(s.db(), s.account)));
}

TEST(receipts, without_a_key_are_parked) {
  sending_store s(2);
  s.open(2);
  deliver(s, {receipt(s, 0, "failed").called("").at(1'800'000'000)});
  EXPECT_EQ(table(s.db(), "SELECT provider_id, status, at_ms, received_at_ms FROM parked"),
            "wamid.0|2|1800000000000|1800000000000 ");
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM messages"), 0);
  s.expect_accounted_for();
}

// Keyless receipts, every order with repetitions, before and after the answer that tells the provider's id: the row and
// the counters are those of the same receipts with our key.
TEST(parked_receipts, are_matched_by_the_providers_id_in_any_order_and_repetition) {
  sending_store s(2);
  s.open(2);
  for (const bool answer_first : {true, false}) {
    for (const auto& sequence : all_sequences()) {
      if (sequence.size() > 3) break;
      s.db().exec("SAVEPOINT one");
      const auto answered = [&] {
        s.settle(0, accepted, "wamid.0");
        s.settle(1, refused);
        s.close_intent(s.last_claim.intent);
        merge(s);
      };
      if (answer_first) answered();
      for (const auto& word : sequence) deliver(s, {told(s, word).called("")});
      if (!answer_first) {
        EXPECT_EQ(s.told().sent, 0) << "nobody knows whose they are";
        answered();
      }
      EXPECT_EQ(count(s.db(), "SELECT count(*) FROM parked"), 0) << joined(sequence);
      EXPECT_EQ(ask(s.db(), "SELECT count(*) FROM messages WHERE receipt > 0"), "1") << joined(sequence);
      s.db().exec("DELETE FROM messages WHERE state = 3");
      EXPECT_EQ(whole_row(s), judge({sequence.begin(), sequence.end()}).row) << joined(sequence);
      EXPECT_EQ(s.told().undelivered, judge({sequence.begin(), sequence.end()}).parts.undelivered) << joined(sequence);
      s.db().exec("ROLLBACK TO one");
      s.db().exec("RELEASE one");
      ASSERT_FALSE(HasFailure());
    }
  }
}

// Merges until nothing waits.
void merge_all(scratch_store& s, std::int64_t now_ms) {
  while (merge(s, now_ms).more) {
  }
}

TEST(parked_receipts, are_dropped_after_seven_days) {
  constexpr std::int64_t day_ms = 24 * 3600 * 1000;
  sending_store s(1);
  const auto park = [&](const std::string& id, std::int64_t now_ms) {
    inbound::append(s.db(), webhook({receipt(s, 0, "sent").called("").with_id(id)}), now_ms);
    merge_all(s, now_ms);
    return table(s.db(), "SELECT provider_id FROM parked ORDER BY id");
  };
  park("wamid.old", noon_ms);
  EXPECT_EQ(park("wamid.2", noon_ms + 7 * day_ms), "wamid.old wamid.2 ");
  EXPECT_EQ(park("wamid.3", noon_ms + 7 * day_ms + 1), "wamid.2 wamid.3 ");
}

TEST(parked_receipts, are_at_most_a_hundred_thousand_the_newest_ones) {
  sending_store s(1);
  s.db().exec("BEGIN");
  for (int body = 0; body < 51; ++body) {
    std::vector<status_json> list;
    for (int i = 0; i < 2'000; ++i) {
      list.push_back({"sent", "wamid." + std::to_string(body * 2'000 + i), "", ""});
    }
    inbound::append(s.db(), webhook(list), noon_ms);
  }
  merge_all(s, noon_ms);
  s.db().exec("COMMIT");
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM parked"), 100'000);
  EXPECT_EQ(table(s.db(), "SELECT provider_id FROM parked ORDER BY id LIMIT 1"), "wamid.2000 ");
}

TEST(bodies, one_that_is_no_webhook_is_dropped_without_harm_to_its_group) {
  sending_store s(4);
  s.open(4);
  const std::vector<std::string> odd = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{}",
                                        R"({"entry":5})",
                                        std::string("\0\xff", 2),
                                        R"({"entry":[{"changes":[7]}]})",
                                        R"({"entry":[{"changes":[{"value":{"statuses":[null,{"status":"sent"}]}}]}]})"};
  for (const auto& body : odd) {
    s.db().exec("SAVEPOINT one");
    deliver(s, std::vector<std::string>{webhook({receipt(s, 0, "sent")}), body, webhook({receipt(s, 1, "read")})});
    EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff, receipt FROM messages ORDER BY id"), "0|1 1|4 ") << body;
    EXPECT_EQ(count(s.db(), "SELECT count(*) FROM inbox"), 0) << body;
    s.expect_accounted_for();
    s.db().exec("ROLLBACK TO one");
    s.db().exec("RELEASE one");
  }
}

// It was answered 200, so nothing of it may be lost.
TEST(bodies, words_cut_within_an_emoji_lose_nothing_of_their_body) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted, "wamid.0");
  deliver(s, {envelope(R"("statuses":[)" + receipt(s, 0, "read").text() +
                       R"(],"messages":[{"id":"in.1","from":)"
                       R"("15551000002","timestamp":"1800000000","type":"image","image":{"caption":"oh \ud83d",)"
                       R"("bytes":123456789012345678901234567890}}])")});
  EXPECT_EQ(s.told().read, 1);
  EXPECT_EQ(table(s.db(), "SELECT text FROM replies"), "oh \xef\xbf\xbd ");
}

TEST(bodies, at_most_two_thousand_are_merged_at_once_and_the_rest_is_told) {
  sending_store s(2100, 0, false);
  s.open(2100);
  for (std::uint32_t i = 0; i < 2100; ++i) inbound::append(s.db(), webhook({receipt(s, i, "sent")}), noon_ms);
  EXPECT_TRUE(merge(s).more);
  EXPECT_EQ(s.told().sent, 2000);
  EXPECT_FALSE(merge(s).more);
  EXPECT_EQ(s.told().sent, 2100);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM inbox"), 0);
  s.expect_accounted_for();
}

TEST(bodies, exactly_two_thousand_leave_nothing_more) {
  sending_store s(2000, 0, false);
  s.open(2000);
  for (std::uint32_t i = 0; i < 2000; ++i) inbound::append(s.db(), webhook({receipt(s, i, "sent")}), noon_ms);
  EXPECT_FALSE(merge(s).more);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM inbox"), 0);
}

TEST(bodies, none_waiting_is_nothing_to_do) {
  sending_store s(1);
  const auto result = merge(s);
  EXPECT_TRUE(result.changed.empty());
  EXPECT_FALSE(result.replies);
  EXPECT_FALSE(result.more);
}

TEST(bodies, what_a_merge_that_was_rolled_back_did_comes_again) {
  sending_store s(2);
  s.open(2);
  inbound::append(s.db(), webhook({receipt(s, 0, "read")}), noon_ms);
  inbound::append(s.db(), reply_webhook("wamid.r", "15551000002", "hello"), noon_ms);
  s.db().exec("BEGIN");
  merge(s);
  s.db().exec("ROLLBACK");
  EXPECT_EQ(s.told().sent, 0);
  const auto again = merge(s);
  EXPECT_EQ(again.changed.size(), 1u);
  EXPECT_TRUE(again.replies);
  EXPECT_EQ(s.told().read, 1);
  s.expect_accounted_for();
}

TEST(replies, become_a_durable_event_with_their_words_and_what_they_answer) {
  sending_store s(1);
  const auto result = deliver(s, std::vector<std::string>{reply_webhook(
                                     "wamid.r1", "15551000002", "yes \\\"please\\\" \\ud83d\\ude00", "wamid.0")});
  EXPECT_TRUE(result.replies);
  EXPECT_EQ(table(s.db(), "SELECT provider_id, received_at_ms, address, kind, text, answers FROM replies"),
            "wamid.r1|1800000000000|+15551000002|text|yes \"please\" \xf0\x9f\x98\x80|wamid.0 ");
  EXPECT_EQ(ask(s.db(), "SELECT payload FROM events WHERE kind = 2"),
            "{\"id\":\"wamid.r1\",\"from\":\"15551000002\",\"type\":\"text\",\"text\":\"yes \\\"please\\\" "
            "\xf0\x9f\x98\x80\",\"answers\":\"wamid.0\",\"payload\":\"\",\"address\":\"+15551000002\",\"user_id\":\"\","
            "\"group_id\":\"\",\"profile\":\"\",\"written_at_ms\":1800000000000,\"opt_out\":false,\"agent\":\"\","
            "\"conversation_id\":1,\"conversation\":\"new\",\"window_closes_at_ms\":1800086400000,\"matched_by\":\"\","
            "\"message\":\"\",\"broadcast\":null,\"raw\":null}");
}

TEST(replies, come_once_per_id_however_often_the_provider_repeats_them) {
  sending_store s(1);
  const auto body = reply_webhook("wamid.r1", "15551000002", "hello");
  deliver(s, std::vector<std::string>{body, body});
  const auto again = deliver(s, std::vector<std::string>{body, reply_webhook("wamid.r2", "15551000002", "again")});
  EXPECT_TRUE(again.replies);
  EXPECT_FALSE(deliver(s, std::vector<std::string>{body}).replies);
  EXPECT_EQ(table(s.db(), "SELECT payload ->> 'id' FROM events WHERE kind = 2 ORDER BY id"), "wamid.r1 wamid.r2 ");
}

TEST(replies, acknowledged_ones_do_not_come_back_with_a_repeated_webhook) {
  sending_store s(1);
  const auto body = reply_webhook("wamid.r1", "15551000002", "hello");
  deliver(s, std::vector<std::string>{body});
  s.db().exec("DELETE FROM events");
  deliver(s, std::vector<std::string>{body});
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events"), 0);
}

TEST(replies, of_a_sender_without_a_number_come_from_its_user_id) {
  sending_store s(1);
  deliver(s, std::vector<std::string>{
                 envelope(R"("messages":[{"id":"wamid.r1","from_user_id":"US.13491208655302741918","type":"text",)"
                          R"("text":{"body":"hi"}}])")});
  EXPECT_EQ(ask(s.db(), "SELECT payload ->> 'from' FROM events WHERE kind = 2"), "US.13491208655302741918");
}

}  // namespace
}  // namespace bulkmsg::testing
