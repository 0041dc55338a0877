// Campaigns from the start to their end, against a provider on loopback.
#include <unistd.h>

#include "hosted.hpp"
#include "net/certificates.hpp"

namespace bulkmsg::testing {
namespace {

using std::chrono::milliseconds;

TEST(sending, every_recipient_gets_one_request_and_the_campaign_completes) {
  provider p;
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(200, account);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));

  EXPECT_EQ(h.told(campaign).sent, 200);
  EXPECT_EQ(h.told(campaign).queued(), 0);
  std::set<std::string> to, keys;
  for (const auto& r : p.requests()) {
    to.insert(r.to);
    keys.insert(r.key);
  }
  EXPECT_EQ(p.count(), 200);
  EXPECT_EQ(to.size(), 200u);
  EXPECT_EQ(keys.size(), 200u);
  EXPECT_FALSE(keys.contains(""));
  const auto b = must(h->audit(account));
  EXPECT_EQ(b.spent, 200);
  EXPECT_EQ(b.reserved, 0);
  EXPECT_EQ(must(h->status(campaign)).credits_spent, 200);
}

TEST(sending, a_start_whose_sender_cannot_send_has_happened_and_begins_when_it_can) {
  host h({.send = true}, "https://127.0.0.1:9");
  auto settings = sender_at(h.origin);
  settings.tls_ca_file = h.folder.file("authority.pem");
  const auto pem = bytes_of(pem_file(make_identity({.is_ca = true})).path());
  write_file(settings.tls_ca_file, pem);
  h.sender = must(h->put_sender(settings));
  const auto campaign = h.draft(3);
  ::unlink(settings.tls_ca_file.c_str());

  const auto begun = h->start(campaign, {.idempotency_key = "once"});

  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(begun->messages, 3);
  EXPECT_EQ(h.state(campaign), campaign_state::sending);
  const auto is_told = [&] { return must(h->status(campaign)).reason.find(settings.tls_ca_file) != std::string::npos; };
  EXPECT_TRUE(is_told());
  EXPECT_EQ(must(h->start(campaign, {.idempotency_key = "once"})).hash, begun->hash) << "it is not started again";
  write_file(settings.tls_ca_file, pem);
  EXPECT_TRUE(h.until([&] { return !is_told(); })) << "it is tried again";
  EXPECT_EQ(h.told(campaign).queued(), 3);
}

TEST(sending, the_body_on_the_wire_is_the_planned_one) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = h.draft(0);
  must(h->import_csv_text(campaign, "phone_number,param1\n+15551000001,\"Zo\xc3\xab \"\"Z\"\" \xf0\x9f\x98\x80\"\n"));
  EXPECT_EQ(must(h->dry_run(campaign)).preview, "Hi Zo\xc3\xab \"Z\" \xf0\x9f\x98\x80");
  must(h->start(campaign));
  ASSERT_TRUE(p.wait_for(1));
  const auto body = p.requests()[0].body;
  EXPECT_NE(body.find(R"("to":"+15551000001")"), std::string::npos) << body;
  EXPECT_NE(body.find("Zo\xc3\xab \\\"Z\\\" \xf0\x9f\x98\x80"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("name":"t")"), std::string::npos) << body;
}

TEST(sending, what_the_provider_refuses_for_good_is_failed_with_its_reason_and_costs_nothing) {
  provider p([](const request& r, int nth) {
    return r.to == number(3) ? provider::refused(131026, 400, "not on it") : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(10, account);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 9);
  EXPECT_EQ(h.told(campaign).failed, 1);
  EXPECT_EQ(must(h->audit(account)).available(), 3'000 - 9);
  const auto reasons = must(h->failed_by_reason(campaign));
  ASSERT_EQ(reasons.size(), 1u);
  EXPECT_EQ(reasons[0].code, 131026);
  EXPECT_EQ(reasons[0].count, 1);
  const auto rows = must(h->messages(campaign, {.state = message_state::refused}));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].address, number(3));
}

TEST(sending, a_refusal_that_may_pass_is_tried_again) {
  provider p(
      [](const request&, int nth) { return nth == 0 ? provider::refused(131016, 503) : provider::accepted(nth); });
  host h({.send = true}, p.origin());
  const auto campaign = h.start(1);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 2);
  EXPECT_EQ(h.told(campaign).sent, 1);
  EXPECT_EQ(must(h->messages(campaign))[0].attempt, 2);
}

