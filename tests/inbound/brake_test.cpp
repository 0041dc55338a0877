// What the provider says of templates, numbers and the account: state, brakes that people understand, and events.
#include "inbound/account_events.hpp"

#include <gtest/gtest.h>

#include "bulkmsg/channels/whatsapp_templates_json.hpp"
#include "inbound/merge.hpp"
#include "store/brakes.hpp"
#include "store/campaigns.hpp"
#include "store/scratch_store.hpp"
#include "store/templates.hpp"

namespace bulkmsg::testing {
namespace {

constexpr std::int64_t now_s = noon_ms / 1000;

std::string change(const std::string& field, const std::string& value, std::int64_t at_s = now_s) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1029","time":)" + std::to_string(at_s) +
         R"(,"changes":[{"field":")" + field + R"(","value":)" + value + "}]}]}";
}
std::string template_event(const std::string& event, std::int64_t at_s = now_s, const std::string& more = "") {
  return change("message_template_status_update",
                R"({"event":")" + event + R"(","message_template_id":7,"message_template_name":"t",)" +
                    R"("message_template_language":"en-US","reason":"NONE")" + more + "}",
                at_s);
}
inbound::merge_result deliver(scratch_store& s, const std::string& body, std::int64_t now_ms = noon_ms + 100'000) {
  inbound::append(s.db(), body, now_ms);
  return inbound::merge(s.db(), scratch_store_id, now_ms);
}
campaign_state state(sending_store& s) { return store::read_campaign(s.db(), s.campaign).state; }
std::string reason(sending_store& s) { return store::read_campaign(s.db(), s.campaign).reason; }

TEST(brakes, a_paused_template_pauses_its_campaigns_until_it_is_approved_again) {
  sending_store s(1);
  const auto paused = deliver(s, template_event("PAUSED", now_s, R"(,"other_info":{"title":"FIRST_PAUSE"})"));
  EXPECT_EQ(paused.paused, std::vector<std::int64_t>{s.campaign});
  EXPECT_EQ(state(s), campaign_state::paused);
  EXPECT_EQ(
      reason(s),
      "the provider paused template 't' (en_US) because of bad feedback, for the first time: usually for 3 hours; "
      "sending goes on by itself when that is over");
  const auto resumed = deliver(s, template_event("APPROVED", now_s + 10));
  EXPECT_EQ(resumed.resumed, std::vector<std::int64_t>{s.campaign});
  EXPECT_EQ(state(s), campaign_state::sending);
  EXPECT_EQ(reason(s), "");
}

TEST(brakes, words_that_come_late_or_twice_change_nothing) {
  sending_store s(1);
  deliver(s, template_event("APPROVED", now_s + 10));
  EXPECT_TRUE(deliver(s, template_event("PAUSED", now_s)).paused.empty());
  EXPECT_EQ(state(s), campaign_state::sending);
  deliver(s, template_event("APPROVED", now_s + 10));
  EXPECT_EQ(table(s.db(), "SELECT payload ->> 'outdated' FROM events WHERE kind = 6 ORDER BY id"), "0 1 ");
}

TEST(brakes, what_a_person_resumed_or_paused_meanwhile_stays_so) {
  sending_store s(1);
  deliver(s, template_event("PAUSED"));
  store::hold_braked(s.db(), s.campaign, "we look at it first", noon_ms);
  EXPECT_TRUE(deliver(s, template_event("APPROVED", now_s + 10)).resumed.empty());
  EXPECT_EQ(state(s), campaign_state::paused);
  EXPECT_EQ(reason(s), "we look at it first");

  deliver(s, template_event("PAUSED", now_s + 20));
  store::change_state(s.db(), s.campaign, campaign_state::sending, "resume", "", noon_ms);
  store::change_state(s.db(), s.campaign, campaign_state::paused, "pause", "mine", noon_ms);
  EXPECT_TRUE(deliver(s, template_event("APPROVED", now_s + 30)).resumed.empty());
  EXPECT_EQ(reason(s), "mine");
}

TEST(brakes, other_templates_and_other_accounts_are_not_concerned) {
  sending_store s(1);
  s.db().exec("UPDATE senders SET business_account_id = '1030'");
  EXPECT_TRUE(deliver(s, template_event("PAUSED")).paused.empty());
  s.db().exec("UPDATE senders SET business_account_id = '1029'");
  s.db().exec("UPDATE templates SET name = 'other'");
  EXPECT_TRUE(deliver(s, template_event("PAUSED", now_s + 1)).paused.empty());
}

TEST(brakes, a_rejected_disabled_or_changed_template_waits_for_a_person) {
  for (const auto& body :
       {template_event("REJECTED"), template_event("DISABLED"), template_event("PENDING_DELETION"),
        change("message_template_components_update",
               R"({"message_template_name":"t","message_template_language":"en_US","message_template_element":"x"})"),
        change("template_category_update",
               R"({"message_template_name":"t","message_template_language":"en_US","previous_category":"UTILITY",)"
               R"("new_category":"MARKETING"})")}) {
    sending_store s(1);
    EXPECT_EQ(deliver(s, body).paused.size(), 1u) << body;
    EXPECT_EQ(count(s.db(), "SELECT count(*) FROM brakes"), 0) << body;
    EXPECT_GT(reason(s).size(), 20u);
  }
}

TEST(brakes, bad_quality_brakes_at_red_only) {
  sending_store s(1);
  const auto quality = [](const std::string& now, std::int64_t at_s) {
    return change("message_template_quality_update",
                  R"({"previous_quality_score":"GREEN","new_quality_score":")" + now +
                      R"(","message_template_name":"t","message_template_language":"en_US"})",
                  at_s);
  };
  deliver(s, quality("YELLOW", now_s));
  EXPECT_EQ(state(s), campaign_state::sending);
  deliver(s, quality("RED", now_s + 1));
  EXPECT_EQ(state(s), campaign_state::paused);
  deliver(s, quality("YELLOW", now_s + 2));
  EXPECT_EQ(state(s), campaign_state::sending);
}

