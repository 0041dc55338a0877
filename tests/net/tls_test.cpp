// The client over TLS, against a certificate authority made here.
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
using testing::identity;
using testing::make_identity;
using testing::peer;
using testing::pem_file;
using testing::post_request;
using testing::response;
using testing::server_context;
using testing::test_server;

class tls : public ::testing::Test {
 protected:
  static void echo(peer& p) {
    for (;;) {
      const std::string request = p.request();
      if (request.empty()) return;
      p.write(response(request.substr(request.find("\r\n\r\n") + 4)));
    }
  }

  transport_options to(const test_server& server, const std::string& host = "localhost") const {
    transport_options o;
    o.origin = server.origin(host);
    o.connections_max = 4;
    o.tls.ca_file = ca_file.path();
    return o;
  }

  // The certificate must be refused before a byte of a request goes out.
  static std::string refusal(const transport_options& o, std::atomic<int>& requests) {
    driver d(o);
    (void)d.start(post_request("secret"));
    const error why = d.unreachable();
    EXPECT_EQ(why.code, errc::tls_failed);
    EXPECT_EQ(d.ends(), 0U);
    EXPECT_EQ(requests, 0);
    return why.message;
  }
  test_server::script counting() {
    return [this](peer& p) {
      if (!p.request().empty()) ++requests;
    };
  }

  const identity ca = make_identity({.common_name = "Test CA", .alternative_names = "", .is_ca = true});
  const pem_file ca_file{ca};
  const identity good = make_identity({.alternative_names = "DNS:localhost,IP:127.0.0.1"}, &ca);
  std::atomic<int> requests{0};
};

TEST_F(tls, the_right_name_is_accepted_and_the_connection_kept) {
  const auto context = server_context(good);
  test_server server(echo, context.get());
  driver d(to(server));
  for (int i = 0; i < 50; ++i) {
    const ended e = d.exchange(post_request(std::to_string(i)));
    ASSERT_EQ(e.fate, fate::answered);
    EXPECT_EQ(e.body, std::to_string(i));
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(tls, tls_1_2_is_accepted_and_1_1_is_not) {
  for (const int version : {TLS1_2_VERSION, TLS1_1_VERSION}) {
    const auto context = server_context(good);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), version);
    test_server server(echo, context.get());
    driver d(to(server));
    const std::uint64_t token = d.start(post_request("x"));
    if (version == TLS1_2_VERSION) {
      EXPECT_EQ(d.finish(token).body, "x");
    } else {
      EXPECT_EQ(d.unreachable().code, errc::tls_failed);
    }
  }
}

TEST_F(tls, the_right_address_is_accepted) {
  const auto context = server_context(good);
  test_server server(echo, context.get());
  driver d(to(server, "127.0.0.1"));
  EXPECT_EQ(d.exchange(post_request("x")).body, "x");
}

TEST_F(tls, an_address_is_not_a_name) {
  const identity named = make_identity({.alternative_names = "DNS:localhost,DNS:127.0.0.1"}, &ca);
  const auto context = server_context(named);
  test_server server(counting(), context.get());
  EXPECT_NE(refusal(to(server, "127.0.0.1"), requests).find("not 127.0.0.1"), std::string::npos);
}

TEST_F(tls, another_server_name_may_be_asked_for) {
  const identity other = make_identity({.alternative_names = "DNS:graph.test"}, &ca);
  const auto context = server_context(other);
  static std::string asked;
  SSL_CTX_set_tlsext_servername_callback(
      context.get(), +[](SSL* ssl, int*, void*) {
        asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        return SSL_TLSEXT_ERR_OK;
      });
  test_server server(echo, context.get());
  transport_options o = to(server);
  o.tls.server_name = "graph.test";
  driver d(o);
  EXPECT_EQ(d.exchange(post_request("x")).body, "x");
  EXPECT_EQ(asked, "graph.test");
}

