#include "server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <chrono>
#include <cstring>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>

#include "arrival.hpp"
#include "clocks.hpp"
#include "http_text.hpp"
#include "listener.hpp"
#include "provider.hpp"
#include "webhook_sender.hpp"

namespace sandbox {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using tls_stream = ssl::stream<tcp_socket>;
using timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
template <class Result>
using task = asio::awaitable<Result, executor>;
constexpr asio::use_awaitable_t<executor> awaited{};

constexpr std::size_t most_head = 16 * 1024;
constexpr std::size_t most_sessions = 8192;
constexpr std::size_t most_drained = std::size_t{8} << 20;
constexpr nanos idle_time = 75 * one_second;
constexpr nanos drain_time = 2 * one_second;

/// Closes sessions whose time is up: one coarse timer for all of them.
struct expiring {
  virtual ~expiring() = default;
  virtual void abandon() = 0;
  nanos deadline = 0;
};
using expiry_list = std::list<expiring*>;

template <class Stream>
class session final : public expiring {
  static constexpr bool tls = std::is_same_v<Stream, tls_stream>;

 public:
  session(Stream stream, provider& answers, expiry_list& expiries)
      : stream_(std::move(stream)), answers_(answers), expiries_(expiries), delay_(socket().get_executor()) {
    deadline = steady_nanos() + idle_time;
    place_ = expiries_.insert(expiries_.end(), this);
    ++answers_.measured().connections;
    ++answers_.measured().open;
  }
  ~session() override {
    expiries_.erase(place_);
    --answers_.measured().open;
  }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void abandon() override {
    error_code ignored;
    socket().close(ignored);
    delay_.cancel();
  }

  task<void> run() {
    error_code failed;
    socket().set_option(asio::ip::tcp::no_delay(true), failed);
    if constexpr (tls) {
      co_await stream_.async_handshake(ssl::stream_base::server, asio::redirect_error(awaited, failed));
      if (failed) co_return;
    } else {
      ask_for_arrival_times(socket().native_handle());
    }
    while (co_await serve_one()) {
    }
  }

 private:
  tcp_socket& socket() {
    if constexpr (tls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  /// Reads more bytes behind those that wait; false at the end of the connection.
  task<bool> read_more() {
    error_code failed;
    if constexpr (tls) {
      have_ += co_await stream_.async_read_some(asio::buffer(buffer_.data() + have_, buffer_.size() - have_),
                                                asio::redirect_error(awaited, failed));
      arrived_ = steady_nanos();
      co_return !failed;
    } else {
      for (;;) {
        if (!socket().is_open()) co_return false;
        const auto [size, at] = receive(socket().native_handle(), std::span(buffer_).subspan(have_));
        if (size > 0) {
          have_ += static_cast<std::size_t>(size);
          arrived_ = at;
          co_return true;
        }
        if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) co_return false;
        co_await socket().async_wait(tcp_socket::wait_read, asio::redirect_error(awaited, failed));
        if (failed) co_return false;
      }
    }
  }

  void discard(std::size_t used) {
    std::memmove(buffer_.data(), buffer_.data() + used, have_ - used);
    have_ -= used;
  }

  task<bool> serve_one() {
    http::request_parser<http::string_body> parser;
    parser.eager(true);
    parser.header_limit(most_head);
    // Checked here once the target is known; Beast would judge before.
    parser.body_limit(provider::most_media);
    error_code failed;
    nanos arrived = arrived_;  // of pipelined bytes that wait already
    bool begun = have_ != 0;
    bool head_seen = false;
    deadline = steady_nanos() + idle_time;
    for (;;) {
      if (have_ != 0) {
        const auto used = parser.put(asio::buffer(buffer_.data(), have_), failed);
        discard(used);
        if (failed == http::error::need_more) failed = {};
        if (failed) co_return co_await refuse_http(failed);
        if (parser.is_header_done() && !head_seen) {
          head_seen = true;
          const auto limit = provider::body_limit(view(parser.get().target()));
          if (parser.content_length().value_or(0) > limit) co_return co_await refuse_http(http::error::body_limit);
          body_limit_ = limit;
          if (!parser.is_done() && !co_await invite_body(parser)) co_return false;
        }
        if (head_seen && parser.get().body().size() > body_limit_)
          co_return co_await refuse_http(http::error::body_limit);
        if (parser.is_done()) break;
        if (have_ == buffer_.size()) co_return co_await refuse_http(http::error::header_limit);
      }
      if (!co_await read_more()) {
        if (begun) ++answers_.measured().malformed;
        co_return false;
      }
      if (!begun) arrived = arrived_;
      begun = true;
    }
    co_return co_await reply(parser.get(), arrived);
  }

  /// curl and others wait for this before they send a large body.
  template <class Parser>
  task<bool> invite_body(Parser& parser) {
    if (!boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) co_return true;
    error_code failed;
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(go_on), asio::redirect_error(awaited, failed));
    co_return !failed;
  }

  static std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

