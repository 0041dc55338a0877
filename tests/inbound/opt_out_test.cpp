// Who wants no more messages: words, buttons, the platform, and the provider's refusal; the sources kept apart.
#include "bulkmsg/inbound/opt_out_words.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "inbound/merge.hpp"
#include "store/opt_outs.hpp"
#include "store/suppressions.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using enum message_state;
using inbound::opt_out_words;

void deliver(scratch_store& s, const std::string& body, std::int64_t now_ms = noon_ms) {
  inbound::append(s.db(), body, now_ms);
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, now_ms));
}
const std::string digits = "15551000002", number = "+15551000002";  // of message 0

std::string preference(const std::string& value, std::int64_t at_s, const std::string& who) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","time":1800000000,"changes":[{"field":)"
         R"("user_preferences","value":{"messaging_product":"whatsapp","user_preferences":[{)" +
         who + R"(,"detail":"x","category":"marketing_messages","value":")" + value + R"(","timestamp":)" +
         std::to_string(at_s) + "}]}}]}]}";
}
const std::string by_number = R"("wa_id":"15551000002")";
std::string entries(scratch_store& s) {
  return table(s.db(), "SELECT source, scope FROM suppressions ORDER BY source");
}

TEST(opt_out_words, a_whole_message_in_any_case_with_any_punctuation) {
  const auto words = opt_out_words::parse("");
  ASSERT_TRUE(words);
  for (const char* asked : {"STOP", "stop", " Stop! ", "\xe2\x9b\x94 STOP", "Unsubscribe.", "BAJA", "baja",
                            "Arr\xc3\x8at", "ABMELDEN", "\xd0\xa1\xd0\xa2\xd0\x9e\xd0\x9f", "\xe9\x80\x80\xe8\xae\xa2",
                            "opt-out", "OPT_OUT", "no m\xc3\xa1s mensajes"}) {
    EXPECT_EQ(words->asked_by(asked), consent_scope::all) << asked;
  }
  EXPECT_EQ(words->asked_by("Stop promotions"), consent_scope::marketing);
  EXPECT_EQ(words->asked_by("STOP_PROMOTIONS"), consent_scope::marketing);
  for (const char* other : {"", "!", "please don't stop", "stop by tomorrow", "nonstop", "where is the bus stop?"}) {
    EXPECT_FALSE(words->asked_by(other)) << other;
  }
  EXPECT_FALSE(words->asked_by("stop" + std::string(1000, ' ')));
}

TEST(opt_out_words, are_as_configured) {
  const auto words = opt_out_words::parse("Fertig, keine Werbung=marketing, genug = all");
  ASSERT_TRUE(words);
  EXPECT_EQ(words->asked_by("FERTIG"), consent_scope::all);
  EXPECT_EQ(words->asked_by("Keine Werbung!"), consent_scope::marketing);
  EXPECT_EQ(words->asked_by("genug"), consent_scope::all);
  EXPECT_FALSE(words->asked_by("stop"));
  EXPECT_FALSE(opt_out_words::parse("-")->asked_by("stop"));
  for (const char* bad : {",", "stop,,", "stop=never", "!!!"}) {
    const auto refused = opt_out_words::parse(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, errc::bad_option_value);
  }
  EXPECT_FALSE(opt_out_words::parse(std::string(inbound::opt_out_words_bytes_max + 1, 'x')));
}

TEST(opt_outs, a_word_bars_from_everything_and_is_told_once) {
  sending_store s(1);
  deliver(s, reply_webhook("in.1", digits, "Stop!"));
  deliver(s, reply_webhook("in.1", digits, "Stop!"));
  deliver(s, reply_webhook("in.2", digits, "STOP"));
  EXPECT_EQ(entries(s), "2|2 ");
  EXPECT_EQ(store::screen(s.db(), s.campaign, {}).check(number, 0), errc::recipient_suppressed);
  EXPECT_EQ(table(s.db(), "SELECT state, payload ->> 'address', payload ->> 'source' FROM events WHERE kind = 5"),
            "1|+15551000002|stop_word ");
  EXPECT_EQ(table(s.db(), "SELECT payload ->> 'opt_out' FROM events WHERE kind = 2"), "1 1 ");
}

