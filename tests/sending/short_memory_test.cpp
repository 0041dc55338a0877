// An allocation fails anywhere in the sender's own work: nobody is sent to twice or left out, and it goes on.
#include "short_memory.hpp"

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

}  // namespace
}  // namespace bulkmsg::testing
