// A limit as data, and the grammar it is written in.
//
//   80/s                              rate: at most 80 in any half-open second; also 100000/24h, 80/2s
//   500/batch,10s                     batch: after 500, 10 s from the batch's last first-byte to the next one's first
//   in-flight=200                     in flight: at most 200 requests without an answer
//   1/6s per recipient,burst=45       per recipient: at most 45 + t/6s to one address in any time t
//   2000 recipients/24h               recipients: messages to at most 2000 different ones in any 24 hours; one whose
//                                     conversation is open does not count
//   5000/day                          daily budget: at most 5000 on a calendar day of the sender's time zone
//   inbound=20%                       not a limit of its own: a fifth of every rate is left to what comes in
//
// Several are separated by ';', all of them hold: "80/s; 500/batch,10s; in-flight=200". Units: ms, s, m, h.
// Printing and parsing are each other's inverse.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"

namespace bulkmsg::pacing {

// Numbers may be stored: never reused.
enum class limit_kind : std::uint8_t {
  rate = 1,
  batch = 2,
  in_flight = 3,
  per_recipient = 4,
  recipients = 5,
  daily = 6,
  inbound_share = 7
};

struct limit {
  limit_kind kind = limit_kind::rate;
  std::int64_t count = 0;    // in a window, a batch, a day, or at once; inbound_share: percent
  nanoseconds_t window = 0;  // rate, per_recipient, recipients: its length; batch: the delay after one; else 0
  std::int64_t burst = 0;    // per_recipient: how many at once after a rest; else 0