TEST(opt_outs, the_senders_own_words_replace_the_usual_ones) {
  sending_store s(1);
  s.db().exec("UPDATE senders SET opt_out_words = 'genug=marketing'");
  deliver(s, reply_webhook("in.1", digits, "stop"));
  EXPECT_EQ(entries(s), "");
  deliver(s, reply_webhook("in.2", digits, "GENUG"));
  EXPECT_EQ(entries(s), "2|1 ");
}

TEST(opt_outs, a_button_asks_for_it_by_its_payload) {
  sending_store s(1);
  s.db().exec("UPDATE senders SET opt_out_words = 'OPTOUT_7'");
  deliver(s, envelope(R"("messages":[{"id":"in.1","from":"15551000002","timestamp":"1800000000","type":"button",)"
                      R"("button":{"payload":"OPTOUT_7","text":"No thanks"}}])"));
  EXPECT_EQ(entries(s), "2|2 ");
}

TEST(opt_outs, another_spelling_of_the_number_is_barred_too) {
  sending_store s(1);
  deliver(s, reply_webhook("in.1", "551187654321", "sair"));  // the provider leaves out Brazil's ninth digit
  EXPECT_EQ(store::screen(s.db(), s.campaign, {}).check("+5511987654321", 0), errc::recipient_suppressed);
}

