// How long a plan takes at best.
#pragma once

#include <absl/time/time.h>

#include <chrono>
#include <vector>

#include "bulkmsg/pacing/limit.hpp"
#include "engine/campaign_hours.hpp"

namespace bulkmsg {

// The least time from `wall` on that the limits allow for so many messages to as many people, all of them new to
// `recipients` limits. zone: where the days of daily budgets begin.
nanoseconds_t shortest_duration(const std::vector<pacing::limit>& limits, std::int64_t messages, nanoseconds_t wall,
                                absl::TimeZone zone);

// The same within the hours of each lane.
std::chrono::milliseconds shortest_duration(const std::vector<pacing::limit>& limits, const campaign_hours& hours,
                                            nanoseconds_t wall, absl::TimeZone zone);

}  // namespace bulkmsg
