#include "bulkmsg/credits/ledger.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace bulkmsg::credits {
namespace {

TEST(ledger, conserved_sees_each_kind_of_damage) {
  const balances good{15'000, 500, -20, 10'000, 480, 3'000, 1'900, 100, 3};
  EXPECT_TRUE(good.conserved());
  EXPECT_TRUE(balances{}.conserved());
  for (std::int64_t balances::*field :
       {&balances::granted, &balances::bought, &balances::adjusted, &balances::available_monthly,
        &balances::available_topup, &balances::reserved, &balances::spent, &balances::expired}) {
    balances bad = good;
    bad.*field += 1;
    EXPECT_FALSE(bad.conserved());
    bad.*field = std::numeric_limits<std::int64_t>::max();
    EXPECT_FALSE(bad.conserved());
    bad.*field = std::numeric_limits<std::int64_t>::min();
    EXPECT_FALSE(bad.conserved());
  }
  EXPECT_FALSE((balances{0, 0, 0, -5, 5, 0, 0, 0, 0}.conserved())) << "no bucket may pay for the other";
}

TEST(ledger, an_entry_of_another_reservation_changes_nothing) {
  const reservation r{reservation_id{1}, account_id{1}, 1, 10, 5, 0, 0};
  EXPECT_EQ(apply(r, entry{entry_kind::post, bucket::monthly, 3, 1, reservation_id{2}}), r);
  EXPECT_EQ(apply(r, entry{entry_kind::buy, bucket::topup, 3, 1, {}}), r);
}

}  // namespace
}  // namespace bulkmsg::credits
