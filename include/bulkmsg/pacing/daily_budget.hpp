// At most N on a calendar day of a time zone; what is left over is gone at midnight, what does not fit waits for it.
//
//   daily_budget b(5'000, zone);                       // "5000/day"
//   if (b.next(wall) <= wall) b.take(now, wall);       // else wait for the day that begins at next()
//
// A day begins at its first instant in the zone, whatever its length (23 or 25 hours where clocks are set).
//
// Wall time is Unix nanoseconds and may jump: forward into another day begins that day; back by up to a day goes on
// with the day that had begun; back by more (it was wrong before) begins the day it now is, with what was used, so that
// setting a clock back never frees a day. `now` is the clock of rate_limiter. Thread: one at a time. Does not allocate.
//
// Needs absl's time zones (absl::time).
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

class daily_budget {
 public:
  daily_budget(std::int64_t count, absl::TimeZone zone)
      : count_(std::clamp<std::int64_t>(count, 1, limit_count_max)), zone_(zone) {}

  // When the next is allowed, wall time: `wall` when it is at once, else the first instant of the next day.
  [[nodiscard]] nanoseconds_t next(nanoseconds_t wall) const {
    const day d = day_at(wall);
    return d.used < count_ ? wall : d.end;
  }

  void take(nanoseconds_t now, nanoseconds_t wall) { add(now, wall, 1); }

  // Takes back the take made at `at` (its `now`), if it is of the day that counts.
  void refund(nanoseconds_t at) noexcept {
    if (at >= since_ && today_.used > 0) --today_.used;
  }

  // Acts as if `count` had been taken at `wall`; days before the latest one do not matter any more.
  void assume(nanoseconds_t now, nanoseconds_t wall, std::int64_t count) {
    if (count <= 0 || wall < today_.begin) return;
    add(now, wall, std::min(count, count_));
    since_ = now + 1;
  }

  // No more than this can be taken from `wall` until `until`.
  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t wall, nanoseconds_t until) const {
    day d = day_at(wall);
    if (until - wall > limit_window_max) return std::numeric_limits<std::uint64_t>::max();
    std::int64_t n = std::max<std::int64_t>(0, count_ - d.used);
    for (; d.end <= until; n += count_) d = day_of(d.end);
    return static_cast<std::uint64_t>(n);
  }

 private:
  struct day {
    nanoseconds_t begin = long_ago;
    nanoseconds_t end = long_ago;
    std::int64_t used = 0;
  };

  static constexpr nanoseconds_t a_day = nanoseconds_t{24} * 3'600 * second;

  [[nodiscard]] day day_of(nanoseconds_t wall) const {
    const absl::CivilDay d(absl::ToCivilDay(absl::FromUnixNanos(wall), zone_));
    return {absl::ToUnixNanos(absl::FromCivil(d, zone_)), absl::ToUnixNanos(absl::FromCivil(d + 1, zone_)), 0};
  }

  [[nodiscard]] day day_at(nanoseconds_t wall) const {
    if (wall >= today_.end) return day_of(wall);
    if (wall >= today_.begin - a_day) return today_;
    day d = day_of(wall);
    d.used = today_.used;
    return d;
  }

  void add(nanoseconds_t now, nanoseconds_t wall, std::int64_t count) {
    const day d = day_at(wall);
    if (d.begin > today_.begin) since_ = now;
    today_ = d;
    today_.used += count;
  }

  std::int64_t count_;
  absl::TimeZone zone_;
  day today_;
  nanoseconds_t since_ = long_ago;  // takes from here on are surely of this day
};

}  // namespace bulkmsg::pacing
