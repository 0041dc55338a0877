// The clock seam: everything that needs time takes a `clock`, so that tests and simulation run on virtual time.
//
// Two readings, both in integer nanoseconds. `now` never goes back and counts suspended time (CLOCK_BOOTTIME): all
// pacing and deadlines use it. `wall` is Unix time: what is stored and shown; it may jump.
#pragma once

#include <time.h>

#include <cstdint>

namespace bulkmsg {

using nanoseconds_t = std::int64_t;

inline constexpr nanoseconds_t microsecond = 1'000;
inline constexpr nanoseconds_t millisecond = 1'000'000;
inline constexpr nanoseconds_t second = 1'000'000'000;

class clock {
 public:
  virtual ~clock() = default;
  [[nodiscard]] virtual nanoseconds_t now() const noexcept = 0;
  [[nodiscard]] virtual nanoseconds_t wall() const noexcept = 0;
};

// The machine's clock. Thread: any.
class system_clock final : public clock {
 public:
  [[nodiscard]] nanoseconds_t now() const noexcept override { return read(CLOCK_BOOTTIME); }
  [[nodiscard]] nanoseconds_t wall() const noexcept override { return read(CLOCK_REALTIME); }

 private:
  static nanoseconds_t read(clockid_t id) noexcept {
    timespec t{};
    ::clock_gettime(id, &t);
    return static_cast<nanoseconds_t>(t.tv_sec) * second + t.tv_nsec;
  }
};

// A clock that moves when told. Thread: one at a time.
class manual_clock final : public clock {
 public:
  explicit manual_clock(nanoseconds_t wall_start = 1'800'000'000 * second) : wall_offset_(wall_start) {}
  [[nodiscard]] nanoseconds_t now() const noexcept override { return now_; }
  [[nodiscard]] nanoseconds_t wall() const noexcept override { return now_ + wall_offset_; }
  void advance(nanoseconds_t by) noexcept { now_ += by; }
  void advance_to(nanoseconds_t at) noexcept {
    if (at > now_) now_ = at;
  }
  void shift_wall(nanoseconds_t by) noexcept { wall_offset_ += by; }

 private:
  nanoseconds_t now_ = second;
  nanoseconds_t wall_offset_;
};

}  // namespace bulkmsg
