// Limits, hours, weights and pauses as a host sees them.
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// Hours of one hour's length that begin so much later than now, by the clock of UTC.
std::string hours_from_now(int later) {
  const auto at = absl::Now() + absl::Hours(later);
  return absl::FormatTime("%H:00", at, absl::UTCTimeZone()) + "-" + absl::FormatTime("%H:30", at, absl::UTCTimeZone());
}

campaign_id started(host& h, sender_id sender, int count, int from, campaign_settings settings = {}) {
  settings.name = "c" + std::to_string(from);
  settings.sender = sender;
  settings.content = must(h->put_template(template_json()));
  const auto campaign = must(h->create_campaign(settings));
  must(h->import_csv_text(campaign, csv(count, from)));
  must(h->start(campaign));
  return campaign;
}

TEST(pacing, a_senders_limits_may_name_presets_and_its_time_zone_must_exist) {
  host h;
  auto settings = sender_at(nowhere);
  settings.limits = "ceiling; 2000 recipients/24h; 5000/day; inbound=20%";
  settings.time_zone = "America/Sao_Paulo";
  EXPECT_TRUE(h->put_sender(settings));
  settings.time_zone = "Middle/Earth";
  EXPECT_EQ(refused(h->put_sender(settings)).code, errc::bad_option_value);
  settings.time_zone.clear();
  settings.limits = "whatsapp_fastest";
  EXPECT_EQ(refused(h->put_sender(settings)).code, errc::bad_option_value);
}

TEST(pacing, a_plans_duration_knows_days_and_new_recipients) {
  host h;
  auto settings = sender_at(nowhere);
  settings.limits = "10 recipients/24h";
  h.sender = must(h->put_sender(settings));
  EXPECT_EQ(must(h->dry_run(h.draft(31))).duration, hours(72));
  settings.limits = "10/day";
  h.sender = must(h->put_sender(settings));
  const auto by_day = must(h->dry_run(h.draft(31))).duration;
  EXPECT_GT(by_day, hours(48));
  EXPECT_LE(by_day, hours(72));
  settings.limits = "20/s; inbound=50%";
  h.sender = must(h->put_sender(settings));
  EXPECT_EQ(must(h->dry_run(h.draft(1000))).duration, milliseconds(100'000));
}

TEST(pacing, outside_its_hours_a_campaign_waits_and_its_plan_says_how_long) {
  provider p;
  host h({.send = true}, p.origin());
  h.draft(0);  // makes the sender
  campaign_settings later{.hours = hours_from_now(3)};
  const auto waits = started(h, h.sender, 20, 0, later);
  const auto goes = started(h, h.sender, 20, 100, {.hours = "00:00-24:00", .hours_in = "recipient"});
  ASSERT_TRUE(h.until([&] { return h.state(goes) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 20);
  EXPECT_EQ(h.state(waits), campaign_state::sending);
  EXPECT_EQ(h.told(waits).sent, 0);
  must(h->stop(waits));
  const auto draft = must(h->create_campaign({.name = "d",
                                              .sender = h.sender,
                                              .content = must(h->put_template(template_json())),
                                              .hours = later.hours,
                                              .hours_in = "UTC"}));
  must(h->import_csv_text(draft, csv(3)));
  EXPECT_GT(must(h->dry_run(draft)).duration, hours(2));
}

TEST(pacing, what_cannot_be_is_refused) {
  host h;
  h.draft(0);
  const campaign_settings good{.name = "c", .sender = h.sender, .content = must(h->put_template(template_json()))};
  for (const std::int64_t weight : {0, 101}) {
    auto s = good;
    s.weight = weight;
    EXPECT_EQ(refused(h->create_campaign(s)).code, errc::invalid_argument);
  }
  auto s = good;
  s.hours = "mon-fri 9-20";
  EXPECT_EQ(refused(h->create_campaign(s)).code, errc::bad_option_value);
  const auto planned = [&](const std::string& open, const std::string& in) {
    auto with = good;
    with.hours = open;
    with.hours_in = in;
    const auto campaign = must(h->create_campaign(with));
    must(h->import_csv_text(campaign, csv(3)));
    return refused(h->dry_run(campaign));
  };
  EXPECT_EQ(planned("09:00-20:00", "column:zone").code, errc::bad_option_value);
  EXPECT_EQ(planned("09:00-20:00", "Middle/Earth").code, errc::bad_option_value);
  EXPECT_NE(planned("09:00-20:00", "column:param1").message.find("line 2"), std::string::npos);
  EXPECT_EQ(planned("", "recipient").code, errc::bad_option_value);
}

TEST(pacing, senders_of_one_portfolio_share_their_recipients) {
  provider p;
  host h({.send = true}, p.origin());
  auto settings = sender_at(p.origin());
  settings.limits = "100/s; 7 recipients/24h";
  settings.portfolio = "acme";
  const auto one = must(h->put_sender(settings));
  settings.name = "other";
  const auto other = must(h->put_sender(settings));
  const auto a = started(h, one, 5, 0);
  ASSERT_TRUE(h.until([&] { return h.state(a) == campaign_state::completed; }));
  const auto b = started(h, other, 5, 100);
  ASSERT_TRUE(h.until([&] { return h.told(b).sent == 2; }));
  // After a restart, too.
  h.open({.send = true});
  const auto c = started(h, one, 3, 0);  // they are in the count
  ASSERT_TRUE(h.until([&] { return h.state(c) == campaign_state::completed; }));
  EXPECT_EQ(h.told(b).sent, 2);
  EXPECT_EQ(h.told(b).queued(), 3);
  EXPECT_EQ(p.count(), 10);
}

TEST(pacing, a_pause_that_the_provider_wants_is_told_kept_and_ended_by_resume) {
  provider p([](const request&, int nth) { return nth == 3 ? provider::refused(131048) : provider::accepted(nth); });
  host h({.send = true}, p.origin());
  auto settings = sender_at(p.origin());
  settings.limits = "1000/s; in-flight=1";  // nothing is on the wire beside what is refused
  h.sender = must(h->put_sender(settings));
  const auto campaign = h.start(100);
  const auto waits = [&] {
    const auto s = must(h->status(campaign));
    return s.state == campaign_state::sending && s.reason.find("goes on by itself") != std::string::npos;
  };
  ASSERT_TRUE(h.until(waits));
  EXPECT_NE(must(h->status(campaign)).reason.find("131048"), std::string::npos);
  h.open({.send = true});
  EXPECT_TRUE(waits());
  EXPECT_EQ(p.count(), 4);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(p.count(), 4) << "a restart does not end the pause";
  must(h->resume(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).failed, 0);
}

TEST(pacing, what_the_account_refuses_pauses_all_of_its_senders) {
  provider p([](const request& r, int nth) {
    return r.to == number(50) ? provider::refused(131031, 403) : provider::accepted(nth);
  });
  host h({.send = true}, p.origin());
  auto settings = sender_at(p.origin());
  settings.limits = "20/s";
  const auto one = must(h->put_sender(settings));
  settings.name = "same token";
  const auto other = must(h->put_sender(settings));
  const auto a = started(h, one, 1000, 1000);
  const auto b = started(h, other, 1, 50);
  EXPECT_TRUE(h.until([&] { return h.state(b) == campaign_state::paused && h.state(a) == campaign_state::paused; }));
}

}  // namespace
}  // namespace bulkmsg::testing
