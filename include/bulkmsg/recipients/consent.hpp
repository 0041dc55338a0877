// Who may be written to: suppressions (this person is not to be written to) and consent (this person agreed).
//
// Both are kept by person, not by spelling of a number. A suppression bars by its scope: `marketing` bars marketing
// content only, `all` bars everything. The sources are kept apart, one entry each: what the platform says when a person
// resumes clears the platform's own two and never the sender's list.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bulkmsg {

enum class consent_scope : std::uint8_t {
  marketing = 1,
  all = 2,
};

enum class suppression_source : std::uint8_t {
  own_list = 1,             // the host's, or a person at the command line
  stop_word = 2,            // STOP and the like, or a button that says so
  platform_preference = 3,  // the user stopped marketing at the platform
  provider_error = 4,       // the provider refused because the user opted out
};

// What the platform may take back by itself.
inline constexpr std::array platform_sources{suppression_source::platform_preference,
                                             suppression_source::provider_error};
// What the sender keeps.
inline constexpr std::array own_sources{suppression_source::own_list, suppression_source::stop_word};

enum class consent_state : std::uint8_t {
  granted = 1,
  withdrawn = 2,
};

[[nodiscard]] constexpr std::string_view name(consent_scope s) noexcept {
  return s == consent_scope::all ? "all" : s == consent_scope::marketing ? "marketing" : "unknown";
}
[[nodiscard]] constexpr std::string_view name(suppression_source s) noexcept {
  constexpr std::array<std::string_view, 5> names{"", "own_list", "stop_word", "platform_preference", "provider_error"};
  return static_cast<std::size_t>(s) < names.size() ? names[static_cast<std::size_t>(s)] : "unknown";
}
[[nodiscard]] constexpr std::string_view name(consent_state s) noexcept {
  return s == consent_state::granted ? "granted" : s == consent_state::withdrawn ? "withdrawn" : "unknown";
}

// What the content of a campaign asks of its recipients.
struct consent_rules {
  bool marketing = false;      // suppressions of scope `marketing` bar, too
  bool needs_consent = false;  // only who is known to have agreed
};

}  // namespace bulkmsg
