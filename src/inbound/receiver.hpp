// A small HTTP/1.1 server for webhooks, for hosts that have no web server of their own.
//
//   struct hook : inbound::receiver_handler { ... };
//   hook handler;
//   auto receiver = inbound::receiver::open({.listen = "127.0.0.1:8080", .path = "/webhook"}, handler);
//   if (!receiver) return receiver.error();
//   (*receiver)->port();
//
// It speaks plain HTTP: put a proxy that ends TLS in front of it, and let it listen on loopback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"
#include "net/io_thread.hpp"

namespace bulkmsg::inbound {

// Both are called on the receiver's I/O thread and must not block it.
class receiver_handler {
 public:
  virtual ~receiver_handler() = default;
  // A POST arrived whole. `signature` is its X-Hub-Signature-256 as sent, empty when there was none; it is not checked
  // here. Answer with `reply(status)` from any thread, once: 200 only when the body is durable, 401 for a wrong
  // signature. Dropping every copy of `reply` unused answers 503, so that the provider tries again; so does taking
  // longer than `reply_timeout`. A reply that comes after the connection or the receiver has gone does nothing.
  virtual void on_webhook(std::string body, std::string signature, std::function<void(int status)> reply) = 0;
  // The provider's handshake (GET with hub.mode, hub.verify_token, hub.challenge, decoded). Return the challenge to
  // accept it; empty answers 403. Compare the token in constant time.
  virtual std::string on_verify(std::string_view mode, std::string_view token, std::string_view challenge) = 0;
};

struct receiver_options {
  std::string listen = "127.0.0.1:0";            // address:port or [address]:port; port 0 takes any free one
  std::string path;                              // "/webhook": everything else is 404; empty: any path
  int connections_max = 256;                     // 1..4096; above it the longest idle one makes room, or new ones wait
  std::size_t head_bytes_max = 16 * 1024;        // over: 431
  std::size_t body_bytes_max = 3 * 1024 * 1024;  // over: 413; the provider's own bound
  std::size_t bodies_bytes_max = 64 * 1024 * 1024;  // of all connections together, until replied to; over: 503
  nanoseconds_t idle_timeout = 60 * second;         // between two requests
  nanoseconds_t request_timeout = 30 * second;      // from a request's first byte to its last; over: 408
  nanoseconds_t reply_timeout = 20 * second;        // given to the handler; over: 503
};

// Thread safety: any thread; close() and the destructor return when no handler call is running or will follow. Inside a
// handler call close() is allowed, destroying is not.
// The handler, and the io_thread if one is given, must outlive the receiver.
class receiver {
 public:
  // Listens from here on. Errors: invalid_argument (options; an address that cannot be had, the message says why).
  [[nodiscard]] static result<std::unique_ptr<receiver>> open(receiver_options options, receiver_handler& handler);
  [[nodiscard]] static result<std::unique_ptr<receiver>> open(receiver_options options, receiver_handler& handler,
                                                              net::io_thread& io);
  ~receiver();
  receiver(const receiver&) = delete;
  receiver& operator=(const receiver&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  void close();  // idempotent; drops every connection

 private:
  class server;
  receiver(std::unique_ptr<net::io_thread> own, net::io_thread& io, std::shared_ptr<server> s);

  std::unique_ptr<net::io_thread> own_;
  net::io_thread& io_;
  std::shared_ptr<server> server_;
};

}  // namespace bulkmsg::inbound
