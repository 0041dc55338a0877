#include "interrupt.hpp"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace cli::interrupt {
namespace {

std::atomic<bool> mark{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int) {
  mark.store(true);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void install() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;  // the signal may land on any thread, in the middle of any call
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool asked() noexcept { return mark.load(); }

void sleep_for(std::chrono::milliseconds time) {
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + time;
  while (!asked()) {
    const auto left = until - clock::now();
    if (left <= clock::duration::zero()) return;
    // In slices, because the signal may interrupt another thread's sleep instead of this one.
    std::this_thread::sleep_for(std::min<clock::duration>(left, std::chrono::milliseconds(50)));
  }
}

}  // namespace cli::interrupt
