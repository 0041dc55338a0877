// A server on loopback whose every connection follows a script, byte by byte: what the client must survive.
//
//   test_server server([](peer& p) { p.request(); p.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
//
// The script runs once for each connection, on a thread of its own; when it returns the connection is closed. With a
// certificate it speaks TLS. Nothing here uses Asio or Beast, so that the client is not checked against itself.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bulkmsg::testing {

class peer {
 public:
  peer(int fd, SSL* ssl, int n) : number(n), fd_(fd), ssl_(ssl) {
    sockaddr_in client{}, own{};
    socklen_t size = sizeof client;
    ::getpeername(fd, reinterpret_cast<sockaddr*>(&client), &size);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
    char text[64];
    std::snprintf(text, sizeof text, "%08X:%04X %08X:%04X 01", client.sin_addr.s_addr, ntohs(client.sin_port),
                  own.sin_addr.s_addr, ntohs(own.sin_port));
    established_ = text;
  }
  ~peer() { close(); }
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  // The next request, head and body; empty when the client closed.
  std::string request() {
    for (;;) {
      const std::size_t head = input_.find("\r\n\r\n");
      if (head != std::string::npos) {
        std::size_t length = 0;
        const std::size_t field = input_.find("Content-Length: ");
        if (field < head) length = std::stoul(input_.substr(field + 16, 20));
        if (input_.size() >= head + 4 + length) {
          std::string whole = input_.substr(0, head + 4 + length);
          input_.erase(0, whole.size());
          return whole;
        }
      }
      char buffer[16384];
      const int n = read_some(buffer, sizeof buffer);
      if (n <= 0) return {};
      input_.append(buffer, static_cast<std::size_t>(n));
    }
  }

  // True when all was taken.
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const int n = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                    : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // The first bytes of what comes next.
  void some() {
    char buffer[1024];
    read_some(buffer, sizeof buffer);
  }

  // Returns when the client has closed.
  void wait_for_close() {
    char buffer[4096];
    while (read_some(buffer, sizeof buffer) > 0) {
    }
  }

  void close() {
    if (fd_ < 0) return;
    if (ssl_ != nullptr) {
      if (!abrupt_) SSL_shutdown(ssl_);
      SSL_free(ssl_);
      ssl_ = nullptr;
    }
    ::close(fd_);
    fd_ = -1;
  }
  // FIN without close_notify.
  void cut() {
    abrupt_ = true;
    close();
  }
  void reset() {
    abrupt_ = true;
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  // "I have said all", and goes on listening.
  void half_close() {
    if (ssl_ != nullptr) SSL_shutdown(ssl_);
    ::shutdown(fd_, SHUT_WR);
  }
  // After one of these: returns once the client's side of the kernel has heard, which takes a while on a busy machine.
  void wait_until_heard() const {
    for (bool deaf = true; deaf;) {
      deaf = false;
      std::ifstream table("/proc/net/tcp");
      for (std::string line; std::getline(table, line);) deaf = deaf || line.find(established_) != std::string::npos;
      if (deaf) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // What is written from here on leaves in one piece.
  void hold_back(bool on) {
    const int cork = on ? 1 : 0;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_CORK, &cork, sizeof cork);
  }
  // Whether the client ended the stream in good order.
  [[nodiscard]] bool told_goodbye() const {
    return ssl_ == nullptr || (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  [[nodiscard]] bool resumed() const { return ssl_ != nullptr && SSL_session_reused(ssl_) == 1; }

  const int number;  // 0, 1, ... in the order of accepting

 private:
  int read_some(char* to, std::size_t n) {
    return ssl_ != nullptr ? SSL_read(ssl_, to, static_cast<int>(n)) : static_cast<int>(::recv(fd_, to, n, 0));
  }

  int fd_;
  SSL* ssl_;
  bool abrupt_ = false;
  std::string input_;
  std::string established_;  // the client's socket in /proc/net/tcp, as long as it has heard of no end
};

// A port of 127.0.0.1 on which nobody listens, and which nobody else is given while this lives.
class closed_port {
 public:
  closed_port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::runtime_error("no port");
    }
    number_ = ntohs(at.sin_port);
  }
  ~closed_port() { ::close(fd_); }
  closed_port(const closed_port&) = delete;
  closed_port& operator=(const closed_port&) = delete;
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::string origin() const { return "http://127.0.0.1:" + std::to_string(number_); }
  // The end of that: somebody listens there.
  void open() const {
    if (::listen(fd_, 8) != 0) throw std::runtime_error("closed_port cannot listen");
  }
  [[nodiscard]] int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

 private:
  int fd_;
  int number_ = 0;
};

class test_server {
 public:
  using script = std::function<void(peer&)>;

  explicit test_server(script s, SSL_CTX* tls = nullptr) : script_(std::move(s)), tls_(tls) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::runtime_error("test_server cannot listen");
    }
    port_ = ntohs(at.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~test_server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      // Scripts that still wait for bytes are woken by the end of the stream.
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& t : threads_) t.join();
    ::close(listener_);
  }
  test_server(const test_server&) = delete;
  test_server& operator=(const test_server&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] std::string origin(const std::string& host = "127.0.0.1") const {
    return (tls_ != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port_);
  }

 private:
  void accept() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int number = connections_++;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, number] { serve(fd, number); });
    }
  }

  void serve(int fd, int number) {
    // OpenSSL's socket BIO writes without MSG_NOSIGNAL; SIGPIPE goes to the thread that wrote.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    SSL* ssl = nullptr;
    if (tls_ != nullptr) {
      ssl = SSL_new(tls_);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) != 1) {
        SSL_free(ssl);
        ssl = nullptr;
        forget(fd);
        ::close(fd);
        return;
      }
    }
    peer p(fd, ssl, number);
    script_(p);
    forget(fd);
  }
  void forget(int fd) {
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
  }

  script script_;
  SSL_CTX* tls_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace bulkmsg::testing