TEST(sending, what_may_have_gone_is_held_and_never_repeated_until_a_receipt_tells) {
  provider p([](const request& r, int nth) { return r.to == number(2) ? std::string() : provider::accepted(nth); });
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(5, account);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 4);
  EXPECT_EQ(h.told(campaign).unconfirmed, 1);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 1);
  EXPECT_EQ(p.count(), 5);

  std::string key;
  for (const auto& r : p.requests()) {
    if (r.to == number(2)) key = r.key;
  }
  must(ingest(*h, statuses({{key, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).unconfirmed == 0; }));
  EXPECT_EQ(h.told(campaign).sent, 5);
  EXPECT_EQ(h.told(campaign).delivered, 1);
  EXPECT_EQ(must(h->status(campaign)).settled_by_receipt, 1);
  EXPECT_EQ(must(h->audit(account)).reserved, 0);
  EXPECT_EQ(p.count(), 5);
}

TEST(sending, when_pause_has_returned_no_new_request_leaves_and_resume_sends_exactly_the_rest) {
  provider p;
  host h({.send = true}, p.origin());
  p.hold();
  const auto campaign = h.start(60);
  ASSERT_TRUE(p.wait_for(8));
  must(h->pause(campaign));
  EXPECT_EQ(h.state(campaign), campaign_state::paused);
  const auto left = p.count();
  EXPECT_EQ(left, 8) << "in-flight=8";
  p.let_go();
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == left; })) << "what was on the wire is settled";
  EXPECT_EQ(p.count(), left) << "answers made room, and nothing took it";

  must(h->resume(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 60);
  std::set<std::string> to;
  for (const auto& r : p.requests()) to.insert(r.to);
  EXPECT_EQ(to.size(), 60u);
}

