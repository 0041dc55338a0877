// Strong ids: two integers side by side are a bug waiting.
#pragma once

#include <cstdint>
#include <functional>

namespace bulkmsg {

template <class Tag>
struct id {
  std::int64_t value = 0;  // 0: none
  friend constexpr auto operator<=>(id, id) = default;
  explicit constexpr operator bool() const noexcept { return value != 0; }
};

using campaign_id = id<struct campaign_tag>;
using sender_id = id<struct sender_tag>;
using template_id = id<struct template_tag>;
using account_id = id<struct account_tag>;
using lane_id = id<struct lane_tag>;
using event_id = id<struct event_tag>;

// One recipient's send: its lane and its place in it. Stored as one ascending key, lane first.
struct message_id {
  std::int32_t lane = 0;
  std::uint32_t sequence = 0;

  [[nodiscard]] constexpr std::int64_t key() const noexcept {
    return (static_cast<std::int64_t>(lane) << 32) | static_cast<std::int64_t>(sequence);
  }
  static constexpr message_id from_key(std::int64_t key) noexcept {
    return {static_cast<std::int32_t>(key >> 32), static_cast<std::uint32_t>(key)};
  }
  friend constexpr auto operator<=>(message_id, message_id) = default;
};

}  // namespace bulkmsg
