#include "fork_generation.hpp"

#include <pthread.h>

#include <atomic>
#include <new>

namespace bulkmsg::capi {

namespace {

std::atomic<std::uint64_t> generation{0};

bool install() {
  // glibc takes the handler out again when this library is unloaded.
  if (::pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); }) != 0) {
    throw std::bad_alloc();
  }
  return true;
}

}  // namespace

std::uint64_t fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

void watch_forks() { [[maybe_unused]] static const bool installed = install(); }

}  // namespace bulkmsg::capi
