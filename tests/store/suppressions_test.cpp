#include "store/suppressions.hpp"

#include "inbound/merge.hpp"
#include "inbound/webhook_bodies.hpp"
#include "scratch_store.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/recipients.hpp"

namespace bulkmsg::testing {
namespace {

constexpr consent_rules marketing{true, true};
constexpr consent_rules utility{false, false};
const std::string ana = "+5511987654321";

errc bars(scratch_store& s, const std::string& address, consent_rules rules, std::int64_t row = 0) {
  return store::screen(s.db(), 1, rules).check(address, row);
}
errc bars_marketing_without_consent(scratch_store& s, const std::string& address) {
  return bars(s, address, {true, false});
}

TEST(suppressions, scopes_bar_what_they_say) {
  scratch_store s;
  store::suppress(s.db(), ana, {.scope = consent_scope::marketing}, noon_ms);
  EXPECT_EQ(bars(s, ana, marketing), errc::recipient_suppressed);
  EXPECT_EQ(bars(s, ana, utility), errc::ok);
  store::suppress(s.db(), ana, {.scope = consent_scope::all}, noon_ms);
  EXPECT_EQ(bars(s, ana, utility), errc::recipient_suppressed);
  EXPECT_EQ(bars(s, "+15551000001", utility), errc::ok);
}

TEST(suppressions, another_spelling_of_the_number_is_the_same_person) {
  scratch_store s;
  store::suppress(s.db(), "+551187654321", {}, noon_ms);  // without Brazil's ninth digit
  EXPECT_EQ(bars(s, ana, utility), errc::recipient_suppressed);
}

TEST(suppressions, a_resume_at_the_platform_clears_only_the_platforms_own_two) {
  scratch_store s;
  using enum suppression_source;
  for (const auto source : {own_list, stop_word, platform_preference, provider_error}) {
    store::suppress(s.db(), ana, {.scope = consent_scope::marketing, .source = source}, noon_ms);
  }
  EXPECT_TRUE(store::lift(s.db(), ana, platform_sources, "resume", noon_ms + 1));
  EXPECT_EQ(bars_marketing_without_consent(s, ana), errc::recipient_suppressed);
  EXPECT_EQ(table(s.db(), "SELECT source FROM suppressions"), "1 2 ");
  EXPECT_FALSE(store::lift(s.db(), ana, platform_sources, "resume", noon_ms + 1));
  EXPECT_TRUE(store::lift(s.db(), ana, own_sources, "asked to come back", noon_ms + 2));
  EXPECT_EQ(bars_marketing_without_consent(s, ana), errc::ok);
}

TEST(suppressions, a_narrower_scope_does_not_take_a_wider_one_back) {
  scratch_store s;
  store::suppress(s.db(), ana, {.scope = consent_scope::all}, noon_ms);
  store::suppress(s.db(), ana, {.scope = consent_scope::marketing}, noon_ms + 1);
  EXPECT_EQ(bars(s, ana, utility), errc::recipient_suppressed);
}

TEST(suppressions, every_change_is_logged_once_with_the_old_and_the_new) {
  scratch_store s;
  store::suppress(s.db(), ana, {.scope = consent_scope::marketing, .note = "call"}, noon_ms);
  store::suppress(s.db(), ana, {.scope = consent_scope::marketing, .note = "call again"}, noon_ms + 1);
  store::suppress(s.db(), ana, {.scope = consent_scope::all}, noon_ms + 2);
  store::lift(s.db(), ana, own_sources, "mistake", noon_ms + 3);
  store::put_consent(s.db(), ana, {.source = "web form"}, noon_ms + 4);
  store::put_consent(s.db(), ana, {.source = "web form"}, noon_ms + 5);
  store::put_consent(s.db(), ana, {.state = consent_state::withdrawn, .source = "letter"}, noon_ms + 6);
  EXPECT_EQ(table(s.db(), "SELECT at_ms - 1800000000000, what, source, old, new, note FROM consent_log ORDER BY id"),
            "0|suppress|own_list||marketing|call 2|suppress|own_list|marketing|all| 3|lift|own_list|all||mistake "
            "4|consent|web form||granted marketing| 6|consent|letter|granted marketing|withdrawn marketing| ");
  EXPECT_EQ(store::list_consent_log(s.db(), 0, 2).size(), 2u);
  EXPECT_EQ(store::list_consent_log(s.db(), 4, 10).size(), 1u);
}

TEST(suppressions, consent_is_known_stated_or_missing) {
  scratch_store s;
  const auto campaign = s.draft();
  s.import(campaign, 3);
  EXPECT_EQ(bars(s, ana, marketing), errc::consent_missing);
  store::state_consent(s.db(), campaign, "shop checkout", noon_ms);
  EXPECT_EQ(bars(s, ana, marketing, 2), errc::ok);
  EXPECT_EQ(bars(s, ana, marketing, 3), errc::consent_missing) << "a row that came after the statement";
  // A person's own word outweighs what is stated for a list.
  store::put_consent(s.db(), ana, {.state = consent_state::withdrawn, .source = "letter"}, noon_ms);
  EXPECT_EQ(bars(s, ana, marketing, 2), errc::consent_missing);
  EXPECT_EQ(bars_marketing_without_consent(s, ana), errc::consent_missing);
  EXPECT_EQ(bars(s, ana, utility), errc::ok);
  store::put_consent(s.db(), ana, {.state = consent_state::withdrawn, .scope = consent_scope::all, .source = "letter"},
                     noon_ms);
  EXPECT_EQ(bars(s, ana, utility), errc::consent_missing);
  store::put_consent(s.db(), ana, {.source = "web form"}, noon_ms);
  EXPECT_EQ(bars(s, ana, marketing, 7), errc::ok);
}

TEST(suppressions, a_statement_covers_what_came_since_the_last_one) {
  scratch_store s;
  const auto campaign = s.draft();
  s.import(campaign, 3);
  store::state_consent(s.db(), campaign, "a", noon_ms);
  store::state_consent(s.db(), campaign, "a", noon_ms);
  s.import(campaign, 2, 0, 50);
  store::state_consent(s.db(), campaign, "b", noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT first, last, source FROM consent_statements"), "0|3|a 3|5|b ");
  while (!store::undo_import(s.db(), campaign, 0, 0)) {
  }
  store::erase_draft(s.db(), campaign, noon_ms, {});
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM consent_statements"), 0);
}

TEST(identities, whatever_is_known_of_either_address_is_known_of_both) {
  scratch_store s;
  store::suppress(s.db(), "user:US.1349", {.source = suppression_source::stop_word}, noon_ms);
  store::put_consent(s.db(), ana, {.source = "web form"}, noon_ms);
  EXPECT_EQ(bars(s, ana, utility), errc::ok);
  store::link_identities(s.db(), ana, "user:US.1349", noon_ms + 1);
  EXPECT_EQ(bars(s, ana, utility), errc::recipient_suppressed);
  EXPECT_EQ(bars(s, "user:US.1349", utility), errc::recipient_suppressed);
  EXPECT_EQ(store::list_suppressions(s.db(), {.address = ana}).size(), 1u);
  EXPECT_EQ(table(s.db(), "SELECT count(*) FROM suppressions"), "1 ");
  // A third name, linked to the second; and the same once more, which changes nothing.
  store::link_identities(s.db(), "user:US.1349", "+4915112345678", noon_ms + 2);
  const auto changes = store::last_consent_change(s.db());
  store::link_identities(s.db(), ana, "+4915112345678", noon_ms + 3);
  EXPECT_EQ(store::last_consent_change(s.db()), changes);
  EXPECT_EQ(bars(s, "+4915112345678", utility), errc::recipient_suppressed);
  EXPECT_TRUE(store::lift(s.db(), "+4915112345678", own_sources, "", noon_ms + 4));
  EXPECT_EQ(bars(s, ana, utility), errc::ok);
  EXPECT_EQ(bars(s, ana, marketing), errc::ok) << "the consent is still known";
}

TEST(identities, two_groups_of_addresses_become_one_person_and_the_later_word_holds) {
  scratch_store s;
  store::link_identities(s.db(), "user:a", "user:b", noon_ms);
  store::link_identities(s.db(), "user:c", "user:d", noon_ms);
  store::put_consent(s.db(), "user:b", {.source = "early"}, noon_ms + 1);
  store::put_consent(s.db(), "user:d", {.state = consent_state::withdrawn, .source = "late"}, noon_ms + 2);
  store::link_identities(s.db(), "user:b", "user:d", noon_ms + 3);
  const auto person = store::person_of(s.db(), "user:a");
  for (const auto* each : {"user:b", "user:c", "user:d"}) EXPECT_EQ(store::person_of(s.db(), each), person) << each;
  EXPECT_EQ(table(s.db(), "SELECT state, source FROM consents"), "2|late ");
}

TEST(identities, keys_are_stable_and_never_none) {
  EXPECT_EQ(store::person_key("+15551000001"), 15551000001);
  EXPECT_EQ(store::person_key("+551187654321"), store::person_key(ana));
  EXPECT_LT(store::person_key("user:US.1349"), 0);  // the top bit: apart from every number
  EXPECT_NE(store::person_key("user:US.1349"), store::person_key("group:US.1349"));
  EXPECT_NE(store::person_key("+"), 0);
}

TEST(identities, a_receipt_with_the_users_id_links_it_to_the_number_we_sent_to) {
  sending_store s(3);
  s.open(3);
  s.settle(1, message_state::accepted);
  const auto key = channels::callback_key{scratch_store_id, s.campaign, s.message(1), 1}.text();
  inbound::append(s.db(),
                  R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":)"
                  R"({"statuses":[{"id":"wamid.1","status":"delivered","timestamp":"1800000000",)"
                  R"("recipient_user_id":"US.77","biz_opaque_callback_data":")" +
                      key + R"("}]}}]}]})",
                  noon_ms);
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
  EXPECT_EQ(store::person_of(s.db(), "user:US.77"), store::person_of(s.db(), s.row(1).address));
}

