// A time as people write it, with its zone: "2026-12-01 09:00 Europe/Berlin". See bulkmsg::parse_time in
// records/plan.hpp.
//
// Needs absl's time zones (absl::time).
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg {

namespace detail {

inline constexpr std::size_t time_bytes_max = 100;

inline tl::unexpected<error> bad_time(std::string_view text, const std::string& why) {
  std::string message = "time '" + std::string(text.substr(0, time_bytes_max)) + "': " + why;
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return fail(errc::bad_option_value, std::move(message));
}

}  // namespace detail

// As messages show a time to people: "2026-12-01 08:00:00Z".
[[nodiscard]] inline std::string utc_text(std::int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

// In Unix ms. Errors: bad_option_value.
[[nodiscard]] inline result<std::int64_t> read_time(std::string_view text) {
  constexpr const char* form = "write it as 2026-12-01 09:00 Europe/Berlin, or with an offset: 2026-12-01T09:00+01:00";
  if (text.size() > detail::time_bytes_max) return detail::bad_time(text, form);
  std::string whole(text);
  if (whole.size() > 10 && whole[10] == 'T') whole[10] = ' ';
  // Date and time, then a blank and a zone, or an offset or Z right behind.
  const auto zone_at = whole.find_first_of(" +-Zz", 11);
  if (whole.size() < 16 || zone_at == std::string::npos) return detail::bad_time(text, std::string("no zone; ") + form);
  const std::string local = whole.substr(0, zone_at);
  const std::string name = whole.substr(whole[zone_at] == ' ' ? zone_at + 1 : zone_at);
  absl::Time read;
  std::string problem;
  const char* format = local.size() > 16 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M";
  if (!absl::ParseTime(format, local, &read, &problem) || (local.size() != 16 && local.size() != 19)) {
    return detail::bad_time(text, form);
  }
  const absl::CivilSecond civil = absl::ToCivilSecond(read, absl::UTCTimeZone());
  absl::TimeZone zone;
  if (name == "Z" || name == "z") {
    zone = absl::UTCTimeZone();
  } else if (name.starts_with('+') || name.starts_with('-')) {
    int hours = 0, minutes = 0;
    const char* end = name.data() + name.size();
    const auto h = std::from_chars(name.data() + 1, end, hours);
    const auto m = h.ptr != end && *h.ptr == ':' ? std::from_chars(h.ptr + 1, end, minutes) : h;
    if (name.size() != 6 || m.ptr != end || hours < 0 || hours > 14 || minutes < 0 || minutes > 59) {
      return detail::bad_time(text, form);
    }
    zone = absl::FixedTimeZone((name[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60));
  } else if (name.empty() || name.starts_with('/') ||
             name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/") !=
                 std::string::npos ||
             !absl::LoadTimeZone(name, &zone)) {
    // A name is looked up in the system's files: without dots it leads nowhere else.
    return detail::bad_time(text, "there is no zone '" + name + "'; give one like Europe/Berlin");
  }
  const auto found = zone.At(civil);
  if (found.kind == absl::TimeZone::TimeInfo::SKIPPED) {
    return detail::bad_time(text, "there is no such time on that day, the clocks go forward; give another");
  }
  return absl::ToUnixMillis(found.pre);
}

}  // namespace bulkmsg
