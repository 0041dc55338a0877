// What the participants of a group did with a message. The message itself counts once, whatever their number: delivered
// with the first participant's, read with the first one's.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/records/messages.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

inline constexpr std::size_t participant_bytes_max = 160;

// Keeps the highest rank, the first time of each kind and the smallest code: any order and any repetition gives the
// same. A participant's name over the bound is left out.
void put_group_receipt(database& db, message_id message, std::string_view participant, receipt_rank rank,
                       std::int64_t at_ms, std::int32_t code);
// In the place of a participant who is forgotten.
std::string forgotten_participant(database& db, std::string_view participant);
// A participant's name as it is kept: whoever was forgotten stays so.
std::string known_as(database& db, std::string_view participant);
std::vector<participant_row> list_group_receipts(database& db, message_id message);

}  // namespace bulkmsg::store