  friend bool operator==(const limit&, const limit&) = default;
};

inline constexpr std::int64_t limit_count_max = 1'000'000'000;
inline constexpr nanoseconds_t limit_window_max =
    nanoseconds_t{31} * 24 * 3'600 * second;  // months have no fixed length
inline constexpr std::int64_t limit_burst_max = 1'000'000;
inline constexpr std::int64_t inbound_share_max = 90;  // percent
inline constexpr std::size_t limits_max = 16;          // on one sender
inline constexpr std::size_t limits_text_bytes_max = 1'024;

namespace detail {

// Reads one limit from the left; every step either consumes its text or leaves it.
class limit_reader {
 public:
  explicit limit_reader(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool literal(std::string_view word) noexcept {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  // Decimal digits, 1 to `max`.
  [[nodiscard]] bool number(std::int64_t max, std::int64_t& out) noexcept {
    std::size_t digits = 0;
    std::int64_t n = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      n = n * 10 + (rest_[digits] - '0');
      if (n > max) return false;
      ++digits;
    }
    if (digits == 0 || n == 0) return false;
    rest_.remove_prefix(digits);
    out = n;
    return true;
  }

  // "s", "10s", "250ms": up to limit_window_max.
  [[nodiscard]] bool duration(nanoseconds_t& out) noexcept {
    std::int64_t n = 1;
    if (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9' && !number(limit_window_max / millisecond, n))
      return false;
    nanoseconds_t unit = 0;
    if (literal("ms")) {
      unit = millisecond;
    } else if (literal("s")) {
      unit = second;
    } else if (literal("m")) {
      unit = 60 * second;
    } else if (literal("h")) {
      unit = 3'600 * second;
    } else {
      return false;
    }
    if (n > limit_window_max / unit) return false;
    out = n * unit;
    return true;
  }

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
};

// Text from outside, made fit for a one-line message.
[[nodiscard]] inline std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 48)) out += c >= ' ' && c <= '~' ? c : '?';
  out += text.size() > 48 ? "...'" : "'";
  return out;
}

[[nodiscard]] inline tl::unexpected<error> bad_limit(std::string_view text, const std::string& why,
                                                     std::string_view example) {
  return bulkmsg::fail(errc::bad_option_value,
                       "limit " + quoted(text) + ": " + why + "; for example '" + std::string(example) + "'");
}

[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

[[nodiscard]] inline std::string print_duration(nanoseconds_t t, bool drop_one) {
  struct unit {
    nanoseconds_t length;
    const char* name;
  };
  static constexpr unit units[] = {{3'600 * second, "h"}, {60 * second, "m"}, {second, "s"}, {millisecond, "ms"}};
  for (const unit& u : units) {
    if (t % u.length != 0) continue;
    const std::int64_t n = t / u.length;
    return (n == 1 && drop_one ? std::string() : std::to_string(n)) + u.name;
  }
  return std::to_string(t) + "ns";  // no limit of the grammar comes here
}

}  // namespace detail

// Errors: bad_option_value (says what is wrong and shows an example).
[[nodiscard]] inline result<limit> parse_limit(std::string_view text) {
  text = detail::trimmed(text);
  detail::limit_reader in(text);
  limit out;
  const auto count_range = [&](std::string_view example) {
    return detail::bad_limit(text, "the count must be a whole number from 1 to " + std::to_string(limit_count_max),
                             example);
  };
  const auto window_range = [&](std::string_view example) {
    return detail::bad_limit(text, "the time must be a whole number with ms, s, m or h, at most 744h", example);
  };
  const auto surplus = [&](std::string_view example) {
    return detail::bad_limit(text, "unexpected " + detail::quoted(in.rest()), example);
  };

  if (text.empty()) return detail::bad_limit(text, "nothing there", "80/s");
  if (in.literal("in-flight=")) {
    out.kind = limit_kind::in_flight;
    if (!in.number(limit_count_max, out.count)) return count_range("in-flight=200");
    if (!in.done()) return surplus("in-flight=200");
    return out;
  }
  if (in.literal("inbound=")) {
    out.kind = limit_kind::inbound_share;
    if (!in.number(inbound_share_max, out.count) || !in.literal("%")) {
      return detail::bad_limit(text, "the share must be a whole number from 1 to 90 with '%'", "inbound=20%");
    }
    if (!in.done()) return surplus("inbound=20%");
    return out;
  }
  if (!in.number(limit_count_max, out.count)) return count_range("80/s");
  if (in.literal(" recipients/")) {
    out.kind = limit_kind::recipients;
    if (!in.duration(out.window)) return window_range("2000 recipients/24h");
    if (!in.done()) return surplus("2000 recipients/24h");
    return out;
  }
  if (!in.literal("/")) return detail::bad_limit(text, "a '/' must follow the count", "80/s");
  if (in.literal("batch")) {
    out.kind = limit_kind::batch;
    if (!in.literal(",")) return detail::bad_limit(text, "a batch needs the delay after it", "500/batch,10s");
    if (!in.duration(out.window)) return window_range("500/batch,10s");
    if (!in.done()) return surplus("500/batch,10s");
    return out;
  }
  if (in.literal("day")) {
    out.kind = limit_kind::daily;
    if (!in.done()) return surplus("5000/day");
    return out;
  }
  if (!in.duration(out.window)) return window_range("80/s");
  if (in.literal(" per recipient")) {
    out.kind = limit_kind::per_recipient;
    out.burst = 1;
    if (in.literal(",burst=") && !in.number(limit_burst_max, out.burst)) {
      return detail::bad_limit(text, "the burst must be a whole number from 1 to " + std::to_string(limit_burst_max),
                               "1/6s per recipient,burst=45");
    }
    if (!in.done()) return surplus("1/6s per recipient,burst=45");
    return out;
  }
  if (!in.done()) return surplus("80/s");
  out.kind = limit_kind::rate;
  return out;
}

// Errors: bad_option_value (an empty or malformed limit, two inbound shares, more than limits_max, a text over
// limits_text_bytes_max).
[[nodiscard]] inline result<std::vector<limit>> parse_limits(std::string_view text) {
  if (text.size() > limits_text_bytes_max) {
    return bulkmsg::fail(errc::bad_option_value,
                         "limits: longer than " + std::to_string(limits_text_bytes_max) + " bytes");
  }
  std::vector<limit> out;
  for (;;) {
    const std::size_t end = text.find(';');
    auto one = parse_limit(text.substr(0, end));
    if (!one) return bulkmsg::fail(std::move(one.error()));
    if (out.size() == limits_max) {
      return bulkmsg::fail(errc::bad_option_value, "limits: more than " + std::to_string(limits_max));
    }
    if (one->kind == limit_kind::inbound_share &&
        std::any_of(out.begin(), out.end(), [](const limit& l) { return l.kind == limit_kind::inbound_share; })) {
      return bulkmsg::fail(errc::bad_option_value, "limits: the share for what comes in is given twice");
    }
    out.push_back(*one);
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

[[nodiscard]] inline std::string to_string(const limit& l) {
  const std::string count = std::to_string(l.count);
  switch (l.kind) {
    case limit_kind::rate:
      return count + "/" + detail::print_duration(l.window, true);
    case limit_kind::batch:
      return count + "/batch," + detail::print_duration(l.window, false);
    case limit_kind::in_flight:
      return "in-flight=" + count;
    case limit_kind::per_recipient:
      return count + "/" + detail::print_duration(l.window, true) + " per recipient" +
             (l.burst == 1 ? std::string() : ",burst=" + std::to_string(l.burst));
    case limit_kind::recipients:
      return count + " recipients/" + detail::print_duration(l.window, true);
    case limit_kind::daily:
      return count + "/day";
    case limit_kind::inbound_share:
      return "inbound=" + count + "%";
  }
  return {};
}

template <class Range>
[[nodiscard]] std::string to_string(const Range& limits) requires requires {
  limits.begin()->kind;
}
{
  std::string out;
  for (const limit& l : limits) {
    if (!out.empty()) out += "; ";
    out += to_string(l);
  }
  return out;
}

}  // namespace bulkmsg::pacing
