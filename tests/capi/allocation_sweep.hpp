// Every allocation of a call fails in turn. For one translation unit of a program: operator new is replaced.
//
// It serves the library too. It fails on the calling thread only, at the n-th allocation of a call, for n = 1, 2, ...
// until the call needs fewer. A call must then answer E_OUT_OF_MEMORY, or its normal code where only its error object
// could not be made; it must not crash, and the next try must work.
#pragma once

#include <bulkmsg/bulkmsg.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <new>
#include <string>
#include <utility>

namespace {

thread_local long allowed = -1;  // allocations until one fails; negative: none fails
thread_local bool failed = false;

void* allocate(std::size_t size) {
  if (allowed == 0) {
    failed = true;
    allowed = -1;
    return nullptr;
  }
  if (allowed > 0) --allowed;
  return std::malloc(size == 0 ? 1 : size);
}

int failures = 0;
long tried = 0;

}  // namespace

void* operator new(std::size_t size) {
  if (void* p = allocate(size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

// `call` is made until none of its allocations fails; then it must give `expected`. `starved`: what it may say instead.
void sweep(const char* what, bulkmsg_status expected, const std::function<bulkmsg_status(bulkmsg_error**)>& call,
           bulkmsg_status starved = BULKMSG_E_OUT_OF_MEMORY) {
  for (long n = 0; n < 10'000; ++n, ++tried) {
    bulkmsg_error* error = nullptr;
    failed = false;
    allowed = n;
    const bulkmsg_status status = call(&error);
    allowed = -1;
    if (error != nullptr && bulkmsg_error_code(error) != status) {
      ++failures;
      std::fprintf(stderr, "FAILED %s: the error says %d, the call %d\n", what, bulkmsg_error_code(error), status);
    }
    if (status != expected && !(failed && (status == BULKMSG_E_OUT_OF_MEMORY || status == starved))) {
      ++failures;
      std::fprintf(stderr, "FAILED %s, allocation %ld: %s: %s\n", what, n, bulkmsg_status_name(status),
                   bulkmsg_error_message(error, nullptr));
    }
    bulkmsg_error_destroy(error);
    if (!failed) return;
  }
  ++failures;
  std::fprintf(stderr, "FAILED %s: never without a failing allocation\n", what);
}

// What a try needs to be as it was before the last one.
void unhindered(const std::function<void()>& prepare) {
  const long left = std::exchange(allowed, -1);
  prepare();
  allowed = left;
}

void set(bulkmsg_config* config, const char* key, const std::string& value) {
  sweep(key, BULKMSG_OK, [&](bulkmsg_error** err) {
    return bulkmsg_config_set(config, key, std::strlen(key), value.data(), value.size(), err);
  });
}

bulkmsg_config* config_of(std::int32_t kind) {
  bulkmsg_config* config = nullptr;
  sweep("config_create", BULKMSG_OK, [&](bulkmsg_error** err) {
    bulkmsg_config_destroy(config);
    return bulkmsg_config_create(kind, &config, err);
  });
  return config;
}

}  // namespace

// A call whose last argument is `err`; `starved`: what it may say instead of E_OUT_OF_MEMORY.
#define SWEEP(expected, starved, call) \
  sweep(                               \
      #call, expected, [&]([[maybe_unused]] bulkmsg_error** err) { return call; }, starved)
#define OK(call) SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY, call)
#define TEXT(array) array, sizeof array - 1
