// Leave to send now, from many limits at once: all of them or none.
//
//   permits p(*parse_limits("80/s; 500/batch,10s; in-flight=200"));
//   decision d = p.take(now);            // immediately before a request's first byte is written
//   if (d.granted) send();               // then release() when its answer is in, or refund(now) if nothing was written
//   else sleep_until(d.next);            // exact: nobody polls; max() means that only a release() can help
//
// A refusal takes nothing from any limit. What a release or a refund gives back is seen by the next take.
//
// After reopening: restore_batch() with the stored state of each batch limit, then assume() for sends that may have
// happened since. In-flight limits begin empty.
//
// Time is given, on one clock; if it goes back, the latest time seen counts as now. Thread: one at a time (limits
// shared by several senders: one object under one lock). Allocates when constructed, and in take() only for a limit per
// recipient.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/batch_limiter.hpp"
#include "bulkmsg/pacing/in_flight.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/pair_limiter.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

struct decision {
  bool granted = false;
  nanoseconds_t next = 0;     // granted: the time given; else when to ask again: exact, or only_by_release
  const limit* by = nullptr;  // who said no (the one that does so longest); lives as long as the permits
};

// The key of an address for limits per recipient, never 0. Of this process only: it is not to be stored.
[[nodiscard]] inline std::uint64_t recipient_key(std::string_view address) noexcept {
  return std::hash<std::string_view>()(address) | 1;
}

class permits {
 public:
  // `inbound_share_percent`, 0 to 90, of every rate is left to what comes in (providers count both); batches, in-flight
  // and per-recipient limits are not scaled. No limits: everything is granted.
  explicit permits(std::span<const limit> limits, int inbound_share_percent = 0)
      : limits_(limits.begin(), limits.end()) {
    const std::int64_t share = 100 - std::clamp(inbound_share_percent, 0, 90);
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      const limit& l = limits_[i];
      switch (l.kind) {
        case limit_kind::rate:
          rates_.push_back({i, rate_limiter(std::max<std::int64_t>(1, l.count * share / 100), l.window)});
          break;
        case limit_kind::batch:
          batches_.push_back({i, batch_limiter(l.count, l.window)});
          break;
        case limit_kind::in_flight:
          in_flights_.push_back({i, in_flight(l.count)});
          break;
        case limit_kind::per_recipient:
          pairs_.push_back({i, pair_limiter(l.count, l.window, l.burst)});
          break;
      }
    }
  }

  // `by` points into this object: it moves (the pointers stay good) and is not copied.
  permits(permits&&) = default;
  permits& operator=(permits&&) = default;
  permits(const permits&) = delete;
  permits& operator=(const permits&) = delete;

  // `recipient`: recipient_key() of the address, for limits per recipient; 0: they do not apply. When such a limit says
  // no (`by->kind` tells), only this recipient waits: put it aside and ask for another.
  [[nodiscard]] decision take(nanoseconds_t now, std::uint64_t recipient = 0) {
    latest_ = std::max(latest_, now);
    const decision d = ask(now, latest_, recipient);
    if (!d.granted) return d;
    for (auto& r : rates_) r.it.take(latest_);
    for (auto& b : batches_) b.it.take(latest_);
    for (auto& f : in_flights_) f.it.take();
    if (recipient != 0) {
      for (auto& p : pairs_) p.it.take(recipient, latest_);
    }
    return d;
  }

  // The same answer without taking.
  [[nodiscard]] decision check(nanoseconds_t now, std::uint64_t recipient = 0) const noexcept {
    return ask(now, std::max(latest_, now), recipient);
  }

  // The answer to a granted request is in (or will never come).
  void release() noexcept {
    for (auto& f : in_flights_) f.it.release();
  }

  // Undoes a take at `at` of which not a byte was written; instead of release(), not besides.
  void refund(nanoseconds_t at, std::uint64_t recipient = 0) noexcept {
    for (auto& r : rates_) r.it.refund(at);
    for (auto& b : batches_) b.it.refund(at);
    for (auto& f : in_flights_) f.it.release();
    if (recipient != 0) {
      for (auto& p : pairs_) p.it.refund(recipient, at);
    }
  }

  // Acts as if `count` had been sent at `at` (it may lie before this clock's zero). Oldest first where times differ.
  void assume(nanoseconds_t at, std::int64_t count) noexcept {
    for (auto& r : rates_) r.it.assume(at, count);
    for (auto& b : batches_) b.it.assume(at, count);
  }

  // The same for one recipient, on the limits per recipient only.
  void assume_recipient(std::uint64_t recipient, nanoseconds_t at, std::int64_t count) {
    for (auto& p : pairs_) p.it.assume(recipient, at, count);
  }

  // No more than this can be granted in [now, until]: how much to claim. Limits that time does not move (in flight, per
  // recipient) play no part; without others it is the largest number there is.
  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t now, nanoseconds_t until) const noexcept {
    now = std::max(latest_, now);
    std::uint64_t n = std::numeric_limits<std::uint64_t>::max();
    for (const auto& r : rates_) n = std::min(n, r.it.allowed_until(now, until));
    for (const auto& b : batches_) n = std::min(n, b.it.allowed_until(now, until));
    return n;
  }

  [[nodiscard]] const std::vector<limit>& limits() const noexcept { return limits_; }
  [[nodiscard]] bool per_recipient() const noexcept { return !pairs_.empty(); }
  [[nodiscard]] std::int64_t in_flight_count() const noexcept {
    return in_flights_.empty() ? 0 : in_flights_.front().it.open();
  }

  // Batch limits in the order given; `index` below batch_count().
  [[nodiscard]] std::size_t batch_count() const noexcept { return batches_.size(); }
  [[nodiscard]] batch_state batch(std::size_t index) const noexcept { return batches_[index].it.state(); }
  void restore_batch(std::size_t index, const batch_state& s) noexcept { batches_[index].it.restore(s); }

 private:
  template <class T>
  struct part {
    std::size_t limit_index;
    T it;
  };

  // Each limit, once it allows, goes on allowing until somebody takes: so the latest of their times is exact for all.
  [[nodiscard]] decision ask(nanoseconds_t given, nanoseconds_t now, std::uint64_t recipient) const noexcept {
    decision d{true, given, nullptr};
    const auto consider = [&](std::size_t index, nanoseconds_t at) {
      if (at <= now || (!d.granted && at <= d.next)) return;
      d = {false, at, &limits_[index]};
    };
    for (const auto& r : rates_) consider(r.limit_index, r.it.next(now));
    for (const auto& b : batches_) consider(b.limit_index, b.it.next(now));
    for (const auto& f : in_flights_) consider(f.limit_index, f.it.next(now));
    if (recipient != 0) {
      for (const auto& p : pairs_) consider(p.limit_index, p.it.next(recipient, now));
    }
    return d;
  }

  std::vector<limit> limits_;
  std::vector<part<rate_limiter>> rates_;
  std::vector<part<batch_limiter>> batches_;
  std::vector<part<in_flight>> in_flights_;
  std::vector<part<pair_limiter>> pairs_;
  nanoseconds_t latest_ = long_ago;
};

}  // namespace bulkmsg::pacing
