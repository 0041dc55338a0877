// The provider's limits. Time is always passed in, in nanoseconds on any steady clock, so that tests own it.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace sandbox {

using nanos = std::int64_t;
inline constexpr nanos one_second = 1'000'000'000;

/// Events of the last second. They may come slightly out of order, because they are stamped by the kernel on many
/// connections and read one connection after the other.
class sliding_second {
 public:
  void add(nanos at);

  /// How many lie in the half-open window (now - 1 s, now].
  std::size_t count(nanos now) const;

  /// The most that any window of one second ever held.
  std::size_t peak() const { return peak_; }

 private:
  std::deque<nanos> events_;  // ascending
  std::size_t peak_ = 0;
};

/// At most `per_second` in any window of a second; 0 means no limit.
class rate_limit {
 public:
  explicit rate_limit(std::uint32_t per_second) : per_second_(per_second) {}
  bool admits(nanos now) const { return per_second_ == 0 || taken_.count(now) < per_second_; }
  void take(nanos now) {
    if (per_second_ != 0) taken_.add(now);
  }

 private:
  std::uint32_t per_second_;
  sliding_second taken_;
};

/// One message per 6 s to the same recipient, with 45 borrowed in advance and paid back.
class pair_limit {
 public:
  static constexpr nanos interval = 6 * one_second;
  static constexpr int burst = 45;

  bool admits(std::uint64_t recipient, nanos now) const;
  void take(std::uint64_t recipient, nanos now);

 private:
  absl::flat_hash_map<std::uint64_t, nanos> paid_until_;
  std::size_t sweep_at_ = 65536;
};

/// At most `most` different recipients in any 24 hours; 0 means no limit. A recipient already counted is free.
class unique_limit {
 public:
  static constexpr nanos window = 24 * 3600 * one_second;

  explicit unique_limit(std::uint32_t most) : most_(most) {}
  bool admits(std::uint64_t recipient, nanos now);
  void take(std::uint64_t recipient, nanos now);

 private:
  void forget_before(nanos now);

  std::uint32_t most_;
  absl::flat_hash_map<std::uint64_t, nanos> last_;
  std::deque<std::pair<nanos, std::uint64_t>> order_;
};

}  // namespace sandbox
