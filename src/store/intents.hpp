// Opening ranges of a lane for sending, taking back what was not sent, and finding after a crash what may have gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "store/intent_rows.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// One message ready to be sent: views into claim::text.
struct claimed {
  message_id id;
  std::uint32_t attempt = 1;
  std::string_view address;
  std::string_view parameters;     // cells joined by U+001F
  bool conversation_open = false;  // they wrote within 24 hours; known only where it was asked for
  bool maybe_gone = false;         // an earlier request of it may have gone
  bool repeats = false;            // and this one is that request once more, under the same attempt
  // How many attempts were made when this one is not.
  [[nodiscard]] std::uint32_t attempts_before() const noexcept { return repeats ? attempt : attempt - 1; }
};

// A range of a lane, opened for sending.
struct claim {
  std::int64_t intent = 0;
  std::string text;
  std::vector<claimed> messages;
  bool more = false;  // nothing of this range may be sent, but the lane goes on behind it

  void clear() {
    more = false;
    intent = 0;
    text.clear();
    messages.clear();
  }
};

// Opens the next `count` messages of the lane: writes the intent, moves the position, reads addresses and parameters.
// Whoever may not be written to any more since the plan was frozen is not among them: that message is skipped, for
// good, in the same transaction, and its credit given back. So the sequences of a claim have gaps.
// conversations: also looks up whose conversation is open, which costs a look at the replies for each.
void open_range(database& db, std::int32_t lane, std::uint32_t count, std::int64_t now_ms, claim& into,
                bool conversations = false);

// Marks up to `count` retries of the lane that are due as attempting, and reads them; skips as open_range.
void open_retries(database& db, std::int32_t lane, std::uint32_t count, std::int64_t now_ms, claim& into,
                  bool conversations = false);

// A retry that was opened and not handed to the network waits again.
void take_back_retry(database& db, message_id id, std::int64_t next_at_ms);

struct recovered {
  std::int64_t unconfirmed = 0;  // messages without an outcome in open intents, now unconfirmed
  std::int64_t window = 0;       // messages inside open intents, with or without an outcome
};

// The sender's limits have changed: retries that wait only because of what they were, set aside up to `before_ms`, are
// due now, at most 1,000; how many.
std::int64_t bring_forward(database& db, std::int64_t sender, std::int64_t before_ms, std::int64_t now_ms);

// When the lane's next retry is due, Unix milliseconds; 0: there is none.
std::int64_t next_retry_at(database& db, std::int32_t lane);

// Sends that may have happened before the store was opened, for one sender's limits: how many, and the latest time of
// their first bytes (open intents: now). Oldest first.
struct past_sends {
  std::int64_t at_ms, count;
};
std::vector<past_sends> recent_sends(database& db, std::int64_t sender, std::int64_t since_ms, std::int64_t now_ms);

// When the intent that opened this message of a lane was written, Unix milliseconds: no byte of it left before.
std::int64_t taken_up_at(database& db, message_id id);

// After a crash: gives every message of an open intent that has no outcome the state unconfirmed.
recovered recover(database& db, std::int64_t now_ms);

}  // namespace bulkmsg::store
