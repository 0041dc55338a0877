// What comes back to a host: webhooks by call and by HTTP, durable before they are answered.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

// One request, one answer: status and body.
std::pair<int, std::string> http(std::uint16_t port, const std::string& text) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  std::string got;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) {
    static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL));
    char buffer[4096];
    for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) got.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (got.size() < 12) return {0, ""};
  const auto head = got.find("\r\n\r\n");
  return {std::stoi(got.substr(9, 3)), head == std::string::npos ? "" : got.substr(head + 4)};
}
std::string post(const std::string& body, const std::string& signature) {
  return "POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Hub-Signature-256: " + signature +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
bool merged(host& h, std::size_t replies = 1) {
  return h.until([&] { return h.seen_of(event_kind::reply).size() >= replies; });
}

TEST(ingest, a_signed_webhook_is_taken_and_merged) {
  host h;
  static_cast<void>(h.draft(0));
  must(ingest(*h, reply("wamid.1", "yes please")));
  ASSERT_TRUE(merged(h));
  const auto payload = must(h->payload(h.seen_of(event_kind::reply)[0].id));
  EXPECT_NE(payload.find("yes please"), std::string::npos) << payload;
  EXPECT_NE(payload.find("wamid.1"), std::string::npos) << payload;
}

TEST(ingest, a_wrong_or_missing_signature_is_refused_and_nothing_is_kept) {
  host h;
  static_cast<void>(h.draft(0));
  const auto body = reply("wamid.1");
  for (const std::string& bad : {std::string(), std::string("sha256="), sign(body, "other"), sign(body + " "),
                                 sign(body).substr(7), sign(body) + "0"}) {
    EXPECT_EQ(code_of(h->ingest(body, bad)), errc::signature_mismatch) << bad;
  }
  // A good one behind them: when it is merged, they would have been, too.
  must(ingest(*h, reply("wamid.2")));
  ASSERT_TRUE(merged(h));
  EXPECT_EQ(h.seen_of(event_kind::reply).size(), 1u);
}

TEST(ingest, a_signed_body_that_is_no_webhook_is_taken_and_does_no_harm) {
  host h;
  static_cast<void>(h.draft(0));
  for (const char* body : {"", "{", "[]", "not json"}) must(ingest(*h, body));
  must(ingest(*h, reply("wamid.1")));
  EXPECT_TRUE(merged(h));
}

TEST(ingest, over_three_mebibytes_is_refused) {
  host h;
  static_cast<void>(h.draft(0));
  EXPECT_EQ(code_of(ingest(*h, std::string(3 * 1024 * 1024 + 1, ' '))), errc::too_large);
  EXPECT_EQ(code_of(ingest(*h, std::string(3 * 1024 * 1024, ' '))), errc::ok);
}

TEST(ingest, without_any_app_secret_it_says_what_is_missing) {
  host h;
  auto settings = sender_at(nowhere);
  settings.app_secret = "";
  must(h->put_sender(settings));
  EXPECT_EQ(code_of(ingest(*h, reply("wamid.1"))), errc::secret_missing);
}

TEST(ingest, the_secret_of_any_sender_will_do) {
  host h;
  static_cast<void>(h.draft(0));
  write_file(h.folder.file("second"), "another-app-secret\n");
  auto second = sender_at(nowhere);
  second.name = "second";
  second.app_secret = "file:" + h.folder.file("second");
  must(h->put_sender(second));
  const auto body = reply("wamid.1");
  EXPECT_EQ(code_of(h->ingest(body, sign(body, "another-app-secret"))), errc::ok);
  EXPECT_EQ(code_of(h->ingest(body, sign(body))), errc::ok);
  EXPECT_EQ(code_of(h->ingest(body, sign(body, "third"))), errc::signature_mismatch);
}

TEST(ingest, what_was_taken_is_durable_even_if_the_engine_is_closed_at_once) {
  host h;
  static_cast<void>(h.draft(0));
  for (int i = 0; i < 20; ++i) must(ingest(*h, reply("wamid." + std::to_string(i))));
  must(h->close(std::chrono::milliseconds(0)));
  h.open();
  EXPECT_TRUE(merged(h, 20));
  EXPECT_EQ(h.seen_of(event_kind::reply).size(), 20u);
}

TEST(ingest, from_many_threads_each_webhook_counts_once) {
  host h;
  static_cast<void>(h.draft(0));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) must(ingest(*h, reply("wamid." + std::to_string(t * 25 + i))));
      must(ingest(*h, reply("wamid.0")));
    });
  }
  for (auto& t : threads) t.join();
  ASSERT_TRUE(merged(h, 100));
  must(ingest(*h, reply("wamid.last")));
  ASSERT_TRUE(merged(h, 101));
  std::set<std::int64_t> ids;
  for (const auto& e : h.seen_of(event_kind::reply)) ids.insert(e.id.value);
  EXPECT_EQ(ids.size(), 101u);
  EXPECT_EQ(h.seen_of(event_kind::reply).size(), 101u);
}

