// When messages may go out: hours of the week in one time zone, or in several at once.
//
//   auto w = sending_window::make(*parse_hours("mon-fri 09:00-20:00"), "America/New_York America/Chicago");
//   if (w->open_at(wall)) ...                 // the hours hold in New York and in Chicago
//   else wake_at(w->next_open(wall));         // exact
//   stop_at(w->next_close(wall));
//
// It is open whenever the clock on the wall there shows a time within the hours: of an hour that is skipped nothing is
// left, and one that comes twice is open twice. A country with several zones is open when all of them are.
//
// Times are Unix nanoseconds. Threads: any (it does not change). A question costs well under a microsecond per zone;
// one that must go through a year to find that zones never agree, some milliseconds.
//
// Needs absl's time zones (absl::time).
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"
#include "bulkmsg/pacing/weekly_hours.hpp"
#include "bulkmsg/pacing/zones_of_region.hpp"

namespace bulkmsg::pacing {

class sending_window {
 public:
  // Not within a year; or, of a window that is always open, closed never.
  static constexpr nanoseconds_t never = std::numeric_limits<nanoseconds_t>::max();

  // `zones`: IANA names separated by blanks, as zones_of_region() gives them, at least one. Those that this machine
  // does not know are left out. Errors: bad_option_value (no hours, or it knows none of the zones).
  [[nodiscard]] static result<sending_window> make(const std::vector<hours>& open, std::string_view zones) {
    if (open.empty()) return bulkmsg::fail(errc::bad_option_value, "hours: there are none, so it would never open");
    sending_window made;
    made.hours_ = weekly_hours(open);
    for_each_zone(zones, [&](std::string_view name) {
      absl::TimeZone zone;
      if (absl::LoadTimeZone(std::string(name), &zone)) made.zones_.push_back(zone);
    });
    if (made.zones_.empty()) {
      return bulkmsg::fail(errc::bad_option_value, "unknown time zone " + detail::quoted(zones) +
                                                       ": give an IANA name, for example Europe/Berlin");
    }
    return made;
  }

  [[nodiscard]] bool open_at(nanoseconds_t wall) const {
    return std::all_of(zones_.begin(), zones_.end(),
                       [&](const auto& z) { return hours_.until_open(local(z, wall)) == 0; });
  }

  // The first instant from `wall` on at which it is open: `wall` when it is.
  [[nodiscard]] nanoseconds_t next_open(nanoseconds_t wall) const {
    for (nanoseconds_t at = wall; at - wall <= horizon;) {
      nanoseconds_t all = at;
      for (const auto& z : zones_) {
        const nanoseconds_t one = change(z, all, [&](std::int64_t s) { return hours_.until_open(s); });
        if (one == never) return never;
        all = std::max(all, one);
      }
      if (all == at) return at;
      at = all;
    }
    return never;
  }

  // The first instant from `wall` on at which it is closed: `wall` when it is.
  [[nodiscard]] nanoseconds_t next_close(nanoseconds_t wall) const {
    nanoseconds_t first = never;
    for (const auto& z : zones_) {
      first = std::min(first, change(z, wall, [&](std::int64_t s) { return hours_.until_close(s); }));
    }
    return first;
  }

  // Equal for windows that are open at the same times from `wall` on for a year (of the same hours): recipients of
  // both can wait in one lane.
  [[nodiscard]] std::string pattern(nanoseconds_t wall) const {
    std::vector<std::string> each;
    for (const auto& z : zones_) {
      std::string p;
      absl::Time at = absl::FromUnixNanos(wall);
      const absl::Time end = absl::FromUnixNanos(wall + horizon);
      for (;;) {
        p += std::to_string(z.At(at).offset);
        absl::Time change_at;
        if (!next_transition(z, at, change_at) || change_at > end) break;
        p += '@' + std::to_string(absl::ToUnixSeconds(change_at)) + ' ';
        at = change_at;
      }
      each.push_back(std::move(p));
    }
    std::sort(each.begin(), each.end());
    each.erase(std::unique(each.begin(), each.end()), each.end());
    std::string all;
    for (const std::string& p : each) all += p + ';';
    return all;
  }

 private:
  static constexpr nanoseconds_t horizon = nanoseconds_t{370} * 24 * 3'600 * second;

  sending_window() = default;

  // Seconds since Monday 00:00 by the clock on the wall.
  [[nodiscard]] static std::int64_t local(const absl::TimeZone& z, nanoseconds_t wall) {
    return in_week(absl::ToUnixSeconds(absl::FromUnixNanos(wall)) + z.At(absl::FromUnixNanos(wall)).offset);
  }

  [[nodiscard]] static std::int64_t in_week(std::int64_t seconds) {
    const std::int64_t at = (seconds + std::int64_t{3} * 86'400) % weekly_hours::week;  // 1970 began on a Thursday
    return at < 0 ? at + weekly_hours::week : at;
  }

  [[nodiscard]] static bool next_transition(const absl::TimeZone& z, absl::Time after, absl::Time& at) {
    absl::TimeZone::CivilTransition t;
    if (!z.NextTransition(after, &t)) return false;
    at = absl::FromUnixSeconds((t.from - absl::CivilSecond(1970, 1, 1)) - z.At(after).offset);
    return true;
  }

  // Between two changes of the offset the clock on the wall runs evenly: from one change to the next, until what is
  // waited for comes first.
  template <class Until>
  [[nodiscard]] static nanoseconds_t change(const absl::TimeZone& z, nanoseconds_t wall, Until&& until) {
    const absl::Time begin = absl::FromUnixNanos(wall);
    absl::Time at = absl::FromUnixSeconds(absl::ToUnixSeconds(begin));
    const absl::Time end = begin + absl::Nanoseconds(horizon);
    while (at < end) {
      const std::int64_t s = until(in_week(absl::ToUnixSeconds(at) + z.At(at).offset));
      if (s == 0) return std::max(wall, absl::ToUnixNanos(at));
      absl::Time changes;
      const bool will_change = next_transition(z, at, changes);
      if (s != weekly_hours::never && (!will_change || at + absl::Seconds(s) < changes)) {
        return absl::ToUnixNanos(at + absl::Seconds(s));
      }
      if (!will_change) break;
      at = changes;
    }
    return never;
  }

  weekly_hours hours_;
  std::vector<absl::TimeZone> zones_;
};

}  // namespace bulkmsg::pacing
