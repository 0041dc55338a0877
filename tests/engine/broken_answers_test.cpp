// What a gateway, a captive portal or a broken provider may say instead of an answer: it proves nothing, so the message
// is unconfirmed, and nobody gets it twice.
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

const std::vector<std::string>& broken_answers() {
  static const std::vector<std::string> all{provider::http(200, "<html><body>Welcome to Hotel Wi-Fi</body></html>"),
                                            provider::http(200, ""),
                                            provider::http(200, "{}"),
                                            provider::http(200, "null"),
                                            provider::http(200, "[1,2,3]"),
                                            provider::http(200, "\"accepted\""),
                                            provider::http(200, R"({"messages":[{"id":"wamid.HBgL)"),
                                            provider::http(200, R"({"messages":[]})"),
                                            provider::http(200, R"({"messages":[{"id":""}]})"),
                                            provider::http(200, R"({"messages":[{"id":17}]})"),
                                            provider::http(200, R"({"messages":{"id":"wamid.1"}})"),
                                            provider::http(200, "\xff\xfe\x00\xd8"),
                                            provider::http(200, std::string(300'000, 'x')),  // over body_bytes_max
                                            provider::http(200, std::string(200'000, '[')),
                                            provider::http(302, ""),
                                            provider::http(400, "<html>Bad Request</html>"),
                                            provider::http(400, R"({"error":"no"})"),
                                            provider::http(400, R"({"error":{"message":"no code"}})"),
                                            provider::http(500, R"({"error":{"message":"a gateway's","code":500}})"),
                                            provider::http(502, "<html><h1>502 Bad Gateway</h1></html>"),
                                            provider::http(503, ""),
                                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                                            "SSH-2.0-OpenSSH_9.2\r\n",
                                            ""};  // reset
  return all;
}

TEST(broken_answers, are_unconfirmed_each_of_them_once) {
  const auto& all = broken_answers();
  const int count = static_cast<int>(all.size());
  provider p([&](const request& r, int nth) {
    const auto at = std::stoul(r.to.substr(5)) - 1'000'000;
    return at < all.size() ? all[at] : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(count + 5, account);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).queued() == 0; }));
  EXPECT_EQ(h.told(campaign).unconfirmed, count);
  EXPECT_EQ(h.told(campaign).sent, 5);
  EXPECT_EQ(h.told(campaign).failed, 0);
  std::multiset<std::string> asked;
  for (const auto& r : p.requests()) asked.insert(r.to);
  for (const auto& to : asked) EXPECT_EQ(asked.count(to), 1u) << to;
  // The credit is held until somebody knows.
  EXPECT_EQ(must(h->audit(account)).reserved, count);
}

}  // namespace
}  // namespace bulkmsg::testing
