// What comes back, as a host sees it: answers with their broadcast, opt-outs and brakes while a campaign is being sent.
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

std::string message(const std::string& id, const std::string& from, const std::string& words,
                    const std::string& answers = "") {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":)"
         R"({"phone_number_id":"106540352242922"},"messages":[{"id":")" +
         id + R"(","from":")" + from + R"(","timestamp":"1800000000","type":"text","text":{"body":")" + words + "\"}" +
         (answers.empty() ? "" : R"(,"context":{"id":")" + answers + "\"}") + "}]}}]}]}";
}
std::string template_status(const std::string& event, std::int64_t at_s) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","time":)" + std::to_string(at_s) +
         R"(,"changes":[{"field":"message_template_status_update","value":{"event":")" + event +
         R"(","message_template_name":"t","message_template_language":"en_US"}}]}]})";
}
// The sender of hosted.hpp, slow enough to be talked to.
campaign_id start_slowly(host& h, int count) {
  auto settings = sender_at(h.origin);
  settings.limits = "100/s; in-flight=4";
  settings.reply_to = "support";
  h.sender = must(h->put_sender(settings));
  return h.start(count);
}

TEST(inbound, whoever_opts_out_while_the_campaign_runs_is_not_sent_to) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = start_slowly(h, 150);
  ASSERT_TRUE(p.wait_for(1));
  must(ingest(*h, message("in.1", number(149).substr(1), "STOP")));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  for (const auto& r : p.requests()) EXPECT_NE(r.to, number(149));
  EXPECT_EQ(p.count(), 149);
  const auto c = h.told(campaign);
  EXPECT_EQ(c.sent, 149);
  EXPECT_EQ(c.skipped, 1);
  ASSERT_EQ(h.seen_of(event_kind::opt_out).size(), 1u);
  EXPECT_EQ(h.seen_of(event_kind::opt_out)[0].state, 1);
  const auto listed = must(h->suppressions());
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].why.source, suppression_source::stop_word);
}

TEST(inbound, whoever_the_provider_refuses_as_opted_out_is_not_written_to_again) {
  provider p([](const request& r, int nth) {
    return r.to == number(0) ? provider::refused(131050) : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto campaign = h.start(2);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).failed, 1);
  const auto listed = must(h->suppressions());
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].address, number(0));
  EXPECT_EQ(listed[0].why.source, suppression_source::provider_error);
  EXPECT_EQ(listed[0].why.scope, consent_scope::marketing);
}

TEST(inbound, an_answer_is_told_with_what_it_answers_and_counted_once) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = start_slowly(h, 2);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  const auto to = p.requests()[1].to;
  must(ingest(*h, message("in.1", to.substr(1), "yes", "wamid.1")));
  must(ingest(*h, message("in.2", to.substr(1), "and one more thing")));
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::reply).size() == 2; }));
  for (const auto& e : h.seen_of(event_kind::reply)) {
    EXPECT_EQ(e.campaign, campaign);
    const auto payload = must(h->payload(e.id));
    const std::string agent = "\"agent\":\"support\"";
    const std::string broadcast = "\"broadcast_name\":\"spring\",\"template_name\":\"t\",\"template_content\":\"Hi n";
    EXPECT_NE(payload.find(agent), std::string::npos) << payload;
    EXPECT_NE(payload.find(broadcast), std::string::npos) << payload;
  }
  EXPECT_EQ(h.told(campaign).responded, 1);
  const auto listed = must(h->replies({.campaign = campaign}));
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_FALSE(listed[0].resumed);
  EXPECT_TRUE(listed[1].resumed);
  EXPECT_EQ(listed[0].address, to);
  EXPECT_EQ(must(h->replies({.address = to})).size(), 2u);
  EXPECT_EQ(must(h->replies({.address = number(7)})).size(), 0u);
  EXPECT_EQ(must(h->replies({.after = listed[0].number})).size(), 1u);
  EXPECT_EQ(code_of(h->replies({.limit = 0})), errc::invalid_argument);
  EXPECT_GT(must(h->window_closes_at(to)), 0);
  EXPECT_EQ(must(h->window_closes_at(number(7))), 0);
}

