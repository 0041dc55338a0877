#include <sys/socket.h>

#include <cerrno>

#include "net/byte_layer.hpp"

namespace bulkmsg::net {
namespace {

class plain_bytes final : public byte_layer {
 public:
  result<void> begin(int fd) override {
    fd_ = fd;
    return {};
  }
  step greet() override { return step::done; }
  error why_not() const override { return {}; }

  moved read(char* to, std::size_t room) override {
    const ssize_t n = ::recv(fd_, to, room, 0);
    if (n > 0) return {step::done, static_cast<std::size_t>(n)};
    if (n == 0) return {step::ended};
    return {errno == EAGAIN || errno == EINTR ? step::waits_to_read : step::broken};
  }

  moved write(const char* from, std::size_t bytes) override {
    const ssize_t n = ::send(fd_, from, bytes, MSG_NOSIGNAL);
    if (n > 0) return {step::done, static_cast<std::size_t>(n), true};
    return {n < 0 && (errno == EAGAIN || errno == EINTR) ? step::waits_to_write : step::broken};
  }

  bool holds_more() const noexcept override { return false; }
  void end() noexcept override {}

 private:
  int fd_ = -1;
};

}  // namespace

std::unique_ptr<byte_layer> make_plain_bytes() { return std::make_unique<plain_bytes>(); }

}  // namespace bulkmsg::net
