// Secrets by name: the store and the sender file hold "env:NAME" or "file:PATH", and only the running process the
// value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg {

// The secret's value. Errors: secret_missing (no value; says where it was looked for), bad_option_value (no such form).
// The value is never part of a message.
result<std::string> resolve_secret(std::string_view name, std::string_view what);

// Names separated by blanks; a path may have blanks, too.
std::vector<std::string> secret_names(std::string_view names);

}  // namespace bulkmsg
