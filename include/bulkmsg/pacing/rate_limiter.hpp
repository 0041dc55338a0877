// At most N in any half-open window of length T: exact, and smooth.
//
//   rate_limiter r(80, second);
//   if (nanoseconds_t at = r.next(now); at <= now) { r.take(now); send(); } else sleep_until(at);
//
// Why two machines in one. A GCRA (token bucket) alone either overruns (with a burst of B it lets N + B - 1 into a
// window) or, with a burst of 1, loses every nanosecond by which a timer is late. So the bound is kept by the times of
// the last N takes: the next one waits until the oldest of them is T ago. That is exact, but would send N at once and
// then nothing for T; an even pace spreads them. Only windows up to a minute are spread: a daily limit is a budget, not
// a pace.
//
// Who is behind that pace, by up to 20 ms or an interval, makes up for it at 5/4 of it (two may always go together, or
// 1 ms worth): what goes in one burst would crowd at the provider, and the window would repeat it every T. What is
// farther behind, by up to 10 ms or an interval more, goes at once, so that a thread that is always late loses nothing.
//
// Above 16384 the times are kept in at most 4096 groups, each counted as if all had been at its last: never more than
// N, and N at once after a rest; when saturated more than 99.9 % of N.
//
// Time is given, integer nanoseconds on any one clock (negative ones too); if it goes back, the latest time of a take
// counts as now. Thread: one at a time. Allocates only when constructed: at most 128 KiB.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {

// "Never happened", far enough from the end that adding or taking a window does not overflow.
inline constexpr nanoseconds_t long_ago = std::numeric_limits<nanoseconds_t>::min() / 2;

class rate_limiter {
 public:
  static constexpr std::int64_t exact_count_max = 16'384;  // 10,000/s with a margin
  static constexpr std::int64_t groups_max = 4'096;
  static constexpr nanoseconds_t smooth_window_max = 60 * second;
  static constexpr nanoseconds_t smooth_gentle = 20 * millisecond;
  static constexpr nanoseconds_t smooth_burst = 10 * millisecond;
  static constexpr nanoseconds_t smooth_together = millisecond;
  static constexpr nanoseconds_t rest = 100 * millisecond;  // beyond what is made up: nobody is behind after that

  // `count` from 1 to limit_count_max, `window` from 1 to limit_window_max; what is out of range is brought into it.
  rate_limiter(std::int64_t count, nanoseconds_t window)
      : count_(std::clamp<std::int64_t>(count, 1, limit_count_max)),
        window_(std::clamp<nanoseconds_t>(window, 1, limit_window_max)),
        group_(count_ <= exact_count_max ? 1 : (count_ + groups_max - 2) / (groups_max - 1)),
        interval_(window_ <= smooth_window_max ? window_ / count_ : 0),
        step_(interval_ - interval_ / 5),
        together_(std::max(interval_, smooth_together)),
        gentle_(std::max(interval_, smooth_gentle)),
        most_(gentle_ + std::max(interval_, smooth_burst)) {
    // The oldest group and the newest may both be partial, so there is one more than full ones would need.
    const auto slots = static_cast<std::size_t>((count_ + group_ - 1) / group_ + (group_ > 1 ? 1 : 0));
    times_.resize(std::bit_ceil(slots));
    if (group_ > 1) fill_.resize(times_.size());
    mask_ = times_.size() - 1;
  }

  // When the next take is allowed: `now` when it is at once, else the exact time (if nobody takes before).
  [[nodiscard]] nanoseconds_t next(nanoseconds_t now) const noexcept {
    nanoseconds_t at = std::max(due_, std::min(due_ + gentle_, gently_ - together_));
    if (taken_ >= count_) at = std::max(at, times_[oldest_] + window_);
    return at <= std::max(now, newest_) ? now : at;
  }

  // Counts one at `now`. Call it when next(now) allows; without leave it is counted all the same and waited for later.
  void take(nanoseconds_t now) noexcept {
    const nanoseconds_t at = std::max(now, newest_);
    add(at, 1);
    due_ = due(at) + interval_;
    gently_ = std::max(gently_, at) + step_;
  }

  // The latest take was made at `at`, not earlier.
  void left_by(nanoseconds_t at) noexcept {
    if (live_ > 0) newest_ = times_[slot(live_ - 1)] = std::max(newest_, at);
  }

  // Takes back the take made at `at`, of which not a byte was written; in any order. Does nothing where that could let
  // too many through: for takes as old as the window, and for those before the last assume().
  void refund(nanoseconds_t at) noexcept {
    if (at <= assumed_ || at > newest_ || at + window_ <= newest_) return;
    // The oldest group that ends at or after `at` is the one that holds it.
    std::size_t i = live_;
    while (i > 0 && time(i - 1) >= at) --i;
    if (i == live_) return;
    --taken_;
    due_ -= interval_;
    gently_ -= step_;
    if (group_ > 1 && --fill_[slot(i)] > 0) return;
    for (; i + 1 < live_; ++i) {
      times_[slot(i)] = times_[slot(i + 1)];
      if (group_ > 1) fill_[slot(i)] = fill_[slot(i + 1)];
    }
    --live_;
  }

