// Calls to the provider beside sending: the number's health, its templates, media.
//
//   auto call = provider_call::begin(desk, settings, {});
//   auto answer = (*call)->ask([&](std::string& into) { return get(*encoder, encoder->health_path(), into); });
//
// Every session has a thread and a connection of its own, so that neither pages of templates nor an upload of 100 MB
// hold up a message; both are gone with it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "bulkmsg/channels/whatsapp_cloud.hpp"
#include "bulkmsg/records/senders.hpp"
#include "engine/surroundings.hpp"

namespace bulkmsg {

class provider_call;

// The sessions under way, so that closing the engine need not wait for the slowest answer.
class call_desk {
 public:
  explicit call_desk(surroundings& around) : around_(around) {}
  // Every session's call answers errc::closed from now on. Thread: any.
  void close();

 private:
  friend class provider_call;
  surroundings& around_;
  std::mutex mutex_;
  std::set<provider_call*> open_;
  bool closed_ = false;
};

struct call_limits {
  std::uint32_t answer_bytes_max = 256 * 1024;
  std::size_t upload_bytes = 0;  // how much will be sent: a large upload gets more time
};

// One session: questions one after another. Thread: one at a time; each call blocks up to the sender's response timeout
// plus 4 s for each MiB that is sent.
class provider_call final : public net::listener {
 public:
  struct reply {
    int status = 0;
    std::string body = {};
  };

  // Errors: those of the sender's origin and TLS (invalid_argument, file_unreadable, tls_failed), closed.
  static result<std::unique_ptr<provider_call>> begin(call_desk& desk, const sender_settings& settings,
                                                      const call_limits& limits);
  ~provider_call() override;

  // `make` writes the whole request; it is asked again when the connection was found closed before the first byte.
  // What the provider answers, refusals too, is a reply. Errors: connect_failed, tls_failed, timed_out,
  // connection_lost, too_large, provider_unreadable, closed, and those of `make`.
  using request_maker = std::function<result<void>(std::string& into)>;
  result<reply> ask(const request_maker& make);

  void on_end(const net::exchange_end& end) override;
  void on_ready() override { try_send(); }
  void on_unreachable(const error& why) override;

 private:
  friend class call_desk;
  provider_call(call_desk& desk, std::string origin, nanoseconds_t patience)
      : desk_(desk), origin_(std::move(origin)), patience_(patience), io_(desk.around_.make_io("bulkmsg-calls")) {}

  struct ending {
    result<reply> got;
    bool unsent = false;
  };
  void try_send();
  void finish(ending e);
  void stop();

  call_desk& desk_;
  const std::string origin_;
  const nanoseconds_t patience_;  // after this an answer will not come any more
  std::string request_;           // the I/O thread's from the asking to the end
  bool asked_ = false;            // I/O thread: the request waits for a connection

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<ending> ended_;
  bool stopped_ = false;

  const std::unique_ptr<io_executor> io_;
  std::unique_ptr<net::transport> wire_;
};

// A request_maker's work for the GET of a path below the version.
result<void> get(const channels::request_encoder& encoder, const std::string& path, std::string& into);
// The same error without the token in it, should the provider have repeated it.
error without_token(const channels::request_encoder& encoder, error e);

}  // namespace bulkmsg
