// Ctrl-C and `kill`: the first one asks, the second one kills.
//
// The library installs no signal handlers; a program that embeds it decides, as this one does.
#pragma once

#include <chrono>

namespace cli::interrupt {

// From now on the first SIGINT or SIGTERM only sets a mark; both are then back to their default, which kills.
void install();

[[nodiscard]] bool asked() noexcept;

// Sleeps, but not on after a signal.
void sleep_for(std::chrono::milliseconds time);

}  // namespace cli::interrupt
