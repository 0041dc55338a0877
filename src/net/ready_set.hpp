// Which of many sockets have something to read: an epoll of our own inside the I/O thread's loop.
//
// Asio asks every socket once in vain before it waits for it, which is a system call for each answer. Here the sockets
// stay registered, and Asio waits for the whole set: what is ready is handled in one turn of the loop.
//
//   auto sockets = std::make_shared<ready_set>(io);
//   sockets->watch(fd, connection, /*for_writing=*/false);   // connection.on_ready(...) from now on
//   sockets->forget(fd, connection);                         // before the descriptor is closed
//
// Thread: the I/O thread. After forget() returned, the watcher is not called any more.
#pragma once

#include <memory>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"
#include "net/io_thread.hpp"

struct epoll_event;

namespace bulkmsg::net {

class watcher {
 public:
  // The descriptor has bytes, an end or an error to read, or (where asked for) room to write.
  virtual void on_ready(bool readable, bool writable) = 0;

 protected:
  ~watcher() = default;
};

class ready_set : public std::enable_shared_from_this<ready_set> {
 public:
  explicit ready_set(io_thread& io);
  ~ready_set();
  ready_set(const ready_set&) = delete;
  ready_set& operator=(const ready_set&) = delete;

  // Level-triggered. Errors: connect_failed (no descriptor or memory left), with the system's words.
  [[nodiscard]] result<void> watch(int fd, watcher& who, bool for_writing);
  void change(int fd, watcher& who, bool for_writing) noexcept;
  void forget(int fd, watcher& who) noexcept;
  // Nobody is called from now on.
  void close() noexcept;

  // The time, read at most once for every few sockets that are handled in one turn.
  [[nodiscard]] nanoseconds_t now() const noexcept { return turn_at_ != 0 ? turn_at_ : clock_.now(); }

 private:
  void wait();
  void turn();

  struct descriptor;
  std::unique_ptr<descriptor> epoll_;  // what Asio waits for
  const clock& clock_;
  bool waiting_ = false;
  nanoseconds_t turn_at_ = 0;      // 0: outside a turn
  epoll_event* events_ = nullptr;  // of the turn under way, those not handled yet
  int events_left_ = 0;
};

}  // namespace bulkmsg::net
