#include "bulkmsg/pacing/waiting_recipients.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace bulkmsg::pacing {
namespace {

TEST(waiting_recipients, the_earliest_comes_first_and_equals_in_order) {
  std::mt19937_64 random(1);
  waiting_recipients<int> w(10'000);
  std::vector<std::pair<nanoseconds_t, int>> all;
  for (int i = 0; i < 10'000; ++i) {
    all.emplace_back(static_cast<nanoseconds_t>(random() % 100), i);
    ASSERT_TRUE(w.push(static_cast<std::uint64_t>(i), all.back().first, i));
  }
  std::sort(all.begin(), all.end());
  for (const auto& [until, i] : all) {
    ASSERT_EQ(w.next(), until);
    ASSERT_EQ(w.front(), i);
    ASSERT_EQ(w.pop(0), i);
  }
  EXPECT_TRUE(w.empty());
  EXPECT_EQ(w.next(), only_by_release);
}

TEST(waiting_recipients, messages_of_one_recipient_keep_their_order_and_ask_once) {
  waiting_recipients<int> w(10);
  EXPECT_TRUE(w.push(7, 100, 1));
  EXPECT_TRUE(w.waits(7));
  EXPECT_TRUE(w.push(7, 0, 2));
  EXPECT_TRUE(w.push(8, 150, 9));
  EXPECT_EQ(w.next(), 100) << "behind the first one";
  EXPECT_EQ(w.pop(200), 1);
  EXPECT_EQ(w.pop(0), 9);
  EXPECT_EQ(w.next(), 200);
  w.again(300);
  EXPECT_EQ(w.next(), 300);
  EXPECT_EQ(w.pop(0), 2);
  EXPECT_FALSE(w.waits(7));
}

TEST(waiting_recipients, is_bounded_and_holds_what_only_moves) {
  waiting_recipients<std::unique_ptr<int>> w(2);
  EXPECT_TRUE(w.push(1, 2, std::make_unique<int>(2)));
  EXPECT_TRUE(w.push(2, 1, std::make_unique<int>(1)));
  EXPECT_FALSE(w.push(3, 0, std::make_unique<int>(0)));
  EXPECT_FALSE(w.waits(3));
  EXPECT_EQ(*w.pop(0), 1);
  EXPECT_TRUE(w.push(1, 0, std::make_unique<int>(3)));
  std::vector<int> left;
  w.drain([&](std::uint64_t key, std::unique_ptr<int> p) {
    EXPECT_EQ(key, 1u);
    left.push_back(*p);
  });
  EXPECT_EQ(left, (std::vector<int>{2, 3}));
  EXPECT_TRUE(w.empty());
}

// Against a map of queues.
TEST(waiting_recipients, random_use_loses_nothing) {
  std::mt19937_64 random(1);
  waiting_recipients<int> w(100);
  std::map<std::uint64_t, std::vector<int>> naive;
  std::size_t size = 0;
  for (int i = 0; i < 200'000; ++i) {
    if (random() % 2 == 0) {
      const std::uint64_t key = random() % 20;
      const bool kept = w.push(key, static_cast<nanoseconds_t>(random() % 1'000), i);
      ASSERT_EQ(kept, size < 100);
      if (kept) naive[key].push_back(i), ++size;
    } else if (!w.empty()) {
      if (random() % 3 == 0) {
        w.again(w.next() + 10);
        continue;
      }
      auto& q = naive[w.key()];
      ASSERT_FALSE(q.empty());
      ASSERT_EQ(w.pop(static_cast<nanoseconds_t>(random() % 1'000)), q.front());
      q.erase(q.begin());
      --size;
    }
    ASSERT_EQ(w.size(), size);
  }
}

}  // namespace
}  // namespace bulkmsg::pacing
