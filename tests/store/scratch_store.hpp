// A store in a folder of its own, and small campaigns in it: what tests of the store and of merging stand on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/scratch_folder.hpp"
#include "bulkmsg/base/clock.hpp"
#include "store/accounts.hpp"
#include "store/campaigns.hpp"
#include "store/intents.hpp"
#include "store/lanes.hpp"
#include "store/outcomes.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"
#include "store/schema.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

namespace bulkmsg::testing {

// What `body` refuses with; a refusal that does not come fails the test.
template <class F>
error refusal(F&& body) {
  try {
    body();
  } catch (const store::store_error& e) {
    return e.what;
  }
  ADD_FAILURE() << "nothing was refused";
  return error{errc::ok, "", 0, 0};
}

// One value of any query, whatever its type, as text.
inline std::string ask(store::database& db, const std::string& sql) {
  sqlite3_stmt* s = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db.handle(), sql.c_str(), -1, &s, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db.handle()) << ": " << sql;
  std::string value;
  if (sqlite3_step(s) == SQLITE_ROW) {
    if (const auto* text = sqlite3_column_text(s, 0)) value = reinterpret_cast<const char*>(text);
  }
  sqlite3_finalize(s);
  return value;
}
inline std::int64_t count(store::database& db, const std::string& sql) {
  const auto text = ask(db, sql);
  return text.empty() ? 0 : std::stoll(text);
}
// Every row of a query as "a|b|c", one after the other, each ended by a blank.
inline std::string table(store::database& db, const std::string& sql) {
  sqlite3_stmt* s = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db.handle(), sql.c_str(), -1, &s, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db.handle()) << ": " << sql;
  std::string all;
  while (sqlite3_step(s) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(s); ++i) {
      const auto* text = sqlite3_column_text(s, i);
      all += i == 0 ? "" : "|";
      all += text != nullptr ? reinterpret_cast<const char*>(text) : "-";
    }
    all += ' ';
  }
  sqlite3_finalize(s);
  return all;
}

constexpr std::int64_t noon_ms = 1'800'000'000'000;  // the hour at which these stores live: 2027-01-15
constexpr std::uint64_t scratch_store_id = 7;

// A store with one sender, one template and an account of 3,000 monthly credits.
class scratch_store {
 public:
  scratch_store() : path_(folder_.file("store")) {
    store::create_if_missing(path_, noon_ms, static_cast<std::int64_t>(scratch_store_id));
    db_.emplace(path_, store::database::access::write);
    db_->exec("PRAGMA synchronous=OFF");  // no machine dies here
    db_->exec("BEGIN");
    sender = store::put_sender(*db_, {.name = "s", .phone_number_id = "1", .token = "env:T"});
    content = store::put_template(*db_, "t", "en_US", "{}");
    account = store::put_account(*db_, "shop", {}, noon_ms * millisecond);
    db_->exec("COMMIT");
  }
  store::database& db() { return *db_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const scratch_folder& folder() const { return folder_; }
  // A second connection, as another process would have it.
  [[nodiscard]] store::database reader() const { return {path_, store::database::access::read}; }
  store::database take_database() { return std::move(*db_); }

  std::int64_t draft(const std::string& name = "c", bool pays = true) {
    return store::insert_campaign(
        db(), {.name = name, .sender = sender, .content = content, .account = pays ? account : 0}, noon_ms);
  }
  // Good rows from line `line` on, and after them bad ones.
  void import(std::int64_t campaign, int good, int bad = 0, std::int64_t line = 2) {
    store::recipient_batch batch;
    for (int i = 0; i < good; ++i, ++line) {
      batch.added.push_back({line, "+1555" + std::to_string(1'000'000 + line), "n" + std::to_string(line)});
    }
    for (int i = 0; i < bad; ++i, ++line) {
      batch.rejected.push_back({.line = line,
                                .column = 1,
                                .column_name = "phone_number",
                                .code = errc::phone_too_short,
                                .reason = "too short",
                                .address = "+1"});
    }
    store::append_recipients(db(), campaign, batch, "param1");
  }
  // As engine::impl::freeze does it. Returns the lane.
  std::int32_t start(std::int64_t campaign) {
    const auto row = store::read_campaign(db(), campaign);
    store::change_state(db(), campaign, campaign_state::starting, "start", "", noon_ms);
    const auto lane = store::insert_lane(db(), campaign, row.recipients);
    store::lay(db(), campaign, lane, 0, row.recipients);
    if (row.account != 0) {
      db().run("UPDATE campaigns SET reservation = ?2 WHERE id = ?1", campaign,
               store::reserve(db(), row.account, campaign, row.recipients * row.credits_per_message, noon_ms));
    }
    store::change_state(db(), campaign, campaign_state::sending, "start", "", noon_ms);
    return lane;
  }

  std::int64_t sender = 0, content = 0, account = 0;

 private:
  scratch_folder folder_;
  std::string path_;
  std::optional<store::database> db_;
};

// A campaign on its way: `good` messages in lane 1, and `bad` rejected rows.
class sending_store : public scratch_store {
 public:
  explicit sending_store(int good, int bad = 0, bool pays = true) : size_(good), bad_(bad) {
    campaign = draft("c", pays);
    import(campaign, good, bad);
    lane = start(campaign);
  }

