// The counters of a campaign: one reading everywhere.
//
//   total = queued + sent + failed + unconfirmed + skipped
//
// `delivered`, `read`, `undelivered` and `responded` are parts of `sent`.
#pragma once

#include <cstdint>

namespace bulkmsg {

struct counters {
  std::int64_t total = 0;        // every row of the list, good or bad
  std::int64_t sent = 0;         // accepted by the provider; never falls
  std::int64_t failed = 0;       // refused, never accepted
  std::int64_t unconfirmed = 0;  // may have gone
  std::int64_t skipped = 0;      // rejected or duplicate rows, suppressed, no consent
  std::int64_t delivered = 0;    // reached the device (a read message was delivered)
  std::int64_t read = 0;
  std::int64_t undelivered = 0;  // accepted, later failed by receipt
  std::int64_t responded = 0;

  [[nodiscard]] constexpr std::int64_t queued() const noexcept { return total - sent - failed - unconfirmed - skipped; }

  // Every message that has its outcome, in all of them, from 0 to 1.
  [[nodiscard]] constexpr std::int64_t completed() const noexcept { return total - queued(); }
  [[nodiscard]] constexpr double progress() const noexcept {
    return total == 0 ? 0 : static_cast<double>(completed()) / static_cast<double>(total);
  }
  // Of those that were sent, from 0 to 1.
  [[nodiscard]] constexpr double response_rate() const noexcept {
    return sent == 0 ? 0 : static_cast<double>(responded) / static_cast<double>(sent);
  }

  constexpr counters& operator+=(const counters& o) noexcept {
    total += o.total, sent += o.sent, failed += o.failed, unconfirmed += o.unconfirmed, skipped += o.skipped;
    delivered += o.delivered, read += o.read, undelivered += o.undelivered, responded += o.responded;
    return *this;
  }
  friend constexpr bool operator==(const counters&, const counters&) = default;
};

}  // namespace bulkmsg