TEST(brakes, a_flagged_number_concerns_its_own_campaigns_once_it_is_known_which_it_is) {
  sending_store s(1);
  const auto flagged = [](const std::string& display, const std::string& event, std::int64_t at_s) {
    return change("phone_number_quality_update",
                  R"({"display_phone_number":")" + display + R"(","event":")" + event + R"("})", at_s);
  };
  // From any webhook of messages: which id is shown as which number.
  deliver(s, change("messages", R"({"metadata":{"display_phone_number":"4930","phone_number_id":"9"},"statuses":[]})"));
  EXPECT_TRUE(deliver(s, flagged("4930", "FLAGGED", now_s)).paused.empty());
  EXPECT_EQ(deliver(s, flagged("4931", "FLAGGED", now_s)).paused.size(), 1u) << "it may be ours";
  EXPECT_EQ(deliver(s, flagged("4931", "UNFLAGGED", now_s + 5)).resumed.size(), 1u);
}

TEST(brakes, a_restriction_ends_at_its_time_and_all_causes_must_end) {
  sending_store s(1);
  deliver(s, change("account_update", R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":)"
                                      R"("RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":)" +
                                          std::to_string(now_s + 3600) + "}]}"));
  EXPECT_EQ(state(s), campaign_state::paused);
  deliver(s, template_event("PAUSED"));
  EXPECT_TRUE(store::release_due_brakes(s.db(), noon_ms + 3'599'999).empty());
  EXPECT_TRUE(store::release_due_brakes(s.db(), noon_ms + 3'600'000).empty()) << "the template is still paused";
  EXPECT_EQ(deliver(s, template_event("APPROVED", now_s + 1)).resumed.size(), 1u);
  EXPECT_EQ(state(s), campaign_state::sending);
}

