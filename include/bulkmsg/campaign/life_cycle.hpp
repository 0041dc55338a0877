// The life of a campaign, as a table.
//
//   draft -> starting -> sending <-> paused -> completed | stopped | failed
//
// `starting` freezes the plan; a refused start goes back to draft. completed, stopped and failed are final: no message
// is sent any more, but receipts are still taken.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg {

enum class campaign_state : std::uint8_t {
  draft = 1,
  scheduled = 2,
  starting = 3,
  sending = 4,
  paused = 5,
  completed = 6,
  stopped = 7,
  failed = 8,
};

[[nodiscard]] constexpr std::string_view name(campaign_state s) noexcept {
  constexpr std::array<std::string_view, 9> names{"",       "draft",     "scheduled", "starting", "sending",
                                                  "paused", "completed", "stopped",   "failed"};
  return static_cast<std::size_t>(s) < names.size() ? names[static_cast<std::size_t>(s)] : "unknown";
}

[[nodiscard]] constexpr bool is_final(campaign_state s) noexcept { return s >= campaign_state::completed; }

[[nodiscard]] constexpr bool may_become(campaign_state from, campaign_state to) noexcept {
  using enum campaign_state;
  switch (from) {
    case draft:
      return to == scheduled || to == starting;
    case scheduled:
      return to == draft || to == starting || to == failed;
    case starting:
      return to == draft || to == sending || to == failed;
    case sending:
      return to == paused || to == completed || to == stopped || to == failed;
    case paused:
      return to == sending || to == stopped || to == failed;
    case completed:
    case stopped:
    case failed:
      return false;
  }
  return false;
}

// `ok`, or wrong_state naming both states and what the caller tried.
[[nodiscard]] inline result<void> check_transition(campaign_state from, campaign_state to, std::string_view verb) {
  if (may_become(from, to)) return {};
  return fail(errc::wrong_state, "cannot " + std::string(verb) + " a campaign that is " + std::string(name(from)));
}

// What is known of one message. `queued` has no row of its own in the store until something happens to it.
enum class message_state : std::uint8_t {
  queued = 0,       // no byte of a request was ever handed to the network
  retry = 1,        // refused for now, durably; counted as queued
  accepted = 2,     // the provider took it: `sent`
  refused = 3,      // the provider refused it for good: `failed`
  unconfirmed = 4,  // may have gone
  skipped = 5,      // left out at the moment of sending
  attempting = 6,   // a retry that may be on the wire; counted as queued, after a crash unconfirmed
};

[[nodiscard]] constexpr std::string_view name(message_state s) noexcept {
  constexpr std::array<std::string_view, 7> names{"queued",      "retry",   "sent",      "failed",
                                                  "unconfirmed", "skipped", "attempting"};
  return static_cast<std::size_t>(s) < names.size() ? names[static_cast<std::size_t>(s)] : "unknown";
}

// A receipt's rank: the highest one seen wins, whatever the order they came in (delivered may follow failed).
enum class receipt_rank : std::uint8_t {
  none = 0,
  sent = 1,
  failed = 2,
  delivered = 3,
  read = 4
};

[[nodiscard]] constexpr std::string_view name(receipt_rank r) noexcept {
  constexpr std::array<std::string_view, 5> names{"", "sent", "failed", "delivered", "read"};
  return static_cast<std::size_t>(r) < names.size() ? names[static_cast<std::size_t>(r)] : "unknown";
}

}  // namespace bulkmsg
