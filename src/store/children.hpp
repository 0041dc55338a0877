// Child campaigns: drafts that send some messages of another campaign again. A message that a child took over is marked
// superseded by the child's recipient, in the transaction that adds the recipient: nobody is in two children.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/campaign/unconfirmed.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Messages of a lane, sequences [from, to), that a child could take over now.
struct retryable {
  std::vector<std::int64_t> messages;
  std::int64_t not_yet = 0, next_at_ms = 0;  // may pass later, the first of them at that time
  std::int64_t hopeless = 0;                 // would fail again
  std::int64_t taken = 0;                    // superseded already
};
retryable find_retryable(database& db, std::int32_t lane, std::int64_t from, std::int64_t to, retry_kind what, bool all,
                         std::int64_t now_ms);

// The parent's draft child of that kind, or a new one with the parent's settings. Throws not_found.
std::int64_t open_child(database& db, std::int64_t parent, retry_kind what, const std::string& name,
                        std::int64_t now_ms, const std::string& actor = {});
std::int64_t find_draft_child(database& db, std::int64_t parent, retry_kind what);  // 0: none
// Makes recipients of those of the messages that can still be taken over, and marks them. Up to 500 at a time. Returns
// how many.
std::int64_t take_over(database& db, std::int64_t child, const std::vector<std::int64_t>& messages, retry_kind what,
                       bool all, std::int64_t now_ms, const std::string& actor = {});

std::vector<std::int64_t> list_children(database& db, std::int64_t parent);

// Whether a message that this recipient (its key) was to replace, or one before that, was accepted and not failed
// since.
bool reached_before(database& db, std::int64_t recipient);

}  // namespace bulkmsg::store
