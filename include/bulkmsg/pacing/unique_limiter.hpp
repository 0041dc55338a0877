// Messages to at most N different recipients in any half-open window of length T.
//
//   unique_limiter u(2'000, 24 * 3'600 * second);         // "2000 recipients/24h"
//   if (u.next(key, now) <= now) u.take(key, now);        // several messages to one recipient count once
//   else if (proved_refused) u.refund(key, at);           // uncounted: the provider did not take it
//
// A recipient is in the count for T after the latest message, exactly: the recipients are kept in the order of their
// latest messages, so the oldest tell when there is room again. At most N are kept, 40 to 48 bytes each, more only
// where assume() brought more.
//
// For reopening, a store keeps (key, time) of the messages of the last T and hands them to assume(), oldest first.
//
// Keys are 64-bit hashes of addresses; two addresses with one key count once. Same rules for time as rate_limiter.
// Thread: one at a time. take() may allocate (amortised O(1)).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

class unique_limiter {
 public:
  // `count` from 1 to limit_count_max, `window` from 1 to limit_window_max; what is out of range is brought into it.
  unique_limiter(std::int64_t count, nanoseconds_t window)
      : count_(static_cast<std::size_t>(std::clamp<std::int64_t>(count, 1, limit_count_max))),
        window_(std::clamp<nanoseconds_t>(window, 1, limit_window_max)),
        slots_(slots_min, none) {}

  // When a message to `key` is allowed: `now` when it is at once, else the exact time (if nobody takes before).
  [[nodiscard]] nanoseconds_t next(std::uint64_t key, nanoseconds_t now) const noexcept {
    const std::uint32_t i = slots_[find(key)];
    if (i != none && node_of(i).last + window_ > std::max(now, latest_)) return now;
    return next_new(now);
  }

  // The same for a recipient that is not in the count.
  [[nodiscard]] nanoseconds_t next_new(nanoseconds_t now) const noexcept {
    if (live_ < count_) return now;
    std::uint32_t i = oldest_;
    for (std::size_t over = live_ - count_; over > 0; --over) i = node_of(i).newer;
    const nanoseconds_t at = node_of(i).last + window_;
    return at <= std::max(now, latest_) ? now : at;
  }

  void take(std::uint64_t key, nanoseconds_t now) { touch(key, now, 1); }

  // Takes back the message of `key` that was taken at `at`, in any order. When all since the recipient came into the
  // count are taken back, it leaves the count; until then it stays for the latest (too late a time is safe).
  void refund(std::uint64_t key, nanoseconds_t at) noexcept {
    if (at + window_ <= latest_) return;
    const std::size_t slot = find(key);
    const std::uint32_t i = slots_[slot];
    if (i == none || node_of(i).messages == for_good || --node_of(i).messages > 0) return;
    unlink(i);
    vacate(slot);
    forget(i);
  }

  // Acts as if a message had gone to `key` at `at`; it stays in the count whatever is taken back.
  void assume(std::uint64_t key, nanoseconds_t at) { touch(key, at, for_good); }

  // No more recipients than this can come into the count in [now, until].
  [[nodiscard]] std::uint64_t new_until(nanoseconds_t now, nanoseconds_t until) noexcept {
    latest_ = std::max(latest_, now);
    expire();
    until = std::max(std::min(until, std::numeric_limits<nanoseconds_t>::max() / 2), latest_);
    const auto windows = static_cast<std::uint64_t>((until - latest_) / window_);
    if (windows >= limit_count_max) return std::numeric_limits<std::uint64_t>::max();
    if (windows > 0) return count_ * (windows + 1);
    std::size_t left = live_;
    for (std::uint32_t i = oldest_; i != none && node_of(i).last + window_ <= until; i = node_of(i).newer) --left;
    return left < count_ ? count_ - left : 0;
  }

  [[nodiscard]] std::size_t tracked() const noexcept { return live_; }  // some may have left the window
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return chunks_.size() * chunk * sizeof(node) + slots_.capacity() * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint32_t for_good = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t slots_min = 64;
  static constexpr std::uint32_t chunk = 64;