TEST(inbound, a_template_that_the_provider_pauses_holds_its_campaign_until_it_is_approved_again) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = start_slowly(h, 200);
  ASSERT_TRUE(p.wait_for(1));
  must(ingest(*h, template_status("PAUSED", 1'700'000'000)));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  EXPECT_NE(must(h->status(campaign)).reason.find("the provider paused template 't' (en_US)"), std::string::npos);
  EXPECT_LT(p.count(), 200);
  must(ingest(*h, template_status("APPROVED", 1'700'000'010)));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 200);
  EXPECT_EQ(h.seen_of(event_kind::notice).size(), 2u);
}

TEST(inbound, a_person_who_pauses_a_braked_campaign_keeps_it_paused) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = start_slowly(h, 200);
  ASSERT_TRUE(p.wait_for(1));
  must(ingest(*h, template_status("PAUSED", 1'700'000'000)));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  must(h->pause(campaign, "not today"));
  must(ingest(*h, template_status("APPROVED", 1'700'000'010)));
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::notice).size() == 2; }));
  EXPECT_EQ(h.state(campaign), campaign_state::paused);
  EXPECT_EQ(must(h->status(campaign)).reason, "not today");
}

TEST(inbound, the_handshake_is_answered_for_a_known_token_only) {
  host h;
  static_cast<void>(h.draft(0));
  EXPECT_EQ(must(h->verify("subscribe", verify_token_value, "1158201444")), "1158201444");
  EXPECT_EQ(code_of(h->verify("subscribe", "other", "1158201444")), errc::signature_mismatch);
  EXPECT_EQ(code_of(h->verify("unsubscribe", verify_token_value, "1")), errc::signature_mismatch);
}

TEST(inbound, while_a_secret_is_rotated_both_verify) {
  host h;
  write_file(h.folder.file("the old one"), "old-app-secret\n");
  auto settings = sender_at(nowhere);
  settings.app_secret = "env:BULKMSG_TEST_APP_SECRET file:" + h.folder.file("the old one");
  must(h->put_sender(settings));
  const auto body = reply("in.1");
  EXPECT_EQ(code_of(h->ingest(body, sign(body))), errc::ok);
  EXPECT_EQ(code_of(h->ingest(body, sign(body, "old-app-secret"))), errc::ok);
  EXPECT_EQ(code_of(h->ingest(body, sign(body, "third"))), errc::signature_mismatch);
  settings.app_secret = "env:BULKMSG_TEST_APP_SECRET";
  must(h->put_sender(settings));
  EXPECT_EQ(code_of(h->ingest(body, sign(body, "old-app-secret"))), errc::signature_mismatch);
}

TEST(inbound, a_senders_opt_out_words_are_checked_when_it_is_stored) {
  host h;
  auto settings = sender_at(nowhere);
  settings.opt_out_words = "stop=never";
  EXPECT_EQ(code_of(h->put_sender(settings)), errc::bad_option_value);
}

TEST(inbound, durable_events_can_be_looked_at_without_taking_them) {
  host h;
  static_cast<void>(h.draft(0));
  must(ingest(*h, reply("in.1")));
  ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
  const auto listed = must(h->events());
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].kind, event_kind::reply);
  EXPECT_TRUE(must(h->events(listed[0].id)).empty());
  must(h->ack(listed[0].id));
  EXPECT_TRUE(must(h->events()).empty());
}

// Whoever reads on from the last number they saw misses nobody, though what a reply answers may be known later than
// what the next one answers.
TEST(inbound, replies_are_listed_in_the_order_of_their_numbers) {
  provider p;
  host h({}, p.origin());
  p.hold();
  h.start(1);
  ASSERT_TRUE(p.wait_for(1));
  auto quoting = reply("in.1", "to what you just sent");
  const std::string type = R"("type":"text")";
  quoting.insert(quoting.find(type), R"("context":{"id":"wamid.0"},)");
  must(ingest(*h, quoting));
  must(ingest(*h, reply("in.2", "hello")));
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::reply).size() == 1; }));
  const auto first = must(h->replies());
  p.let_go();
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::reply).size() == 2; }));
  std::vector<std::string> all;
  for (const auto& r : first) all.push_back(r.provider_id);
  for (const auto& r : must(h->replies({.after = first.empty() ? 0 : first.back().number}))) {
    all.push_back(r.provider_id);
  }
  EXPECT_EQ(all, (std::vector<std::string>{"in.1", "in.2"}));
}

}  // namespace
}  // namespace bulkmsg::testing
