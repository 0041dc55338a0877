// The connections to one origin: how many there are, which one is next, and what becomes of requests whose connection
// fails. What it promises is said in http_client.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bulkmsg/net/transport.hpp"
#include "net/connection.hpp"
#include "net/io_thread.hpp"
#include "net/names.hpp"
#include "net/origin.hpp"
#include "net/ready_set.hpp"
#include "net/tls_bytes.hpp"

namespace bulkmsg::net {

// Everything but the constructor and the destructor: the I/O thread.
class pool final : public std::enable_shared_from_this<pool>, private connection::user {
 public:
  // Without `tls`: plain.
  pool(io_thread& io, transport_options options, origin target, std::unique_ptr<tls_server> tls);
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  // As in `transport`.
  void set_listener(listener* to) noexcept { listener_ = to; }
  int acquire();
  void release(int slot);
  std::string& buffer(int slot);
  void send(int slot, std::uint64_t token);
  [[nodiscard]] int in_flight() const noexcept { return in_flight_; }
  void close();
  // The transport is being destroyed: nothing is told any more, and nothing of this is left on the loop.
  void abandon();

 private:
  void connected(connection& c) override;
  void not_connected(connection& c, error why) override;
  void answered(connection& c, bool keep) override;
  void lost(connection& c, errc why) override;

  connection* held(int slot) const noexcept;
  void end_without_answer(connection& c, errc why);
  void tell(const exchange_end& end);
  void tell_ready();
  void end_later(const exchange_end& end);
  void request_drain();
  void drain();

  void become_idle(connection& c, nanoseconds_t now);
  void forget(connection& c) noexcept;
  void drop(connection& c);
  void grow(nanoseconds_t now);
  connection& closed_one();
  void find_the_way(connection& c, nanoseconds_t now);
  void looked_up(const std::string& why_none);
  void next_address(connection& c, nanoseconds_t now);
  void give_up_connecting(connection& c, error why);
  void failed(error why, nanoseconds_t now);

  void wake_by(nanoseconds_t at, nanoseconds_t now);
  void on_tick();
  void late_to_connect(connection& c, nanoseconds_t now);

  const transport_options options_;
  const origin target_;
  const std::unique_ptr<tls_server> tls_;
  io_thread& io_;
  const std::shared_ptr<ready_set> sockets_;
  std::optional<names> names_;
  std::size_t preferred_ = 0;  // which address answered last
  listener* listener_ = nullptr;

  std::vector<std::unique_ptr<connection>> slots_;  // made as they are needed, and opened anew again and again
  std::vector<int> idle_;
  int connecting_ = 0;
  int established_ = 0;
  int in_flight_ = 0;
  bool wanted_ = false;  // acquire() found none, and on_ready() has not followed
  bool closed_ = false;
  int failures_ = 0;  // since the last answer
  nanoseconds_t retry_at_ = 0;
  bool step_told_ = false;  // on_unreachable() was called in this back-off step

  std::vector<exchange_end> ends_;
  std::optional<error> unreachable_;
  bool draining_ = false;
  std::unique_ptr<timer> tick_;
  nanoseconds_t ticking_until_ = 0;
  std::string nowhere_;  // what buffer() of a slot that is not held returns
};

}  // namespace bulkmsg::net
