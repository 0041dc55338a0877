// How the provider says no: a code, its HTTP status and the Graph error envelope.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox {

/// Thrown by every check; caught in one place, where it becomes an envelope.
struct refusal {
  int code = 0;
  std::string details;
  int subcode = 0;
};

struct error_kind {
  int code;
  int http_status;
  std::string_view title;
};

/// Known codes have their own title and HTTP status; others are "Unknown error" with 400 (200 to 299: 403).
error_kind kind_of(int code);

std::string error_envelope(const refusal& why, std::uint64_t trace);

}  // namespace sandbox