TEST(opt_outs, the_platforms_stop_and_resume_give_one_result_in_any_order) {
  std::vector<std::pair<std::string, std::int64_t>> told = {
      {"stop", 1'800'000'001}, {"resume", 1'800'000'002}, {"stop", 1'800'000'003}, {"resume", 1'800'000'004}};
  for (std::size_t last = 1; last <= told.size(); ++last) {
    std::vector<std::size_t> order(last * 2);  // each of them twice
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i / 2;
    sending_store s(1);
    do {
      s.db().exec("SAVEPOINT one");
      for (const auto i : order) deliver(s, preference(told[i].first, told[i].second, by_number), noon_ms + 10'000);
      ASSERT_EQ(entries(s), told[last - 1].first == "stop" ? "3|1 " : "") << last;
      s.db().exec("ROLLBACK TO one");
      s.db().exec("RELEASE one");
    } while (std::next_permutation(order.begin(), order.end()) && last < 4);
  }
}

// One wrong clock must not make them deaf to what is said from now on.
TEST(opt_outs, a_word_from_the_future_does_not_outweigh_those_that_follow) {
  constexpr std::int64_t far_s = 9'000'000'000, now_s = noon_ms / 1000;
  sending_store s(1);
  deliver(s, preference("resume", far_s, by_number));
  deliver(s, preference("stop", now_s + 300, by_number), noon_ms + 300'000);
  EXPECT_EQ(entries(s), "3|1 ");
  deliver(s, preference("stop", far_s, by_number), noon_ms + 400'000);
  deliver(s, preference("resume", now_s + 900, by_number), noon_ms + 900'000);
  EXPECT_EQ(entries(s), "");
}

TEST(opt_outs, words_follow_each_other_by_the_providers_clock_though_ours_is_behind_it) {
  constexpr std::int64_t now_s = noon_ms / 1000;
  sending_store s(1);
  deliver(s, preference("stop", now_s + 700, by_number), noon_ms + 100'000);
  deliver(s, preference("resume", now_s + 600, by_number), noon_ms + 200'000);
  EXPECT_EQ(entries(s), "3|1 ");
  deliver(s, preference("resume", now_s + 800, by_number), noon_ms + 200'000);
  EXPECT_EQ(entries(s), "");
}

TEST(opt_outs, a_resume_leaves_what_the_person_wrote_and_what_the_sender_keeps) {
  sending_store s(1);
  deliver(s, reply_webhook("in.1", digits, "stop"));
  store::suppress(s.db(), number, {.source = suppression_source::own_list}, noon_ms);
  deliver(s, preference("stop", 1'800'000'001, by_number), noon_ms + 10'000);
  EXPECT_EQ(entries(s), "1|2 2|2 3|1 ");
  deliver(s, preference("resume", 1'800'000'002, by_number), noon_ms + 10'000);
  EXPECT_EQ(entries(s), "1|2 2|2 ");
  EXPECT_EQ(table(s.db(), "SELECT state FROM events WHERE kind = 5 ORDER BY id"), "1 1 0 ");
}

TEST(opt_outs, a_user_id_is_the_person_whose_number_came_with_it) {
  sending_store s(1);
  deliver(s, preference("stop", 1'800'000'001, by_number + R"(,"user_id":"US.134")"), noon_ms + 10'000);
  EXPECT_EQ(store::screen(s.db(), s.campaign, {.marketing = true}).check("user:US.134", 0), errc::recipient_suppressed);
  deliver(s, preference("resume", 1'800'000'002, R"("user_id":"US.134")"), noon_ms + 10'000);
  EXPECT_EQ(store::screen(s.db(), s.campaign, {.marketing = true}).check(number, 0), errc::ok);
}

TEST(opt_outs, another_preference_is_told_and_changes_nothing) {
  sending_store s(1);
  deliver(s, preference("signup", 1'800'000'001, by_number));
  EXPECT_EQ(entries(s), "");
  EXPECT_EQ(table(s.db(), "SELECT payload ->> 'field', payload ->> '$.value.value' FROM events WHERE kind = 6"),
            "user_preferences|signup ");
}

TEST(opt_outs, a_refusal_with_131050_suppresses_marketing_as_the_providers_error) {
  sending_store s(1);
  s.open(1);
  store::outcomes batch;
  batch.add({.id = s.message(0), .state = refused, .code = 131050, .at_ms = noon_ms}, "", "stopped");
  store::settle(s.db(), s.campaign, batch, noon_ms);
  EXPECT_EQ(entries(s), "4|1 ");
  EXPECT_EQ(table(s.db(), "SELECT campaign, payload ->> 'source' FROM events WHERE kind = 5"), "1|provider_error ");
  deliver(s, preference("resume", noon_ms / 1000 + 5, by_number), noon_ms + 10'000);
  EXPECT_EQ(entries(s), "");
}

TEST(opt_outs, a_receipt_with_131050_does_so_too_and_not_again_after_a_resume) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted, "wamid.0");
  const auto failed = webhook({receipt(s, 0, "failed").at(1'800'000'001).because(131050)});
  deliver(s, failed, noon_ms + 10'000);
  EXPECT_EQ(entries(s), "4|1 ");
  deliver(s, preference("resume", 1'800'000'002, by_number), noon_ms + 10'000);
  deliver(s, failed, noon_ms + 20'000);
  EXPECT_EQ(entries(s), "");
  s.expect_accounted_for();
}

TEST(opt_outs, count_for_messages_of_a_running_campaign_that_are_not_taken_up_yet) {
  sending_store s(4);
  EXPECT_EQ(s.open(1).size(), 1u);
  deliver(s, reply_webhook("in.1", "15551000003", "stop"));  // of message 1
  EXPECT_EQ(s.open(3), (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(s.row(1).state, skipped);
  s.expect_accounted_for();
}

TEST(identities, a_person_has_at_most_sixteen_names) {
  scratch_store s;
  const auto name = [](int i) { return "user:US." + std::to_string(i); };
  for (int i = 0; i < 40; ++i) store::link_identities(s.db(), number, name(i), noon_ms);
  const auto person = store::person_of(s.db(), number);
  int known = 0;
  for (int i = 0; i < 40; ++i) known += store::person_of(s.db(), name(i)) == person;
  EXPECT_EQ(known, 16);
  EXPECT_EQ(store::person_of(s.db(), name(15)), person);
  EXPECT_NE(store::person_of(s.db(), name(16)), person);
  // Nor does somebody with few names take one over who has all of theirs.
  store::link_identities(s.db(), "+15551000777", name(3), noon_ms);
  EXPECT_NE(store::person_of(s.db(), "+15551000777"), person);
  store::link_identities(s.db(), "+15551000777", name(30), noon_ms);
  EXPECT_EQ(store::person_of(s.db(), "+15551000777"), store::person_of(s.db(), name(30)));
}

}  // namespace
}  // namespace bulkmsg::testing
