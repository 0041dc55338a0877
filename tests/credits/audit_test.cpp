#include "bulkmsg/credits/audit.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "bulkmsg/credits/rules.hpp"

namespace bulkmsg::credits {
namespace {

TEST(audit, agrees_with_what_was_cached) {
  balances b;
  audit check;
  const auto granted = grant(b, 1, 100);
  for (const entry& e : *granted) check.add(e);
  const auto made = reserve(b, {reservation_id{1}, account_id{1}, 30});
  for (const entry& e : made->log) check.add(e);
  EXPECT_TRUE(check.against(b).has_value());
  EXPECT_EQ(check.entry_count(), 2);
}

TEST(audit, a_changed_cache_is_named_with_both_numbers) {
  balances b;
  audit check;
  const auto granted = grant(b, 1, 100);
  for (const entry& e : *granted) check.add(e);
  b.available_monthly = 90;
  auto verdict = check.against(b);
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().code, errc::store_corrupt);
  EXPECT_EQ(verdict.error().message, "credits available monthly: 90 in the account, 100 by its 1 entries");
}

TEST(audit, the_first_entry_that_cannot_stand_is_named) {
  const entry fine{entry_kind::buy, bucket::topup, 10, 0, {}};
  for (const entry& bad : {
           entry{entry_kind::reserve, bucket::topup, 11, 0, reservation_id{1}},
           entry{entry_kind::post, bucket::topup, 1, 0, reservation_id{1}},
           entry{entry_kind::buy, bucket::topup, -1, 0, {}},
           entry{entry_kind::buy, bucket::topup, std::numeric_limits<std::int64_t>::max(), 0, {}},
           entry{entry_kind::adjust, bucket::topup, std::numeric_limits<std::int64_t>::min(), 0, {}},
           entry{static_cast<entry_kind>(99), bucket::topup, 1, 0, {}},
           entry{entry_kind::buy, static_cast<bucket>(0), 1, 0, {}},
           entry{entry_kind::expire, bucket::monthly, 0, std::numeric_limits<std::int32_t>::max(), {}},
       }) {
    audit check;
    check.add(fine);
    check.add(bad);
    for (int i = 0; i < 10; ++i) check.add(bad);
    EXPECT_EQ(check.first_bad(), 2);
    auto verdict = check.against(balances{});
    ASSERT_FALSE(verdict.has_value());
    EXPECT_EQ(verdict.error().message, "the ledger is not conserved after its entry 2");
  }
}

}  // namespace
}  // namespace bulkmsg::credits
