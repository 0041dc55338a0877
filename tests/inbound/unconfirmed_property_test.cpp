// Rules, people's words, children and receipts in any order: after every step the counters are those of the rows, every
// credit is in its place, and nobody is in two children.
#include <gtest/gtest.h>

#include <random>

#include "inbound/merge.hpp"
#include "store/campaigns.hpp"
#include "store/children.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"
#include "store/scratch_store.hpp"
#include "store/unconfirmed.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

void expect_each_in_one_child(sending_store& s) {
  // As many recipients of children as superseded messages, each with its message's address.
  EXPECT_EQ(
      count(s.db(), "SELECT count(*) FROM messages WHERE superseded IS NOT NULL"),
      count(s.db(), "SELECT count(*) FROM recipients r JOIN campaigns c ON c.id = r.id >> 32 WHERE c.parent > 0"));
  EXPECT_EQ(count(s.db(),
                  "SELECT count(*) FROM messages m JOIN plan p ON p.id = m.id JOIN recipients old ON "
                  "old.id = p.recipient JOIN recipients new ON new.id = m.superseded "
                  "WHERE old.address = new.address AND old.parameters = new.parameters"),
            count(s.db(), "SELECT count(DISTINCT superseded) FROM messages"));
}

class life {
 public:
  explicit life(unsigned seed) : dice_(seed), s_(40) {
    store::set_rule(s_.db(), s_.campaign, static_cast<unconfirmed_rule>(seed % 3), 1'000);
    if (seed % 2 == 0) store::set_repeats(s_.db(), s_.campaign, 20'000);
  }

  void step() {
    now_ms_ += dice_() % 3'000;
    switch (dice_() % 8) {
      case 0:
        store::open_range(s_.db(), s_.lane, 1 + dice_() % 6, now_ms_, s_.last_claim);
        return answer();
      case 1:
        store::open_retries(s_.db(), s_.lane, 1 + dice_() % 6, now_ms_, s_.last_claim);
        return answer();
      case 2:
        return static_cast<void>(store::keep_rules(s_.db(), now_ms_, noon_ms));
      case 3:
        return resolve();
      case 4:
        return hear();
      case 5:
        return child();
      case 6:
        if (dice_() % 4 == 0) discard();
        return;
      default:
        if (dice_() % 6 == 0) static_cast<void>(store::recover(s_.db(), now_ms_));
        return;
    }
  }
  sending_store& store() { return s_; }

 private:
  void answer() {
    store::outcomes batch;
    for (const auto& m : s_.last_claim.messages) {
      const auto kind = dice_() % 6;
      const bool accepted = kind < 2;
      const auto state = accepted    ? message_state::accepted
                         : kind == 2 ? message_state::refused
                         : kind == 3 ? message_state::retry
                                     : message_state::unconfirmed;
      batch.add({.id = m.id,
                 .state = state,
                 .attempt = state == message_state::retry ? m.attempts_before() : m.attempt,
                 .code = accepted ? 0 : 131000,
                 .at_ms = now_ms_,
                 .next_at_ms = kind == 2 || kind == 3 ? now_ms_ + 500 : 0},
                accepted ? "wamid.1" : "", accepted ? "" : "because");
    }
    if (s_.last_claim.messages.empty()) return;
    batch.intents.push_back(s_.last_claim.intent);
    store::settle(s_.db(), s_.campaign, batch, now_ms_);
  }
  void resolve() {
    const auto rows = store::list_messages(s_.db(), s_.campaign, {.state = message_state::unconfirmed});
    resolution how{.sent = dice_() % 2 == 0, .actor = "ana"};
    if (!rows.empty()) how.message = rows[dice_() % rows.size()].id;
    if (rows.empty() || dice_() % 8 == 0) how.message = {};
    static_cast<void>(store::resolve(s_.db(), s_.campaign, how, now_ms_));
  }
  void hear() {
    const char* const words[] = {"sent", "delivered", "read", "failed"};
    for (int i = 0; i < 3; ++i) {
      auto told = receipt(s_, dice_() % 40, words[dice_() % 4]);
      if (told.status == "failed") told.because(131049);
      inbound::append(s_.db(), webhook({told}), now_ms_);
    }
    static_cast<void>(inbound::merge(s_.db(), scratch_store_id, now_ms_));
  }
  void child() {
    const auto what = dice_() % 2 == 0 ? retry_kind::failed : retry_kind::unconfirmed;
    const bool all = dice_() % 2 == 0;
    const auto found = store::find_retryable(s_.db(), s_.lane, 0, 40, what, all, now_ms_);
    if (found.messages.empty()) return;
    const auto made = store::open_child(s_.db(), s_.campaign, what, "", now_ms_);
    EXPECT_EQ(store::take_over(s_.db(), made, found.messages, what, all, now_ms_),
              static_cast<std::int64_t>(found.messages.size()));
    EXPECT_EQ(store::take_over(s_.db(), made, found.messages, what, all, now_ms_), 0) << "twice";
    if (dice_() % 2 == 0) s_.start(made);
    taken_ += static_cast<std::int64_t>(found.messages.size());
  }
  void discard() {
    const auto draft = store::find_draft_child(s_.db(), s_.campaign, retry_kind::failed);
    if (draft == 0) return;
    EXPECT_TRUE(store::undo_import(s_.db(), draft, 0, 0));
    store::erase_draft(s_.db(), draft, now_ms_, {});
  }

  std::mt19937 dice_;
  sending_store s_;
  std::int64_t now_ms_ = noon_ms;

 public:
  std::int64_t taken_ = 0;
};

TEST(unconfirmed_property, everything_is_accounted_for_after_every_step) {
  std::int64_t taken = 0, given_up = 0, resent = 0, repeated = 0, resolved = 0;
  for (unsigned seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    life l(seed);
    for (int i = 0; i < 120; ++i) {
      l.store().db().exec("BEGIN");
      l.step();
      l.store().db().exec("COMMIT");
      const auto c = l.store().told();
      const auto rows = l.store().by_rows();
      ASSERT_TRUE(c == rows.c && c.queued() == rows.queued) << "step " << i;
      const auto account = store::read_account(l.store().db(), l.store().account);
      ASSERT_TRUE(account.balances.conserved());
      ASSERT_NO_THROW(static_cast<void>(store::audit(l.store().db(), l.store().account)));
      ASSERT_EQ(account.balances.spent + account.uncollected, c.sent) << "step " << i;
      const auto reservation = store::read_campaign(l.store().db(), l.store().campaign).reservation;
      ASSERT_EQ(store::read_reservation(l.store().db(), reservation).held(), c.queued() + c.unconfirmed)
          << "step " << i;
    }
    expect_each_in_one_child(l.store());
    auto& db = l.store().db();
    taken += l.taken_;
    given_up += count(db, "SELECT count(*) FROM history WHERE action = 'give up'");
    resent += count(db, "SELECT count(*) FROM history WHERE action = 'resend'");
    resolved += count(db, "SELECT count(*) FROM history WHERE action = 'resolve'");
    repeated += count(db, "SELECT count(*) FROM messages WHERE repeat_until_ms > 0");
  }
  for (const auto n : {taken, given_up, resent, resolved, repeated}) EXPECT_GT(n, 0) << "nothing is proved";
}

TEST(unconfirmed, the_rules_find_their_messages_by_an_index) {
  scratch_store s;
  for (const char* sql :
       {"SELECT id FROM messages WHERE state = 4 AND id >> 32 = 1 AND superseded IS NULL AND at_ms <= 5 "
        "ORDER BY superseded, at_ms LIMIT 5",
        "SELECT id FROM campaigns WHERE (unconfirmed_rule > 0 OR repeat_ms > 0) AND "
        "state IN (5, 6, 7, 8) AND unconfirmed > 0",
        "SELECT id FROM messages WHERE superseded = 7"}) {
    const auto plan = table(s.db(), std::string("EXPLAIN QUERY PLAN ") + sql);
    EXPECT_NE(plan.find("USING"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("TEMP"), std::string::npos) << plan;
  }
}

TEST(children, the_hosts_word_on_consent_goes_with_the_recipients) {
  sending_store s(6);
  s.db().run("INSERT INTO consent_statements(campaign, first, last, at_ms, source) VALUES (?1, 1, 4, 5, 'web form')",
             s.campaign);
  s.open(6);
  for (std::uint32_t i = 0; i < 6; ++i) s.settle(i, message_state::refused);
  const auto found = store::find_retryable(s.db(), s.lane, 0, 6, retry_kind::failed, true, noon_ms);
  ASSERT_EQ(found.messages.size(), 6u);
  const auto child = store::open_child(s.db(), s.campaign, retry_kind::failed, "", noon_ms);
  EXPECT_EQ(store::take_over(s.db(), child, found.messages, retry_kind::failed, true, noon_ms), 6);
  EXPECT_EQ(table(s.db(), "SELECT first, last, at_ms, source FROM consent_statements WHERE campaign = " +
                              std::to_string(child)),
            "1|4|5|web form ");
}

}  // namespace
}  // namespace bulkmsg::testing
