// Messages set aside because their recipient has to wait, so that the others go on.
//
//   waiting_recipients<message> aside(1'000);
//   if (d.this_recipient) aside.push(key, d.next, m);        // false when full: then wait with everybody
//   if (aside.waits(key)) aside.push(key, 0, another);       // behind the first one of the same recipient
//   while (aside.next() <= now) {                            // wake up at next()
//     decision d = p.take(now, aside.key());
//     if (d.granted) send(aside.pop(p.check(now, aside.key()).next));
//     else aside.again(d.next);                              // a limit of all says no: leave it, stop here
//   }
//
// A recipient is asked for once per message and time, however many messages wait for it: only the first is in the
// queue, ordered by time; who waits for the same time comes in the order set aside. T: default constructible.
//
// Thread: one at a time. push() may allocate, up to the bound.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/in_flight.hpp"

namespace bulkmsg::pacing {

template <class T>
class waiting_recipients {
 public:
  // At most `messages_max` messages, below 2^32.
  explicit waiting_recipients(std::size_t messages_max) : max_(std::min<std::size_t>(messages_max, none - 1)) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }  // messages
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool waits(std::uint64_t key) const { return !queues_.empty() && queues_.contains(key); }

  // False, and nothing is kept, when it is full. `until` counts for the first message of a recipient only.
  [[nodiscard]] bool push(std::uint64_t key, nanoseconds_t until, T what) {
    if (size_ >= max_) return false;
    const std::uint32_t n = fresh(std::move(what));
    auto [found, first] = queues_.try_emplace(key, queue{n, n});
    if (first) {
      wait(until, key);
    } else {
      nodes_[found->second.last].next = n;
      found->second.last = n;
    }
    ++size_;
    return true;
  }

  // When the first may be tried again; only_by_release (never) when nobody waits.
  [[nodiscard]] nanoseconds_t next() const noexcept { return heap_.empty() ? only_by_release : heap_.front().until; }

  // The first; not when empty.
  [[nodiscard]] std::uint64_t key() const noexcept { return heap_.front().key; }
  [[nodiscard]] const T& front() const { return nodes_[queues_.find(key())->second.first].what; }

  // The first goes; what else waits for its recipient does so until `then`.
  [[nodiscard]] T pop(nanoseconds_t then) {
    const std::uint64_t of = key();
    const auto found = queues_.find(of);
    const std::uint32_t n = found->second.first;
    T what = std::move(nodes_[n].what);
    drop();
    if (n == found->second.last) {
      queues_.erase(found);
    } else {
      found->second.first = nodes_[n].next;
      wait(then, of);
    }
    nodes_[n] = {T{}, free_};
    free_ = n;
    --size_;
    return what;
  }

  // The first must wait longer.
  void again(nanoseconds_t until) {
    const std::uint64_t of = key();
    drop();
    wait(until, of);
  }

  // Takes out all, for pause and stop: f(key, message), those of one recipient in order.
  template <class F>
  void drain(F&& f) {
    while (!empty()) {
      const std::uint64_t of = key();
      f(of, pop(next()));
    }
  }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  struct node {
    T what{};
    std::uint32_t next = none;
  };
  struct queue {
    std::uint32_t first;
    std::uint32_t last;
  };
  struct turn {
    nanoseconds_t until;
    std::uint64_t number;
    std::uint64_t key;
  };

  static bool later(const turn& a, const turn& b) noexcept {
    return a.until != b.until ? a.until > b.until : a.number > b.number;
  }

  std::uint32_t fresh(T what) {
    if (free_ == none) {
      nodes_.push_back({std::move(what), none});
      return static_cast<std::uint32_t>(nodes_.size() - 1);
    }
    const std::uint32_t n = free_;
    free_ = nodes_[n].next;
    nodes_[n] = {std::move(what), none};
    return n;
  }

  void wait(nanoseconds_t until, std::uint64_t of) {
    heap_.push_back({until, number_++, of});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  void drop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }

  std::size_t max_;
  std::size_t size_ = 0;
  std::uint64_t number_ = 0;
  std::uint32_t free_ = none;
  std::vector<node> nodes_;
  std::vector<turn> heap_;
  std::unordered_map<std::uint64_t, queue> queues_;
};

}  // namespace bulkmsg::pacing
