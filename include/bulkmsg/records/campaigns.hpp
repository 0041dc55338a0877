// What a campaign is made with, how it stands, and its history.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/campaign/counters.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/campaign/unconfirmed.hpp"

namespace bulkmsg {

// A draft may begin with a name alone: what is still missing before it can start, missing() says.
struct campaign_settings {
  std::string name = {};
  sender_id sender = {};
  // Further senders, up to 63, of the same channel and each another number: when it is frozen every recipient gets one
  // of them, the same as in other campaigns that name it (src/engine/sender_choice.hpp). Each keeps its own limits.
  std::vector<sender_id> more_senders = {};
  template_id content = {};
  account_id account = {};               // none: metered only
  std::int64_t credits_per_message = 1;  // 1..1000
  // Slot (content/slots.hpp) -> where its value comes from, written as in content/mapping.hpp: `first_name|friend`.
  std::vector<std::pair<std::string, std::string>> mapping = {};
  std::string agent = {};     // "sent from"; empty: the sender's. WhatsApp campaigns do not start without one
  std::string reply_to = {};  // agent or group who gets the replies; empty: the sender's
  // Whether recipients need a known or stated consent; unset: those of MARKETING templates do.
  std::optional<bool> require_consent = {};
  std::string content_rules = {};  // words and links to warn of or to block, see content/content_check.hpp
  std::string actor = {};          // who makes or edits it, for the history
  std::int64_t weight = 1;         // 1..100: its share of a sender, against other campaigns' weights
  bool urgent = false;             // goes before all that are not: one-time codes, alerts
  // When messages may leave, as in pacing/weekly_hours.hpp: "mon-fri 09:00-20:00"; empty: always.
  std::string hours = {};
  // Whose clock the hours are read from: empty: the sender's time zone; "recipient": the country of each number, all of
  // its zones at once, the sender's where it has none; an IANA zone; or "column:NAME", a column with one per recipient,
  // which counts as "recipient" where it is empty.
  std::string hours_in = {};
  // What becomes of messages that may have gone, see campaign/unconfirmed.hpp; the wait: a second to 30 days.
  unconfirmed_rule when_unconfirmed = unconfirmed_rule::hold;
  std::chrono::milliseconds unconfirmed_wait = std::chrono::hours(1);
};

struct campaign_status {
  campaign_id id = {};
  std::string name = {};
  campaign_state state = campaign_state::draft;
  std::string reason = {};  // why paused, failed or stopped; a sentence
  bulkmsg::counters counters = {};
  std::int64_t credits_reserved = 0, credits_spent = 0;
  std::int64_t settled_by_receipt = 0;    // messages whose fate a receipt decided
  std::string sender = {}, content = {};  // several senders: their names, separated by ", "
  std::string agent = {}, reply_to = {};
  std::string plan_hash = {};
  campaign_id test_of = {};                                               // of a test send: the campaign that it shows
  std::int64_t created_at_ms = 0, started_at_ms = 0, finished_at_ms = 0;  // Unix, 0: not yet
  std::int64_t scheduled_at_ms = 0;                                       // 0: never was
  std::string scheduled_as = {};                                          // as it was written
  std::chrono::milliseconds max_lateness{0};
  unconfirmed_rule when_unconfirmed = unconfirmed_rule::hold;
  std::chrono::milliseconds unconfirmed_wait = {};
  campaign_id parent = {};                 // whose messages this one sends again
  std::vector<campaign_id> children = {};  // which send some of this one's messages again; at most 100
  double rate = 0;                         // messages a second now, over the last ten seconds; of status() only

  // At this rate; -1: not known, because nothing goes out now.
  [[nodiscard]] std::chrono::milliseconds time_left() const {
    if (counters.queued() == 0 || is_final(state)) return std::chrono::milliseconds(0);
    return std::chrono::milliseconds(
        rate > 0 ? static_cast<std::int64_t>(static_cast<double>(counters.queued()) * 1000.0 / rate) : -1);
  }
};

struct campaign_filter {
  std::optional<campaign_state> state = {};
  std::string agent = {};  // exactly; empty: any
  std::string name = {};   // a part of it, in any case of ASCII letters; empty: any
  std::int64_t created_from_ms = 0;
  bool tests = false;      // test sends, too
  campaign_id after = {};  // keyset paging
  std::size_t limit = 100;
};

// Who did what, when and why.
struct history_row {
  std::int64_t id = 0;  // ascending: the place to page on from
  std::int64_t at_ms = 0;
  campaign_id campaign = {};  // none: of the store as a whole (discard, adopt, backup, forget, retention)
  std::string action = {};
  std::string reason = {};
  std::string actor = {};  // "engine": by itself; empty: the call did not say
};

struct history_filter {
  campaign_id campaign = {};  // none: everything
  std::int64_t after = 0;
  std::size_t limit = 1000;
};

}  // namespace bulkmsg
