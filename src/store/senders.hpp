// Senders as rows.
#pragma once

#include <cstdint>
#include <vector>

#include "bulkmsg/records/senders.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

std::int64_t put_sender(database& db, const sender_settings& s);
sender_settings read_sender(database& db, std::int64_t sender);  // throws not_found
std::vector<std::int64_t> sender_ids(database& db);
// This one and those of its account: that say so, or that share its access token.
std::vector<std::int64_t> senders_of_account(database& db, std::int64_t sender);

}  // namespace bulkmsg::store
