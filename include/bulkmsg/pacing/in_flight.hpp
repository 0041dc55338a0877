// At most N requests without an answer. Time plays no part: only a release makes room.
//
// Same shape as rate_limiter. Thread: one at a time. Does not allocate.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {

// The time of what no waiting brings about.
inline constexpr nanoseconds_t only_by_release = std::numeric_limits<nanoseconds_t>::max();

class in_flight {
 public:
  explicit in_flight(std::int64_t count) : count_(std::clamp<std::int64_t>(count, 1, limit_count_max)) {}

  [[nodiscard]] nanoseconds_t next(nanoseconds_t now) const noexcept { return open_ < count_ ? now : only_by_release; }
  void take() noexcept { ++open_; }
  void release() noexcept {
    if (open_ > 0) --open_;
  }

  [[nodiscard]] std::int64_t open() const noexcept { return open_; }

 private:
  std::int64_t count_;
  std::int64_t open_ = 0;
};

}  // namespace bulkmsg::pacing
