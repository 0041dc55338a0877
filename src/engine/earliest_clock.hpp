// The wall clock by which limits are rebuilt from what the store says was sent: a clock that is set may free none.
#pragma once

#include <algorithm>

#include "bulkmsg/base/clock.hpp"

namespace bulkmsg {

// `wall` as it would be if it had always gone as when it was farthest behind since this was made: whatever was written
// meanwhile, and before, is then rather too late than too early. Thread: one at a time.
class earliest_clock final : public clock {
 public:
  explicit earliest_clock(const clock& of) : of_(of), wall_offset_(offset()) {}
  [[nodiscard]] nanoseconds_t now() const noexcept override { return of_.now(); }
  [[nodiscard]] nanoseconds_t wall() const noexcept override { return of_.now() + std::min(wall_offset_, offset()); }
  // Whether it was set: now and then.
  void look() noexcept { wall_offset_ = std::min(wall_offset_, offset()); }

 private:
  [[nodiscard]] nanoseconds_t offset() const noexcept { return of_.wall() - of_.now(); }

  const clock& of_;
  nanoseconds_t wall_offset_;
};

}  // namespace bulkmsg
