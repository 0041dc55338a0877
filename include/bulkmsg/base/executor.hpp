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

}  // namespace bulkmsg
