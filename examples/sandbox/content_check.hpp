// What free-form messages and templates have in common.
#pragma once

#include "json_fields.hpp"

namespace sandbox {

/// An uploaded id or a public link, never both. `object` has the keys "id" and "link" among its known ones.
void check_media_source(const fields& object);

void check_web_link(std::string_view link, const place& at);

/// A number or a string that holds one, within -most..most.
void check_coordinate(const fields& location, std::string_view key, double most);

}  // namespace sandbox
