// Limits that several senders share: "2000 recipients/24h" of a portfolio, the call rate of an account.
//
//   auto portfolio = std::make_shared<shared_limits>(limit_set(*parse_limits("2000 recipients/24h")));
//   a.share(portfolio, [&] { executor.post(...); });      // `a` and `b` are permits, each of its own thread
//   b.share(portfolio, [&] { ... });
//
// From then on a permit of either needs leave from here, too: checked with the sender's own limits, then taken, all
// under one lock. Throttling that is meant for the whole account is told here and slows all who share.
//
// Thread: any. Senders of several shared_limits lock them in one order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bulkmsg/pacing/limit_set.hpp"

namespace bulkmsg::pacing {

class shared_limits {
 public:
  explicit shared_limits(limit_set limits) : limits_(std::move(limits)) {}
  shared_limits(const shared_limits&) = delete;
  shared_limits& operator=(const shared_limits&) = delete;

  // As in limit_set.
  void assume(nanoseconds_t at, std::int64_t count) {
    const std::lock_guard hold(lock_);
    limits_.assume(at, count);
  }
  void assume_recipient(addressee to, nanoseconds_t at, std::int64_t count) {
    const std::lock_guard hold(lock_);
    limits_.assume_recipient(to, at, count);
  }
  bool throttled(nanoseconds_t sent_at, nanoseconds_t now, nanoseconds_t retry_after = 0) {
    const std::lock_guard hold(lock_);
    return limits_.throttled(sent_at, now, retry_after);
  }

  // What the limits are; they do not change.
  [[nodiscard]] const std::vector<limit>& limits() const noexcept { return limits_.limits(); }

  // One sender's part in it. Movable; ends with its destruction.
  class membership {
   public:
    membership(std::shared_ptr<shared_limits> of, std::function<void()> wake)
        : of_(std::move(of)), who_(std::make_unique<member>(member{std::move(wake), false})) {
      const std::lock_guard hold(of_->lock_);
      of_->members_.push_back(who_.get());
    }
    ~membership() {
      if (!of_) return;
      const std::lock_guard hold(of_->lock_);
      std::erase(of_->members_, who_.get());
    }
    membership(membership&&) = default;
    membership& operator=(membership&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(who_, other.who_);
      return *this;
    }

    [[nodiscard]] std::mutex& lock() const noexcept { return of_->lock_; }
    [[nodiscard]] const shared_limits* id() const noexcept { return of_.get(); }

    // The rest needs the lock.
    [[nodiscard]] limit_set& limits() const noexcept { return of_->limits_; }
    // Woken when somebody's answer makes room: no time tells when that will be.
    void wait_for_room() const noexcept { who_->waits = true; }
    // Something in flight came back.
    void made_room() const {
      for (member* m : of_->members_) {
        if (std::exchange(m->waits, false) && m->wake) m->wake();
      }
    }

   private:
    friend class shared_limits;
    struct member {
      std::function<void()> wake;
      bool waits = false;
    };

    std::shared_ptr<shared_limits> of_;
    std::unique_ptr<member> who_;
  };

 private:
  std::mutex lock_;
  limit_set limits_;
  std::vector<membership::member*> members_;
};

}  // namespace bulkmsg::pacing
