// What limits that look at recipients must know of an earlier run.
#pragma once

#include <cstdint>
#include <string>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/permit.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Tells the permits' limits per recipient and of recipients whom the sender may have written to so recently that it
// still counts; later and more often than it was, rather than too early or too seldom. Does nothing without such
// limits. A scan of the messages of the sender's unfinished and just finished campaigns. wall_offset: wall clock minus
// the permits' clock.
void assume_past_recipients(database& db, std::int64_t sender, pacing::permits& permits, std::int64_t now_ms,
                            nanoseconds_t wall_offset);

// The same for limits that all senders of a portfolio share.
void assume_past_recipients(database& db, const std::string& portfolio, pacing::shared_limits& limits,
                            std::int64_t now_ms, nanoseconds_t wall_offset);

}  // namespace bulkmsg::store