TEST(brakes, a_disabled_account_goes_on_when_it_is_reinstated) {
  sending_store s(1);
  deliver(s, change("account_update", R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}})"));
  EXPECT_EQ(reason(s),
            "the provider disabled the business account 1029; sending goes on by itself when it is reinstated");
  deliver(s, change("account_update", R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}})",
                    now_s + 1));
  EXPECT_EQ(state(s), campaign_state::sending);
}

TEST(provider_words, that_are_not_known_are_kept_and_change_nothing) {
  sending_store s(1);
  for (const char* value : {R"({"event":"NEW","x":[1,{"y":null}]})", R"({})"}) {
    EXPECT_TRUE(deliver(s, change("something_new", value)).replies);
  }
  EXPECT_EQ(state(s), campaign_state::sending);
  EXPECT_EQ(table(s.db(), "SELECT payload ->> 'field', payload ->> 'value' FROM events WHERE kind = 6 ORDER BY id"),
            "something_new|{\"event\":\"NEW\",\"x\":[1,{\"y\":null}]} something_new|{} ");
}

TEST(provider_words, become_the_state_of_fetched_templates) {
  sending_store s(1);
  s.db().run(
      "INSERT INTO provider_templates(account, name, language, provider_id, status, category, quality, "
      "parameter_format, rejected_reason, template, fetched_at_ms) VALUES ('1029', 't', 'en_US', '7', 'APPROVED', "
      "'UTILITY', 'GREEN', 'POSITIONAL', '', ?1, 1)",
      s.content);
  const auto now = [&] { return table(s.db(), "SELECT status, quality, category, gone FROM provider_templates"); };
  deliver(s, template_event("PAUSED"));
  EXPECT_EQ(now(), "PAUSED|GREEN|UTILITY|0 ");
  deliver(s, template_event("REINSTATED", now_s + 1));
  EXPECT_EQ(now(), "APPROVED|GREEN|UTILITY|0 ");
  deliver(s, template_event("DELETED", now_s + 2));
  EXPECT_EQ(now(), "DELETED|GREEN|UTILITY|1 ");
}

std::string number_event(const std::string& event, std::int64_t at_s) {
  return change("phone_number_quality_update", R"({"display_phone_number":"4931","event":")" + event + R"("})", at_s);
}
std::string restriction(const std::string& type, std::int64_t until_s, std::int64_t at_s) {
  return change("account_update",
                R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":")" + type +
                    R"(","expiration":)" + std::to_string(until_s) + "}]}",
                at_s);
}
std::string ban(const std::string& state, std::int64_t at_s) {
  return change("account_update", R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":")" + state + R"("}})",
                at_s);
}
void fetched(sending_store& s, const std::string& status) {
  s.db().exec("UPDATE templates SET fetched = 1");
  s.db().exec("UPDATE senders SET business_account_id = '1029'");
  s.db().run(
      "INSERT INTO provider_templates(account, name, language, provider_id, status, category, quality, "
      "parameter_format, rejected_reason, template, fetched_at_ms) VALUES ('1029', 't', 'en_US', '7', ?2, "
      "'UTILITY', 'GREEN', 'POSITIONAL', '', ?1, 1)",
      s.content, status);
}
void resume(sending_store& s) {
  store::accept_template(s.db(), s.campaign);
  if (state(s) == campaign_state::paused) {
    store::change_state(s.db(), s.campaign, campaign_state::sending, "resume", "", noon_ms + 200'000);
  }
}
channels::listed_template listed(const std::string& body, const std::string& status = "APPROVED") {
  return {.id = "7",
          .name = "t",
          .language = "en_US",
          .status = status,
          .category = "UTILITY",
          .quality = "GREEN",
          .json = R"({"name":"t","language":"en_US","components":[{"type":"BODY","text":")" + body + "\"}]}"};
}

