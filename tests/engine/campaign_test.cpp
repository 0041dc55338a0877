// What a host prepares: senders, templates, accounts, and the start that freezes it all.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

TEST(sender, without_its_secret_it_is_refused_and_the_secret_is_named) {
  host h;
  auto bad = sender_at(nowhere);
  bad.token = "env:BULKMSG_TEST_NO_SUCH_THING";
  EXPECT_EQ(refused(h->put_sender(bad)).code, errc::secret_missing);
  EXPECT_NE(refused(h->put_sender(bad)).message.find("BULKMSG_TEST_NO_SUCH_THING"), std::string::npos);
  bad = sender_at(nowhere);
  bad.app_secret = "file:" + h.folder.file("nowhere");
  EXPECT_EQ(code_of(h->put_sender(bad)), errc::secret_missing);
}

TEST(sender, a_secret_written_out_is_refused_and_not_repeated) {
  host h;
  auto bad = sender_at(nowhere);
  bad.token = token_value;
  const auto why = refused(h->put_sender(bad));
  EXPECT_EQ(why.code, errc::bad_option_value);
  EXPECT_EQ(why.message.find(token_value), std::string::npos) << why.message;
}

TEST(sender, a_bad_field_is_refused) {
  host h;
  const auto with = [&](auto change) {
    auto bad = sender_at(nowhere);
    change(bad);
    return code_of(h->put_sender(bad));
  };
  EXPECT_EQ(with([](auto& s) { s.name = ""; }), errc::bad_option_value);
  EXPECT_EQ(with([](auto& s) { s.limits = "fast"; }), errc::bad_option_value);
  EXPECT_NE(with([](auto& s) { s.origin = "http://example.com"; }), errc::ok) << "in the clear only to loopback";
  EXPECT_NE(with([](auto& s) { s.origin = "ftp://127.0.0.1"; }), errc::ok);
  EXPECT_NE(with([](auto& s) { s.phone_number_id = ""; }), errc::ok);
  EXPECT_NE(with([](auto& s) { s.connections_max = 0; }), errc::ok);
  EXPECT_NE(with([](auto& s) { s.tls_ca_file = "/nowhere.pem", s.origin = "https://127.0.0.1:9"; }), errc::ok);
}

TEST(sender, the_same_name_is_the_same_sender) {
  host h;
  const auto one = must(h->put_sender(sender_at(nowhere)));
  auto changed = sender_at(nowhere);
  changed.limits = "1/s";
  EXPECT_EQ(must(h->put_sender(changed)), one);
}

