// Writing JSON text.
#pragma once

#include <string>
#include <string_view>

namespace sandbox {

/// Appends `text` as a quoted JSON string in the provider's own spelling: ASCII only, and '/', '<', '%', '@' escaped
/// too. A receiver that verifies a signature over re-serialised JSON instead of the raw bytes will notice.
void append_quoted(std::string& out, std::string_view text);

std::string json_string(std::string_view text);

}  // namespace sandbox
