#include "store/campaigns.hpp"

#include <gtest/gtest.h>

#include <map>

#include "scratch_store.hpp"
#include "store/reports.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

namespace bulkmsg::testing {
namespace {

using enum campaign_state;

campaign_state state_of(scratch_store& s, std::int64_t campaign) {
  return store::read_campaign(s.db(), campaign).state;
}
void change(scratch_store& s, std::int64_t campaign, campaign_state to, std::string_view reason = "") {
  store::change_state(s.db(), campaign, to, "change", reason, noon_ms + 5);
}
// A campaign that went the usual way to `state`.
std::int64_t campaign_in(scratch_store& s, campaign_state state) {
  const std::map<campaign_state, std::vector<campaign_state>> ways = {
      {draft, {}},
      {scheduled, {scheduled}},
      {starting, {starting}},
      {sending, {starting, sending}},
      {paused, {starting, sending, paused}},
      {completed, {starting, sending, completed}},
      {stopped, {starting, sending, stopped}},
      {failed, {starting, sending, failed}},
  };
  const auto id = s.draft();
  for (const auto step : ways.at(state)) change(s, id, step);
  return id;
}

TEST(campaigns, a_new_one_is_a_draft_and_holds_what_it_was_given) {
  scratch_store s;
  const auto id = store::insert_campaign(s.db(),
                                         {.name = "spring",
                                          .sender = s.sender,
                                          .content = s.content,
                                          .account = s.account,
                                          .mapping = "a\x1f"
                                                     "b"},
                                         noon_ms);
  const auto row = store::read_campaign(s.db(), id);
  EXPECT_EQ(row.name, "spring");
  EXPECT_EQ(row.state, draft);
  EXPECT_EQ(row.sender, s.sender);
  EXPECT_EQ(row.content, s.content);
  EXPECT_EQ(row.account, s.account);
  EXPECT_EQ(row.mapping,
            "a\x1f"
            "b");
  EXPECT_EQ(row.reservation, 0);
  EXPECT_EQ(row.plan_hash, "");
}

TEST(campaigns, one_that_names_what_is_not_there_is_refused) {
  scratch_store s;
  for (const store::campaign_row& bad :
       {store::campaign_row{.name = "c", .sender = 9, .content = s.content},
        store::campaign_row{.name = "c", .sender = s.sender, .content = 9},
        store::campaign_row{.name = "c", .sender = s.sender, .content = s.content, .account = 9}}) {
    EXPECT_EQ(refusal([&] { static_cast<void>(store::insert_campaign(s.db(), bad, noon_ms)); }).code, errc::not_found);
  }
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM campaigns"), 0);
}

TEST(campaigns, what_does_not_exist_is_not_found_by_name_and_number) {
  scratch_store s;
  EXPECT_EQ(refusal([&] { static_cast<void>(store::read_campaign(s.db(), 5)); }).message, "no campaign with id 5");
  EXPECT_EQ(refusal([&] { static_cast<void>(store::read_status(s.db(), 5)); }).message, "no campaign with id 5");
  EXPECT_EQ(refusal([&] { static_cast<void>(store::read_sender(s.db(), 5)); }).message, "no sender with id 5");
  EXPECT_EQ(refusal([&] { static_cast<void>(store::read_template(s.db(), 5)); }).message, "no template with id 5");
}

TEST(life_cycle_in_the_store, every_transition_is_taken_or_refused_by_name_and_changes_nothing) {
  for (const auto from : {draft, scheduled, starting, sending, paused, completed, stopped, failed}) {
    for (const auto to : {draft, scheduled, starting, sending, paused, completed, stopped, failed}) {
      scratch_store s;
      const auto id = campaign_in(s, from);
      const auto history = count(s.db(), "SELECT count(*) FROM history");
      const auto events = count(s.db(), "SELECT count(*) FROM events");
      if (may_become(from, to)) {
        store::change_state(s.db(), id, to, "move", "why", noon_ms);
        EXPECT_EQ(state_of(s, id), to);
        EXPECT_EQ(count(s.db(), "SELECT count(*) FROM history"), history + 1);
        EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events"), events + 1);
        continue;
      }
      const auto why = refusal([&] { store::change_state(s.db(), id, to, "move", "why", noon_ms); });
      EXPECT_EQ(why.code, errc::wrong_state);
      EXPECT_EQ(why.message, "cannot move a campaign that is " + std::string(name(from)));
      EXPECT_EQ(state_of(s, id), from);
      EXPECT_EQ(count(s.db(), "SELECT count(*) FROM history"), history);
      EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events"), events);
    }
  }
}

TEST(life_cycle_in_the_store, a_change_is_a_durable_event_with_state_and_reason) {
  scratch_store s;
  const auto id = campaign_in(s, sending);
  store::change_state(s.db(), id, paused, "pause", "said \"stop\"\n", noon_ms + 9);
  EXPECT_EQ(table(s.db(), "SELECT kind, campaign, state, at_ms FROM events ORDER BY id DESC LIMIT 1"),
            "1|" + std::to_string(id) + "|5|1800000000009 ");
  EXPECT_EQ(ask(s.db(), "SELECT payload FROM events ORDER BY id DESC LIMIT 1"), R"({"reason":"said \"stop\"\n"})");
  EXPECT_EQ(table(s.db(), "SELECT action FROM history ORDER BY id DESC LIMIT 1"), "pause ");
}

TEST(life_cycle_in_the_store, an_event_number_is_never_used_again) {
  scratch_store s;
  const auto id = s.draft();
  change(s, id, starting);
  const auto first = count(s.db(), "SELECT max(id) FROM events");
  s.db().exec("DELETE FROM events");
  change(s, id, sending);
  EXPECT_GT(count(s.db(), "SELECT max(id) FROM events"), first);
}

TEST(life_cycle_in_the_store, started_is_the_first_time_and_finished_only_when_final) {
  scratch_store s;
  const auto id = s.draft();
  store::change_state(s.db(), id, starting, "start", "", 10);
  EXPECT_EQ(store::read_status(s.db(), id).started_at_ms, 0);
  store::change_state(s.db(), id, sending, "start", "", 20);
  store::change_state(s.db(), id, paused, "pause", "", 30);
  store::change_state(s.db(), id, sending, "resume", "", 40);
  EXPECT_EQ(store::read_status(s.db(), id).started_at_ms, 20);
  EXPECT_EQ(store::read_status(s.db(), id).finished_at_ms, 0);
  store::change_state(s.db(), id, stopped, "stop", "enough", 50);
  EXPECT_EQ(store::read_status(s.db(), id).finished_at_ms, 50);
  EXPECT_EQ(store::read_status(s.db(), id).reason, "enough");
}

TEST(drafts, only_they_take_recipients_and_can_be_discarded) {
  for (const auto state : {scheduled, starting, sending, paused, completed, stopped, failed}) {
    scratch_store s;
    const auto id = campaign_in(s, state);
    const auto refused_discard = refusal([&] { store::erase_draft(s.db(), id, noon_ms, {}); }).message;
    EXPECT_TRUE(refused_discard.starts_with("cannot discard a campaign that is " + std::string(name(state))));
    if (state == scheduled) {
      s.import(id, 1);  // until it fires
      continue;
    }
    const auto why = refusal([&] { s.import(id, 1); });
    EXPECT_EQ(why.code, errc::wrong_state);
    EXPECT_EQ(why.message, "cannot add recipients to a campaign that is " + std::string(name(state)));
  }
}

TEST(drafts, erased_nothing_of_it_is_left_and_others_stay) {
  scratch_store s;
  const auto other = campaign_in(s, sending);
  const auto id = s.draft();
  store::erase_draft(s.db(), id, noon_ms, {});
  EXPECT_EQ(refusal([&] { static_cast<void>(store::read_campaign(s.db(), id)); }).code, errc::not_found);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM history WHERE campaign = " + std::to_string(id)), 0);
  EXPECT_EQ(state_of(s, other), sending);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events WHERE campaign = " + std::to_string(other)), 2);
}

TEST(recipients_of_a_draft, good_and_bad_rows_are_counted_and_kept_in_order) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 3, 2);
  s.import(id, 1, 1, 50);
  const auto c = store::read_status(s.db(), id).counters;
  EXPECT_EQ(c.total, 7);
  EXPECT_EQ(c.skipped, 3);
  EXPECT_EQ(c.queued(), 4);
  EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff, line FROM recipients ORDER BY id"), "0|2 1|3 2|4 3|50 ");
  EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff, line FROM rejects ORDER BY id"), "0|5 1|6 2|51 ");
}

