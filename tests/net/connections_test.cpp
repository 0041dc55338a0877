// How connections begin, are kept and end: the same whether their bytes go as they are or over TLS.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "certificates.hpp"
#include "driver.hpp"
#include "test_server.hpp"

namespace bulkmsg::net {
namespace {

using testing::driver;
using testing::ended;
using testing::peer;
using testing::post_request;
using testing::response;
using testing::test_server;

class connections : public ::testing::TestWithParam<bool> {
 protected:
  // Of a server: none for plain text.
  SSL_CTX* context() const { return GetParam() ? context_.get() : nullptr; }
  transport_options to(const test_server& server, int at_most = 1) const {
    transport_options o;
    o.origin = server.origin();
    o.connections_max = at_most;
    o.tls.ca_file = ca_file_.path();
    return o;
  }
  // For this long a connection that was just in use is believed to be sound.
  static void outlast_trust() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

 private:
  const testing::identity ca_ = testing::make_identity({.common_name = "Test CA", .is_ca = true});
  const testing::pem_file ca_file_{ca_};
  const testing::identity own_ = testing::make_identity({.alternative_names = "IP:127.0.0.1"}, &ca_);
  const testing::context_ptr context_ = testing::server_context(own_);
};

INSTANTIATE_TEST_SUITE_P(both, connections, ::testing::Bool(),
                         [](const auto& of) { return std::string(of.param ? "tls" : "plain"); });

TEST_P(connections, warm_up_to_the_bound_without_waiting_for_an_answer) {
  std::latch all_asked(8);
  test_server server(
      [&](peer& p) {
        p.request();
        all_asked.arrive_and_wait();  // so nobody is answered before eight connections carry a request each
        do {
          p.write(response("ok"));
        } while (!p.request().empty());
      },
      context());
  driver d(to(server, 8));
  d.settle();
  EXPECT_EQ(server.connections(), 0) << "nobody has asked for one";
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 100; ++i) tokens.push_back(d.start(post_request("x")));
  for (const auto token : tokens) EXPECT_EQ(d.finish(token).body, "ok");
  EXPECT_EQ(server.connections(), 8);
}

TEST_P(connections, for_one_request_are_one) {
  test_server server(
      [](peer& p) {
        while (!p.request().empty()) p.write(response("ok"));
      },
      context());
  driver d(to(server, 64));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(d.exchange(post_request("x")).body, "ok");
  EXPECT_EQ(server.connections(), 1);
}

// The server has said all that it had to say, and still listens: what is sent there may be read, and never answered.
TEST_P(connections, half_closed_by_the_server_get_no_request) {
  std::promise<void> closed;
  std::promise<std::string> heard;
  test_server server(
      [&](peer& p) {
        p.request();
        p.write(response(std::to_string(p.number)));
        if (p.number > 0) return p.wait_for_close();
        p.half_close();
        p.wait_until_heard();
        closed.set_value();
        heard.set_value(p.request());
      },
      context());
  driver d(to(server));
  EXPECT_EQ(d.exchange(post_request("x")).body, "0");
  closed.get_future().wait();
  outlast_trust();
  EXPECT_EQ(d.exchange(post_request("x")).body, "1");
  EXPECT_EQ(heard.get_future().get(), "");
}

TEST_P(connections, half_closed_after_they_were_acquired_end_the_request_unsent) {
  for (const bool dispatched : {true, false}) {
    std::promise<void> close_now;
    std::promise<void> closed;
    std::promise<std::string> heard;
    test_server server(
        [&](peer& p) {
          p.request();
          p.write(response("first"));
          if (p.number > 0) return p.wait_for_close();
          close_now.get_future().wait();
          p.half_close();
          p.wait_until_heard();
          closed.set_value();
          heard.set_value(p.request());
        },
        context());
    driver d(to(server));
    EXPECT_EQ(d.exchange(post_request("x")).body, "first");
    const auto close = [&] {
      close_now.set_value();
      closed.get_future().wait();
      outlast_trust();
    };
    int slot = transport::none;
    d.io.call([&] {
      slot = d.client->acquire();
      ASSERT_NE(slot, transport::none);
      if (!dispatched) close();
      d.client->buffer(slot) = post_request("x");
      if (!dispatched) d.client->send(slot, 1000);
    });
    if (dispatched) {
      close();
      d.settle();
      d.io.call([&] { d.client->send(slot, 1000); });
    }
    const ended e = d.finish(1000);
    EXPECT_EQ(e.fate, fate::unsent);
    EXPECT_EQ(e.reason, errc::connection_lost);
    EXPECT_EQ(heard.get_future().get(), "");
    EXPECT_EQ(d.exchange(post_request("x")).body, "first") << "on another one";
  }
}

TEST_P(connections, that_the_server_wants_closed_are_closed_by_us_if_it_does_not) {
  std::atomic<int> seen_closed = 0;
  test_server server(
      [&](peer& p) {
        p.request();
        p.write(response(std::to_string(p.number), "Connection: close\r\n"));
        p.wait_for_close();
        ++seen_closed;
      },
      context());
  driver d(to(server));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(d.exchange(post_request("x")).body, std::to_string(i));
  while (seen_closed < 3) std::this_thread::yield();
}

TEST_P(connections, unused_for_the_idle_time_are_closed_in_good_order) {
  std::promise<bool> in_order;
  test_server server(
      [&](peer& p) {
        p.request();
        p.write(response("ok"));
        p.wait_for_close();
        if (p.number == 0) in_order.set_value(p.told_goodbye());
      },
      context());
  transport_options o = to(server);
  o.idle_timeout = millisecond;
  driver d(o);
  EXPECT_EQ(d.exchange(post_request("x")).body, "ok");
  EXPECT_TRUE(in_order.get_future().get());
  EXPECT_EQ(d.exchange(post_request("x")).body, "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST_P(connections, answered_within_a_request_bring_the_answer_and_are_not_used_again) {
  std::promise<void> over;
  const auto end = over.get_future().share();
  test_server server(
      [end](peer& p) {
        p.some();
        p.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        end.wait();  // the rest stays in the sockets, and most of it with the client
      },
      context());
  driver d(to(server));
  for (int i = 0; i < 2; ++i) {
    const ended e = d.exchange(post_request(std::string(20'000'000, 'x')));
    EXPECT_EQ(e.fate, fate::answered);
    EXPECT_EQ(e.status, 413);
    EXPECT_EQ(e.body, "no");
  }
  EXPECT_EQ(server.connections(), 2);
  over.set_value();
}

TEST_P(connections, broken_within_an_answer_leave_nothing_to_the_next_one) {
  test_server server(
      [](peer& p) {
        p.request();
        p.write(p.number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbro" : response("whole"));
        if (p.number > 0) p.wait_for_close();
      },
      context());
  driver d(to(server));
  EXPECT_EQ(d.exchange(post_request("x")).fate, fate::unknown);
  EXPECT_EQ(d.exchange(post_request("x")).body, "whole");
}

TEST_P(connections, reset_within_a_request_may_have_carried_it) {
  test_server server(
      [](peer& p) {
        p.some();
        p.reset();
      },
      context());
  driver d(to(server));
  const ended e = d.exchange(post_request(std::string(8'000'000, 'x')));
  EXPECT_EQ(e.fate, fate::unknown);
  EXPECT_EQ(e.reason, errc::connection_lost);
}

}  // namespace
}  // namespace bulkmsg::net
