#include "bulkmsg/pacing/pauses.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::pacing {
namespace {

TEST(pauses, the_longest_of_account_number_and_campaign_holds) {
  pauses p;
  EXPECT_EQ(p.until(5, 1, 2, 3), 5);
  p.set(pause_of::number, 2, 100);
  p.set(pause_of::campaign, 3, 200);
  p.set(pause_of::account, 1, 150);
  EXPECT_EQ(p.until(5, 1, 2, 3), 200);
  EXPECT_EQ(p.until(5, 1, 2, 4), 150);
  EXPECT_EQ(p.until(5, 9, 2, 4), 100);
  EXPECT_EQ(p.until(5, 9, 9, 9), 5);
  EXPECT_EQ(p.until(5, 9, 1, 2), 5) << "ids of different things do not mix";
  EXPECT_EQ(p.until(150, 1, 2, 4), 150) << "it is over at its end";
}

TEST(pauses, are_made_longer_never_shorter_and_lifted) {
  pauses p;
  p.set(pause_of::number, 2, 100);
  p.set(pause_of::number, 2, 50);
  EXPECT_EQ(p.until(0, 0, 2, 0), 100);
  p.set(pause_of::number, 2, until_lifted);
  EXPECT_EQ(p.until(0, 0, 2, 0), until_lifted);
  EXPECT_EQ(p.all().size(), 1u);
  EXPECT_TRUE(p.lift(pause_of::number, 2));
  EXPECT_FALSE(p.lift(pause_of::number, 2));
  EXPECT_EQ(p.until(0, 0, 2, 0), 0);
}

TEST(pauses, the_next_end_is_what_a_timer_needs) {
  pauses p;
  EXPECT_EQ(p.next_end(0), until_lifted);
  p.set(pause_of::account, 1, until_lifted);
  p.set(pause_of::number, 2, 100);
  p.set(pause_of::campaign, 3, 200);
  EXPECT_EQ(p.next_end(0), 100);
  EXPECT_EQ(p.next_end(100), 200);
  p.sweep(150);
  EXPECT_EQ(p.all().size(), 2u);
  p.sweep(1'000);
  EXPECT_EQ(p.all().size(), 1u);
}

}  // namespace
}  // namespace bulkmsg::pacing
