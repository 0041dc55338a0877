// Limits that follow the provider's word: `provider` in a sender's limits stands for what the provider allows its
// number, as far as it has told, and "80/s" until then.
//
//   with_provider("provider; in-flight=64", {.per_second = 1000, .recipients = 2000})
//     == "1000/s; 2000 recipients/24h; in-flight=64"
//
// Whatever else a host writes holds beside it, so a lower limit of the host's own is never raised; limits without the
// word stay as they were written.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {

struct provider_allowance {
  std::int64_t per_second = 0;  // of the number; 0: not told
  std::int64_t recipients = 0;  // whom conversations may be begun with in 24 hours; 0: not told or unlimited

  friend bool operator==(const provider_allowance&, const provider_allowance&) = default;
};

inline constexpr std::string_view provider_word = "provider";
inline constexpr std::int64_t standard_per_second = 80;     // of a WhatsApp number as registered
inline constexpr std::int64_t upgraded_per_second = 1'000;  // of one that was raised

// The text of limits with the word replaced; everything else is left as it is.
[[nodiscard]] inline std::string with_provider(std::string_view text, const provider_allowance& allows) {
  std::string out;
  for (;;) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view item = detail::trimmed(text.substr(0, end));
    if (item == provider_word) {
      out += std::to_string(allows.per_second > 0 ? allows.per_second : standard_per_second) + "/s";
      if (allows.recipients > 0) out += "; " + std::to_string(allows.recipients) + " recipients/24h";
    } else {
      out += item;
    }
    if (end == text.size()) return out;
    out += "; ";
    text.remove_prefix(end + 1);
  }
}

[[nodiscard]] inline bool follows_provider(std::string_view text) {
  return with_provider(text, {}) != with_provider(text, {.per_second = standard_per_second + 1});
}

// WhatsApp's messaging limit: "TIER_2K", "TIER_UNLIMITED", "2000", "-1". 0: unlimited. What is not understood counts as
// the smallest.
[[nodiscard]] inline std::int64_t recipients_of_tier(std::string_view tier) noexcept {
  constexpr std::int64_t smallest = 250;
  if (tier == "TIER_UNLIMITED" || tier == "-1") return 0;
  if (tier.starts_with("TIER_")) tier.remove_prefix(5);
  std::int64_t n = 0;
  const auto [end, problem] = std::from_chars(tier.data(), tier.data() + tier.size(), n);
  const std::string_view unit(end, static_cast<std::size_t>(tier.data() + tier.size() - end));
  if (problem != std::errc() || n <= 0 || n > limit_count_max / 1'000 || (unit != "" && unit != "K")) return smallest;
  return unit == "K" ? n * 1'000 : n;
}

}  // namespace bulkmsg::pacing