TEST(receipts, move_the_counters_and_are_told_as_progress) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = h.start(4);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  std::vector<std::pair<std::string, std::string>> list;
  const char* words[] = {"sent", "delivered", "read", "failed"};
  for (std::size_t i = 0; i < 4; ++i) list.emplace_back(p.requests()[i].key, words[i]);
  h.seen.clear();
  must(ingest(*h, statuses(list)));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).undelivered == 1; }));
  const auto c = h.told(campaign);
  EXPECT_EQ(c.sent, 4);
  EXPECT_EQ(c.delivered, 2);
  EXPECT_EQ(c.read, 1);
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::message).size() >= 4; }));
  std::set<std::uint8_t> ranks;
  for (const auto& e : h.seen_of(event_kind::message)) {
    EXPECT_EQ(e.campaign, campaign);
    EXPECT_FALSE(e.id) << "progress has no id";
    ranks.insert(e.receipt);
  }
  EXPECT_EQ(ranks, (std::set<std::uint8_t>{1, 2, 3, 4}));
}

TEST(listen, a_signed_webhook_is_answered_200_when_it_is_durable) {
  host h;
  static_cast<void>(h.draft(0));
  const auto port = must(h->listen("127.0.0.1:0"));
  const auto body = reply("wamid.http");
  EXPECT_EQ(http(port, post(body, sign(body))).first, 200);
  must(h->close(std::chrono::milliseconds(0)));
  h.open();
  EXPECT_TRUE(merged(h));
}

TEST(listen, a_wrong_signature_is_answered_401) {
  host h;
  static_cast<void>(h.draft(0));
  const auto port = must(h->listen("127.0.0.1:0"));
  const auto body = reply("wamid.http");
  EXPECT_EQ(http(port, post(body, sign(body, "other"))).first, 401);
  EXPECT_EQ(http(port, post(body, "")).first, 401);
}

TEST(listen, without_any_app_secret_it_asks_to_be_tried_again) {
  host h;
  const auto port = must(h->listen("127.0.0.1:0"));
  const auto body = reply("wamid.http");
  EXPECT_EQ(http(port, post(body, sign(body))).first, 503);
}

TEST(listen, the_providers_handshake_needs_the_verify_token) {
  host h;
  static_cast<void>(h.draft(0));
  const auto port = must(h->listen("127.0.0.1:0"));
  const auto shake = [&](const std::string& mode, const std::string& token) {
    return http(port, "GET /webhook?hub.mode=" + mode + "&hub.verify_token=" + token +
                          "&hub.challenge=1158201444 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  };
  EXPECT_EQ(shake("subscribe", verify_token_value), (std::pair<int, std::string>{200, "1158201444"}));
  EXPECT_EQ(shake("subscribe", "other").first, 403);
  EXPECT_EQ(shake("subscribe", "").first, 403);
  EXPECT_EQ(shake("unsubscribe", verify_token_value).first, 403);
}

TEST(listen, an_engine_that_posts_listens_for_the_runner) {
  host h;
  static_cast<void>(h.draft(0));
  engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
  const auto port = must(poster.listen("127.0.0.1:0"));
  const auto body = reply("wamid.posted");
  EXPECT_EQ(http(port, post(body, sign(body))).first, 200);
  EXPECT_TRUE(merged(h));
}

TEST(listen, after_close_nobody_answers) {
  host h;
  static_cast<void>(h.draft(0));
  const auto port = must(h->listen("127.0.0.1:0"));
  must(h->close());
  const auto body = reply("wamid.http");
  EXPECT_EQ(http(port, post(body, sign(body))).first, 0);
}

TEST(listen, an_address_that_cannot_be_had_is_refused) {
  host h;
  EXPECT_FALSE(h->listen("not an address").has_value());
  const auto port = must(h->listen("127.0.0.1:0"));
  host other;
  EXPECT_FALSE(other->listen("127.0.0.1:" + std::to_string(port)).has_value());
}

}  // namespace
}  // namespace bulkmsg::testing
