// Billing dates: which period a moment belongs to, and when a period begins.
//
// A period begins at the first instant of the billing day in the account's time zone and is numbered by its month:
// year * 12 + month (1-12), so that periods follow one another without gaps and a number alone says when it was. A
// billing day of 29-31 falls on the last day of a shorter month. Where a day has no midnight (clocks set forward) it
// begins at the first instant that exists; where midnight comes twice, at the first.
//
//   auto calendar = billing_calendar::make(31, "America/Sao_Paulo");
//   std::int32_t now = calendar->period_at(clock.wall());
//   for (std::int32_t p = account.period + 1; p <= now; ++p) grant(account, p, ...);   // however long it was off
//
// Needs absl's time zones (absl::time); nothing else in this room does.
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"

namespace bulkmsg::credits {

class billing_calendar {
 public:
  // Errors: bad_option_value (day not 1-31; a time zone this machine does not know).
  [[nodiscard]] static result<billing_calendar> make(int billing_day, const std::string& time_zone) {
    if (billing_day < 1 || billing_day > 31) {
      return bulkmsg::fail(errc::bad_option_value,
                           "billing day must be from 1 to 31, not " + std::to_string(billing_day));
    }
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(time_zone, &zone)) {
      return bulkmsg::fail(errc::bad_option_value, "unknown time zone '" + time_zone.substr(0, 64) +
                                                       "': give an IANA name, for example Europe/Berlin");
    }
    return billing_calendar(billing_day, zone);
  }

  // The period that `wall` (Unix nanoseconds) lies in.
  [[nodiscard]] std::int32_t period_at(nanoseconds_t wall) const {
    const absl::CivilMonth month(absl::ToCivilMonth(absl::FromUnixNanos(wall), zone_));
    const auto period = static_cast<std::int32_t>(month.year() * 12 + month.month());
    return wall >= begin_of(period) ? period : period - 1;
  }

  // The first instant of `period`, Unix nanoseconds; it ends where the next begins.
  [[nodiscard]] nanoseconds_t begin_of(std::int32_t period) const {
    const absl::CivilMonth month((period - 1) / 12, (period - 1) % 12 + 1);
    const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
    const absl::CivilDay day(month.year(), month.month(), std::min(day_, last.day()));
    return absl::ToUnixNanos(absl::FromCivil(day, zone_));
  }

 private:
  billing_calendar(int day, absl::TimeZone zone) : day_(day), zone_(zone) {}

  int day_;
  absl::TimeZone zone_;
};

}  // namespace bulkmsg::credits
