// multipart/form-data, as a media upload uses it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace sandbox {

struct form_part {
  std::string_view name;
  std::string_view file_name;
  std::string_view content_type;
  std::string_view value;
};

/// Views into `body`; nothing when it is not well formed.
std::optional<std::vector<form_part>> parse_form(std::string_view content_type, std::string_view body);

}  // namespace sandbox
