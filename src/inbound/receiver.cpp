#include "inbound/receiver.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <mutex>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "inbound/http_request.hpp"
#include "net/insist.hpp"

namespace bulkmsg::inbound {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using io_executor = asio::io_context::executor_type;
using tcp = asio::ip::tcp;
using stream = asio::basic_stream_socket<tcp, io_executor>;
using acceptor = asio::basic_socket_acceptor<tcp, io_executor>;

constexpr nanoseconds_t tick = 100 * millisecond;
constexpr nanoseconds_t accept_pause =
    100 * millisecond;                        // after "no file descriptors" or no memory: others must end first
constexpr nanoseconds_t linger = 2 * second;  // how long an unread rest is drained, so that the peer reads our answer
constexpr std::size_t input_bytes = 16 * 1024;
constexpr int accepts_per_turn = 32;
constexpr int backlog = 128;

// ---- listening -----------------------------------------------------------------------------------------------------

result<tcp::endpoint> parse_listen(const std::string& text) {
  const auto bad = [&] {
    return fail(errc::invalid_argument,
                "cannot listen on \"" + text + "\": write address:port, such as 127.0.0.1:8080");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || text.size() > 100) return bad();
  std::string host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, wrong] = std::from_chars(text.data() + colon + 1, end, port);
  error_code ec;
  const asio::ip::address address = asio::ip::make_address(host, ec);
  if (ec || wrong != std::errc() || stop != end) return bad();
  return tcp::endpoint(address, port);
}

result<int> listen_on(const tcp::endpoint& where, const std::string& text) {
  const int family = where.address().is_v6() ? AF_INET6 : AF_INET;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  const int on = 1;
  // A restarted host must get its port back while the old connections time out.
  if (fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      ::bind(fd, where.data(), static_cast<socklen_t>(where.size())) == 0 && ::listen(fd, backlog) == 0) {
    return fd;
  }
  const error_code ec(errno, boost::system::system_category());
  if (fd >= 0) ::close(fd);
  return fail(errc::invalid_argument,
              "cannot listen on " + text + ": " + ec.message() + "; choose another port or address");
}

}  // namespace

// ---- the server ----------------------------------------------------------------------------------------------------

