#include "store/writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>
#include <stdexcept>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

using store::database;
using store::writer;

// Notes are rows of `history`, the simplest table.
void note(database& db, int n) {
  db.run("INSERT INTO history(at_ms, campaign, action, reason) VALUES (?1, 0, 'note', '')", n);
}
std::string notes(database& db) { return table(db, "SELECT at_ms FROM history WHERE action = 'note' ORDER BY id"); }
[[noreturn]] void refuse(errc code) { throw store::store_error{error{code, "refused", 0, 0}}; }

// What a done callback was told, once per job.
struct told {
  std::vector<std::pair<int, errc>> all;
  writer::done as(int n) {
    return [this, n](const error* e) { all.emplace_back(n, e ? e->code : errc::ok); };
  }
};
using answers = std::vector<std::pair<int, errc>>;

TEST(writer, jobs_that_wait_together_share_one_transaction) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database(), writer::runs::by_step);
  std::string seen_inside, seen_outside;
  w.submit([](database& db) { note(db, 1); }, nullptr);
  w.submit([](database& db) { note(db, 2); }, nullptr);
  w.submit(
      [&](database& db) {
        seen_inside = notes(db);
        seen_outside = notes(reader);
      },
      nullptr);

  EXPECT_TRUE(w.step());

  EXPECT_EQ(seen_inside, "1 2 ");
  EXPECT_EQ(seen_outside, "") << "the first job was committed on its own";
  EXPECT_EQ(notes(reader), "1 2 ");
}

TEST(writer, what_gathers_during_a_commit_goes_into_the_next_one_together) {
  scratch_store s;
  auto db = s.take_database();
  std::atomic<int> commits = 0;
  sqlite3_commit_hook(
      db.handle(), [](void* n) { return ++*static_cast<std::atomic<int>*>(n), 0; }, &commits);
  writer w(std::move(db));
  std::promise<void> begun, go_on;
  w.submit(
      [&](database& at) {
        begun.set_value();
        go_on.get_future().wait();
        note(at, 0);
      },
      nullptr);
  begun.get_future().wait();
  for (int i = 1; i <= 100; ++i) w.submit([i](database& at) { note(at, i); }, nullptr);
  go_on.set_value();
  w.stop();

  EXPECT_EQ(commits, 2);
  auto reader = s.reader();
  EXPECT_EQ(count(reader, "SELECT count(*) FROM history WHERE action = 'note'"), 101);
}

TEST(writer, jobs_run_in_the_order_of_submitting) {
  scratch_store s;
  auto reader = s.reader();
  {
    writer w(s.take_database());
    for (int i = 0; i < 50; ++i) w.submit([i](database& db) { note(db, i); }, nullptr);
  }
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += std::to_string(i) + ' ';
  EXPECT_EQ(notes(reader), expected);
}

TEST(writer, done_comes_after_the_commit_when_another_connection_sees_the_rows) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database(), writer::runs::by_step);
  std::vector<std::string> seen;
  for (int i = 1; i <= 3; ++i) {
    w.submit([i](database& db) { note(db, i); },
             [&](const error* e) {
               EXPECT_EQ(e, nullptr);
               seen.push_back(notes(reader));
             });
  }
  w.step();
  EXPECT_EQ(seen, (std::vector<std::string>{"1 2 3 ", "1 2 3 ", "1 2 3 "}));
}

TEST(writer, a_failing_job_is_retried_alone_and_the_others_stay) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database(), writer::runs::by_step);
  told t;
  int runs_of_failing = 0;
  w.submit([](database& db) { note(db, 1); }, t.as(1));
  w.submit(
      [&](database& db) {
        ++runs_of_failing;
        note(db, 2);
        refuse(errc::conflict);
      },
      t.as(2));
  w.submit([](database& db) { note(db, 3); }, t.as(3));

  w.step();

  EXPECT_EQ(notes(reader), "1 3 ") << "each of the others once, nothing of the failing one";
  EXPECT_EQ(t.all, (answers{{1, errc::ok}, {2, errc::conflict}, {3, errc::ok}}));
  EXPECT_EQ(runs_of_failing, 2);
}

TEST(writer, two_failing_jobs_each_get_their_own_reason) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database(), writer::runs::by_step);
  told t;
  w.submit([](database&) { refuse(errc::conflict); }, t.as(1));
  w.submit([](database& db) { note(db, 2); }, t.as(2));
  w.submit([](database&) { refuse(errc::credits_short); }, t.as(3));
  w.step();
  EXPECT_EQ(t.all, (answers{{1, errc::conflict}, {2, errc::ok}, {3, errc::credits_short}}));
  EXPECT_EQ(notes(reader), "2 ");
}

TEST(writer, a_job_that_fails_alone_is_not_tried_twice) {
  scratch_store s;
  writer w(s.take_database(), writer::runs::by_step);
  told t;
  int runs = 0;
  w.submit(
      [&](database&) {
        ++runs;
        refuse(errc::conflict);
      },
      t.as(1));
  w.step();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(t.all, (answers{{1, errc::conflict}}));
}

