#include "store/writer.hpp"

#include <gtest/gtest.h>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

using store::database;
using store::writer;

TEST(writer, a_job_is_never_told_another_jobs_refusal) {
  scratch_store s;
  const auto path = s.path();
  auto db = s.take_database();
  sqlite3_busy_timeout(db.handle(), 0);
  // Another process holds the write lock while the third transaction wants to begin: the group's, the first job's own,
  // and then the second job's.
  struct other_process {
    database db;
    int begun = 0;
  } other{database(path, database::access::write)};
  sqlite3_set_authorizer(
      db.handle(),
      [](void* at, int action, const char* what, const char*, const char*, const char*) {
        auto& them = *static_cast<other_process*>(at);
        if (action == SQLITE_TRANSACTION && std::string_view(what) == "BEGIN" && ++them.begun == 3) {
          them.db.exec("BEGIN IMMEDIATE");
        }
        return SQLITE_OK;
      },
      &other);
  writer w(std::move(db), writer::runs::by_step);
  std::vector<errc> told(3, errc::ok);
  const auto tell = [&](std::size_t n) { return [&told, n](const error* e) { told[n] = e ? e->code : errc::ok; }; };
  w.submit([](database&) { throw store::store_error{error{errc::conflict, "mine alone", 0, 0}}; }, tell(0));
  w.submit([](database&) {}, tell(1));
  w.submit([](database&) {}, tell(2));

  w.step();

  EXPECT_GE(other.begun, 3);
  EXPECT_EQ(told[0], errc::conflict);
  EXPECT_EQ(told[1], errc::store_failed);
  EXPECT_NE(told[2], errc::conflict);
}

}  // namespace
}  // namespace bulkmsg::testing
