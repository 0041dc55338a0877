// Trips when too large a share of what was sent lately failed: of everything, or with one class of error.
//
//   breaker b({{.failed_percent = 50, .outcomes_min = 50},                        // half of all, whatever the error
//              {.error_class = 3, .failed_percent = 10, .outcomes_min = 100}});   // every tenth for this reason
//   if (const breaker_rule* r = b.add(now, error_class)) pause(template, r);      // 0: it went well
//
// One for each template and each number that is watched. Only shares count, so a large campaign is not stopped by a few
// failures that a small one would survive; and at least `outcomes_min` must be known within the window. Once tripped it
// stays so, and counts nothing, until reset() (somebody saw to the cause).
//
// The window moves in steps of a twentieth: what counts is between 19 and 20 of them old. Time going back counts as the
// latest time. Thread: one at a time. Allocates when constructed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {

struct breaker_rule {
  std::uint8_t error_class = 0;     // what counts as failed: 0: every failure, else this class of errors
  std::int64_t failed_percent = 0;  // trips at this share of all outcomes, 1 to 100
  std::int64_t outcomes_min = 1;    // but not below so many outcomes
};

class breaker {
 public:
  static constexpr std::size_t classes_max = 16;  // 0: no error, then 15 of the caller's choice
  static constexpr int steps = 20;

  // `window` from 1 s to limit_window_max; what is out of range is brought into it.
  explicit breaker(std::span<const breaker_rule> rules, nanoseconds_t window = 60 * second)
      : rules_(rules.begin(), rules.end()),
        step_(std::clamp<nanoseconds_t>(window, second, limit_window_max) / steps) {}
  explicit breaker(std::initializer_list<breaker_rule> rules, nanoseconds_t window = 60 * second)
      : breaker(std::span(rules.begin(), rules.size()), window) {}

  // One outcome. The rule that trips now; null when none does, or one had before.
  const breaker_rule* add(nanoseconds_t now, std::uint8_t error_class) noexcept {
    if (tripped_ != nullptr) return nullptr;
    move_to(now);
    const std::size_t of = std::min<std::size_t>(error_class, classes_max - 1);
    ++slots_[at_][of];
    ++sums_[of];
    ++all_;
    for (const breaker_rule& r : rules_) {
      const std::int64_t failed =
          r.error_class == 0 ? all_ - sums_[0] : sums_[std::min<std::size_t>(r.error_class, classes_max - 1)];
      if (failed > 0 && all_ >= r.outcomes_min && failed * 100 >= all_ * r.failed_percent) return tripped_ = &r;
    }
    return nullptr;
  }

  // Null when it has not.
  [[nodiscard]] const breaker_rule* tripped() const noexcept { return tripped_; }

  void reset() noexcept {
    tripped_ = nullptr;
    slots_ = {};
    sums_ = {};
    all_ = 0;
  }

  breaker(const breaker&) = delete;  // tripped() points into it
  breaker& operator=(const breaker&) = delete;
  breaker(breaker&&) = default;
  breaker& operator=(breaker&&) = default;

 private:
  void move_to(nanoseconds_t now) noexcept {
    const std::int64_t step = now / step_ - (now % step_ < 0 ? 1 : 0);
    if (all_ == 0) latest_ = std::max(latest_, step);
    for (int i = 0; i < steps && latest_ < step; ++i) {
      ++latest_;
      at_ = (at_ + 1) % steps;
      for (std::size_t c = 0; c < classes_max; ++c) {
        all_ -= slots_[at_][c];
        sums_[c] -= slots_[at_][c];
      }
      slots_[at_] = {};
    }
    latest_ = std::max(latest_, step);
  }

  using counts = std::array<std::int64_t, classes_max>;

  std::vector<breaker_rule> rules_;
  nanoseconds_t step_;
  const breaker_rule* tripped_ = nullptr;
  std::array<counts, steps> slots_{};
  counts sums_{};
  std::int64_t all_ = 0;
  std::size_t at_ = 0;
  std::int64_t latest_ = std::numeric_limits<std::int64_t>::min() / 2;  // in steps
};

}  // namespace bulkmsg::pacing