  task<bool> reply(const http::request<http::string_body>& asked, nanos arrived) {
    struct counted {
      explicit counted(std::uint64_t& n) : number(n) { ++number; }
      ~counted() { --number; }
      counted(const counted&) = delete;
      counted& operator=(const counted&) = delete;
      std::uint64_t& number;
    } in_flight(answers_.measured().in_flight);

    const auto what = answers_.handle({.method = view(asked.method_string()),
                                       .target = view(asked.target()),
                                       .authorization = view(asked[http::field::authorization]),
                                       .content_type = view(asked[http::field::content_type]),
                                       .host = view(asked[http::field::host]),
                                       .body = asked.body(),
                                       .arrived = arrived,
                                       .unix_ms = unix_nanos() / 1'000'000});
    error_code failed;
    if (what.delay_ms > 0) {
      deadline = steady_nanos() + what.delay_ms * 1'000'000 + idle_time;
      delay_.expires_after(std::chrono::milliseconds(what.delay_ms));
      co_await delay_.async_wait(asio::redirect_error(awaited, failed));
      if (failed) co_return false;
    }
    if (what.how == answer::delivery::reset) {
      reset();
      co_return false;
    }
    ++served_;
    const auto close_after = answers_.misbehaviour().close_after;
    const bool keep =
        asked.keep_alive() && what.how == answer::delivery::whole && (close_after == 0 || served_ < close_after);
    out_.clear();
    append_answer(out_, what, keep);
    co_await asio::async_write(stream_, asio::buffer(out_), asio::redirect_error(awaited, failed));
    if (failed) co_return false;
    if (!keep) co_await say_goodbye();
    co_return keep;
  }

  /// What is not HTTP, or too large, is answered and ends the connection.
  task<bool> refuse_http(error_code why) {
    ++answers_.measured().malformed;
    answer what;
    what.status = why == http::error::body_limit ? 413 : why == http::error::header_limit ? 431 : 400;
    what.body = error_envelope({what.status == 400 ? 1 : 100, "HTTP: " + why.message()}, answers_.measured().malformed);
    out_.clear();
    append_answer(out_, what, false);
    error_code failed;
    co_await asio::async_write(stream_, asio::buffer(out_), asio::redirect_error(awaited, failed));
    if (!failed) co_await say_goodbye();
    co_return false;
  }

  /// Closing while bytes wait unread would reset the connection and could destroy the answer on its way.
  task<void> say_goodbye() {
    error_code failed;
    deadline = steady_nanos() + drain_time;
    if constexpr (tls) {
      co_await stream_.async_shutdown(asio::redirect_error(awaited, failed));
    }
    socket().shutdown(tcp_socket::shutdown_send, failed);
    std::size_t drained = 0;
    while (!failed && drained < most_drained) {
      drained += co_await socket().async_read_some(asio::buffer(buffer_), asio::redirect_error(awaited, failed));
    }
  }

  void reset() {
    error_code ignored;
    socket().set_option(asio::socket_base::linger(true, 0), ignored);
    socket().close(ignored);
  }

  Stream stream_;
  provider& answers_;
  expiry_list& expiries_;
  expiry_list::iterator place_;
  timer delay_;
  std::array<char, most_head + 4096> buffer_;
  std::size_t have_ = 0;
  std::size_t body_limit_ = 0;
  nanos arrived_ = 0;
  std::uint64_t served_ = 0;
  std::string out_;
};

class server {
 public:
  explicit server(const settings& configured)
      : provider_(configured),
        settings_(configured),
        io_(1),
        acceptor_(io_.get_executor()),
        tick_(io_.get_executor()),
        signals_(io_, SIGTERM, SIGINT) {
    if (!configured.tls_cert.empty()) {
      tls_.emplace(ssl::context::tls_server);
      tls_->use_certificate_chain_file(configured.tls_cert);
      tls_->use_private_key_file(configured.tls_key, ssl::context::pem);
    }
    const auto opened = open_listener(configured);
    acceptor_.assign(opened.ipv6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), opened.descriptor);
  }

  void run() {
    signals_.async_wait([this](error_code stopped, int) {
      if (!stopped) io_.stop();
    });
    spawn(accept());
    spawn(expire());
    start_webhooks(io_, provider_, settings_);
    announce_listener(settings_, acceptor_.local_endpoint().port());
    io_.run();
  }

 private:
  void spawn(task<void> what) {
    asio::co_spawn(io_, std::move(what), [](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
    });
  }

  template <class Stream>
  void start(Stream stream) {
    auto fresh = std::make_unique<session<Stream>>(std::move(stream), provider_, expiries_);
    auto& started = *fresh;
    asio::co_spawn(io_, started.run(), [kept = std::move(fresh)](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
    });
  }

  task<void> accept() {
    for (;;) {
      error_code failed;
      tcp_socket socket = co_await acceptor_.async_accept(asio::redirect_error(awaited, failed));
      if (failed) {  // out of descriptors, most likely: give others time to end
        timer pause(io_.get_executor(), std::chrono::milliseconds(50));
        co_await pause.async_wait(asio::redirect_error(awaited, failed));
        continue;
      }
      if (expiries_.size() >= most_sessions) continue;
      if (tls_) {
        start(tls_stream(std::move(socket), *tls_));
      } else {
        start(std::move(socket));
      }
    }
  }

  task<void> expire() {
    for (;;) {
      error_code failed;
      tick_.expires_after(std::chrono::seconds(1));
      co_await tick_.async_wait(asio::redirect_error(awaited, failed));
      const auto now = steady_nanos();
      for (auto* each : expiries_) {
        if (each->deadline < now) each->abandon();
      }
    }
  }

  provider provider_;
  const settings& settings_;
  expiry_list expiries_;  // outlives the sessions, which io_ owns
  std::optional<ssl::context> tls_;
  asio::io_context io_;
  asio::basic_socket_acceptor<asio::ip::tcp, executor> acceptor_;
  timer tick_;
  asio::signal_set signals_;
};

}  // namespace

void serve(const settings& configured) { server(configured).run(); }

}  // namespace sandbox
