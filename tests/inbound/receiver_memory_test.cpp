// A receiver for which there was no memory at one moment takes the next connection.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "base/own_new.hpp"
#include "inbound/receiver.hpp"

namespace {
std::atomic<bool> no_large_one = false;  // of any thread; what a connection reads into is large
std::atomic<int> refusals = 0;
}  // namespace

void bulkmsg::testing::before_new(std::size_t size) {
  if (size >= 16 * 1024 && no_large_one.exchange(false)) {
    ++refusals;
    throw std::bad_alloc();
  }
}

namespace bulkmsg::inbound {
namespace {

class nobody final : public receiver_handler {
  void on_webhook(std::string, std::string, std::function<void(int)> reply) override { reply(200); }
  std::string on_verify(std::string_view, std::string_view, std::string_view challenge) override {
    return std::string(challenge);
  }
};

std::string answer_of(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  const timeval patience{120, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) {
    const std::string_view asked =
        "GET /?hub.mode=subscribe&hub.verify_token=v&hub.challenge=7 HTTP/1.1\r\nHost: a\r\n\r\n";
    static_cast<void>(!::send(fd, asked.data(), asked.size(), MSG_NOSIGNAL));
    char buffer[256];
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n > 0) answer.assign(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

TEST(receiver_memory, one_connection_without_memory_is_not_the_last) {
  if (!testing::new_is_ours) GTEST_SKIP() << "under a sanitizer";
  nobody handler;
  receiver_options options;
  options.listen = "127.0.0.1:0";
  auto opened = receiver::open(options, handler);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_TRUE(answer_of((*opened)->port()).starts_with("HTTP/1.1 200"));
  no_large_one = true;
  EXPECT_EQ(answer_of((*opened)->port()), "");
  EXPECT_EQ(refusals, 1);
  EXPECT_TRUE(answer_of((*opened)->port()).starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace bulkmsg::inbound