TEST(sender_file, names_are_taken_and_what_is_unknown_or_of_the_wrong_type_is_refused) {
  const auto good = must(parse_sender_json(
      R"({"name":"s","origin":"http://127.0.0.1:1","phone_number_id":"7","token":"env:T","connections_max":5,)"
      R"("response_timeout_ms":1500,"limits":"3/s"})"));
  EXPECT_EQ(good.name, "s");
  EXPECT_EQ(good.token, "env:T");
  EXPECT_EQ(good.connections_max, 5);
  EXPECT_EQ(good.response_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(good.api_version, sender_settings{}.api_version);
  EXPECT_EQ(code_of(parse_sender_json("{")), errc::json_malformed);
  EXPECT_EQ(code_of(parse_sender_json("[]")), errc::json_malformed);
  EXPECT_EQ(code_of(parse_sender_json(R"({"name":"s","colour":"red"})")), errc::unknown_option);
  EXPECT_EQ(code_of(parse_sender_json(R"({"name":7})")), errc::bad_option_value);
  EXPECT_EQ(code_of(parse_sender_json(R"({})")), errc::bad_option_value);
  EXPECT_EQ(code_of(parse_sender_json(R"({"name":"s","connections_max":0})")), errc::bad_option_value);
}

TEST(template_, only_an_approved_one_is_taken) {
  host h;
  for (const char* status : {"PENDING", "REJECTED", "PAUSED", "DISABLED"}) {
    EXPECT_EQ(code_of(h->put_template(template_json(status))), errc::template_not_approved) << status;
  }
  EXPECT_EQ(code_of(h->put_template(template_json())), errc::ok);
}

TEST(template_, what_is_no_template_is_refused) {
  host h;
  for (const char* text : {"", "{", "[]", "7", R"({"name":"t"})"}) {
    EXPECT_EQ(code_of(h->put_template(text)), errc::template_malformed) << text;
  }
}

TEST(template_, the_same_json_gives_the_same_id_and_another_a_new_one) {
  host h;
  const auto one = must(h->put_template(template_json()));
  EXPECT_EQ(must(h->put_template(template_json())), one);
  EXPECT_NE(must(h->put_template(template_json("APPROVED", "other"))), one);
}

TEST(accounts, are_found_by_name_topped_up_once_and_audited) {
  host h;
  const auto account = must(h->put_account("acme", {.users = 2}));
  EXPECT_EQ(must(h->find_account("acme")), account);
  EXPECT_EQ(code_of(h->find_account("nobody")), errc::not_found);
  must(h->top_up(account, 500, "order-1"));
  must(h->top_up(account, 500, "order-1"));
  EXPECT_EQ(code_of(h->top_up(account, 501, "order-1")), errc::conflict);
  EXPECT_EQ(code_of(h->top_up(account, 0, "")), errc::invalid_argument);
  EXPECT_EQ(code_of(h->top_up({99}, 1, "")), errc::not_found);
  const auto got = must(h->account(account));
  EXPECT_EQ(got.name, "acme");
  EXPECT_EQ(got.plan.users, 2);
  EXPECT_EQ(got.balances.available(), 6'500);
  EXPECT_EQ(must(h->audit(account)), got.balances);
  EXPECT_EQ(code_of(h->put_account("", {})), errc::invalid_argument);
  EXPECT_EQ(code_of(h->put_account("bad", {.users = -1})), errc::bad_option_value);
}

TEST(create, what_is_named_must_be_there) {
  host h;
  static_cast<void>(h.draft(0));
  const auto words = must(h->put_template(template_json()));
  EXPECT_EQ(code_of(h->create_campaign({.name = "", .sender = h.sender, .content = words})), errc::invalid_argument);
  EXPECT_EQ(code_of(h->create_campaign({.name = "c", .sender = {9}, .content = words})), errc::not_found);
  EXPECT_EQ(code_of(h->create_campaign({.name = "c", .sender = h.sender, .content = {9}})), errc::not_found);
  EXPECT_EQ(code_of(h->create_campaign({.name = "c", .sender = h.sender, .content = words, .account = {9}})),
            errc::not_found);
  EXPECT_EQ(must(h->list()).size(), 1u);
}

TEST(dry_run, prices_and_previews_and_changes_nothing) {
  host h;
  const auto account = must(h->put_account("a", {.per_user_credits = 10}));
  const auto campaign = h.draft(4, account);
  const auto plan = must(h->dry_run(campaign));
  EXPECT_EQ(plan.messages, 4);
  EXPECT_EQ(plan.credits, 4);
  EXPECT_EQ(plan.credits_available, 10);
  EXPECT_EQ(plan.preview, "Hi n0");
  EXPECT_EQ(plan.hash.size(), 64u);
  EXPECT_EQ(must(h->dry_run(campaign)).hash, plan.hash);
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 0);
  EXPECT_TRUE(must(h->messages(campaign)).empty());
}

TEST(dry_run, without_an_account_costs_nothing) {
  host h;
  const auto plan = must(h->dry_run(h.draft(4)));
  EXPECT_EQ(plan.credits, 0);
  EXPECT_EQ(plan.credits_available, -1);
}

TEST(dry_run, its_hash_is_the_one_that_start_freezes) {
  host h;
  const auto campaign = h.draft(5'000);
  const auto looked_at = must(h->dry_run(campaign)).hash;
  EXPECT_EQ(must(h->start(campaign)).hash, looked_at);
  EXPECT_EQ(must(h->status(campaign)).plan_hash, looked_at);
}

TEST(dry_run, its_hash_depends_on_every_request_and_on_nothing_else) {
  host one, two;
  const auto a = one.draft(3), same = two.draft(3);
  const auto hash = must(one->dry_run(a)).hash;
  EXPECT_EQ(must(two->dry_run(same)).hash, hash) << "another store, the same plan";
  EXPECT_EQ(must(one->dry_run(one.draft(3))).hash, hash) << "another campaign, the same plan";
  EXPECT_NE(must(one->dry_run(one.draft(4))).hash, hash);
  const auto other_parameter = one.draft(2);
  must(one->import_csv_text(other_parameter, "phone_number,param1\n" + number(2) + ",N2\n"));
  EXPECT_NE(must(one->dry_run(other_parameter)).hash, hash);
  const auto other_template = must(one->create_campaign(
      {.name = "c", .sender = one.sender, .content = must(one->put_template(template_json("APPROVED", "other")))}));
  must(one->import_csv_text(other_template, csv(3)));
  EXPECT_NE(must(one->dry_run(other_template)).hash, hash);
}

TEST(start, without_recipients_is_refused) {
  host h;
  const auto campaign = h.draft(0);
  must(h->import_csv_text(campaign, "phone_number,param1\nx,y\n"));
  EXPECT_EQ(code_of(h->start(campaign)), errc::wrong_state);
  EXPECT_EQ(code_of(h->dry_run(campaign)), errc::wrong_state);
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
}

TEST(start, without_enough_credits_is_refused_with_the_shortfall_and_leaves_a_draft) {
  host h;
  const auto account = must(h->put_account("a", {.per_user_credits = 7}));
  const auto campaign = h.draft(10, account);
  const auto why = refused(h->start(campaign));
  EXPECT_EQ(why.code, errc::credits_short);
  EXPECT_NE(why.message.find("10 needed, 7 available, 3 missing"), std::string::npos) << why.message;
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 0);
  EXPECT_TRUE(must(h->messages(campaign)).empty());

  must(h->top_up(account, 3, ""));
  must(h->start(campaign));
  EXPECT_EQ(h.state(campaign), campaign_state::sending);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 10);
  EXPECT_EQ(must(h->account(account)).balances.available(), 0);
  EXPECT_EQ(must(h->status(campaign)).credits_reserved, 10);
  EXPECT_NO_THROW(static_cast<void>(must(h->audit(account))));
}

TEST(start, credits_held_for_one_campaign_are_not_there_for_the_next) {
  host h;
  const auto account = must(h->put_account("a", {.per_user_credits = 15}));
  const auto one = h.draft(10, account), two = h.draft(10, account);
  must(h->start(one));
  EXPECT_EQ(code_of(h->start(two)), errc::credits_short);
  must(h->stop(one));
  EXPECT_TRUE(h.until([&] { return must(h->account(account)).balances.reserved == 0; }));
  must(h->start(two));
}

TEST(start, twice_with_the_same_key_runs_once) {
  host h;
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.draft(5, account);
  const auto first = must(h->start(campaign, {.idempotency_key = "order-1"}));
  const auto again = must(h->start(campaign, {.idempotency_key = "order-1"}));
  EXPECT_EQ(again.hash, first.hash);
  EXPECT_EQ(again.messages, 5);
  EXPECT_EQ(again.credits, 5);
  EXPECT_EQ(must(h->messages(campaign)).size(), 5u);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 5);
  h.open();
  EXPECT_EQ(must(h->start(campaign, {.idempotency_key = "order-1"})).hash, first.hash) << "after reopening, too";
}

TEST(start, again_without_or_with_another_key_is_refused) {
  host h;
  const auto campaign = h.draft(5);
  must(h->start(campaign, {.idempotency_key = "order-1"}));
  EXPECT_EQ(code_of(h->start(campaign)), errc::wrong_state);
  EXPECT_EQ(code_of(h->start(campaign, {.idempotency_key = "order-2"})), errc::wrong_state);
  const auto unnamed = h.start(2);
  EXPECT_EQ(code_of(h->start(unnamed, {.idempotency_key = ""})), errc::wrong_state) << "no key is no key";
}

TEST(start, another_plan_than_the_expected_one_is_a_conflict_and_leaves_a_draft) {
  host h;
  const auto campaign = h.draft(5);
  const auto looked_at = must(h->dry_run(campaign)).hash;
  must(h->import_csv_text(campaign, csv(1, 50)));
  const auto why = refused(h->start(campaign, {.expected_hash = looked_at}));
  EXPECT_EQ(why.code, errc::conflict);
  EXPECT_NE(why.message.find(looked_at), std::string::npos);
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
  EXPECT_EQ(code_of(h->start(campaign, {.expected_hash = must(h->dry_run(campaign)).hash})), errc::ok);
}

TEST(start, of_what_is_not_there_is_not_found) {
  host h;
  EXPECT_EQ(code_of(h->start({1})), errc::not_found);
  EXPECT_EQ(code_of(h->dry_run({1})), errc::not_found);
}

TEST(start, many_at_once_run_it_once) {
  host h;
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.draft(500, account);
  std::atomic<int> started = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const auto got = h->start(campaign);
      started += got.has_value();
      EXPECT_TRUE(code_of(got) == errc::ok || code_of(got) == errc::conflict || code_of(got) == errc::wrong_state);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(started, 1);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 500);
  EXPECT_EQ(must(h->messages(campaign)).size(), 500u);
}