class receiver::server : public std::enable_shared_from_this<receiver::server> {
 public:
  server(net::io_thread& io, receiver_options options, receiver_handler& handler)
      : io_(io), options_(std::move(options)), handler_(handler), gate_(std::make_shared<gate>()) {
    gate_->io = &io;
    gate_->to = this;
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  void start(int fd, const tcp::endpoint& where) {
    acceptor_.emplace(executor());
    acceptor_->assign(where.protocol(), fd);
    port_ = acceptor_->local_endpoint().port();
    timer_ = io_.make_timer();
    accept();
  }

  void close() {
    {
      const std::lock_guard lock(gate_->mutex);
      gate_->io = nullptr;
    }
    gate_->to = nullptr;
    if (closed_) return;
    closed_ = true;
    timer_.reset();
    acceptor_.reset();
    while (!sessions_.empty()) drop(sessions_.begin()->second);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  enum class phase : std::uint8_t {
    reading,
    waiting,
    writing,
    lingering,
    gone
  };

  struct session {
    session(std::uint64_t key, stream s) : id(key), socket(std::move(s)), input(input_bytes) {}
    const std::uint64_t id;
    stream socket;
    phase state = phase::reading;
    bool reading = false;  // an Asio read is pending
    bool keep = false;
    bool head_seen = false;
    bool began = false;  // a byte of the current request came
    std::uint64_t requests = 0;
    nanoseconds_t deadline = 0;
    std::size_t body_bytes = 0;  // charged to the bound over all bodies
    std::size_t head_bytes = 0;
    std::size_t used = 0;
    std::vector<char> input;
    request current;
    std::optional<request_parser> reader;
    std::string output;
    std::size_t written = 0;
  };
  using session_ptr = std::shared_ptr<session>;

  // What replies hold on to: they may come from any thread, and after the receiver has gone.
  struct gate {
    std::mutex mutex;
    net::io_thread* io = nullptr;  // guarded by the mutex; null once closed
    server* to = nullptr;          // the I/O thread's; null once closed
  };

  class reply_once {
   public:
    reply_once(std::shared_ptr<gate> through, std::uint64_t session, std::uint64_t request)
        : gate_(std::move(through)), session_(session), request_(request) {}
    ~reply_once() {
      try {
        answer(503);
      } catch (...) {  // no memory to post it: the reply timeout says the same
      }
    }
    reply_once(const reply_once&) = delete;
    reply_once& operator=(const reply_once&) = delete;
    void answer(int status) {
      if (answered_.exchange(true)) return;
      const std::lock_guard lock(gate_->mutex);
      if (gate_->io == nullptr) return;
      gate_->io->post([g = gate_, s = session_, r = request_, status] {
        if (g->to != nullptr) g->to->replied(s, r, status);
      });
    }

   private:
    std::shared_ptr<gate> gate_;
    std::uint64_t session_;
    std::uint64_t request_;
    std::atomic<bool> answered_{false};
  };

  [[nodiscard]] io_executor executor() { return io_.context().get_executor(); }
  [[nodiscard]] nanoseconds_t time() const noexcept { return io_.time().now(); }

  // -- connections --

  void accept() {
    if (accepting_ || closed_) return;
    accepting_ = true;
    acceptor_->async_wait(acceptor::wait_read, [self = shared_from_this()](const error_code&) {
      self->accepting_ = false;
      if (self->closed_) return;
      try {
        self->take_connections();
      } catch (const std::bad_alloc&) {
        self->accept_later();
      }
    });
  }

  void take_connections() {
    for (int i = 0; i < accepts_per_turn; ++i) {
      if (sessions_.size() >= static_cast<std::size_t>(options_.connections_max)) {
        if (i > 0) break;  // only the first is known to be waiting: nobody makes room for no one
        if (!make_room()) {
          full_ = true;  // drop() goes on accepting
          return;
        }
      }
      // By hand, because Asio's accept lets the descriptor leak into programs that the host starts.
      const int fd = ::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
          accept_later();
          return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        continue;  // that one connection went away before it was taken
      }
      stream socket(executor());
      error_code ec;
      socket.assign(acceptor_->local_endpoint(ec).protocol(), fd, ec);
      if (ec) {
        ::close(fd);
        continue;
      }
      socket.non_blocking(true, ec);
      socket.set_option(tcp::no_delay(true), ec);
      auto s = std::make_shared<session>(++last_session_, std::move(socket));
      sessions_.emplace(s->id, s);
      next_request(s);
    }
    accept();
  }

  void accept_later() {
    accept_at_ = time() + accept_pause;
    wake_by(accept_at_);
  }

  bool make_room() {
    session_ptr oldest;
    for (const auto& [id, s] : sessions_) {
      if (s->state == phase::reading && !s->began && (!oldest || s->deadline < oldest->deadline)) oldest = s;
    }
    if (oldest) drop(oldest);
    return oldest != nullptr;
  }

  void drop(session_ptr s) {  // by value: the map's own pointer may be what was passed
    if (s->state == phase::gone) return;
    s->state = phase::gone;
    bodies_bytes_ -= s->body_bytes;
    s->body_bytes = 0;
    error_code ignored;
    s->socket.close(ignored);
    sessions_.erase(s->id);
    if (full_ && !closed_) {
      full_ = false;
      accept();
    }
  }

  // -- reading --

  void next_request(const session_ptr& s) {
    bodies_bytes_ -= s->body_bytes;
    s->body_bytes = 0;
    s->state = phase::reading;
    s->current = request{};
    s->reader.emplace(options_, s->current, bodies_bytes_);
    s->head_seen = false;
    s->head_bytes = 0;
    s->began = false;
    ++s->requests;
    s->deadline = time() + options_.idle_timeout;
    wake_by(s->deadline);
    if (s->used > 0) {
      parse(s);
    } else {
      read(s);
    }
  }

  void read(const session_ptr& s) {
    if (s->reading) return;
    s->reading = true;
    s->socket.async_read_some(asio::mutable_buffer(s->input.data() + s->used, s->input.size() - s->used),
                              [self = shared_from_this(), s](const error_code& ec, std::size_t n) {
                                s->reading = false;
                                if (s->state != phase::reading && s->state != phase::lingering) return;
                                if (ec) {
                                  self->drop(s);
                                } else if (s->state == phase::lingering) {
                                  self->read(s);  // discarded
                                } else {
                                  s->used += n;
                                  self->parse(s);
                                }
                              });
  }

  void parse(const session_ptr& s) {
    if (!s->began) {
      s->began = true;
      s->deadline = time() + options_.request_timeout;  // not extended by more bytes: slow senders do not hold a place
      wake_by(s->deadline);
    }
    std::size_t done = 0;
    while (!s->reader->is_done()) {
      error_code ec;
      const bool in_head = !s->head_seen;
      const std::size_t before = s->current.body.size();
      const std::size_t n = s->reader->put(asio::const_buffer(s->input.data() + done, s->used - done), ec);
      done += n;
      s->body_bytes += s->current.body.size() - before;
      if (in_head) {
        // Counted here, because Beast's own bound starts anew with a field that ends where the input ends.
        s->head_bytes += n;
        const std::size_t waiting = s->reader->is_header_done() ? 0 : s->used - done;
        if (s->head_bytes + waiting > options_.head_bytes_max) {
          refuse(s, 431);
          return;
        }
      }
      if (ec == http::error::need_more) break;
      if (ec) {
        refuse(s, s->current.refusal != 0 ? s->current.refusal : status_of(ec));
        return;
      }
      if (s->reader->is_header_done() && !s->head_seen) {
        s->head_seen = true;
        if (const int status = judge_head(*s); status != 0) {
          refuse(s, status);
          return;
        }
        if (s->current.expects_continue && done == s->used && !s->reader->is_done()) {
          // The socket is empty between requests, so this fits or the connection is broken.
          error_code ignored;
          s->socket.write_some(asio::const_buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), ignored);
        }
      }
      if (done == s->used) break;
      if (n == 0) {
        refuse(s, 400);
        return;
      }
    }
    s->used -= done;
    if (s->used > 0 && done > 0) std::copy_n(s->input.data() + done, s->used, s->input.data());
    if (s->reader->is_done()) {
      dispatch(s);
    } else if (s->used == s->input.size()) {
      // Only heads, chunk headers and trailers are left unused, and none may be larger than a head.
      if (s->input.size() > options_.head_bytes_max) {
        refuse(s, s->head_seen ? 400 : 431);
      } else {
        s->input.resize(s->input.size() * 2);
        read(s);
      }
    } else {
      read(s);
    }
  }

