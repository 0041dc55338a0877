// Leave to send now, from all limits at once: all of them or none.
//
//   permits p(*parse_limits("80/s; 500/batch,10s; in-flight=200"));
//   decision d = p.take(now);            // immediately before a request's first byte is written
//   if (d.granted) send();
//   else sleep_until(wake_up(d, now));   // d.next is exact: nobody polls; only_by_release: no waiting helps
//
// Each granted permit ends in one of three ways: release() when the answer is in (or will never come), refused() when
// the provider proved that it did not take the message, refund() when not a byte was written. A refusal to grant takes
// nothing from any limit. What is given back is seen by the next take.
//
// A sender that shares limits with others joins them with share(). What the provider says about speed goes to
// throttled() and pair_throttled(), and is one more limit from then on.
//
// After reopening: set_wall_offset() where there are daily budgets, restore_batch() with the stored state of each batch
// limit, then assume() and assume_recipient() for sends that may have happened. In-flight limits begin empty.
//
// Time is given, on one clock (the same for all who share); if it goes back, the latest time seen counts as now.
// Thread: one at a time; shared limits lock themselves. Allocates when constructed, and in take() only for limits per
// recipient and of recipients.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/limit_set.hpp"
#include "bulkmsg/pacing/pair_backoff.hpp"
#include "bulkmsg/pacing/shared_limits.hpp"

namespace bulkmsg::pacing {

// When to wake up for what was not granted at `now`: not more often than 2000 times a second, since a wake-up costs
// more than a message. Fast limits let several go at once (rate_limiter makes up for what was missed), so none of the
// rate is lost.
[[nodiscard]] constexpr nanoseconds_t wake_up(const decision& d, nanoseconds_t now) noexcept {
  return std::max(d.next, now + 500 * microsecond);
}

class permits {
 public:
  // As limit_set.
  explicit permits(std::span<const limit> limits, absl::TimeZone zone = absl::UTCTimeZone()) : own_(limits, zone) {}

  // `decision::by` points into this object: it moves (the pointers stay good) and is not copied.
  permits(permits&&) = default;
  permits& operator=(permits&&) = default;
  permits(const permits&) = delete;
  permits& operator=(const permits&) = delete;

  // From now on every permit needs leave from these, too. `wake` is called, from any thread and under their lock, when
  // this sender was refused with only_by_release, or a place for a recipient, because of them and somebody made room:
  // it must only post.
  void share(std::shared_ptr<shared_limits> limits, std::function<void()> wake = nullptr) {
    std::erase_if(shared_, [&](const auto& s) { return s.id() == limits.get(); });  // a lock cannot be taken twice
    for (const limit& l : limits->limits()) shared_counts_recipients_ |= l.kind == limit_kind::recipients;
    for (const limit& l : limits->limits()) shared_per_recipient_ |= l.kind == limit_kind::per_recipient;
    shared_.emplace_back(std::move(limits), std::move(wake));
    std::sort(shared_.begin(), shared_.end(),
              [](const auto& a, const auto& b) { return std::less<>()(a.id(), b.id()); });
  }

  [[nodiscard]] decision take(nanoseconds_t now, addressee to = {}) {
    own_.see(now);
    const lock_all hold(shared_);
    const decision d = ask(now, to, true);
    if (!d.granted) return d;
    own_.take(now, to);
    for (auto& s : shared_) s.limits().take(now, to);
    return d;
  }

  // The first byte of what was granted last left by `now`, which may be later than it was granted: rates and batches
  // count from there. Only this sender's own limits; refund() has to know both times.
  void left_by(nanoseconds_t now) noexcept { own_.left_by(now); }
  // There are such limits.
  [[nodiscard]] bool spaced() const noexcept { return own_.spaced(); }

  // The same answer without taking.
  [[nodiscard]] decision check(nanoseconds_t now, addressee to = {}) const {
    const lock_all hold(shared_);
    return ask(now, to, false);
  }

  // The answer to a granted request is in (or will never come).
  void release() {
    own_.release();
    for (auto& s : shared_) {
      const std::lock_guard hold(s.lock());
      s.limits().release();
      s.made_room();
    }
  }

  // The provider proved that it refused what was granted at `at`: the recipient is not counted. Instead of release();
  // `to` as it was when granted.
  void refused(nanoseconds_t at, addressee to) {
    own_.refused(at, to);
    for (auto& s : shared_) {
      const std::lock_guard hold(s.lock());
      s.limits().refused(at, to);
      s.made_room();
    }
  }

  // Undoes a take at `at` of which not a byte was written. Instead of release(); `to` as it was when granted.
  void refund(nanoseconds_t at, addressee to = {}) { refund(at, at, to); }
  // ... of which left_by(`left`) was said.
  void refund(nanoseconds_t at, nanoseconds_t left, addressee to) {
    own_.refund(left, to);
    for (auto& s : shared_) {
      const std::lock_guard hold(s.lock());
      s.limits().refund(at, to);
      s.made_room();
    }
  }

  // The provider refused what was granted at `sent_at` because this sender is too fast (adaptive_rate). True when the
  // pace was cut. (Where it meant more than this sender: shared_limits::throttled.)
  bool throttled(nanoseconds_t sent_at, nanoseconds_t now, nanoseconds_t retry_after = 0) noexcept {
    return own_.throttled(sent_at, now, retry_after);
  }

