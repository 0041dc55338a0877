// What a host polls: a signal that durable events wait in the store, and a bounded ring of progress.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "bulkmsg/records/events.hpp"

namespace bulkmsg {

// Thread: any.
class event_queue {
 public:
  explicit event_queue(std::size_t progress_max);
  ~event_queue();
  event_queue(const event_queue&) = delete;

  // Progress that no longer fits collapses into one resync per campaign.
  void push(std::span<const event> progress);
  // Durable events may wait in the store.
  void durable_waiting();
  [[nodiscard]] bool take_durable_signal();

  std::size_t take(std::span<event> into);
  // Until something waits, wakeup(), or the time is over.
  void wait(std::chrono::milliseconds timeout);
  void wakeup() noexcept;
  void close() noexcept;  // nobody waits any more
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  void update_fd();  // readable exactly while something waits

  const std::size_t progress_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<event> progress_;
  std::vector<event> resyncs_;
  bool durable_ = true;  // of an earlier run, perhaps
  bool woken_ = false;
  bool closed_ = false;
  bool fd_set_ = false;
  int fd_;
};

}  // namespace bulkmsg
