// The obviously right, slow limits that the fast ones are measured against. Never shipped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"

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

struct message {
  nanoseconds_t at = 0;
  std::uint64_t key = 0;
};

// The recipient that got more than burst + t / interval in some time t, by trying its messages as first and last.
inline std::optional<std::uint64_t> pair_overrun(const std::vector<message>& sent, const limit& l) {
  std::unordered_map<std::uint64_t, std::vector<nanoseconds_t>> times;
  for (const message& m : sent) times[m.key].push_back(m.at);
  const nanoseconds_t interval = (l.window + l.count - 1) / l.count;
  for (const auto& [key, t] : times) {
    for (std::size_t i = 0; i < t.size(); ++i) {
      for (std::size_t j = i; j < std::min(t.size(), i + 200); ++j) {
        if (static_cast<nanoseconds_t>(j - i + 1) > l.burst + (t[j] - t[i]) / interval) return key;
      }
    }
  }
  return std::nullopt;
}

// Days of UTC.
inline std::int64_t most_on_a_day(const std::vector<nanoseconds_t>& takes) {
  std::unordered_map<std::int64_t, std::int64_t> days;
  std::int64_t most = 0;
  for (const nanoseconds_t t : takes) most = std::max(most, ++days[t / (86'400 * second)]);
  return most;
}

// The most different recipients in any window of length T that begins with a message.
inline std::int64_t most_recipients_in_a_window(const std::vector<message>& sent, nanoseconds_t window) {
  std::unordered_map<std::uint64_t, std::int64_t> inside;
  std::size_t end = 0;
  std::size_t most = 0;
  for (std::size_t begin = 0; begin < sent.size(); ++begin) {
    while (end < sent.size() && sent[end].at - sent[begin].at < window) ++inside[sent[end++].key];
    most = std::max(most, inside.size());
    if (--inside[sent[begin].key] == 0) inside.erase(sent[begin].key);
  }
  return static_cast<std::int64_t>(most);
}

}  // namespace bulkmsg::pacing::reference
