// Limits that follow the provider's word, and throttling that is meant for a whole account.
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

std::string told(const std::string& field, const std::string& value, int at_s) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"WABA","time":)" +
         std::to_string(1'700'000'000 + at_s) + R"(,"changes":[{"field":")" + field + R"(","value":)" + value + "}]}]}";
}
std::string people_a_day(const std::string& n, int at_s) {
  return told("business_capability_update", R"({"max_daily_conversations_per_business":)" + n + "}", at_s);
}

class shop : public host {
 public:
  explicit shop(provider& p) : host({}, p.origin()), at_(p) {}

  sender_id put(const std::string& name, const std::string& limits, const std::string& account = "WABA") {
    auto settings = sender_at(at_.origin());
    settings.name = name;
    settings.phone_number_id = "10000" + name;
    settings.business_account_id = account;
    settings.limits = limits;
    return must((*this)->put_sender(settings));
  }
  campaign_id send(sender_id over, int count, int first, std::vector<sender_id> more = {}) {
    const auto made = must((*this)->create_campaign({.name = "spring",
                                                     .sender = over,
                                                     .more_senders = std::move(more),
                                                     .content = must((*this)->put_template(template_json()))}));
    must((*this)->import_csv_text(made, csv(count, first)));
    must((*this)->start(made));
    return made;
  }
  // A while, measured by what another account sends in it.
  void some_time(int messages = 100) {
    const auto campaign = send(put("Z", "100/s", "OTHER"), messages, 5000 + 1000 * whiles_++);
    EXPECT_TRUE(until([&] { return state(campaign) == campaign_state::completed; }));
  }
  int from(const std::string& name) {
    int n = 0;
    for (const auto& r : at_.requests()) n += field(r.line, "/10000", '/') == name;
    return n;
  }

 private:
  provider& at_;
  int whiles_ = 0;
};

TEST(provider_limits, what_webhooks_say_is_kept_to_at_once_and_after_reopening) {
  provider p;
  shop h(p);
  const auto a = h.put("A", "provider; in-flight=8");
  must(ingest(*h, people_a_day("5", 1)));
  h.some_time(1);
  const auto campaign = h.send(a, 20, 0);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 5; }));
  h.some_time();
  EXPECT_EQ(h.from("A"), 5);
  must(ingest(*h, people_a_day("12", 3)));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 12; }));
  must(ingest(*h, people_a_day("20", 2)));  // an older word
  h.some_time();
  EXPECT_EQ(h.from("A"), 12);
  h.open({});
  h.some_time();
  EXPECT_EQ(h.from("A"), 12) << "durable";
  must(ingest(*h, people_a_day(R"("TIER_UNLIMITED")", 4)));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 20);
}

TEST(provider_limits, a_hosts_own_limit_is_never_raised) {
  provider p;
  shop h(p);
  const auto lower = h.send(h.put("A", "provider; 3 recipients/24h"), 10, 0);
  const auto own = h.send(h.put("B", "7 recipients/24h"), 10, 100);
  must(ingest(*h, people_a_day("100", 1)));
  ASSERT_TRUE(h.until([&] { return h.told(lower).sent == 3 && h.told(own).sent == 7; }));
  must(ingest(*h, people_a_day(R"("TIER_UNLIMITED")", 2)));
  h.some_time();
  EXPECT_EQ(h.from("A"), 3);
  EXPECT_EQ(h.from("B"), 7);
}

TEST(provider_limits, the_messaging_limit_is_that_of_all_numbers_of_the_business_together) {
  provider p;
  shop h(p);
  const auto a = h.put("A", ""), b = h.put("B", "provider");
  must(ingest(*h, people_a_day("10", 1)));
  h.some_time(1);
  const auto campaign = h.send(a, 40, 0, {b});
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 10; }));
  h.some_time();
  EXPECT_EQ(h.from("A") + h.from("B"), 10);
}

TEST(provider_limits, an_upgraded_number_is_planned_for_at_its_new_speed) {
  provider p;
  shop h(p);
  const auto a = h.put("A", "provider");
  const auto draft =
      must(h->create_campaign({.name = "c", .sender = a, .content = must(h->put_template(template_json()))}));
  must(h->import_csv_text(draft, csv(8000)));
  EXPECT_EQ(must(h->dry_run(draft)).duration, std::chrono::seconds(100));
  const auto hash = must(h->dry_run(draft)).hash;
  must(ingest(*h, told("messages",
                       R"({"metadata":{"display_phone_number":"493","phone_number_id":"10000A"},)"
                       R"("statuses":[]})",
                       0)));
  must(ingest(
      *h, told("phone_number_quality_update", R"({"display_phone_number":"493","event":"THROUGHPUT_UPGRADE"})", 1)));
  ASSERT_TRUE(h.until([&] { return must(h->dry_run(draft)).duration == std::chrono::seconds(8); }));
  EXPECT_EQ(must(h->dry_run(draft)).hash, hash) << "what was agreed is to follow the provider";
}

TEST(provider_limits, only_whatsapp_tells_them) {
  provider p;
  shop h(p);
  EXPECT_EQ(code_of(h->put_sender({.name = "bot",
                                   .channel = "telegram",
                                   .origin = p.origin(),
                                   .token = "env:BULKMSG_TEST_TOKEN",
                                   .limits = "provider"})),
            errc::bad_option_value);
}

TEST(changed_sender, takes_effect_while_it_is_at_work) {
  provider p;
  shop h(p);
  const auto a = h.put("A", "4 recipients/24h");
  const auto campaign = h.send(a, 12, 0);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 4; }));
  EXPECT_EQ(h.put("A", "9 recipients/24h"), a);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 9; }));
  h.some_time();
  EXPECT_EQ(h.from("A"), 9) << "what was sent before is remembered";
  h.put("A", "1000/s");
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  std::set<std::string> people;
  for (const auto& r : p.requests()) EXPECT_TRUE(people.insert(r.to).second) << r.to;
}

TEST(account_throttling, slows_every_number_of_the_account_and_no_other) {
  std::atomic<bool> throttles = true;
  provider p([&](const request& r, int nth) {
    if (field(r.line, "/10000", '/') != "A" || !throttles) return provider::accepted(nth);
    const std::string body = R"({"error":{"message":"slow","type":"OAuthException","code":80007,"fbtrace_id":"A"}})";
    return "HTTP/1.1 400 X\r\nRetry-After: 3000\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  });
  shop h(p);
  const auto a = h.put("A", "10/s"), b = h.put("B", "10/s");
  const auto campaign = h.send(a, 60, 0, {b});
  ASSERT_TRUE(p.wait_for(1));
  h.some_time(500);  // of another account: 5 seconds, in which B would be done
  const auto share = h.from("B");
  EXPECT_LT(share, 15);
  EXPECT_GT(h.told(campaign).queued(), 30);
}

}  // namespace
}  // namespace bulkmsg::testing
