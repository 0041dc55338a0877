// Forgetting works in jobs of bounded size, however much there is: counted in rows changed and in steps of SQLite's
// machine, of which some hundred thousand are a few milliseconds.
#include "store/privacy.hpp"

#include "scratch_store.hpp"
#include "store/forgotten.hpp"
#include "store/lanes.hpp"
#include "store/retention.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::testing {
namespace {

constexpr std::int64_t rows_max = 2'100, thousand_steps_max = 400;

// The largest job so far.
struct job_size {
  explicit job_size(store::database& of) : db(of) {
    sqlite3_progress_handler(
        db.handle(), 1'000, [](void* self) { return ++static_cast<job_size*>(self)->steps, 0; }, this);
  }
  ~job_size() { sqlite3_progress_handler(db.handle(), 0, nullptr, nullptr); }

  template <class Job>
  auto run(Job&& job) {
    steps = 0;
    const auto before = sqlite3_total_changes64(db.handle());
    db.exec("BEGIN");
    const auto done = job();
    db.exec("COMMIT");
    EXPECT_LE(sqlite3_total_changes64(db.handle()) - before, rows_max);
    EXPECT_LE(steps, thousand_steps_max);
    ++jobs;
    return done;
  }

  store::database& db;
  std::int64_t steps = 0, jobs = 0;
};

const std::string who = "+15551000007", other = "+15551000008";

void fill(store::database& db, const char* sql, int rows) {
  db.exec(
      ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(rows) + ") " + sql)
          .c_str());
}

TEST(forgetting, takes_jobs_of_a_thousand_rows_of_whatever_there_is) {
  scratch_store s;
  auto& db = s.db();
  constexpr int rows = 6'500;
  fill(db,
       "INSERT INTO replies(provider_id, received_at_ms, at_ms, phone_number_id, address, user_id, group_id, profile, "
       "kind, text, payload, answers, raw) SELECT 'w' || i, 1, 1, '1', iif(i % 3, '+15551000007', '+15551000008'), '', "
       "'', 'Ana', 'text', 'hello', '', '', '' FROM n",
       rows);
  fill(db,
       "INSERT INTO events(at_ms, kind, campaign, state, payload) SELECT 1, 2, 0, 0, iif(i % 3, "
       "'{\"from\":\"15551000007\"}', '{\"from\":\"15551000008\"}') FROM n",
       rows);
  fill(db,
       "INSERT INTO group_receipts(message, participant, receipt) SELECT 4294967296 + i / 700, iif(i % 700, i || '', "
       "'15551000007'), 1 FROM n",
       rows);
  fill(db,
       "INSERT INTO consent_log(at_ms, person, address, what, source, old, new, note) SELECT 1, 15551000007, "
       "'+15551000007', 'consent', '', '', '', 'said so' FROM n",
       rows);
  fill(db,
       "INSERT INTO parked(received_at_ms, provider_id, status, at_ms, code, participant, detail, person) SELECT 1, "
       "'w' || i, 1, 1, 1, iif(i % 3, '15551000007', ''), 'words', iif(i % 3 = 1, 0, 15551000007) FROM n",
       rows);
  const auto person = store::who_is(db, who);
  job_size size(db);
  forget_report report;
  size.run([&] { return store::forget_person(db, person, 5, report), 0; });
  const auto sweep = [&](auto step) {
    std::int64_t from = 0;
    do {
      from = size.run([&] { return step(from); });
    } while (from != 0);
  };
  sweep([&](std::int64_t from) { return store::forget_in_replies(db, person, from, report.replies); });
  sweep([&](std::int64_t from) { return store::forget_in_events(db, person, from); });
  sweep([&](std::int64_t from) { return store::forget_in_groups(db, person, from); });
  sweep([&](std::int64_t from) { return store::forget_in_parked(db, person, from); });
  sweep([&](std::int64_t from) { return store::forget_in_log(db, person, from); });
  EXPECT_GT(size.jobs, 5 * 6);
  EXPECT_EQ(report.replies, rows - rows / 3);
  EXPECT_EQ(count(db, "SELECT count(*) FROM replies WHERE address = '" + who + "'"), 0);
  EXPECT_EQ(count(db, "SELECT count(*) FROM replies WHERE address = '" + other + "' AND text = 'hello'"), rows / 3);
  EXPECT_EQ(count(db, "SELECT count(*) FROM events WHERE payload LIKE '%7\"%'"), 0);
  EXPECT_EQ(count(db, "SELECT count(*) FROM events WHERE payload LIKE '%8\"%'"), rows / 3);
  EXPECT_EQ(count(db, "SELECT count(*) FROM group_receipts WHERE participant = '15551000007'"), 0);
  EXPECT_EQ(count(db, "SELECT count(*) FROM group_receipts WHERE participant LIKE 'forgotten:%'"), rows / 700);
  EXPECT_EQ(count(db, "SELECT count(*) FROM parked WHERE person <> 0 OR participant = '15551000007' OR detail <> ''"),
            0);
  EXPECT_EQ(count(db, "SELECT count(*) FROM consent_log WHERE person = 15551000007 OR note <> ''"), 0);
}

TEST(forgetting, of_a_campaign_takes_as_large_jobs_over_many_lanes_as_over_one) {
  scratch_store s;
  auto& db = s.db();
  constexpr int rows = 3'000, lanes = 12;
  db.exec(
      "INSERT INTO campaigns(name, state, sender, template, account, created_at_ms, finished_at_ms, recipients) "
      "VALUES ('c', 6, 1, 1, 0, 1, 5, 3000)");
  const auto campaign = db.last_id();
  const auto id = std::to_string(campaign);
  fill(db,
       ("INSERT INTO recipients(id, line, address, parameters) SELECT (" + id +
        " << 32) + i - 1, i, '+1555' || (1000000 + i), 'Ana' FROM n")
           .c_str(),
       rows);
  for (int lane = 0; lane < lanes; ++lane) {
    const auto key = std::to_string(store::insert_lane(db, campaign, rows / lanes));
    fill(db,
         ("INSERT INTO messages(id, state, attempt, at_ms, provider_id) SELECT (" + key +
          " << 32) + i - 1, 2, 1, 1, 'w' "
          "FROM n")
             .c_str(),
         rows / lanes);
    // A group with many participants.
    fill(db,
         ("INSERT INTO group_receipts(message, participant, receipt) SELECT " + key + " << 32, i, 1 FROM n").c_str(),
         900);
    fill(db,
         ("INSERT INTO group_receipts(message, participant, receipt) SELECT (" + key + " << 32) + 1, i, 1 FROM n")
             .c_str(),
         900);
  }
  store::need_forget_key(db);
  job_size size(db);
  while (!size.run([&] { return store::expire_more(db, campaign, 9); })) {
    ASSERT_LT(size.jobs, 100);
  }
  EXPECT_EQ(count(db, "SELECT count(*) FROM recipients WHERE address NOT LIKE 'forgotten:%' OR parameters <> ''"), 0);
  EXPECT_EQ(count(db, "SELECT count(*) FROM messages WHERE provider_id IS NOT NULL"), 0);
  EXPECT_EQ(count(db, "SELECT count(*) FROM group_receipts"), 0);
  EXPECT_EQ(count(db, "SELECT expired_to FROM campaigns WHERE id = " + id), -1);
}

// Under whichever of their names it is called again after it failed half way.
TEST(forgetting, finds_all_names_of_a_person_by_each_also_when_they_were_forgotten_only_half) {
  for (const std::string name : {"+15551000007", "+15551000008", "user:US.1"}) {
    scratch_store s;
    store::link_identities(s.db(), other, "user:US.1", noon_ms);
    EXPECT_EQ(store::who_is(s.db(), name).names.size(), name == who ? 1u : 2u);
    store::link_identities(s.db(), who, other, noon_ms);
    const auto person = store::who_is(s.db(), name);
    EXPECT_EQ(person.names.size(), 3u) << name;
    EXPECT_EQ(person.keys.size(), 3u) << name;
    forget_report report;
    store::forget_person(s.db(), person, noon_ms, report);
    EXPECT_EQ(store::who_is(s.db(), name).names.size(), 3u) << name;
  }
}

}  // namespace
}  // namespace bulkmsg::testing
