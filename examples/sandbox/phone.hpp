// Phone numbers as the provider reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

/// Digits of a plausible number: an optional '+', 7 to 15 digits not starting with 0, with spaces, dashes and
/// parentheses tolerated between them. Nothing else.
std::optional<std::string> phone_digits(std::string_view to);

/// The identity WhatsApp answers with, which differs from the number sent in Brazil (the ninth digit goes, outside the
/// area codes that keep it), Mexico (521...) and Argentina (549...).
std::string wa_id_of(std::string_view digits);

}  // namespace sandbox
