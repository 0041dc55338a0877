// Does a template message fill in its template as the provider demands?
#pragma once

#include <cstdint>

#include "json_fields.hpp"
#include "templates.hpp"

namespace sandbox {

/// `value` is the message's "template" object. Throws refusal; returns the template it names.
const message_template& check_template(json value, place at, const template_catalogue& catalogue, std::int64_t now_ms);

}  // namespace sandbox
