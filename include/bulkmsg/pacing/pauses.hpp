// What is paused until when: an account, a number, a campaign; set by the provider's errors and webhooks.
//
//   pauses p;
//   p.set(pause_of::number, sender, now + 60 * second);      // "account in maintenance"
//   p.set(pause_of::campaign, campaign, until_lifted);       // a person must look
//   if (p.until(now, account, sender, campaign) > now) ...   // wait for the longest of the three
//   wake_at(p.next_end(now));
//
// Times are of one clock of the caller's choice: wall time, if they are to be stored. A handful are expected: all calls
// are linear in the number of pauses. Thread: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "bulkmsg/base/clock.hpp"

namespace bulkmsg::pacing {

// Numbers may be stored: never reused.
enum class pause_of : std::uint8_t {
  account = 1,
  number = 2,
  campaign = 3
};

inline constexpr nanoseconds_t until_lifted = std::numeric_limits<nanoseconds_t>::max();

struct pause {
  pause_of of = pause_of::campaign;
  std::int64_t id = 0;
  nanoseconds_t until = 0;  // until_lifted: nothing but lift() ends it

  friend bool operator==(const pause&, const pause&) = default;
};

class pauses {
 public:
  // A pause that holds already is made longer, never shorter.
  void set(pause_of of, std::int64_t id, nanoseconds_t until) {
    if (pause* p = find(of, id)) {
      p->until = std::max(p->until, until);
    } else {
      all_.push_back({of, id, until});
    }
  }

  // False when there was none.
  bool lift(pause_of of, std::int64_t id) {
    return std::erase_if(all_, [&](const pause& p) { return p.of == of && p.id == id; }) > 0;
  }

  // When none of the three is paused any more: `now` when none is.
  [[nodiscard]] nanoseconds_t until(nanoseconds_t now, std::int64_t account, std::int64_t number,
                                    std::int64_t campaign) const noexcept {
    for (const pause& p : all_) {
      const std::int64_t id = p.of == pause_of::account ? account : p.of == pause_of::number ? number : campaign;
      if (p.id == id) now = std::max(now, p.until);
    }
    return now;
  }

  // When the next of those that hold at `now` ends; until_lifted when none does by itself.
  [[nodiscard]] nanoseconds_t next_end(nanoseconds_t now) const noexcept {
    nanoseconds_t next = until_lifted;
    for (const pause& p : all_) {
      if (p.until > now) next = std::min(next, p.until);
    }
    return next;
  }

  // Forgets those that are over.
  void sweep(nanoseconds_t now) {
    std::erase_if(all_, [&](const pause& p) { return p.until <= now; });
  }

  [[nodiscard]] const std::vector<pause>& all() const noexcept { return all_; }

 private:
  [[nodiscard]] pause* find(pause_of of, std::int64_t id) noexcept {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const pause& p) { return p.of == of && p.id == id; });
    return found == all_.end() ? nullptr : &*found;
  }

  std::vector<pause> all_;
};

}  // namespace bulkmsg::pacing