TEST(recipients_of_a_draft, files_with_other_columns_do_not_mix) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 1);
  store::recipient_batch more;
  more.added.push_back({9, "+15550001111", "x"});
  const auto why = refusal([&] { store::append_recipients(s.db(), id, more, "name"); });
  EXPECT_EQ(why.code, errc::conflict);
  EXPECT_EQ(store::read_status(s.db(), id).counters.total, 1);
}

TEST(recipients_of_a_draft, a_file_of_bad_rows_only_does_not_fix_the_columns) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 0, 2);
  store::recipient_batch more;
  more.added.push_back({9, "+15550001111", "x"});
  EXPECT_NO_THROW(store::append_recipients(s.db(), id, more, "name"));
  EXPECT_EQ(store::read_campaign(s.db(), id).columns, "name");
}

TEST(undo_import, removes_what_came_last_and_restores_the_counters) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 3, 2);
  const auto before = store::read_status(s.db(), id).counters;
  s.import(id, 4, 1, 50);
  EXPECT_TRUE(store::undo_import(s.db(), id, 3, 2));
  EXPECT_TRUE(store::read_status(s.db(), id).counters == before);
  EXPECT_EQ(table(s.db(), "SELECT line FROM recipients ORDER BY id"), "2 3 4 ");
  EXPECT_EQ(table(s.db(), "SELECT line FROM rejects ORDER BY id"), "5 6 ");
  EXPECT_EQ(store::read_campaign(s.db(), id).columns, "param1");
}

