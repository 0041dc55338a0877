#include "store/outcomes.hpp"

#include <gtest/gtest.h>

#include "inbound/merge.hpp"
#include "inbound/webhook_bodies.hpp"
#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

using enum message_state;

struct effect {
  message_state state;
  counters change;                     // from a campaign of ten with nothing settled
  std::int64_t spent, held, returned;  // of its ten credits
};

class one_outcome : public ::testing::TestWithParam<effect> {};

INSTANTIATE_TEST_SUITE_P(outcomes, one_outcome,
                         ::testing::Values(effect{accepted, {.sent = 1}, 1, 9, 0},
                                           effect{refused, {.failed = 1}, 0, 9, 1}, effect{retry, {}, 0, 10, 0},
                                           effect{unconfirmed, {.unconfirmed = 1}, 0, 10, 0},
                                           effect{skipped, {.skipped = 1}, 0, 9, 1}),
                         [](const auto& each) { return std::string(name(each.param.state)); });

TEST_P(one_outcome, moves_its_counter_its_credit_and_nothing_else) {
  const auto& wanted = GetParam();
  sending_store s(10);
  s.open(3);

  s.settle(1, wanted.state, "wamid.1", 1, noon_ms + 500);

  auto expected = wanted.change;
  expected.total = 10;
  EXPECT_TRUE(s.told() == expected);
  EXPECT_EQ(s.balances().spent, wanted.spent);
  EXPECT_EQ(s.balances().reserved, wanted.held);
  EXPECT_EQ(s.balances().available(), 3'000 - 10 + wanted.returned);
  EXPECT_EQ(s.row(1).state, wanted.state);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM messages"), 1);
  s.expect_accounted_for();
}

TEST_P(one_outcome, told_twice_it_counts_once) {
  sending_store s(10);
  s.open(3);
  s.settle(1, GetParam().state, "wamid.1", 1, noon_ms + 500);
  const auto counted = s.told();
  const auto paid = s.balances();
  const auto row = table(s.db(), "SELECT * FROM messages");
  s.settle(1, GetParam().state, "wamid.1", 1, noon_ms + 500);
  EXPECT_TRUE(s.told() == counted);
  EXPECT_EQ(s.balances(), paid);
  EXPECT_EQ(table(s.db(), "SELECT * FROM messages"), row);
  s.expect_accounted_for();
}

TEST_P(one_outcome, twice_in_one_batch_counts_once) {
  sending_store s(10);
  s.open(3);
  store::outcomes batch;
  for (int i = 0; i < 2; ++i) {
    batch.add({.id = s.message(0), .state = GetParam().state, .at_ms = noon_ms, .next_at_ms = noon_ms}, "wamid.1", "");
  }
  store::settle(s.db(), s.campaign, batch, noon_ms);
  auto expected = GetParam().change;
  expected.total = 10;
  EXPECT_TRUE(s.told() == expected);
  s.expect_accounted_for();
}

TEST_P(one_outcome, without_an_account_only_the_counters_move) {
  sending_store s(10, 0, false);
  s.open(3);
  s.settle(1, GetParam().state, "wamid.1", 1, noon_ms + 500);
  auto expected = GetParam().change;
  expected.total = 10;
  EXPECT_TRUE(s.told() == expected);
  EXPECT_EQ(s.balances().available(), 3'000);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM ledger"), 1) << "the month's grant, and no more";
}

TEST_P(one_outcome, after_a_receipt_it_adds_its_attempt_and_provider_id_and_changes_nothing_else) {
  sending_store s(10);
  s.open(3);
  inbound::append(s.db(), webhook({receipt(s, 1, "delivered")}), noon_ms);
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
  s.db().exec("UPDATE messages SET provider_id = NULL");  // as if the receipt had not told it
  const auto counted = s.told();
  const auto paid = s.balances();
  const std::string told =
      "SELECT id, state, next_at_ms, code, detail, receipt, sent_at_ms, delivered_at_ms, read_at_ms, failed_at_ms "
      "FROM messages";
  const auto row = table(s.db(), told);

  s.settle(1, GetParam().state, "wamid.answer", 2, noon_ms + 500);

  EXPECT_TRUE(s.told() == counted);
  EXPECT_EQ(s.balances(), paid);
  EXPECT_EQ(table(s.db(), told), row);
  EXPECT_EQ(s.row(1).provider_id, GetParam().state == accepted ? "wamid.answer" : "");
  EXPECT_EQ(s.row(1).at_ms, noon_ms + 1) << "when its first byte left, which limits need to know";
  EXPECT_EQ(s.row(1).attempt, 2);
  s.expect_accounted_for();
}

TEST(outcomes, an_answer_does_not_replace_the_provider_id_that_a_receipt_told) {
  sending_store s(2);
  s.open(1);
  inbound::append(s.db(), webhook({receipt(s, 0, "delivered").with_id("wamid.told")}), noon_ms);
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
  s.settle(0, accepted, "wamid.other");
  EXPECT_EQ(s.row(0).provider_id, "wamid.told");
}

TEST(outcomes, an_accepted_one_keeps_its_provider_id_attempt_and_time) {
  sending_store s(2);
  s.open(2);
  s.settle(0, accepted, "wamid.HBgL", 3);
  const auto row = s.row(0);
  EXPECT_EQ(row.provider_id, "wamid.HBgL");
  EXPECT_EQ(row.attempt, 3);
  EXPECT_EQ(row.at_ms, noon_ms + 1);
  EXPECT_EQ(row.code, 0);
  EXPECT_EQ(row.detail, "");
}

TEST(outcomes, a_refused_one_keeps_the_code_and_the_words) {
  sending_store s(2);
  s.open(2);
  s.settle(0, refused);
  EXPECT_EQ(s.row(0).code, 131000);
  EXPECT_EQ(s.row(0).detail, "because");
  EXPECT_EQ(s.row(0).provider_id, "");
}

TEST(outcomes, texts_of_one_batch_are_not_mixed_up) {
  sending_store s(4);
  s.open(4);
  store::outcomes batch;
  batch.add({.id = s.message(0), .state = accepted, .at_ms = noon_ms}, "wamid.one", "");
  batch.add({.id = s.message(1), .state = refused, .code = 5, .at_ms = noon_ms}, "", "two");
  batch.add({.id = s.message(2), .state = unconfirmed, .code = 6, .at_ms = noon_ms}, "", "");
  batch.add({.id = s.message(3), .state = accepted, .at_ms = noon_ms}, "wamid.four", "");
  store::settle(s.db(), s.campaign, batch, noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT provider_id, detail FROM messages ORDER BY id"),
            "wamid.one|- -|two -| wamid.four|- ");
  s.expect_accounted_for();
}

TEST(outcomes, a_retry_that_is_accepted_is_sent_once_and_forgets_its_refusal) {
  sending_store s(2);
  s.open(2);
  s.settle(0, retry, {}, 1, noon_ms + 10);
  store::claim c;
  store::open_retries(s.db(), s.lane, 1, noon_ms + 10, c);
  s.settle(0, accepted, "wamid.2", 2);
  const auto row = s.row(0);
  EXPECT_EQ(row.state, accepted);
  EXPECT_EQ(row.attempt, 2);
  EXPECT_EQ(row.code, 0);
  EXPECT_EQ(row.detail, "");
  EXPECT_EQ(store::next_retry_at(s.db(), s.lane), 0);
  EXPECT_EQ(s.told().sent, 1);
  EXPECT_EQ(s.balances().spent, 1) << "one credit, however many attempts";
  s.expect_accounted_for();
}

TEST(outcomes, a_retry_that_is_refused_at_last_gives_its_credit_back) {
  sending_store s(2);
  s.open(2);
  for (std::uint32_t attempt = 1; attempt < 4; ++attempt) {
    s.settle(0, retry, {}, attempt, noon_ms);
    store::claim c;
    store::open_retries(s.db(), s.lane, 1, noon_ms, c);
  }
  s.settle(0, refused, {}, 4);
  EXPECT_EQ(s.told().failed, 1);
  EXPECT_EQ(s.balances().reserved, 1);
  s.expect_accounted_for();
}

TEST(outcomes, what_is_settled_is_not_settled_otherwise_later) {
  for (const auto first : {accepted, refused, unconfirmed, skipped}) {
    for (const auto second : {accepted, refused, retry, unconfirmed, skipped}) {
      sending_store s(3);
      s.open(3);
      s.settle(0, first);
      const auto counted = s.told();
      const auto paid = s.balances();
      s.settle(0, second, "wamid.other", 2, noon_ms + 9);
      EXPECT_EQ(s.row(0).state, first) << name(first) << " then " << name(second);
      EXPECT_TRUE(s.told() == counted) << name(first) << " then " << name(second);
      EXPECT_EQ(s.balances(), paid) << name(first) << " then " << name(second);
    }
  }
}

TEST(outcomes, intents_named_in_the_batch_are_closed_with_it) {
  sending_store s(4);
  s.open(2);
  const auto one = s.last_claim.intent;
  s.open(2);
  store::outcomes batch;
  batch.add({.id = s.message(0), .state = accepted, .at_ms = noon_ms}, "wamid.1", "");
  batch.add({.id = s.message(1), .state = accepted, .at_ms = noon_ms}, "wamid.2", "");
  batch.intents.push_back(one);
  store::settle(s.db(), s.campaign, batch, noon_ms + 50);
  EXPECT_EQ(table(s.db(), "SELECT first, closed FROM intents ORDER BY id"), "0|1 2|0 ");
  EXPECT_EQ(store::recover(s.db(), noon_ms + 100).unconfirmed, 2);
}

TEST(outcomes, an_empty_batch_changes_nothing) {
  sending_store s(4);
  store::outcomes batch;
  EXPECT_TRUE(batch.empty());
  const auto ledger = count(s.db(), "SELECT count(*) FROM ledger");
  store::settle(s.db(), s.campaign, batch, noon_ms);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM ledger"), ledger);
  s.expect_accounted_for();
}

TEST(outcomes, a_batch_is_settled_whole_or_not_at_all) {
  sending_store s(4);
  s.open(4);
  store::outcomes batch;
  for (std::uint32_t i = 0; i < 4; ++i) {
    batch.add({.id = s.message(i), .state = accepted, .at_ms = noon_ms}, "wamid", "");
  }
  // The last thing written is refused.
  s.db().exec("CREATE TEMP TRIGGER no BEFORE INSERT ON main.ledger BEGIN SELECT RAISE(ABORT, 'no'); END");
  s.db().exec("BEGIN");
  EXPECT_EQ(refusal([&] { store::settle(s.db(), s.campaign, batch, noon_ms); }).code, errc::store_failed);
  s.db().exec("ROLLBACK");
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM messages"), 0);
  EXPECT_EQ(s.told().sent, 0);
}

TEST(outcomes, one_batch_posts_and_returns_in_one_ledger_entry_each) {
  sending_store s(10);
  s.open(10);
  store::outcomes batch;
  for (std::uint32_t i = 0; i < 6; ++i) batch.add({.id = s.message(i), .state = accepted, .at_ms = 1}, "w", "");
  for (std::uint32_t i = 6; i < 10; ++i) batch.add({.id = s.message(i), .state = refused, .at_ms = 1}, "", "no");
  store::settle(s.db(), s.campaign, batch, noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT kind, amount FROM ledger WHERE kind > 4 ORDER BY id"), "5|6 6|4 ");
  s.expect_accounted_for();
}

}  // namespace
}  // namespace bulkmsg::testing