TEST(sending, when_stop_has_returned_no_new_request_leaves_for_ever) {
  provider p;
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  p.hold();
  const auto campaign = h.start(60, account);
  ASSERT_TRUE(p.wait_for(8));
  must(h->stop(campaign, "enough"));
  p.let_go();
  ASSERT_TRUE(h.until([&] { return must(h->account(account)).balances.reserved == 0; }));
  EXPECT_EQ(h.told(campaign).sent, 8);
  EXPECT_EQ(h.told(campaign).queued(), 52);
  EXPECT_EQ(must(h->audit(account)).available(), 3'000 - 8);
  h.open({.send = true});
  // Another campaign on the same sender goes out; the stopped one does not.
  const auto next = h.start(5);
  ASSERT_TRUE(h.until([&] { return h.state(next) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 13);
}

TEST(sending, a_paused_campaign_stays_paused_when_the_store_is_opened_again) {
  provider p;
  host h({.send = true}, p.origin());
  p.hold();
  const auto paused = h.start(30);
  ASSERT_TRUE(p.wait_for(8));
  must(h->pause(paused));
  p.let_go();
  h.open({.send = true});
  const auto left = p.count();
  const auto next = h.start(5);
  ASSERT_TRUE(h.until([&] { return h.state(next) == campaign_state::completed; }));
  EXPECT_EQ(h.state(paused), campaign_state::paused);
  EXPECT_EQ(p.count(), left + 5);
  must(h->resume(paused));
  ASSERT_TRUE(h.until([&] { return h.state(paused) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 35);
}

TEST(sending, close_settles_what_is_on_the_wire_and_the_next_opening_sends_the_rest) {
  provider p;
  host h({.send = true}, p.origin());
  p.hold();
  const auto campaign = h.start(50);
  ASSERT_TRUE(p.wait_for(8));
  std::thread closing([&] { must(h->close(patience)); });
  p.let_go();
  closing.join();
  h.open({.send = true});
  EXPECT_EQ(h->recovered().unconfirmed, 0);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 50);
  EXPECT_EQ(p.count(), 50);
}

TEST(sending, close_without_time_leaves_what_is_on_the_wire_unconfirmed_and_never_repeats_it) {
  provider p;
  host h({.send = true}, p.origin());
  p.hold();
  const auto campaign = h.start(50);
  ASSERT_TRUE(p.wait_for(8));
  must(h->close(milliseconds(0)));
  p.let_go();
  h.open({.send = true});
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).unconfirmed, 8);
  EXPECT_EQ(h.told(campaign).sent, 42);
  EXPECT_EQ(p.count(), 50);
  std::set<std::string> to;
  for (const auto& r : p.requests()) to.insert(r.to);
  EXPECT_EQ(to.size(), 50u);
}

TEST(sending, a_wrong_token_pauses_the_campaign_with_a_reason_that_does_not_hold_it) {
  provider p([](const request&, int) { return provider::refused(190, 401, "Bad token " + token_value); });
  host h({.send = true}, p.origin());
  const auto campaign = h.start(20);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  const auto told = must(h->status(campaign));
  EXPECT_NE(told.reason.find("190"), std::string::npos) << told.reason;
  EXPECT_EQ(told.reason.find(token_value), std::string::npos) << told.reason;
  EXPECT_EQ(told.counters.failed, 0) << "nothing is wrong with the messages";
  EXPECT_EQ(told.counters.queued(), 20);
}

TEST(sending, a_campaign_that_the_provider_braked_goes_on_when_it_is_resumed) {
  std::atomic<bool> works = false;
  provider p([&](const request&, int nth) { return works ? provider::accepted(nth) : provider::refused(190, 401); });
  host h({.send = true}, p.origin());
  const auto campaign = h.start(20);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  works = true;
  must(h->resume(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 20);
}

TEST(sending, a_provider_that_is_down_leaves_everything_queued_and_the_reason_shown) {
  host h({.send = true});
  const auto campaign = h.start(20);
  ASSERT_TRUE(h.until([&] { return !must(h->status(campaign)).reason.empty(); }));
  EXPECT_EQ(h.state(campaign), campaign_state::sending);
  EXPECT_EQ(h.told(campaign).queued(), 20);
  EXPECT_EQ(h.told(campaign).unconfirmed, 0) << "nothing was ever handed to the network";
  must(h->close(milliseconds(0)));
  h.open();
  EXPECT_EQ(h->recovered().unconfirmed, 0);
}

TEST(sending, two_campaigns_of_one_sender_both_complete) {
  provider p;
  host h({.send = true}, p.origin());
  const auto one = h.start(100), two = h.start(100);
  ASSERT_TRUE(
      h.until([&] { return h.state(one) == campaign_state::completed && h.state(two) == campaign_state::completed; }));
  EXPECT_EQ(h.told(one).sent, 100);
  EXPECT_EQ(h.told(two).sent, 100);
  EXPECT_EQ(p.count(), 200);
}

TEST(sending, not_asked_to_it_sends_nothing) {
  provider p;
  host h({.send = false}, p.origin());
  const auto campaign = h.start(20);
  must(h->pause(campaign));
  must(h->resume(campaign));
  must(h->close());
  EXPECT_EQ(p.count(), 0);
}

TEST(check_sender, tells_what_the_provider_says_of_the_number) {
  provider p([](const request&, int) {
    return provider::http(200, R"({"id":"106540352242922","display_phone_number":"+1 555-0100","verified_name":"Shop",)"
                               R"("quality_rating":"GREEN","status":"CONNECTED"})");
  });
  host h;
  const auto got = must(h->check_sender(sender_at(p.origin())));
  EXPECT_EQ(got.display_phone_number, "+1 555-0100");
  EXPECT_EQ(got.verified_name, "Shop");
  EXPECT_EQ(got.quality, "GREEN");
}

TEST(check_sender, a_wrong_token_is_told_without_the_token) {
  provider p([](const request&, int) { return provider::refused(190, 401, "Malformed access token " + token_value); });
  host h;
  const auto why = refused(h->check_sender(sender_at(p.origin())));
  EXPECT_EQ(why.code, errc::token_rejected);
  EXPECT_EQ(why.message.find(token_value), std::string::npos) << why.message;
}

TEST(check_sender, nobody_there_is_a_failed_connection) {
  host h;
  EXPECT_EQ(code_of(h->check_sender(sender_at(nowhere))), errc::connect_failed);
}

// Several threads that call whatever there is, until they are told that the engine is closed.
TEST(close, while_calls_are_under_way_each_of_them_ends_and_is_told) {
  for (int round = 0; round < 5; ++round) {
    provider p;
    host h({.send = true}, p.origin());
    const auto campaign = h.start(2'000);
    const auto draft = h.draft(1);
    std::atomic<int> calls = 0, closed = 0;
    const std::vector<std::function<errc(int)>> kinds = {
        [&](int) { return code_of(h->status(campaign)); },
        [&](int) { return code_of(h->messages(campaign)); },
        [&](int n) { return code_of(h->import_csv_text(draft, csv(50, 100 + 50 * n))); },
        [&](int n) { return n % 2 == 0 ? code_of(h->pause(campaign)) : code_of(h->resume(campaign)); },
        [&](int) { return code_of(ingest(*h, reply("wamid.1"))); },
        [&](int) {
          std::array<event, 8> some;
          return code_of(h->poll(some, patience));
        },
        [&](int) { return code_of(h->put_template(template_json())); },
        [&](int) { return code_of(h->dry_run(draft)); },
    };
    std::vector<std::thread> threads;
    for (const auto& call : kinds) {
      threads.emplace_back([&] {
        for (int n = 0;; ++n) {
          const auto got = call(n);
          ++calls;
          if (got == errc::closed) break;
          if (got != errc::ok && got != errc::wrong_state) ADD_FAILURE() << name(got);
        }
        ++closed;
      });
    }
    ASSERT_TRUE(h.until([&] { return calls >= 40; }));
    must(h->close(milliseconds(0)));
    for (auto& t : threads) t.join();
    EXPECT_EQ(closed, static_cast<int>(kinds.size()));
    h.open();
    const auto c = h.told(campaign);
    EXPECT_EQ(c.total, 2'000);
    EXPECT_GE(c.queued(), 0);
    EXPECT_LE(c.sent, p.count());
    EXPECT_EQ(c.sent + c.unconfirmed + c.failed + c.queued(), 2'000);
  }
}

TEST(close, every_call_after_it_says_closed) {
  host h;
  const auto campaign = h.draft(1);
  must(h->close());
  must(h->close());
  std::array<event, 4> some;
  const std::vector<std::pair<const char*, errc>> calls = {
      {"put_sender", code_of(h->put_sender(sender_at(nowhere)))},
      {"check_sender", code_of(h->check_sender(sender_at(nowhere)))},
      {"put_template", code_of(h->put_template(template_json()))},
      {"put_account", code_of(h->put_account("a", {}))},
      {"find_account", code_of(h->find_account("a"))},
      {"top_up", code_of(h->top_up({1}, 1, ""))},
      {"account", code_of(h->account({1}))},
      {"audit", code_of(h->audit({1}))},
      {"create_campaign", code_of(h->create_campaign({.name = "c"}))},
      {"discard", code_of(h->discard(campaign))},
      {"import", code_of(h->import_csv_text(campaign, csv(1)))},
      {"rejected", code_of(h->rejected(campaign))},
      {"dry_run", code_of(h->dry_run(campaign))},
      {"start", code_of(h->start(campaign))},
      {"pause", code_of(h->pause(campaign))},
      {"resume", code_of(h->resume(campaign))},
      {"stop", code_of(h->stop(campaign))},
      {"resolve", code_of(h->resolve(campaign, {.actor = "ana"}))},
      {"retry", code_of(h->retry(campaign))},
      {"status", code_of(h->status(campaign))},
      {"list", code_of(h->list())},
      {"messages", code_of(h->messages(campaign))},
      {"failed_by_reason", code_of(h->failed_by_reason(campaign))},
      {"skipped_by_reason", code_of(h->skipped_by_reason(campaign))},
      {"poll", code_of(h->poll(some, milliseconds(0)))},
      {"payload", code_of(h->payload({1}))},
      {"ack", code_of(h->ack({1}))},
      {"ingest", code_of(ingest(*h, reply("wamid.1")))},
      {"listen", code_of(h->listen("127.0.0.1:0"))},
  };
  for (const auto& [call, code] : calls) EXPECT_EQ(code, errc::closed) << call;
  h->wakeup();
}

TEST(close, from_two_threads_both_return_when_it_is_done) {
  host h;
  std::thread other([&] { must(h->close()); });
  must(h->close());
  EXPECT_TRUE(engine::open(h.path(), {.send = false}).has_value()) << "the lock was free when close returned";
  other.join();
}

}  // namespace
}  // namespace bulkmsg::testing