TEST_F(tls, a_wrong_name_is_refused) {
  const identity other = make_identity({.alternative_names = "DNS:other.test"}, &ca);
  const auto context = server_context(other);
  test_server server(counting(), context.get());
  EXPECT_EQ(refusal(to(server), requests).substr(0, 52), "the certificate is for other.test, not localhost; ch");
}

TEST_F(tls, an_expired_certificate_is_refused) {
  const identity old =
      make_identity({.alternative_names = "DNS:localhost", .begins_in_seconds = -7200, .ends_in_seconds = -3600}, &ca);
  const auto context = server_context(old);
  test_server server(counting(), context.get());
  EXPECT_EQ(refusal(to(server), requests).find("the certificate of localhost expired on 20"), 0U);
}

TEST_F(tls, a_certificate_of_the_future_is_refused) {
  const identity early = make_identity({.alternative_names = "DNS:localhost", .begins_in_seconds = 3600}, &ca);
  const auto context = server_context(early);
  test_server server(counting(), context.get());
  EXPECT_NE(refusal(to(server), requests).find("is not valid before"), std::string::npos);
}

TEST_F(tls, a_self_signed_certificate_is_refused) {
  const identity self = make_identity({.alternative_names = "DNS:localhost"});
  const auto context = server_context(self);
  test_server server(counting(), context.get());
  EXPECT_EQ(refusal(to(server), requests),
            "the certificate of localhost is not trusted: self-signed certificate; give a CA file with tls.ca_file");
}

TEST_F(tls, another_authority_is_refused_and_so_is_ours_without_a_ca_file) {
  const identity stranger = make_identity({.common_name = "Test CA", .alternative_names = "", .is_ca = true});
  const identity signed_by_it = make_identity({.alternative_names = "DNS:localhost"}, &stranger);
  const auto context = server_context(signed_by_it);
  test_server server(counting(), context.get());
  EXPECT_NE(refusal(to(server), requests).find("is not trusted"), std::string::npos);
  const auto ours = server_context(good);
  test_server second(counting(), ours.get());
  transport_options o = to(second);
  o.tls.ca_file.clear();
  EXPECT_NE(refusal(o, requests).find("is not trusted"), std::string::npos);
}

TEST_F(tls, a_server_that_speaks_plain_http_is_unreachable) {
  test_server server([](peer& p) {
    p.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    p.wait_for_close();
  });
  transport_options o = to(server);
  o.origin = "https://localhost:" + std::to_string(server.port());
  driver d(o);
  (void)d.start(post_request("x"));
  const error why = d.unreachable();
  EXPECT_EQ(why.code, errc::tls_failed);
  EXPECT_NE(why.message.find("TLS handshake with localhost"), std::string::npos) << why.message;
}

TEST_F(tls, a_handshake_that_never_ends_meets_the_connect_deadline) {
  test_server server([](peer& p) { p.wait_for_close(); });
  transport_options o = to(server);
  o.origin = "https://127.0.0.1:" + std::to_string(server.port());
  o.connect_timeout = 100 * millisecond;
  driver d(o);
  (void)d.start(post_request("x"));
  EXPECT_NE(d.unreachable().message.find("no answer from 127.0.0.1"), std::string::npos);
}

TEST_F(tls, close_notify_on_an_idle_connection_is_noticed) {
  std::promise<void> closed;
  const auto context = server_context(good);
  test_server server(
      [&](peer& p) {
        p.request();
        p.write(response(std::to_string(p.number)));
        if (p.number > 0) return p.wait_for_close();
        p.close();
        p.wait_until_heard();
        closed.set_value();
      },
      context.get());
  driver d(to(server));
  EXPECT_EQ(d.exchange(post_request("x")).body, "0");
  closed.get_future().wait();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // only to pass the short time of trust
  const ended e = d.exchange(post_request("x"));
  EXPECT_EQ(e.fate, fate::answered);
  EXPECT_EQ(e.body, "1");
}

