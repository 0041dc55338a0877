// The executor seam: where work runs and how it sleeps. The real one is an Asio io_context on its own thread
// (src/net/), the simulated one a queue on virtual time.
#pragma once

#include <functional>
#include <memory>

#include "bulkmsg/base/clock.hpp"

namespace bulkmsg {

// One sleeper. Arming again replaces the earlier time and task. Thread: the executor's only.
class timer {
 public:
  virtual ~timer() = default;
  // Runs `task` on the executor at `clock.now() >= at`, unless cancelled or re-armed before.
  virtual void arm(nanoseconds_t at, std::function<void()> task) = 0;
  virtual void cancel() noexcept = 0;
};

// Runs tasks one after another, in the order posted.
class executor {
 public:
  virtual ~executor() = default;
  virtual void post(std::function<void()> task) = 0;  // Thread: any. Blocks: no.
  virtual std::unique_ptr<timer> make_timer() = 0;    // Thread: the executor's only.
  [[nodiscard]] virtual const clock& time() const noexcept = 0;
};

// An executor with an end, as the engine has one for its I/O.
class io_executor : public executor {
 public:
  // Runs `task` on the executor and returns when it has run; at once in the caller when that is the executor itself, or
  // when it has stopped. Thread: any.
  virtual void call(const std::function<void()>& task) = 0;
  // Runs what was posted before, then ends; later posts are dropped. Idempotent.
  virtual void stop() = 0;
};

}  // namespace bulkmsg
