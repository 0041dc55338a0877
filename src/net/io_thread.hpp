// The real executor: one Asio io_context on a thread of its own, or a host's, which the host runs.
//
//   net::io_thread io;                          // the thread starts here
//   io.post([&] { timer = io.make_timer(); });  // work from any thread
//   io.stop();                                  // what was posted before still runs; then the thread is joined
//
// Asio stays out of this header: whoever opens sockets on the thread includes Asio itself and asks for `context()`.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "bulkmsg/base/executor.hpp"

namespace boost::asio {
class io_context;
}

namespace bulkmsg::net {

// Place: the engine owns one per I/O thread; transports, receivers and timers on it must die before it does.
// The io_context runs without Asio's reactor locks, so sockets and Asio timers may be made and used on its thread only;
// posting is safe from anywhere. All signals are blocked on the thread: the host's handlers run on the host's threads.
// Thread safety: post, call, on_thread, time, stop, task_failures: any thread. make_timer, context: the I/O thread.
class io_thread final : public io_executor {
 public:
  // `name` is what `ps -L` shows, at most 15 characters. Throws std::system_error when no thread can be had.
  explicit io_thread(const std::string& name = "bulkmsg-io");
  // On a host's loop, which exactly one thread runs until stop() has returned; no thread is made. stop() lets go of the
  // loop and leaves it running: later posts are dropped, call() still goes there while it runs. What a timer or a
  // socket's handler throws leaves the host's run().
  explicit io_thread(boost::asio::io_context& of_host);
  ~io_thread() override;  // stops
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  void post(std::function<void()> task) override;
  std::unique_ptr<timer> make_timer() override;
  [[nodiscard]] const clock& time() const noexcept override;

  // Runs `task` on the I/O thread and returns when it has run. On the I/O thread itself, and after it has stopped, it
  // runs at once in the caller. Blocks for as long as the I/O thread is busy. What `task` throws is thrown here.
  void call(const std::function<void()>& task) override;

  // Runs what was posted before, then ends and joins the thread; later posts are dropped. Idempotent. Called on the
  // I/O thread itself it ends the loop after the current task, and the join is left to the destructor.
  void stop() override;

  [[nodiscard]] bool on_thread() const noexcept;
  // Tasks and handlers that ended in an exception (a bug, or no memory). The loop goes on: an exception must not take
  // the host's process down.
  [[nodiscard]] std::uint64_t task_failures() const noexcept;
  [[nodiscard]] boost::asio::io_context& context() noexcept;
  // Whether this thread is running the loop.
  [[nodiscard]] static bool runs_here(boost::asio::io_context& loop) noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // on a host's loop, tasks that come too late hold it
};

}  // namespace bulkmsg::net
