// A campaign's plan and its start, now or at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg {

// The frozen plan, or what it would be.
struct plan_summary {
  std::string hash = {};  // content hash over every request body; hex SHA-256
  std::int64_t messages = 0;
  std::int64_t suppressed = 0;             // recipients left out, reported with the rejected rows from the start on
  std::int64_t without_consent = 0;        // likewise
  std::int64_t window_closed = 0;          // likewise: no template, and they have not written for 24 hours
  std::int64_t credits = 0;                // price in credits
  std::int64_t credits_available = 0;      // -1 without an account
  std::chrono::milliseconds duration{0};   // under the sender's limits and within the hours, at best
  std::string preview = {};                // the first message as plain text
  std::vector<std::string> warnings = {};  // what the content rules warn of, a sentence each
  // With several senders: the name of each, and how many messages go over it.
  std::vector<std::pair<std::string, std::int64_t>> by_sender = {};
};

struct start_options {
  std::string idempotency_key = {};  // starting twice with the same key runs once; empty: none
  std::string expected_hash = {};    // refuse (errc::conflict) when the plan's hash differs; empty: any
  std::string actor = {};            // who starts it, for the history
};

struct schedule_options {
  std::string at = {};  // as parse_time() reads it: "2026-12-01 09:00 Europe/Berlin"
  // Fired later than this, because no process ran the store, it fails instead; up to 30 days.
  std::chrono::milliseconds max_lateness = std::chrono::hours(1);
  std::string actor = {};  // who schedules it, for the history
};

// A time as people write it, in Unix ms: date and time, then a zone: a name ("Europe/Berlin"), "Z" or an offset
// ("+01:00"); T or a blank between date and time, seconds if wanted. A time that comes twice when clocks go back is the
// first. Errors: bad_option_value (malformed, no zone, an unknown one, skipped when clocks go forward).
[[nodiscard]] result<std::int64_t> parse_time(std::string_view text);

}  // namespace bulkmsg
