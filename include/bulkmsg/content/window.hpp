// When a free-form message may be sent: to groups and on other channels always, to a person on WhatsApp only while the
// customer service window is open, 24 hours from each message of theirs. Templates may go at any time.
#pragma once

#include <cstdint>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::content {

inline constexpr std::int64_t service_window_ms = std::int64_t{24} * 60 * 60 * 1000;

// address: its one text form. last_inbound_ms: Unix, 0: never wrote. ok or window_closed.
[[nodiscard]] constexpr errc allowed_free_form(std::string_view address, std::int64_t last_inbound_ms,
                                               std::int64_t now_ms) noexcept {
  const bool person = address.starts_with('+') || address.starts_with("user:");
  if (!person) return errc::ok;
  return last_inbound_ms > 0 && now_ms < last_inbound_ms + service_window_ms ? errc::ok : errc::window_closed;
}

}  // namespace bulkmsg::content