TEST(undo_import, of_the_first_file_leaves_a_draft_that_takes_any_columns) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 3, 2);
  EXPECT_TRUE(store::undo_import(s.db(), id, 0, 0));
  EXPECT_TRUE(store::read_status(s.db(), id).counters == counters{});
  EXPECT_EQ(store::read_campaign(s.db(), id).columns, "");
}

TEST(undo_import, works_in_steps_that_each_leave_a_sound_draft) {
  scratch_store s;
  const auto id = s.draft();
  s.db().exec("BEGIN");
  s.import(id, 25'000, 12'000);
  s.db().exec("COMMIT");
  int steps = 0;
  for (bool done = false; !done; ++steps) {
    s.db().exec("BEGIN");
    done = store::undo_import(s.db(), id, 5, 0);
    s.db().exec("COMMIT");
    const auto row = store::read_campaign(s.db(), id);
    EXPECT_EQ(row.recipients, count(s.db(), "SELECT count(*) FROM recipients"));
    EXPECT_EQ(row.rejects, count(s.db(), "SELECT count(*) FROM rejects"));
    const auto c = store::read_status(s.db(), id).counters;
    EXPECT_EQ(c.total, row.recipients + row.rejects);
    EXPECT_EQ(c.skipped, row.rejects);
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(store::read_campaign(s.db(), id).recipients, 5);
}

TEST(undo_import, leaves_the_neighbours_rows) {
  scratch_store s;
  const auto before = s.draft(), id = s.draft(), after = s.draft();
  for (const auto each : {before, id, after}) s.import(each, 3, 1);
  store::undo_import(s.db(), id, 0, 0);
  EXPECT_EQ(table(s.db(), "SELECT id >> 32, count(*) FROM recipients GROUP BY 1"),
            std::to_string(before) + "|3 " + std::to_string(after) + "|3 ");
  EXPECT_EQ(table(s.db(), "SELECT id >> 32, count(*) FROM rejects GROUP BY 1"),
            std::to_string(before) + "|1 " + std::to_string(after) + "|1 ");
}

TEST(the_plan, lays_every_recipient_once_in_order_whatever_the_chunks) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 10);
  const auto lane = store::insert_lane(s.db(), id, 10);
  for (std::int64_t from = 0; from < 10; from += 3) store::lay(s.db(), id, lane, from, 3);
  std::string expected;
  for (int i = 0; i < 10; ++i) expected += std::to_string(i) + '|' + std::to_string(i) + ' ';
  EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff, recipient & 0xffffffff FROM plan ORDER BY id"), expected);
  EXPECT_EQ(store::lanes_of(s.db(), id), std::vector<std::int32_t>{lane});
}

TEST(undo_start, leaves_a_draft_with_its_recipients_and_no_plan) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 5, 1);
  store::change_state(s.db(), id, starting, "start", "", noon_ms);
  s.db().run("UPDATE campaigns SET start_key = 'k' WHERE id = ?1", id);
  store::lay(s.db(), id, store::insert_lane(s.db(), id, 5), 0, 5);

  store::undo_start(s.db(), id, "no credits", noon_ms);

  const auto row = store::read_campaign(s.db(), id);
  EXPECT_EQ(row.state, draft);
  EXPECT_EQ(row.reason, "no credits");
  EXPECT_EQ(row.start_key, "");
  EXPECT_EQ(row.recipients, 5);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM plan"), 0);
  EXPECT_TRUE(store::lanes_of(s.db(), id).empty());
  EXPECT_NO_THROW(s.start(id)) << "it can be started again";
}

