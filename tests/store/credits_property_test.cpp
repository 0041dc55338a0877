// Credits as the store writes them, under everything that can happen to several campaigns of one account: in random
// order, cut off at every statement, and with the log ending at every page.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "scratch_store.hpp"
#include "store/campaigns.hpp"
#include "store/reports.hpp"

namespace bulkmsg::testing {
namespace {

struct running {
  std::int64_t id = 0, price = 1;
  std::int32_t lane = 0;
  int size = 0;
};

// Campaigns of different prices on one account.
class shared_account : public scratch_store {
 public:
  explicit shared_account(std::uint64_t seed) : random_(seed) { top_up(2'000); }

  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
  void top_up(std::int64_t n) { store::top_up(db(), account, n, "", noon_ms); }

  // One thing that happens, in a transaction of its own; what is refused leaves nothing.
  void step() {
    const auto what = below(20);
    const auto begun = campaigns.size();
    db().exec("BEGIN IMMEDIATE");
    try {
      happen(what);
    } catch (const store::store_error& e) {
      EXPECT_EQ(e.what.code, errc::credits_short) << e.what.message;
      db().exec("ROLLBACK");
      campaigns.resize(begun);
      return;
    }
    db().exec("COMMIT");
  }

  void happen(std::int64_t what) {
    if (what == 0 || campaigns.empty()) return begin();
    auto& c = campaigns[static_cast<std::size_t>(below(static_cast<std::int64_t>(campaigns.size())))];
    if (what == 1) return top_up(1 + below(50));
    if (what == 2) return store::adjust(db(), account, {below(400) - 200, "because", "me", ""}, noon_ms);
    if (what == 3) return store::bill(db(), account, (noon_ms + (days_ += below(12)) * 86'400'000) * millisecond);
    if (what == 4) {
      store::put_account(db(), "shop", {.per_user_credits = 300, .users = 1 + below(12)},
                         (noon_ms + days_ * 86'400'000) * millisecond);
      return;
    }
    const auto state = store::read_campaign(db(), c.id).state;
    const auto told = store::read_status(db(), c.id).counters;
    if (what == 5 && state == campaign_state::sending) {
      if (below(2) == 0) {
        store::change_state(db(), c.id, campaign_state::stopped, "stop", "", noon_ms);
        store::finish(db(), c.id, noon_ms);
      } else if (store::exhausted(db(), c.id)) {
        store::finish(db(), c.id, noon_ms);
      }
      return;
    }
    // As the merging of receipts does it.
    if (what == 6 && told.unconfirmed > 0) {
      return store::account_for(db(), c.id, {.sent = 1, .unconfirmed = -1}, 1, 1, 0, noon_ms);
    }
    if (what == 7 && told.failed > 0) {
      store::account_for(db(), c.id, {.sent = 1, .failed = -1}, 1, 0, 0, noon_ms);
      return store::collect_late(db(), account, c.id, 1, noon_ms);
    }
    settle(c);
  }

  void begin() {
    running c;
    c.size = static_cast<int>(1 + below(60));
    c.price = 1 + below(4);
    c.id = draft("c" + std::to_string(campaigns.size()));
    db().run("UPDATE campaigns SET credits_per_message = ?2 WHERE id = ?1", c.id, c.price);
    import(c.id, c.size);
    c.lane = start(c.id);
    campaigns.push_back(c);
  }

  void settle(const running& c) {
    const bool over = is_final(store::read_campaign(db(), c.id).state);
    store::outcomes batch;
    for (auto n = 1 + below(12); n > 0; --n) {
      static constexpr message_state ends[] = {
          message_state::accepted, message_state::accepted,    message_state::accepted, message_state::refused,
          message_state::skipped,  message_state::unconfirmed, message_state::retry};
      auto to = ends[below(7)];
      // A stopped campaign is finished only when nothing is on the wire any more: what still comes is known.
      if (over && to == message_state::unconfirmed) to = message_state::accepted;
      const bool sent = to == message_state::accepted;
      batch.add({.id = {c.lane, static_cast<std::uint32_t>(below(c.size))}, .state = to, .at_ms = noon_ms},
                sent ? "wamid" : std::string_view(), sent ? std::string_view() : "no");
    }
    store::settle(db(), c.id, batch, noon_ms);
  }

  // Guarantee 2, and each message charged once at its campaign's price.
  void expect_exact(store::database& at) {
    const auto b = store::audit(at, account);
    EXPECT_TRUE(b.conserved());
    std::int64_t owed = 0, held = 0;
    for (const auto& c : campaigns) {
      const auto told = store::read_status(at, c.id).counters;
      const bool over = is_final(store::read_campaign(at, c.id).state);
      owed += told.sent * c.price;
      held += (told.unconfirmed + (over ? 0 : told.queued())) * c.price;
    }
    EXPECT_EQ(b.spent + store::read_account(at, account).uncollected, owed);
    EXPECT_EQ(b.reserved, held);
  }

  std::vector<running> campaigns;

 private:
  std::mt19937_64 random_;
  std::int64_t days_ = 0;
};

std::string books(store::database& db) {
  return table(db, "SELECT * FROM accounts ORDER BY id") + table(db, "SELECT * FROM reservations ORDER BY id") +
         table(db, "SELECT count(*), sum(amount), max(id) FROM ledger") +
         table(db, "SELECT * FROM credit_calls ORDER BY account, id") +
         table(db, "SELECT id, state, sent, failed, unconfirmed, skipped, reservation FROM campaigns ORDER BY id");
}

TEST(credits_property, campaigns_that_share_an_account_are_charged_exactly_whatever_comes_between) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    shared_account s(seed);
    for (int i = 0; i < 400 && !::testing::Test::HasFailure(); ++i) {
      s.step();
      s.expect_exact(s.db());
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    EXPECT_GT(s.campaigns.size(), 3u);
  }
}

// A statement that fails, each in its turn: nothing of its transaction stays, and the same again does it whole.
TEST(credits_property, a_transaction_cut_off_at_any_statement_leaves_no_half_entry) {
  int left = 0, cut = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    shared_account s(seed);
    for (int i = 0; i < 60; ++i) s.step();
    auto& db = s.db();
    const auto cutting = [](unsigned, void* at, void*, void*) {
      auto& [countdown, handle] = *static_cast<std::pair<int, sqlite3*>*>(at);
      if (--countdown == 0) sqlite3_interrupt(handle);
      return 0;
    };
    std::pair<int, sqlite3*> at{0, db.handle()};
    const auto everything = [&](int tag) {
      const auto& c = s.campaigns.front();
      store::bill(db, s.account, (noon_ms + (100 + tag * 40LL) * 86'400'000) * millisecond);
      store::top_up(db, s.account, 500, "t" + std::to_string(tag), noon_ms);
      store::adjust(db, s.account, {-3, "why", "who", "a" + std::to_string(tag)}, noon_ms);
      const auto held = store::reserve(db, s.account, c.id, 450, noon_ms, "r" + std::to_string(tag));
      store::post(db, held, 400, noon_ms);
      store::void_(db, held, 50, noon_ms);
    };
    bool whole = false;
    for (int nth = 1; !whole && nth < 200; ++nth) {
      const auto before = books(db);
      db.exec("BEGIN IMMEDIATE");
      at.first = nth;
      sqlite3_trace_v2(db.handle(), SQLITE_TRACE_STMT, cutting, &at);
      try {
        everything(static_cast<int>(seed));
        whole = at.first > 0;
        left += whole ? 0 : 1;
      } catch (const store::store_error&) {
        ++cut;
      }
      sqlite3_trace_v2(db.handle(), 0, nullptr, nullptr);
      if (whole) {
        db.exec("COMMIT");
        EXPECT_NE(books(db), before);
      } else {
        if (sqlite3_get_autocommit(db.handle()) == 0) db.exec("ROLLBACK");
        ASSERT_EQ(books(db), before) << "statement " << nth;
      }
      ASSERT_NO_THROW(static_cast<void>(store::audit(db, s.account)));
    }
    ASSERT_TRUE(whole);
  }
  EXPECT_GT(cut, 6 * 20) << left << " statements could not be cut off";
}

// The machine dies: of the log there is any beginning, torn pages included. What is found is always the state after
// one of the commits, a later one the longer the log.
TEST(credits_property, whatever_is_left_of_the_log_the_books_are_those_of_a_commit) {
  shared_account s(21);
  s.db().exec("PRAGMA wal_checkpoint(TRUNCATE)");
  s.db().exec("PRAGMA wal_autocheckpoint=0");
  std::vector<std::string> commits{books(s.db())};
  for (int i = 0; i < 25; ++i) {
    s.step();
    commits.push_back(books(s.db()));
  }
  const auto bytes_of = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto log = bytes_of(s.path() + "-wal");
  ASSERT_GT(log.size(), 50'000u);
  const scratch_folder folder;
  const auto copy = folder.file("copy");
  constexpr std::size_t head = 32, frame = 4096 + 24;
  std::size_t newest = 0;
  for (std::size_t end = 0; end < log.size(); end += end == 0 ? head : frame) {
    for (const std::size_t torn : {std::size_t{0}, frame / 2}) {
      const auto size = std::min(log.size(), end + torn);
      std::filesystem::remove(copy + "-shm");
      std::filesystem::copy_file(s.path(), copy, std::filesystem::copy_options::overwrite_existing);
      std::ofstream(copy + "-wal", std::ios::binary) << std::string_view(log).substr(0, size);
      store::database db(copy, store::database::access::write);
      static_cast<void>(store::recover(db, noon_ms));
      ASSERT_NO_THROW(static_cast<void>(store::audit(db, s.account))) << "log of " << size << " bytes";
      const auto found = std::find(commits.begin() + static_cast<std::ptrdiff_t>(newest), commits.end(), books(db));
      ASSERT_NE(found, commits.end()) << "a log of " << size << " bytes holds half a change";
      newest = static_cast<std::size_t>(found - commits.begin());
    }
  }
  EXPECT_GT(newest, commits.size() / 2);
}

}  // namespace
}  // namespace bulkmsg::testing
