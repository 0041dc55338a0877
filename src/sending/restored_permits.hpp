// A sender's limits as an earlier run left them: what was sent, and what may have been, counts on after reopening.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/permit.hpp"
#include "bulkmsg/pacing/shared_limits.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::sending {

// The sender's own limits. zone: where the days of daily budgets begin. Throws store_error.
pacing::permits restored_permits(store::database& db, std::int64_t sender, const std::vector<pacing::limit>& limits,
                                 absl::TimeZone zone, const clock& time);

// The `recipients` limits of all senders of a portfolio: each holds for all of them together. Throws store_error.
std::shared_ptr<pacing::shared_limits> restored_portfolio(store::database& db, const std::string& portfolio,
                                                          const clock& time);

// Those of `limits` that `shared` (may be null) does not hold already.
std::vector<pacing::limit> not_shared(std::vector<pacing::limit> limits, const pacing::shared_limits* shared);

}  // namespace bulkmsg::sending
