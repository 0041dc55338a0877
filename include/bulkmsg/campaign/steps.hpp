// The steps of making a campaign, in their order, and what of them is still missing before it can be started.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace bulkmsg {

enum class campaign_step : std::uint8_t {
  name = 1,
  content = 2,   // the message, and the sender whose channel it goes over
  audience = 3,  // who gets it
  settings = 4,  // who it is from, who gets the replies, when
};

[[nodiscard]] constexpr std::string_view name(campaign_step s) noexcept {
  constexpr std::array<std::string_view, 5> names{"", "name", "content", "audience", "settings"};
  return static_cast<std::size_t>(s) < names.size() ? names[static_cast<std::size_t>(s)] : "unknown";
}

struct missing_step {
  campaign_step step = campaign_step::name;
  std::string what = {};  // a sentence: what is missing, and which call gives it
};

}  // namespace bulkmsg
