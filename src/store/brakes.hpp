// Campaigns that the provider's word paused. Some causes end by themselves: then the campaign goes on, unless another
// cause or a person holds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct brake {
  std::string cause;          // what ends it, when it ends by itself; empty: a person has to resume
  std::int64_t until_ms = 0;  // Unix: ends then; 0: when the provider takes its word back
  std::string reason = {};    // a sentence
};

// Pauses those of the campaigns that are sending; returns them. Those that another brake holds are held by this one,
// too.
std::vector<std::int64_t> pull_brake(database& db, const std::vector<std::int64_t>& campaigns, const brake& why,
                                     std::int64_t now_ms);
// The cause is over; returns the campaigns that are sending again.
std::vector<std::int64_t> release_brake(database& db, std::string_view cause, std::int64_t now_ms);
// Likewise for those whose time has come.
std::vector<std::int64_t> release_due_brakes(database& db, std::int64_t now_ms);
// When the next one ends by itself, Unix milliseconds; 0: none does.
std::int64_t next_brake_end(database& db);
// A person paused what a brake had paused: it no longer goes on by itself.
void hold_braked(database& db, std::int64_t campaign, std::string_view reason, std::int64_t now_ms,
                 std::string_view actor = {});

}  // namespace bulkmsg::store
