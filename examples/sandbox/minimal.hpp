// A provider that says yes to everything as fast as one thread can, to measure clients against.
#pragma once

#include "settings.hpp"

namespace sandbox {

/// Runs until SIGTERM or SIGINT. Throws std::exception when it cannot start.
void serve_minimal(const settings& configured);

}  // namespace sandbox
