// Random lives of one small campaign: what is opened, handed over, settled, taken back, told by receipts, and cut off
// by crashes in any order. After every step the counters are those of the rows, and the account is conserved.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "inbound/merge.hpp"
#include "inbound/webhook_bodies.hpp"
#include "scratch_store.hpp"
#include "store/campaigns.hpp"
#include "store/reports.hpp"

namespace bulkmsg::testing {
namespace {

class life {
 public:
  explicit life(unsigned seed) : s(40, 3), dice_(seed) {}

  void step() {
    // Some transactions never commit: the process ends in the middle, and its memory with it.
    const bool dies = one_in(25);
    const auto memory = claims_;
    const auto went_out = handed_;
    const auto waited = waiting_retries_;
    s.db().exec("BEGIN");
    switch (roll(8)) {
      case 0:
      case 1:
        open();
        break;
      case 2:
      case 3:
        settle();
        break;
      case 4:
        open_retries();
        break;
      case 5:
        receipts();
        break;
      case 6:
        if (one_in(3)) take_back();
        break;
      default:
        if (one_in(6)) crash();
    }
    if (dies) {
      s.db().exec("ROLLBACK");
      claims_ = memory;
      handed_ = went_out;
      waiting_retries_ = waited;
      s.db().exec("BEGIN");
      crash();
    }
    s.db().exec("COMMIT");
    now_ms_ += roll(50);
    s.expect_accounted_for();
  }

  // The last process lives on until nothing is left to do.
  void finish() {
    s.db().exec("BEGIN");
    crash();
    for (bool more = true; more;) {
      open();
      now_ms_ += 10'000;
      open_retries();
      more = !claims_.empty();
      while (!claims_.empty()) settle();
    }
    s.db().exec("COMMIT");
    s.expect_accounted_for();
    EXPECT_EQ(s.told().queued(), 0);
    EXPECT_TRUE(store::exhausted(s.db(), s.campaign));
    store::finish(s.db(), s.campaign, now_ms_);
    EXPECT_EQ(s.balances().reserved, s.told().unconfirmed);
    s.expect_accounted_for();
    // Receipts come late, too; at last every unconfirmed message is told.
    std::vector<status_json> all;
    for (std::uint32_t i = 0; i < 40; ++i) {
      if (s.row(i).state == message_state::unconfirmed || one_in(3)) all.push_back(receipt(s, i, word()));
    }
    std::shuffle(all.begin(), all.end(), dice_);
    deliver(all);
    EXPECT_EQ(s.told().unconfirmed, 0);
    EXPECT_EQ(s.balances().reserved, 0);
    s.expect_accounted_for();
  }

  std::int64_t recovered = 0, settled_by_receipt = 0;
  sending_store s;

 private:
  struct open_claim {
    std::int64_t intent = 0;
    bool retries = false;
    std::vector<message_id> waiting;                        // not handed to the network
    std::vector<std::pair<message_id, std::uint32_t>> out;  // handed over, no outcome yet
    std::vector<std::uint32_t> attempts;                    // of `waiting`
    [[nodiscard]] bool done() const { return waiting.empty() && out.empty(); }
  };

  std::uint32_t roll(std::uint32_t sides) { return static_cast<std::uint32_t>(dice_() % sides); }
  bool one_in(std::uint32_t n) { return roll(n) == 0; }
  std::string word() {
    const char* words[] = {"sent", "delivered", "read", "failed"};
    return words[roll(4)];
  }

  void keep(const store::claim& c, bool retries) {
    if (c.messages.empty()) return;
    open_claim made{.intent = c.intent, .retries = retries};
    for (const auto& m : c.messages) {
      made.waiting.push_back(m.id);
      made.attempts.push_back(m.attempt);
    }
    claims_.push_back(made);
  }

  void open() {
    store::claim c;
    store::open_range(s.db(), s.lane, 1 + roll(8), now_ms_, c);
    for (const auto& m : c.messages) EXPECT_FALSE(handed_.contains(m.id)) << "opened after it was handed over";
    keep(c, false);
  }

  void open_retries() {
    store::claim c;
    store::open_retries(s.db(), s.lane, 1 + roll(4), now_ms_, c);
    for (const auto& m : c.messages) {
      EXPECT_TRUE(waiting_retries_.contains(m.id)) << "tried again although its last answer was another";
      waiting_retries_.erase(m.id);
    }
    keep(c, true);
  }

