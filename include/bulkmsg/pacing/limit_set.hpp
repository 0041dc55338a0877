// Many limits that hold together: one answer from all of them, taken from all or from none.
//
//   limit_set s(*parse_limits("80/s; 2000 recipients/24h; in-flight=200"));
//   decision d = s.check(now, to);
//   if (d.granted) s.take(now, to);
//
// The machine inside `permits` (a sender's own limits) and `shared_limits` (those of several senders); see permit.hpp
// for what the calls mean. What the provider's throttling allows (adaptive_rate) is one more limit, at rest at first.
//
// Time is given, on one clock; if it goes back, the latest time seen counts as now. A daily budget needs to know how
// far wall time is ahead of that clock: set_wall_offset(). Thread: one at a time. Allocates when constructed, and in
// take() only for limits per recipient and of recipients.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/adaptive_rate.hpp"
#include "bulkmsg/pacing/batch_limiter.hpp"
#include "bulkmsg/pacing/daily_budget.hpp"
#include "bulkmsg/pacing/in_flight.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/pair_limiter.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"
#include "bulkmsg/pacing/unique_limiter.hpp"

namespace bulkmsg::pacing {

// The key of an address for limits per recipient, never 0. Of this process only: it is not to be stored.
[[nodiscard]] inline std::uint64_t recipient_key(std::string_view address) noexcept {
  return std::hash<std::string_view>()(address) | 1;
}

// Whom a message is for, as far as limits care.
struct addressee {
  std::uint64_t key = 0;           // a 64-bit hash of the address; 0: no limit that looks at recipients applies
  bool conversation_open = false;  // the recipient wrote within the last 24 h: `recipients` limits do not count it

  constexpr addressee() = default;
  constexpr addressee(std::uint64_t of, bool open = false) : key(of), conversation_open(open) {}
};

struct decision {
  bool granted = false;
  nanoseconds_t next = 0;       // granted: the time given; else when to ask again: exact, or only_by_release
  const limit* by = nullptr;    // who said no (the one that does so longest); lives as long as the limits asked.
                                // Null though refused: the provider's throttling
  bool this_recipient = false;  // only this recipient waits: put it aside and ask for another

  // Of two answers the one that says no, or that says so longer.
  void add(const decision& other) noexcept {
    if (!other.granted && (granted || other.next > next)) *this = other;
  }
};

class limit_set {
 public:
  // `zone`: where the days of daily budgets begin. No limits: everything is granted. An inbound share lowers every
  // rate, to no less than one; batches, budgets, in-flight limits and those of recipients are not scaled.
  explicit limit_set(std::span<const limit> limits, absl::TimeZone zone = absl::UTCTimeZone())
      : limits_(limits.begin(), limits.end()), pace_(pace_options(limits)) {
    const std::int64_t share = outbound_percent(limits);
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      const limit& l = limits_[i];
      switch (l.kind) {
        case limit_kind::rate:
          rates_.push_back({i, rate_limiter(scaled(l.count, share), l.window)});
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
        case limit_kind::recipients:
          uniques_.push_back({i, unique_limiter(l.count, l.window)});
          break;
        case limit_kind::daily:
          budgets_.push_back({i, daily_budget(l.count, zone)});
          break;
        case limit_kind::inbound_share:
          break;
      }
    }
    only_rates_ = batches_.empty() && in_flights_.empty() && budgets_.empty() && pairs_.empty() && uniques_.empty();
  }

  // Each limit, once it allows, goes on allowing until somebody takes: so the latest of their times is exact for all.
  [[nodiscard]] decision check(nanoseconds_t given, addressee to = {}) const {
    const nanoseconds_t now = std::max(latest_, given);
    decision d{true, given, nullptr, false};
    const auto consider = [&](nanoseconds_t at, const limit* by) {
      if (at <= now || (!d.granted && at <= d.next)) return;
      d = {false, at, by, by != nullptr && by->kind == limit_kind::per_recipient};
    };
    for (const auto& r : rates_) consider(r.it.next(now), &limits_[r.index]);
    consider(pace_.next(now), nullptr);
    if (only_rates_) return d;
    for (const auto& b : batches_) consider(b.it.next(now), &limits_[b.index]);
    for (const auto& f : in_flights_) consider(f.it.next(now), &limits_[f.index]);
    for (const auto& b : budgets_) consider(b.it.next(now + wall_offset_) - wall_offset_, &limits_[b.index]);
    if (to.key == 0) return d;
    for (const auto& p : pairs_) consider(p.it.next(to.key, now), &limits_[p.index]);
    if (to.conversation_open) return d;
    for (const auto& u : uniques_) consider(u.it.next(to.key, now), &limits_[u.index]);
    return d;
  }

  // Counts one, allowed or not.
  void take(nanoseconds_t now, addressee to = {}) {
    latest_ = std::max(latest_, now);
    for (auto& r : rates_) r.it.take(latest_);
    pace_.take(latest_);
    if (only_rates_) return;
    for (auto& b : batches_) b.it.take(latest_);
    for (auto& f : in_flights_) f.it.take();
    for (auto& b : budgets_) b.it.take(latest_, latest_ + wall_offset_);
    if (to.key == 0) return;
    for (auto& p : pairs_) p.it.take(to.key, latest_);
    if (to.conversation_open) return;
    for (auto& u : uniques_) u.it.take(to.key, latest_);
  }

