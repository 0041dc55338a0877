// Forgetting a person: in their place stays what forgotten.hpp says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/records/people.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Who is to be forgotten: every key and every text by which the store may know them.
struct forgotten_person {
  std::vector<std::int64_t> keys;  // the person's own first
  std::vector<std::string> names;  // as the provider writes them: digits, or a user id
  std::string address;             // canonical
};
forgotten_person who_is(database& db, std::string_view address);

// Everything but the rows of campaigns, replies, events and the log of consent; makes the store's key when it has none.
// Bars what is queued for the person from here on, until they are found by their address no more.
void forget_person(database& db, const forgotten_person& who, std::int64_t now_ms, forget_report& report);
// Of replies (counted), events, groups' receipts, parked ones and the log of consent: a step of at most 1,000 rows
// behind `from`; returns where to go on, 0: it is done.
std::int64_t forget_in_replies(database& db, const forgotten_person& who, std::int64_t from, std::int64_t& replies);
std::int64_t forget_in_events(database& db, const forgotten_person& who, std::int64_t from);
std::int64_t forget_in_groups(database& db, const forgotten_person& who, std::int64_t from);
std::int64_t forget_in_parked(database& db, const forgotten_person& who, std::int64_t from);
std::int64_t forget_in_log(database& db, const forgotten_person& who, std::int64_t from);

// Recipients and rejected rows that are theirs; to be looked for beside the writer, in steps. `from`: after this one,
// and where to go on; 0: the end.
struct found_row {
  std::int64_t id = 0;
  std::int64_t message = 0;  // of a recipient whose plan is laid
};
std::vector<found_row> find_recipients(database& db, const forgotten_person& who, std::int64_t& from);
std::vector<found_row> find_rejects(database& db, const forgotten_person& who, std::int64_t& from);
void forget_recipient(database& db, const found_row& row, std::int64_t now_ms);
void forget_reject(database& db, const found_row& row);

}  // namespace bulkmsg::store
