#include "engine/duration.hpp"

#include <absl/time/civil_time.h>

#include <algorithm>

#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg {

namespace {

// The end of `needed` within the window, from `wall` on; looks ahead some years at most.
nanoseconds_t end_within(const pacing::sending_window& window, nanoseconds_t wall, nanoseconds_t needed) {
  constexpr int openings_max = 4000;
  auto at = wall;
  for (int i = 0; i < openings_max; ++i) {
    const auto open = window.next_open(at);
    if (open == pacing::sending_window::never) return at;
    const auto close = window.next_close(open);
    if (close == pacing::sending_window::never || close - open > needed) return open + needed;
    needed -= close - open;
    at = close;
  }
  return at + needed;
}

}  // namespace

nanoseconds_t shortest_duration(const std::vector<pacing::limit>& limits, std::int64_t messages, nanoseconds_t wall,
                                absl::TimeZone zone) {
  std::int64_t outbound_percent = 100;
  for (const auto& l : limits) {
    if (l.kind == pacing::limit_kind::inbound_share) outbound_percent = 100 - l.count;
  }
  nanoseconds_t longest = 0;
  for (const auto& l : limits) {
    auto count = l.count;
    const auto times = [&](double n, nanoseconds_t each) {
      const double most = static_cast<double>(pacing::limit_window_max) * 100;
      longest = std::max(longest, static_cast<nanoseconds_t>(std::min(n * static_cast<double>(each), most)));
    };
    switch (l.kind) {
      case pacing::limit_kind::rate:
        count = std::max<std::int64_t>(1, count * outbound_percent / 100);
        if (messages <= count) break;
        if (l.window <= pacing::rate_limiter::smooth_window_max) {
          times(static_cast<double>(messages) / static_cast<double>(count), l.window);
        } else {
          times(static_cast<double>((messages - 1) / count), l.window);
        }
        break;
      case pacing::limit_kind::batch:
      case pacing::limit_kind::recipients:
        if (messages > count) times(static_cast<double>((messages - 1) / count), l.window);
        break;
      case pacing::limit_kind::daily:
        if (messages > count) {
          const auto today = absl::ToCivilDay(absl::FromUnixNanos(wall), zone);
          const auto days = std::min<std::int64_t>((messages - 1) / count, 36'500);
          longest = std::max(longest, absl::ToUnixNanos(absl::FromCivil(today + days, zone)) - wall);
        }
        break;
      default:
        break;
    }
  }
  return longest;
}

std::chrono::milliseconds shortest_duration(const std::vector<pacing::limit>& limits, const campaign_hours& hours,
                                            nanoseconds_t wall, absl::TimeZone zone) {
  std::int64_t messages = 0;
  for (const auto& l : hours.lanes()) messages += l.messages;
  auto longest = shortest_duration(limits, messages, wall, zone);
  for (const auto& l : hours.lanes()) {
    if (!l.window || l.messages == 0) continue;
    const auto needed = shortest_duration(limits, l.messages, wall, zone);
    longest = std::max(longest, end_within(*l.window, wall, needed) - wall);
  }
  return std::chrono::milliseconds(longest / millisecond);
}

}  // namespace bulkmsg
