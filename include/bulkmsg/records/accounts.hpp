// Accounts of credits and their ledgers.
#pragma once

#include <cstdint>
#include <string>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/credits/ledger.hpp"
#include "bulkmsg/credits/plan.hpp"

namespace bulkmsg {

struct account_status {
  account_id id = {};
  std::string name = {};
  credits::plan plan = {};
  credits::balances balances = {};
  std::int64_t uncollected = 0;   // proved sent after their credits were given back, with nothing left to charge
  std::int64_t renews_at_ms = 0;  // Unix: when the next period begins
};

// Credits added (or taken away, when negative) by hand.
struct credit_adjustment {
  std::int64_t credits = 0;
  std::string reason = {};  // both are kept with the entry; up to 1,000 bytes
  std::string actor = {};
  std::string id = {};  // makes it idempotent; empty: none
};

// One entry of an account's ledger.
struct ledger_row {
  std::int64_t id = 0;  // ascending: the place to page on from
  std::int64_t at_ms = 0;
  credits::entry entry = {};
  campaign_id campaign = {};                            // of the entry's reservation
  std::string client_id = {}, reason = {}, actor = {};  // where the call had one
};

}  // namespace bulkmsg
