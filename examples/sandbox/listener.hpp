// Opening the listening socket and telling which port it got; shared by the server and the minimal one.
#pragma once

#include <cstdint>

#include "settings.hpp"

namespace sandbox {

struct listener {
  int descriptor;
  bool ipv6;
};

/// Loopback addresses only. Throws std::exception.
listener open_listener(const settings& configured);

/// Writes the port file in one step and a line to standard error.
void announce_listener(const settings& configured, std::uint16_t port);

}  // namespace sandbox
