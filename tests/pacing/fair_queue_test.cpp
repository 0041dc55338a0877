#include "bulkmsg/pacing/fair_queue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace bulkmsg::pacing {
namespace {

const auto always = [](std::int64_t) { return true; };

TEST(fair, equal_weights_take_turns) {
  fair_queue q;
  for (int id : {1, 2, 3}) q.add(id);
  std::vector<std::int64_t> order;
  for (int i = 0; i < 6; ++i) {
    order.push_back(*q.next(always));
    q.served(order.back());
  }
  EXPECT_EQ(order, (std::vector<std::int64_t>{1, 2, 3, 1, 2, 3}));
}

// At every moment each has its share of what was sent, to a message or two per campaign.
TEST(fair, weights_are_kept_at_every_moment) {
  for (int seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    fair_queue q;
    std::map<std::int64_t, std::int64_t> weight;
    std::map<std::int64_t, std::int64_t> sent;
    std::int64_t weights = 0;
    const auto campaigns = static_cast<std::int64_t>(1 + random() % 20);
    for (std::int64_t id = 1; id <= campaigns; ++id) {
      weight[id] = static_cast<std::int64_t>(1 + random() % (seed % 2 == 0 ? 16 : 1'000));
      weights += weight[id];
      q.add(id, {.weight = weight[id]});
    }
    for (std::int64_t n = 1; n <= 20'000; ++n) {
      const auto id = q.next(always);
      ASSERT_TRUE(id.has_value());
      q.served(*id);
      ++sent[*id];
      for (const auto& [each, w] : weight) {
        const double due = static_cast<double>(n) * static_cast<double>(w) / static_cast<double>(weights);
        // Strides are whole numbers: large weights are off by up to 1/720.
        ASSERT_LE(std::abs(static_cast<double>(sent[each]) - due), 1.0 + static_cast<double>(campaigns) + due / 700)
            << "seed " << seed;
      }
    }
  }
}

TEST(fair, a_blocked_one_is_passed_over_and_catches_up_with_nothing) {
  fair_queue q;
  q.add(1);
  q.add(2);
  const auto only_two = [](std::int64_t id) { return id == 2; };
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(q.next(only_two), 2);
    q.served(2);
  }
  std::map<std::int64_t, int> sent;
  for (int i = 0; i < 100; ++i) {
    const auto id = *q.next(always);
    q.served(id);
    ++sent[id];
  }
  EXPECT_LE(sent[1], 51);
  EXPECT_GE(sent[1], 49);
}

TEST(fair, one_that_joins_late_is_not_served_first_for_long) {
  fair_queue q;
  q.add(1);
  for (int i = 0; i < 1'000'000; ++i) q.served(1);
  q.add(2);
  std::map<std::int64_t, int> sent;
  for (int i = 0; i < 10; ++i) {
    const auto id = *q.next(always);
    q.served(id);
    ++sent[id];
  }
  EXPECT_EQ(sent[1], 5);
}

TEST(fair, urgent_ones_never_wait_behind_others) {
  std::mt19937_64 random(1);
  fair_queue q;
  for (std::int64_t id = 1; id <= 6; ++id) q.add(id, {.weight = id, .urgent = id > 4});
  std::set<std::int64_t> ready;
  for (int i = 0; i < 50'000; ++i) {
    const std::int64_t flip = static_cast<std::int64_t>(1 + random() % 6);
    if (!ready.erase(flip)) ready.insert(flip);
    const auto id = q.next([&](std::int64_t c) { return ready.contains(c); });
    ASSERT_EQ(id.has_value(), !ready.empty());
    if (!id) continue;
    ASSERT_TRUE(ready.contains(*id));
    if (ready.contains(5) || ready.contains(6)) {
      ASSERT_GT(*id, 4);
    }
    q.served(*id);
  }
}

TEST(fair, two_urgent_ones_share_by_weight) {
  fair_queue q;
  q.add(1, {.weight = 1'000});
  q.add(2, {.weight = 3, .urgent = true});
  q.add(3, {.weight = 1, .urgent = true});
  std::map<std::int64_t, int> sent;
  for (int i = 0; i < 400; ++i) {
    const auto id = *q.next(always);
    q.served(id);
    ++sent[id];
  }
  EXPECT_EQ(sent[1], 0);
  EXPECT_NEAR(sent[2], 300, 1);
}

TEST(fair, what_was_not_sent_keeps_its_turn) {
  fair_queue q;
  q.add(1);
  q.add(2);
  q.served(1);
  q.unserved(1);
  q.served(2);
  EXPECT_EQ(q.next(always), 1);
}

TEST(fair, shares_change_and_campaigns_leave) {
  fair_queue q;
  q.add(1);
  q.add(2, {.weight = -5});
  q.add(1, {.urgent = true});
  q.served(1);
  EXPECT_EQ(q.next(always), 1);
  EXPECT_TRUE(q.has(1));
  q.remove(1);
  q.served(1);
  EXPECT_FALSE(q.has(1));
  EXPECT_EQ(q.next(always), 2);
  q.remove(2);
  EXPECT_EQ(q.next(always), std::nullopt);
}

}  // namespace
}  // namespace bulkmsg::pacing
