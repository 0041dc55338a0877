// What the engine tells the host: durable events and progress.
#pragma once

#include <cstdint>

#include "bulkmsg/base/ids.hpp"

namespace bulkmsg {

enum class event_kind : std::uint8_t {
  campaign_changed = 1,  // durable: `state` is the new campaign_state
  reply = 2,             // durable; text and context in the payload
  message = 3,           // progress: `state` is the message_state, `receipt` the rank
  resync = 4,            // progress was dropped: read the rows of `campaign`
  opt_out = 5,           // durable; a person stopped (or resumed) messages: `state` is 1, or 0 for resumed
  notice = 6,            // durable; the provider said something of a template, a number or the account: in the payload
};

// Durable events have an id and come at least once until acknowledged; progress has none.
struct event {
  event_id id = {};
  event_kind kind = event_kind::message;
  std::uint8_t state = 0;
  std::uint8_t receipt = 0;
  std::int32_t code = 0;
  campaign_id campaign = {};
  message_id message = {};
  std::int64_t at_ms = 0;
};

}  // namespace bulkmsg