TEST(writer, a_job_whose_retry_succeeds_is_durable) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database(), writer::runs::by_step);
  told t;
  int runs = 0;
  w.submit([](database& db) { note(db, 1); }, t.as(1));
  w.submit(
      [&](database& db) {
        note(db, 2);
        if (++runs == 1) refuse(errc::store_failed);
      },
      t.as(2));
  w.step();
  EXPECT_EQ(t.all, (answers{{1, errc::ok}, {2, errc::ok}}));
  EXPECT_EQ(notes(reader), "1 2 ");
}

TEST(writer, whatever_a_job_throws_is_told_and_the_next_group_runs) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database(), writer::runs::by_step);
  told t;
  w.submit([](database&) { throw std::bad_alloc(); }, t.as(1));
  w.submit([](database&) { throw std::runtime_error("odd"); }, t.as(2));
  w.submit([](database& db) { db.exec("INSERT INTO store(id, store_id, created_at_ms) VALUES (1, 1, 1)"); }, t.as(3));
  w.step();
  w.submit([](database& db) { note(db, 4); }, t.as(4));
  w.step();
  EXPECT_EQ(t.all, (answers{{1, errc::out_of_memory}, {2, errc::internal}, {3, errc::store_failed}, {4, errc::ok}}));
  EXPECT_EQ(notes(reader), "4 ");
}

TEST(writer, run_returns_when_its_job_is_durable) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(w.run([i](database& db) { note(db, i); }).has_value());
    ASSERT_EQ(count(reader, "SELECT count(*) FROM history WHERE action = 'note'"), i + 1);
  }
}

TEST(writer, run_gives_back_what_the_job_refused_with) {
  scratch_store s;
  writer w(s.take_database());
  const auto refused = w.run([](database&) { refuse(errc::credits_short); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::credits_short);
  EXPECT_EQ(refused.error().message, "refused");
}

TEST(writer, a_done_callback_may_submit_the_next_job) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database());
  std::promise<void> all;
  std::function<void(int)> chain = [&](int n) {
    w.submit([n](database& db) { note(db, n); },
             [&, n](const error*) {
               if (n < 5) return chain(n + 1);
               all.set_value();
             });
  };
  chain(1);
  all.get_future().wait();
  EXPECT_EQ(notes(reader), "1 2 3 4 5 ");
}

TEST(writer, stop_runs_what_is_queued_first) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database());
  std::promise<void> begun, go_on;
  w.submit(
      [&](database&) {
        begun.set_value();
        go_on.get_future().wait();
      },
      nullptr);
  begun.get_future().wait();
  told t;
  for (int i = 1; i <= 5; ++i) w.submit([i](database& db) { note(db, i); }, t.as(i));
  go_on.set_value();
  w.stop();
  EXPECT_EQ(notes(reader), "1 2 3 4 5 ");
  EXPECT_EQ(t.all.size(), 5u);
}

TEST(writer, after_stop_a_job_is_dropped_and_told_that_the_store_is_closed) {
  scratch_store s;
  auto reader = s.reader();
  writer w(s.take_database());
  w.stop();
  w.stop();
  told t;
  bool ran = false;
  w.submit([&](database&) { ran = true; }, t.as(1));
  w.submit([&](database&) { ran = true; }, nullptr);
  const auto refused = w.run([&](database&) { ran = true; });
  EXPECT_EQ(t.all, (answers{{1, errc::closed}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::closed);
  EXPECT_FALSE(ran);
}

TEST(writer, every_job_of_many_threads_is_done_once) {
  scratch_store s;
  auto reader = s.reader();
  std::atomic<int> done = 0;
  {
    writer w(s.take_database());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 250; ++i) {
          w.submit([n = t * 1000 + i](database& db) { note(db, n); }, [&](const error* e) { done += e == nullptr; });
        }
      });
    }
    for (auto& t : threads) t.join();
  }
  EXPECT_EQ(done, 1000);
  EXPECT_EQ(count(reader, "SELECT count(DISTINCT at_ms) FROM history WHERE action = 'note'"), 1000);
  EXPECT_EQ(count(reader, "SELECT count(*) FROM history WHERE action = 'note'"), 1000);
}

TEST(writer, by_step_nothing_runs_until_it_is_told) {
  scratch_store s;
  writer w(s.take_database(), writer::runs::by_step);
  bool ran = false;
  EXPECT_FALSE(w.waiting());
  EXPECT_FALSE(w.step());
  w.submit([&](database&) { ran = true; }, nullptr);
  EXPECT_TRUE(w.waiting());
  EXPECT_FALSE(ran);
  EXPECT_TRUE(w.step());
  EXPECT_TRUE(ran);
  EXPECT_FALSE(w.waiting());
}

TEST(writer, what_another_process_writes_meanwhile_is_no_failure) {
  scratch_store s;
  const auto path = s.path();
  writer w(s.take_database());
  database other(path, database::access::write);
  for (int i = 0; i < 20; ++i) {
    note(other, 1000 + i);
    EXPECT_TRUE(w.run([i](database& db) { note(db, i); }).has_value());
  }
  EXPECT_EQ(count(other, "SELECT count(*) FROM history WHERE action = 'note'"), 40);
}

}  // namespace
}  // namespace bulkmsg::testing
