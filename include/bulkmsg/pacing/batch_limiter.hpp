// Batches: N messages, then a delay from the last one's first byte to the first one of the next batch.
//
// Exactly: cut the sends at every gap of at least the delay, and no piece has more than N. So a batch that stays
// incomplete for that long is over too. The state is two numbers that a store keeps, so that the delay runs on across
// pause and restart.
//
// Same shape and same rules for time as rate_limiter. Thread: one at a time. Does not allocate.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

struct batch_state {
  std::int64_t taken = 0;         // in the batch that is open or was just filled
  nanoseconds_t last = long_ago;  // its latest first-byte, on the caller's clock

  friend bool operator==(const batch_state&, const batch_state&) = default;
};

class batch_limiter {
 public:
  // `count` from 1, `delay` from 1 to limit_window_max; what is out of range is brought into it.
  batch_limiter(std::int64_t count, nanoseconds_t delay)
      : count_(std::clamp<std::int64_t>(count, 1, limit_count_max)),
        delay_(std::clamp<nanoseconds_t>(delay, 1, limit_window_max)) {}

  [[nodiscard]] nanoseconds_t next(nanoseconds_t now) const noexcept {
    if (state_.taken < count_) return now;
    return std::max(now, state_.last + delay_);
  }

  void take(nanoseconds_t now) noexcept { add(now, 1); }

  // The latest take was made at `at`, not earlier.
  void left_by(nanoseconds_t at) noexcept { state_.last = std::max(state_.last, at); }

  // Does nothing for a take of an earlier batch, which is over anyway, and for one before the last assume().
  void refund(nanoseconds_t at) noexcept {
    if (at < refundable_ || state_.taken == 0) return;
    --state_.taken;  // `last` stays: too late a time is safe, and the one before is not known
  }

  void assume(nanoseconds_t at, std::int64_t count) noexcept {
    if (count <= 0) return;
    add(at, count);
    refundable_ = state_.last + 1;
  }

  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t now, nanoseconds_t until) const noexcept {
    now = std::max(now, state_.last);
    until = std::max(std::min(until, std::numeric_limits<nanoseconds_t>::max() / 2), now);
    // Either the open batch is filled first and the next begins a delay after that, or the next begins right away.
    const std::int64_t filling = count_ - state_.taken + (state_.taken < count_ ? batches(now + delay_, until) : 0);
    return static_cast<std::uint64_t>(std::max(filling, batches(std::max(now, state_.last + delay_), until)));
  }

  [[nodiscard]] batch_state state() const noexcept { return state_; }

  // Goes on where a state left off; its time must be on the clock used from here on.
  void restore(const batch_state& s) noexcept {
    state_ = {std::clamp<std::int64_t>(s.taken, 0, count_), s.last};
    refundable_ = s.last + 1;
  }

 private:
  void add(nanoseconds_t at, std::int64_t count) noexcept {
    at = std::max(at, state_.last);
    if (at - state_.last >= delay_) {
      state_.taken = 0;
      refundable_ = at;
    }
    state_.taken = std::min(count_, state_.taken + std::min(count, count_));
    state_.last = at;
  }

  // Messages of the batches that can begin in [first, until], each at the end of the one before.
  [[nodiscard]] std::int64_t batches(nanoseconds_t first, nanoseconds_t until) const noexcept {
    if (first > until) return 0;
    const std::int64_t n = (until - first) / delay_ + 1;
    return n > limit_count_max ? std::numeric_limits<std::int64_t>::max() / 2 : n * count_;
  }

  std::int64_t count_;
  nanoseconds_t delay_;
  batch_state state_;
  nanoseconds_t refundable_ = long_ago;  // takes from here on are surely in the open batch
};

}  // namespace bulkmsg::pacing