TEST_F(tls, only_close_notify_completes_a_body_without_length) {
  for (const bool in_order : {true, false}) {
    const auto context = server_context(good);
    test_server server(
        [&](peer& p) {
          p.request();
          p.write("HTTP/1.1 200 OK\r\n\r\nabc");
          if (!in_order) p.cut();
        },
        context.get());
    driver d(to(server));
    const ended e = d.exchange(post_request("x"));
    EXPECT_EQ(e.fate, in_order ? fate::answered : fate::unknown);
    EXPECT_EQ(e.body, in_order ? "abc" : "");
  }
}

TEST_F(tls, reset_truncation_and_silence_are_unknown) {
  for (int how = 0; how < 3; ++how) {
    const auto context = server_context(good);
    test_server server(
        [&](peer& p) {
          p.request();
          p.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
          if (how == 0) p.reset();
          if (how == 1) p.close();
          if (how == 2) p.wait_for_close();
        },
        context.get());
    transport_options o = to(server);
    if (how == 2) o.response_timeout = 200 * millisecond;
    driver d(o);
    const ended e = d.exchange(post_request("x"));
    EXPECT_EQ(e.fate, fate::unknown);
    EXPECT_EQ(e.reason, how == 2 ? errc::timed_out : errc::connection_lost);
  }
}

// Whatever the server keeps, a ticket or the session itself, and however a connection ended.
TEST_F(tls, sessions_are_resumed) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool tickets : {true, false}) {
      std::atomic<int> resumed{0};
      const auto context = server_context(good);
      SSL_CTX_set_max_proto_version(context.get(), version);
      if (!tickets) SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
      test_server server(
          [&](peer& p) {
            if (p.resumed()) ++resumed;
            p.request();
            if (p.number == 1 && tickets) {  // a session that it keeps itself the server, too, would give up
              p.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbro");
              return p.cut();
            }
            p.write(response("ok", "Connection: close\r\n"));
            if (p.number == 2) p.wait_for_close();
          },
          context.get());
      driver d(to(server));
      for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(d.exchange(post_request("x")).fate, i == 1 && tickets ? fate::unknown : fate::answered);
      }
      EXPECT_EQ(server.connections(), 4);
      EXPECT_EQ(resumed, 3) << "TLS " << std::hex << version << (tickets ? " with tickets" : "");
    }
  }
}

// Which may end the handshake with an alert, or just hang up.
TEST_F(tls, a_session_that_the_server_chokes_on_is_not_offered_again) {
  for (const auto& [version, silently] :
       {std::pair(TLS1_2_VERSION, false), {TLS1_2_VERSION, true}, {TLS1_3_VERSION, false}, {TLS1_3_VERSION, true}}) {
    const auto context = server_context(good);
    SSL_CTX_set_max_proto_version(context.get(), version);
    std::atomic<int> resumed{0};
    test_server server(
        [&](peer& p) {
          if (p.resumed()) ++resumed;
          p.request();
          p.write(response("ok", "Connection: close\r\n"));
        },
        context.get());
    driver d(to(server));
    EXPECT_EQ(d.exchange(post_request("x")).fate, fate::answered);
    EXPECT_EQ(d.exchange(post_request("x")).fate, fate::answered);
    EXPECT_EQ(resumed, 1);
    if (silently) {
      const auto hang_up = [](SSL* ssl, SSL_SESSION*, const unsigned char*, std::size_t, SSL_TICKET_STATUS status,
                              void*) {
        if (status == SSL_TICKET_SUCCESS) ::shutdown(SSL_get_fd(ssl), SHUT_RDWR);
        return SSL_TICKET_RETURN_IGNORE_RENEW;
      };
      SSL_CTX_set_session_ticket_cb(context.get(), nullptr, hang_up, nullptr);
    } else {
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);  // with it, resuming needs a session context
    }
    EXPECT_EQ(d.exchange(post_request("x")).fate, fate::answered) << "TLS " << std::hex << version;
    EXPECT_EQ(resumed, 1);
  }
}

