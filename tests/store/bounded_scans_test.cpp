// What is done while a store is at work looks at what it is about, however much else the store holds.
#include <gtest/gtest.h>

#include "scratch_store.hpp"
#include "store/pauses.hpp"
#include "store/retention.hpp"
#include "store/segments.hpp"

namespace bulkmsg::testing {
namespace {

// Rows that statements stepped through without an index, and rows for which an index had to be made first.
std::int64_t rows_scanned(store::database& db) {
  std::int64_t all = 0;
  for (auto* s = sqlite3_next_stmt(db.handle(), nullptr); s != nullptr; s = sqlite3_next_stmt(db.handle(), s)) {
    all += sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    all += sqlite3_stmt_status(s, SQLITE_STMTSTATUS_AUTOINDEX, 1);
  }
  return all;
}

class large_store : public sending_store {
 public:
  static constexpr int size = 2'000;
  explicit large_store(message_state all) : sending_store(size) {
    db().run(
        "INSERT INTO messages(id, state, attempt, at_ms, next_at_ms, code) SELECT id, ?1, 1, ?2, ?2 + 1000, ?3 FROM "
        "plan",
        all, noon_ms, errc::rate_limited);
    db().run("UPDATE lanes SET position = size");
    other = draft("other");
    import(other, 1, 0, 9'000);
    other_lane = start(other);
    rows_scanned(db());
  }
  std::int64_t other = 0;
  std::int32_t other_lane = 0;
};

TEST(bounded_scans, limits_are_rebuilt_without_campaigns_that_are_long_finished) {
  large_store s(message_state::accepted);
  s.db().run("UPDATE campaigns SET finished_at_ms = ?2, state = 6 WHERE id = ?1", s.campaign, noon_ms);
  const auto now_ms = noon_ms + std::int64_t{5} * 24 * 3600'000;
  store::recent_sends(s.db(), s.sender, now_ms - 24 * 3600'000, now_ms);
  EXPECT_LT(rows_scanned(s.db()), 100);
}

TEST(bounded_scans, retries_are_brought_forward_without_a_look_at_all_messages) {
  large_store s(message_state::accepted);
  EXPECT_EQ(store::bring_forward(s.db(), s.sender, noon_ms, noon_ms), 0);
  EXPECT_LT(rows_scanned(s.db()), 100);
}

TEST(bounded_scans, what_is_left_of_a_campaign_is_told_without_another_ones_retries) {
  large_store s(message_state::retry);
  s.db().run("UPDATE lanes SET position = size");
  EXPECT_EQ(store::all_left_is_held(s.db(), s.other), "");
  EXPECT_LT(rows_scanned(s.db()), 100);
}

TEST(bounded_scans, old_replies_are_looked_for_without_the_new_ones) {
  scratch_store s;
  s.db().exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO replies(provider_id, "
      "received_at_ms, at_ms, phone_number_id, address, user_id, group_id, profile, kind, text, payload, answers, raw) "
      "SELECT 'wamid.' || i, 1000 + i, 0, '1', '+1', '', '', '', 'text', '', '', '', '' FROM n");
  rows_scanned(s.db());
  EXPECT_TRUE(store::expire_replies(s.db(), 1000));
  EXPECT_LT(rows_scanned(s.db()), 100);
  EXPECT_FALSE(store::expire_replies(s.db(), 9000));
  EXPECT_TRUE(store::expire_replies(s.db(), 9000) || store::expire_replies(s.db(), 9000));
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM replies"), 0);
}

TEST(bounded_scans, members_of_a_removed_group_are_found_without_those_of_others) {
  scratch_store s;
  s.db().exec(
      "INSERT INTO segments(id, name, updated_at_ms) VALUES (1, 'a', 0), (3, 'c', 0);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
      "INSERT INTO group_members SELECT 1 + i % 3, i FROM n");
  rows_scanned(s.db());
  EXPECT_FALSE(store::sweep_members(s.db(), 600));
  EXPECT_TRUE(store::sweep_members(s.db(), 600));
  EXPECT_LT(rows_scanned(s.db()), 100);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM group_members WHERE segment = 2"), 0);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM group_members"), 1333);
}

}  // namespace
}  // namespace bulkmsg::testing
