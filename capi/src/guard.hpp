// What every entry point is made of: arguments in, one guarded body, outputs out.
//
//   bulkmsg_status bulkmsg_campaign_discard(bulkmsg_engine* engine, int64_t campaign, bulkmsg_error** err) {
//     return call(engine, err, [&](bulkmsg::engine& e) { return e.discard(campaign_id{campaign}); });
//   }
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/bulkmsg.h"

struct bulkmsg_error {
  bulkmsg::error value;
};

struct bulkmsg_text {
  std::string value;
};

namespace bulkmsg::capi {

// Thrown by the argument checks below, inside a guarded body. Both are literals, so that throwing needs no allocation.
struct bad_argument {
  const char* argument;
  const char* why;
};

// The exception being handled, as an error. Survives having no memory.
bulkmsg::error current_exception_as_error() noexcept;

// Hands the details to a caller who asked for them (NULL when there is no memory) and returns the code.
bulkmsg_status report(bulkmsg::error&& e, bulkmsg_error** err) noexcept;

// The one guard. `body` returns result<void>; nothing it throws gets out.
template <class Body>
bulkmsg_status guarded(bulkmsg_error** err, Body&& body) noexcept {
  static_assert(std::is_same_v<std::invoke_result_t<Body&>, result<void>>);
  try {
    result<void> done = body();
    if (done) return BULKMSG_OK;
    return report(std::move(done.error()), err);
  } catch (...) {
    return report(current_exception_as_error(), err);
  }
}

template <class T>
T& needed(T* pointer, const char* argument) {
  if (pointer == nullptr) throw bad_argument{argument, "must not be NULL"};
  return *pointer;
}

inline std::string_view input(const char* bytes, std::size_t length, const char* argument) {
  if (bytes == nullptr && length != 0) throw bad_argument{argument, "is NULL but has a length"};
  if (length > PTRDIFF_MAX) throw bad_argument{argument, "has an impossible length"};
  return {bytes == nullptr ? "" : bytes, length};
}

inline std::int64_t in_range(std::int64_t value, std::int64_t low, std::int64_t high, const char* argument) {
  if (value < low || value > high) throw bad_argument{argument, "is out of its range"};
  return value;
}

// Outputs are cleared before anything can fail.
template <class T>
void clear(T* out) noexcept {
  if (out != nullptr) *out = T{};
}

// A struct whose size the caller states. Callers built against an older header pass the smaller size of their day,
// those built against a newer one get zeros in what we do not know.
template <class T>
void check_size(const T* out, std::size_t size, std::size_t oldest_size, const char* argument) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (out == nullptr) return;
  if (size < oldest_size || size > 4096) throw bad_argument{argument, "is not the size of the struct"};
}

template <class T>
void fill(T* out, std::size_t size, const T& value) noexcept {
  if (out == nullptr) return;
  std::memcpy(out, &value, std::min(size, sizeof(T)));
  if (size > sizeof(T)) std::memset(reinterpret_cast<char*>(out) + sizeof(T), 0, size - sizeof(T));
}

}  // namespace bulkmsg::capi
