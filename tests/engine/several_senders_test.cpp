// A campaign over several senders: who is written to from which, each within its own limits and troubles.
#include <map>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

sender_settings number_of(const std::string& name, const std::string& origin, const std::string& limits = "1000/s") {
  auto settings = sender_at(origin);
  settings.name = name;
  settings.phone_number_id = "10000" + name;
  settings.business_account_id = "account-of-" + name;
  settings.token = "env:BULKMSG_TEST_TOKEN_" + name;
  settings.limits = limits + "; in-flight=8";
  ::setenv(("BULKMSG_TEST_TOKEN_" + name).c_str(), ("token-of-" + name).c_str(), 1);
  return settings;
}

// The number that a request came from.
std::string from(const request& r) { return field(r.line, "/10000", '/'); }

class shop : public host {
 public:
  explicit shop(provider& p, engine_options options = {}) : host(options, p.origin()), at_(p) {}

  sender_id put(const std::string& name, const std::string& limits = "1000/s") {
    return must((*this)->put_sender(number_of(name, at_.origin(), limits)));
  }
  campaign_id over(const std::vector<sender_id>& senders, int count, int first = 0, account_id account = {}) {
    const auto made = must((*this)->create_campaign({.name = "spring",
                                                     .sender = senders.front(),
                                                     .more_senders = {senders.begin() + 1, senders.end()},
                                                     .content = must((*this)->put_template(template_json())),
                                                     .account = account}));
    must((*this)->import_csv_text(made, csv(count, first)));
    return made;
  }
  // Who got it from whom, of this campaign.
  std::map<std::string, std::string> dealt(campaign_id campaign) {
    std::map<std::string, std::string> by;
    for (const auto& m : must((*this)->messages(campaign))) by[m.address] = m.sender;
    return by;
  }
  bool done(campaign_id campaign) {
    return until([&] { return state(campaign) == campaign_state::completed; });
  }

 private:
  provider& at_;
};

TEST(several_senders, share_the_recipients_and_every_message_leaves_from_its_own) {
  provider p;
  shop h(p);
  const auto a = h.put("A"), b = h.put("B"), c = h.put("C");
  const auto campaign = h.over({a, b, c}, 300);
  const auto dry = must(h->dry_run(campaign));
  ASSERT_EQ(dry.by_sender.size(), 3u);
  std::int64_t all = 0;
  for (const auto& [name, messages] : dry.by_sender) {
    EXPECT_GT(messages, 60) << name;
    all += messages;
  }
  EXPECT_EQ(all, 300);
  EXPECT_EQ(must(h->start(campaign)).hash, dry.hash);
  ASSERT_TRUE(h.done(campaign));
  EXPECT_EQ(h.told(campaign).sent, 300);
  EXPECT_EQ(must(h->status(campaign)).sender, "A, B, C");
  const auto dealt = h.dealt(campaign);
  std::map<std::string, std::int64_t> count;
  for (const auto& r : p.requests()) {
    EXPECT_EQ(from(r), dealt.at(r.to)) << r.to;
    EXPECT_EQ(r.token, "token-of-" + from(r));
    ++count[from(r)];
  }
  for (const auto& [name, messages] : dry.by_sender) EXPECT_EQ(count[name], messages) << name;
}

TEST(several_senders, the_same_person_gets_the_same_one_in_every_campaign_that_names_it) {
  provider p;
  shop h(p);
  const auto a = h.put("A"), b = h.put("B"), c = h.put("C");
  const auto first = h.over({a, b}, 200), more = h.over({c, b, a}, 200), fewer = h.over({b, c}, 200);
  for (const auto each : {first, more, fewer}) {
    must(h->start(each));
    ASSERT_TRUE(h.done(each));
  }
  const auto by_first = h.dealt(first), by_more = h.dealt(more), by_fewer = h.dealt(fewer);
  int moved = 0;
  for (const auto& [who, sender] : by_first) {
    if (by_more.at(who) != sender) {
      EXPECT_EQ(by_more.at(who), "C") << "only the new one takes people over";
      ++moved;
    }
    // Left out was A: everybody else stays.
    if (by_more.at(who) != "A") {
      EXPECT_EQ(by_fewer.at(who), by_more.at(who));
    }
  }
  EXPECT_GT(moved, 30);
  EXPECT_LT(moved, 110);
}

TEST(several_senders, get_people_as_they_may_send_in_a_day) {
  provider p;
  shop h(p, {.send = false});
  const auto small = h.put("A", "80/s; 1000 recipients/24h"), big = h.put("B", "80/s; 9000 recipients/24h");
  const auto shares = must(h->dry_run(h.over({small, big}, 1000))).by_sender;
  EXPECT_NEAR(static_cast<double>(shares[0].second), 100, 40);
}