TEST(undo_start, of_one_that_is_sending_is_refused) {
  sending_store s(3);
  s.db().exec("BEGIN");
  EXPECT_EQ(refusal([&] { store::undo_start(s.db(), s.campaign, "", noon_ms); }).code, errc::wrong_state);
  s.db().exec("ROLLBACK");
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM plan"), 3);
}

TEST(undo_start, interrupted_ones_and_only_they_become_drafts_when_the_store_is_opened) {
  scratch_store s;
  const auto one = s.draft(), two = s.draft();
  s.import(one, 2);
  s.import(two, 3);
  for (const auto id : {one, two}) {
    store::change_state(s.db(), id, starting, "start", "", noon_ms);
    store::lay(s.db(), id, store::insert_lane(s.db(), id, 3), 0, 2);
  }
  const auto running = s.draft();
  s.import(running, 4);
  s.start(running);
  store::undo_interrupted_starts(s.db(), noon_ms);
  EXPECT_EQ(state_of(s, one), draft);
  EXPECT_EQ(state_of(s, two), draft);
  EXPECT_EQ(state_of(s, running), sending);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM plan"), 4);
}

TEST(finish, completes_a_campaign_and_holds_only_what_is_unconfirmed) {
  sending_store s(5);
  s.open(5);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::refused);
  s.settle(2, message_state::skipped);
  s.settle(3, message_state::unconfirmed);
  EXPECT_FALSE(store::exhausted(s.db(), s.campaign));
  s.settle(4, message_state::unconfirmed);
  EXPECT_TRUE(store::exhausted(s.db(), s.campaign));
  store::finish(s.db(), s.campaign, noon_ms + 9);
  EXPECT_EQ(state_of(s, s.campaign), completed);
  EXPECT_EQ(s.balances().reserved, 2);
  EXPECT_EQ(s.balances().spent, 1);
  s.expect_accounted_for();
}

TEST(finish, a_stopped_campaign_gives_back_what_will_never_be_sent_and_keeps_its_rows) {
  sending_store s(10);
  s.open(4);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::unconfirmed);
  s.settle(2, message_state::retry, {}, 1, noon_ms);
  s.settle(3, message_state::refused);
  store::change_state(s.db(), s.campaign, stopped, "stop", "", noon_ms);
  store::finish(s.db(), s.campaign, noon_ms);
  EXPECT_EQ(state_of(s, s.campaign), stopped);
  EXPECT_EQ(s.balances().reserved, 1);
  EXPECT_EQ(s.balances().available(), 3'000 - 2);
  EXPECT_EQ(s.told().queued(), 7) << "six never opened, and one waits for a retry that will not come";
  s.expect_accounted_for();
}

TEST(finish, a_second_time_gives_nothing_back_again) {
  sending_store s(10);
  s.open(2);
  s.settle(0, message_state::unconfirmed);
  store::change_state(s.db(), s.campaign, stopped, "stop", "", noon_ms);
  store::finish(s.db(), s.campaign, noon_ms);
  const auto before = s.balances();
  store::finish(s.db(), s.campaign, noon_ms);
  EXPECT_EQ(s.balances(), before);
}

