// Campaigns that the provider's word paused. Some causes end by themselves: then the campaign goes on, unless another
// cause or a person holds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct brake {
  std::string cause;          // what ends it, when it ends by itself; empty: a person has to resume
  std::int64_t until_ms = 0;  // Unix: ends then; 0: when the provider takes its word back
  std::string reason = {};    // a sentence
};

// A campaign, or what it sends over one of its senders (not 0) while others of it may go on.
struct braked {
  std::int64_t campaign = 0, sender = 0;
};
struct braking {
  std::vector<std::int64_t> campaigns;                         // as a whole
  std::vector<std::pair<std::int64_t, std::int64_t>> senders;  // campaign and sender
  [[nodiscard]] bool empty() const { return campaigns.empty() && senders.empty(); }
};

// Pauses those that are sending; returns them. Those that another brake holds are held by this one, too. A campaign
// that has nothing left to send over other senders is paused as a whole.
braking pull_brake(database& db, const std::vector<braked>& what, const brake& why, std::int64_t now_ms);
// The cause is over; returns what is sending again.
braking release_brake(database& db, std::string_view cause, std::int64_t now_ms);
// Likewise for those whose time has come.
braking release_due_brakes(database& db, std::int64_t now_ms);
// When the next one ends by itself, Unix milliseconds; 0: none does.
std::int64_t next_brake_end(database& db);
// A person paused what a brake had paused: it no longer goes on by itself.
void hold_braked(database& db, std::int64_t campaign, std::string_view reason, std::int64_t now_ms,
                 std::string_view actor = {});

}  // namespace bulkmsg::store
