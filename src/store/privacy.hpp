// Forgetting: a person, or the personal data of campaigns that ended long ago. What stays in a recipient's place is a
// hash under a key of this store: counters, the ledger and counts of distinct people stay true, and a person who is
// suppressed stays so, but nobody can be found by it who has not got the address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/records/people.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

inline constexpr std::string_view forgotten_prefix = "forgotten:";

// What stands for a person.
std::int64_t forgotten_key(database& db, std::int64_t person);
// Makes the store's key when it has none, so that what stands for a person stays the same.
void need_forget_key(database& db);
// In the place of an address.
std::string forgotten_address(database& db, std::int64_t person);

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
// Of replies (counted), events, groups' receipts and the log of consent: a step of at most 1,000 rows behind `from`;
// returns where to go on, 0: it is done.
std::int64_t forget_in_replies(database& db, const forgotten_person& who, std::int64_t from, std::int64_t& replies);
std::int64_t forget_in_events(database& db, const forgotten_person& who, std::int64_t from);
std::int64_t forget_in_groups(database& db, const forgotten_person& who, std::int64_t from);
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

// The next campaign that ended before this time and still has personal data; 0: none.
std::int64_t next_to_expire(database& db, std::int64_t ended_before_ms);
// A step of it; true when the campaign has none any more.
bool expire_more(database& db, std::int64_t campaign, std::int64_t now_ms);
// Replies that came before; a step; true when there is none any more.
bool expire_replies(database& db, std::int64_t before_ms);

}  // namespace bulkmsg::store
