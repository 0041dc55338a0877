#include "store/segments.hpp"

#include "bulkmsg/recipients/segment_json.hpp"
#include "store/contacts.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

struct finalize {
  void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};
using made_statement = std::unique_ptr<sqlite3_stmt, finalize>;

// A statement for one use, its `?` bound in order: first `before`, then what follows.
class binder {
 public:
  binder(database& db, const std::string& sql) : db_(db) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db.handle(), sql.c_str(), static_cast<int>(sql.size()), &s, nullptr) != SQLITE_OK) {
      db.raise("prepare a selection of contacts");
    }
    statement_.reset(s);
  }

  binder& bind(std::int64_t v) { return check(sqlite3_bind_int64(statement_.get(), ++bound_, v)); }
  binder& bind(double v) { return check(sqlite3_bind_double(statement_.get(), ++bound_, v)); }
  binder& bind(const std::string& v) {
    return check(sqlite3_bind_text(statement_.get(), ++bound_, v.data(), static_cast<int>(v.size()), SQLITE_TRANSIENT));
  }
  binder& bind(const segment_sql& which) {
    using enum segment_sql::value::kind;
    for (const auto& v : which.values) {
      v.is == integer ? bind(v.integer) : v.is == number ? bind(v.number) : bind(v.text);
    }
    return *this;
  }
  [[nodiscard]] made_statement take() { return std::move(statement_); }

 private:
  binder& check(int code) {
    if (code != SQLITE_OK) db_.raise("bind a value");
    return *this;
  }

  database& db_;
  made_statement statement_;
  int bound_ = 0;
};

struct stored_segment {
  std::int64_t id = 0;
  bool is_group = false;
  std::string conditions;
};

stored_segment find(database& db, std::string_view name) {
  auto r = db.select("SELECT id, conditions FROM segments WHERE name = ?1", name);
  if (!r.next()) return {};
  return {r.integer(0), r.is_null(1), std::string(r.text(1))};
}

[[noreturn]] void no_such(std::string_view name) {
  throw store_error{error{
      errc::not_found, "no segment or group is named '" + std::string(name) + "'; see `bulkmsg segments list`", 0, 0}};
}

}  // namespace

void put_segment(database& db, std::string_view name, std::string_view conditions, std::int64_t now_ms) {
  if (find(db, name).is_group) {
    throw store_error{
        error{errc::conflict, "'" + std::string(name) + "' is a static group; give the segment another name", 0, 0}};
  }
  db.run(
      "INSERT INTO segments(name, conditions, updated_at_ms) VALUES (?1, ?2, ?3) "
      "ON CONFLICT(name) DO UPDATE SET conditions = ?2, updated_at_ms = ?3",
      name, conditions, now_ms);
}

std::int64_t put_group(database& db, std::string_view name, std::int64_t now_ms) {
  const auto known = find(db, name);
  if (known.id != 0 && !known.is_group) {
    throw store_error{error{
        errc::conflict, "'" + std::string(name) + "' is a segment of conditions; give the group another name", 0, 0}};
  }
  if (known.id != 0) return known.id;
  db.run("INSERT INTO segments(name, updated_at_ms) VALUES (?1, ?2)", name, now_ms);
  return db.last_id();
}

void add_to_group(database& db, std::int64_t group, std::string_view address) {
  const auto contact = db.number("SELECT id FROM contacts WHERE person = ?1", person_of(db, address));
  if (contact == 0) {
    throw store_error{error{errc::not_found, std::string(address) + " is not a contact; import it first", 0, 0}};
  }
  db.run("INSERT OR IGNORE INTO group_members(segment, contact) VALUES (?1, ?2)", group, contact);
}

void remove_segment(database& db, std::string_view name) {
  if (db.run("DELETE FROM segments WHERE name = ?1", name) == 0) no_such(name);
}

bool sweep_members(database& db, std::int64_t most) {
  // From group to group, past the members of those that are there.
  for (std::int64_t group = -1;;) {
    auto next = db.select("SELECT min(segment) FROM group_members WHERE segment > ?1", group);
    if (!next.next() || next.is_null(0)) return true;
    group = next.integer(0);
    if (db.number("SELECT EXISTS(SELECT 1 FROM segments WHERE id = ?1)", group) != 0) continue;
    most -= db.run(
        "DELETE FROM group_members WHERE segment = ?1 AND contact IN (SELECT contact FROM group_members WHERE "
        "segment = ?1 LIMIT ?2)",
        group, most);
    if (most <= 0) return false;
  }
}

std::vector<segment_row> list_segments(database& db) {
  std::vector<segment_row> list;
  auto r = db.select(
      "SELECT name, conditions, (SELECT count(*) FROM group_members WHERE segment = segments.id) FROM segments "
      "ORDER BY name");
  while (r.next()) list.push_back({std::string(r.text(0)), std::string(r.text(1)), r.integer(2)});
  return list;
}

segment_sql selection(database& db, std::string_view name, std::int64_t today) {
  if (name.empty()) return {"1", {}};
  const auto found = find(db, name);
  if (found.id == 0) no_such(name);
  if (found.is_group) return {"c.id IN (SELECT contact FROM group_members WHERE segment = ?)", {found.id}};
  const auto read = recipients::parse_segment_json(found.conditions, read_attributes(db));
  if (!read) throw store_error{read.error()};
  return compile_segment(*read, today);
}

std::int64_t count_contacts(database& db, const segment_sql& which) {
  const auto s = binder(db, "SELECT count(*) FROM contacts c WHERE " + which.where).bind(which).take();
  rows r(db, s.get());
  return r.next() ? r.integer(0) : 0;
}

std::vector<contact_row> list_contacts(database& db, const segment_sql& which, std::int64_t after, std::size_t limit) {
  std::vector<contact_row> list;
  const auto s = binder(db, "SELECT c.id, c.address, c.attributes, c.test, c.sandbox FROM contacts c WHERE (" +
                                which.where + ") AND c.id > ? ORDER BY c.id LIMIT ?")
                     .bind(which)
                     .bind(after)
                     .bind(static_cast<std::int64_t>(limit))
                     .take();
  rows r(db, s.get());
  while (r.next()) {
    contact_row one{.id = r.integer(0),
                    .address = std::string(r.text(1)),
                    .attributes = std::string(r.text(2)),
                    .test = r.integer(3) != 0,
                    .sandbox = r.integer(4) != 0};
    auto labels = db.select("SELECT label FROM contact_labels WHERE contact = ?1 ORDER BY label", one.id);
    while (labels.next()) one.labels.emplace_back(labels.text(0));
    list.push_back(std::move(one));
  }
  return list;
}

contact_cursor::contact_cursor(database& db, const segment_sql& which,
                               const std::vector<recipients::attribute>& columns) {
  std::string sql = "SELECT c.person, c.address, c.test, c.sandbox";
  for (const auto& column : columns) {
    sql += column.type == recipients::attribute_type::boolean
               ? ", CASE json_extract(c.attributes, ?) WHEN 1 THEN 'yes' WHEN 0 THEN 'no' END"
               : ", json_extract(c.attributes, ?)";
  }
  binder made(db, sql + " FROM contacts c WHERE " + which.where + " ORDER BY c.id");
  for (const auto& column : columns) made.bind(attribute_path(column.name));
  statement_.reset(made.bind(which).take().release());
  row_ = std::make_unique<rows>(db, statement_.get());
}

bool contact_cursor::next() { return row_->next(); }

}  // namespace bulkmsg::store
