// Persons, and whether they may be written to: suppressions, consent, the identities under which the provider knows a
// person, and the log of every change. Matched by person, so that no spelling of a number hides one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/consent.hpp"
#include "bulkmsg/records/people.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// The key of an address in its canonical form (+digits, user:ID, group:ID, chat:ID), never 0.
std::int64_t person_key(std::string_view address);
// The person of an address: its key, or the person to whom that key was linked.
std::int64_t person_of(database& db, std::string_view address);

// Two addresses of one person, as the provider told: from now on whatever is known of either is known of both.
void link_identities(database& db, std::string_view address, std::string_view other, std::int64_t now_ms);

// A source has one entry for a person; a narrower scope does not take back a wider one. What is known already changes
// nothing and is not logged again.
void suppress(database& db, std::string_view address, const suppression& why, std::int64_t now_ms);
// Takes the entries of these sources back; false: there was none.
bool lift(database& db, std::string_view address, std::span<const suppression_source> sources, std::string_view note,
          std::int64_t now_ms);
void put_consent(database& db, std::string_view address, const consent& given, std::int64_t now_ms);
// The host's word that all recipients the draft holds now have agreed. Throws wrong_state.
void state_consent(database& db, std::int64_t campaign, std::string_view source, std::int64_t now_ms);

std::vector<suppression_row> list_suppressions(database& db, const suppression_filter& filter);
std::vector<consent_log_row> list_consent_log(database& db, std::int64_t after, std::size_t limit);
// The last entry of the log; 0: none. Who remembers it knows later whether anything changed.
std::int64_t last_consent_change(database& db);

// When that address (its one text form) last wrote to this number of ours (empty: to any), Unix ms; 0: never.
std::int64_t last_inbound(database& db, std::string_view address, std::string_view phone_number_id = {});

// What the campaign's content asks of its recipients, and what the host stated for it. Looks at the store as it is when
// asked; short-lived, for one connection.
class screen {
 public:
  screen(database& db, std::int64_t campaign, consent_rules rules);

  // May this recipient be written to? ok, recipient_suppressed, consent_missing, or, of a child campaign,
  // duplicate_recipient: an earlier campaign's message reached them after all. `row`: its number in the campaign.
  errc check(std::string_view address, std::int64_t row);
  // The same for a stored contact.
  errc check_person(std::int64_t key);

 private:
  errc check(std::int64_t key, bool stated);
  errc check_known(std::int64_t person, bool stated);

  database& db_;
  const consent_rules rules_;
  bool identities_, suppressions_, consents_, hashes_;         // whether there are any
  std::int64_t child_;                                         // the campaign, when it sends another's messages again
  std::vector<std::pair<std::int64_t, std::int64_t>> stated_;  // rows [first, last)
};

// For people, of what screen::check says.
std::string_view screening_reason(errc code);

}  // namespace bulkmsg::store