TEST(several_senders, who_wrote_to_one_of_them_is_answered_from_that_one) {
  provider p;
  shop h(p);
  const auto a = h.put("A"), b = h.put("B");
  const auto first = h.over({a, b}, 50);
  must(h->start(first));
  ASSERT_TRUE(h.done(first));
  const auto before = h.dealt(first);
  const auto odd = std::find_if(before.begin(), before.end(), [](const auto& each) { return each.second == "A"; });
  const auto who = odd->first;
  must(ingest(*h, R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{)"
                  R"("metadata":{"display_phone_number":"1","phone_number_id":"10000B"},"messages":[{"id":"wamid.in",)"
                  R"("from":")" +
                      who.substr(1) + R"(","timestamp":"1800000000","type":"text","text":{"body":"hi"}}]}}]}]})"));
  ASSERT_TRUE(h.until([&] { return must(h->window_closes_at(who)) > 0; }));
  EXPECT_GT(must(h->window_closes_at(who, b)), 0);
  EXPECT_EQ(must(h->window_closes_at(who, a)), 0) << "the window is of the number that they wrote to";
  const auto second = h.over({a, b}, 50);
  must(h->start(second));
  ASSERT_TRUE(h.done(second));
  for (const auto& [to, sender] : h.dealt(second)) EXPECT_EQ(sender, to == who ? "B" : before.at(to)) << to;
}

TEST(several_senders, one_that_is_refused_as_a_number_waits_for_a_person_while_the_others_go_on) {
  std::atomic<bool> broken = true;
  provider p([&](const request& r, int nth) {
    return from(r) == "A" && broken ? provider::refused(131045) : provider::accepted(nth);
  });
  shop h(p);
  const auto a = h.put("A"), b = h.put("B", "50/s");
  const auto campaign = h.over({a, b}, 60);
  const auto shares = must(h->start(campaign)).by_sender;
  ASSERT_TRUE(h.until([&] { return !must(h->status(campaign)).reason.empty(); }));
  // B goes on; when it is done nothing more can go, and the campaign says so.
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  auto status = must(h->status(campaign));
  EXPECT_EQ(status.counters.sent, shares[1].second);
  EXPECT_EQ(status.counters.queued(), shares[0].second);
  EXPECT_NE(status.reason.find("131045"), std::string::npos) << status.reason;
  broken = false;
  must(h->resume(campaign));
  ASSERT_TRUE(h.done(campaign));
  EXPECT_EQ(h.told(campaign).sent, 60);
}

TEST(several_senders, one_without_credentials_waits_while_the_others_go_on) {
  provider p;
  shop h(p, {.send = false});
  const auto a = h.put("A"), b = h.put("B");
  const auto campaign = h.over({a, b}, 60);
  const auto shares = must(h->start(campaign)).by_sender;
  h.close();
  ::unsetenv("BULKMSG_TEST_TOKEN_A");
  h.open({});
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == shares[1].second; }));
  const auto status = must(h->status(campaign));
  EXPECT_EQ(status.state, campaign_state::sending);
  EXPECT_NE(status.reason.find("sender 'A'"), std::string::npos) << status.reason;
  ::setenv("BULKMSG_TEST_TOKEN_A", "token-of-A", 1);
  must(h->resume(campaign));
  ASSERT_TRUE(h.done(campaign));
  EXPECT_EQ(h.told(campaign).sent, 60);
}

TEST(several_senders, one_whose_credentials_are_gone_keeps_those_it_has_when_a_campaign_is_resumed) {
  provider p;
  shop h(p);
  const auto file = h.folder.file("token-of-A");
  write_file(file, "token-of-A");
  auto settings = number_of("A", p.origin());
  settings.token = "file:" + file;
  const auto a = must(h->put_sender(settings)), b = h.put("B");
  p.hold();
  const auto both = h.over({a, b}, 60), other = h.over({a}, 60, 60);
  must(h->start(both));
  must(h->pause(both));
  must(h->start(other));
  ASSERT_TRUE(p.wait_for(1));
  std::filesystem::remove(file);
  must(h->resume(both));
  p.let_go();
  EXPECT_TRUE(h.done(other)) << must(h->status(other)).reason;
  EXPECT_TRUE(h.done(both)) << must(h->status(both)).reason;
}

