#include "store/schema.hpp"

#include <gtest/gtest.h>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

using store::database;
using access = store::database::access;

void make_foreign(const std::string& path, const char* journal_mode) {
  database db(path, access::create);
  db.exec(std::string("PRAGMA journal_mode=") + journal_mode);
  db.exec("CREATE TABLE songs(id INTEGER PRIMARY KEY, title TEXT); INSERT INTO songs(title) VALUES ('one'), ('two')");
}
error refusal_to_open(const std::string& path) {
  return refusal([&] {
    store::create_if_missing(path, noon_ms, 7);
    database db(path, access::write);
    store::check_schema(db, path);
  });
}

TEST(schema, create_if_missing_makes_a_whole_store) {
  scratch_folder folder;
  const auto path = folder.file("store");

  store::create_if_missing(path, noon_ms, 42);

  database db(path, access::read);
  store::check_schema(db, path);
  EXPECT_EQ(count(db, "PRAGMA application_id"), store::application_id);
  EXPECT_EQ(count(db, "PRAGMA user_version"), store::schema_version);
  EXPECT_EQ(ask(db, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(ask(db, "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(table(db, "SELECT id, store_id, created_at_ms, foreign_receipts FROM store"), "1|42|1800000000000|0 ");
  EXPECT_EQ(table(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"),
            "accounts attributes brakes campaign_media campaign_senders campaigns commands consent_log "
            "consent_statements consents contact_index contact_labels contacts conversations credit_calls events "
            "forgotten_names forgotten_on_the_way former_stores group_members group_receipts history identities inbox "
            "index_runs "
            "intents lanes ledger media messages parked pauses plan platform_words provider_states provider_templates "
            "recipients rejects replies reservations segments senders sent_index store suppressions templates "
            "to_index ");
}

TEST(schema, create_if_missing_leaves_nothing_beside_the_store) {
  scratch_folder folder;
  store::create_if_missing(folder.file("store"), noon_ms, 7);
  std::vector<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator(folder.path())) {
    names.push_back(each.path().filename().string());
  }
  EXPECT_EQ(names, std::vector<std::string>{"store"});
}

TEST(schema, create_if_missing_leaves_a_store_that_is_there_as_it_is) {
  scratch_folder folder;
  const auto path = folder.file("store");
  store::create_if_missing(path, noon_ms, 7);
  const auto before = bytes_of(path);
  store::create_if_missing(path, noon_ms + 1, 8);
  EXPECT_TRUE(bytes_of(path) == before);
}

TEST(schema, what_an_interrupted_making_left_is_thrown_away) {
  scratch_folder folder;
  const auto path = folder.file("store");
  for (const char* suffix : {".new", ".new-wal", ".new-shm", ".new-journal"}) write_file(path + suffix, "half a store");

  store::create_if_missing(path, noon_ms, 7);

  database db(path, access::read);
  EXPECT_EQ(count(db, "SELECT store_id FROM store"), 7);
  for (const char* suffix : {".new", ".new-wal", ".new-shm", ".new-journal"}) {
    EXPECT_FALSE(std::filesystem::exists(path + suffix)) << suffix;
  }
}

TEST(schema, a_store_of_this_version_is_taken) {
  scratch_folder folder;
  const auto path = folder.file("store");
  store::create_if_missing(path, noon_ms, 7);
  database db(path, access::write);
  EXPECT_NO_THROW(store::check_schema(db, path));
  EXPECT_NO_THROW(store::check_schema(db, path));
}

TEST(schema, a_store_of_a_newer_version_is_refused_by_both_numbers_and_untouched) {
  scratch_folder folder;
  const auto path = folder.file("store");
  store::create_if_missing(path, noon_ms, 7);
  {
    database db(path, access::write);
    db.exec("PRAGMA user_version=" + std::to_string(store::schema_version + 1));
  }
  const auto before = bytes_of(path);
  const auto why = refusal([&] {
    database db(path, access::write);
    store::check_schema(db, path);
  });
  EXPECT_EQ(why.code, errc::store_newer);
  EXPECT_NE(why.message.find(path), std::string::npos) << why.message;
  EXPECT_NE(why.message.find("schema " + std::to_string(store::schema_version + 1)), std::string::npos) << why.message;
  EXPECT_TRUE(bytes_of(path) == before);
}

TEST(schema, another_programs_database_is_refused_and_untouched_byte_for_byte) {
  for (const char* mode : {"DELETE", "WAL"}) {
    scratch_folder folder;
    const auto path = folder.file("music");
    make_foreign(path, mode);
    const auto before = bytes_of(path);
    const auto why = refusal_to_open(path);
    EXPECT_EQ(why.code, errc::store_foreign) << mode;
    EXPECT_NE(why.message.find(path), std::string::npos) << why.message;
    EXPECT_TRUE(bytes_of(path) == before) << mode;
  }
}

TEST(schema, a_file_that_is_no_database_is_refused_and_untouched) {
  scratch_folder folder;
  const auto path = folder.file("letter.txt");
  const std::string words(5000, 'a');
  write_file(path, words);
  EXPECT_EQ(refusal_to_open(path).code, errc::store_foreign);
  EXPECT_TRUE(bytes_of(path) == words);
}

TEST(schema, an_empty_file_is_no_store_and_stays_empty) {
  scratch_folder folder;
  const auto path = folder.file("empty");
  write_file(path, "");
  EXPECT_EQ(refusal_to_open(path).code, errc::store_foreign);
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
}

TEST(schema, a_folder_that_does_not_exist_is_named_with_advice) {
  scratch_folder folder;
  const auto why = refusal_to_open(folder.file("nowhere/store"));
  EXPECT_EQ(why.code, errc::store_failed);
  EXPECT_NE(why.message.find("nowhere/store"), std::string::npos) << why.message;
  EXPECT_NE(why.message.find("does the file exist"), std::string::npos) << why.message;
}

TEST(schema, opening_without_create_makes_no_file) {
  scratch_folder folder;
  const auto path = folder.file("store");
  for (const auto mode : {access::read, access::write}) {
    EXPECT_EQ(refusal([&] { database db(path, mode); }).code, errc::store_failed);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST(schema, a_damaged_store_is_corrupt_and_not_foreign) {
  scratch_folder folder;
  const auto path = folder.file("store");
  store::create_if_missing(path, noon_ms, 7);
  auto bytes = bytes_of(path);
  ASSERT_GT(bytes.size(), 8192u);
  std::fill(bytes.begin() + 4096, bytes.end(), '\x55');
  write_file(path, bytes);
  const auto why = refusal([&] {
    database db(path, access::write);
    store::check_schema(db, path);
    static_cast<void>(db.number("SELECT store_id FROM store"));
  });
  EXPECT_EQ(why.code, errc::store_corrupt) << why.message;
}

TEST(database, guarded_turns_a_refusal_into_a_value) {
  EXPECT_EQ(*store::guarded([] { return 5; }), 5);
  EXPECT_TRUE(store::guarded([] {}).has_value());
  const auto refused = store::guarded([]() -> int { throw store::store_error{error{errc::conflict, "no", 0, 0}}; });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::conflict);
}

TEST(database, a_reading_connection_cannot_write) {
  scratch_store s;
  auto reader = s.reader();
  EXPECT_EQ(refusal([&] { reader.exec("DELETE FROM store"); }).code, errc::store_failed);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM store"), 1);
}

TEST(database, texts_of_any_bytes_come_back_whole) {
  scratch_store s;
  const std::string odd{"a\0b\x1f'\"\xf0\x9f\x98\x80", 11};
  s.db().run("INSERT INTO templates(name, language, json) VALUES ('n', '', ?1)", odd);
  auto r = s.db().select("SELECT json, language FROM templates WHERE name = 'n'");
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.text(0), odd);
  EXPECT_EQ(r.text(1), "");
  EXPECT_FALSE(r.is_null(1)) << "an empty text is not nothing";
}

}  // namespace
}  // namespace bulkmsg::testing
