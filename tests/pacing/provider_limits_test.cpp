#include "bulkmsg/pacing/provider_limits.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::pacing {
namespace {

TEST(provider_limits, the_word_stands_for_what_the_provider_allows) {
  EXPECT_EQ(with_provider("provider; in-flight=64", {}), "80/s; in-flight=64");
  EXPECT_EQ(with_provider(" provider ;in-flight=64", {.per_second = 1000, .recipients = 2000}),
            "1000/s; 2000 recipients/24h; in-flight=64");
  EXPECT_EQ(with_provider("20/s", {.per_second = 1000, .recipients = 2000}), "20/s") << "a host's own stays";
  EXPECT_EQ(with_provider("20/s; provider", {.per_second = 1000}), "20/s; 1000/s") << "and holds beside it";
  EXPECT_TRUE(parse_limits(with_provider("provider; inbound=20%", {.recipients = 250})));
  EXPECT_FALSE(parse_limits(with_provider("providers", {})));
  EXPECT_TRUE(follows_provider("in-flight=1; provider"));
  EXPECT_FALSE(follows_provider("80/s; in-flight=64"));
  EXPECT_FALSE(follows_provider(""));
}

TEST(provider_limits, tiers_in_every_form_that_was_seen) {
  EXPECT_EQ(recipients_of_tier("TIER_250"), 250);
  EXPECT_EQ(recipients_of_tier("TIER_2K"), 2'000);
  EXPECT_EQ(recipients_of_tier("TIER_100K"), 100'000);
  EXPECT_EQ(recipients_of_tier("2000"), 2'000);
  EXPECT_EQ(recipients_of_tier("TIER_UNLIMITED"), 0);
  EXPECT_EQ(recipients_of_tier("-1"), 0);
  for (const char* unknown : {"", "TIER_", "TIER_NOT_SET", "TIER_2M", "0", "-7", "99999999999999999999", "K", "2K2"}) {
    EXPECT_EQ(recipients_of_tier(unknown), 250) << unknown;
  }
}

}  // namespace
}  // namespace bulkmsg::pacing
