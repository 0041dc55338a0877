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
// Asks for the parts of AVX-512 that pick bytes out of a register.
inline bool have_avx512() noexcept {
  static const bool have = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
  return have;
}

}  // namespace bulkmsg::recipients::detail
#endif
