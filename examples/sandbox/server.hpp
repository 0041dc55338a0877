// The network side: listens on loopback, reads requests, writes the provider's answers, sends its webhooks.
#pragma once

#include "settings.hpp"

namespace sandbox {

/// Runs until SIGTERM or SIGINT. Throws std::exception when it cannot start, or when the log cannot be written.
void serve(const settings& configured);

}  // namespace sandbox
