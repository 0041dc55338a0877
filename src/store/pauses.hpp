// Pauses of one sender while its campaigns are sending: those that the provider asked for end by themselves; where a
// campaign has several senders and one of them cannot go on, that one waits until somebody resumes the campaign, and
// the others go on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

// The end of a pause that ends by a person's word only.
inline constexpr std::int64_t until_resumed_ms = 9'000'000'000'000;

// campaign 0: everything of the sender. One that holds longer already stays.
void put_pause(database& db, std::int64_t sender, std::int64_t campaign, std::int64_t until_ms,
               std::string_view reason);

// Holds what a sending campaign has left over this sender, with history and event. False, and nothing is done, when no
// other of its senders has anything left that may go: then the campaign itself is to be paused.
bool hold_sender(database& db, std::int64_t campaign, std::int64_t sender, std::string_view reason,
                 std::int64_t now_ms);
bool is_held(database& db, std::int64_t campaign, std::int64_t sender);
// False: it was not held.
bool lift_held(database& db, std::int64_t campaign, std::int64_t sender, std::int64_t now_ms);
// Of a campaign that goes on by a person's word: all of its senders that are held.
std::vector<std::int64_t> lift_all_held(database& db, std::int64_t campaign);
// Something is left to send, and all of it over senders that wait for a person. The reason of one of them; empty: not
// so.
std::string all_left_is_held(database& db, std::int64_t campaign);

struct sender_pause {
  std::int64_t sender = 0, until_ms = 0;
  std::string reason;
};
// Those that hold at `now_ms` for anything the campaign sends, the longest first.
std::vector<sender_pause> pauses_of(database& db, std::int64_t campaign, std::int64_t now_ms);

}  // namespace bulkmsg::store