  int judge_head(session& s) const {
    request& r = s.current;
    if (r.method != http::verb::get && r.method != http::verb::post) return 405;
    if (r.is_1_1 && !r.has_host) return 400;
    // A coding that is not chunked would leave the body's end to guessing.
    if (r.has_coding && !s.reader->chunked()) return 400;
    std::string_view target = r.target;
    if (target.starts_with("http://")) {  // the absolute form, which a server must accept
      const std::size_t slash = target.find('/', 7);
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    if (!target.starts_with('/')) return 400;
    r.target = std::string(target);
    if (!options_.path.empty() && r.target.substr(0, r.target.find('?')) != options_.path) return 404;
    if (r.method == http::verb::get && !s.reader->is_done()) return 400;  // a GET with a body
    return 0;
  }

  void dispatch(const session_ptr& s) {
    s->keep = s->reader->keep_alive();
    if (s->current.method == http::verb::get) {
      verify(s);
      return;
    }
    s->state = phase::waiting;
    s->deadline = time() + options_.reply_timeout;
    wake_by(s->deadline);
    const auto once = std::make_shared<reply_once>(gate_, s->id, s->requests);
    handler_.on_webhook(std::move(s->current.body), std::move(s->current.signature),
                        [once](int status) { once->answer(status); });
  }

  void verify(const session_ptr& s) {
    const auto asked = parse_handshake(s->current.target);
    if (!asked) {
      respond(s, 400, {});
      return;
    }
    const std::string challenge = handler_.on_verify(asked->mode, asked->token, asked->challenge);
    if (s->state == phase::gone) return;  // the handler closed the receiver
    respond(s, challenge.empty() ? 403 : 200, challenge);
  }

  // -- answering --

  void replied(std::uint64_t id, std::uint64_t request, int status) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    const session_ptr s = found->second;
    if (s->state != phase::waiting || s->requests != request) return;  // too late: 503 was said
    respond(s, status >= 200 && status <= 599 ? status : 500, {});
  }

  void refuse(const session_ptr& s, int status) {
    s->keep = false;
    respond(s, status, {});
  }

