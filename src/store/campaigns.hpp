// Campaigns as rows, the changes of their life, and who made them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/records/plan.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct campaign_row {
  std::int64_t id = 0;
  std::string name;
  campaign_state state = campaign_state::draft;
  std::string reason;
  std::int64_t sender = 0, content = 0, account = 0, reservation = 0;
  std::vector<std::int64_t> senders;  // all it names, `sender` first; may be empty where that is the only one
  std::string mapping, columns, content_rules;
  std::int64_t recipients = 0, rejects = 0;
  std::string plan_hash, start_key;
  std::string agent, reply_to;
  std::optional<bool> require_consent;
  std::int64_t screened_out = 0;
  std::int64_t credits_per_message = 1;
  std::int64_t test_of = 0;
  std::int64_t scheduled_at_ms = 0, max_lateness_ms = 0;
  std::int64_t weight = 1;
  bool urgent = false;
  std::string hours, hours_in;
};

// Sender and content may be missing (0) in a draft. Throws not_found, conflict (its senders do not go together).
// `actor`: who calls; "engine": nobody, it happens by itself.
std::int64_t insert_campaign(database& db, const campaign_row& c, std::int64_t now_ms, std::string_view actor = {});
// What it was made with; its recipients stay. Throws wrong_state, not_found, conflict (recipients of another channel).
void edit_campaign(database& db, std::int64_t campaign, const campaign_row& c, std::int64_t now_ms,
                   std::string_view actor);
campaign_row read_campaign(database& db, std::int64_t campaign);           // throws not_found
void check_call(database& db, std::int64_t campaign, campaign_call call);  // throws wrong_state
void erase_draft(database& db, std::int64_t campaign, std::int64_t now_ms,
                 std::string_view actor);  // with no recipients left in it

// Checks the transition (throws wrong_state), writes it, its history and its durable event.
void change_state(database& db, std::int64_t campaign, campaign_state to, std::string_view verb,
                  std::string_view reason, std::int64_t now_ms, std::string_view actor = "engine");
// A paused campaign is paused for this, too; nothing when that is known already.
void add_reason(database& db, std::int64_t campaign, std::string_view reason, std::int64_t now_ms);
void set_schedule(database& db, std::int64_t campaign, const schedule_options& when, std::int64_t at_ms);
// Scheduled campaigns whose time has come, the earliest first, and when the next one's comes; 0: there is none.
struct schedules {
  std::vector<std::int64_t> due;
  std::int64_t next_ms = 0;
};
schedules due_schedules(database& db, std::int64_t now_ms);

// Who did what, when and why; `campaign` 0: to the store as a whole.
void note_history(database& db, std::int64_t campaign, std::string_view action, std::string_view reason,
                  std::int64_t now_ms, std::string_view actor);

// The campaign holds no message any more that could still be sent: what its reservation holds beyond the unconfirmed
// ones is given back; a sending campaign becomes completed.
void finish(database& db, std::int64_t campaign, std::int64_t now_ms);
// Stopped campaigns that a crash kept from giving their credits back.
void finish_stopped(database& db, std::int64_t now_ms);
// True when every message has its final outcome: none is queued, waits for a retry or is on the wire.
bool exhausted(database& db, std::int64_t campaign);

}  // namespace bulkmsg::store
