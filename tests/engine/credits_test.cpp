// Credits as a host sees them: many campaigns and threads on one account, prices, billing while running.
#include "bulkmsg/credits/rate_table_json.hpp"

#include "bulkmsg/base/clock.hpp"
#include "hosted.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::testing {
namespace {

TEST(credits, campaigns_started_by_many_threads_on_one_account_never_overdraw_it) {
  provider p([](const request& r, int nth) {
    return r.to.back() == '7' ? provider::refused(131026) : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  constexpr int threads = 8, per_thread = 3, size = 50;
  const auto account = must(h->put_account("a", {.per_user_credits = 10 * size}));  // of 24 campaigns ten can start
  std::vector<campaign_id> drafts;
  for (int i = 0; i < threads * per_thread; ++i) drafts.push_back(h.draft(size, account));
  std::atomic<int> started = 0, short_of = 0, other = 0;
  {
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        for (int i = 0; i < per_thread; ++i) {
          const auto r = h->start(drafts[static_cast<std::size_t>(t * per_thread + i)]);
          (r ? started : code_of(r) == errc::credits_short ? short_of : other)++;
          must(h->top_up(account, 1, "extra-" + std::to_string(i)));  // three ids, eight times each
          must(h->audit(account));
        }
      });
    }
    for (auto& t : all) t.join();
  }
  EXPECT_EQ(other, 0);
  EXPECT_EQ(started + short_of, threads * per_thread);
  EXPECT_GE(started, 10);
  ASSERT_TRUE(h.until([&] {
    int done = 0;
    for (const auto c : drafts) done += h.state(c) == campaign_state::completed ? 1 : 0;
    return done == started;
  }));
  std::int64_t sent = 0;
  for (const auto c : drafts) sent += h.told(c).sent;
  const auto b = must(h->audit(account));
  EXPECT_EQ(sent, started * (size - 5)) << "one number in ten is refused";
  EXPECT_EQ(b.spent, sent);
  EXPECT_EQ(b.bought, per_thread);
  EXPECT_EQ(b.reserved, 0);
  EXPECT_EQ(b.available(), 10 * size + per_thread - sent);
}

TEST(credits, the_estimate_is_what_is_charged_when_all_is_sent) {
  provider p;
  host h({.send = true}, p.origin());
  const auto rates = must(credits::parse_rate_table_json(
      R"({"rates":{"1":{"utility":4000},"1555100000":{"utility":5000},"*":{"marketing":1}},"credits":{"utility":3}})"));
  const auto account = must(h->put_account("a", {}));
  const auto sender = must(h->put_sender(sender_at(p.origin())));
  const auto words = must(h->put_template(template_json()));
  EXPECT_EQ(must(h->credits_per_message(words, rates)), 3);
  const auto made = must(h->create_campaign(
      {.name = "spring", .sender = sender, .content = words, .account = account, .credits_per_message = 3}));
  must(h->import_csv_text(made, csv(25)));
  const auto cost = must(h->estimate(made, rates));
  EXPECT_EQ(cost.messages, 25);
  EXPECT_EQ(cost.credits, 75);
  EXPECT_EQ(cost.micros, 10 * 5'000 + 15 * 4'000) << "ten numbers begin with +1555100000";
  ASSERT_EQ(cost.lines.size(), 2u);
  EXPECT_EQ(must(h->dry_run(made)).credits, 75);
  EXPECT_EQ(must(h->start(made)).credits, 75);
  ASSERT_TRUE(h.until([&] { return h.state(made) == campaign_state::completed; }));
  EXPECT_EQ(must(h->audit(account)).spent, cost.credits);
  EXPECT_EQ(must(h->status(made)).credits_spent, cost.credits);
}

TEST(credits, who_is_left_out_of_the_plan_or_skipped_later_costs_nothing) {
  provider p;
  host h({.send = true}, p.origin());
  const auto rates = must(credits::parse_rate_table_json(R"({"rates":{"*":{"utility":10}},"credits":{"utility":3}})"));
  const auto account = must(h->put_account("a", {}));
  const auto sender = must(h->put_sender(sender_at(p.origin())));
  const auto words = must(h->put_template(template_json()));
  const auto made = must(h->create_campaign(
      {.name = "c", .sender = sender, .content = words, .account = account, .credits_per_message = 3}));
  must(h->import_csv_text(made, csv(200)));
  for (const int n : {0, 3, 4}) must(h->suppress(number(n)));
  const auto cost = must(h->estimate(made, rates));
  EXPECT_EQ(cost.messages, 197);
  EXPECT_EQ(cost.credits, 197 * 3);
  EXPECT_EQ(cost.micros, 197 * 10);
  EXPECT_EQ(must(h->dry_run(made)).credits, cost.credits);
  p.hold();
  EXPECT_EQ(must(h->start(made, {.idempotency_key = "k"})).credits, cost.credits);
  EXPECT_EQ(must(h->start(made, {.idempotency_key = "k"})).credits, cost.credits);
  ASSERT_TRUE(p.wait_for(8));  // as many as may be in flight
  must(h->pause(made));
  for (int n = 150; n < 200; ++n) must(h->suppress(number(n)));
  EXPECT_EQ(must(h->estimate(made, rates)).credits, cost.credits) << "the plan is frozen";
  p.let_go();
  must(h->resume(made));
  ASSERT_TRUE(h.until([&] { return h.state(made) == campaign_state::completed; }));
  EXPECT_EQ(h.told(made).sent, 147);
  EXPECT_EQ(h.told(made).skipped, 53);
  const auto b = must(h->audit(account));
  EXPECT_EQ(b.spent, 147 * 3);
  EXPECT_EQ(b.reserved, 0);
}