  void respond(const session_ptr& s, int status, std::string_view body) {
    s->state = phase::writing;
    s->deadline = time() + options_.request_timeout;
    wake_by(s->deadline);
    s->written = 0;
    s->output.clear();
    s->output.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason_of(status));
    // Never anything a browser would run: the challenge is a stranger's text.
    s->output.append("\r\nContent-Type: text/plain\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ");
    s->output.append(std::to_string(body.size()));
    if (status == 405) s->output.append("\r\nAllow: GET, POST");
    if (status == 503) s->output.append("\r\nRetry-After: 5");
    if (!s->keep) s->output.append("\r\nConnection: close");
    s->output.append("\r\n\r\n").append(body);
    write(s);
  }

  void write(const session_ptr& s) {
    while (s->written < s->output.size()) {
      error_code ec;
      s->written +=
          s->socket.write_some(asio::const_buffer(s->output.data() + s->written, s->output.size() - s->written), ec);
      if (ec == asio::error::would_block || ec == asio::error::try_again) {
        s->socket.async_wait(stream::wait_write, [self = shared_from_this(), s](const error_code&) {
          if (s->state == phase::writing) self->write(s);
        });
        return;
      }
      if (ec) {
        drop(s);
        return;
      }
    }
    if (s->keep) {
      // Through the queue, so that a pipelined burst neither recurses nor starves the other connections.
      s->state = phase::reading;
      io_.post([self = shared_from_this(), s] {
        if (s->state == phase::reading) self->next_request(s);
      });
      return;
    }
    // Closing with unread bytes sends a reset, which may destroy the answer before the peer has read it.
    s->state = phase::lingering;
    s->used = 0;
    bodies_bytes_ -= s->body_bytes;
    s->body_bytes = 0;
    s->current = request{};
    s->deadline = time() + linger;
    wake_by(s->deadline);
    error_code ec;
    s->socket.shutdown(tcp::socket::shutdown_send, ec);
    if (ec) {
      drop(s);
    } else {
      read(s);
    }
  }

  // -- time --

  void wake_by(nanoseconds_t at) {
    const nanoseconds_t grid = (at / tick + 1) * tick;
    if (closed_ || (awake_at_ != 0 && awake_at_ <= grid)) return;
    awake_at_ = grid;
    timer_->arm(grid, [self = weak_from_this()] {
      if (const auto s = self.lock()) s->on_tick();
    });
  }

  void on_tick() {
    awake_at_ = 0;
    if (closed_) return;
    const nanoseconds_t now = time();
    if (accept_at_ != 0 && now >= accept_at_) {
      accept_at_ = 0;
      accept();
    }
    std::vector<session_ptr> late;
    nanoseconds_t next = accept_at_;
    for (const auto& [id, s] : sessions_) {
      if (now >= s->deadline) {
        late.push_back(s);
      } else {
        next = next == 0 ? s->deadline : std::min(next, s->deadline);
      }
    }
    for (const session_ptr& s : late) {
      if (s->state == phase::waiting) {
        respond(s, 503, {});
      } else if (s->state == phase::reading && s->began) {
        refuse(s, 408);
      } else {
        drop(s);
      }
    }
    if (next != 0) wake_by(next);
  }

  net::io_thread& io_;
  const receiver_options options_;
  receiver_handler& handler_;
  std::shared_ptr<gate> gate_;
  std::optional<acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::unordered_map<std::uint64_t, session_ptr> sessions_;
  std::uint64_t last_session_ = 0;
  std::size_t bodies_bytes_ = 0;
  std::unique_ptr<timer> timer_;
  nanoseconds_t awake_at_ = 0;
  nanoseconds_t accept_at_ = 0;
  bool accepting_ = false;
  bool full_ = false;
  bool closed_ = false;
};

// ---- the door ------------------------------------------------------------------------------------------------------

receiver::receiver(std::unique_ptr<net::io_thread> own, net::io_thread& io, std::shared_ptr<server> s)
    : own_(std::move(own)), io_(io), server_(std::move(s)) {}

receiver::~receiver() { close(); }

std::uint16_t receiver::port() const noexcept { return server_->port(); }

void receiver::close() {
  net::insist([this] { io_.call([this] { server_->close(); }); });
}

result<std::unique_ptr<receiver>> receiver::open(receiver_options options, receiver_handler& handler,
                                                 net::io_thread& io) {
  const auto where = parse_listen(options.listen);
  if (!where) return fail(where.error());
  if (options.connections_max < 1 || options.connections_max > 4096 || options.head_bytes_max < 256 ||
      options.head_bytes_max > 1024 * 1024 || options.idle_timeout <= 0 || options.request_timeout <= 0 ||
      options.reply_timeout <= 0 || (!options.path.empty() && options.path.front() != '/')) {
    return fail(
        errc::invalid_argument,
        "a receiver's bound is out of range: 1 to 4096 connections, a head of 256 to 1 Mi bytes, timeouts above "
        "0, a path that begins with /");
  }
  const auto fd = listen_on(*where, options.listen);
  if (!fd) return fail(fd.error());
  const auto s = std::make_shared<server>(io, std::move(options), handler);
  io.call([&] { s->start(*fd, *where); });
  return std::unique_ptr<receiver>(new receiver(nullptr, io, s));
}

result<std::unique_ptr<receiver>> receiver::open(receiver_options options, receiver_handler& handler) {
  auto own = std::make_unique<net::io_thread>("bulkmsg-inbound");
  auto made = open(std::move(options), handler, *own);
  if (made) (*made)->own_ = std::move(own);
  return made;
}

}  // namespace bulkmsg::inbound
