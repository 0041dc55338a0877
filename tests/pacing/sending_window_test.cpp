#include "bulkmsg/pacing/sending_window.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace bulkmsg::pacing {
namespace {

constexpr nanoseconds_t minute = 60 * second;
constexpr nanoseconds_t hour = 60 * minute;

sending_window make(const char* hours, std::string_view zones) {
  auto w = sending_window::make(parse_hours(hours).value(), zones);
  EXPECT_TRUE(w.has_value()) << hours << " " << zones;
  return *w;
}

absl::TimeZone zone(const std::string& name) {
  absl::TimeZone z;
  EXPECT_TRUE(absl::LoadTimeZone(name, &z)) << name;
  return z;
}

nanoseconds_t utc(int y, int m, int d, int h = 0, int min = 0) {
  return absl::ToUnixNanos(absl::FromCivil(absl::CivilSecond(y, m, d, h, min), absl::UTCTimeZone()));
}

TEST(sending_window, opens_and_closes_by_the_clock_of_its_zone) {
  const auto w = make("mon-fri 09:00-20:00; sat 10:00-14:00", "Europe/Berlin");
  EXPECT_TRUE(w.open_at(utc(2026, 11, 20, 8)));  // Friday, 09:00 there
  EXPECT_FALSE(w.open_at(utc(2026, 11, 20, 8) - 1));
  EXPECT_EQ(w.next_open(utc(2026, 11, 20, 7)), utc(2026, 11, 20, 8));
  EXPECT_EQ(w.next_close(utc(2026, 11, 20, 8)), utc(2026, 11, 20, 19));
  EXPECT_EQ(w.next_open(utc(2026, 11, 20, 19)), utc(2026, 11, 21, 9)) << "Saturday";
  EXPECT_EQ(w.next_open(utc(2026, 11, 21, 13)), utc(2026, 11, 23, 8)) << "Monday";
  EXPECT_EQ(w.next_open(utc(2026, 11, 23, 8) + 5), utc(2026, 11, 23, 8) + 5);
  EXPECT_EQ(w.next_close(utc(2026, 11, 23, 3)), utc(2026, 11, 23, 3)) << "it is closed";
}

TEST(sending_window, over_midnight_belongs_to_the_day_it_begins) {
  const auto w = make("fri 20:00-02:00", "UTC");
  EXPECT_TRUE(w.open_at(utc(2026, 11, 20, 23)));
  EXPECT_TRUE(w.open_at(utc(2026, 11, 21, 1, 59)));
  EXPECT_FALSE(w.open_at(utc(2026, 11, 21, 2)));
  EXPECT_FALSE(w.open_at(utc(2026, 11, 20, 1))) << "Friday's early hours are Thursday's night";
  const auto sunday = make("sun 22:00-06:00", "UTC");
  EXPECT_EQ(sunday.next_close(utc(2026, 11, 22, 23)), utc(2026, 11, 23, 6)) << "over the end of the week";
}

TEST(sending_window, an_hour_that_is_skipped_or_comes_twice) {
  const auto w = make("02:30-04:00", "Europe/Berlin");
  // 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
  EXPECT_EQ(w.next_open(utc(2026, 3, 29, 0)), utc(2026, 3, 29, 1));
  EXPECT_EQ(w.next_close(utc(2026, 3, 29, 1)), utc(2026, 3, 29, 2));
  const auto gone = make("02:00-03:00", "Europe/Berlin");
  EXPECT_EQ(gone.next_open(utc(2026, 3, 29, 0)), utc(2026, 3, 30, 0)) << "not on that day";
  // 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
  EXPECT_EQ(w.next_open(utc(2026, 10, 25, 0)), utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(w.next_close(utc(2026, 10, 25, 0, 30)), utc(2026, 10, 25, 1)) << "02:00 again";
  EXPECT_EQ(w.next_open(utc(2026, 10, 25, 1)), utc(2026, 10, 25, 1, 30));
  EXPECT_EQ(w.next_close(utc(2026, 10, 25, 1, 30)), utc(2026, 10, 25, 3));
}

TEST(sending_window, always_open_never_closes) {
  const auto w = make("00:00-24:00", "America/New_York");
  EXPECT_EQ(w.next_close(utc(2026, 3, 1)), sending_window::never);
  EXPECT_EQ(w.next_open(utc(2026, 3, 1)), utc(2026, 3, 1));
}

// A year of minutes in zones with all kinds of changes, against looking at the clock every minute.
TEST(sending_window, agrees_with_looking_at_the_clock_every_minute) {
  const char* const zones[] = {"Europe/Berlin",
                               "America/New_York",
                               "America/Havana",
                               "Australia/Lord_Howe",
                               "Asia/Kathmandu",
                               "Africa/Casablanca",
                               "Pacific/Apia",
                               "America/New_York Europe/Berlin",
                               "Africa/El_Aaiun Asia/Kolkata",
                               "America/St_Johns Pacific/Chatham"};
  std::mt19937_64 random(1);
  for (const char* names : zones) {
    for (const char* hours :
         {"mon-fri 09:00-20:00; sat 10:00-14:00", "22:00-03:15", "01:30-02:30,05:00-05:01", "sun 00:00-24:00"}) {
      const auto w = make(hours, names);
      std::vector<absl::TimeZone> all;
      for_each_zone(names, [&](std::string_view n) { all.push_back(zone(std::string(n))); });
      const weekly_hours plain(parse_hours(hours).value());
      // Backwards through ten months, so that the next change is always known.
      const nanoseconds_t begin = utc(2026, 2, 1);
      const nanoseconds_t end = utc(2026, 12, 1);
      nanoseconds_t opens = 0;
      nanoseconds_t closes = 0;
      for (nanoseconds_t t = end; t >= begin; t -= minute) {
        const bool open = std::all_of(all.begin(), all.end(), [&](const absl::TimeZone& z) {
          const auto c = absl::ToCivilMinute(absl::FromUnixNanos(t), z);
          const auto day = static_cast<std::int64_t>(absl::GetWeekday(c));  // Monday is 0
          return plain.until_open((day * 1'440 + c.hour() * 60 + c.minute()) * 60) == 0;
        });
        (open ? opens : closes) = t;
        if (random() % 50 != 0) continue;
        ASSERT_EQ(w.open_at(t), open) << names << " " << hours << " " << t;
        if (opens != 0) {
          ASSERT_EQ(w.next_open(t), opens) << names << " " << hours << " " << t;
        }
        if (closes != 0) {
          ASSERT_EQ(w.next_close(t), closes) << names << " " << hours << " " << t;
        }
        const nanoseconds_t between = t + static_cast<nanoseconds_t>(random() % minute);
        ASSERT_EQ(w.open_at(between), open);
      }
    }
  }
}

TEST(sending_window, a_country_is_open_when_all_its_zones_are) {
  const auto us = make("09:00-20:00", zones_of_region("US"));
  // In winter: 09:00 in Adak and Honolulu (UTC-10) is 19:00; 20:00 in New York (UTC-5) is 01:00.
  EXPECT_EQ(us.next_open(utc(2026, 1, 15, 12)), utc(2026, 1, 15, 19));
  EXPECT_EQ(us.next_close(utc(2026, 1, 15, 19)), utc(2026, 1, 16, 1));
  const auto russia = make("09:00-10:00", zones_of_region("RU"));
  EXPECT_EQ(russia.next_open(utc(2026, 1, 15)), sending_window::never) << "they never agree on one hour";
  EXPECT_FALSE(russia.open_at(utc(2026, 1, 15, 9)));
}

TEST(sending_window, equal_patterns_can_share_a_lane) {
  const nanoseconds_t now = utc(2026, 11, 21);
  const auto of = [&](std::string_view zones) { return make("09:00-20:00", zones).pattern(now); };
  EXPECT_EQ(of("Europe/Berlin"), of("Europe/Madrid"));
  EXPECT_EQ(of("Europe/Berlin"), of("Europe/Madrid Europe/Paris"));
  EXPECT_NE(of("Europe/Berlin"), of("Africa/Lagos")) << "the same today, not in summer";
  EXPECT_NE(of("Europe/Berlin"), of("Europe/Berlin Europe/London"));
  std::set<std::string> lanes;
  for (const auto& row : zones_by_region) lanes.insert(of(row.zones));
  EXPECT_LT(lanes.size(), 90u) << "for the whole world";
}

TEST(sending_window, what_is_wrong_is_said) {
  EXPECT_FALSE(sending_window::make({}, "UTC").has_value());
  auto w = sending_window::make(parse_hours("09:00-20:00").value(), "Europe/Atlantis");
  ASSERT_FALSE(w.has_value());
  EXPECT_NE(w.error().message.find("Europe/Atlantis"), std::string::npos);
  EXPECT_FALSE(sending_window::make(parse_hours("09:00-20:00").value(), "").has_value());
  EXPECT_TRUE(sending_window::make(parse_hours("09:00-20:00").value(), "Europe/Atlantis UTC").has_value());
}

TEST(zones_of_region, is_found_for_known_regions_only) {
  EXPECT_EQ(zones_of_region("DE"), "Europe/Berlin Europe/Busingen");
  EXPECT_EQ(zones_of_region("AD"), "Europe/Andorra");
  EXPECT_EQ(zones_of_region("ZW"), "Africa/Harare");
  for (const char* none : {"", "A", "ZZ", "de", "DEU"}) EXPECT_EQ(zones_of_region(none), "") << none;
  for (std::size_t i = 1; i < std::size(zones_by_region); ++i) {
    EXPECT_LT(zones_by_region[i - 1].region, zones_by_region[i].region);
  }
}

// The machine's own tables: each country of theirs has a row, and no zone of theirs keeps a time that ours do not.
TEST(zones_of_region, agrees_with_the_time_zone_database_of_this_machine) {
  std::ifstream file("/usr/share/zoneinfo/zone.tab");
  if (!file) GTEST_SKIP() << "no /usr/share/zoneinfo/zone.tab on this machine";
  const nanoseconds_t now = utc(2026, 11, 21);
  const auto pattern = [&](std::string_view z) { return make("09:00-20:00", z).pattern(now); };
  std::map<std::string, std::set<std::string>> theirs;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string region;
    std::string place;
    std::string name;
    words >> region >> place >> name;
    theirs[region].insert(name);
  }
  EXPECT_GT(theirs.size(), 240u);
  for (const auto& [region, names] : theirs) {
    std::set<std::string> ours;
    for_each_zone(zones_of_region(region), [&](std::string_view z) { ours.insert(pattern(z)); });
    for (const std::string& name : names) EXPECT_TRUE(ours.contains(pattern(name))) << region << " " << name;
  }
}

}  // namespace
}  // namespace bulkmsg::pacing
