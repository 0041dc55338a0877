// What the provider says its numbers may send, kept among `provider_states`, and a sender's limits with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/provider_limits.hpp"
#include "bulkmsg/records/senders.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Of the number shown as this one. at_ms: by the provider's clock, an older word changes nothing. False: nothing new.
bool put_throughput(database& db, std::string_view account, std::string_view display_number, std::int64_t per_second,
                    std::int64_t at_ms);
// Of all numbers of the account, together. recipients 0: unlimited.
bool put_messaging_limit(database& db, std::string_view account, std::int64_t recipients, std::int64_t at_ms);

pacing::provider_allowance allowance_of(database& db, const sender_settings& sender);
// The sender's limits as they hold now. Throws bad_option_value (cannot be: they were read when it was stored).
std::vector<pacing::limit> limits_of(database& db, const sender_settings& sender);
// WhatsApp senders of the account, or that do not say of which they are, whose limits follow the provider.
std::vector<std::int64_t> senders_that_follow(database& db, std::string_view account);

}  // namespace bulkmsg::store