  // ... because of too many messages to this recipient (pair_backoff). When it may be tried again.
  nanoseconds_t pair_throttled(std::uint64_t recipient, nanoseconds_t now) { return waits_.refused(recipient, now); }
  // A message to it was accepted.
  void went_through(std::uint64_t recipient) { waits_.went_through(recipient); }
  // Some recipient is waiting because of pair_throttled().
  [[nodiscard]] bool pairs_wait() const noexcept { return waits_.tracked() > 0; }

  // Acts as if `count` had been sent at `at` (it may lie before this clock's zero). Oldest first where times differ.
  // Only this sender's own limits: shared ones are told once, not by each who shares.
  void assume(nanoseconds_t at, std::int64_t count) { own_.assume(at, count); }

  // The same for one recipient, on the limits that look at recipients only.
  void assume_recipient(addressee to, nanoseconds_t at, std::int64_t count) { own_.assume_recipient(to, at, count); }

  // No more than this can be granted in [now, until]: how much to claim. Limits that time does not move, or that look
  // at recipients, play no part; without others it is the largest number there is.
  [[nodiscard]] std::uint64_t allowed_until(nanoseconds_t now, nanoseconds_t until) const {
    std::uint64_t n = own_.allowed_until(now, until);
    for (auto& s : shared_) {
      const std::lock_guard hold(s.lock());
      n = std::min(n, s.limits().allowed_until(now, until));
    }
    return n;
  }

  // No more recipients than this can come into the count of `recipients` limits in [now, until]. At 0 a lane of new
  // recipients has to wait (for how long, the refusal of the next says); those in the count, or with an open
  // conversation, need not.
  [[nodiscard]] std::uint64_t new_recipients_until(nanoseconds_t now, nanoseconds_t until) {
    std::uint64_t n = own_.new_recipients_until(now, until);
    for (auto& s : shared_) {
      const std::lock_guard hold(s.lock());
      n = std::min(n, s.limits().new_recipients_until(now, until));
    }
    return n;
  }

  // Wall time minus the clock given, for daily budgets; to be told again whenever the wall clock may have been set.
  void set_wall_offset(nanoseconds_t offset) {
    own_.set_wall_offset(offset);
    for (auto& s : shared_) {
      const std::lock_guard hold(s.lock());
      s.limits().set_wall_offset(offset);
    }
  }

  [[nodiscard]] const std::vector<limit>& limits() const noexcept { return own_.limits(); }
  [[nodiscard]] bool per_recipient() const noexcept { return own_.per_recipient() || shared_per_recipient_; }
  // There are `recipients` limits, own or shared: then whose conversation is open matters.
  [[nodiscard]] bool counts_recipients() const noexcept {
    return own_.counts_recipients() || shared_counts_recipients_;
  }
  // Whether a permit depends on the recipient now; if not, take() needs no key.
  [[nodiscard]] bool looks_at_recipients() const noexcept {
    return per_recipient() || counts_recipients() || pairs_wait();
  }
  [[nodiscard]] std::int64_t in_flight_count() const noexcept { return own_.in_flight_count(); }
  // The pace that throttling has left, in messages per 1000 s; 0: no pace but the limits' own.
  [[nodiscard]] std::int64_t slowed_to_per_1000_s(nanoseconds_t now) const noexcept {
    return own_.pace().per_1000_s(now);
  }

  // Batch limits in the order given; `index` below batch_count().
  [[nodiscard]] std::size_t batch_count() const noexcept { return own_.batch_count(); }
  [[nodiscard]] batch_state batch(std::size_t index) const noexcept { return own_.batch(index); }
  void restore_batch(std::size_t index, const batch_state& s) noexcept { own_.restore_batch(index, s); }

 private:
  using memberships = std::vector<shared_limits::membership>;

  // In the order of their addresses, so that two senders cannot wait for each other.
  class lock_all {
   public:
    explicit lock_all(const memberships& all) : all_(all) {
      for (const auto& s : all_) s.lock().lock();
    }
    ~lock_all() {
      for (const auto& s : all_) s.lock().unlock();
    }
    lock_all(const lock_all&) = delete;
    lock_all& operator=(const lock_all&) = delete;

   private:
    const memberships& all_;
  };

  [[nodiscard]] decision ask(nanoseconds_t now, addressee to, bool will_wait) const {
    decision d = own_.check(now, to);
    if (to.key != 0) {
      if (const nanoseconds_t at = waits_.next(to.key, now); at > now) d.add({false, at, nullptr, true});
    }
    for (const auto& s : shared_) {
      const decision theirs = s.limits().check(now, to);
      // A place among recipients comes back early when the provider refuses somebody.
      const bool room_helps =
          theirs.next == only_by_release || (theirs.by != nullptr && theirs.by->kind == limit_kind::recipients);
      if (will_wait && !theirs.granted && room_helps) s.wait_for_room();
      d.add(theirs);
    }
    return d;
  }

  limit_set own_;
  pair_backoff waits_;
  memberships shared_;
  bool shared_per_recipient_ = false;
  bool shared_counts_recipients_ = false;
};

}  // namespace bulkmsg::pacing
