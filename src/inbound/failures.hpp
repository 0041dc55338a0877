// Failures that the provider tells only after it has taken a message: what they say of all the others.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "store/brakes.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::inbound {

// By campaign and the provider's code: the latest message that failed so.
struct failed_message {
  std::int32_t lane = 0;
  std::int64_t left_ms = 0;  // at the latest
};
using failures = std::map<std::pair<std::int64_t, std::int32_t>, failed_message>;

// Pulls the brakes that an answer with the same code would have pulled: of the campaign, of the number, of the account.
// Not of campaigns that were resumed after the message had left: what was on its way says nothing new. The messages
// themselves are not sent again.
store::braking brake_for(store::database& db, const failures& told, std::int64_t now_ms);

}  // namespace bulkmsg::inbound