  // Acts as if `count` had been taken at `at`, allowed or not: for reopening, and for what others sent.
  void assume(nanoseconds_t at, std::int64_t count) noexcept {
    if (count <= 0) return;
    at = std::max(at, newest_);
    assumed_ = at;
    for (count = std::min(count, count_); count > 0; count -= group_) add(at, std::min(count, group_));
    due_ = std::max(due_, at - gentle_ + interval_);
    gently_ = std::max(gently_, at);
  }

  // No more than this can be taken in [now, until], however fast the takes come. O(log N) up to 16384, else O(4096).
  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t now, nanoseconds_t until) const noexcept {
    now = std::max(now, newest_);
    until = std::max(std::min(until, std::numeric_limits<nanoseconds_t>::max() / 2), now);
    const std::int64_t windows = (until - now) / window_;
    std::int64_t n = 0;
    if (windows == 0) {
      n = std::min(count_, count_ - taken_ + ended_by(until));
    } else if (windows >= limit_count_max) {
      return std::numeric_limits<std::uint64_t>::max();
    } else {
      n = count_ * (windows + 1);
    }
    if (interval_ > 0) {
      const auto of = [](nanoseconds_t room, nanoseconds_t each) { return room < 0 ? 0 : room / each + 1; };
      const auto gently = of(until - std::max(gently_, now) + together_, std::max<nanoseconds_t>(step_, 1));
      const auto at_once = of(until - gentle_ - due(now), interval_);
      n = std::min({n, of(until - due(now), interval_), std::max(gently, at_once)});
    }
    return static_cast<std::uint64_t>(n);
  }

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] nanoseconds_t window() const noexcept { return window_; }

 private:
  // When the take at `at` would have been on pace, as far as that is made up.
  [[nodiscard]] nanoseconds_t due(nanoseconds_t at) const noexcept {
    const nanoseconds_t behind = at - due_;
    return behind <= most_ ? due_ : at - (behind <= most_ + rest ? most_ : together_);
  }

  // Slots are numbered from the oldest.
  [[nodiscard]] std::size_t slot(std::size_t i) const noexcept { return (oldest_ + i) & mask_; }
  [[nodiscard]] nanoseconds_t time(std::size_t i) const noexcept { return times_[slot(i)]; }

  // `n` up to group_. Only the last N takes matter: what is beyond is forgotten, oldest first.
  void add(nanoseconds_t at, std::int64_t n) noexcept {
    newest_ = at;
    taken_ += n;
    if (group_ == 1) {
      if (taken_ > count_) {
        taken_ = count_;
        oldest_ = slot(1);
        --live_;
      }
      times_[slot(live_++)] = at;
      return;
    }
    while (taken_ > count_) {
      const std::int64_t forgotten = std::min<std::int64_t>(taken_ - count_, fill_[oldest_]);
      taken_ -= forgotten;
      fill_[oldest_] -= static_cast<std::uint32_t>(forgotten);
      if (fill_[oldest_] == 0) {
        oldest_ = slot(1);
        --live_;
      }
    }
    // Refunds leave holes in older groups; should the slots run out for that, the newest group takes more.
    if (live_ == 0 || (fill_[slot(live_ - 1)] + n > group_ && live_ < times_.size())) {
      fill_[slot(live_++)] = 0;
    }
    fill_[slot(live_ - 1)] += static_cast<std::uint32_t>(n);
    times_[slot(live_ - 1)] = at;
  }

  // How many of the counted takes have left the window by `until`.
  [[nodiscard]] std::int64_t ended_by(nanoseconds_t until) const noexcept {
    std::int64_t n = 0;
    if (group_ > 1) {
      for (std::size_t i = 0; i < live_ && time(i) + window_ <= until; ++i) n += fill_[slot(i)];
      return n;
    }
    std::int64_t high = static_cast<std::int64_t>(live_);
    while (n < high) {
      const std::int64_t middle = (n + high) / 2;
      if (time(static_cast<std::size_t>(middle)) + window_ <= until) {
        n = middle + 1;
      } else {
        high = middle;
      }
    }
    return n;
  }

  std::int64_t count_;
  nanoseconds_t window_;
  std::int64_t group_;               // takes that share a slot
  nanoseconds_t interval_;           // between two takes at an even pace; 0: not spread
  nanoseconds_t step_;               // between two takes while they make up
  nanoseconds_t together_;           // worth of takes that may go at once
  nanoseconds_t gentle_;             // so far behind takes make up by steps
  nanoseconds_t most_;               // what is made up at all
  nanoseconds_t due_ = long_ago;     // when the next take would be on pace
  nanoseconds_t gently_ = long_ago;  // the same at the pace of making up
  nanoseconds_t newest_ = long_ago;
  nanoseconds_t assumed_ = long_ago;  // the latest assume()
  std::int64_t taken_ = 0;            // in the slots, at most count_; some may have left the window
  std::size_t oldest_ = 0;
  std::size_t live_ = 0;
  std::size_t mask_ = 0;
  std::vector<nanoseconds_t> times_;
  std::vector<std::uint32_t> fill_;  // only where group_ > 1
};

}  // namespace bulkmsg::pacing
