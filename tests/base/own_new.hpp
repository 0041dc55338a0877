// A test program's own operator new, which asks the test first. For one translation unit of a program, which defines
// before_new().
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace bulkmsg::testing {

// Called on every thread before anything is allocated; it allocates nothing itself, and may throw std::bad_alloc.
void before_new(std::size_t size);

// The sanitizers have their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool new_is_ours = false;
#else
inline constexpr bool new_is_ours = true;
#endif

}  // namespace bulkmsg::testing

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  bulkmsg::testing::before_new(size);
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
// Both are replaced together, which the compiler does not see.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif
