// What becomes of messages that may have gone or failed, at the engine's door: rules, resolve, retry.
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using std::chrono::milliseconds;

// A provider that loses the answers to those addresses, once each.
provider::script losing(std::set<std::string> whose) {
  return [whose = std::move(whose)](const request& r, int nth) mutable {
    return whose.erase(r.to) > 0 ? std::string() : provider::accepted(nth);
  };
}

campaign_id start_with_rule(host& h, int count, unconfirmed_rule rule, account_id account = {}) {
  h.sender = must(h->put_sender(sender_at(h.origin)));
  const auto made = must(h->create_campaign({.name = "spring",
                                             .sender = h.sender,
                                             .content = must(h->put_template(template_json())),
                                             .account = account,
                                             .when_unconfirmed = rule,
                                             .unconfirmed_wait = std::chrono::seconds(1)}));
  must(h->import_csv_text(made, csv(count)));
  must(h->start(made));
  return made;
}

std::set<std::string> addresses(engine& e, campaign_id campaign) {
  std::set<std::string> all;
  for (const auto& m : must(e.messages(campaign))) all.insert(m.address);
  return all;
}

TEST(unconfirmed_rule, give_up_completes_the_campaign_and_a_receipt_after_it_still_counts) {
  provider p(losing({number(2)}));
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto campaign = start_with_rule(h, 5, unconfirmed_rule::give_up, account);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 4; }));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).failed, 1);
  EXPECT_EQ(must(h->audit(account)).spent, 4);
  EXPECT_EQ(must(h->audit(account)).reserved, 0);
  EXPECT_EQ(must(h->failed_by_reason(campaign))[0].code, static_cast<int>(errc::timed_out));
  std::string key;
  for (const auto& r : p.requests()) {
    if (r.to == number(2)) key = r.key;
  }
  must(ingest(*h, statuses({{key, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 5; }));
  EXPECT_EQ(must(h->audit(account)).spent, 5);
  EXPECT_EQ(p.count(), 5);
}

TEST(unconfirmed_rule, resend_sends_again_once_webhooks_are_seen_to_arrive) {
  provider p(losing({number(2)}));
  host h({.send = true}, p.origin());
  const auto campaign = start_with_rule(h, 50, unconfirmed_rule::resend);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 49; }));
  EXPECT_EQ(h.state(campaign), campaign_state::sending) << "its rule still has to act";
  EXPECT_NE(must(h->status(campaign)).reason.find("resend"), std::string::npos);
  std::string later;
  for (const auto& r : p.requests()) {
    if (r.to == number(49)) later = r.key;
  }
  must(ingest(*h, statuses({{later, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 50);
  EXPECT_EQ(p.count(), 51);
}

TEST(unconfirmed_rule, resend_also_acts_on_a_receipt_that_is_no_news) {
  provider p(losing({number(2)}));
  host h({.send = true}, p.origin());
  h.sender = must(h->put_sender(sender_at(h.origin)));
  const auto campaign = must(h->create_campaign({.name = "spring",
                                                 .sender = h.sender,
                                                 .content = must(h->put_template(template_json())),
                                                 .when_unconfirmed = unconfirmed_rule::resend,
                                                 .unconfirmed_wait = std::chrono::seconds(3)}));
  must(h->import_csv_text(campaign, csv(50)));
  must(h->start(campaign));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 49; }));
  std::string later;
  for (const auto& r : p.requests()) {
    if (r.to == number(49)) later = r.key;
  }
  must(ingest(*h, statuses({{later, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).delivered == 1; }));
  h.open({.send = true});
  std::this_thread::sleep_for(std::chrono::milliseconds(3500));  // the wait since the opening is over
  must(ingest(*h, statuses({{later, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 50);
  EXPECT_EQ(p.count(), 51);
}

TEST(unconfirmed_rule, resend_spares_whom_a_receipt_shows_to_be_reached_before_the_request_leaves) {
  provider p(losing({number(2)}));
  host h({.send = true}, p.origin());
  const auto campaign = start_with_rule(h, 50, unconfirmed_rule::resend);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 49; }));
  auto settings = sender_at(h.origin);
  settings.limits = "1000/s; in-flight=1";
  must(h->put_sender(settings));
  std::map<std::string, std::string> keys;
  for (const auto& r : p.requests()) keys[r.to] = r.key;
  const auto tell = [&](int who, int delivered) {
    must(ingest(*h, statuses({{keys[number(who)], "delivered"}})));
    return h.until([&] { return h.told(campaign).delivered == delivered; });
  };
  // Somebody else's request keeps the one that is about to leave from doing so.
  p.hold();
  const auto other = h.start(1);
  ASSERT_TRUE(p.wait_for(51));
  ASSERT_TRUE(tell(49, 1));
  ASSERT_TRUE(h.until([&] {
    const auto all = must(h->messages(campaign, {.state = message_state::attempting}));
    return all.size() == 1 && all[0].address == number(2);
  })) << "its request is about to leave";
  ASSERT_TRUE(tell(2, 2));
  ASSERT_TRUE(tell(48, 3));  // after that the first was acted upon
  p.let_go();
  for (const auto each : {campaign, other}) {
    ASSERT_TRUE(h.until([&] { return h.state(each) == campaign_state::completed; }));
  }
  EXPECT_EQ(h.told(campaign).sent, 50);
  EXPECT_EQ(p.count(), 51) << "nobody twice";
}

TEST(unconfirmed_rule, is_checked_and_frozen_in_the_hash) {
  host h;
  const auto campaign = h.draft(1);
  const auto usual = must(h->dry_run(campaign)).hash;
  campaign_settings other{.name = "spring", .sender = h.sender, .content = must(h->put_template(template_json()))};
  other.when_unconfirmed = unconfirmed_rule::give_up;
  const auto second = must(h->create_campaign(other));
  must(h->import_csv_text(second, csv(1)));
  EXPECT_NE(must(h->dry_run(second)).hash, usual);
  EXPECT_EQ(must(h->status(second)).when_unconfirmed, unconfirmed_rule::give_up);
  EXPECT_EQ(must(h->status(second)).unconfirmed_wait, std::chrono::hours(1));
  other.unconfirmed_wait = milliseconds(999);
  EXPECT_EQ(code_of(h->create_campaign(other)), errc::invalid_argument);
  other.unconfirmed_wait = std::chrono::hours(24 * 31);
  EXPECT_EQ(code_of(h->create_campaign(other)), errc::invalid_argument);
}

TEST(resolve, by_people_as_sent_and_as_not_sent_also_when_the_campaign_is_completed) {
  provider p(losing({number(1), number(2), number(3)}));
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(10, account);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  ASSERT_EQ(h.told(campaign).unconfirmed, 3);
  EXPECT_EQ(code_of(h->resolve(campaign, {.sent = true})), errc::invalid_argument) << "nobody says so";
  const auto first = must(h->messages(campaign, {.state = message_state::unconfirmed}))[0].id;
  EXPECT_EQ(must(h->resolve(campaign, {.sent = true, .message = first, .actor = "ana", .reason = "she answered"})), 1);
  EXPECT_EQ(code_of(h->resolve(campaign, {.sent = true, .message = first, .actor = "ana"})), errc::wrong_state);
  EXPECT_EQ(code_of(h->resolve(campaign, {.sent = true, .message = {first.lane, 99}, .actor = "ana"})),
            errc::not_found);
  EXPECT_EQ(h.told(campaign).sent, 8);
  EXPECT_EQ(must(h->audit(account)).spent, 8);
  EXPECT_EQ(must(h->resolve(campaign, {.sent = false, .actor = "ben"})), 2);
  EXPECT_EQ(must(h->resolve(campaign, {.sent = false, .actor = "ben"})), 0);
  EXPECT_EQ(h.told(campaign).unconfirmed, 0);
  EXPECT_EQ(h.told(campaign).failed, 2);
  EXPECT_EQ(must(h->audit(account)).reserved, 0);
  const auto row = must(h->messages(campaign, {.state = message_state::refused}))[0];
  EXPECT_NE(row.detail.find("ben"), std::string::npos) << row.detail;
  EXPECT_EQ(h.state(campaign), campaign_state::completed);
  // Nobody got them: they are failed messages that may pass.
  EXPECT_EQ(must(h->retry(campaign)).messages, 2);
}

TEST(resolve, lets_a_campaign_end_that_waited_for_its_rule_and_works_from_another_process) {
  provider p(losing({number(2)}));
  host h({.send = true}, p.origin());
  const auto campaign = start_with_rule(h, 5, unconfirmed_rule::resend);
  ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 4; }));
  auto guest = must(engine::open(h.path(), {.mode = open_mode::post}));
  must(guest.resolve(campaign, {.sent = true, .actor = "ana", .reason = "seen: it arrived"}, patience));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 5);
  EXPECT_EQ(p.count(), 5);
  auto reader = must(engine::open(h.path(), {.mode = open_mode::read}));
  EXPECT_EQ(code_of(reader.resolve(campaign, {.actor = "ana"})), errc::read_only);
}

TEST(retry, what_failed_is_sent_again_by_a_child_and_nobody_twice) {
  // As they are all three would fail again.
  std::set<std::string> down{number(1), number(2)};
  std::mutex guard;
  provider p([&](const request& r, int nth) {
    const std::lock_guard lock(guard);
    if (r.to == number(3)) return provider::refused(131026);
    if (down.contains(r.to)) return provider::refused(131053);
    return provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto parent = h.start(10, account);
  ASSERT_TRUE(h.until([&] { return h.state(parent) == campaign_state::completed; }));
  ASSERT_EQ(h.told(parent).failed, 3);
  const auto told = h.told(parent);

  const auto early = refused(h->retry(parent));
  EXPECT_EQ(early.code, errc::not_found);
  EXPECT_NE(early.message.find("3 would fail again"), std::string::npos) << early.message;

  const auto made = must(h->retry(parent, {.all = true}));
  EXPECT_EQ(made.messages, 3);
  EXPECT_EQ(addresses(*h, parent).size(), 10u);
  EXPECT_EQ(must(h->status(made.child)).parent, parent);
  EXPECT_EQ(must(h->status(parent)).children, std::vector{made.child});
  EXPECT_EQ(must(h->messages(parent, {.state = message_state::refused}))[0].superseded_by, made.child);
  // Called again while the child is a draft: the same child, and nobody more.
  const auto again = must(h->retry(parent, {.all = true}));
  EXPECT_EQ(again.child, made.child);
  EXPECT_EQ(again.messages, 3);

  {
    const std::lock_guard lock(guard);
    down.erase(number(1));
  }
  must(h->start(made.child));
  ASSERT_TRUE(h.until([&] { return h.state(made.child) == campaign_state::completed; }));
  EXPECT_EQ(h.told(made.child).sent, 1);
  EXPECT_EQ(h.told(made.child).failed, 2);
  const auto second = refused(h->retry(parent, {.all = true}));
  EXPECT_EQ(second.code, errc::not_found);
  EXPECT_NE(second.message.find("taken over by campaign " + std::to_string(made.child.value)), std::string::npos)
      << second.message;

  // The child's failures have a child of their own.
  {
    const std::lock_guard lock(guard);
    down.clear();
  }
  const auto grandchild = must(h->retry(made.child, {.all = true, .name = "third time"})).child;
  must(h->start(grandchild));
  ASSERT_TRUE(h.until([&] { return h.state(grandchild) == campaign_state::completed; }));
  EXPECT_EQ(h.told(grandchild).sent, 1);
  EXPECT_EQ(must(h->status(grandchild)).name, "third time");
  EXPECT_TRUE(h.told(parent) == told) << "the parent's counters stay";
  EXPECT_EQ(must(h->audit(account)).spent, 9);
  EXPECT_EQ(must(h->audit(account)).reserved, 0);
  EXPECT_EQ(code_of(h->retry(h.draft(1))), errc::wrong_state);
}

TEST(retry, discarding_the_child_gives_its_messages_back) {
  provider p([](const request& r, int nth) {
    return r.to == number(1) ? provider::refused(131026) : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto parent = h.start(3);
  ASSERT_TRUE(h.until([&] { return h.state(parent) == campaign_state::completed; }));
  const auto child = must(h->retry(parent, {.all = true})).child;
  must(h->discard(child));
  EXPECT_TRUE(must(h->status(parent)).children.empty());
  const auto another = must(h->retry(parent, {.all = true}));
  EXPECT_EQ(another.messages, 1);
  EXPECT_GT(another.child.value, child.value) << "an id is never used again";
}

TEST(retry, of_the_unconfirmed_leaves_out_whom_a_receipt_shows_to_be_reached) {
  provider p(losing({number(1), number(2), number(3)}));
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto parent = h.start(10, account);
  ASSERT_TRUE(h.until([&] { return h.state(parent) == campaign_state::completed; }));
  const auto made = must(h->retry(parent, {.what = retry_kind::unconfirmed}));
  EXPECT_EQ(made.messages, 3);
  std::map<std::string, std::string> keys;
  for (const auto& r : p.requests()) keys[r.to] = r.key;
  // Before the start.
  must(ingest(*h, statuses({{keys[number(1)], "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(parent).unconfirmed == 2; }));
  EXPECT_EQ(must(h->dry_run(made.child)).messages, 2);
  // After it, while the child waits.
  p.hold();
  must(h->start(made.child));
  must(h->pause(made.child));
  must(ingest(*h, statuses({{keys[number(2)], "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(parent).unconfirmed == 1; }));
  const auto on_the_wire = p.count() - 10;
  p.let_go();
  must(h->resume(made.child));
  ASSERT_TRUE(h.until([&] { return h.state(made.child) == campaign_state::completed; }));
  const auto c = h.told(made.child);
  EXPECT_EQ(c.total, 3);
  EXPECT_EQ(c.queued(), 0);
  // Whoever was not on the wire when the receipt came is not sent to.
  if (on_the_wire == 0) {
    EXPECT_EQ(c.sent, 1);
    EXPECT_EQ(c.skipped, 2);
  }
  EXPECT_EQ(h.told(parent).unconfirmed, 1) << "the parent's message is what it is";
  EXPECT_EQ(code_of(h->retry(parent, {.what = retry_kind::unconfirmed})), errc::not_found);
  static_cast<void>(must(h->audit(account)));
}

TEST(retry, of_people_who_were_all_reached_after_all_says_so) {
  provider p(losing({number(1)}));
  host h({.send = true}, p.origin());
  const auto parent = h.start(2);
  ASSERT_TRUE(h.until([&] { return h.state(parent) == campaign_state::completed; }));
  const auto child = must(h->retry(parent, {.what = retry_kind::unconfirmed})).child;
  std::map<std::string, std::string> keys;
  for (const auto& r : p.requests()) keys[r.to] = r.key;
  must(ingest(*h, statuses({{keys[number(1)], "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(parent).unconfirmed == 0; }));
  const auto none = refused(h->start(child));
  EXPECT_EQ(none.code, errc::duplicate_recipient);
  EXPECT_NE(none.message.find("of its recipients 1 were reached after all"), std::string::npos) << none.message;
  must(h->discard(child));
}

TEST(retry, who_was_given_up_may_have_been_reached_and_is_no_failed_one) {
  bool lost = false;
  provider p([&](const request& r, int nth) {
    if (r.to == number(1)) return provider::refused(131026);
    return r.to == number(2) && !std::exchange(lost, true) ? std::string() : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto parent = start_with_rule(h, 4, unconfirmed_rule::give_up);
  ASSERT_TRUE(h.until([&] { return h.state(parent) == campaign_state::completed; }));
  ASSERT_EQ(h.told(parent).failed, 2);
  const auto failed = must(h->retry(parent, {.what = retry_kind::failed, .all = true}));
  EXPECT_EQ(failed.messages, 1) << "that it was given up proves no failure";
  const auto given_up = must(h->retry(parent, {.what = retry_kind::unconfirmed}));
  EXPECT_EQ(given_up.messages, 1);
  for (const auto& m : must(h->messages(parent, {.state = message_state::refused}))) {
    EXPECT_EQ(m.superseded_by, m.address == number(1) ? failed.child : given_up.child) << m.address;
  }
  // A receipt that comes after all leaves them out of the child, and nobody else.
  std::string key;
  for (const auto& r : p.requests()) {
    if (r.to == number(2)) key = r.key;
  }
  must(ingest(*h, statuses({{key, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(parent).sent == 3; }));
  EXPECT_EQ(code_of(h->start(given_up.child)), errc::duplicate_recipient);
  must(h->start(failed.child));
  ASSERT_TRUE(h.until([&] { return h.state(failed.child) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 5) << "nobody was sent to twice but whom the provider had refused";
}

TEST(retry, two_calls_at_once_never_take_the_same_message) {
  provider p([](const request& r, int nth) {
    return r.to < number(30) ? provider::refused(131026) : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto parent = h.start(60);
  ASSERT_TRUE(h.until([&] { return h.state(parent) == campaign_state::completed; }));
  std::vector<std::thread> threads;
  std::mutex guard;
  std::set<std::int64_t> children;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto made = h->retry(parent, {.all = true});
      if (!made) return;
      static_cast<void>(h->start(made->child));
      const std::lock_guard lock(guard);
      children.insert(made->child.value);
    });
  }
  for (auto& t : threads) t.join();
  std::int64_t messages = 0;
  for (const auto child : children) {
    ASSERT_TRUE(h.until([&] { return h.state({child}) == campaign_state::completed; }));
    messages += h.told({child}).total;
  }
  EXPECT_EQ(messages, 30);
  EXPECT_EQ(p.count(), 90);
}

}  // namespace
}  // namespace bulkmsg::testing
