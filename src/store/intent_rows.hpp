// Intents: the durable word "lane L, [first, last) may be on the wire from now on", written before the first byte.
//
// Whatever is inside an open intent without an outcome after a crash is unconfirmed; whatever lies behind the lane's
// position is proved untouched. These four functions are the whole of crash safety, so they have a file of their own,
// and the crash test links a program without them to show that it notices (tests/crash/no_intents.cpp).
#pragma once

#include <cstdint>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

// The first sequence of the lane that no intent ever covered.
std::int64_t position(database& db, std::int32_t lane);

// Opens [first, last) and moves the position to `last`. Returns the intent's id.
std::int64_t write_intent(database& db, std::int32_t lane, std::int64_t first, std::int64_t last, std::int64_t now_ms);

// Takes back what was opened and not handed to the network: everything of the lane from `from` on.
void take_back(database& db, std::int32_t lane, std::int64_t from);

// Every message of the intent has its outcome. Kept for a minute, with the time of closing, for limits that look back
// over a restart: all its first bytes were written before.
void close_intent(database& db, std::int64_t intent, std::int64_t now_ms);

}  // namespace bulkmsg::store