TEST(credits, refused_and_unconfirmed_messages_return_and_hold_their_whole_price) {
  provider p([](const request& r, int nth) {
    if (r.to == number(2)) return std::string();
    return r.to == number(3) ? provider::refused(131026) : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  const auto account = must(h->put_account("a", {}));
  const auto sender = must(h->put_sender(sender_at(p.origin())));
  const auto made = must(h->create_campaign({.name = "c",
                                             .sender = sender,
                                             .content = must(h->put_template(template_json())),
                                             .account = account,
                                             .credits_per_message = 7}));
  must(h->import_csv_text(made, csv(10)));
  must(h->start(made));
  ASSERT_TRUE(h.until([&] { return h.state(made) == campaign_state::completed; }));
  EXPECT_EQ(must(h->audit(account)).spent, 8 * 7);
  EXPECT_EQ(must(h->audit(account)).reserved, 7);
  std::string key;
  for (const auto& r : p.requests()) {
    if (r.to == number(2)) key = r.key;
  }
  must(ingest(*h, statuses({{key, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(made).unconfirmed == 0; }));
  EXPECT_EQ(must(h->audit(account)).spent, 9 * 7);
  EXPECT_EQ(must(h->audit(account)).reserved, 0);
}

TEST(credits, a_price_out_of_range_is_refused) {
  host h;
  const auto sender = must(h->put_sender(sender_at(nowhere)));
  const auto words = must(h->put_template(template_json()));
  for (const std::int64_t price : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'001}}) {
    EXPECT_EQ(
        code_of(h->create_campaign({.name = "c", .sender = sender, .content = words, .credits_per_message = price})),
        errc::invalid_argument);
  }
}

// The running period made to be last month's, and its end to lie `in` from now.
void age(const std::string& path, std::chrono::milliseconds in) {
  store::database db(path, store::database::access::write);
  const auto ends = system_clock().wall() / millisecond + in.count();
  db.exec("UPDATE ledger SET period = period - 1; UPDATE accounts SET period = period - 1, period_ends_ms = " +
          std::to_string(ends) + ", renews_ms = " + std::to_string(ends));
}

TEST(credits, a_month_that_ended_while_the_engine_was_off_is_billed_at_opening) {
  host h;
  const auto account = must(h->put_account("a", {}));
  h.close();
  age(h.path(), std::chrono::milliseconds(-1'000));
  { const auto reader = must(engine::open(h.path(), {.mode = open_mode::read})); }
  h.open();
  ASSERT_TRUE(h.until([&] { return must(h->accounts())[0].balances.granted == 6'000; })) << "nobody asked for it";
  EXPECT_EQ(must(h->audit(account)).expired, 3'000);
}

TEST(credits, looking_shows_what_is_due_and_writes_nothing) {
  host h;
  const auto account = must(h->put_account("a", {}));
  h.close();
  age(h.path(), std::chrono::milliseconds(-1'000));
  auto reader = must(engine::open(h.path(), {.mode = open_mode::read}));
  EXPECT_EQ(must(reader.account(account)).balances.granted, 6'000);
  EXPECT_EQ(must(reader.audit(account)).granted, 3'000);
}

TEST(credits, a_billing_date_that_comes_while_the_engine_runs_is_kept) {
  host h;
  const auto account = must(h->put_account("a", {}));
  h.close();
  age(h.path(), std::chrono::milliseconds(700));
  h.open();
  EXPECT_TRUE(h.until([&] { return must(h->accounts())[0].balances.granted == 6'000; }));
  const auto rows = must(h->ledger(account));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].entry.kind, credits::entry_kind::expire);
  EXPECT_EQ(rows[2].entry.kind, credits::entry_kind::grant);
  EXPECT_GT(must(h->account(account)).renews_at_ms, rows[2].at_ms);
}

TEST(credits, every_call_can_be_repeated_by_its_id) {
  host h;
  const auto account = must(h->put_account("a", {.users = 2}, "plan-1"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(must(h->put_account("a", {.users = 2}, "plan-1")), account);
    must(h->top_up(account, 10, "top-1"));
    must(h->adjust(account, {.credits = -5, .reason = "r", .actor = "me", .id = "adjust-1"}));
  }
  EXPECT_EQ(code_of(h->put_account("a", {.users = 3}, "plan-1")), errc::conflict);
  EXPECT_EQ(code_of(h->top_up(account, 11, "top-1")), errc::conflict);
  EXPECT_EQ(code_of(h->adjust(account, {.credits = -5, .reason = "r", .actor = "you", .id = "adjust-1"})),
            errc::conflict);
  EXPECT_EQ(code_of(h->adjust(account, {.credits = 0, .reason = "r", .actor = "me"})), errc::invalid_argument);
  EXPECT_EQ(code_of(h->adjust(account, {.credits = 1, .reason = "r"})), errc::invalid_argument);
  EXPECT_EQ(must(h->audit(account)).available(), 6'005);
  EXPECT_EQ(must(h->ledger(account)).size(), 3u);
  EXPECT_EQ(must(h->ledger(account)).back().actor, "me");
  EXPECT_EQ(code_of(h->ledger(account_id{99})), errc::not_found);
}

}  // namespace
}  // namespace bulkmsg::testing
