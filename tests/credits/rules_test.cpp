#include "bulkmsg/credits/rules.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "bulkmsg/credits/audit.hpp"

namespace bulkmsg::credits {
namespace {

constexpr account_id account{1};

balances with(std::int64_t monthly, std::int64_t topup) {
  balances b;
  EXPECT_TRUE(grant(b, 1, monthly).has_value());
  EXPECT_TRUE(buy(b, topup).has_value());
  return b;
}

reservation held(balances& b, std::int64_t n, std::int64_t id = 7) {
  auto r = reserve(b, {reservation_id{id}, account, n});
  EXPECT_TRUE(r.has_value());
  return r ? r->made : reservation{};
}

TEST(credits, monthly_ones_are_reserved_first) {
  balances b = with(100, 50);
  auto r = reserve(b, {reservation_id{7}, account, 120});
  ASSERT_TRUE(r.has_value());
  EXPECT_EQ(r->made, (reservation{reservation_id{7}, account, 1, 100, 20, 0, 0}));
  ASSERT_EQ(r->log.size(), 2u);
  EXPECT_EQ(r->log[0], (entry{entry_kind::reserve, bucket::monthly, 100, 1, reservation_id{7}}));
  EXPECT_EQ(r->log[1], (entry{entry_kind::reserve, bucket::topup, 20, 1, reservation_id{7}}));
  EXPECT_EQ(b.available_monthly, 0);
  EXPECT_EQ(b.available_topup, 30);
  EXPECT_EQ(b.reserved, 120);
}

TEST(credits, too_few_are_refused_with_the_shortfall) {
  balances b = with(100, 50);
  const balances before = b;
  auto r = reserve(b, {reservation_id{7}, account, 151});
  ASSERT_FALSE(r.has_value());
  EXPECT_EQ(r.error().code, errc::credits_short);
  EXPECT_EQ(r.error().message, "not enough credits: 151 needed, 150 available, 1 missing");
  EXPECT_EQ(b, before);
  EXPECT_TRUE(reserve(b, {reservation_id{7}, account, 150}).has_value());
}

TEST(credits, a_post_spends_the_monthly_part_first) {
  balances b = with(100, 50);
  reservation r = held(b, 120);
  auto log = post(b, r, 110);
  ASSERT_TRUE(log.has_value());
  ASSERT_EQ(log->size(), 2u);
  EXPECT_EQ(r.monthly, 0);
  EXPECT_EQ(r.topup, 10);
  EXPECT_EQ(r.posted, 110);
  EXPECT_EQ(b.spent, 110);
  EXPECT_EQ(b.reserved, 10);
}

TEST(credits, a_void_returns_to_the_bucket_it_came_from) {
  balances b = with(100, 50);
  reservation r = held(b, 120);
  ASSERT_TRUE(post(b, r, 60).has_value());
  ASSERT_TRUE(void_(b, r, 60).has_value());
  EXPECT_EQ(r.held(), 0);
  EXPECT_EQ(r.requested(), 120);
  EXPECT_EQ(b.available_monthly, 40);
  EXPECT_EQ(b.available_topup, 50);
  EXPECT_EQ(b.spent, 60);
}

TEST(credits, the_order_of_answers_does_not_change_who_pays) {
  for (int seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto monthly = static_cast<std::int64_t>(random() % 40);
    const auto topup = static_cast<std::int64_t>(random() % 40);
    balances b = with(monthly, topup);
    reservation r = held(b, monthly + topup);
    while (r.held() > 0) {
      const auto n = 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(r.held()));
      ASSERT_TRUE((random() % 2 == 0 ? post(b, r, n) : void_(b, r, n)).has_value());
    }
    EXPECT_EQ(b.available_monthly, monthly - std::min(monthly, b.spent)) << "seed " << seed;
  }
}

TEST(credits, a_reset_takes_nothing_that_is_reserved) {
  balances b = with(100, 0);
  reservation r = held(b, 60);
  auto log = grant(b, 2, 100);
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ((*log)[0], (entry{entry_kind::expire, bucket::monthly, 40, 1, {}}));
  EXPECT_EQ(b.reserved, 60);
  EXPECT_EQ(b.available_monthly, 100);
  EXPECT_EQ(b.expired, 40);
  ASSERT_TRUE(post(b, r, 60).has_value());
  EXPECT_EQ(b.spent, 60);
  EXPECT_EQ(b.available_monthly, 100) << "the new period did not pay";
}

TEST(credits, a_reset_revives_nothing_that_is_voided_later) {
  balances b = with(100, 30);
  reservation r = held(b, 120);
  ASSERT_TRUE(grant(b, 2, 100).has_value());
  auto log = void_(b, r, 120);
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ((*log)[0], (entry{entry_kind::void_, bucket::topup, 20, 1, reservation_id{7}}));
  EXPECT_EQ((*log)[1], (entry{entry_kind::expire, bucket::monthly, 100, 1, reservation_id{7}}));
  EXPECT_EQ(b.available_monthly, 100);
  EXPECT_EQ(b.available_topup, 30);
  EXPECT_EQ(b.expired, 100);
}

TEST(credits, a_period_can_end_before_the_next_is_granted) {
  balances b = with(100, 0);
  reservation r = held(b, 60);
  ASSERT_TRUE(expire(b, 1).has_value());
  EXPECT_EQ(b.available(), 0);
  ASSERT_TRUE(void_(b, r, 10).has_value());
  EXPECT_EQ(b.available(), 0) << "its period is over";
  EXPECT_EQ(expire(b, 1).error().code, errc::wrong_state);
  EXPECT_EQ(grant(b, 1, 5).error().code, errc::wrong_state);
  ASSERT_TRUE(grant(b, 2, 100).has_value());
  EXPECT_EQ(b.available_monthly, 100);
}

TEST(credits, missed_periods_are_granted_and_expired_in_order) {
  balances b = with(100, 0);
  for (std::int32_t p = 2; p <= 13; ++p) ASSERT_TRUE(grant(b, p, 100).has_value());
  EXPECT_EQ(b.available_monthly, 100);
  EXPECT_EQ(b.expired, 1'200);
  EXPECT_TRUE(b.conserved());
}

TEST(credits, more_seats_in_mid_period_add_to_it) {
  balances b = with(100, 0);
  auto log = grant(b, 1, 50);
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ(log->size(), 1u);
  EXPECT_EQ(b.available_monthly, 150);
}

TEST(credits, a_plan_without_credits_still_begins_its_periods) {
  balances b = with(100, 0);
  ASSERT_TRUE(grant(b, 2, 0).has_value());
  EXPECT_EQ(b.period, 2);
  EXPECT_EQ(b.available(), 0);
}

TEST(credits, an_adjustment_downwards_takes_monthly_ones_first_and_never_too_many) {
  balances b = with(100, 50);
  EXPECT_EQ(adjust(b, -151).error().code, errc::credits_short);
  ASSERT_TRUE(adjust(b, -120).has_value());
  EXPECT_EQ(b.available_monthly, 0);
  EXPECT_EQ(b.available_topup, 30);
  ASSERT_TRUE(adjust(b, 5).has_value());
  EXPECT_EQ(b.available_topup, 35);
  EXPECT_EQ(b.adjusted, -115);
  EXPECT_TRUE(b.conserved());
}

TEST(credits, nothing_beyond_what_is_held_is_posted_or_voided) {
  balances b = with(100, 0);
  reservation r = held(b, 10);
  const balances before = b;
  EXPECT_EQ(post(b, r, 11).error().code, errc::wrong_state);
  EXPECT_EQ(void_(b, r, 11).error().code, errc::wrong_state);
  EXPECT_EQ(post(b, r, -1).error().code, errc::invalid_argument);
  EXPECT_EQ(void_(b, r, -1).error().code, errc::invalid_argument);
  EXPECT_EQ(b, before);
  EXPECT_TRUE(post(b, r, 0)->empty());
}

TEST(credits, amounts_are_bounded) {
  balances b;
  EXPECT_EQ(grant(b, 1, -1).error().code, errc::invalid_argument);
  EXPECT_EQ(grant(b, 0, 1).error().code, errc::invalid_argument);
  EXPECT_EQ(grant(b, 1'000'001, 1).error().code, errc::invalid_argument);
  EXPECT_EQ(buy(b, credits_max + 1).error().code, errc::invalid_argument);
  EXPECT_EQ(reserve(b, {reservation_id{1}, account, -1}).error().code, errc::invalid_argument);
  EXPECT_EQ(reserve(b, {reservation_id{0}, account, 0}).error().code, errc::invalid_argument);
  EXPECT_EQ(adjust(b, std::numeric_limits<std::int64_t>::min()).error().code, errc::invalid_argument);
  ASSERT_TRUE(buy(b, credits_max).has_value());
  EXPECT_EQ(buy(b, 1).error().code, errc::invalid_argument);
  ASSERT_TRUE(grant(b, 1, credits_max).has_value());
  ASSERT_TRUE(adjust(b, credits_max).has_value());
  EXPECT_EQ(adjust(b, 1).error().code, errc::invalid_argument);
  EXPECT_TRUE(b.conserved());
}

TEST(credits, a_repeated_reservation_is_recognised_whatever_became_of_it) {
  balances b = with(100, 0);
  reservation r = held(b, 10);
  ASSERT_TRUE(post(b, r, 4).has_value());
  ASSERT_TRUE(void_(b, r, 3).has_value());
  EXPECT_TRUE(same_request(r, {reservation_id{7}, account, 10}).has_value());
  EXPECT_EQ(same_request(r, {reservation_id{7}, account, 11}).error().code, errc::conflict);
  EXPECT_EQ(same_request(r, {reservation_id{7}, account_id{2}, 10}).error().code, errc::conflict);
}

// Random histories of one account: after every entry conserved, nothing negative, and the fold of all entries is what
// is cached, for the account and for each reservation.
TEST(credits, every_prefix_of_every_history_is_conserved) {
  for (int seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto below = [&](std::int64_t n) {
      return n <= 0 ? std::int64_t{0} : static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    balances b;
    std::map<std::int64_t, reservation> reservations;
    std::vector<entry> log;
    std::int64_t next_id = 1;
    std::map<std::int32_t, std::int64_t> spendable;  // by period: granted, at most what may ever be spent of it
    for (int step = 0; step < 400; ++step) {
      entries made;
      const balances before = b;
      const auto keep = [&](result<entries> r) {
        if (r) {
          made = *r;
        } else {
          EXPECT_EQ(b, before) << "a failure changed something";
        }
      };
      reservation* some = nullptr;
      if (!reservations.empty()) {
        some = &std::next(reservations.begin(), below(static_cast<std::int64_t>(reservations.size())))->second;
      }
      const reservation some_before = some ? *some : reservation{};
      switch (random() % 12) {
        case 0:
          keep(grant(b, b.period + static_cast<std::int32_t>(below(3)), below(1'000)));
          break;
        case 1:
          if (random() % 4 == 0) keep(expire(b, b.period - static_cast<std::int32_t>(below(2))));
          break;
        case 2:
          keep(buy(b, below(500)));
          break;
        case 3:
          keep(adjust(b, below(400) - 200));
          break;
        case 4:
        case 5:
        case 6: {
          const std::int64_t id = next_id++;
          auto r = reserve(b, {reservation_id{id}, account, below(600)});
          if (r) {
            made = r->log;
            reservations[id] = r->made;
          } else {
            EXPECT_EQ(r.error().code, errc::credits_short);
            EXPECT_EQ(b, before);
          }
          break;
        }
        case 7:
        case 8:
        case 9:
          if (some) keep(post(b, *some, below(some->held() + 2)));
          break;
        default:
          if (some) keep(void_(b, *some, below(some->held() + 2)));
          break;
      }
      if (made.empty() && some) {
        EXPECT_EQ(*some, some_before);
      }
      for (const entry& e : made) {
        log.push_back(e);
        ASSERT_GE(e.amount, e.kind == entry_kind::adjust ? -1'000 : 0);
        if (e.kind == entry_kind::grant) spendable[e.period] += e.amount;
        if (e.kind == entry_kind::post && e.from == bucket::monthly) {
          spendable[e.period] -= e.amount;
          ASSERT_GE(spendable[e.period], 0) << "a period paid for another";
        }
        if (e.kind == entry_kind::void_ && e.from == bucket::monthly) {
          ASSERT_EQ(e.period, before.period) << "an ended period was revived";
        }
      }
    }
    balances prefix;
    audit check;
    for (std::size_t i = 0; i < log.size(); ++i) {
      prefix = apply(prefix, log[i]);
      ASSERT_TRUE(prefix.conserved()) << "seed " << seed << " entry " << i;
      check.add(log[i]);
    }
    ASSERT_EQ(prefix, b) << "seed " << seed;
    ASSERT_TRUE(check.against(b).has_value()) << check.against(b).error().message;
    std::int64_t sum_held = 0;
    for (const auto& [id, r] : reservations) {
      if (r.requested() > 0) {
        ASSERT_EQ(fold_reservation(reservation_id{id}, account, log), r);
      }
      ASSERT_GE(r.monthly, 0);
      ASSERT_GE(r.topup, 0);
      sum_held += r.held();
    }
    ASSERT_EQ(sum_held, b.reserved);
  }
}

}  // namespace
}  // namespace bulkmsg::credits