TEST_F(tls, an_answer_of_two_records_that_arrive_together_is_read_to_its_end) {
  const auto context = server_context(good);
  test_server server(
      [](peer& p) {
        for (int i = 0; i < 2; ++i) {
          p.request();
          p.hold_back(true);
          p.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
          p.write("cd");
          p.hold_back(false);
        }
        p.wait_for_close();
      },
      context.get());
  driver d(to(server));
  EXPECT_EQ(d.exchange(post_request("x")).body, "abcd");
  EXPECT_EQ(d.exchange(post_request("x")).body, "abcd");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(tls, a_goodbye_that_arrives_with_the_answer_is_noticed_at_once) {
  const auto context = server_context(good);
  test_server server(
      [](peer& p) {
        p.request();
        p.hold_back(true);
        p.write(response(std::to_string(p.number)));
        p.close();  // close_notify and FIN
      },
      context.get());
  transport_options o = to(server);
  o.connections_max = 1;
  driver d(o);
  std::vector<std::uint64_t> tokens;  // each is sent inside the answer to the one before it
  for (int i = 0; i < 5; ++i) tokens.push_back(d.start(post_request("x")));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const ended e = d.finish(tokens[i]);
    EXPECT_EQ(e.fate, fate::answered);
    EXPECT_EQ(e.body, std::to_string(i));
  }
}

TEST_F(tls, a_goodbye_that_arrives_with_the_end_of_the_handshake_costs_no_request) {
  const auto context = server_context(good);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);  // where the server has the last word
  SSL_CTX_set_info_callback(
      context.get(), +[](const SSL* ssl, int, int) {
        const int on = 1;
        if (SSL_get_state(ssl) != TLS_ST_SR_FINISHED) return;
        ::setsockopt(SSL_get_fd(ssl), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
      });
  test_server server([](peer& p) { p.close(); }, context.get());
  driver d(to(server));
  (void)d.start(post_request("x"));
  const error why = d.unreachable();
  EXPECT_EQ(why.code, errc::tls_failed);
  EXPECT_NE(why.message.find("the peer closed the connection"), std::string::npos) << why.message;
  EXPECT_EQ(d.ends(), 0U);
}

// As many handshakes at a time as there are connections: 1, 1, 2, 4.
TEST_F(tls, connections_double) {
  const auto context = server_context(good);
  struct handshakes {
    std::atomic<int> begun = 0;
    std::latch two{2}, four{4};
  } seen;
  SSL_CTX_set_client_hello_cb(
      context.get(),
      +[](SSL*, int*, void* of) {
        auto& h = *static_cast<handshakes*>(of);
        const int number = ++h.begun;
        if (number > 2) (number > 4 ? h.four : h.two).arrive_and_wait();
        return SSL_CLIENT_HELLO_SUCCESS;
      },
      &seen);
  std::latch all_asked(8);
  test_server server(
      [&](peer& p) {
        p.request();
        all_asked.arrive_and_wait();
        p.write(response("ok"));
        p.wait_for_close();
      },
      context.get());
  transport_options o = to(server);
  o.connections_max = 8;
  driver d(o);
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 8; ++i) tokens.push_back(d.start(post_request("x")));
  for (const auto token : tokens) EXPECT_EQ(d.finish(token).body, "ok");
}

TEST_F(tls, large_requests_pass_while_answers_arrive) {
  const auto context = server_context(good);
  test_server server(echo, context.get());
  transport_options o = to(server);
  o.body_bytes_max = 4 * 1024 * 1024;
  driver d(o);
  const std::string body(3'000'000, 'b');
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 8; ++i) tokens.push_back(d.start(post_request(body)));
  for (const std::uint64_t t : tokens) EXPECT_EQ(d.finish(t).body, body);
}

}  // namespace
}  // namespace bulkmsg::net