  // The latest take was made by `now`, not earlier: for limits of takes in a time.
  void left_by(nanoseconds_t now) noexcept {
    latest_ = std::max(latest_, now);
    for (auto& r : rates_) r.it.left_by(latest_);
    for (auto& b : batches_) b.it.left_by(latest_);
  }
  [[nodiscard]] bool spaced() const noexcept { return !rates_.empty() || !batches_.empty(); }

  // Remembers a time although nothing was taken.
  void see(nanoseconds_t now) noexcept { latest_ = std::max(latest_, now); }

  void release() noexcept {
    for (auto& f : in_flights_) f.it.release();
  }

  void refused(nanoseconds_t at, addressee to) noexcept {
    release();
    if (to.key == 0 || to.conversation_open) return;
    for (auto& u : uniques_) u.it.refund(to.key, at);
  }

  void refund(nanoseconds_t at, addressee to = {}) noexcept {
    refused(at, to);
    for (auto& r : rates_) r.it.refund(at);
    for (auto& b : batches_) b.it.refund(at);
    for (auto& b : budgets_) b.it.refund(at);
    if (to.key == 0) return;
    for (auto& p : pairs_) p.it.refund(to.key, at);
  }

  bool throttled(nanoseconds_t sent_at, nanoseconds_t now, nanoseconds_t retry_after) noexcept {
    return pace_.throttled(sent_at, std::max(latest_, now), retry_after);
  }

  void assume(nanoseconds_t at, std::int64_t count) {
    for (auto& r : rates_) r.it.assume(at, count);
    for (auto& b : batches_) b.it.assume(at, count);
    for (auto& b : budgets_) b.it.assume(at, at + wall_offset_, count);
  }

  void assume_recipient(addressee to, nanoseconds_t at, std::int64_t count) {
    if (count <= 0) return;
    for (auto& p : pairs_) p.it.assume(to.key, at, count);
    if (to.conversation_open) return;
    for (auto& u : uniques_) u.it.assume(to.key, at);
  }

  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t now, nanoseconds_t until) const {
    now = std::max(latest_, now);
    std::uint64_t n = pace_.allowed_until(now, until);
    for (const auto& r : rates_) n = std::min(n, r.it.allowed_until(now, until));
    for (const auto& b : batches_) n = std::min(n, b.it.allowed_until(now, until));
    for (const auto& b : budgets_) n = std::min(n, b.it.allowed_until(now + wall_offset_, until + wall_offset_));
    return n;
  }

  [[nodiscard]] std::uint64_t new_recipients_until(nanoseconds_t now, nanoseconds_t until) noexcept {
    std::uint64_t n = std::numeric_limits<std::uint64_t>::max();
    for (auto& u : uniques_) n = std::min(n, u.it.new_until(std::max(latest_, now), until));
    return n;
  }

  // Wall time minus the clock given; 0 until it is set.
  void set_wall_offset(nanoseconds_t offset) noexcept { wall_offset_ = offset; }

  [[nodiscard]] const std::vector<limit>& limits() const noexcept { return limits_; }
  [[nodiscard]] bool per_recipient() const noexcept { return !pairs_.empty(); }
  [[nodiscard]] bool counts_recipients() const noexcept { return !uniques_.empty(); }
  [[nodiscard]] const adaptive_rate& pace() const noexcept { return pace_; }
  [[nodiscard]] std::int64_t in_flight_count() const noexcept {
    return in_flights_.empty() ? 0 : in_flights_.front().it.open();
  }
  [[nodiscard]] std::size_t batch_count() const noexcept { return batches_.size(); }
  [[nodiscard]] batch_state batch(std::size_t index) const noexcept { return batches_[index].it.state(); }
  void restore_batch(std::size_t index, const batch_state& s) noexcept { batches_[index].it.restore(s); }

 private:
  template <class T>
  struct part {
    std::size_t index;  // in limits_
    T it;
  };

  static std::int64_t outbound_percent(std::span<const limit> limits) noexcept {
    for (const limit& l : limits) {
      if (l.kind == limit_kind::inbound_share) return 100 - std::clamp<std::int64_t>(l.count, 0, inbound_share_max);
    }
    return 100;
  }

  static std::int64_t scaled(std::int64_t count, std::int64_t percent) noexcept {
    return std::max<std::int64_t>(1, count * percent / 100);
  }

  // The ceiling is the slowest of the rates that are a pace, not a budget.
  static adaptive_options pace_options(std::span<const limit> limits) noexcept {
    const std::int64_t share = outbound_percent(limits);
    adaptive_options o;
    for (const limit& l : limits) {
      if (l.kind != limit_kind::rate || l.window > rate_limiter::smooth_window_max || l.window <= 0) continue;
      const double exact = static_cast<double>(scaled(l.count, share)) * static_cast<double>(second);
      const auto per_s = static_cast<std::int64_t>(
          std::clamp(exact / static_cast<double>(l.window), 1.0, static_cast<double>(limit_count_max)));
      o.ceiling_per_s = o.ceiling_per_s == 0 ? per_s : std::min(o.ceiling_per_s, per_s);
    }
    return o;
  }

  std::vector<limit> limits_;
  std::vector<part<rate_limiter>> rates_;
  std::vector<part<batch_limiter>> batches_;
  std::vector<part<in_flight>> in_flights_;
  std::vector<part<daily_budget>> budgets_;
  std::vector<part<pair_limiter>> pairs_;
  std::vector<part<unique_limiter>> uniques_;
  adaptive_rate pace_;
  bool only_rates_ = false;  // the rest need not be looked at
  nanoseconds_t wall_offset_ = 0;
  nanoseconds_t latest_ = long_ago;
};

}  // namespace bulkmsg::pacing
