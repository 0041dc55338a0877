#include "minimal.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "http_text.hpp"
#include "listener.hpp"
#include "provider.hpp"

namespace sandbox {
namespace {

volatile sig_atomic_t told_to_stop = 0;

constexpr std::size_t most_head = 16 * 1024;
constexpr std::string_view answer_start =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: 142\r\n\r\n"
    R"({"messaging_product":"whatsapp","contacts":[{"input":"+15550001111"}],)"
    R"("messages":[{"id":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBI)";
constexpr std::string_view answer_end = R"("}]})";
constexpr std::size_t id_digits = 16;
static_assert(answer_start.size() - answer_start.find("\r\n\r\n") - 4 + id_digits + answer_end.size() == 142);

std::string_view value_of(std::string_view line) {
  auto value = line.substr(line.find(':') + 1);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

bool is_header(std::string_view line, std::string_view lower_name) {
  if (line.size() <= lower_name.size() || line[lower_name.size()] != ':') return false;
  for (std::size_t i = 0; i < lower_name.size(); ++i) {
    if ((line[i] | 0x20) != lower_name[i]) return false;
  }
  return true;
}

class minimal_server {
 public:
  explicit minimal_server(const settings& configured) : settings_(configured), provider_(configured) {
    listener_ = open_listener(configured).descriptor;
    poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll");
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
    if (configured.tls_cert.empty()) return;
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    if (!tls_ || SSL_CTX_use_certificate_chain_file(tls_.get(), configured.tls_cert.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_.get(), configured.tls_key.c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("the certificate or its key cannot be used");
    }
    SSL_CTX_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  ~minimal_server() {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (connections_[i]) ::close(static_cast<int>(i));
    }
    ::close(poll_);
    ::close(listener_);
  }
  minimal_server(const minimal_server&) = delete;
  minimal_server& operator=(const minimal_server&) = delete;

  void run() {
    sigset_t stops;
    sigset_t before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, &before);
    struct sigaction action {};
    action.sa_handler = [](int) { told_to_stop = 1; };
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);

    sockaddr_storage own{};
    socklen_t size = sizeof own;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&own), &size);
    announce_listener(settings_, ntohs(reinterpret_cast<const sockaddr_in&>(own).sin_port));  // same place for IPv6

    std::array<epoll_event, 256> events;
    while (told_to_stop == 0) {
      // Signals come only while waiting, so none is missed between the look at the flag and the wait.
      const int count = ::epoll_pwait(poll_, events.data(), static_cast<int>(events.size()), -1, &before);
      for (int i = 0; i < count; ++i) {
        const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == listener_) {
          accept_all();
        } else if (!serve(descriptor, events[static_cast<std::size_t>(i)].events)) {
          ::close(descriptor);
          connections_[static_cast<std::size_t>(descriptor)].reset();
        }
      }
    }
  }

 private:
  template <auto Free>
  struct freed {
    template <class T>
    void operator()(T* p) const noexcept {
      Free(p);
    }
  };
  struct connection {
    std::unique_ptr<SSL, freed<SSL_free>> tls;  // its handshake is done by reading
    std::array<char, most_head> in;
    std::size_t have = 0;
    std::size_t body_left = 0;
    std::string out;  // keeps its memory from request to request
    bool waits_to_write = false;
    bool ends = false;
  };

  void watch(int descriptor, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    ::epoll_ctl(poll_, operation, descriptor, &event);
  }

  void accept_all() {
    for (;;) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) return;
      const int on = 1;
      (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const auto index = static_cast<std::size_t>(descriptor);
      if (connections_.size() <= index) connections_.resize(index + 1);
      connections_[index] = std::make_unique<connection>();
      connections_[index]->out.reserve(4096);
      if (tls_) {
        auto& tls = connections_[index]->tls;
        tls.reset(SSL_new(tls_.get()));
        SSL_set_fd(tls.get(), descriptor);
        SSL_set_accept_state(tls.get());
      }
      watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  /// False when the connection is over.
  bool serve(int descriptor, std::uint32_t events) {
    auto& c = *connections_[static_cast<std::size_t>(descriptor)];
    if ((events & EPOLLOUT) != 0 && !flush(descriptor, c)) return false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !c.waits_to_write) {
      do {
        const auto got = receive(descriptor, c);
        if (got <= 0) return got < 0;
        c.have += static_cast<std::size_t>(got);
        if (!answer_all(c)) return false;
      } while (c.tls && SSL_pending(c.tls.get()) > 0);
      if (!flush(descriptor, c)) return false;
    }
    return !(c.ends && c.out.empty());
  }

  /// 0: the connection is over; below: nothing there yet.
  static ssize_t receive(int descriptor, connection& c) {
    if (!c.tls) {
      const auto got = ::recv(descriptor, c.in.data() + c.have, c.in.size() - c.have, 0);
      return got < 0 && errno != EAGAIN && errno != EINTR ? 0 : got;
    }
    const int got = SSL_read(c.tls.get(), c.in.data() + c.have, static_cast<int>(c.in.size() - c.have));
    return got > 0 ? got : SSL_get_error(c.tls.get(), got) == SSL_ERROR_WANT_READ ? -1 : 0;
  }

  /// Below 0 with EAGAIN: no room yet.
  static ssize_t transmit(int descriptor, connection& c) {
    if (!c.tls) return ::send(descriptor, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    const int sent = SSL_write(c.tls.get(), c.out.data(), static_cast<int>(c.out.size()));
    if (sent <= 0) errno = SSL_get_error(c.tls.get(), sent) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return sent > 0 ? sent : -1;
  }

  bool flush(int descriptor, connection& c) const {
    if (c.out.empty()) return true;
    const auto sent = transmit(descriptor, c);
    if (sent < 0 && errno != EAGAIN) return false;
    const auto done = sent < 0 ? std::size_t{0} : static_cast<std::size_t>(sent);
    if (done == c.out.size()) {
      c.out.clear();
    } else {
      c.out.erase(0, done);
    }
    const bool waits = !c.out.empty();
    if (waits != c.waits_to_write) {
      c.waits_to_write = waits;
      watch(descriptor, waits ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
    return true;
  }

  /// Answers every whole request that waits in the buffer; false when a head is too large or not HTTP.
  bool answer_all(connection& c) {
    std::size_t at = 0;
    while (at < c.have && (!c.ends || c.body_left != 0)) {
      if (c.body_left != 0) {
        const auto skipped = std::min(c.body_left, c.have - at);
        at += skipped;
        c.body_left -= skipped;
        if (c.body_left == 0) accept_message(c);
        continue;
      }
      const std::string_view rest(c.in.data() + at, c.have - at);
      const auto* end = static_cast<const char*>(::memmem(rest.data(), rest.size(), "\r\n\r\n", 4));
      if (end == nullptr) {
        if (rest.size() == c.in.size()) return false;
        break;
      }
      const std::string_view head = rest.substr(0, static_cast<std::size_t>(end - rest.data()) + 2);
      at += head.size() + 2;
      if (!take_head(c, head)) return false;
    }
    std::memmove(c.in.data(), c.in.data() + at, c.have - at);
    c.have -= at;
    return true;
  }

  bool take_head(connection& c, std::string_view head) {
    const auto first = head.substr(0, head.find("\r\n"));
    std::size_t length = 0;
    for (auto lines = head.substr(first.size() + 2); !lines.empty();) {
      const auto line = lines.substr(0, lines.find("\r\n"));
      lines.remove_prefix(line.size() + 2);
      if (is_header(line, "content-length")) {
        for (const char digit : value_of(line)) {
          if (digit < '0' || digit > '9' || length > provider::most_media) return false;
          length = 10 * length + static_cast<std::size_t>(digit - '0');
        }
      } else if (is_header(line, "connection")) {
        c.ends = value_of(line) == "close";
      } else if (is_header(line, "transfer-encoding")) {
        return false;
      }
    }
    if (first.starts_with("POST ")) {
      c.body_left = length;
      if (length == 0) accept_message(c);
      return true;
    }
    if (!first.starts_with("GET ") || length != 0) return false;
    answer_rest(c, head, first.substr(4, first.rfind(' ') - 4));
    return true;
  }

  void accept_message(connection& c) {
    constexpr char hex[] = "0123456789ABCDEF";
    ++accepted_;
    std::array<char, id_digits> id;
    std::uint64_t rest = accepted_;
    for (auto digit = id.rbegin(); digit != id.rend(); ++digit, rest >>= 4) *digit = hex[rest & 15U];
    c.out.append(answer_start).append(id.data(), id.size()).append(answer_end);
  }

  /// Statistics, templates, the phone number: off the measured path.
  void answer_rest(connection& c, std::string_view head, std::string_view target) {
    answer what;
    if (target == "/_sandbox/stats") {
      what.body = R"({"accepted":)" + std::to_string(accepted_) + '}';
    } else {
      request asked{};
      asked.method = "GET";
      asked.target = target;
      for (auto lines = head.substr(head.find("\r\n") + 2); !lines.empty();) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        if (is_header(line, "authorization")) asked.authorization = value_of(line);
        if (is_header(line, "host")) asked.host = value_of(line);
      }
      what = provider_.handle(asked);
    }
    append_answer(c.out, what, !c.ends);
  }

  const settings& settings_;
  provider provider_;
  std::unique_ptr<SSL_CTX, freed<SSL_CTX_free>> tls_;
  int listener_ = -1;
  int poll_ = -1;
  std::vector<std::unique_ptr<connection>> connections_;  // by descriptor
  std::uint64_t accepted_ = 0;
};

}  // namespace

void serve_minimal(const settings& configured) { minimal_server(configured).run(); }

}  // namespace sandbox