  [[nodiscard]] message_id message(std::uint32_t sequence) const { return {lane, sequence}; }
  std::vector<std::uint32_t> open(std::uint32_t n, std::int64_t now_ms = noon_ms) {
    store::open_range(db(), lane, n, now_ms, last_claim);
    std::vector<std::uint32_t> sequences;
    for (const auto& m : last_claim.messages) sequences.push_back(m.id.sequence);
    return sequences;
  }
  // Opens and settles nothing else: one outcome for one message.
  void settle(std::uint32_t sequence, message_state state, std::string_view provider_id = "wamid.1",
              std::uint32_t attempt = 1, std::int64_t next_at_ms = 0) {
    store::outcomes batch;
    const bool sent = state == message_state::accepted;
    batch.add({.id = message(sequence),
               .state = state,
               .attempt = attempt,
               .code = sent ? 0 : 131000,
               .at_ms = noon_ms + 1,
               .next_at_ms = next_at_ms},
              sent ? provider_id : std::string_view(), sent ? std::string_view() : "because");
    store::settle(db(), campaign, batch, noon_ms + 2);
  }
  void close_intent(std::int64_t intent, std::int64_t now_ms = noon_ms) { store::close_intent(db(), intent, now_ms); }

  counters told() { return store::read_status(db(), campaign).counters; }
  credits::balances balances() { return store::read_account(db(), account).balances; }
  message_row row(std::uint32_t sequence) {
    for (const auto& m : store::list_messages(db(), campaign, {.limit = 10'000})) {
      if (m.id.sequence == sequence) return m;
    }
    ADD_FAILURE() << "no message " << sequence;
    return {};
  }

  // The counters as the rows tell them; `queued` comes from the plan, so that it is no mere difference.
  struct recount {
    counters c;
    std::int64_t queued = 0;
  };
  recount by_rows() {
    const std::string from =
        " FROM plan LEFT JOIN messages m ON m.id = plan.id WHERE plan.id >> 32 = " + std::to_string(lane) + " AND ";
    const auto rows = [&](const std::string& where) { return count(db(), "SELECT count(*)" + from + where); };
    recount r;
    r.queued = rows("(m.id IS NULL OR m.state IN (1, 6))");
    r.c.sent = rows("m.state = 2");
    r.c.failed = rows("m.state = 3");
    r.c.unconfirmed = rows("m.state = 4");
    r.c.skipped =
        rows("m.state = 5") + count(db(), "SELECT count(*) FROM rejects WHERE id >> 32 = " + std::to_string(campaign));
    r.c.total = r.queued + r.c.sent + r.c.failed + r.c.unconfirmed + r.c.skipped;
    r.c.delivered = rows("m.state = 2 AND m.receipt >= 3");
    r.c.read = rows("m.state = 2 AND m.receipt = 4");
    r.c.undelivered = rows("m.state = 2 AND m.receipt = 2");
    r.c.responded =
        count(db(), "SELECT count(DISTINCT message) FROM replies WHERE campaign = " + std::to_string(campaign));
    return r;
  }
  // What must hold at every durable point (design: guarantees 1 and 2).
  void expect_accounted_for() {
    const auto c = told();
    const auto rows = by_rows();
    EXPECT_EQ(c.total, size_ + bad_);
    EXPECT_EQ(c.queued(), rows.queued);
    EXPECT_TRUE(c == rows.c) << "sent " << c.sent << "/" << rows.c.sent << " failed " << c.failed << "/"
                             << rows.c.failed << " unconfirmed " << c.unconfirmed << "/" << rows.c.unconfirmed
                             << " skipped " << c.skipped << "/" << rows.c.skipped << " total " << c.total << "/"
                             << rows.c.total << " delivered " << c.delivered << "/" << rows.c.delivered << " read "
                             << c.read << "/" << rows.c.read << " undelivered " << c.undelivered << "/"
                             << rows.c.undelivered;
    const auto reservation = store::read_campaign(db(), campaign).reservation;
    if (reservation == 0) return;
    const auto b = balances();
    EXPECT_NO_THROW(static_cast<void>(store::audit(db(), account)));
    EXPECT_TRUE(b.conserved());
    EXPECT_EQ(b.spent + count(db(), "SELECT uncollected FROM accounts WHERE id = " + std::to_string(account)), c.sent);
    const auto state = store::read_campaign(db(), campaign).state;
    const auto held = is_final(state) ? c.unconfirmed : c.unconfirmed + rows.queued;
    EXPECT_EQ(store::read_reservation(db(), reservation).held(), held);
    EXPECT_EQ(b.reserved, held);
  }

  std::int64_t campaign = 0;
  std::int32_t lane = 0;
  store::claim last_claim;

 private:
  const int size_, bad_;
};

}  // namespace bulkmsg::testing
