// Any bytes as a segment: an error with one line of text, or conditions whose SQL SQLite prepares and carries out.
#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/recipients/segment_json.hpp"
#include "store/segment_sql.hpp"

namespace {

sqlite3* open_store() {
  sqlite3* db = nullptr;
  constexpr const char* tables =
      "CREATE TABLE contacts(id INTEGER PRIMARY KEY, attributes TEXT);"
      "CREATE TABLE contact_index(attribute INTEGER, value COLLATE NOCASE, contact INTEGER);"
      "CREATE TABLE contact_labels(label TEXT COLLATE NOCASE, contact INTEGER);"
      "INSERT INTO contacts VALUES (1, '{\"city\":\"Lisbon\",\"spent\":12.5,\"since\":\"2026-01-02\",\"ok\":true}'),"
      "(2, '{}');"
      "INSERT INTO contact_index VALUES (5, 'Lisbon', 1);"
      "INSERT INTO contact_labels VALUES ('vip', 1);";
  if (sqlite3_open(":memory:", &db) != SQLITE_OK) std::abort();
  if (sqlite3_exec(db, tables, nullptr, nullptr, nullptr) != SQLITE_OK) std::abort();
  return db;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg;
  using recipients::attribute_type;
  static sqlite3* const db = open_store();
  static const std::vector<recipients::attribute> known{{1, "city", attribute_type::text, false},
                                                        {2, "spent", attribute_type::number, false},
                                                        {3, "since", attribute_type::date, false},
                                                        {4, "ok", attribute_type::boolean, false},
                                                        {5, "fast", attribute_type::text, true}};
  const auto read = recipients::parse_segment_json({reinterpret_cast<const char*>(data), size}, known);
  if (!read) {
    if (read.error().message.empty() || read.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const auto made = store::compile_segment(*read, 20'000);
  const std::string sql = "SELECT count((" + made.where + ")) FROM contacts c";  // not one is NULL
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v2(db, sql.c_str(), -1, &s, nullptr) != SQLITE_OK) std::abort();
  int at = 0;
  for (const auto& v : made.values) {
    using enum store::segment_sql::value::kind;
    ++at;
    const int code = v.is == integer ? sqlite3_bind_int64(s, at, v.integer)
                     : v.is == number
                         ? sqlite3_bind_double(s, at, v.number)
                         : sqlite3_bind_text(s, at, v.text.data(), static_cast<int>(v.text.size()), SQLITE_STATIC);
    if (code != SQLITE_OK) std::abort();
  }
  if (at != sqlite3_bind_parameter_count(s) || sqlite3_step(s) != SQLITE_ROW || sqlite3_column_int(s, 0) != 2) {
    std::abort();
  }
  sqlite3_finalize(s);
  return 0;
}
