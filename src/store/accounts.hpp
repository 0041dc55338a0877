// Credit accounts as rows: the rules are in bulkmsg/credits/, this file reads and writes what they say.
#pragma once

#include <optional>
#include <string>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/credits/ledger.hpp"
#include "bulkmsg/credits/plan.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct account_row {
  std::int64_t id = 0;
  std::string name;
  credits::plan plan;
  credits::balances balances;
};

// Makes or changes the account, and grants what the running month still lacks under the plan: more seats count at
// once, fewer from the next month on.
std::int64_t put_account(database& db, const std::string& name, const credits::plan& plan, std::int64_t wall_ns);
std::optional<account_row> find_account(database& db, const std::string& name);
account_row read_account(database& db, std::int64_t account);  // throws not_found
// Ends the periods that have passed since the last one and grants each in its order, once.
void bill(database& db, std::int64_t account, std::int64_t wall_ns);
// `client_id` makes it idempotent: again with the same amount does nothing, with another is conflict.
void top_up(database& db, std::int64_t account, std::int64_t credits, const std::string& client_id,
            std::int64_t now_ms);
// Recomputes the balances from the ledger; throws store_corrupt naming what differs.
credits::balances audit(database& db, std::int64_t account);

// Holds one credit a message for a campaign. Throws credits_short. Returns the reservation's id.
std::int64_t reserve(database& db, std::int64_t account, std::int64_t campaign, std::int64_t credits,
                     std::int64_t now_ms);
// Spends or returns part of a reservation.
void post(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms);
void void_(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms);
[[nodiscard]] credits::reservation read_reservation(database& db, std::int64_t reservation);
// A receipt proved a message sent whose credit had been returned: takes it from what is available, else counts it as
// uncollected.
void collect_late(database& db, std::int64_t account, std::int64_t campaign, std::int64_t credits, std::int64_t now_ms);

}  // namespace bulkmsg::store
