// The two byte layers alone, over a pair of sockets whose other end is in the test's hands.
#include "net/byte_layer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "certificates.hpp"
#include "net/tls_bytes.hpp"

namespace bulkmsg::net {
namespace {

std::atomic<int> pipe_signals = 0;

// The host may have its own ideas of SIGPIPE; here it counts.
class counting_signals {
 public:
  counting_signals() {
    struct sigaction counting {};
    counting.sa_handler = [](int) { ++pipe_signals; };
    ::sigaction(SIGPIPE, &counting, &before_);
    pipe_signals = 0;
  }
  ~counting_signals() { ::sigaction(SIGPIPE, &before_, nullptr); }
  counting_signals(const counting_signals&) = delete;
  counting_signals& operator=(const counting_signals&) = delete;

 private:
  struct sigaction before_ {};
};

class byte_layer_of : public ::testing::TestWithParam<bool> {
 protected:
  byte_layer_of() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = ends[0];
    theirs_ = ends[1];
    if (GetParam()) {
      server_ = std::move(*tls_server::make({.ca_file = ca_file_.path()}, *parse_origin("https://localhost")));
      bytes = server_->make_bytes();
      peer_ = SSL_new(context_.get());
      SSL_set_fd(peer_, theirs_);
      SSL_set_accept_state(peer_);
    } else {
      bytes = make_plain_bytes();
    }
    EXPECT_TRUE(bytes->begin(ours_));
  }
  ~byte_layer_of() override {
    bytes->end();
    hang_up();
    ::close(ours_);
  }
  byte_layer_of(const byte_layer_of&) = delete;
  byte_layer_of& operator=(const byte_layer_of&) = delete;

  void shake_hands() {
    step came = step::waits_to_read;
    for (int i = 0; i < 10 && came != step::done; ++i) {
      came = bytes->greet();
      if (peer_ != nullptr) (void)SSL_do_handshake(peer_);
    }
    ASSERT_EQ(came, step::done);
  }
  void say(const std::string& text) const {
    const auto n = static_cast<int>(text.size());
    EXPECT_EQ(peer_ != nullptr ? SSL_write(peer_, text.data(), n) : ::send(theirs_, text.data(), text.size(), 0), n);
  }
  std::string hear(std::size_t most) const {
    std::string text(most, '\0');
    const auto n =
        peer_ != nullptr ? SSL_read(peer_, text.data(), static_cast<int>(most)) : ::recv(theirs_, text.data(), most, 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  void say_goodbye() const {
    if (peer_ != nullptr) SSL_shutdown(peer_);
    ::shutdown(theirs_, SHUT_WR);
  }
  void hang_up() {
    SSL_free(std::exchange(peer_, nullptr));
    if (theirs_ >= 0) ::close(std::exchange(theirs_, -1));
  }
  std::string read_all(step& last) const {
    std::string all;
    for (;;) {
      char room[100];
      const moved in = bytes->read(room, sizeof room);
      last = in.what;
      if (in.what != step::done) return all;
      all.append(room, in.bytes);
    }
  }

  std::unique_ptr<byte_layer> bytes;

 private:
  const testing::identity ca_ = testing::make_identity({.common_name = "Test CA", .is_ca = true});
  const testing::pem_file ca_file_{ca_};
  const testing::identity own_ = testing::make_identity({.alternative_names = "DNS:localhost"}, &ca_);
  const testing::context_ptr context_ = testing::server_context(own_);
  std::unique_ptr<tls_server> server_;
  SSL* peer_ = nullptr;
  int ours_ = -1, theirs_ = -1;
};

INSTANTIATE_TEST_SUITE_P(both, byte_layer_of, ::testing::Bool(),
                         [](const auto& of) { return std::string(of.param ? "tls" : "plain"); });

TEST_P(byte_layer_of, carries_both_ways_and_says_when_there_is_nothing) {
  shake_hands();
  step last = step::broken;
  EXPECT_EQ(read_all(last), "");
  EXPECT_EQ(last, step::waits_to_read);
  const moved out = bytes->write("hello", 5);
  EXPECT_EQ(out.what, step::done);
  EXPECT_EQ(out.bytes, 5U);
  EXPECT_TRUE(out.may_have_left);
  EXPECT_EQ(hear(100), "hello");
  say("good");
  say("day");
  EXPECT_EQ(read_all(last), "goodday");
  EXPECT_EQ(last, step::waits_to_read);
  EXPECT_FALSE(bytes->holds_more());
}

TEST_P(byte_layer_of, tells_of_what_it_took_and_did_not_give) {
  shake_hands();
  say("first");
  say("second");
  char room[5];
  EXPECT_EQ(bytes->read(room, sizeof room).bytes, 5U);
  EXPECT_EQ(bytes->holds_more(), GetParam()) << "TLS reads ahead";
  step last = step::broken;
  EXPECT_EQ(read_all(last), "second");
  EXPECT_FALSE(bytes->holds_more());
}

TEST_P(byte_layer_of, waits_when_the_socket_is_full_and_goes_on_from_bytes_that_moved) {
  shake_hands();
  std::string text;
  for (int i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i) + ',';
  std::string heard;
  std::size_t sent = 0;
  int waited = 0;
  while (sent < text.size()) {
    const std::string rest = text.substr(sent);
    const moved out = bytes->write(rest.data(), rest.size());
    sent += out.bytes;
    if (out.what == step::done) continue;
    ASSERT_EQ(out.what, step::waits_to_write);
    ++waited;
    for (std::string more = hear(100'000); !more.empty(); more = hear(100'000)) heard += more;
  }
  for (std::string more = hear(100'000); !more.empty(); more = hear(100'000)) heard += more;
  EXPECT_EQ(heard, text);
  EXPECT_GT(waited, 0);
}

TEST_P(byte_layer_of, knows_a_goodbye) {
  shake_hands();
  say("bye");
  say_goodbye();
  step last = step::broken;
  EXPECT_EQ(read_all(last), "bye");
  EXPECT_EQ(last, step::ended);
}

TEST_P(byte_layer_of, raises_no_signal_and_proves_that_nothing_left) {
  const counting_signals signals;
  shake_hands();
  hang_up();
  const moved out = bytes->write("hello", 5);
  EXPECT_EQ(out.what, step::broken);
  EXPECT_FALSE(out.may_have_left);
  bytes->end();
  EXPECT_EQ(pipe_signals, 0);
}

TEST_P(byte_layer_of, serves_one_socket_after_another_and_leaves_no_error_behind) {
  const counting_signals signals;
  hang_up();
  if (GetParam()) {
    EXPECT_EQ(bytes->greet(), step::broken);
    EXPECT_EQ(bytes->why_not().code, errc::tls_failed);
    EXPECT_NE(bytes->why_not().message.find("localhost:443"), std::string::npos) << bytes->why_not().message;
  }
  bytes->end();
  EXPECT_FALSE(bytes->holds_more());
  EXPECT_EQ(ERR_peek_error(), 0UL);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  ASSERT_TRUE(bytes->begin(ends[0]));
  EXPECT_EQ(bytes->greet(), GetParam() ? step::waits_to_read : step::done);
  bytes->end();
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(pipe_signals, 0);
}

TEST(tls_server, refuses_a_name_that_cannot_be_checked) {
  tls_options o;
  o.server_name = std::string("graph\0.test", 11);
  const auto made = tls_server::make(o, *parse_origin("https://localhost"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace bulkmsg::net