TEST(finish, what_a_crash_kept_a_stopped_campaign_from_giving_back_is_given_back_at_the_next_opening) {
  sending_store s(10);
  s.open(2);
  s.settle(0, message_state::unconfirmed);
  s.settle(1, message_state::accepted);
  const auto running = s.draft("running"), over = s.draft("over");
  for (const auto id : {running, over}) {
    s.import(id, 5, 0, 100 * id);
    s.start(id);
  }
  store::change_state(s.db(), over, stopped, "stop", "", noon_ms);
  store::finish(s.db(), over, noon_ms);
  store::change_state(s.db(), s.campaign, stopped, "stop", "", noon_ms);

  store::finish_stopped(s.db(), noon_ms + 9);
  store::finish_stopped(s.db(), noon_ms + 10);

  EXPECT_EQ(store::read_status(s.db(), s.campaign).credits_reserved, 1) << "what may have gone stays held";
  EXPECT_EQ(store::read_status(s.db(), running).credits_reserved, 5);
  EXPECT_EQ(store::read_status(s.db(), over).credits_reserved, 0);
  EXPECT_EQ(s.balances().available(), 3'000 - 2 - 5);
  EXPECT_EQ(state_of(s, s.campaign), stopped);
  EXPECT_EQ(state_of(s, running), sending);
}

TEST(finish, without_an_account_there_is_nothing_to_give_back) {
  sending_store s(1, 0, false);
  s.open(1);
  s.settle(0, message_state::accepted);
  EXPECT_NO_THROW(store::finish(s.db(), s.campaign, noon_ms));
  EXPECT_EQ(state_of(s, s.campaign), completed);
}

TEST(exhausted, not_while_a_retry_waits_or_is_tried) {
  sending_store s(1);
  s.open(1);
  EXPECT_FALSE(store::exhausted(s.db(), s.campaign));
  s.settle(0, message_state::retry, {}, 1, noon_ms);
  EXPECT_FALSE(store::exhausted(s.db(), s.campaign));
  store::claim c;
  store::open_retries(s.db(), s.lane, 1, noon_ms, c);
  EXPECT_FALSE(store::exhausted(s.db(), s.campaign));
  s.settle(0, message_state::refused, {}, 2);
  EXPECT_TRUE(store::exhausted(s.db(), s.campaign));
}

TEST(senders, all_fields_come_back_and_the_same_name_is_the_same_sender) {
  scratch_store s;
  const sender_settings given{.name = "shop",
                              .channel = "chat",
                              .channel_description = "{}",
                              .origin = "http://127.0.0.1:9",
                              .api_version = "v22.0",
                              .phone_number_id = "106540352242922",
                              .business_account_id = "102290129340398",
                              .marketing_endpoint = true,
                              .token = "env:TOKEN",
                              .app_secret = "file:/run/secret",
                              .verify_token = "env:VERIFY",
                              .agent = "ana",
                              .reply_to = "support",
                              .limits = "7/s",
                              .connections_max = 3,
                              .response_timeout = std::chrono::milliseconds(1234),
                              .tls_ca_file = "/ca.pem"};
  const auto id = store::put_sender(s.db(), given);
  const auto got = store::read_sender(s.db(), id);
  EXPECT_EQ(
      std::tie(got.name, got.origin, got.api_version, got.phone_number_id, got.business_account_id, got.token,
               got.app_secret, got.verify_token, got.limits, got.connections_max, got.response_timeout, got.tls_ca_file,
               got.channel, got.channel_description, got.marketing_endpoint, got.agent, got.reply_to),
      std::tie(given.name, given.origin, given.api_version, given.phone_number_id, given.business_account_id,
               given.token, given.app_secret, given.verify_token, given.limits, given.connections_max,
               given.response_timeout, given.tls_ca_file, given.channel, given.channel_description,
               given.marketing_endpoint, given.agent, given.reply_to));
  auto changed = given;
  changed.limits = "9/s";
  EXPECT_EQ(store::put_sender(s.db(), changed), id);
  EXPECT_EQ(store::read_sender(s.db(), id).limits, "9/s");
  EXPECT_EQ(store::sender_ids(s.db()), (std::vector<std::int64_t>{s.sender, id}));
}

TEST(senders, a_campaign_keeps_the_agent_it_was_made_with) {
  scratch_store s;
  const auto sender =
      store::put_sender(s.db(), {.name = "chat", .token = "env:T", .agent = "ana", .reply_to = "support"});
  const auto words = store::put_template(s.db(), "t", "en_US", "{}");
  const auto usual = store::insert_campaign(s.db(), {.name = "a", .sender = sender, .content = words}, 1);
  const auto own = store::insert_campaign(s.db(), {.name = "b", .sender = sender, .content = words, .agent = "ben"}, 1);
  store::put_sender(s.db(), {.name = "chat", .token = "env:T", .agent = "eva"});
  EXPECT_EQ(store::read_campaign(s.db(), usual).agent, "ana");
  EXPECT_EQ(store::read_campaign(s.db(), usual).reply_to, "support");
  EXPECT_EQ(store::read_campaign(s.db(), own).agent, "ben");
}

TEST(templates, the_same_json_is_the_same_template) {
  scratch_store s;
  const auto one = store::put_template(s.db(), "t", "en_US", R"({"v":1})");
  EXPECT_EQ(store::put_template(s.db(), "t", "en_US", R"({"v":1})"), one);
  EXPECT_NE(store::put_template(s.db(), "t", "en_US", R"({"v":2})"), one);
  EXPECT_EQ(store::read_template(s.db(), one), R"({"v":1})");
}

}  // namespace
}  // namespace bulkmsg::testing
