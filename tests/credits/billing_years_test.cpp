// Years of billing dates, against a reference that knows no calendar arithmetic: it walks through the years a quarter
// of an hour at a time, asks the C library for the date, and notes when the billing day has come.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <map>
#include <string>
#include <vector>

#include "bulkmsg/credits/billing.hpp"

namespace bulkmsg::credits {
namespace {

constexpr std::int64_t quarter_s = 900;

// The C library's own time zone, put back afterwards.
class zone_set {
 public:
  explicit zone_set(const std::string& name) {
    if (const char* before = ::getenv("TZ")) before_ = before, had_ = true;
    ::setenv("TZ", name.c_str(), 1);
    ::tzset();
  }
  ~zone_set() {
    had_ ? ::setenv("TZ", before_.c_str(), 1) : ::unsetenv("TZ");
    ::tzset();
  }
  zone_set(const zone_set&) = delete;

 private:
  std::string before_;
  bool had_ = false;
};

int days_in(int year, int month) {
  static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

struct years {
  const char* zone;
  int first, last;  // chosen for what happened to its clocks
};

class billing_years : public ::testing::TestWithParam<years> {};

TEST_P(billing_years, every_period_begins_when_a_walk_through_the_days_says_so) {
  const auto [zone, first, last] = GetParam();
  const zone_set set(zone);
  const std::vector<int> billing_days = {1, 13, 28, 29, 30, 31};
  std::vector<billing_calendar> calendars;
  for (const int day : billing_days) {
    auto made = billing_calendar::make(day, zone);
    ASSERT_TRUE(made.has_value()) << zone;
    calendars.push_back(*made);
  }
  // By billing day: when each period began, as seen on the walk.
  std::vector<std::map<std::int32_t, std::int64_t>> begun(billing_days.size());
  // Unix seconds; a day to spare on both sides of the years.
  const auto unix_year = [](int year) {
    std::int64_t days = 0;
    for (int y = 1970; y < year; ++y) days += days_in(y, 2) + 337;
    return days * 86'400;
  };
  for (std::int64_t at = unix_year(first); at < unix_year(last + 1); at += quarter_s) {
    const auto t = static_cast<time_t>(at);
    tm local;
    ::localtime_r(&t, &local);
    const int year = local.tm_year + 1900, month = local.tm_mon + 1;
    for (std::size_t i = 0; i < billing_days.size(); ++i) {
      const int day = std::min(billing_days[i], days_in(year, month));
      auto period = static_cast<std::int32_t>(year * 12 + month);
      if (local.tm_mday < day) --period;
      auto& seen = begun[i];
      // Clocks that are set back over midnight do not end a period that has begun.
      if (seen.empty() || period > seen.rbegin()->first) {
        // A day that a zone leaves out altogether begins when the next one does.
        seen.emplace(period, at);
      }
      if (at % (6 * 3'600) == 0 || seen.rbegin()->second == at) {
        ASSERT_EQ(calendars[i].period_at(at * second), seen.rbegin()->first) << zone << " day " << day << " at " << at;
      }
    }
  }
  for (std::size_t i = 0; i < billing_days.size(); ++i) {
    ASSERT_GE(begun[i].size(), static_cast<std::size_t>((last - first + 1) * 12));
    for (auto p = std::next(begun[i].begin()); p != begun[i].end(); ++p) {
      ASSERT_EQ(p->first, std::prev(p)->first + 1) << "a month was left out";
      ASSERT_EQ(calendars[i].begin_of(p->first), p->second * second)
          << zone << ", billing day " << billing_days[i] << ", period " << p->first;
      ASSERT_EQ(calendars[i].period_at(p->second * second - 1), p->first - 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(zones, billing_years,
                         ::testing::Values(years{"UTC", 2023, 2029}, years{"Europe/Berlin", 2023, 2029},
                                           years{"America/New_York", 2023, 2029}, years{"Asia/Kolkata", 2024, 2025},
                                           years{"Asia/Kathmandu", 2024, 2025},
                                           years{"America/Sao_Paulo", 2015, 2019},    // no midnight in spring
                                           years{"America/Havana", 2010, 2016},       // gaps at midnight, folds to it
                                           years{"Asia/Beirut", 2019, 2024},          // gaps and folds at midnight
                                           years{"Africa/Cairo", 2010, 2015},         // four changes in some years
                                           years{"America/Santiago", 2018, 2024},     //
                                           years{"America/St_Johns", 2008, 2011},     // folds at 00:01: midnight twice
                                           years{"Australia/Lord_Howe", 2023, 2026},  // by half an hour
                                           years{"Pacific/Apia", 2010, 2012},         // had no 30 December 2011
                                           years{"Pacific/Kiritimati", 2024, 2024}),
                         [](const auto& of) {
                           std::string name = of.param.zone;
                           for (char& c : name) c = c == '/' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace bulkmsg::credits
