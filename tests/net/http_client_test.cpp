#include "net/http_client.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "driver.hpp"
#include "test_server.hpp"

namespace bulkmsg::net {
namespace {

using testing::closed_port;
using testing::driver;
using testing::ended;
using testing::peer;
using testing::post_request;
using testing::response;
using testing::test_server;

void echo(peer& p) {
  for (;;) {
    const std::string request = p.request();
    if (request.empty()) return;
    p.write(response(request.substr(request.find("\r\n\r\n") + 4)));
  }
}

transport_options to(const test_server& server, int connections = 4) {
  transport_options o;
  o.origin = server.origin();
  o.connections_max = connections;
  return o;
}

void expect_answer(const ended& e, const std::string& body) {
  EXPECT_EQ(e.fate, fate::answered);
  EXPECT_EQ(e.reason, errc::ok);
  EXPECT_EQ(e.status, 200);
  EXPECT_EQ(e.body, body);
}

TEST(http_client, one_connection_serves_many_exchanges) {
  test_server server(echo);
  driver d(to(server));
  for (int i = 0; i < 100; ++i) {
    const std::string body = "message " + std::to_string(i);
    expect_answer(d.exchange(post_request(body)), body);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, the_pool_grows_to_its_bound_and_not_beyond) {
  test_server server(echo);
  driver d(to(server, 8));
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 2000; ++i) tokens.push_back(d.start(post_request(std::to_string(i))));
  for (int i = 0; i < 2000; ++i) expect_answer(d.finish(tokens[static_cast<std::size_t>(i)]), std::to_string(i));
  EXPECT_LE(server.connections(), 8);
  EXPECT_EQ(d.twice, 0);
  d.io.call([&] { EXPECT_EQ(d.client->in_flight(), 0); });
}

TEST(http_client, bytes_arrive_as_they_were_written) {
  std::promise<std::string> seen;
  test_server server([&](peer& p) {
    seen.set_value(p.request());
    p.write(response("ok"));
    p.wait_for_close();
  });
  driver d(to(server));
  const std::string body(3'000'000, 'b');  // more than a socket takes at once
  expect_answer(d.exchange(post_request(body)), "ok");
  EXPECT_EQ(seen.get_future().get(), post_request(body));
}

TEST(http_client, connection_close_is_answered_and_the_next_request_opens_anew) {
  test_server server([](peer& p) {
    p.request();
    p.write(response("bye " + std::to_string(p.number), "Connection: close\r\n"));
  });
  driver d(to(server));
  expect_answer(d.exchange(post_request("1")), "bye 0");
  expect_answer(d.exchange(post_request("2")), "bye 1");
  EXPECT_EQ(server.connections(), 2);
}

TEST(http_client, a_body_up_to_the_end_of_the_stream_is_an_answer) {
  test_server server([](peer& p) {
    p.request();
    p.write("HTTP/1.0 200 OK\r\n\r\nold");
  });
  driver d(to(server));
  expect_answer(d.exchange(post_request("1")), "old");
}

TEST(http_client, a_connection_closed_while_idle_costs_no_exchange) {
  for (const bool by_reset : {false, true}) {
    std::promise<void> closed;
    test_server server([&](peer& p) {
      p.request();
      p.write(response("first"));
      if (p.number == 0) {
        if (by_reset) {
          p.reset();
        } else {
          p.close();
        }
        p.wait_until_heard();
        closed.set_value();
        return;
      }
      p.wait_for_close();
    });
    driver d(to(server, 1));
    expect_answer(d.exchange(post_request("1")), "first");
    closed.get_future().wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // only to pass the short time of trust
    expect_answer(d.exchange(post_request("2")), "first");
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(http_client, a_close_not_yet_dispatched_is_seen_before_the_first_byte) {
  std::promise<void> close_now;
  std::promise<void> closed;
  test_server server([&](peer& p) {
    p.request();
    p.write(response("first"));
    if (p.number > 0) return p.wait_for_close();
    close_now.get_future().wait();
    p.close();
    p.wait_until_heard();
    closed.set_value();
  });
  driver d(to(server, 1));
  expect_answer(d.exchange(post_request("1")), "first");
  d.io.call([&] {
    // Inside one task, so that the pending read cannot have been dispatched.
    const int slot = d.client->acquire();
    ASSERT_NE(slot, transport::none);
    d.client->buffer(slot) = post_request("2");
    close_now.set_value();
    closed.get_future().wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));  // only to pass the short time of trust
    d.client->send(slot, 1000);
    EXPECT_EQ(d.client->in_flight(), 1) << "the end is told later, not inside send()";
  });
  const ended e = d.finish(1000);
  EXPECT_EQ(e.fate, fate::unsent);
  EXPECT_EQ(e.reason, errc::connection_lost);
  expect_answer(d.exchange(post_request("3")), "first");
}

TEST(http_client, a_connection_lost_while_held_is_unsent) {
  std::promise<void> close_now;
  std::promise<void> closed;
  test_server server([&](peer& p) {
    p.request();
    p.write(response("first"));
    if (p.number > 0) return p.wait_for_close();
    close_now.get_future().wait();
    p.reset();
    p.wait_until_heard();
    closed.set_value();
  });
  driver d(to(server, 1));
  expect_answer(d.exchange(post_request("1")), "first");
  int slot = transport::none;
  d.io.call([&] { slot = d.client->acquire(); });
  ASSERT_NE(slot, transport::none);
  close_now.set_value();
  closed.get_future().wait();
  // Only to pass the short time of trust; whether the read was dispatched by now or not, the answer is the same.
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  d.io.call([&] {
    d.client->buffer(slot) = post_request("2");
    d.client->send(slot, 1000);
  });
  EXPECT_EQ(d.finish(1000).fate, fate::unsent);
}

TEST(http_client, released_connections_are_used_again) {
  test_server server(echo);
  driver d(to(server, 1));
  expect_answer(d.exchange(post_request("1")), "1");
  d.io.call([&] {
    const int slot = d.client->acquire();
    ASSERT_NE(slot, transport::none);
    EXPECT_EQ(d.client->acquire(), transport::none);
    d.client->release(slot);
    d.client->release(slot);  // twice is once
    EXPECT_EQ(d.client->acquire(), slot);
    EXPECT_EQ(d.client->acquire(), transport::none);
    d.client->release(slot);
  });
  expect_answer(d.exchange(post_request("2")), "2");
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, sending_on_a_slot_that_is_not_held_is_unsent) {
  test_server server(echo);
  driver d(to(server, 1));
  d.io.call([&] {
    d.client->send(0, 1000);
    d.client->send(-7, 1001);
  });
  EXPECT_EQ(d.finish(1000).fate, fate::unsent);
  EXPECT_EQ(d.finish(1001).reason, errc::wrong_state);
}

// After the first byte nothing but a complete answer proves anything.
struct broken_answer {
  const char* name;
  const char* bytes;
  bool reset;
  errc reason;
};

class http_client_broken : public ::testing::TestWithParam<broken_answer> {};

TEST_P(http_client_broken, is_unknown) {
  test_server server([&](peer& p) {
    p.request();
    p.write(GetParam().bytes);
    if (GetParam().reset) p.reset();
  });
  transport_options o = to(server);
  o.head_bytes_max = 512;
  o.body_bytes_max = 100;
  driver d(o);
  const ended e = d.exchange(post_request("x"));
  EXPECT_EQ(e.fate, fate::unknown);
  EXPECT_EQ(e.reason, GetParam().reason);
  EXPECT_EQ(e.body, "");
}

const std::string long_head = "HTTP/1.1 200 OK\r\nX: " + std::string(600, 'x') + "\r\nContent-Length: 0\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    all, http_client_broken,
    ::testing::Values(
        broken_answer{"closed_without_a_word", "", false, errc::connection_lost},
        broken_answer{"reset_at_once", "", true, errc::connection_lost},
        broken_answer{"reset_mid_response", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", true,
                      errc::connection_lost},
        broken_answer{"truncated_head", "HTTP/1.1 200 OK\r\nCont", false, errc::connection_lost},
        broken_answer{"truncated_body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", false,
                      errc::connection_lost},
        broken_answer{"truncated_chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", false,
                      errc::connection_lost},
        broken_answer{"only_continue", "HTTP/1.1 100 Continue\r\n\r\n", false, errc::connection_lost},
        broken_answer{"oversize_head", long_head.c_str(), false, errc::too_large},
        broken_answer{"oversize_body", "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", false, errc::too_large},
        broken_answer{"oversize_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", false,
                      errc::too_large},
        broken_answer{"garbage", "SSH-2.0-OpenSSH_9.2\r\n", false, errc::provider_unreadable}),
    [](const auto& of) { return std::string(of.param.name); });

TEST(http_client, interim_responses_are_skipped_and_chunks_joined) {
  test_server server([](peer& p) {
    p.request();
    p.write("HTTP/1.1 100 Continue\r\n\r\n");
    p.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n3\r\nabc\r\n");
    p.write("3\r\ndef\r\n0\r\n\r\n");
    p.request();
    p.write(response("second"));
    p.wait_for_close();
  });
  driver d(to(server));
  const ended e = d.exchange(post_request("1"));
  expect_answer(e, "abcdef");
  EXPECT_EQ(e.retry_after, 3 * second);
  expect_answer(d.exchange(post_request("2")), "second");
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, bytes_after_the_answer_end_the_connection_but_not_the_answer) {
  test_server server([](peer& p) {
    p.request();
    p.write(response("ok") + "and more");
    p.wait_for_close();
  });
  driver d(to(server));
  expect_answer(d.exchange(post_request("1")), "ok");
  expect_answer(d.exchange(post_request("2")), "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST(http_client, an_answer_before_the_whole_request_was_taken_counts) {
  test_server server([](peer& p) {
    p.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    p.wait_for_close();
  });
  driver d(to(server, 1));
  // The server speaks first, so either the connection is found spoiled (unsent), or it is the answer.
  const ended e = d.exchange(post_request(std::string(8'000'000, 'x')));
  if (e.fate == fate::answered) {
    EXPECT_EQ(e.status, 413);
  } else {
    EXPECT_EQ(e.fate, fate::unsent);
  }
}

TEST(http_client, silence_is_unknown_after_the_response_timeout) {
  test_server server([](peer& p) {
    p.request();
    p.write("HTTP/1.1 200 OK\r\n");  // a beginning does not extend the deadline
    p.wait_for_close();
  });
  transport_options o = to(server);
  o.response_timeout = 50 * millisecond;
  driver d(o);
  const nanoseconds_t before = d.io.time().now();
  const ended e = d.exchange(post_request("1"));
  EXPECT_EQ(e.fate, fate::unknown);
  EXPECT_EQ(e.reason, errc::timed_out);
  EXPECT_GE(d.io.time().now() - before, 50 * millisecond);
}

TEST(http_client, an_unused_connection_is_closed_after_the_idle_timeout) {
  std::promise<void> closed;
  test_server server([&](peer& p) {
    p.request();
    p.write(response("ok"));
    p.wait_for_close();
    if (p.number == 0) closed.set_value();
  });
  transport_options o = to(server);
  o.idle_timeout = 50 * millisecond;
  driver d(o);
  expect_answer(d.exchange(post_request("1")), "ok");
  closed.get_future().wait();
  expect_answer(d.exchange(post_request("2")), "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST(http_client, a_refused_connection_is_reported_and_nothing_sent) {
  const closed_port port;
  transport_options o;
  o.origin = port.origin();
  driver d(o);
  (void)d.start(post_request("1"));
  const error why = d.unreachable();
  EXPECT_EQ(why.code, errc::connect_failed);
  EXPECT_EQ(why.message,
            "connection refused by 127.0.0.1:" + std::to_string(port.number()) + "; is the provider or the proxy up?");
  EXPECT_EQ(d.unreachable().code, errc::connect_failed) << "it goes on trying";
  EXPECT_EQ(d.ends(), 0U);
}

TEST(http_client, a_name_with_several_addresses_is_tried_in_order) {
  test_server server(echo);  // on 127.0.0.1 only; localhost may name ::1 first
  transport_options o = to(server);
  o.origin = server.origin("localhost");
  driver d(o);
  expect_answer(d.exchange(post_request("1")), "1");
}

TEST(http_client, a_name_that_is_not_known_is_unreachable) {
  transport_options o;
  o.origin = "https://no-such-host.invalid";
  driver d(o);
  (void)d.start(post_request("1"));
  const error why = d.unreachable();
  EXPECT_EQ(why.code, errc::connect_failed);
  EXPECT_NE(why.message.find("no-such-host.invalid"), std::string::npos) << why.message;
}

TEST(http_client, a_peer_that_hangs_up_at_once_is_called_with_patience) {
  test_server server([](peer& p) { p.reset(); });
  driver d(to(server, 1));
  const nanoseconds_t before = d.io.time().now();
  for (int i = 0; i < 10; ++i) (void)d.start(post_request("1"));  // each may be the end of one: it may have gone
  for (int i = 0; i < 2; ++i) EXPECT_EQ(d.unreachable().code, errc::connect_failed);
  EXPECT_GE(d.io.time().now() - before, 100 * millisecond);
  EXPECT_LT(server.connections(), 10);
}

TEST(http_client, an_outage_ends_by_itself) {
  const closed_port port;
  transport_options o;
  o.origin = port.origin();
  driver d(o);
  const std::uint64_t token = d.start(post_request("1"));
  (void)d.unreachable();
  port.open();
  std::thread serve([&] {
    peer p(port.accept(), nullptr, 0);
    p.request();
    p.write(response("back"));
    p.wait_for_close();
  });
  expect_answer(d.finish(token), "back");
  d.disconnect();
  serve.join();
}

TEST(http_client, close_ends_what_is_under_way_as_unknown_and_says_so_later) {
  std::promise<void> arrived;
  test_server server([&](peer& p) {
    p.request();
    arrived.set_value();
    p.wait_for_close();
  });
  driver d(to(server, 1));
  const std::uint64_t token = d.start(post_request("1"));
  arrived.get_future().wait();
  d.io.call([&] {
    d.client->close();
    d.client->close();
    EXPECT_EQ(d.client->in_flight(), 1);
    EXPECT_EQ(d.client->acquire(), transport::none);
  });
  const ended e = d.finish(token);
  EXPECT_EQ(e.fate, fate::unknown);
  EXPECT_EQ(e.reason, errc::closed);
  EXPECT_EQ(d.twice, 0);
}

TEST(http_client, may_be_destroyed_with_requests_on_the_way_and_inside_a_callback) {
  test_server server(echo);
  for (int i = 0; i < 20; ++i) {
    driver d(to(server, 8));
    for (int k = 0; k < 20; ++k) (void)d.start(post_request("x"));
  }
  struct suicidal final : listener {
    void on_end(const exchange_end& e) override {
      EXPECT_EQ(e.body, "x");
      client->reset();
      EXPECT_EQ(e.body, "x") << "valid during the whole callback";
      done.set_value();
    }
    void on_ready() override {
      const int slot = (*client)->acquire();
      ASSERT_NE(slot, transport::none);
      (*client)->buffer(slot) = post_request("x");
      (*client)->send(slot, 1);
    }
    void on_unreachable(const error&) override { FAIL(); }
    std::unique_ptr<transport>* client = nullptr;
    std::promise<void> done;
  };
  io_thread io;
  auto client = std::move(*make_http_client(io, to(server)));
  suicidal s;
  s.client = &client;
  io.call([&] {
    client->set_listener(&s);
    EXPECT_EQ(client->acquire(), transport::none);
  });
  s.done.get_future().wait();
  io.stop();
}

TEST(http_client, options_out_of_range_are_refused) {
  io_thread io;
  transport_options o;
  o.origin = "http://example.test";
  EXPECT_EQ(make_http_client(io, o).error().code, errc::invalid_argument);
  o.origin = "https://example.test";
  for (const int n : {0, 1025, -1}) {
    o.connections_max = n;
    EXPECT_EQ(make_http_client(io, o).error().code, errc::invalid_argument);
  }
  o.connections_max = 1024;
  EXPECT_TRUE(make_http_client(io, o));
  o.tls.ca_file = "/no/such/file.pem";
  const auto made = make_http_client(io, o);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::file_unreadable);
  EXPECT_NE(made.error().message.find("/no/such/file.pem"), std::string::npos);
  o.tls.ca_file.clear();
  o.response_timeout = 0;
  EXPECT_FALSE(make_http_client(io, o));
}

}  // namespace
}  // namespace bulkmsg::net
