// A listener that lets a test speak to a transport as if it were synchronous.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/http_client.hpp"
#include "net/io_thread.hpp"

namespace bulkmsg::testing {

struct ended {
  net::fate fate = net::fate::unknown;
  errc reason = errc::ok;
  int status = 0;
  nanoseconds_t retry_after = 0;
  std::string body;
};

inline std::string post_request(const std::string& body) {
  return "POST /v1 HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string response(const std::string& body, const std::string& fields = "") {
  return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class driver final : public net::listener {
 public:
  explicit driver(net::transport_options options) {
    // A machine that is slow is no provider that is: only the tests of these deadlines have them.
    const net::transport_options usual;
    for (const auto which : {&net::transport_options::connect_timeout, &net::transport_options::response_timeout,
                             &net::transport_options::idle_timeout}) {
      if (options.*which == usual.*which) options.*which = patience.count() * second;
    }
    auto made = net::make_http_client(io, std::move(options));
    if (!made) throw std::runtime_error(made.error().message);
    client = std::move(*made);
    io.call([this] { client->set_listener(this); });
  }
  ~driver() override {
    disconnect();
    io.stop();
  }
  // On the I/O thread, whose callbacks read `client`.
  void disconnect() {
    io.call([this] {
      if (client) client->set_listener(nullptr);
      client.reset();
    });
  }
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;

  // Queues a request; it goes out as soon as a connection is ready.
  std::uint64_t start(std::string request) {
    const std::uint64_t token = ++last_token_;
    io.call([&] {
      waiting_.emplace_back(token, std::move(request));
      pump();
    });
    return token;
  }
  ended finish(std::uint64_t token) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return ends_.contains(token); }))
      throw std::runtime_error("no end came");
    return ends_.at(token);
  }
  ended exchange(std::string request) { return finish(start(std::move(request))); }
  error unreachable() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return !whys_.empty(); })) throw std::runtime_error("not unreachable");
    const error first = whys_.front();
    whys_.pop_front();
    return first;
  }
  std::size_t ends() {
    const std::lock_guard lock(mutex_);
    return ends_.size();
  }
  // Lets everything that the loop has at hand happen.
  void settle() {
    for (int i = 0; i < 3; ++i) io.call([] {});
  }

  void on_end(const net::exchange_end& e) override {
    {
      const std::lock_guard lock(mutex_);
      if (!ends_.emplace(e.token, ended{e.fate, e.reason, e.status, e.retry_after, std::string(e.body)}).second)
        ++twice;
      changed_.notify_all();
    }
    pump();
  }
  void on_ready() override { pump(); }
  void on_unreachable(const error& why) override {
    const std::lock_guard lock(mutex_);
    whys_.push_back(why);
    changed_.notify_all();
  }

  // A deadline for tests that would otherwise hang; nothing waits for it when all is well.
  static constexpr std::chrono::seconds patience{120};
  net::io_thread io;
  std::unique_ptr<net::transport> client;
  int twice = 0;

 private:
  void pump() {
    while (!waiting_.empty()) {
      const int slot = client->acquire();
      if (slot == net::transport::none) return;
      client->buffer(slot) = std::move(waiting_.front().second);
      const std::uint64_t token = waiting_.front().first;
      waiting_.pop_front();
      client->send(slot, token);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, ended> ends_;
  std::deque<error> whys_;
  std::deque<std::pair<std::uint64_t, std::string>> waiting_;
  std::uint64_t last_token_ = 0;
};

}  // namespace bulkmsg::testing
