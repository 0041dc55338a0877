// Limits by name, as data: named after what they are, written in the grammar of limit.hpp.
//
//   permits p(*parse_limits(with_presets("whatsapp_standard; in-flight=64")));
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {

struct preset {
  std::string_view name;
  std::string_view limits;
  std::string_view meaning;
};

inline constexpr preset presets[] = {
    {"whatsapp_standard", "80/s", "a WhatsApp business number as registered"},
    {"whatsapp_upgraded", "1000/s", "a number that WhatsApp has raised to high throughput"},
    {"coexistence", "20/s", "a number used by the WhatsApp Business app as well"},
    {"conservative", "50/s; 500/batch,10s", "batches of 500, ten seconds apart"},
    {"telegram", "30/s; 1/s per recipient", "a Telegram bot; beyond it 429 says how long to wait"},
    {"ceiling", "256/s; 100000/24h", "the ceilings of the WhatsApp Business API"},
};

// nullptr: no preset of this name.
[[nodiscard]] constexpr const preset* find_preset(std::string_view name) noexcept {
  for (const preset& p : presets) {
    if (p.name == name) return &p;
  }
  return nullptr;
}

// The text of limits with each preset's name replaced by its limits; everything else is left as it is.
[[nodiscard]] inline std::string with_presets(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view item = detail::trimmed(text.substr(0, end));
    const preset* known = find_preset(item);
    out += known != nullptr ? known->limits : item;
    if (end == text.size()) return out;
    out += "; ";
    text.remove_prefix(end + 1);
  }
}

}  // namespace bulkmsg::pacing
