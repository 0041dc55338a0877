// What a provider's answer to a send means, whatever the channel: was the message accepted, refused, or is nothing
// proved? And what to do about a refusal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bulkmsg/base/clock.hpp"

namespace bulkmsg::channels {

enum class action : std::uint8_t {
  retry,           // this message, with back-off
  slow,            // cut the sender's rate, then retry
  pair,            // only this recipient waits: 4^X s, X = 0, 1, 2...
  defer,           // this recipient, much later
  pause_number,    // all sending of the number
  pause_account,   // everything on the account or token; an operator must act
  pause_campaign,  // this campaign
  fail_message,    // this message, for good
  fail_recipient,  // this recipient cannot be reached here
  fail_campaign,   // the campaign cannot run as it is built
  opt_out,         // the recipient stopped marketing
  log,             // not about a message sent by us; on an answer to a send it means fail_message
};

inline constexpr std::string_view action_names[] = {"retry",          "slow",          "pair",           "defer",
                                                    "pause_number",   "pause_account", "pause_campaign", "fail_message",
                                                    "fail_recipient", "fail_campaign", "opt_out",        "log"};

[[nodiscard]] constexpr std::string_view name(action what) noexcept {
  return action_names[static_cast<std::size_t>(what)];
}

// Whether the same message may well be taken later; else it would only be refused again.
[[nodiscard]] constexpr bool may_pass(action what) noexcept { return what <= action::pause_campaign; }

// What of a message a refusal is about. When all messages of a campaign have the same, it is the campaign that the
// provider refuses.
enum class part : std::uint8_t {
  message,    // all of it, or what is this recipient's own
  media,      // the files it shows
  parameters  // how many it fills in, which is as the campaign was built
};

struct answer {
  enum class kind : std::uint8_t {
    accepted,
    refused,
    unproven
  };
  kind what = kind::unproven;

  // accepted
  std::string_view message_id;      // the provider's, never empty; may hold personal data
  std::string_view wa_id;           // WhatsApp: the recipient's identity there, may be empty or differ from the address
  std::string_view message_status;  // WhatsApp: "accepted", "held_for_quality_assessment", "paused", or empty

  // refused
  action next = action::fail_message;
  part about = part::message;
  std::int32_t provider_code = 0;
  nanoseconds_t retry_after = 0;  // as the body says, 0 when it does not
  nanoseconds_t wait = 0;         // what is known of such refusals: not before that; 0: no rule
  std::uint8_t retries_max = 0;   // and not more often than that; 0: no rule
  bool of_account = false;        // slow: all that the account or token sends is too fast, not only this sender
  std::string_view title;         // for people, may be empty
  std::string_view details;       // for people, may be empty
};

}  // namespace bulkmsg::channels
