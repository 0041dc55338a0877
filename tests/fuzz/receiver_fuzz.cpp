// Any bytes on a connection to the HTTP receiver, in two pieces: it answers with whole responses or closes, and goes on
// answering others. The first byte of the input says where it is cut.
#include "inbound/receiver.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace bulkmsg;

void require(bool truth, const char* what) {
  if (truth) return;
  std::perror(what);
  std::abort();
}

struct hook final : inbound::receiver_handler {
  void on_webhook(std::string body, std::string signature, std::function<void(int)> reply) override {
    require(body.size() <= 64 * 1024, "a body is within its bound");
    reply(signature.empty() ? 401 : 200);
  }
  std::string on_verify(std::string_view mode, std::string_view, std::string_view challenge) override {
    return mode == "subscribe" ? std::string(challenge) : std::string();
  }
};

std::uint16_t port() {
  static hook handler;
  static auto opened = inbound::receiver::open({.listen = "127.0.0.1:0",
                                                .path = "/webhook",
                                                .head_bytes_max = 4 * 1024,
                                                .body_bytes_max = 64 * 1024,
                                                .idle_timeout = 2 * second,
                                                .request_timeout = 2 * second},
                                               handler);
  require(opened.has_value(), "the receiver opens");
  return (*opened)->port();
}

// A connected socket. Each comes from a loopback address of its own: the ports of one address, which closed connections
// keep for a while, run out within seconds at this rate.
int connected() {
  static std::uint32_t calls = 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(fd >= 0, "a socket opens");
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + calls++ % 0xfffff0);
  require(::bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0, "the socket takes its own address");
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port());
  require(::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0, "the receiver is reached");
  return fd;
}

// What it answers to these bytes and the end of them.
std::string exchange(std::string_view first, std::string_view second) {
  const int fd = connected();
  const timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  static_cast<void>(::send(fd, first.data(), first.size(), MSG_NOSIGNAL));
  static_cast<void>(::send(fd, second.data(), second.size(), MSG_NOSIGNAL));
  ::shutdown(fd, SHUT_WR);
  std::string got;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = ::recv(fd, buffer, sizeof buffer, 0)) > 0) got.append(buffer, static_cast<std::size_t>(n));
  require(n == 0 || errno != EAGAIN, "it does not hang");
  ::close(fd);
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto cut = text.size() * data[0] / 255;
  const auto got = exchange(text.substr(0, cut), text.substr(cut));
  require(got.empty() || got.starts_with("HTTP/1.1 "), "it answers whole responses");
  const auto sane =
      exchange("GET /webhook?hub.mode=subscribe&hub.verify_token=x&hub.challenge=42 HTTP/1.1\r\nHost: x\r\n",
               "Connection: close\r\n\r\n");
  require(sane.starts_with("HTTP/1.1 200 ") && sane.ends_with("\r\n\r\n42"), "it goes on answering others");
  return 0;
}
