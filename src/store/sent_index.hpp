// Finds accepted messages by the provider's id and by person, for what comes back without our key.
//
// Filled behind the sending, in sorted runs: a run is one range of the table, so adding to it touches few pages however
// large the store is, and a look-up asks each run that is young enough, the newest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Told of each message that is added, with its provider id.
using indexed_hook = std::function<void(message_id, std::string_view provider_id)>;

// Adds up to `messages_max` accepted messages; true when there may be more now. What is on the wire follows when it is
// settled.
bool index_sent(database& db, std::size_t messages_max, const indexed_hook& added = nullptr);
// Whether index_sent() would find something.
bool sent_to_index(database& db);
// This message became accepted, or is tried again, behind the place up to which its lane is indexed.
void index_later(database& db, message_id message);

// How many look-ups fit into a few milliseconds, whatever the store holds.
std::size_t look_ups_per_job(database& db);

struct sent_message {
  message_id message;
  std::int64_t campaign = 0, at_ms = 0;
  std::uint32_t attempt = 1;
};
// The message with that provider id, sent since `since_ms`.
std::optional<sent_message> find_sent(database& db, std::string_view provider_id, std::int64_t since_ms);
// The latest message to this person (all of their known names), sent in [from_ms, to_ms] over this number of ours; an
// empty number: over any.
std::optional<sent_message> latest_sent(database& db, std::int64_t person, std::string_view phone_number_id,
                                        std::int64_t from_ms, std::int64_t to_ms);

// The address it went to, as the campaign had it.
std::string address_of(database& db, message_id message);

}  // namespace bulkmsg::store
