// What stands in the place of people who are forgotten: a hash under a key of this store. Counters, the ledger and
// counts of distinct people stay true, and a person who is suppressed stays so, but nobody can be found by it who has
// not got the address.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "store/outcomes.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

inline constexpr std::string_view forgotten_prefix = "forgotten:";

// What stands for a person.
std::int64_t forgotten_key(database& db, std::int64_t person);
// Makes the store's key when it has none, so that what stands for a person stays the same.
void need_forget_key(database& db);
// Whether they were forgotten, by whichever of their names.
bool is_forgotten(database& db, std::int64_t person);
// In the place of an address.
std::string forgotten_address(database& db, std::int64_t person);
// What stands for the person of such an address; 0: it is another one.
std::int64_t key_of_forgotten(std::string_view address);

// While it lives, what is taken out of pages is overwritten with zeros.
class overwriting {
 public:
  explicit overwriting(database& db) : db_(db) { db_.exec("PRAGMA secure_delete=ON"); }
  ~overwriting() { sqlite3_exec(db_.handle(), "PRAGMA secure_delete=FAST", nullptr, nullptr, nullptr); }
  overwriting(const overwriting&) = delete;

 private:
  database& db_;
};

// Rows without personal data: a recipient, whose cells are then empty, a rejected row, messages [first, last).
// `person`: whose key stands there from now on.
void clear_recipient(database& db, std::int64_t recipient, std::int64_t person, const std::string& cells);
void clear_rejects(database& db, std::int64_t first, std::int64_t last);
void clear_messages(database& db, std::int64_t first, std::int64_t last);
// What comes of this message later than its recipient was forgotten is kept without its words.
void clear_when_answered(database& db, std::int64_t message);
// Of messages that were just settled: those whose recipients were forgotten meanwhile lose their words.
void clear_answered(database& db, std::span<const outcome> settled);
// As many empty cells as the campaign has columns.
std::string empty_cells(database& db, std::int64_t campaign);

}  // namespace bulkmsg::store
