// When memory is short on the store's thread, whoever waits is still told what failed: nobody above could catch
// anything.
#include <gtest/gtest.h>

#include <string>

#include "base/own_new.hpp"
#include "scratch_store.hpp"
#include "store/writer.hpp"

namespace {
thread_local bool memory_is_short = false;
}  // namespace

void bulkmsg::testing::before_new(std::size_t) {
  if (memory_is_short) throw std::bad_alloc();
}

namespace bulkmsg::testing {
namespace {

using store::database;
using store::writer;

TEST(writer_without_memory, tells_what_a_job_was_refused_with) {
  if (!new_is_ours) GTEST_SKIP() << "under a sanitizer";
  const std::string words = "refused for a reason that takes more letters than fit into a string itself";
  scratch_store s;
  auto db = s.take_database();
  // From the moment on in which what the job did is taken back.
  sqlite3_rollback_hook(
      db.handle(), [](void*) { memory_is_short = true; }, nullptr);
  writer w(std::move(db), writer::runs::by_step);
  for (const std::size_t jobs : {1, 2}) {
    std::size_t told = 0;
    const auto tell = [&](const error* e) {
      memory_is_short = false;
      if (e != nullptr && e->code == errc::conflict && e->message == words) ++told;
    };
    for (std::size_t i = 0; i < jobs; ++i) {
      w.submit(
          [&](database&) {
            memory_is_short = false;
            throw store::store_error{error{errc::conflict, words, 0, 0}};
          },
          tell);
    }

    w.step();

    EXPECT_EQ(told, jobs);
  }
}

TEST(writer_without_memory, tells_who_waits_at_least_the_code) {
  if (!new_is_ours) GTEST_SKIP() << "under a sanitizer";
  scratch_store s;
  auto db = s.take_database();
  sqlite3_rollback_hook(
      db.handle(), [](void*) { memory_is_short = true; }, nullptr);
  writer* at_work = nullptr;
  writer w(std::move(db), writer::runs::by_step, [&] {
    const bool ran = at_work->step();
    memory_is_short = false;
    return ran;
  });
  at_work = &w;

  const auto told = w.run([](database&) {
    throw store::store_error{error{errc::conflict, "more letters than fit into a string itself", 0, 0}};
  });

  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, errc::conflict);
}

TEST(writer_without_memory, tells_that_there_was_none) {
  if (!new_is_ours) GTEST_SKIP() << "under a sanitizer";
  scratch_store s;
  writer w(s.take_database(), writer::runs::by_step);
  errc told = errc::ok;
  const auto tell = [&](const error* e) {
    memory_is_short = false;
    told = e != nullptr ? e->code : errc::ok;
  };
  w.submit(
      [&](database&) {
        memory_is_short = true;
        static_cast<void>(std::string(1000, 'x'));
      },
      tell);

  w.step();

  EXPECT_EQ(told, errc::out_of_memory);
}

}  // namespace
}  // namespace bulkmsg::testing
