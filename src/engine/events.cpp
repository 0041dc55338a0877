#include "engine/events.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace bulkmsg {

event_queue::event_queue(std::size_t progress_max)
    : progress_max_(progress_max), fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  update_fd();
}

event_queue::~event_queue() { ::close(fd_); }

void event_queue::push(std::span<const event> progress) {
  if (progress.empty() || progress_max_ == 0) return;
  std::lock_guard lock(mutex_);
  for (const auto& e : progress) {
    if (progress_.size() < progress_max_) {
      progress_.push_back(e);
      continue;
    }
    const auto same = [&](const event& r) { return r.campaign == e.campaign; };
    if (std::none_of(resyncs_.begin(), resyncs_.end(), same)) {
      resyncs_.push_back({.kind = event_kind::resync, .campaign = e.campaign, .at_ms = e.at_ms});
    }
  }
  update_fd();
  changed_.notify_all();
}

void event_queue::durable_waiting() {
  std::lock_guard lock(mutex_);
  durable_ = true;
  update_fd();
  changed_.notify_all();
}

bool event_queue::take_durable_signal() {
  std::lock_guard lock(mutex_);
  const bool was = durable_;
  durable_ = false;
  update_fd();
  return was;
}

std::size_t event_queue::take(std::span<event> into) {
  std::lock_guard lock(mutex_);
  std::size_t n = 0;
  while (n < into.size() && !progress_.empty()) {
    into[n++] = progress_.front();
    progress_.pop_front();
  }
  while (n < into.size() && progress_.empty() && !resyncs_.empty()) {
    into[n++] = resyncs_.back();
    resyncs_.pop_back();
  }
  update_fd();
  return n;
}

void event_queue::wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout,
                    [this] { return durable_ || woken_ || closed_ || !progress_.empty() || !resyncs_.empty(); });
  woken_ = false;
}

void event_queue::wakeup() noexcept {
  std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void event_queue::close() noexcept {
  std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void event_queue::update_fd() {
  const bool waits = durable_ || !progress_.empty() || !resyncs_.empty();
  if (waits == fd_set_) return;
  fd_set_ = waits;
  std::uint64_t n = 1;
  if (waits) {
    static_cast<void>(!::write(fd_, &n, sizeof n));
  } else {
    static_cast<void>(!::read(fd_, &n, sizeof n));
  }
}

}  // namespace bulkmsg