TEST(brakes, a_word_that_holds_nothing_does_not_make_the_one_before_it_look_old) {
  for (const auto& [later, held] : {std::pair(template_event("FLAGGED", now_s + 5), template_event("PAUSED")),
                                    {number_event("THROUGHPUT_UPGRADE", now_s + 5), number_event("FLAGGED", now_s)},
                                    {restriction("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", now_s + 900, now_s + 5),
                                     restriction("RESTRICTED_BIZ_INITIATED_MESSAGING", now_s + 900, now_s)}}) {
    sending_store s(1);
    deliver(s, later);
    EXPECT_EQ(state(s), campaign_state::sending) << later;
    deliver(s, held);
    EXPECT_EQ(state(s), campaign_state::paused) << held;
  }
}

TEST(brakes, words_follow_each_other_by_the_providers_clock_though_ours_is_behind_it) {
  sending_store s(1);
  deliver(s, template_event("APPROVED", now_s + 110), noon_ms + 99'000);
  EXPECT_TRUE(deliver(s, template_event("PAUSED", now_s + 105), noon_ms + 101'000).paused.empty());
  EXPECT_EQ(deliver(s, template_event("PAUSED", now_s + 10'000'000), noon_ms + 102'000).paused.size(), 1u);
  EXPECT_EQ(deliver(s, template_event("APPROVED", now_s + 2 * 86'400), noon_ms + 2 * 86'400'000).resumed.size(), 1u)
      << "nonsense does not outweigh what comes later";
}

TEST(brakes, a_restriction_that_is_told_to_be_over_is_lifted) {
  sending_store s(1);
  deliver(s, restriction("RESTRICTED_BIZ_INITIATED_MESSAGING", now_s + 9000, now_s));
  EXPECT_EQ(state(s), campaign_state::paused);
  EXPECT_EQ(deliver(s, restriction("RESTRICTED_BIZ_INITIATED_MESSAGING", now_s + 5, now_s + 10)).resumed.size(), 1u);
}

TEST(brakes, hold_a_campaign_that_begins_only_then) {
  for (const auto& [held, lifted] : {std::pair(ban("DISABLE", now_s), ban("REINSTATE", now_s + 1)),
                                     {number_event("FLAGGED", now_s), number_event("UNFLAGGED", now_s + 1)},
                                     {template_event("PAUSED"), template_event("APPROVED", now_s + 1)}}) {
    sending_store s(1);
    s.db().exec("UPDATE campaigns SET state = 3");  // starting
    deliver(s, held);
    s.db().exec("UPDATE campaigns SET state = 4");
    inbound::account_events account(s.db(), noon_ms + 100'000);
    EXPECT_EQ(account.stand_by(s.campaign).campaigns, std::vector<std::int64_t>{s.campaign}) << held;
    EXPECT_EQ(state(s), campaign_state::paused);
    EXPECT_EQ(deliver(s, lifted).resumed.size(), 1u) << lifted;
    EXPECT_TRUE(account.stand_by(s.campaign).empty()) << "it is over";
  }
}

TEST(brakes, what_nobody_took_back_for_a_week_holds_no_campaign_that_begins) {
  sending_store s(1);
  s.db().exec("UPDATE campaigns SET state = 3");
  deliver(s, number_event("FLAGGED", now_s));
  s.db().exec("UPDATE campaigns SET state = 4");
  EXPECT_TRUE(inbound::account_events(s.db(), noon_ms + 7 * 86'400'000).stand_by(s.campaign).empty());
}

TEST(accepted_templates, what_a_person_knew_when_they_resumed_does_not_pause_again) {
  sending_store s(1);
  fetched(s, "PAUSED");
  store::change_state(s.db(), s.campaign, campaign_state::paused, "pause", "fetched", noon_ms);
  resume(s);
  EXPECT_TRUE(store::campaigns_to_pause(s.db(), "1029").empty());
  EXPECT_TRUE(deliver(s, template_event("PAUSED")).paused.empty()) << "the fetch had told it already";
  EXPECT_EQ(state(s), campaign_state::sending);
  EXPECT_EQ(deliver(s, template_event("PAUSED", now_s + 5)).paused.size(), 1u) << "once more: its end was not told";
  resume(s);
  deliver(s, template_event("APPROVED", now_s + 10));
  EXPECT_EQ(deliver(s, template_event("PAUSED", now_s + 15)).paused.size(), 1u);
}

TEST(accepted_templates, that_it_is_gone_is_no_change_when_a_notice_tells_what_a_fetch_has_told) {
  sending_store s(1);
  fetched(s, "APPROVED");
  store::mark_gone(s.db(), "1029", noon_ms);
  store::change_state(s.db(), s.campaign, campaign_state::paused, "pause", "fetched", noon_ms);
  resume(s);
  EXPECT_TRUE(deliver(s, template_event("DELETED")).paused.empty());
  EXPECT_EQ(state(s), campaign_state::sending);
}

TEST(accepted_templates, new_words_that_a_person_was_told_of_do_not_pause_when_they_are_fetched_but_others_do) {
  sending_store s(1);
  fetched(s, "APPROVED");
  deliver(s, change("message_template_components_update",
                    R"({"message_template_name":"t","message_template_language":"en_US"})"));
  EXPECT_EQ(state(s), campaign_state::paused);
  EXPECT_THROW(store::check_template(s.db(), "1029", s.content, "c"), store::store_error) << "nobody has read them";
  resume(s);
  EXPECT_EQ(store::keep_template(s.db(), "1029", listed("Bye {{1}}"), noon_ms), store::kept::changed);
  EXPECT_TRUE(store::campaigns_to_pause(s.db(), "1029").empty());
  store::keep_template(s.db(), "1029", listed("Hm {{1}}"), noon_ms + 1);
  EXPECT_EQ(store::campaigns_to_pause(s.db(), "1029").size(), 1u);
  resume(s);
  EXPECT_TRUE(store::campaigns_to_pause(s.db(), "1029").empty());
  store::keep_template(s.db(), "1029", listed("Hm {{1}}", "PAUSED"), noon_ms + 2);
  EXPECT_EQ(store::campaigns_to_pause(s.db(), "1029").size(), 1u);
  resume(s);
  store::mark_gone(s.db(), "1029", noon_ms + 3);
  EXPECT_EQ(store::campaigns_to_pause(s.db(), "1029").size(), 1u);
}

TEST(brakes, a_list_that_shows_the_template_well_again_lifts_what_a_webhook_told_before_it_was_asked_for) {
  sending_store s(1);
  fetched(s, "APPROVED");
  deliver(s, template_event("PAUSED"));
  const auto before = inbound::told_of_templates(s.db(), "1029");
  EXPECT_TRUE(inbound::release_listed(s.db(), "1029", before, noon_ms).empty()) << "it is paused";
  store::keep_template(s.db(), "1029", listed("Hi {{1}}"), noon_ms);
  EXPECT_EQ(inbound::release_listed(s.db(), "1029", before, noon_ms).campaigns.size(), 1u);
  EXPECT_EQ(state(s), campaign_state::sending);

  deliver(s, template_event("PAUSED", now_s + 5));  // while the list was on its way
  EXPECT_EQ(inbound::told_since(s.db(), "1029", before, "t", "en_US").status, "PAUSED");
  EXPECT_EQ(inbound::told_since(s.db(), "1029", inbound::told_of_templates(s.db(), "1029"), "t", "en_US").status, "");
  store::keep_template(s.db(), "1029", listed("Hi {{1}}"), noon_ms + 1);
  EXPECT_TRUE(inbound::release_listed(s.db(), "1029", before, noon_ms).empty()) << "it says what was before";
}

}  // namespace
}  // namespace bulkmsg::testing