// A campaign on its way, frozen before anything below happens.
TEST(claims, hand_over_nobody_who_was_suppressed_since_the_freeze) {
  sending_store s(10);
  store::suppress(s.db(), s.row(1).address, {}, noon_ms);
  store::suppress(s.db(), s.row(3).address, {}, noon_ms);
  EXPECT_EQ(s.open(5), (std::vector<std::uint32_t>{0, 2, 4}));
  EXPECT_EQ(s.row(1).state, message_state::skipped);
  EXPECT_EQ(s.row(1).code, static_cast<std::int32_t>(errc::recipient_suppressed));
  EXPECT_EQ(s.told().skipped, 2);
  const auto reasons = store::count_skipped(s.db(), s.campaign);
  ASSERT_EQ(reasons.size(), 1u);
  EXPECT_EQ(reasons[0].code, static_cast<std::int32_t>(errc::recipient_suppressed));
  EXPECT_EQ(reasons[0].count, 2);
  EXPECT_EQ(s.balances().reserved, 8);
  s.expect_accounted_for();
}

TEST(claims, what_was_skipped_stays_skipped_when_the_range_is_taken_back_and_the_suppression_too) {
  sending_store s(10);
  store::suppress(s.db(), s.row(1).address, {}, noon_ms);
  EXPECT_EQ(s.open(3), (std::vector<std::uint32_t>{0, 2}));
  store::take_back(s.db(), s.lane, 0);
  store::lift(s.db(), s.row(1).address, own_sources, "", noon_ms);
  EXPECT_EQ(s.open(3), (std::vector<std::uint32_t>{0, 2}));
  s.expect_accounted_for();
}

