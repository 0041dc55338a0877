// What becomes of messages that may have gone and of which nobody knows: the campaign's rule for them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace bulkmsg {

// Numbers are stored: never reused.
enum class unconfirmed_rule : std::uint8_t {
  hold = 0,     // they stay as they are, credit held, until a receipt or a person settles them
  resend = 1,   // sent again after the wait, once a receipt of a later message shows that webhooks arrive
  give_up = 2,  // failed after the wait, credit returned
};

inline constexpr std::array<std::string_view, 3> unconfirmed_rule_names{"hold", "resend", "give_up"};

[[nodiscard]] constexpr std::string_view name(unconfirmed_rule rule) noexcept {
  const auto at = static_cast<std::size_t>(rule);
  return at < unconfirmed_rule_names.size() ? unconfirmed_rule_names[at] : "unknown";
}

// The wait runs from the later of the attempt and the opening of the store.
inline constexpr std::chrono::milliseconds unconfirmed_wait_min = std::chrono::seconds(1);
inline constexpr std::chrono::milliseconds unconfirmed_wait_max = std::chrono::hours(24 * 30);

// Under `resend` a message is attempted at most so often; then it is held.
inline constexpr std::int32_t resend_attempts_max = 5;

// Which messages of a finished campaign a child campaign sends again. Numbers are stored: never reused.
enum class retry_kind : std::uint8_t {
  failed = 1,       // refused, or undelivered, where the error says that it may pass
  unconfirmed = 2,  // may have gone, also those given up
};

[[nodiscard]] constexpr std::string_view name(retry_kind kind) noexcept {
  return kind == retry_kind::failed ? "failed" : kind == retry_kind::unconfirmed ? "unconfirmed" : "unknown";
}

}  // namespace bulkmsg
