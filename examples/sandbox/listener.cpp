#include "listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "url.hpp"

namespace sandbox {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

listener open_listener(const settings& configured) {
  const auto host = loopback_address(configured.listen_host);
  if (!host) throw std::invalid_argument("--listen: \"" + configured.listen_host + "\" is not a loopback address");
  const bool ipv6 = host->find(':') != std::string::npos;
  sockaddr_storage address{};
  socklen_t size = 0;
  if (ipv6) {
    auto& in = reinterpret_cast<sockaddr_in6&>(address);
    in.sin6_family = AF_INET6;
    in.sin6_addr = in6addr_loopback;
    in.sin6_port = htons(configured.listen_port);
    size = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in&>(address);
    in.sin_family = AF_INET;
    in.sin_port = htons(configured.listen_port);
    ::inet_pton(AF_INET, host->c_str(), &in.sin_addr);
    size = sizeof in;
  }
  const int descriptor = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) fail("socket");
  const int on = 1;
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(descriptor, 1024) != 0) {
    const int why = errno;
    ::close(descriptor);
    errno = why;
    fail("listening on " + *host + ':' + std::to_string(configured.listen_port));
  }
  return {descriptor, ipv6};
}

void announce_listener(const settings& configured, std::uint16_t port) {
  if (!configured.port_file.empty()) {
    // Renamed into place, so that whoever sees the file sees the whole port.
    const std::string draft = configured.port_file + ".new" + std::to_string(::getpid());
    std::ofstream file(draft, std::ios::trunc);
    file << port << '\n';
    file.close();
    if (!file || std::rename(draft.c_str(), configured.port_file.c_str()) != 0)
      fail("port file " + configured.port_file);
  }
  std::fprintf(stderr, "bulkmsg-sandbox: listening on %s://%s:%u\n", configured.tls_cert.empty() ? "http" : "https",
               configured.listen_host.c_str(), static_cast<unsigned>(port));
}

}  // namespace sandbox
