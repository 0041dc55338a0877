// Campaigns that start later, tests that are sent before, and times as people write them.
#include "engine/hosted.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::testing {
namespace {

using enum campaign_state;

std::string in(std::chrono::milliseconds ahead) {
  const auto at = std::chrono::system_clock::now() + ahead;
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d Z", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}
const auto later = std::chrono::hours(48);

// Brings the time of a scheduled campaign near, as if hours had passed.
void bring(const host& h, campaign_id campaign, std::int64_t ms_from_now) {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  store::database db(h.path(), store::database::access::write);
  db.run("UPDATE campaigns SET scheduled_at_ms = ?2 WHERE id = ?1", campaign.value, now + ms_from_now);
}

TEST(times, are_read_with_their_zone) {
  const std::vector<std::pair<std::string, std::int64_t>> good = {
      {"2026-12-01 09:00 Europe/Berlin", 1796112000000},
      {"2026-12-01T09:00 Europe/Berlin", 1796112000000},
      {"2026-12-01T09:00+01:00", 1796112000000},
      {"2026-12-01 08:00:00Z", 1796112000000},
      {"2026-12-01 08:00 Z", 1796112000000},
      {"2026-12-01T08:00:30Z", 1796112030000},
      {"2026-12-01 03:00-05:00", 1796112000000},
      {"2026-10-25 02:30 Europe/Berlin", 1792888200000},  // comes twice: the first
  };
  for (const auto& [text, ms] : good) {
    const auto read = parse_time(text);
    ASSERT_TRUE(read.has_value()) << text << ": " << read.error().message;
    EXPECT_EQ(*read, ms) << text;
  }
}

TEST(times, that_are_none_are_refused_with_advice) {
  for (const std::string bad :
       {"", "tomorrow", "2026-12-01", "2026-12-01 09:00", "2026-12-01 09:00 Nowhere/City", "2026-13-01 09:00 Z",
        "2026-12-01 25:00 Z", "2026-02-30 09:00 Z", "2026-12-01 09:00+1:00", "2026-12-01 09:00+99:00",
        "2026-12-01 09:00 ../../etc/passwd", "2026-12-01 09:00 /etc/localtime", "2026-12-01 09:00 file:UTC",
        "2026-03-29 02:30 Europe/Berlin",  // skipped
        "2026-12-01 9:00 Z", "99999999999-12-01 09:00 Z"}) {
    const auto read = parse_time(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().code, errc::bad_option_value) << bad;
  }
  EXPECT_FALSE(parse_time(std::string(1000, '1')).has_value());
}

TEST(schedule, validates_and_estimates_and_starts_nothing) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(3);
  const auto dry = must(h->dry_run(campaign));
  const auto planned = must(h->schedule(campaign, {.at = in(later), .actor = "ana"}));
  EXPECT_EQ(planned.hash, dry.hash);
  EXPECT_EQ(planned.messages, 3);
  const auto status = must(h->status(campaign));
  EXPECT_EQ(status.state, scheduled);
  EXPECT_EQ(status.scheduled_at_ms, must(parse_time(status.scheduled_as)));
  EXPECT_EQ(status.max_lateness, std::chrono::hours(1));
  EXPECT_EQ(must(h->history({.campaign = campaign})).back().actor, "ana");
  must(h->import_csv_text(campaign, csv(2, 10)));
  EXPECT_EQ(h.told(campaign).total, 5) << "recipients may still be added";
  must(h->cancel_schedule(campaign, "ben"));
  EXPECT_EQ(h.state(campaign), draft);
  EXPECT_EQ(must(h->status(campaign)).scheduled_at_ms, 0);
  EXPECT_EQ(p.requests().size(), 0u);
}

TEST(schedule, refuses_what_could_not_start_or_is_no_time_to_come) {
  host h;
  const auto campaign = h.draft(1);
  EXPECT_EQ(code_of(h->schedule(campaign, {.at = "soon"})), errc::bad_option_value);
  EXPECT_EQ(code_of(h->schedule(campaign, {.at = in(-later)})), errc::bad_option_value);
  EXPECT_EQ(code_of(h->schedule(campaign, {.at = in(std::chrono::hours(24 * 1000))})), errc::bad_option_value);
  EXPECT_EQ(code_of(h->schedule(campaign, {.at = in(later), .max_lateness = std::chrono::hours(24 * 31)})),
            errc::bad_option_value);
  EXPECT_EQ(code_of(h->schedule(h.draft(0), {.at = in(later)})), errc::wrong_state);
  EXPECT_EQ(h.state(campaign), draft);
}

TEST(schedule, fires_when_its_time_comes) {
  provider p;
  host h({}, p.origin());
  campaign_id campaign;
  plan_summary planned;
  for (const auto ahead : {std::chrono::seconds(3), patience / 2}) {  // the second only where two calls take seconds
    campaign = h.draft(4);
    const auto made = h->schedule(campaign, {.at = in(ahead)});
    if (made) planned = *made;
    if (made && h->import_csv_text(campaign, csv(1, 50))) break;
  }
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(h.told(campaign).sent, 5) << "who was added while it was scheduled gets it, too";
  EXPECT_NE(must(h->status(campaign)).plan_hash, planned.hash) << "it is frozen when it fires";
  const auto told = must(h->history({.campaign = campaign}));
  EXPECT_TRUE(std::any_of(told.begin(), told.end(),
                          [](const auto& r) { return r.action == "start" && r.actor == "schedule"; }));
}

TEST(schedule, survives_restarts_and_fires_late_within_what_is_allowed) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(2);
  must(h->schedule(campaign, {.at = in(later), .max_lateness = std::chrono::hours(1)}));
  h.close();
  bring(h, campaign, -30 * 60'000);
  h.open({});
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(h.told(campaign).sent, 2);
}

TEST(schedule, later_than_allowed_it_expires_and_sends_nothing) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(2);
  must(h->schedule(campaign, {.at = in(later), .max_lateness = std::chrono::minutes(5)}));
  h.close();
  bring(h, campaign, -6 * 60'000);
  h.open({});
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == failed; }));
  const auto status = must(h->status(campaign));
  EXPECT_NE(status.reason.find("expired"), std::string::npos) << status.reason;
  EXPECT_EQ(p.requests().size(), 0u);
  EXPECT_GT(status.finished_at_ms, 0);
}

