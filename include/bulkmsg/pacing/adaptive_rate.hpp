// How fast a provider lets us go, found out: cut by half when it throttles, regained a little every second.
//
//   adaptive_rate pace({.ceiling_per_s = 80});
//   if (pace.next(now) <= now) { pace.take(now); send(); }
//   pace.throttled(sent_at, now, retry_after);     // the provider said: too fast
//
// At rest it costs nothing and allows everything. A refusal cuts what was really sent per second (or the pace in force,
// if that is less); refusals of requests that had left before the last cut say nothing about the new pace and cut no
// more, so a burst, or all that was in flight, cuts once. From then on the pace grows by the same amount every second
// until it is back at the ceiling. `retry_after` closes everything for that time. Where no ceiling is known, it is four
// times what was sent when the first refusal came.
//
// All in integers on the given time; same rules for time as rate_limiter. Thread: one at a time. Does not allocate.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

struct adaptive_options {
  std::int64_t ceiling_per_s = 0;                                 // 0: none is known
  std::int64_t floor_per_1000_s = 1'000;                          // never slower: one a second
  std::int64_t cut_percent = 50;                                  // 1 to 99
  nanoseconds_t regain = 20 * second;                             // from nothing to the ceiling
  nanoseconds_t retry_after_max = nanoseconds_t{3'600} * second;  // a longer wait is for people: a pause
};

class adaptive_rate {
 public:
  explicit adaptive_rate(const adaptive_options& options = {})
      : floor_(std::clamp<std::int64_t>(options.floor_per_1000_s, 1, limit_count_max)),
        ceiling_(std::clamp<std::int64_t>(options.ceiling_per_s, 0, limit_count_max) * milli),
        keep_percent_(100 - std::clamp<std::int64_t>(options.cut_percent, 1, 99)),
        regain_(std::clamp<nanoseconds_t>(options.regain, second, limit_window_max)),
        retry_after_max_(std::clamp<nanoseconds_t>(options.retry_after_max, 0, limit_window_max)) {}

  // When the next take is allowed: `now` when it is at once, else the exact time (unless throttled() comes before).
  [[nodiscard]] nanoseconds_t next(nanoseconds_t now) const noexcept { return at_ <= now ? now : at_; }

  void take(nanoseconds_t now) noexcept {
    count(now);
    if (cut_) pace(now);
  }

  // A request whose permit was taken at `sent_at` was refused for its rate. `retry_after` 0: none was named. True when
  // the pace was cut.
  bool throttled(nanoseconds_t sent_at, nanoseconds_t now, nanoseconds_t retry_after = 0) noexcept {
    now = std::max(now, latest_);
    const nanoseconds_t closed = now + std::clamp<nanoseconds_t>(retry_after, 0, retry_after_max_);
    at_ = std::max(at_, retry_after > 0 ? closed : long_ago);
    if (sent_at <= cut_at_) return false;
    const std::int64_t sent = sent_per_1000_s(now);
    if (ceiling_ == 0) ceiling_ = std::max(4 * sent, floor_);
    base_ = std::max(floor_, std::min(rate(now), sent) * keep_percent_ / 100);
    since_ = std::max(now, closed);  // nothing is regained while nothing is allowed
    cut_at_ = now;
    cut_ = true;
    due_ = since_ + interval(since_);
    at_ = std::max(at_, due_);
    return true;
  }

  // The pace in force, in messages per 1000 s; 0: no pace but the limits' own.
  [[nodiscard]] std::int64_t per_1000_s(nanoseconds_t now) const noexcept {
    return cut_ && rate(now) < ceiling_ ? rate(now) : 0;
  }

  // No more than this can be taken in [now, until].
  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t now, nanoseconds_t until) const noexcept {
    if (next(now) > until) return 0;
    if (!cut_ || rate(until) >= ceiling_) return std::numeric_limits<std::uint64_t>::max();
    const nanoseconds_t length = until - std::max(now, at_) + burst;
    return static_cast<std::uint64_t>(length / interval(until) + 2);
  }

 private:
  static constexpr std::int64_t milli = 1'000;  // rates are per 1000 s
  static constexpr nanoseconds_t thousand_s = nanoseconds_t{1'000} * second;
  static constexpr nanoseconds_t burst = rate_limiter::smooth_burst;

  // Grows by ceiling / regain a second.
  [[nodiscard]] std::int64_t rate(nanoseconds_t now) const noexcept {
    if (!cut_) return ceiling_;
    const nanoseconds_t grown = std::clamp<nanoseconds_t>(now - since_, 0, regain_);
    // In milliseconds, since ceiling * nanoseconds could pass 64 bits.
    return std::min(ceiling_, base_ + ceiling_ / (regain_ / millisecond) * (grown / millisecond) +
                                  ceiling_ % (regain_ / millisecond) * (grown / millisecond) / (regain_ / millisecond));
  }

  [[nodiscard]] nanoseconds_t interval(nanoseconds_t now) const noexcept {
    return thousand_s / std::max<std::int64_t>(1, rate(now));
  }

  void pace(nanoseconds_t now) noexcept {
    if (rate(latest_) >= ceiling_) {
      cut_ = false;
      return;
    }
    const nanoseconds_t step = interval(latest_);
    due_ = std::max(due_, std::max(now, latest_)) + step;
    at_ = due_ - std::max(step, burst - step);  // as smooth, and as forgiving to late timers, as rate_limiter
  }

  // Two counters, of the last whole second and of this one.
  void count(nanoseconds_t now) noexcept {
    latest_ = std::max(latest_, now);
    if (latest_ - second_began_ >= second) {
      before_ = latest_ - second_began_ < 2 * second ? in_second_ : 0;
      second_began_ = latest_;
      in_second_ = 0;
    }
    ++in_second_;
  }

  [[nodiscard]] std::int64_t sent_per_1000_s(nanoseconds_t now) const noexcept {
    const nanoseconds_t elapsed = now - second_began_;
    if (before_ > 0 && elapsed < second) return std::max(before_, in_second_) * milli;
    return std::min<std::int64_t>(in_second_, 9'000'000) * thousand_s / std::max(elapsed, 100 * millisecond);
  }

  std::int64_t floor_;
  std::int64_t ceiling_;
  std::int64_t keep_percent_;
  nanoseconds_t regain_;
  nanoseconds_t retry_after_max_;
  bool cut_ = false;
  std::int64_t base_ = 0;           // the pace right after the cut
  nanoseconds_t since_ = long_ago;  // it grows from here on
  nanoseconds_t cut_at_ = long_ago;
  nanoseconds_t due_ = long_ago;
  nanoseconds_t at_ = long_ago;  // the next take
  nanoseconds_t latest_ = long_ago;
  nanoseconds_t second_began_ = long_ago;
  std::int64_t before_ = 0;
  std::int64_t in_second_ = 0;
};

}  // namespace bulkmsg::pacing
