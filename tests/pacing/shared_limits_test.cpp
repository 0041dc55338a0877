#include "bulkmsg/pacing/shared_limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "bulkmsg/pacing/permit.hpp"
#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

constexpr nanoseconds_t hour = nanoseconds_t{3'600} * second;

permits make(std::string_view text) { return permits(parse_limits(text).value()); }

std::shared_ptr<shared_limits> shared(std::string_view text) {
  return std::make_shared<shared_limits>(limit_set(parse_limits(text).value()));
}

TEST(shared_limits, senders_of_one_portfolio_count_together) {
  auto portfolio = shared("2 recipients/24h");
  permits a = make("1000/s");
  permits b = make("1000/s");
  a.share(portfolio);
  b.share(portfolio);
  EXPECT_TRUE(a.take(0, 1).granted);
  EXPECT_TRUE(b.take(0, 2).granted);
  EXPECT_TRUE(b.take(1, 1).granted) << "a's recipient is in the count for b, too";
  const decision d = a.take(10, 3);
  EXPECT_FALSE(d.granted);
  EXPECT_EQ(to_string(*d.by), "2 recipients/24h");
  EXPECT_EQ(d.next, 24 * hour);
  EXPECT_TRUE(a.take(10, addressee(3, true)).granted) << "its conversation is open";
  EXPECT_EQ(a.new_recipients_until(10, hour), 0u);
  b.refused(0, 2);
  EXPECT_TRUE(a.take(10 * millisecond, 3).granted) << "a proved refusal is uncounted";
}

TEST(shared_limits, a_refusal_takes_nothing_anywhere) {
  auto account = shared("1/1h");
  permits a = make("3/1h; in-flight=3");
  permits b = make("in-flight=1");
  a.share(account);
  b.share(account);
  EXPECT_TRUE(b.take(0).granted);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(a.take(i).granted);
  EXPECT_EQ(a.in_flight_count(), 0);
  b.refund(0);
  EXPECT_TRUE(a.take(20).granted);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(b.take(hour).granted);
}

// Others have taken since: it is not their take that is given back.
TEST(shared_limits, what_left_late_is_given_back_from_when_it_was_granted) {
  auto account = shared("2/s");
  permits a = make("1000/s");
  permits b = make("1000/s");
  a.share(account);
  b.share(account);
  EXPECT_TRUE(a.take(0).granted);
  EXPECT_TRUE(b.take(20 * millisecond).granted);
  a.left_by(10 * millisecond);
  a.refund(0, 10 * millisecond, {});
  EXPECT_TRUE(a.take(500 * millisecond).granted);
  EXPECT_EQ(a.take(second).next, second + 20 * millisecond);
}

TEST(shared_limits, room_in_a_shared_flight_wakes_who_waits_for_it) {
  auto account = shared("in-flight=1");
  int woken_a = 0;
  int woken_b = 0;
  permits a = make("80/s");
  a.share(account, [&] { ++woken_a; });
  {
    permits b = make("80/s");
    b.share(account, [&] { ++woken_b; });
    EXPECT_TRUE(a.take(0).granted);
    EXPECT_EQ(b.take(0).next, only_by_release);
    a.release();
    EXPECT_EQ(woken_b, 1);
    EXPECT_EQ(woken_a, 0) << "did not wait";
    EXPECT_TRUE(b.take(0).granted);
    EXPECT_EQ(a.take(second).next, only_by_release);
    b.refund(0);
    EXPECT_EQ(woken_a, 1);
    EXPECT_TRUE(a.take(second).granted);
    EXPECT_EQ(b.take(second).next, only_by_release);
  }
  a.release();
  EXPECT_EQ(woken_b, 1) << "it is gone";
}

TEST(shared_limits, throttling_of_the_account_slows_all) {
  auto account = shared("100/s");
  permits a = make("1000/s");
  permits b = make("1000/s");
  a.share(account);
  b.share(account);
  EXPECT_TRUE(a.take(0).granted);
  account->throttled(0, millisecond, 5 * second);
  EXPECT_GE(b.take(second).next, 5 * second);
  EXPECT_EQ(b.take(second).by, nullptr);
}

TEST(shared_limits, joining_twice_is_joining_once) {
  auto account = shared("2/1h");
  permits a = make("1000/s");
  a.share(account);
  a.share(account);
  EXPECT_TRUE(a.take(0).granted);
  EXPECT_TRUE(a.take(0).granted);
  EXPECT_FALSE(a.take(1).granted);
}

TEST(shared_limits, members_may_move) {
  auto one = shared("1/1h");
  auto two = shared("1/2h");
  std::vector<permits> senders;
  for (int i = 0; i < 5; ++i) {
    permits p = make("1000/s");
    p.share(i % 2 == 0 ? one : two);
    p.share(i % 2 == 0 ? two : one);
    senders.push_back(std::move(p));
  }
  EXPECT_TRUE(senders[3].take(0).granted);
  for (auto& s : senders) EXPECT_EQ(s.take(0).next, 2 * hour);
}

// Eight threads, each with a sender of its own, on two shared objects; all ask at the same virtual instant until each
// is refused, then time moves to the earliest next one.
TEST(shared_limits, eight_threads_never_pass_a_limit_and_use_it) {
  constexpr int threads = 8;
  auto portfolio = shared("5000/s; 3000 recipients/24h; in-flight=900");
  auto account = shared("777/100ms; 1/3ms per recipient,burst=2");
  nanoseconds_t now = 0;
  std::vector<nanoseconds_t> next(threads);
  std::vector<reference::message> sent;
  std::mutex sent_lock;
  std::atomic<int> open = 0;
  std::atomic<int> most_open = 0;
  std::barrier all(threads, [&]() noexcept {
    const nanoseconds_t earliest = *std::min_element(next.begin(), next.end());
    now = earliest == only_by_release ? now + millisecond : std::max(now + 1, earliest);
  });
  const nanoseconds_t end = 2 * second;
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      std::mt19937_64 random(static_cast<std::uint64_t>(t));
      permits mine = make(t % 2 == 0 ? "1000/s; in-flight=200" : "in-flight=100");
      mine.share(t % 2 == 0 ? portfolio : account);
      mine.share(t % 2 == 0 ? account : portfolio);
      int flights = 0;
      while (now < end) {
        next[static_cast<std::size_t>(t)] = now;
        for (;;) {
          const std::uint64_t key = 1 + random() % 9'000;
          const decision d = mine.take(now, key);
          if (!d.granted) {
            const bool other_may = d.this_recipient || (d.by != nullptr && d.by->kind == limit_kind::recipients);
            if (other_may) continue;
            next[static_cast<std::size_t>(t)] = d.next;
            break;
          }
          most_open = std::max(most_open.load(), ++open);
          if (random() % 50 == 0) {
            --open;
            mine.refund(now, key);
          } else {
            ++flights;
            const std::lock_guard hold(sent_lock);
            sent.push_back({now, key});
          }
        }
        for (; flights > 0; --flights) {
          --open;
          mine.release();
        }
        if (next[static_cast<std::size_t>(t)] == only_by_release) next[static_cast<std::size_t>(t)] = now + 1;
        all.arrive_and_wait();
      }
    });
  }
  for (auto& t : running) t.join();
  std::vector<nanoseconds_t> times;
  for (const auto& m : sent) times.push_back(m.at);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_FALSE(reference::overrun(times, 5'000, second).has_value());
  EXPECT_FALSE(reference::overrun(times, 777, 100 * millisecond).has_value());
  EXPECT_LE(reference::most_recipients_in_a_window(sent, 24 * hour), 3'000);
  EXPECT_LE(most_open, 900);
  EXPECT_GE(sent.size(), 5'000u * 2 * 99 / 100);
}

}  // namespace
}  // namespace bulkmsg::pacing
