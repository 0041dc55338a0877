// Hours of the week, as data, and the grammar they are written in.
//
//   mon-fri 09:00-20:00; sat 10:00-14:00           days, then times: of the clock where the hours are meant
//   09:00-12:00,13:00-18:00                        several times; no days: every day
//   mon,wed-fri 20:00-02:00                        over midnight: belongs to the day on which it begins
//   00:00-24:00                                    always
//
// So "quiet from nine in the evening to eight" is written 08:00-21:00. Days: mon tue wed thu fri sat sun. A time is
// half-open: at 20:00 it is over. Times may overlap. Printing and parsing are each other's inverse.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {

struct hours {
  std::uint8_t days = 0;          // bit 0: Monday ... bit 6: Sunday
  std::int32_t from_minute = 0;   // of the day, 0 to 1439
  std::int32_t until_minute = 0;  // 1 to 1440; at or below from_minute: of the next day

  friend bool operator==(const hours&, const hours&) = default;
};

inline constexpr std::uint8_t every_day = 0x7F;
inline constexpr std::size_t hours_max = 32;
inline constexpr std::size_t hours_text_bytes_max = 1'024;

namespace detail {

inline constexpr std::string_view day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// Reads one item from the left; every step either consumes its text or leaves it.
class hours_reader {
 public:
  explicit hours_reader(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool literal(char c) noexcept {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void blanks() noexcept {
    while (literal(' ')) {
    }
  }

  [[nodiscard]] bool day(unsigned& out) noexcept {
    for (unsigned d = 0; d < 7; ++d) {
      if (!rest_.starts_with(day_names[d])) continue;
      rest_.remove_prefix(3);
      out = d;
      return true;
    }
    return false;
  }

  // "mon-fri,sun"; a range may pass Sunday.
  [[nodiscard]] bool days(std::uint8_t& out) noexcept {
    do {
      unsigned first = 0;
      if (!day(first)) return false;
      unsigned last = first;
      if (literal('-') && !day(last)) return false;
      for (unsigned d = first;; d = (d + 1) % 7) {
        out = static_cast<std::uint8_t>(out | 1U << d);
        if (d == last) break;
      }
    } while (literal(','));
    return true;
  }

  // "09:00", "24:00".
  [[nodiscard]] bool time(std::int32_t& out) noexcept {
    const auto digit = [&](std::size_t i) { return rest_[i] >= '0' && rest_[i] <= '9' ? rest_[i] - '0' : 100; };
    if (rest_.size() < 5 || rest_[2] != ':') return false;
    const int hour = digit(0) * 10 + digit(1);
    const int minute = digit(3) * 10 + digit(4);
    if (hour > 24 || minute > 59 || (hour == 24 && minute > 0)) return false;
    rest_.remove_prefix(5);
    out = hour * 60 + minute;
    return true;
  }

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool at_letter() const noexcept { return !rest_.empty() && rest_[0] >= 'a' && rest_[0] <= 'z'; }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
};

[[nodiscard]] inline tl::unexpected<error> bad_hours(std::string_view text, const std::string& why) {
  return bulkmsg::fail(errc::bad_option_value,
                       "hours " + quoted(text) + ": " + why + "; for example 'mon-fri 09:00-20:00; sat 10:00-14:00'");
}

[[nodiscard]] inline std::string print_days(std::uint8_t days) {
  std::string out;
  for (unsigned d = 0; d < 7; ++d) {
    if ((days >> d & 1) == 0) continue;
    unsigned last = d;
    while (last < 6 && (days >> (last + 1) & 1) != 0) ++last;
    if (!out.empty()) out += ',';
    out += day_names[d];
    if (last > d) {
      out += '-';
      out += day_names[last];
    }
    d = last;
  }
  return out;
}

[[nodiscard]] inline std::string print_time(std::int32_t minute) {
  std::string out = "00:00";
  out[0] = static_cast<char>('0' + minute / 600);
  out[1] = static_cast<char>('0' + minute / 60 % 10);
  out[3] = static_cast<char>('0' + minute % 60 / 10);
  out[4] = static_cast<char>('0' + minute % 10);
  return out;
}

}  // namespace detail

// Errors: bad_option_value (says what is wrong and shows an example).
[[nodiscard]] inline result<std::vector<hours>> parse_hours(std::string_view text) {
  if (text.size() > hours_text_bytes_max) {
    return bulkmsg::fail(errc::bad_option_value,
                         "hours: longer than " + std::to_string(hours_text_bytes_max) + " bytes");
  }
  std::vector<hours> out;
  for (;;) {
    const std::size_t end = text.find(';');
    const std::string_view item = detail::trimmed(text.substr(0, end));
    detail::hours_reader in(item);
    if (item.empty()) return detail::bad_hours(item, "nothing there");
    std::uint8_t days = 0;
    if (in.at_letter()) {
      if (!in.days(days)) return detail::bad_hours(item, "days are mon, tue, wed, thu, fri, sat, sun");
      if (!in.literal(' ')) return detail::bad_hours(item, "a blank and times must follow the days");
      in.blanks();
    } else {
      days = every_day;
    }
    do {
      hours h{days, 0, 0};
      if (!in.time(h.from_minute) || !in.literal('-') || !in.time(h.until_minute)) {
        return detail::bad_hours(item, "times are written 09:00-20:00, up to 24:00");
      }
      if (h.from_minute == 1'440 || h.until_minute == 0 || h.from_minute == h.until_minute) {
        return detail::bad_hours(item, "a time begins before 24:00, ends after 00:00, and not when it begins");
      }
      if (out.size() == hours_max) {
        return bulkmsg::fail(errc::bad_option_value, "hours: more than " + std::to_string(hours_max) + " times");
      }
      out.push_back(h);
    } while (in.literal(','));
    if (!in.done()) return detail::bad_hours(item, "unexpected " + detail::quoted(in.rest()));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

[[nodiscard]] inline std::string to_string(const std::vector<hours>& all) {
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const hours& h = all[i];
    if (i > 0 && all[i - 1].days == h.days) {
      out += ',';
    } else {
      if (i > 0) out += "; ";
      if (h.days != every_day) out += detail::print_days(h.days) + ' ';
    }
    out += detail::print_time(h.from_minute) + '-' + detail::print_time(h.until_minute);
  }
  return out;
}

// The same hours on a line of seconds since Monday 00:00 by the clock on the wall, for asking.
class weekly_hours {
 public:
  static constexpr std::int64_t week = std::int64_t{7} * 24 * 3'600;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  weekly_hours() = default;  // never open

  explicit weekly_hours(const std::vector<hours>& all) {
    std::vector<stretch> found;
    for (const hours& h : all) {
      for (std::int64_t d = 0; d < 7; ++d) {
        if ((h.days >> d & 1) == 0) continue;
        const std::int64_t from = (d * 1'440 + h.from_minute) * 60;
        const std::int64_t length =
            (h.until_minute - h.from_minute + (h.until_minute <= h.from_minute ? 1'440 : 0)) * 60;
        found.push_back({from, std::min(from + length, week)});
        if (from + length > week) found.push_back({0, from + length - week});
      }
    }
    std::sort(found.begin(), found.end(), [](const stretch& a, const stretch& b) { return a.from < b.from; });
    for (const stretch& s : found) {
      if (!open_.empty() && s.from <= open_.back().until) {
        open_.back().until = std::max(open_.back().until, s.until);
      } else {
        open_.push_back(s);
      }
    }
  }

  // `at`: 0 to week - 1. How long until it opens (0: it is open) or closes (0: it is closed); or never.
  [[nodiscard]] std::int64_t until_open(std::int64_t at) const noexcept {
    for (const stretch& s : open_) {
      if (at < s.until) return std::max<std::int64_t>(0, s.from - at);
    }
    return open_.empty() ? never : week - at + open_.front().from;
  }

  [[nodiscard]] std::int64_t until_close(std::int64_t at) const noexcept {
    for (const stretch& s : open_) {
      if (at >= s.until) continue;
      if (at < s.from) return 0;
      if (s.until < week || open_.front().from > 0) return s.until - at;
      return s.from == 0 ? never : week - at + open_.front().until;  // goes on on Monday
    }
    return 0;
  }

 private:
  struct stretch {
    std::int64_t from;
    std::int64_t until;
  };

  std::vector<stretch> open_;  // sorted, apart from each other
};

}  // namespace bulkmsg::pacing
