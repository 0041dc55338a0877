// The handle of an engine: safe to destroy while other threads are inside calls, and told from one of before fork().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "bulkmsg/bulkmsg.h"
#include "bulkmsg/engine.hpp"
#include "guard.hpp"

struct bulkmsg_engine {
  const std::uint64_t generation;
  std::atomic<bool> closed{false};
  std::mutex lock{};                        // guards `core`
  std::shared_ptr<bulkmsg::engine> core{};  // empty: destroyed. Calls under way hold it, the last one ends it
};

namespace bulkmsg::capi {

// The engine behind a handle, kept alive while held. Errors: forked, closed (destroyed). Throws bad_argument for NULL.
result<std::shared_ptr<bulkmsg::engine>> engine_of(bulkmsg_engine* handle);

inline result<void> still_open(const bulkmsg_engine& handle) {
  if (!handle.closed.load(std::memory_order_acquire)) return {};
  return fail(errc::closed, "this engine was closed; open it again");
}

template <class Body>
bulkmsg_status call(bulkmsg_engine* handle, bulkmsg_error** err, Body&& body) noexcept {
  return guarded(err, [&]() -> result<void> {
    const auto core = engine_of(handle);
    if (!core) return fail(core.error());
    if (auto open = still_open(*handle); !open) return open;
    return body(**core);
  });
}

}  // namespace bulkmsg::capi