TEST(several_senders, what_a_webhook_says_of_one_number_holds_that_number_until_it_is_taken_back) {
  provider p;
  shop h(p);
  const auto a = h.put("A", "10/s"), b = h.put("B", "10/s");
  const auto campaign = h.over({a, b}, 40);
  const auto shares = must(h->start(campaign)).by_sender;
  const auto told = [&](const std::string& field, const std::string& value, int at_s) {
    must(ingest(*h, R"({"object":"whatsapp_business_account","entry":[{"id":"account-of-A","time":)" +
                        std::to_string(1'700'000'000 + at_s) + R"(,"changes":[{"field":")" + field + R"(","value":)" +
                        value + "}]}]}"));
  };
  told("messages", R"({"metadata":{"display_phone_number":"49301","phone_number_id":"10000A"},"statuses":[]})", 0);
  told("phone_number_quality_update", R"({"display_phone_number":"49301","event":"FLAGGED"})", 1);
  ASSERT_TRUE(h.until([&] { return must(h->status(campaign)).reason.find("sender 'A'") != std::string::npos; }));
  ASSERT_TRUE(h.until([&] {
    int from_b = 0;
    for (const auto& r : p.requests()) from_b += from(r) == "B";
    return from_b == shares[1].second;
  }));
  EXPECT_EQ(h.state(campaign), campaign_state::sending) << "it goes on by itself";
  EXPECT_GT(h.told(campaign).queued(), 0);
  told("phone_number_quality_update", R"({"display_phone_number":"49301","event":"UNFLAGGED"})", 2);
  ASSERT_TRUE(h.done(campaign));
  EXPECT_EQ(h.told(campaign).sent, 40);
}

TEST(several_senders, a_stopped_campaign_gives_its_credits_back_when_the_last_of_them_rests) {
  provider p;
  shop h(p);
  const auto account = must(h->put_account("a", {.users = 1}));
  const auto a = h.put("A", "20/s"), b = h.put("B", "20/s");
  p.hold();
  const auto campaign = h.over({a, b}, 100, 0, account);
  must(h->start(campaign));
  ASSERT_TRUE(p.wait_for(4));
  must(h->stop(campaign));
  p.let_go();
  ASSERT_TRUE(h.until([&] { return must(h->account(account)).balances.reserved == 0; }));
  const auto balances = must(h->audit(account));
  EXPECT_EQ(balances.spent, h.told(campaign).sent);
  EXPECT_EQ(must(h->account(account)).uncollected, 0);
}

TEST(several_senders, go_together_or_are_refused) {
  provider p;
  shop h(p, {.send = false});
  const auto a = h.put("A");
  const auto words = must(h->put_template(template_json()));
  const auto bot = must(
      h->put_sender({.name = "bot", .channel = "telegram", .origin = p.origin(), .token = "env:BULKMSG_TEST_TOKEN"}));
  const auto with = [&](sender_id first, std::vector<sender_id> more) {
    return code_of(
        h->create_campaign({.name = "c", .sender = first, .more_senders = std::move(more), .content = words}));
  };
  EXPECT_EQ(with(a, {bot}), errc::conflict) << "of another channel";
  EXPECT_EQ(with(a, {a}), errc::conflict) << "named twice";
  EXPECT_EQ(with(a, {{99}}), errc::not_found);
  EXPECT_EQ(with({}, {a}), errc::invalid_argument) << "there is no first one";
  auto same_number = number_of("A", p.origin());
  same_number.name = "again";
  EXPECT_EQ(with(a, {must(h->put_sender(same_number))}), errc::conflict) << "the same number";
}

TEST(several_senders, are_those_of_a_test_and_of_a_retry_too) {
  std::atomic<bool> unreachable = true;
  provider p([&](const request& r, int nth) {
    return r.to.back() == '3' && unreachable ? provider::refused(131026) : provider::accepted(nth);
  });
  shop h(p);
  const auto campaign = h.over({h.put("A"), h.put("B")}, 100);
  const auto test = must(h->test_send(campaign, std::vector<std::string>{number(500), number(501), number(502)}));
  ASSERT_TRUE(h.done(test));
  EXPECT_EQ(must(h->status(test)).sender, "A, B");
  EXPECT_EQ(h.told(campaign).sent, 0);
  must(h->start(campaign));
  ASSERT_TRUE(h.done(campaign));
  EXPECT_EQ(h.told(campaign).failed, 10);
  unreachable = false;
  const auto child = must(h->retry(campaign, {.all = true})).child;
  must(h->start(child));
  ASSERT_TRUE(h.done(child));
  EXPECT_EQ(h.told(child).sent, 10);
  const auto before = h.dealt(campaign);
  for (const auto& [who, sender] : h.dealt(child)) EXPECT_EQ(sender, before.at(who)) << who;
}

}  // namespace
}  // namespace bulkmsg::testing
