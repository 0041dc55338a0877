// A recipient whom the provider refuses for too many messages waits 4^X s, X = 0, 1, 2... until one goes through.
//
//   pair_backoff waits;
//   nanoseconds_t again = waits.refused(key, now);   // 1 s, then 4 s, 16 s, ... counted from now
//   waits.next(key, now);                            // when a message to `key` is allowed
//   waits.went_through(key);                         // back to the beginning
//
// At most `recipients_max` are kept; beyond that a new one waits the longest time and is not remembered (safe: it is
// refused again at worst). Who was left alone for four times the longest wait begins anew.
//
// Same rules for time as rate_limiter. Thread: one at a time. refused() may allocate.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

class pair_backoff {
 public:
  static constexpr int steps_max = 6;  // 4^6 s: a little over an hour
  static constexpr nanoseconds_t longest = second << (2 * steps_max);
  static constexpr std::size_t recipients_max = 65'536;

  // Refused at `now`: the time from which the recipient may be tried again.
  nanoseconds_t refused(std::uint64_t key, nanoseconds_t now) {
    latest_ = std::max(latest_, now);
    auto found = waiting_.find(key);
    if (found == waiting_.end()) {
      if (waiting_.size() >= recipients_max) sweep();
      if (waiting_.size() >= recipients_max) return latest_ + longest;
      found = waiting_.emplace(key, wait{}).first;
    }
    wait& w = found->second;
    if (over(w)) w = {};
    if (w.until > latest_) return w.until;  // several were in flight: one refusal counts
    w.until = latest_ + (second << (2 * w.step));
    w.step = std::min(w.step + 1, steps_max);
    return w.until;
  }

  void went_through(std::uint64_t key) {
    if (!waiting_.empty()) waiting_.erase(key);
  }

  [[nodiscard]] nanoseconds_t next(std::uint64_t key, nanoseconds_t now) const {
    if (waiting_.empty()) return now;
    const auto found = waiting_.find(key);
    return found == waiting_.end() || found->second.until <= std::max(now, latest_) ? now : found->second.until;
  }

  [[nodiscard]] std::size_t tracked() const noexcept { return waiting_.size(); }

 private:
  struct wait {
    nanoseconds_t until = long_ago;
    int step = 0;
  };

  [[nodiscard]] bool over(const wait& w) const noexcept { return w.until + 4 * longest <= latest_; }

  // Rarely: when the table is full, which next to nobody sees.
  void sweep() {
    if (latest_ < swept_ + longest) return;
    swept_ = latest_;
    std::erase_if(waiting_, [&](const auto& each) { return over(each.second); });
  }

  nanoseconds_t latest_ = long_ago;
  nanoseconds_t swept_ = long_ago;
  std::unordered_map<std::uint64_t, wait> waiting_;
};

}  // namespace bulkmsg::pacing
