#include "net/io_thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <future>
#include <thread>
#include <vector>

namespace bulkmsg::net {
namespace {

TEST(io_thread, runs_tasks_in_the_order_posted_and_all_before_it_stops) {
  std::vector<int> seen;
  io_thread io;
  for (int i = 0; i < 1000; ++i) io.post([&seen, i] { seen.push_back(i); });
  io.stop();
  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(io_thread, takes_posts_from_many_threads) {
  io_thread io;
  int count = 0;  // the I/O thread's
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) io.post([&count] { ++count; });
    });
  }
  for (std::thread& t : threads) t.join();
  io.stop();
  EXPECT_EQ(count, 40'000);
}

TEST(io_thread, call_waits_and_carries_exceptions_back) {
  io_thread io;
  int value = 0;
  io.call([&] {
    EXPECT_TRUE(io.on_thread());
    io.call([&] { value = 1; });  // inside it, at once
  });
  EXPECT_EQ(value, 1);
  EXPECT_THROW(io.call([] { throw std::runtime_error("x"); }), std::runtime_error);
  io.stop();
  io.call([&] { value = 2; });
  EXPECT_EQ(value, 2) << "after the thread has gone it runs in the caller";
}

TEST(io_thread, a_task_that_throws_does_not_end_the_loop) {
  io_thread io;
  io.post([] { throw std::runtime_error("a bug"); });
  io.call([] {});
  EXPECT_EQ(io.task_failures(), 1U);
}

TEST(io_thread, has_a_name_and_takes_no_signals) {
  io_thread io;
  io.call([] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    EXPECT_STREQ(name, "bulkmsg-io");
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
  });
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0) << "the caller's mask is as before";
}

TEST(io_thread, timers_fire_in_order_and_never_early) {
  io_thread io;
  std::promise<void> done;
  std::vector<int> order;
  std::vector<std::unique_ptr<timer>> timers(3);
  io.call([&] {
    const nanoseconds_t now = io.time().now();
    for (int i = 0; i < 3; ++i) {
      timers[static_cast<std::size_t>(i)] = io.make_timer();
      const nanoseconds_t at = now + (3 - i) * 3 * millisecond;
      timers[static_cast<std::size_t>(i)]->arm(at, [&, i, at] {
        EXPECT_GE(io.time().now(), at);
        order.push_back(i);
        if (order.size() == 3) done.set_value();
      });
    }
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{2, 1, 0}));
  io.call([&] { timers.clear(); });
}

TEST(io_thread, arming_again_replaces_time_and_task_both_ways) {
  io_thread io;
  std::promise<int> first;
  std::unique_ptr<timer> t;
  int fired = 0;
  io.call([&] {
    t = io.make_timer();
    const nanoseconds_t now = io.time().now();
    t->arm(now + 3600 * second, [&] { first.set_value(1); });
    t->arm(now + 2 * millisecond, [&] { FAIL(); });  // sooner
    t->arm(now + 8 * millisecond, [&, now] {         // later again: the sooner wait must not run it
      EXPECT_GE(io.time().now(), now + 8 * millisecond);
      ++fired;
      first.set_value(2);
    });
  });
  EXPECT_EQ(first.get_future().get(), 2);
  std::promise<void> second_one;
  io.call([&] { t->arm(0, [&] { second_one.set_value(); }); });  // in the past: at once, and the timer can be reused
  second_one.get_future().wait();
  EXPECT_EQ(fired, 1);
  io.call([&] { t.reset(); });
}

TEST(io_thread, a_cancelled_or_destroyed_timer_stays_silent) {
  io_thread io;
  io.call([&] {
    const auto cancelled = io.make_timer();
    cancelled->arm(0, [] { FAIL(); });
    cancelled->cancel();
    io.make_timer()->arm(0, [] { FAIL(); });
  });
  std::promise<void> later;
  std::unique_ptr<timer> t;
  io.call([&] {
    t = io.make_timer();
    t->arm(io.time().now() + 5 * millisecond, [&] { later.set_value(); });
  });
  later.get_future().wait();
  io.call([&] { t.reset(); });
}

TEST(io_thread, a_task_may_destroy_its_own_timer) {
  io_thread io;
  std::promise<void> done;
  std::unique_ptr<timer> t;
  io.call([&] {
    t = io.make_timer();
    t->arm(0, [&] {
      t.reset();
      done.set_value();
    });
  });
  done.get_future().wait();
}

TEST(io_thread, stops_with_timers_armed) {
  io_thread io;
  std::unique_ptr<timer> t;
  io.call([&] {
    t = io.make_timer();
    t->arm(io.time().now() + 3600 * second, [] {});
  });
  io.stop();
  io.stop();
  t.reset();
}

}  // namespace
}  // namespace bulkmsg::net
