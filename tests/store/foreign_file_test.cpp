#include "store/schema.hpp"

#include <gtest/gtest.h>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

using store::database;
using access = store::database::access;

TEST(schema, another_programs_database_with_its_log_is_untouched_byte_for_byte) {
  scratch_folder folder;
  const auto live = folder.file("live"), path = folder.file("music");
  {
    database db(live, access::create);
    db.exec("PRAGMA journal_mode=WAL");
    db.exec("CREATE TABLE songs(id INTEGER PRIMARY KEY, title TEXT); INSERT INTO songs(title) VALUES ('one')");
    // As a process leaves it that is killed now.
    for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(live + suffix, path + suffix);
  }
  const auto file = bytes_of(path), log = bytes_of(path + "-wal");
  ASSERT_FALSE(log.empty());

  const auto why = refusal([&] {
    store::create_if_missing(path, noon_ms, 7);
    database db(path, access::write);
    store::check_schema(db, path);
  });

  EXPECT_EQ(why.code, errc::store_foreign);
  EXPECT_TRUE(bytes_of(path) == file);
  EXPECT_TRUE(bytes_of(path + "-wal") == log);
}

}  // namespace
}  // namespace bulkmsg::testing
