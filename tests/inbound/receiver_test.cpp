#include "inbound/receiver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace bulkmsg::inbound {
namespace {

// A raw client: sends what it is told, byte by byte if asked, and reads one response after another.
class caller {
 public:
  explicit caller(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  }
  ~caller() { ::close(fd_); }
  caller(const caller&) = delete;
  caller& operator=(const caller&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // Status and body of the next response; {0, ""} when the server closed.
  std::pair<int, std::string> read() {
    for (;;) {
      const std::size_t head = input_.find("\r\n\r\n");
      if (head != std::string::npos) {
        const int status = std::stoi(input_.substr(9, 3));
        last_head = input_.substr(0, head);
        const std::size_t field = input_.find("Content-Length: ");
        const std::size_t length = field < head ? std::stoul(input_.substr(field + 16)) : 0;
        if (input_.size() >= head + 4 + length) {
          std::string body = input_.substr(head + 4, length);
          input_.erase(0, head + 4 + length);
          return {status, body};
        }
      }
      char buffer[4096];
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return {0, ""};
      input_.append(buffer, static_cast<std::size_t>(n));
    }
  }
  int status_of(std::string_view request) {
    send(request);
    return read().first;
  }
  bool closed_by_server() { return read().first == 0; }
  void finish() { ::shutdown(fd_, SHUT_WR); }

  std::string last_head;

 private:
  int fd_;
  bool connected_ = false;
  std::string input_;
};

struct delivery {
  std::string body;
  std::string signature;
  std::function<void(int)> reply;
};

class hook final : public receiver_handler {
 public:
  void on_webhook(std::string body, std::string signature, std::function<void(int)> reply) override {
    const std::lock_guard lock(mutex_);
    ++count;
    last = {body, signature, nullptr};
    if (answer_at_once) {
      reply(status);
    } else {
      held_.push_back({std::move(body), std::move(signature), std::move(reply)});
      changed_.notify_all();
    }
  }
  std::string on_verify(std::string_view mode, std::string_view token, std::string_view challenge) override {
    seen = std::string(mode) + '|' + std::string(token) + '|' + std::string(challenge);
    return mode == "subscribe" && token == "a b&c" ? std::string(challenge) : std::string();
  }
  delivery take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !held_.empty(); });
    delivery first = std::move(held_.front());
    held_.pop_front();
    return first;
  }

  bool answer_at_once = true;
  int status = 200;
  int count = 0;
  delivery last;
  std::string seen;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<delivery> held_;
};

std::string post(const std::string& body, const std::string& fields = "X-Hub-Signature-256: sha256=00ff\r\n") {
  return "POST /webhook HTTP/1.1\r\nHost: h\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class receiver_test : public ::testing::Test {
 protected:
  std::uint16_t open(receiver_options o = {}) {
    auto made = receiver::open(std::move(o), handler);
    if (!made) throw std::runtime_error(made.error().message);
    server = std::move(*made);
    return server->port();
  }

  hook handler;
  std::unique_ptr<receiver> server;
};

