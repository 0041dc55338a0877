// Failures that the provider tells only after it has taken a message: what they say of all the others.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>

#include "store/brakes.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::inbound {

// By campaign, the provider's code and lane: when the latest message that failed so may have left.
using failures = std::map<std::tuple<std::int64_t, std::int32_t, std::int32_t>, std::int64_t>;

// Pulls the brakes that an answer with the same code would have pulled: of the campaign, of the number, of the account.
// Not of campaigns that were resumed after the message had left: what was on its way says nothing new. The messages
// themselves are not sent again.
store::braking brake_for(store::database& db, const failures& told, std::int64_t now_ms);

}  // namespace bulkmsg::inbound
