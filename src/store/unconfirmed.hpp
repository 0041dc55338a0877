// Messages that may have gone and of which nobody knows, and what settles them beside a receipt: the campaign's rule,
// the same request once more where the channel knows its key, or a person's word.
//
// A message that is to be requested again is a retry (state 1) whose repeat_until_ms is set: it may have gone before.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/campaign/unconfirmed.hpp"
#include "bulkmsg/records/messages.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

void set_rule(database& db, std::int64_t campaign, unconfirmed_rule rule, std::int64_t wait_ms);
// Frozen with the plan: how long the channel takes a request with a known key for the same one; 0: it knows no keys.
void set_repeats(database& db, std::int64_t campaign, std::int64_t repeat_ms);
// For the plan's hash.
struct rule_row {
  unconfirmed_rule rule = unconfirmed_rule::hold;
  std::int64_t wait_ms = 0;
};
rule_row read_rule(database& db, std::int64_t campaign);

// What one job changed.
struct settled_message {
  campaign_id campaign;
  message_id message;
  message_state state = message_state::unconfirmed;
};
struct rule_turn {
  std::vector<settled_message> changed;
  std::vector<std::int64_t> queued;  // campaigns with messages to be sent again
  std::vector<std::int64_t> ended;   // campaigns that are sending, have nothing to send and wait for nothing
  bool more = false;                 // it was cut off after some milliseconds of work
  bool any = false;                  // there are campaigns with a rule that are sending, or may have sent
  std::int64_t next_ms = 0;          // when something is due by time alone; 0: never
};
// Carries out the rules of all campaigns as far as they are due. opened_ms: when the store was opened to run.
rule_turn keep_rules(database& db, std::int64_t now_ms, std::int64_t opened_ms);

// The campaign's rule will still act on some of its messages, so that it cannot be completed.
bool awaits_rule(database& db, std::int64_t campaign, std::int64_t now_ms);

// After a stop nothing is sent again: what was to be is unconfirmed, as before.
void drop_repeats(database& db, std::int64_t campaign);

// The same when the store is opened to run, for all campaigns whose rule is `resend`.
void drop_resends(database& db);

// Settles unconfirmed messages by a person's word, up to some milliseconds of work.
struct resolve_turn {
  std::vector<settled_message> changed;
  bool more = false;
};
resolve_turn resolve(database& db, std::int64_t campaign, const resolution& how, std::int64_t now_ms);

}  // namespace bulkmsg::store