// A secret in a pipe: whoever resolves it waits until it is written, and so a start can be met in its middle.
TEST(start, what_is_imported_or_discarded_in_its_middle_is_refused_and_all_of_it_is_in_the_plan) {
  host h;
  const auto pipe = h.folder.file("secret");
  write_file(pipe, token_value);
  auto settings = sender_at(nowhere);
  settings.token = "file:" + pipe;
  h.sender = must(h->put_sender(settings));
  const auto campaign = h.draft(3);
  std::filesystem::remove(pipe);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);

  result<plan_summary> started;
  std::thread other([&] { started = h->start(campaign); });
  const int fd = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);  // returns when start() has opened the other end
  const auto imported = code_of(h->import_csv_text(campaign, csv(2, 50)));
  const auto discarded = code_of(h->discard(campaign));
  const auto twice = [&] {
    // A second start would wait for the pipe, too: it must be refused before.
    return code_of(h->start(campaign));
  }();
  ASSERT_EQ(::write(fd, token_value.data(), token_value.size()), static_cast<ssize_t>(token_value.size()));
  ::close(fd);
  other.join();

  EXPECT_EQ(imported, errc::conflict);
  EXPECT_EQ(discarded, errc::conflict);
  EXPECT_EQ(twice, errc::conflict);
  EXPECT_EQ(must(std::move(started)).messages, 3);
  EXPECT_EQ(must(h->messages(campaign)).size(), 3u);
  EXPECT_EQ(h.told(campaign).queued(), 3);
}

TEST(start, a_sender_whose_secret_is_gone_leaves_a_draft) {
  host h({.send = true});
  const auto file = h.folder.file("secret");
  write_file(file, token_value);
  auto settings = sender_at(nowhere);
  settings.token = "file:" + file;
  h.sender = must(h->put_sender(settings));
  const auto campaign = h.draft(3);
  std::filesystem::remove(file);
  EXPECT_EQ(code_of(h->start(campaign)), errc::secret_missing);
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
}

TEST(life, what_a_state_does_not_allow_is_refused_by_name) {
  host h;
  const auto draft = h.draft(2);
  EXPECT_EQ(refused(h->pause(draft)).message, "cannot pause a campaign that is draft");
  EXPECT_EQ(refused(h->resume(draft)).message, "cannot resume a campaign that is draft");
  EXPECT_EQ(refused(h->stop(draft)).message, "cannot stop a campaign that is draft");
  const auto campaign = h.start(2);
  must(h->stop(campaign, "enough"));
  EXPECT_EQ(refused(h->pause(campaign)).message, "cannot pause a campaign that is stopped");
  EXPECT_EQ(refused(h->resume(campaign)).message, "cannot resume a campaign that is stopped");
  EXPECT_EQ(refused(h->start(campaign)).message, "cannot start a campaign that is stopped");
  EXPECT_EQ(must(h->status(campaign)).reason, "enough");
}

TEST(life, pausing_resuming_and_stopping_twice_is_the_same_as_once) {
  host h;
  const auto campaign = h.start(2);
  must(h->pause(campaign, "first"));
  must(h->pause(campaign, "second"));
  EXPECT_EQ(must(h->status(campaign)).reason, "first");
  must(h->resume(campaign));
  must(h->resume(campaign));
  EXPECT_EQ(h.state(campaign), campaign_state::sending);
  must(h->stop(campaign));
  must(h->stop(campaign));
  EXPECT_EQ(h.state(campaign), campaign_state::stopped);
}

TEST(life, states_outlive_the_process) {
  host h;
  const auto sending = h.start(2), paused = h.start(2), stopped = h.start(2), draft = h.draft(2);
  must(h->pause(paused, "lunch"));
  must(h->stop(stopped));
  h.open();
  EXPECT_EQ(h.state(sending), campaign_state::sending);
  EXPECT_EQ(h.state(paused), campaign_state::paused);
  EXPECT_EQ(must(h->status(paused)).reason, "lunch");
  EXPECT_EQ(h.state(stopped), campaign_state::stopped);
  EXPECT_EQ(h.state(draft), campaign_state::draft);
}

TEST(life, a_stopped_campaign_gives_its_credits_back) {
  host h;
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(5, account);
  must(h->stop(campaign));
  EXPECT_TRUE(h.until([&] { return must(h->account(account)).balances.reserved == 0; }));
  EXPECT_EQ(must(h->audit(account)).available(), 3'000);
  EXPECT_EQ(h.told(campaign).queued(), 5) << "its rows stay";
}

TEST(asking, for_what_is_not_there_is_not_found) {
  host h;
  const campaign_id nobody{7};
  EXPECT_EQ(code_of(h->status(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->messages(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->rejected(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->pause(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->resume(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->stop(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->discard(nobody)), errc::not_found);
  EXPECT_EQ(code_of(h->account({7})), errc::not_found);
  EXPECT_EQ(code_of(h->audit({7})), errc::not_found);
  EXPECT_EQ(code_of(h->check_sender(sender_id{7})), errc::not_found);
  EXPECT_EQ(code_of(h->payload({7})), errc::not_found);
}

}  // namespace
}  // namespace bulkmsg::testing
