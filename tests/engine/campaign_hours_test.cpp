#include "engine/campaign_hours.hpp"

#include <gtest/gtest.h>

#include "engine/duration.hpp"

namespace bulkmsg {
namespace {

constexpr nanoseconds_t hour = nanoseconds_t{3600} * second;
constexpr nanoseconds_t noon = nanoseconds_t{1'800'014'400} * second;  // 15 January 2027, 12:00 UTC, a Friday

TEST(campaign_hours, each_recipient_is_laid_by_the_country_of_the_number) {
  auto h = *campaign_hours::make("09:00-20:00", "recipient", "Asia/Tokyo", {}, noon);
  EXPECT_TRUE(h.by_recipient());
  const auto berlin = *h.lane_of("+4915112345678", "");
  const auto paris = *h.lane_of("+33612345678", "");
  const auto new_york = *h.lane_of("+12125550123", "");
  const auto somewhere = *h.lane_of("group:1", "");
  EXPECT_EQ(berlin, paris) << "their clocks show the same";
  EXPECT_NE(berlin, new_york);
  EXPECT_EQ(somewhere, *h.lane_of("+819012345678", "")) << "the sender's, where the address does not tell";
  EXPECT_EQ(h.lanes().size(), 3u);
  // A country with several zones: when all of them are inside, from nine in Honolulu to eight in New York.
  const auto& usa = *h.lanes()[new_york].window;
  EXPECT_EQ(usa.next_open(noon), noon + 7 * hour);
  EXPECT_EQ(usa.next_close(noon + 7 * hour), noon + 13 * hour);
}

TEST(campaign_hours, a_column_may_name_the_zone) {
  auto h = *campaign_hours::make("09:00-20:00", "column:zone", "", {"param1", "zone"}, noon);
  const auto named = *h.lane_of("+12125550123",
                                "n\x1f"
                                "America/Chicago");
  EXPECT_EQ(h.lanes()[named].zones, "America/Chicago");
  EXPECT_EQ(h.lanes()[*h.lane_of("+4915112345678", "n\x1f")].zones.substr(0, 13), "Europe/Berlin");
  const auto unknown = h.lane_of("+12125550123", "n\x1fMiddle/Earth");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, errc::bad_option_value);
}

TEST(campaign_hours, hours_that_never_come_are_refused) {
  auto h = *campaign_hours::make("09:00-10:00", "recipient", "", {}, noon);
  const auto nowhere = h.lane_of("+12125550123", "");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("never"), std::string::npos);
}

TEST(duration, within_hours_only_the_open_time_counts) {
  const auto utc = absl::UTCTimeZone();
  const auto limits = *pacing::parse_limits("1/s");
  auto h = *campaign_hours::make("13:00-15:00", "", "UTC", {}, noon);
  h.count(0, 3 * 3600);
  EXPECT_EQ(shortest_duration(limits, h, noon, utc), std::chrono::hours(26)) << "two hours today, one tomorrow";
  EXPECT_EQ(shortest_duration(limits, 3600, noon, utc), hour);
  EXPECT_EQ(shortest_duration(*pacing::parse_limits("100/day"), 250, noon, utc), 36 * hour);
  EXPECT_EQ(shortest_duration(*pacing::parse_limits("100 recipients/24h"), 250, noon, utc), 48 * hour);
  EXPECT_EQ(shortest_duration(*pacing::parse_limits("100/24h"), 250, noon, utc), 48 * hour);
}

}  // namespace
}  // namespace bulkmsg