TEST(schedule, what_fails_when_it_fires_ends_as_failed_with_the_reason) {
  provider p;
  host h({}, p.origin());
  const auto account = must(h->put_account("shop", {.per_user_credits = 3, .users = 1}));
  const auto campaign = h.draft(5, account);
  auto planned = h->schedule(campaign, {.at = in(std::chrono::seconds(3))});
  if (!planned) planned = h->schedule(campaign, {.at = in(patience / 2)});  // where that call took seconds
  ASSERT_TRUE(planned) << planned.error().message;
  ASSERT_EQ(planned->warnings.size(), 1u);
  EXPECT_NE(planned->warnings[0].find("top up"), std::string::npos);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == failed; }));
  EXPECT_NE(must(h->status(campaign)).reason.find("not enough credits"), std::string::npos);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 0);
  EXPECT_EQ(p.requests().size(), 0u);
}

TEST(schedule, a_crash_while_it_fires_leaves_it_scheduled) {
  host h;
  const auto campaign = h.draft(2);
  must(h->schedule(campaign, {.at = in(later)}));
  h.close();
  {
    store::database db(h.path(), store::database::access::write);
    db.run("UPDATE campaigns SET state = 3 WHERE id = ?1", campaign.value);
  }
  h.open();
  EXPECT_EQ(h.state(campaign), scheduled);
}

TEST(schedule, is_asked_for_and_cancelled_from_another_process) {
  host h;
  const auto campaign = h.draft(2);
  auto guest = must(engine::open(h.path(), {.mode = open_mode::post}));
  const auto planned = must(guest.schedule(campaign, {.at = in(later), .actor = "ana"}));
  EXPECT_EQ(planned.messages, 2);
  EXPECT_EQ(h.state(campaign), scheduled);
  EXPECT_EQ(must(h->history({.campaign = campaign})).back().actor, "ana");
  must(guest.cancel_schedule(campaign, "ben"));
  EXPECT_EQ(h.state(campaign), draft);
  EXPECT_EQ(code_of(guest.cancel_schedule(campaign)), errc::wrong_state);
  auto looker = must(engine::open(h.path(), {.mode = open_mode::read}));
  EXPECT_EQ(code_of(looker.schedule(campaign, {.at = in(later)})), errc::read_only);
}

TEST(test_send, shows_a_rows_message_to_chosen_addresses_outside_the_campaigns_counters) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(3);
  const std::vector<std::string> to{"+15557654321", "+15557654322"};
  const auto test = must(h->test_send(campaign, to, 1, "ana"));
  ASSERT_TRUE(h.until([&] { return h.state(test) == completed; }));
  const auto seen = p.requests();
  ASSERT_EQ(seen.size(), 2u);
  for (const auto& r : seen) EXPECT_NE(r.body.find("\"n1\""), std::string::npos) << r.body;
  EXPECT_EQ(h.told(campaign), (counters{.total = 3}));
  EXPECT_EQ(h.state(campaign), draft);
  const auto status = must(h->status(test));
  EXPECT_EQ(status.test_of, campaign);
  EXPECT_EQ(status.counters.sent, 2);
  must(h->start(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(h.told(campaign).sent, 3);
  const auto told = must(h->history({.campaign = campaign}));
  EXPECT_TRUE(
      std::any_of(told.begin(), told.end(), [](const auto& r) { return r.action == "test" && r.actor == "ana"; }));
}

TEST(test_send, refuses_what_it_cannot_show_and_leaves_nothing_behind) {
  host h;
  const auto campaign = h.draft(2);
  const auto campaigns = must(h->list()).size();
  const std::vector<std::string> good{number(900)}, bad{number(900), "12"}, none;
  EXPECT_EQ(code_of(h->test_send(campaign, none)), errc::invalid_argument);
  EXPECT_EQ(code_of(h->test_send(campaign, std::vector<std::string>(101, number(1)))), errc::invalid_argument);
  EXPECT_EQ(code_of(h->test_send(campaign, good, 2)), errc::not_found);
  EXPECT_EQ(code_of(h->test_send(campaign, good, -1)), errc::not_found);
  EXPECT_EQ(code_of(h->test_send({999}, good)), errc::not_found);
  EXPECT_EQ(code_of(h->test_send(campaign, bad)), errc::phone_too_short);
  must(h->suppress(number(900)));
  EXPECT_EQ(code_of(h->test_send(campaign, good)), errc::recipient_suppressed);
  EXPECT_EQ(must(h->list()).size(), campaigns);
}

}  // namespace
}  // namespace bulkmsg::testing
