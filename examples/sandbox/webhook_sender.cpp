#include "webhook_sender.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include "clocks.hpp"
#include "crypto.hpp"
#include "url.hpp"

namespace sandbox {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
template <class Result>
using task = asio::awaitable<Result, executor>;
constexpr asio::use_awaitable_t<executor> awaited{};

constexpr auto answer_deadline = std::chrono::seconds(10);
constexpr auto first_pause = std::chrono::milliseconds(50);
constexpr auto longest_pause = std::chrono::milliseconds(1000);

class connection {
 public:
  connection(asio::io_context& io, provider& source, const settings& configured)
      : source_(source),
        settings_(configured),
        socket_(io.get_executor()),
        pause_(io.get_executor()),
        deadline_(io.get_executor()) {}

  task<void> run() {
    receipts::batch batch;
    for (;;) {
      const bool due =
          !source_.webhook_url().empty() && source_.webhooks().take(unix_nanos() / 1'000'000, settings_.webhook_batch,
                                                                    source_.misbehaviour().webhook_shuffle, batch);
      if (!due) {
        // Looking again after a while costs less than waking somebody for each message, and makes batches.
        co_await sleep(std::chrono::milliseconds(source_.webhooks().pending() != 0 ? 5 : 20));
        continue;
      }
      source_.webhooks().settle(batch, co_await deliver(batch.body));
    }
  }

 private:
  task<void> sleep(std::chrono::milliseconds how_long) {
    error_code ignored;
    pause_.expires_after(how_long);
    co_await pause_.async_wait(asio::redirect_error(awaited, ignored));
  }

  task<bool> deliver(const std::string& body) {
    const auto signature = hmac_sha256_hex(settings_.app_secret, body);
    auto pause = first_pause;
    for (std::uint32_t attempt = 0; attempt < settings_.webhook_attempts; ++attempt) {
      // Looked up each time: the receiver may have come back elsewhere.
      if (const auto url = parse_loopback_url(source_.webhook_url())) {
        if (co_await post(*url, signature, body)) co_return true;
      }
      co_await sleep(pause);
      pause = std::min(pause * 2, longest_pause);
    }
    co_return false;
  }

  task<bool> post(const loopback_url& url, const std::string& signature, const std::string& body) {
    deadline_.expires_after(answer_deadline);
    deadline_.async_wait([this](error_code stopped) {
      if (!stopped) close();
    });
    const bool answered_200 = co_await exchange(url, signature, body);
    deadline_.cancel();
    co_return answered_200;
  }

  task<bool> exchange(const loopback_url& url, const std::string& signature, const std::string& body) {
    error_code failed;
    const asio::ip::tcp::endpoint peer(asio::ip::make_address(url.host, failed), url.port);
    if (failed) co_return false;
    if (peer != peer_) close();
    if (!socket_.is_open()) {
      co_await socket_.async_connect(peer, asio::redirect_error(awaited, failed));
      if (failed) {
        close();
        co_return false;
      }
      socket_.set_option(asio::ip::tcp::no_delay(true), failed);
      peer_ = peer;
    }
    const std::string host = url.host.find(':') == std::string::npos ? url.host : '[' + url.host + ']';
    const std::string head =
        "POST " + url.target + " HTTP/1.1\r\nHost: " + host + ':' + std::to_string(url.port) +
        "\r\nUser-Agent: facebookexternalua\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\nX-Hub-Signature-256: sha256=" + signature + "\r\n\r\n";
    const std::array<asio::const_buffer, 2> request{asio::buffer(head), asio::buffer(body)};
    co_await asio::async_write(socket_, request, asio::redirect_error(awaited, failed));
    if (failed) {
      close();
      co_return false;
    }
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    parser.header_limit(16 * 1024);
    parser.body_limit(64 * 1024);
    std::array<char, 16 * 1024 + 512> buffer;
    std::size_t have = 0;
    while (!parser.is_done()) {
      const auto got = co_await socket_.async_read_some(asio::buffer(buffer.data() + have, buffer.size() - have),
                                                        asio::redirect_error(awaited, failed));
      have += got;
      if (failed) break;
      const auto used = parser.put(asio::buffer(buffer.data(), have), failed);
      if (failed && failed != http::error::need_more) break;
      failed = {};
      std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(used), buffer.begin() + static_cast<std::ptrdiff_t>(have),
                buffer.begin());
      have -= used;
      if (have == buffer.size()) break;
    }
    const bool whole = parser.is_done() && !failed;
    if (!whole || !parser.get().keep_alive() || have != 0) close();
    co_return parser.is_header_done() && parser.get().result_int() == 200;
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

  provider& source_;
  const settings& settings_;
  tcp_socket socket_;
  timer pause_;
  timer deadline_;
  asio::ip::tcp::endpoint peer_;
};

}  // namespace

void start_webhooks(asio::io_context& io, provider& source, const settings& configured) {
  for (std::uint32_t i = 0; i < configured.webhook_connections; ++i) {
    auto one = std::make_unique<connection>(io, source, configured);
    auto& started = *one;
    asio::co_spawn(io, started.run(), [kept = std::move(one)](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
    });
  }
}

}  // namespace sandbox