  // Hands over some of what waits, in its order, and settles some of what is out.
  void settle() {
    store::outcomes batch;
    for (auto& c : claims_) {
      const auto n = std::min<std::size_t>(c.waiting.size(), roll(6));
      for (std::size_t i = 0; i < n; ++i) {
        handed_.insert(c.waiting[i]);
        c.out.emplace_back(c.waiting[i], c.attempts[i]);
      }
      c.waiting.erase(c.waiting.begin(), c.waiting.begin() + static_cast<std::ptrdiff_t>(n));
      c.attempts.erase(c.attempts.begin(), c.attempts.begin() + static_cast<std::ptrdiff_t>(n));
      std::erase_if(c.out, [&](const auto& each) {
        if (one_in(3)) return false;
        const auto& [id, attempt] = each;
        store::outcome o{.id = id, .attempt = attempt, .at_ms = now_ms_};
        switch (roll(6)) {
          case 0:
            o.state = message_state::refused;
            break;
          case 1:
            o.state = message_state::unconfirmed;
            break;
          case 2:
            o.state = attempt < 4 ? message_state::retry : message_state::refused;
            o.next_at_ms = now_ms_ + roll(200);
            break;
          case 3:
            o.state = message_state::skipped;
            break;
          default:
            o.state = message_state::accepted;
        }
        if (o.state == message_state::retry) waiting_retries_.insert(id);
        batch.add(o, o.state == message_state::accepted ? "wamid" : "", "words");
        return true;
      });
      if (c.done()) batch.intents.push_back(c.intent);
      if (!c.waiting.empty()) break;  // a lane is handed over in order
    }
    std::erase_if(claims_, [](const auto& c) { return c.done(); });
    store::settle(s.db(), s.campaign, batch, now_ms_);
  }

  // As batch_sender does it on pause: whatever was not handed over waits again.
  void take_back() {
    store::outcomes batch;
    std::int64_t from = -1;
    for (auto& c : claims_) {
      for (const auto id : c.waiting) {
        if (c.retries) {
          store::take_back_retry(s.db(), id, now_ms_);
          waiting_retries_.insert(id);
        } else if (from < 0 || id.sequence < from) {
          from = id.sequence;
        }
      }
      c.waiting.clear();
      c.attempts.clear();
      if (c.done()) batch.intents.push_back(c.intent);
    }
    if (from >= 0) store::take_back(s.db(), s.lane, from);
    std::erase_if(claims_, [](const auto& c) { return c.done(); });
    store::settle(s.db(), s.campaign, batch, now_ms_);
  }

  void receipts() {
    if (handed_.empty()) return;
    std::vector<status_json> list;
    for (auto n = 1 + roll(4); n > 0; --n) {
      const auto id = *std::next(handed_.begin(), roll(static_cast<std::uint32_t>(handed_.size())));
      list.push_back(receipt(s, id.sequence, word()));
      waiting_retries_.erase(id);  // it was accepted after all
    }
    deliver(list);
  }
  void deliver(const std::vector<status_json>& list) {
    inbound::append(s.db(), webhook(list), now_ms_);
    static_cast<void>(inbound::merge(s.db(), scratch_store_id, now_ms_));
    settled_by_receipt = store::read_status(s.db(), s.campaign).settled_by_receipt;
  }

  void crash() {
    std::set<message_id> may_have_gone;
    for (const auto& c : claims_) {
      for (const auto id : c.waiting) may_have_gone.insert(id);
      for (const auto& [id, attempt] : c.out) may_have_gone.insert(id);
    }
    const auto before = s.told();
    std::int64_t told_already = 0;  // by a receipt
    for (const auto id : may_have_gone) told_already += s.row(id.sequence).state == message_state::accepted;
    const auto found = store::recover(s.db(), now_ms_);
    EXPECT_EQ(found.unconfirmed, static_cast<std::int64_t>(may_have_gone.size()) - told_already);
    EXPECT_GE(found.window, found.unconfirmed);
    EXPECT_EQ(s.told().unconfirmed, before.unconfirmed + found.unconfirmed);
    for (const auto id : may_have_gone) handed_.insert(id);  // nobody knows
    claims_.clear();
    recovered += found.unconfirmed;
  }

  std::mt19937 dice_;
  std::int64_t now_ms_ = noon_ms;
  std::vector<open_claim> claims_;
  std::set<message_id> handed_;
  std::set<message_id> waiting_retries_;
};

TEST(random_lives, keep_every_counter_and_every_credit) {
  std::int64_t recovered = 0, settled_by_receipt = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    life one(seed);
    for (int i = 0; i < 150; ++i) {
      one.step();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << " step " << i;
    }
    one.finish();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << " at the end";
    recovered += one.recovered;
    settled_by_receipt += one.settled_by_receipt;
  }
  EXPECT_GT(recovered, 100) << "crashes found too little to prove anything";
  EXPECT_GT(settled_by_receipt, 100);
}

}  // namespace
}  // namespace bulkmsg::testing
