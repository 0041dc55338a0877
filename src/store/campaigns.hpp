// Campaigns, senders and templates as rows, and the changes of a campaign's life.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/campaign/counters.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/recipients/consent.hpp"
#include "bulkmsg/records/campaigns.hpp"
#include "bulkmsg/records/imports.hpp"
#include "bulkmsg/records/messages.hpp"
#include "bulkmsg/records/plan.hpp"
#include "bulkmsg/records/reason_count.hpp"
#include "bulkmsg/records/senders.hpp"
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

std::int64_t put_sender(database& db, const sender_settings& s);
sender_settings read_sender(database& db, std::int64_t sender);  // throws not_found
std::vector<std::int64_t> sender_ids(database& db);
// This one and those of its account: that say so, or that share its access token.
std::vector<std::int64_t> senders_of_account(database& db, std::int64_t sender);
// kind: "provider" or "own".
std::int64_t put_template(database& db, const std::string& name, const std::string& language, std::string_view json,
                          std::string_view kind = "provider");
std::int64_t find_own_message(database& db, const std::string& name);  // the newest of that name; throws not_found
std::string read_template(database& db, std::int64_t content);         // throws not_found

// Sender and content may be missing (0) in a draft. Throws not_found, conflict (its senders do not go together).
// `actor`: who calls; "engine": nobody, it happens by itself.
std::int64_t insert_campaign(database& db, const campaign_row& c, std::int64_t now_ms, std::string_view actor = {});
// What it was made with; its recipients stay. Throws wrong_state, not_found, conflict (recipients of another channel).
void edit_campaign(database& db, std::int64_t campaign, const campaign_row& c, std::int64_t now_ms,
                   std::string_view actor);
campaign_row read_campaign(database& db, std::int64_t campaign);  // throws not_found
// When that address (its one text form) last wrote to this number of ours (empty: to any), Unix ms; 0: never.
std::int64_t last_inbound(database& db, std::string_view address, std::string_view phone_number_id = {});
void check_call(database& db, std::int64_t campaign, campaign_call call);  // throws wrong_state
void erase_draft(database& db, std::int64_t campaign, std::int64_t now_ms,
                 std::string_view actor);  // with no recipients left in it

// Checks the transition (throws wrong_state), writes it, its history and its durable event.
void change_state(database& db, std::int64_t campaign, campaign_state to, std::string_view verb,
                  std::string_view reason, std::int64_t now_ms, std::string_view actor = "engine");
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
std::vector<history_row> list_history(database& db, const history_filter& filter);

// Recipients of a draft, in batches.
struct recipient_batch {
  struct good {
    std::int64_t line;
    std::string address, parameters;
  };
  std::vector<good> added;
  std::vector<rejected_row> rejected;
  std::vector<std::string> rejected_rows;  // by the same index, the whole row as CSV; may be shorter: not known
  std::string address_column;              // in which the rejected rows have their addresses
};
void append_recipients(database& db, std::int64_t campaign, const recipient_batch& batch, const std::string& columns);
// Rejected rows to correct: each as CSV, `address_column` first, then campaigns.columns, then cells too many.
struct rejected_text {
  std::int64_t number = 0, line = 0;  // of the campaign's rejected rows, from 1; of the input
  std::string reason, address_column, row;
};
std::vector<rejected_text> list_rejected_text(database& db, std::int64_t campaign, std::int64_t after_number,
                                              std::size_t limit);
// The columns that held the addresses of rejected rows.
std::vector<std::string> rejected_address_columns(database& db, std::int64_t campaign);

// Removes what an import added beyond these numbers of rows, up to 10,000 rows a call; true when done.
bool undo_import(database& db, std::int64_t campaign, std::int64_t recipients, std::int64_t rejects);

// Recipients that the plan leaves out: a bit a row and reason, so that what is laid is exactly what was hashed.
struct left_out {
  std::map<errc, std::vector<bool>> rows_by_reason;
  std::map<errc, std::int64_t> counts;

  [[nodiscard]] std::int64_t count() const {
    std::int64_t all = 0;
    for (const auto& [why, n] : counts) all += n;
    return all;
  }
  [[nodiscard]] std::int64_t count(errc why) const {
    const auto found = counts.find(why);
    return found == counts.end() ? 0 : found->second;
  }
  [[nodiscard]] errc why(std::int64_t row) const;  // ok: it stays
  // recipient_suppressed, consent_missing or window_closed; rows in ascending order.
  void add(std::int64_t row, errc why);
};

// Lays recipients [from, from+count) of the campaign into the lane, in order, but for those who are left out: they
// become rejected rows. `gone`: how many were left out before `from`. Returns how many now.
std::int64_t lay(database& db, std::int64_t campaign, std::int32_t lane, std::int64_t from, std::int64_t count,
                 const left_out& out = {}, std::int64_t gone = 0);
// sender 0: the campaign's first.
std::int32_t insert_lane(database& db, std::int64_t campaign, std::int64_t size, std::string_view zones = {},
                         std::int64_t sender = 0);
// The same into several lanes: lane_of(row, address, parameters) picks one for each recipient, and all of them grow.
using lane_picker =
    std::function<std::int32_t(std::int64_t row, std::string_view address, std::string_view parameters)>;
std::int64_t lay(database& db, std::int64_t campaign, const lane_picker& lane_of, std::int64_t from, std::int64_t count,
                 const left_out& out, std::int64_t gone);
// A start that failed, or that a crash interrupted: the lanes go, the campaign is a draft again, or what `back_to`
// says.
void undo_start(database& db, std::int64_t campaign, std::string_view why, std::int64_t now_ms,
                campaign_state back_to = campaign_state::draft, std::string_view actor = "engine");
// Back to what they were: drafts, or scheduled ones.
void undo_interrupted_starts(database& db, std::int64_t now_ms);
std::vector<std::int32_t> lanes_of(database& db, std::int64_t campaign);
// Where the lane's hours are meant: IANA names, empty when its campaign has none.
std::string zones_of_lane(database& db, std::int32_t lane);
std::int64_t sender_of_lane(database& db, std::int32_t lane);

// The campaign holds no message any more that could still be sent: what its reservation holds beyond the unconfirmed
// ones is given back; a sending campaign becomes completed.
void finish(database& db, std::int64_t campaign, std::int64_t now_ms);
// Stopped campaigns that a crash kept from giving their credits back.
void finish_stopped(database& db, std::int64_t now_ms);
// True when every message has its final outcome: none is queued, waits for a retry or is on the wire.
bool exhausted(database& db, std::int64_t campaign);

// What people ask for; read from any connection.
// now_ms: for the rate, 0: not wanted. Throws not_found.
campaign_status read_status(database& db, std::int64_t campaign, std::int64_t now_ms = 0);
// Messages a second of every sender, by name, in campaigns that are sending.
std::map<std::string, double> send_rates(database& db, std::int64_t now_ms);
std::vector<campaign_status> list_campaigns(database& db, const campaign_filter& filter);
std::vector<message_row> list_messages(database& db, std::int64_t campaign, const message_filter& filter);
std::vector<rejected_row> list_rejected(database& db, std::int64_t campaign, std::int64_t after_number,
                                        std::size_t limit);
std::vector<reason_count> count_failed(database& db, std::int64_t campaign);
std::vector<reason_count> count_skipped(database& db, std::int64_t campaign);

}  // namespace bulkmsg::store
