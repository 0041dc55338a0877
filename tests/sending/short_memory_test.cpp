// An allocation fails anywhere in the sender's own work: nobody is sent to twice or left out, and it goes on.
#include "short_memory.hpp"

#include <future>

#include "net/http_client.hpp"
#include "net/test_server.hpp"
#include "virtual_world.hpp"

namespace bulkmsg::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool can_fail = false;
#else
constexpr bool can_fail = true;
#endif

// As the I/O thread does it: whatever a task throws, the loop goes on.
void run_on(world& w, nanoseconds_t length) {
  const auto until = w.time.now() + length;
  for (;;) {
    try {
      w.running->run(until);
      return w.time.advance_to(until);
    } catch (const std::bad_alloc&) {
    }
  }
}

TEST(short_memory, of_one_allocation_that_fails_nothing_is_left_but_time) {
  if (!can_fail) GTEST_SKIP() << "under a sanitizer";
  constexpr int count = 6;
  bool failed = true;
  for (long n = 0; failed; ++n) {
    ASSERT_LT(n, 5'000);
    SCOPED_TRACE("allocation " + std::to_string(n));
    world w(count, "100/s; in-flight=3", 2);
    w.books.script = [returned = false](const arrival&, std::size_t nth) mutable {
      if (nth == 1 && !std::exchange(returned, true)) return unsent();
      return nth == 0 ? refuse(131000) : nth == 2 ? lose(true) : accept();
    };
    w.open();
    w.running->sender().release({});  // else the first request waits for the first commit
    allocations_left = n;
    run_on(w, 25 * millisecond);
    w.running->sender().hold({});
    run_on(w, 10 * second);
    w.running->sender().release({});
    run_on(w, 60 * second);
    failed = allocations_left < 0;
    allocations_left = -1;
    const auto c = w.running->count();
    EXPECT_EQ(c.sent, count - 1);
    EXPECT_EQ(c.unconfirmed, 1);
    EXPECT_TRUE(w.running->idle);
    EXPECT_TRUE(w.running->sender().idle());
    w.expect_nobody_twice();
    w.expect_accounted_for();
    if (HasFailure()) break;
  }
}

struct told_ends final : net::listener {
  void on_end(const net::exchange_end& e) override {
    ++ends;
    ended.set_value(e.fate);
  }
  void on_ready() override { ready.set_value(); }
  void on_unreachable(const error&) override {}
  int ends = 0;
  std::promise<net::fate> ended;
  std::promise<void> ready;
};

// A server that says nothing: what ends the request is a timer, for which there is no memory at first.
TEST(short_memory, every_request_that_was_sent_ends) {
  if (!can_fail) GTEST_SKIP() << "under a sanitizer";
  test_server silent([](peer& p) {
    p.request();
    p.wait_for_close();
  });
  bool failed = true;
  for (long n = 0; failed; ++n) {
    ASSERT_LT(n, 100);
    SCOPED_TRACE("allocation " + std::to_string(n));
    net::io_thread io;
    told_ends told;
    auto client = net::make_http_client(
        io, {.origin = silent.origin(), .connections_max = 1, .response_timeout = 50 * millisecond});
    ASSERT_TRUE(client);
    int slot = net::transport::none;
    io.call([&] {
      (*client)->set_listener(&told);
      slot = (*client)->acquire();
    });
    told.ready.get_future().wait();
    io.call([&] {
      slot = (*client)->acquire();
      (*client)->buffer(slot) = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
      allocations_left = n;
      EXPECT_NO_THROW((*client)->send(slot, 1));
      failed = allocations_left < 0;
      allocations_left = -1;
    });
    auto ended = told.ended.get_future();
    ASSERT_EQ(ended.wait_for(std::chrono::seconds(5)), std::future_status::ready) << "it never ends";
    EXPECT_EQ(ended.get(), net::fate::unknown);
    io.call([&] { (*client)->set_listener(nullptr); });
    EXPECT_EQ(told.ends, 1);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace bulkmsg::testing
