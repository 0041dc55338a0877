#include "bulkmsg/pacing/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

struct shape {
  std::int64_t count;
  nanoseconds_t window;
};

const shape shapes[] = {
    {1, second},
    {2, second},
    {3, second},
    {7, 10 * millisecond},
    {80, second},
    {80, 2 * second},
    {1'000, second},
    {256, second},
    {4'096, second},
    {10'000, second},
    {16'384, second},
    {20, 60 * second},
    {50, 61 * second},
    {16'385, 10 * second},
    {50'000, second},
    {33'333, second},
    {20'000, 100 * second},
};

std::ostream& operator<<(std::ostream& out, const shape& s) { return out << s.count << " per " << s.window << " ns"; }

class rate : public testing::TestWithParam<shape> {};
INSTANTIATE_TEST_SUITE_P(shapes, rate, testing::ValuesIn(shapes));

std::vector<shape> exact_shapes() {
  std::vector<shape> out;
  for (const shape& s : shapes) {
    if (s.count <= rate_limiter::exact_count_max) out.push_back(s);
  }
  return out;
}

class exact_rate : public testing::TestWithParam<shape> {};
INSTANTIATE_TEST_SUITE_P(shapes, exact_rate, testing::ValuesIn(exact_shapes()));

// Steps of every size around what matters: nothing, a nanosecond, an interval, a window, far beyond.
nanoseconds_t adversarial_step(std::mt19937_64& random, const shape& s) {
  const nanoseconds_t interval = s.window / s.count;
  switch (random() % 12) {
    case 0:
    case 1:
    case 2:
      return 0;
    case 3:
      return 1;
    case 4:
      return static_cast<nanoseconds_t>(random() % static_cast<std::uint64_t>(s.window));
    case 5:
      return random() % 200 == 0 ? s.window - 1 : interval;
    case 6:
      return random() % 200 == 0 ? s.window : interval + 1;
    case 7:
      return random() % 2'000 == 0 ? 3 * s.window + 1 : 0;
    default:
      return static_cast<nanoseconds_t>(random() % static_cast<std::uint64_t>(2 * interval + 2));
  }
}

TEST_P(rate, no_window_ever_holds_more) {
  const shape s = GetParam();
  for (int seed = 1; seed <= 4; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    rate_limiter r(s.count, s.window);
    std::vector<nanoseconds_t> takes;
    nanoseconds_t now = -static_cast<nanoseconds_t>(random() % 1'000) * second;
    for (int i = 0; i < 200'000; ++i) {
      const nanoseconds_t at = r.next(now);
      if (at <= now) {
        r.take(now);
        takes.push_back(now);
      } else if (random() % 2 == 0) {
        now = at;  // a greedy sender
        continue;
      }
      now += adversarial_step(random, s);
    }
    ASSERT_FALSE(reference::overrun(takes, s.count, s.window).has_value()) << s << " seed " << seed;
    ASSERT_LE(reference::most_in_a_window(takes, s.window), s.count);
  }
}

TEST_P(rate, saturated_it_uses_the_limit) {
  const shape s = GetParam();
  rate_limiter r(s.count, s.window);
  std::vector<nanoseconds_t> takes;
  nanoseconds_t now = 0;
  while (now < 50 * s.window && takes.size() < 2'000'000) {
    now = r.next(now);
    ASSERT_EQ(r.next(now), now);
    r.take(now);
    takes.push_back(now);
  }
  const double possible = static_cast<double>(s.count) * static_cast<double>(now) / static_cast<double>(s.window);
  EXPECT_GE(static_cast<double>(takes.size()), 0.99 * possible) << s;
  EXPECT_FALSE(reference::overrun(takes, s.count, s.window).has_value()) << s;
}

TEST_P(rate, late_timers_cost_next_to_nothing) {
  const shape s = GetParam();
  std::mt19937_64 random(5);
  rate_limiter r(s.count, s.window);
  const nanoseconds_t late_max = std::max<nanoseconds_t>(1, s.window / s.count / 2);
  std::vector<nanoseconds_t> takes;
  nanoseconds_t now = 0;
  while (now < 20 * s.window && takes.size() < 500'000) {
    const nanoseconds_t at = r.next(now);
    if (at > now) now = at + static_cast<nanoseconds_t>(random() % static_cast<std::uint64_t>(late_max));
    r.take(now);
    takes.push_back(now);
  }
  const double possible = static_cast<double>(s.count) * static_cast<double>(now) / static_cast<double>(s.window);
  // The ring takes up what a wake-up was late, window after window; a single permit in a window cannot be early.
  if (s.count >= 80) {
    EXPECT_GE(static_cast<double>(takes.size()), 0.99 * possible) << s;
  }
  EXPECT_FALSE(reference::overrun(takes, s.count, s.window).has_value()) << s;
}

TEST_P(rate, the_next_time_is_exact) {
  const shape s = GetParam();
  std::mt19937_64 random(3);
  rate_limiter r(s.count, s.window);
  nanoseconds_t now = 0;
  for (int i = 0; i < 50'000; ++i) {
    const nanoseconds_t at = r.next(now);
    if (at > now) {
      ASSERT_EQ(r.next(at - 1), at);
      ASSERT_EQ(r.next(at), at);
      ASSERT_EQ(r.next(at + 1), at + 1);
      now = at;
    }
    r.take(now);
    now += adversarial_step(random, s);
  }
}

// The same decision by counting and by the pace as it is described, wherever every take has its own slot.
TEST_P(exact_rate, agrees_with_the_naive_limiter) {
  const shape s = GetParam();
  std::mt19937_64 random(11);
  rate_limiter r(s.count, s.window);
  std::vector<nanoseconds_t> takes;
  const nanoseconds_t interval = s.window <= rate_limiter::smooth_window_max ? s.window / s.count : 0;
  const nanoseconds_t gentle = std::max(interval, rate_limiter::smooth_gentle);
  const nanoseconds_t most = gentle + std::max(interval, rate_limiter::smooth_burst);
  const nanoseconds_t together = std::max(interval, rate_limiter::smooth_together);
  nanoseconds_t due = long_ago;     // on pace
  nanoseconds_t gently = long_ago;  // at 5/4 of it
  nanoseconds_t now = 0;
  for (int i = 0; i < 100'000; ++i) {
    const bool spread_out = interval > 0 && now - due < gentle;
    nanoseconds_t naive = std::max(now, spread_out ? std::min(gently - together, due + gentle) : long_ago);
    if (interval > 0) naive = std::max(naive, due);
    const auto n = static_cast<std::size_t>(s.count);
    if (takes.size() >= n) naive = std::max(naive, takes[takes.size() - n] + s.window);
    const nanoseconds_t at = r.next(now);
    ASSERT_EQ(at, naive) << s << " step " << i;
    if (at <= now || random() % 2 == 0) {
      now = at;
      r.take(now);
      takes.push_back(now);
      if (now - due > most + rate_limiter::rest) due = now - together;
      due = std::max(due, now - most) + interval;
      gently = std::max(gently, now) + interval - interval / 5;
    }
    now += adversarial_step(random, s);
  }
}

TEST_P(rate, the_bound_on_claims_holds_and_is_tight) {
  const shape s = GetParam();
  std::mt19937_64 random(17);
  rate_limiter r(s.count, s.window);
  nanoseconds_t now = 0;
  const nanoseconds_t lengths[] = {0, 1, s.window / s.count, s.window / 10, s.window - 1, s.window, 2 * s.window + 1};
  for (int i = 0; i < 300; ++i) {
    const nanoseconds_t until = now + lengths[random() % 7];
    const std::uint64_t bound = r.allowed_until(now, until);
    rate_limiter copy = r;
    std::uint64_t granted = 0;
    for (nanoseconds_t t = copy.next(now); t <= until && granted < 200'000; t = copy.next(t)) {
      copy.take(t);
      ++granted;
    }
    if (granted == 200'000) break;
    ASSERT_LE(granted, bound) << s;
    if (until - now < s.window) {
      ASSERT_LE(bound, granted + static_cast<std::uint64_t>(s.count / 1'000 + 1)) << s << " " << until - now;
    }
    for (std::uint64_t k = random() % (2 + static_cast<std::uint64_t>(s.count)); k > 0; --k) {
      now = r.next(now);
      r.take(now);
    }
    now += adversarial_step(random, s);
  }
}

TEST_P(rate, a_clock_that_goes_back_gains_nothing) {
  const shape s = GetParam();
  std::mt19937_64 random(23);
  rate_limiter r(s.count, s.window);
  std::vector<nanoseconds_t> takes;  // on the clock as the latest time of a take
  nanoseconds_t now = 0;
  nanoseconds_t latest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const nanoseconds_t at = r.next(now);
    if (at <= now) {
      latest = std::max(latest, now);
      r.take(now);
      takes.push_back(latest);
    }
    now += random() % 100 == 0 ? -static_cast<nanoseconds_t>(random() % static_cast<std::uint64_t>(2 * s.window))
                               : adversarial_step(random, s);
  }
  EXPECT_FALSE(reference::overrun(takes, s.count, s.window).has_value()) << s;
}

TEST_P(rate, refunds_in_any_order_never_let_too_many_through) {
  const shape s = GetParam();
  std::mt19937_64 random(29);
  rate_limiter r(s.count, s.window);
  std::multiset<nanoseconds_t> sent;
  std::vector<nanoseconds_t> open;  // takes that may still fail
  nanoseconds_t now = 0;
  for (int i = 0; i < 100'000; ++i) {
    now = r.next(now);
    r.take(now);
    open.push_back(now);
    sent.insert(now);
    if (random() % 3 == 0) {
      const std::size_t which = random() % open.size();
      r.refund(open[which]);
      sent.erase(sent.find(open[which]));
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    if (open.size() > 20) open.erase(open.begin());
    if (random() % 2 == 0) now += adversarial_step(random, s);
  }
  EXPECT_FALSE(reference::overrun({sent.begin(), sent.end()}, s.count, s.window).has_value()) << s;
}

TEST_P(rate, reopening_counts_what_may_have_been_sent) {
  const shape s = GetParam();
  for (int seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    std::vector<nanoseconds_t> takes;
    rate_limiter before(s.count, s.window);
    nanoseconds_t now = 0;
    const std::uint64_t n = random() % (3 * static_cast<std::uint64_t>(s.count));
    for (std::uint64_t i = 0; i < n; ++i) {
      now = before.next(now);
      before.take(now);
      takes.push_back(now);
    }
    rate_limiter after(s.count, s.window);
    for (std::size_t i = 0; i < takes.size();) {  // in ranges, each at the time of its last
      const std::size_t end = std::min(takes.size(), i + 1 + random() % 100);
      after.assume(takes[end - 1], static_cast<std::int64_t>(end - i));
      i = end;
    }
    for (std::int64_t i = 0; i < 2 * s.count; ++i) {
      now = after.next(now);
      after.take(now);
      takes.push_back(now);
    }
    ASSERT_FALSE(reference::overrun(takes, s.count, s.window).has_value()) << s << " seed " << seed;
  }
}

TEST(rate_limiter, a_refund_gives_the_permit_back_at_once) {
  for (const shape s : {shape{10, 3'600 * second}, shape{100'000, 24 * 3'600 * second}}) {
    rate_limiter r(s.count, s.window);
    for (std::int64_t i = 0; i < s.count; ++i) r.take(i);
    ASSERT_GT(r.next(s.count), s.count);
    r.refund(s.count - 3);
    EXPECT_EQ(r.next(s.count), s.count);
    r.take(s.count);
    EXPECT_GT(r.next(s.count), s.count);
  }
}

TEST(rate_limiter, a_refund_of_what_was_never_taken_does_nothing) {
  rate_limiter r(1, 3'600 * second);
  r.refund(0);
  r.take(5);
  r.refund(6);
  r.refund(std::numeric_limits<nanoseconds_t>::max());
  EXPECT_EQ(r.next(7), 5 + 3'600 * second);
  r.refund(5);
  r.refund(5);
  EXPECT_EQ(r.next(7), 7);
}

TEST(rate_limiter, a_refund_after_assume_does_not_open_a_gap) {
  rate_limiter r(5, 3'600 * second);
  r.take(1);
  r.assume(2, 5);
  r.refund(1);
  EXPECT_EQ(r.next(3), 2 + 3'600 * second);
}

TEST(rate_limiter, a_thread_held_up_for_9_ms_ten_times_a_second_loses_nothing) {
  rate_limiter r(1'000, second);
  std::vector<nanoseconds_t> takes;
  nanoseconds_t now = 0;
  while (now < 10 * second) {
    now = r.next(now);
    if (now % (100 * millisecond) >= 91 * millisecond) now += 100 * millisecond - now % (100 * millisecond);
    r.take(now);
    takes.push_back(now);
  }
  EXPECT_GE(takes.size(), 9'990u);
  EXPECT_EQ(reference::most_in_a_window(takes, second), 1'000);
}

TEST(rate_limiter, a_daily_budget_is_not_spread) {
  rate_limiter r(100'000, 24 * 3'600 * second);
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(r.next(i), i);
    r.take(i);
  }
  EXPECT_GE(r.next(100'000), 24 * 3'600 * second);
  EXPECT_LE(r.next(100'000), 24 * 3'600 * second + 100);
}

TEST(rate_limiter, the_first_after_a_rest_are_two_then_one_an_interval) {
  rate_limiter r(80, second);
  r.take(0);
  EXPECT_EQ(r.next(0), 0);
  r.take(0);
  EXPECT_EQ(r.next(0), 12'500'000);
}

TEST(rate_limiter, a_fast_rate_lets_several_go_per_wake_up) {
  rate_limiter r(10'000, second);
  int together = 0;
  for (; r.next(0) <= 0; ++together) r.take(0);
  EXPECT_EQ(together, 11);
}

// How many a greedy sender takes in each of `count` steps from `from` on.
std::vector<int> taken_in(rate_limiter& r, nanoseconds_t from, nanoseconds_t step, int count) {
  std::vector<int> taken(static_cast<std::size_t>(count));
  const nanoseconds_t end = from + step * count;
  for (auto at = r.next(from); at < end; at = r.next(at)) {
    r.take(at);
    ++taken[static_cast<std::size_t>((at - from) / step)];
  }
  return taken;
}

TEST(rate_limiter, what_was_missed_is_made_up_gently_and_no_window_brings_a_burst_back) {
  for (const std::int64_t per_s : {1'000, 10'000, 40'000}) {
    rate_limiter r(per_s, second);
    const auto a_ms = static_cast<double>(per_s) / 1'000;
    std::int64_t sent = 0;
    nanoseconds_t now = 0;
    for (const nanoseconds_t held : {15, 0, 4, 0, 0}) {  // in ms, at the beginning of each second
      if (held > 0) {
        sent += taken_in(r, now, millisecond, 1).front();
        now += held * millisecond;
      }
      const int left = static_cast<int>((second - now % second) / millisecond);
      const auto taken = taken_in(r, now, millisecond, left);
      for (const int n : taken) {
        EXPECT_LE(n, 2.5 * a_ms + 1) << per_s;  // what goes together, and a millisecond at 5/4
        sent += n;
      }
      for (std::size_t i = 0; i + 8 < taken.size(); ++i) {
        EXPECT_LE(std::accumulate(taken.begin() + static_cast<std::ptrdiff_t>(i),
                                  taken.begin() + static_cast<std::ptrdiff_t>(i) + 8, 0),
                  11.25 * a_ms + 1)
            << per_s;
      }
      now += left * millisecond;
    }
    EXPECT_GE(static_cast<double>(sent), 0.998 * 5 * static_cast<double>(per_s)) << per_s;
  }
}

TEST(rate_limiter, a_thread_whose_every_timer_is_late_loses_nothing) {
  for (const std::int64_t per_s : {80, 250, 1'000, 20'000}) {
    for (const nanoseconds_t late : {nanoseconds_t{2}, nanoseconds_t{5}, nanoseconds_t{9}}) {
      rate_limiter r(per_s, second);
      std::int64_t sent = 0;
      nanoseconds_t now = 0;
      while (now < 20 * second) {
        if (const auto at = r.next(now); at > now) now = at + late * millisecond;
        r.take(now);
        ++sent;
      }
      EXPECT_GE(static_cast<double>(sent), 0.99 * 20 * static_cast<double>(per_s)) << per_s << " late " << late;
    }
  }
}

TEST(rate_limiter, what_left_late_counts_from_there_and_is_given_back_as_it_left) {
  for (const std::int64_t count : {std::int64_t{1}, std::int64_t{2}, std::int64_t{80}, std::int64_t{40'000}}) {
    rate_limiter r(count, second);
    nanoseconds_t now = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      now = r.next(now);
      r.take(now);
    }
    now += 50 * millisecond;
    r.left_by(now);
    // Of as many more the last comes a window after the one that left late.
    nanoseconds_t at = now;
    for (std::int64_t i = 0; i < count; ++i) {
      at = r.next(at);
      r.take(at);
    }
    EXPECT_GE(at, now + second) << count;
  }
  rate_limiter r(1, second);
  r.take(0);
  r.left_by(50 * millisecond);
  EXPECT_EQ(r.next(0), 1050 * millisecond);
  r.refund(50 * millisecond);
  EXPECT_EQ(r.next(60 * millisecond), 60 * millisecond);
}

TEST(rate_limiter, arguments_out_of_range_are_survived) {
  for (const std::int64_t n : {std::numeric_limits<std::int64_t>::min(), std::int64_t{0}, std::int64_t{-1}}) {
    rate_limiter r(n, n);
    EXPECT_EQ(r.count(), 1);
    r.assume(0, n);
    EXPECT_EQ(r.next(0), 0);
  }
  rate_limiter r(std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max());
  r.assume(0, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(r.next(0), limit_window_max);
  EXPECT_EQ(r.allowed_until(0, 1), 0u);
  EXPECT_GT(r.allowed_until(0, std::numeric_limits<nanoseconds_t>::max()), 0u);
}

}  // namespace
}  // namespace bulkmsg::pacing