  struct node {
    std::uint64_t key = 0;
    nanoseconds_t last = long_ago;
    std::uint32_t older = none;
    std::uint32_t newer = none;
    std::uint32_t messages = 0;  // taken and not taken back since it came into the count
  };

  [[nodiscard]] node& node_of(std::uint32_t i) noexcept { return chunks_[i / chunk][i % chunk]; }
  [[nodiscard]] const node& node_of(std::uint32_t i) const noexcept { return chunks_[i / chunk][i % chunk]; }

  void touch(std::uint64_t key, nanoseconds_t at, std::uint32_t messages) {
    latest_ = std::max(latest_, at);
    expire();
    std::size_t slot = find(key);
    std::uint32_t i = slots_[slot];
    if (i != none) {
      unlink(i);
    } else {
      if ((live_ + 1) * 2 > slots_.size()) {
        grow();
        slot = find(key);
      }
      i = fresh();
      node_of(i).key = key;
      node_of(i).messages = 0;
      slots_[slot] = i;
      ++live_;
    }
    node& n = node_of(i);
    n.last = latest_;
    n.messages = n.messages > for_good - messages ? for_good : n.messages + messages;
    n.older = newest_;
    n.newer = none;
    (newest_ == none ? oldest_ : node_of(newest_).newer) = i;
    newest_ = i;
  }

  void expire() noexcept {
    while (oldest_ != none && node_of(oldest_).last + window_ <= latest_) {
      const std::uint32_t i = oldest_;
      const std::size_t slot = find(node_of(i).key);
      unlink(i);
      vacate(slot);
      forget(i);
    }
  }

  void unlink(std::uint32_t i) noexcept {
    const node& n = node_of(i);
    (n.older == none ? oldest_ : node_of(n.older).newer) = n.newer;
    (n.newer == none ? newest_ : node_of(n.newer).older) = n.older;
  }

  void forget(std::uint32_t i) noexcept {
    node_of(i).newer = free_;
    free_ = i;
    --live_;
  }

  std::uint32_t fresh() {
    if (free_ == none) {
      if (used_ == chunks_.size() * chunk) chunks_.push_back(std::make_unique<node[]>(chunk));
      return used_++;
    }
    const std::uint32_t i = free_;
    free_ = node_of(i).newer;
    return i;
  }

  // The slot of `key`, or the empty one where it belongs.
  [[nodiscard]] std::size_t find(std::uint64_t key) const noexcept {
    std::size_t s = home(key);
    while (slots_[s] != none && node_of(slots_[s]).key != key) s = (s + 1) & (slots_.size() - 1);
    return s;
  }

  // Keys may be weak hashes; this spreads them.
  [[nodiscard]] std::size_t home(std::uint64_t key) const noexcept {
    key ^= key >> 32;
    key *= 0xD6E8FEB86659FD93U;
    return static_cast<std::size_t>(key >> 32) & (slots_.size() - 1);
  }

  // Closes the gap, so that every key stays reachable from its home.
  void vacate(std::size_t gap) noexcept {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t s = (gap + 1) & mask; slots_[s] != none; s = (s + 1) & mask) {
      if (((s - home(node_of(slots_[s]).key)) & mask) < ((s - gap) & mask)) continue;
      slots_[gap] = slots_[s];
      gap = s;
    }
    slots_[gap] = none;
  }

  void grow() {
    const std::size_t size = slots_.size() * 2;
    std::vector<std::uint32_t>().swap(slots_);  // the old ones first: they are not needed for the new
    slots_.assign(size, none);
    for (std::uint32_t i = oldest_; i != none; i = node_of(i).newer) slots_[find(node_of(i).key)] = i;
  }

  std::size_t count_;
  nanoseconds_t window_;
  nanoseconds_t latest_ = long_ago;
  std::size_t live_ = 0;
  std::uint32_t oldest_ = none;
  std::uint32_t newest_ = none;
  std::uint32_t free_ = none;
  std::uint32_t used_ = 0;
  std::vector<std::unique_ptr<node[]>> chunks_;  // nodes never move
  std::vector<std::uint32_t> slots_;             // a power of two, at most half full
};

}  // namespace bulkmsg::pacing
