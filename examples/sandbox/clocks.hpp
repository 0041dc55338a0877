// The two clocks.
#pragma once

#include <time.h>

#include <cstdint>

namespace sandbox {

inline std::int64_t read_clock(clockid_t which) {
  timespec now{};
  ::clock_gettime(which, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t steady_nanos() { return read_clock(CLOCK_BOOTTIME); }
inline std::int64_t unix_nanos() { return read_clock(CLOCK_REALTIME); }

}  // namespace sandbox
