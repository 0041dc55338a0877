// Forgetting the personal data of campaigns that ended long ago, and of old replies; in steps.
#pragma once

#include <cstdint>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

// The next campaign that ended before this time and still has personal data; 0: none.
std::int64_t next_to_expire(database& db, std::int64_t ended_before_ms);
// A step of it; true when the campaign has none any more.
bool expire_more(database& db, std::int64_t campaign, std::int64_t now_ms);
// Replies that came before; a step; true when there is none any more.
bool expire_replies(database& db, std::int64_t before_ms);

}  // namespace bulkmsg::store
