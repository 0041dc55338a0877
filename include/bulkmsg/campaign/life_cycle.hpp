// The life of a campaign, as tables: which state may follow which, and which call is allowed in which state.
//
//   draft -> scheduled -> starting -> sending <-> paused -> completed | stopped | failed
//
// `starting` freezes the plan; a refused start goes back to draft, what fails when a schedule fires ends as failed.
// completed, stopped and failed are final: no message is sent any more, but receipts are still taken.
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
      // scheduled: the process ended while the schedule fired, which it then does again
      return to == draft || to == scheduled || to == sending || to == failed;
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

// What people ask of a campaign.
enum class campaign_call : std::uint8_t {
  edit,            // its name, content, sender and settings
  add_recipients,  // imports
  state_consent,
  discard,
  test_send,
  schedule,
  cancel_schedule,
  start,
  pause,
  resume,
  stop,
};
inline constexpr std::size_t campaign_call_count = 11;

[[nodiscard]] constexpr std::string_view name(campaign_call c) noexcept {
  constexpr std::array<std::string_view, campaign_call_count> names{"edit",
                                                                    "add recipients to",
                                                                    "state the consent of the recipients of",
                                                                    "discard",
                                                                    "send a test of",
                                                                    "schedule",
                                                                    "cancel the schedule of",
                                                                    "start",
                                                                    "pause",
                                                                    "resume",
                                                                    "stop"};
  return static_cast<std::size_t>(c) < names.size() ? names[static_cast<std::size_t>(c)] : "change";
}

// Pausing what is paused, resuming what is sending and stopping what is stopped is allowed and changes nothing.
[[nodiscard]] constexpr bool allows(campaign_state state, campaign_call call) noexcept {
  using enum campaign_state;
  switch (call) {
    case campaign_call::edit:
    case campaign_call::discard:
    case campaign_call::schedule:
    case campaign_call::start:
      return state == draft;
    case campaign_call::add_recipients:
    case campaign_call::state_consent:
    case campaign_call::test_send:
      return state == draft || state == scheduled;
    case campaign_call::cancel_schedule:
      return state == scheduled;
    case campaign_call::pause:
    case campaign_call::resume:
      return state == sending || state == paused;
    case campaign_call::stop:
      return state == sending || state == paused || state == stopped;
  }
  return false;
}

// `ok`, or wrong_state naming the call and the state, and the way out where there is one.
[[nodiscard]] inline result<void> check_call(campaign_state state, campaign_call call) {
  if (allows(state, call)) return {};
  std::string why = "cannot " + std::string(name(call)) + " a campaign that is " + std::string(name(state));
  if (state == campaign_state::scheduled) why += "; cancel its schedule first, it is a draft then";
  return fail(errc::wrong_state, std::move(why));
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
