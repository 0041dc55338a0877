// Segments (stored conditions) and static groups (stored members), under one kind of name, and the contacts they pick.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/records/contacts.hpp"
#include "store/segment_sql.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Checked by whoever calls. Throws conflict when a static group has the name.
void put_segment(database& db, std::string_view name, std::string_view conditions, std::int64_t now_ms);
// Finds or makes a static group. Throws conflict when a segment has the name.
std::int64_t put_group(database& db, std::string_view name, std::int64_t now_ms);
// Throws not_found when the address is no contact's.
void add_to_group(database& db, std::int64_t group, std::string_view address);
void remove_segment(database& db, std::string_view name);  // throws not_found
// Removes up to `most` members of groups that are no more; true when none is left.
bool sweep_members(database& db, std::int64_t most);
std::vector<segment_row> list_segments(database& db);

// The condition over `contacts c` that a segment or group stands for; all contacts for an empty name. Throws not_found,
// segment_malformed.
segment_sql selection(database& db, std::string_view name, std::int64_t today);

std::int64_t count_contacts(database& db, const segment_sql& which);
// The chosen contacts behind `after`, in the order of their ids.
std::vector<contact_row> list_contacts(database& db, const segment_sql& which, std::int64_t after, std::size_t limit);

// The chosen contacts, one after the other, with the values of some attributes. One read of the store as it was at the
// beginning, however long it takes: it wants a connection of its own.
class contact_cursor {
 public:
  contact_cursor(database& db, const segment_sql& which, const std::vector<recipients::attribute>& columns);

  bool next();
  [[nodiscard]] std::int64_t person() const { return row_->integer(0); }
  [[nodiscard]] std::string_view address() const { return row_->text(1); }
  [[nodiscard]] bool test() const { return row_->integer(2) != 0; }
  [[nodiscard]] bool sandbox() const { return row_->integer(3) != 0; }
  [[nodiscard]] std::string_view value(std::size_t column) const { return row_->text(static_cast<int>(column) + 4); }

 private:
  struct finalize {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
  };
  std::unique_ptr<sqlite3_stmt, finalize> statement_;
  std::unique_ptr<rows> row_;
};

}  // namespace bulkmsg::store
