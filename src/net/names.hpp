// Where a host is: its addresses, looked up off the loop and kept for a while.
//
//   names where(io, target, io.time());
//   if (where.fresh()) connect(where.addresses());
//   else where.look_up([&](const std::string& why_none) { ... });   // on the I/O thread
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "net/io_thread.hpp"
#include "net/origin.hpp"

namespace bulkmsg::net {

// An IP address with a port, as the system's calls take it.
struct address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&bytes); }
  [[nodiscard]] std::string text() const;  // 127.0.0.1:80, [::1]:80
};

// Of one origin. An address in its place needs no looking up; localhost over plain HTTP stays on this machine whatever
// the resolver says. What was found goes on being used while the name cannot be looked up: DNS may be out of order and
// the provider not. Only for a day, and not when DNS answers that there is no such name. Thread: the I/O thread.
// Destroying it drops the question that is under way.
class names {
 public:
  static constexpr nanoseconds_t valid_for = 60 * second;
  static constexpr nanoseconds_t kept_for = nanoseconds_t{24} * 3600 * second;  // without an answer
  static constexpr nanoseconds_t asked_again_after = 10 * second;               // when there was none
  static constexpr std::size_t addresses_max = 16;

  names(io_thread& io, const origin& of, const clock& time);
  ~names();
  names(const names&) = delete;
  names& operator=(const names&) = delete;

  // What was found last, also when it is not fresh any more: connecting goes on with it, also when a question stays
  // open too long.
  [[nodiscard]] const std::vector<address>& addresses() const noexcept { return addresses_; }
  [[nodiscard]] bool fresh() const noexcept { return time_.now() < valid_until_; }
  [[nodiscard]] bool asking() const noexcept { return asking_; }
  // Whether the last question had no answer, and the addresses are those of an earlier one.
  [[nodiscard]] bool unanswered() const noexcept { return unanswered_; }
  // `then` hears why there is no address, or nothing. It may be called inside (where nothing needs to be looked up).
  // Only one question at a time.
  void look_up(std::function<void(const std::string& why_none)> then);
  // The provider may have moved: what is known is not fresh any more.
  void doubt() noexcept { valid_until_ = 0; }

 private:
  struct asker;
  void found(std::vector<address> addresses) noexcept;
  void found_none(bool no_such_name) noexcept;

  io_thread& io_;
  const origin of_;
  const clock& time_;
  std::shared_ptr<asker> asker_;
  std::vector<address> addresses_;
  nanoseconds_t found_at_ = 0;
  nanoseconds_t valid_until_ = 0;
  bool asking_ = false;
  bool unanswered_ = false;
};

}  // namespace bulkmsg::net
