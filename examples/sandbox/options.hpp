// The command line.
#pragma once

#include <optional>

#include "settings.hpp"

namespace sandbox {

/// Nothing when the program is to end at once, with `exit_code`: after --help, or after saying what is wrong.
std::optional<settings> parse_options(int argc, char** argv, int& exit_code);

}  // namespace sandbox
