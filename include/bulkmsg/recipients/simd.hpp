// Whether this processor has what the fast paths of this room use; each has a plain twin that gives the same.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define BULKMSG_AVX2 1
#include <immintrin.h>

namespace bulkmsg::recipients::detail {

inline bool have_avx2() noexcept {
  static const bool have = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
  return have;
}

}  // namespace bulkmsg::recipients::detail
#endif
