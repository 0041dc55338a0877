#include "bulkmsg/pacing/unique_limiter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>
#include <vector>

#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

constexpr nanoseconds_t hour = nanoseconds_t{3'600} * second;

TEST(unique, a_recipient_counts_once_and_leaves_after_the_window) {
  unique_limiter u(2, 24 * hour);
  u.take(1, 0);
  u.take(1, hour);
  u.take(2, 2 * hour);
  EXPECT_EQ(u.next(1, 3 * hour), 3 * hour) << "is in the count";
  EXPECT_EQ(u.next(3, 3 * hour), 25 * hour) << "when the latest message to 1 leaves the window";
  EXPECT_EQ(u.next(3, 25 * hour - 1), 25 * hour);
  u.take(3, 25 * hour);
  EXPECT_EQ(u.next(1, 25 * hour), 26 * hour) << "it is a new one now";
}

// Against the plain rule, with keys that come back, rests and jumps.
TEST(unique, agrees_with_the_naive_count) {
  for (int seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto count = static_cast<std::int64_t>(1 + random() % 30);
    const auto window = static_cast<nanoseconds_t>(1 + random() % 300);
    const std::uint64_t keys = 1 + random() % 100;
    unique_limiter u(count, window);
    std::unordered_map<std::uint64_t, nanoseconds_t> last;
    std::vector<reference::message> sent;
    nanoseconds_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t key = random() % keys;
      std::vector<nanoseconds_t> inside;
      for (const auto& [k, at] : last) {
        if (at + window > now) inside.push_back(at);
      }
      std::sort(inside.begin(), inside.end());
      const bool counted = last.contains(key) && last[key] + window > now;
      const nanoseconds_t naive = counted || static_cast<std::int64_t>(inside.size()) < count
                                      ? now
                                      : inside[inside.size() - static_cast<std::size_t>(count)] + window;
      ASSERT_EQ(u.next(key, now), naive) << "seed " << seed << " step " << i;
      if (naive == now) {
        u.take(key, now);
        last[key] = now;
        sent.push_back({now, key});
      } else if (random() % 4 == 0) {
        now = naive;
      }
      now += static_cast<nanoseconds_t>(random() % 4);
      if (random() % 500 == 0) now += 2 * window;
      if (random() % 500 == 0) now = std::max(now, sent.empty() ? 0 : sent.back().at);
    }
    ASSERT_LE(reference::most_recipients_in_a_window(sent, window), count);
  }
}

TEST(unique, saturated_it_uses_the_limit_and_wakes_once_a_recipient) {
  const nanoseconds_t day = 24 * hour;
  unique_limiter u(2'000, day);
  std::vector<reference::message> sent;
  std::size_t wake_ups = 0;
  std::uint64_t key = 1;
  for (nanoseconds_t now = 0; now < 20 * day;) {
    const nanoseconds_t at = u.next(key, now);
    if (at <= now) {
      u.take(key, now);
      sent.push_back({now, key++});
      now += key % 7;
    } else {
      now = at;
      ++wake_ups;
    }
  }
  EXPECT_GE(sent.size(), 20u * 2'000u * 99 / 100);
  EXPECT_LE(wake_ups, sent.size());
  EXPECT_EQ(reference::most_recipients_in_a_window(sent, day), 2'000);
}

// Proved refusals in any order and any time later: those that were not refused stay within the limit.
TEST(unique, refunds_in_any_order_never_let_too_many_through) {
  for (int seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto count = static_cast<std::int64_t>(1 + random() % 20);
    const auto window = static_cast<nanoseconds_t>(10 + random() % 200);
    unique_limiter u(count, window);
    struct flight {
      reference::message m;
      bool refused;
    };
    std::vector<flight> flights;
    std::vector<std::size_t> open;
    nanoseconds_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t key = random() % 60;
      if (u.next(key, now) <= now) {
        u.take(key, now);
        open.push_back(flights.size());
        flights.push_back({{now, key}, false});
      }
      while (!open.empty() && random() % 3 == 0) {
        const std::size_t pick = random() % open.size();
        flight& f = flights[open[pick]];
        f.refused = random() % 2 == 0;
        if (f.refused) u.refund(f.m.key, f.m.at);
        open[pick] = open.back();
        open.pop_back();
      }
      now += static_cast<nanoseconds_t>(random() % 3);
    }
    std::vector<reference::message> taken;
    for (const flight& f : flights) {
      if (!f.refused) taken.push_back(f.m);
    }
    ASSERT_LE(reference::most_recipients_in_a_window(taken, window), count) << "seed " << seed;
  }
}

TEST(unique, a_refused_recipient_makes_room_at_once) {
  unique_limiter u(1, hour);
  u.take(1, 0);
  u.take(1, 5);
  u.refund(1, 5);
  EXPECT_EQ(u.next(2, 10), hour + 5) << "the first message was not refused";
  u.refund(1, 0);
  EXPECT_EQ(u.next(2, 10), 10);
  u.refund(1, 0);
  u.refund(9, 0);
  EXPECT_EQ(u.tracked(), 0u);
}

TEST(unique, reopening_with_the_rows_of_the_window_goes_on_exactly) {
  for (int seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    unique_limiter u(20, 100);
    std::vector<reference::message> sent;
    nanoseconds_t now = 0;
    for (int life = 0; life < 30; ++life) {
      for (int i = 0; i < 200; ++i) {
        const std::uint64_t key = random() % 80;
        if (u.next(key, now) <= now) {
          u.take(key, now);
          sent.push_back({now, key});
        }
        now += static_cast<nanoseconds_t>(random() % 3);
      }
      unique_limiter again(20, 100);
      for (const auto& m : sent) {
        if (m.at > now - 100) again.assume(m.key, m.at);
      }
      for (std::uint64_t key = 0; key < 80; ++key) ASSERT_EQ(again.next(key, now), u.next(key, now));
      u = std::move(again);
    }
    ASSERT_LE(reference::most_recipients_in_a_window(sent, 100), 20);
  }
}

TEST(unique, a_limit_that_was_lowered_waits_until_enough_have_left) {
  unique_limiter u(2, hour);
  for (int i = 0; i < 5; ++i) u.assume(static_cast<std::uint64_t>(i), i);
  EXPECT_EQ(u.next(9, 10), hour + 3) << "4 of 5 must leave";
  EXPECT_EQ(u.next(4, 10), 10) << "in the count already";
  u.refund(4, 4);
  EXPECT_EQ(u.tracked(), 5u) << "what an earlier run sent stays";
  EXPECT_EQ(u.new_until(10, hour + 2), 0u);
  EXPECT_EQ(u.new_until(10, hour + 3), 1u);
  EXPECT_EQ(u.new_until(10, hour + 4), 2u);
}

TEST(unique, memory_follows_the_limit_not_all_time) {
  unique_limiter u(10'000, hour);
  nanoseconds_t now = 0;
  for (std::uint64_t key = 0; key < 2'000'000; ++key) {
    now = u.next(key, now);
    u.take(key, now);
  }
  EXPECT_LE(u.memory_bytes(), 10'000u * 96);
}

TEST(unique, a_clock_that_goes_back_gains_nothing) {
  unique_limiter u(1, hour);
  u.take(1, 10 * hour);
  EXPECT_EQ(u.next(2, 2 * hour), 11 * hour);
  EXPECT_EQ(u.next(1, 2 * hour), 2 * hour);
}

}  // namespace
}  // namespace bulkmsg::pacing
