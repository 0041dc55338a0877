// The transport seam between the batch sender and the network. The real one is the Asio client in src/net/; the
// simulation has its own.
//
// One transport speaks to one origin over a bounded pool of kept-alive connections. The sender asks for a ready
// connection, writes the request straight into its buffer, and sends it; each exchange ends exactly once, in
// `listener::on_end`. All calls and callbacks are on the executor's thread, and callbacks never run inside a call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"

namespace bulkmsg::net {

// What is known about a request's fate when its exchange ends.
enum class fate : std::uint8_t {
  answered,  // a complete HTTP response arrived
  unsent,    // proved: not one byte of the request was handed to the network; safe to send again
  unknown,   // bytes were handed over and no complete response came: reset, timeout, truncated, oversized
};

struct exchange_end {
  std::uint64_t token = 0;  // as given to send()
  net::fate fate = net::fate::unknown;
  errc reason = errc::ok;         // why there is no answer; ok when answered
  int status = 0;                 // HTTP status when answered
  nanoseconds_t retry_after = 0;  // from Retry-After, 0 when absent
  std::string_view body;          // when answered; valid during the callback only
};

class listener {
 public:
  virtual ~listener() = default;
  virtual void on_end(const exchange_end& end) = 0;
  // A connection became ready after acquire() had found none.
  virtual void on_ready() = 0;
  // Connecting failed (name, refused, TLS); the transport goes on trying with back-off while connections are wanted.
  virtual void on_unreachable(const error& why) = 0;
};

class transport {
 public:
  virtual ~transport() = default;
  static constexpr int none = -1;

  virtual void set_listener(listener* to) = 0;
  // A ready, idle connection whose peer has not closed it, or `none`; then the pool grows if it may, and on_ready()
  // follows. The slot is the caller's until send() or release().
  virtual int acquire() = 0;
  virtual void release(int slot) = 0;
  // The slot's write buffer, emptied; capacity is kept. Write the whole request (head and body) into it.
  virtual std::string& buffer(int slot) = 0;
  // Hands the buffer to the network now. The response deadline runs from here.
  virtual void send(int slot, std::uint64_t token) = 0;
  [[nodiscard]] virtual int in_flight() const noexcept = 0;
  // Drops every connection; exchanges under way end as `unknown`. Idempotent.
  virtual void close() = 0;
};

struct tls_options {
  std::string ca_file;      // PEM; empty: the system's store
  std::string server_name;  // empty: the origin's host; used for SNI and verification
};

struct transport_options {
  std::string origin;        // "https://host[:port]" or "http://host[:port]" (the latter only for loopback)
  int connections_max = 64;  // 1..1024
  nanoseconds_t connect_timeout = 10 * second;   // name + TCP + TLS
  nanoseconds_t response_timeout = 30 * second;  // from the first byte written to the last byte read
  nanoseconds_t idle_timeout = 55 * second;      // an unused connection is closed after this
  std::uint32_t head_bytes_max = 16 * 1024;
  std::uint32_t body_bytes_max = 256 * 1024;
  tls_options tls;
};

}  // namespace bulkmsg::net
