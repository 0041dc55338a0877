#include "bulkmsg/credits/plan.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "bulkmsg/credits/ledger.hpp"

namespace bulkmsg::credits {
namespace {

TEST(plan, five_users_with_the_free_phone_get_15000) {
  plan p;
  p.users = 5;
  EXPECT_EQ(p.monthly_credits(), 15'000);
  p.additional_phones = 2;
  EXPECT_EQ(p.monthly_credits(), 21'000);
}

TEST(plan, a_top_up_costs_six_tenths_of_a_cent_a_credit) {
  EXPECT_EQ(plan{}.topup_cost_micros(1'000), 6'000'000);
  EXPECT_EQ(plan{}.topup_cost_micros(0), 0);
  EXPECT_EQ(plan{}.topup_cost_micros(std::numeric_limits<std::int64_t>::max()),
            std::numeric_limits<std::int64_t>::max());
}

TEST(plan, ranges_are_checked_by_name) {
  EXPECT_TRUE(check(plan{}).has_value());
  plan p;
  p.billing_day = 32;
  EXPECT_EQ(check(p).error().message, "plan: billing_day must be from 1 to 31, not 32");
  p = {};
  p.users = -1;
  EXPECT_EQ(check(p).error().code, errc::bad_option_value);
  p = {};
  p.additional_phones = seats_max + 1;
  EXPECT_FALSE(check(p).has_value());
  p = {};
  p.topup_price_micros = -1;
  EXPECT_FALSE(check(p).has_value());
  p = {};
  p.per_user_credits = per_user_credits_max;
  p.users = p.additional_phones = seats_max;
  EXPECT_TRUE(check(p).has_value());
  EXPECT_LE(p.monthly_credits(), credits_max);
}

}  // namespace
}  // namespace bulkmsg::credits