TEST(claims, go_on_behind_a_range_in_which_everybody_is_skipped) {
  sending_store s(10);
  for (std::uint32_t i = 2; i < 8; ++i) store::suppress(s.db(), s.row(i).address, {}, noon_ms);
  EXPECT_EQ(s.open(2), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(s.open(2), (std::vector<std::uint32_t>{8, 9}));
  EXPECT_FALSE(s.last_claim.more);
  EXPECT_EQ(s.open(2), std::vector<std::uint32_t>{});
  EXPECT_EQ(s.told().skipped, 6);
  // Nothing of the skipped ranges may have gone.
  EXPECT_EQ(store::recover(s.db(), noon_ms).unconfirmed, 4);
  s.expect_accounted_for();
}

TEST(claims, skip_a_bounded_number_in_one_job_and_say_that_there_is_more) {
  sending_store s(2900);
  s.db().exec("BEGIN");
  for (int line = 2; line < 2902; ++line) {
    store::suppress(s.db(), "+1555" + std::to_string(1'000'000 + line), {}, noon_ms);
  }
  EXPECT_EQ(s.open(512), std::vector<std::uint32_t>{});
  EXPECT_TRUE(s.last_claim.more);
  EXPECT_EQ(s.told().skipped, 2048);
  EXPECT_EQ(s.open(512), std::vector<std::uint32_t>{});
  EXPECT_FALSE(s.last_claim.more);
  s.db().exec("COMMIT");
  EXPECT_TRUE(store::exhausted(s.db(), s.campaign));
  s.expect_accounted_for();
}

TEST(claims, of_retries_skip_as_well) {
  sending_store s(3);
  s.open(3);
  for (std::uint32_t i = 0; i < 3; ++i) s.settle(i, message_state::retry, "", 1, noon_ms + 5);
  store::suppress(s.db(), s.row(1).address, {}, noon_ms);
  store::claim c;
  store::open_retries(s.db(), s.lane, 10, noon_ms + 6, c);
  ASSERT_EQ(c.messages.size(), 2u);
  EXPECT_EQ(s.row(1).state, message_state::skipped);
  EXPECT_EQ(s.row(1).attempt, 1) << "the attempt that was made";
  s.expect_accounted_for();
}

TEST(claims, ask_what_the_campaigns_content_asks) {
  sending_store s(4);
  s.db().run("UPDATE campaigns SET marketing = 1, needs_consent = 1");
  store::suppress(s.db(), s.row(1).address, {.scope = consent_scope::marketing}, noon_ms);
  EXPECT_EQ(s.open(4), std::vector<std::uint32_t>{}) << "no consent is known of the others";
  EXPECT_EQ(s.row(1).code, static_cast<std::int32_t>(errc::recipient_suppressed));
  EXPECT_EQ(s.row(2).code, static_cast<std::int32_t>(errc::consent_missing));

  sending_store utility_campaign(4);
  store::suppress(utility_campaign.db(), utility_campaign.row(1).address, {.scope = consent_scope::marketing}, noon_ms);
  EXPECT_EQ(utility_campaign.open(4).size(), 4u);
}

TEST(freezing, lays_only_who_is_not_left_out_and_undoing_it_leaves_no_trace) {
  scratch_store s;
  const auto campaign = s.draft();
  s.import(campaign, 10, 2);
  store::left_out out;
  for (const int row : {0, 3, 4}) out.add(row, errc::recipient_suppressed);
  for (const int row : {5, 9}) out.add(row, errc::consent_missing);
  EXPECT_EQ(out.count(), 5);
  const auto before = table(s.db(), "SELECT total, skipped, rejects, recipients FROM campaigns");
  store::change_state(s.db(), campaign, campaign_state::starting, "start", "", noon_ms);
  const auto lane = store::insert_lane(s.db(), campaign, 5);
  std::int64_t gone = 0;
  for (int from = 0; from < 10; from += 4) gone = store::lay(s.db(), campaign, lane, from, 4, out, gone);
  EXPECT_EQ(gone, 5);
  EXPECT_EQ(table(s.db(), "SELECT id & 0xffffffff, recipient & 0xffffffff FROM plan"), "0|1 1|2 2|6 3|7 4|8 ");
  EXPECT_EQ(table(s.db(), "SELECT total, skipped, rejects, screened_out FROM campaigns"), "12|7|7|5 ");
  EXPECT_EQ(table(s.db(), "SELECT line, code FROM rejects WHERE code IN (2021, 2022) ORDER BY id"),
            "2|2021 5|2021 6|2021 7|2022 11|2022 ");
  store::undo_start(s.db(), campaign, "no", noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT total, skipped, rejects, recipients FROM campaigns"), before);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM rejects"), 2);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM plan"), 0);
}

}  // namespace
}  // namespace bulkmsg::testing
