// The obviously right, slow limits that the fast ones are measured against. Never shipped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "bulkmsg/base/clock.hpp"

namespace bulkmsg::pacing::reference {

// The first i for which takes i .. i+N lie in one half-open window of length T: there must be none.
inline std::optional<std::size_t> overrun(const std::vector<nanoseconds_t>& takes, std::int64_t n,
                                          nanoseconds_t window) {
  const auto size = static_cast<std::size_t>(n);
  for (std::size_t i = 0; i + size < takes.size(); ++i) {
    if (takes[i + size] - takes[i] < window) return i;
  }
  return std::nullopt;
}

// The most in any window of length T, by trying each take as the first.
inline std::int64_t most_in_a_window(const std::vector<nanoseconds_t>& takes, nanoseconds_t window) {
  std::size_t end = 0;
  std::size_t most = 0;
  for (std::size_t begin = 0; begin < takes.size(); ++begin) {
    while (end < takes.size() && takes[end] - takes[begin] < window) ++end;
    most = std::max(most, end - begin);
  }
  return static_cast<std::int64_t>(most);
}

// Pieces cut at every gap of at least `delay`: the largest.
inline std::int64_t largest_batch(const std::vector<nanoseconds_t>& takes, nanoseconds_t delay) {
  std::int64_t most = 0;
  std::int64_t run = 0;
  for (std::size_t i = 0; i < takes.size(); ++i) {
    run = i > 0 && takes[i] - takes[i - 1] < delay ? run + 1 : 1;
    most = std::max(most, run);
  }
  return most;
}

}  // namespace bulkmsg::pacing::reference
