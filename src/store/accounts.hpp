// Credit accounts as rows: the rules are in bulkmsg/credits/, this file reads and writes what they say.
//
// An id made by the client makes a call idempotent: the same id again does nothing and answers as the first time, with
// other contents it throws conflict. An empty id is none. Ids are an account's own, whatever the call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/credits/ledger.hpp"
#include "bulkmsg/credits/plan.hpp"
#include "bulkmsg/records/accounts.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct account_row {
  std::int64_t id = 0;
  std::string name;
  credits::plan plan;
  credits::balances balances;
  std::int64_t uncollected = 0;
  std::int64_t period_ends_ms = 0;  // by the billing date under which the running period began
  std::int64_t renews_ms = 0;       // when the next one begins
};

// Makes or changes the account, and grants what the running period still lacks under the plan: more seats count at
// once, fewer from the next period on. Periods that are over are billed first, under the plan of their time. A new
// billing date counts from the end of the running period, which it may only move later: nothing granted ends early,
// and no month is granted twice.
std::int64_t put_account(database& db, const std::string& name, const credits::plan& plan, std::int64_t wall_ns,
                         const std::string& client_id = {});
std::optional<account_row> find_account(database& db, const std::string& name);
account_row read_account(database& db, std::int64_t account);  // throws not_found
std::vector<account_row> list_accounts(database& db, std::int64_t after, std::size_t limit);
// Ends the periods that have passed since the last one and grants each in its order, once.
void bill(database& db, std::int64_t account, std::int64_t wall_ns);
// What `bill` would make of the account, writing nothing.
void bill_unwritten(account_row& row, std::int64_t wall_ns);
// Bills up to 100 accounts whose time has come, after the account `after`. Those that cannot be billed (a time zone
// this machine does not know) are passed over.
struct billing {
  std::int64_t go_on_after = 0;  // 0: that was all
  std::int64_t next_ms = 0;      // when the next account renews; 0: none ever does
};
billing bill_due(database& db, std::int64_t after, std::int64_t wall_ns);

void top_up(database& db, std::int64_t account, std::int64_t credits, const std::string& client_id,
            std::int64_t now_ms);
void adjust(database& db, std::int64_t account, const credit_adjustment& change, std::int64_t now_ms);
std::vector<ledger_row> list_ledger(database& db, std::int64_t account, std::int64_t after, std::size_t limit);
// Recomputes the balances and every reservation from the ledger; throws store_corrupt naming what differs.
credits::balances audit(database& db, std::int64_t account);

// Holds credits for a campaign. Throws credits_short. Returns the reservation's id.
std::int64_t reserve(database& db, std::int64_t account, std::int64_t campaign, std::int64_t credits,
                     std::int64_t now_ms, const std::string& client_id = {});
// Spends or returns part of a reservation.
void post(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms);
void void_(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms);
[[nodiscard]] credits::reservation read_reservation(database& db, std::int64_t reservation);
// Receipts proved `messages` of the campaign sent whose credits had been returned: takes them from what is available,
// else counts them as uncollected.
void collect_late(database& db, std::int64_t account, std::int64_t campaign, std::int64_t messages,
                  std::int64_t now_ms);

}  // namespace bulkmsg::store