TEST_F(receiver_test, answers_the_handshake_with_the_decoded_challenge) {
  caller c(open());
  c.send("GET /webhook?hub.mode=subscribe&hub.verify_token=a+b%26c&hub.challenge=11%3C58 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto [status, body] = c.read();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body, "11<58");
  EXPECT_NE(c.last_head.find("text/plain"), std::string::npos);
  EXPECT_EQ(handler.seen, "subscribe|a b&c|11<58");
  EXPECT_EQ(c.status_of("GET /?hub.mode=subscribe&hub.verify_token=no&hub.challenge=1 HTTP/1.1\r\nHost: h\r\n\r\n"),
            403);
  EXPECT_EQ(c.status_of("GET /?hub%2Emode=subscribe&x&=&hub.verify_token=&hub.challenge= HTTP/1.1\r\nHost: h\r\n\r\n"),
            403);
}

TEST_F(receiver_test, a_get_that_is_no_handshake_is_a_bad_request) {
  const std::uint16_t port = open();
  for (const char* target : {"/", "/?", "/?hub.mode=subscribe", "/?hub.mode=%zz&hub.verify_token=1&hub.challenge=1",
                             "/?hub.mode=%2&hub.verify_token=1&hub.challenge=1", "/?&&&"}) {
    caller c(port);
    EXPECT_EQ(c.status_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"), 400) << target;
  }
}

TEST_F(receiver_test, hands_over_body_and_signature_and_keeps_the_connection) {
  caller c(open());
  for (int i = 0; i < 100; ++i) {
    const std::string body = "{\"n\":" + std::to_string(i) + "}";
    ASSERT_EQ(c.status_of(post(body)), 200);
    EXPECT_EQ(handler.last.body, body);
    EXPECT_EQ(handler.last.signature, "sha256=00ff");
  }
  EXPECT_EQ(c.status_of(post("x", "x-hub-signature-256: sha256=lower\r\n")), 200);
  EXPECT_EQ(handler.last.signature, "sha256=lower");
  EXPECT_EQ(c.status_of(post("unsigned", "")), 200);
  EXPECT_EQ(handler.last.signature, "") << "whether a signature is needed is the handler's word";
}

TEST_F(receiver_test, takes_requests_in_any_slices_and_several_at_once) {
  const std::uint16_t port = open();
  caller slow(port);
  for (const char b : post("one byte after the other")) ASSERT_TRUE(slow.send({&b, 1}));
  EXPECT_EQ(slow.read().first, 200);
  EXPECT_EQ(handler.last.body, "one byte after the other");
  caller burst(port);
  std::string many;
  for (int i = 0; i < 200; ++i) many += post(std::to_string(i));
  burst.send(many);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(burst.read().first, 200);
  EXPECT_EQ(handler.last.body, "199");
  EXPECT_EQ(handler.count, 201);
}

TEST_F(receiver_test, takes_chunked_bodies_but_no_signature_from_their_trailer) {
  caller c(open());
  EXPECT_EQ(c.status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n"
                        "X-Hub-Signature-256: sha256=late\r\n\r\n"),
            200);
  EXPECT_EQ(handler.last.body, "abcdef");
  EXPECT_EQ(handler.last.signature, "");
}

TEST_F(receiver_test, asks_for_the_body_when_told_to_expect_it) {
  caller c(open());
  c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(c.read().first, 100);
  EXPECT_EQ(c.status_of("abc"), 200);
}

TEST_F(receiver_test, closes_when_asked_to) {
  const std::uint16_t port = open();
  caller c(port);
  EXPECT_EQ(c.status_of(post("x", "Connection: close\r\n")), 200);
  EXPECT_NE(c.last_head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(c.closed_by_server());
  caller old(port);
  EXPECT_EQ(old.status_of("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"), 200);
  EXPECT_TRUE(old.closed_by_server());
}

TEST_F(receiver_test, the_reply_may_come_from_another_thread_and_counts_once) {
  handler.answer_at_once = false;
  const std::uint16_t port = open();
  caller a(port);
  caller b(port);
  a.send(post("a"));
  delivery first = handler.take();
  b.send(post("b"));
  delivery second = handler.take();
  std::thread other([&] {
    second.reply(401);
    second.reply(200);
    first.reply(200);
  });
  EXPECT_EQ(b.read().first, 401);
  EXPECT_EQ(a.read().first, 200);
  other.join();
  a.send(post("a again"));
  delivery third = handler.take();
  first.reply(500);  // an old reply must not answer a later request
  third.reply(200);
  EXPECT_EQ(a.read().first, 200);
}

TEST_F(receiver_test, a_reply_never_given_or_out_of_range_is_an_error_of_ours) {
  handler.answer_at_once = false;
  receiver_options o;
  o.reply_timeout = 50 * millisecond;
  caller c(open(o));
  c.send(post("dropped"));
  handler.take();
  EXPECT_EQ(c.read().first, 503);
  c.send(post("late"));
  delivery late = handler.take();
  EXPECT_EQ(c.read().first, 503);
  late.reply(200);
  caller patient(open());
  patient.send(post("odd"));
  handler.take().reply(7);
  EXPECT_EQ(patient.read().first, 500);
}

TEST_F(receiver_test, a_reply_after_the_receiver_has_gone_does_nothing) {
  handler.answer_at_once = false;
  caller c(open());
  c.send(post("x"));
  const delivery d = handler.take();
  server.reset();
  d.reply(200);
  EXPECT_TRUE(c.closed_by_server());
}

TEST_F(receiver_test, body_is_bounded_at_exactly_its_limit) {
  receiver_options o;
  o.body_bytes_max = 1000;
  const std::uint16_t port = open(o);
  for (const std::size_t size : {999U, 1000U, 1001U}) {
    caller c(port);
    EXPECT_EQ(c.status_of(post(std::string(size, 'x'))), size <= 1000 ? 200 : 413) << size;
  }
  caller chunked(port);
  chunked.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) chunked.send("190\r\n" + std::string(400, 'x') + "\r\n");
  EXPECT_EQ(chunked.read().first, 413);
}

TEST_F(receiver_test, the_providers_largest_body_passes) {
  caller c(open());
  const std::string body(3 * 1024 * 1024, 'x');
  EXPECT_EQ(c.status_of(post(body)), 200);
  EXPECT_EQ(handler.last.body, body);
  caller d(server->port());
  d.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3145729\r\n\r\n");
  EXPECT_EQ(d.read().first, 413) << "before the body was sent";
}

TEST_F(receiver_test, all_bodies_together_are_bounded) {
  handler.answer_at_once = false;
  receiver_options o;
  o.bodies_bytes_max = 1000;
  const std::uint16_t port = open(o);
  caller a(port);
  a.send(post(std::string(800, 'a')));
  delivery first = handler.take();
  caller b(port);
  EXPECT_EQ(b.status_of(post(std::string(800, 'b'))), 503);
  first.reply(200);
  EXPECT_EQ(a.read().first, 200);
  caller c(port);
  c.send(post(std::string(800, 'c')));
  handler.take().reply(200);
  EXPECT_EQ(c.read().first, 200);
}

TEST_F(receiver_test, head_is_bounded_at_exactly_its_limit_however_it_is_cut) {
  receiver_options o;
  o.head_bytes_max = 1024;
  const std::uint16_t port = open(o);
  for (const std::size_t over : {0U, 1U}) {
    for (const std::size_t step : {1U, 2000U}) {
      std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
      bytes.insert(29, 1024 - bytes.size() + over, 'x');
      caller c(port);
      for (std::size_t i = 0; i < bytes.size(); i += step) c.send(std::string_view(bytes).substr(i, step));
      EXPECT_EQ(c.read().first, over == 0 ? 200 : 431) << step;
    }
  }
  caller fields(port);
  std::string many = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 200; ++i) many += "Field: value\r\n";
  EXPECT_EQ(fields.status_of(many), 431);
  caller target(port);
  EXPECT_EQ(target.status_of("GET /" + std::string(100'000, 'x')), 431);
}

TEST_F(receiver_test, hostile_bytes_get_a_4xx_and_no_handler_call) {
  const std::uint16_t port = open();
  for (const char* bytes : {
           "\x16\x03\x01 tls client hello\r\n\r\n",
           "hello\r\n\r\n",
           "POST / HTTP/9.9\r\n\r\n",
           "POST  / HTTP/1.1\r\n\r\n",
           "POST / HTTP/1.1\r\n\r\n",  // no Host
           "POST relative HTTP/1.1\r\nHost: h\r\n\r\n",
           "POST * HTTP/1.1\r\nHost: h\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nX-Hub-Signature-256: a\r\nX-Hub-Signature-256: b\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nbad field\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
       }) {
    caller c(port);
    const int status = c.status_of(bytes);
    EXPECT_GE(status, 400) << bytes;
    EXPECT_LT(status, 500) << bytes;
    c.finish();
    EXPECT_TRUE(c.closed_by_server()) << bytes;
  }
  EXPECT_EQ(handler.count, 0);
  caller c(port);
  EXPECT_EQ(c.status_of(post("still alive")), 200);
}

TEST_F(receiver_test, other_methods_are_405) {
  const std::uint16_t port = open();
  for (const char* method : {"PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "FROB"}) {
    caller c(port);
    EXPECT_EQ(c.status_of(std::string(method) + " /webhook HTTP/1.1\r\nHost: h\r\n\r\n"), 405) << method;
    EXPECT_NE(c.last_head.find("Allow: GET, POST"), std::string::npos);
  }
}

TEST_F(receiver_test, other_paths_are_404) {
  receiver_options o;
  o.path = "/webhook";
  const std::uint16_t port = open(o);
  for (const char* target : {"/", "/webhook/", "/webhooks", "/?/webhook", "/%77ebhook"}) {
    caller c(port);
    EXPECT_EQ(c.status_of("POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"), 404) << target;
  }
  for (const char* target : {"/webhook", "/webhook?x=1", "http://h/webhook"}) {
    caller c(port);
    EXPECT_EQ(c.status_of("POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"), 200) << target;
  }
}

TEST_F(receiver_test, a_slow_request_and_an_idle_connection_meet_their_deadlines) {
  receiver_options o;
  o.request_timeout = 50 * millisecond;
  caller slow(open(o));
  slow.send("POST / HTTP/1.1\r\n");
  EXPECT_EQ(slow.read().first, 408);
  o = {};
  o.idle_timeout = 50 * millisecond;
  caller idle(open(o));
  EXPECT_TRUE(idle.closed_by_server());
}

TEST_F(receiver_test, above_its_bound_idle_connections_make_room) {
  receiver_options o;
  o.connections_max = 2;
  const std::uint16_t port = open(o);
  caller a(port);
  EXPECT_EQ(a.status_of(post("a")), 200);
  caller b(port);
  EXPECT_EQ(b.status_of(post("b")), 200);
  caller c(port);
  EXPECT_EQ(c.status_of(post("c")), 200);
  EXPECT_TRUE(a.closed_by_server());
  EXPECT_EQ(b.status_of(post("b")), 200);
}

TEST_F(receiver_test, above_its_bound_new_connections_wait_for_busy_ones) {
  handler.answer_at_once = false;
  receiver_options o;
  o.connections_max = 1;
  const std::uint16_t port = open(o);
  caller a(port);
  a.send(post("a", "Connection: close\r\n"));
  const delivery first = handler.take();
  caller b(port);  // in the kernel's queue
  b.send(post("b"));
  first.reply(200);
  EXPECT_EQ(a.read().first, 200);
  a.finish();
  EXPECT_TRUE(a.closed_by_server());
  handler.take().reply(200);
  EXPECT_EQ(b.read().first, 200);
}

TEST_F(receiver_test, runs_on_a_given_thread_and_closes_there) {
  net::io_thread io;
  auto made = receiver::open({}, handler, io);
  ASSERT_TRUE(made);
  {
    caller c((*made)->port());
    EXPECT_EQ(c.status_of(post("x")), 200);
    (*made)->close();
    (*made)->close();
    EXPECT_TRUE(c.closed_by_server());
  }
  EXPECT_FALSE(caller((*made)->port()).connected());
  made->reset();
  io.call([] {});
}

TEST_F(receiver_test, says_why_it_cannot_listen) {
  const std::uint16_t port = open();
  const std::string taken = "127.0.0.1:" + std::to_string(port);
  receiver_options o;
  o.listen = taken;
  const auto again = receiver::open(o, handler);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::invalid_argument);
  EXPECT_EQ(again.error().message,
            "cannot listen on " + taken + ": Address already in use; choose another port or address");
  for (const char* listen : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "host:80", ":80"}) {
    o.listen = listen;
    EXPECT_FALSE(receiver::open(o, handler)) << listen;
  }
  o = {};
  o.path = "webhook";
  EXPECT_FALSE(receiver::open(o, handler));
  o = {};
  o.connections_max = 0;
  EXPECT_FALSE(receiver::open(o, handler));
}

}  // namespace
}  // namespace bulkmsg::inbound
