// bulkmsg-sandbox: a strict WhatsApp Cloud API server on loopback, to try an integration without a provider.

#include <csignal>
#include <cstdio>
#include <exception>

#include "minimal.hpp"
#include "options.hpp"
#include "server.hpp"

int main(int argc, char** argv) {
  try {
    int exit_code = 0;
    const auto configured = sandbox::parse_options(argc, argv, exit_code);
    if (!configured) return exit_code;
    std::signal(SIGPIPE, SIG_IGN);
    if (configured->minimal) {
      sandbox::serve_minimal(*configured);
    } else {
      sandbox::serve(*configured);
    }
    return 0;
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bulkmsg-sandbox: %s\n", why.what());
    return 1;
  }
}
