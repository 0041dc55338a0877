// Who was forgotten stays forgotten, whatever comes back of their messages afterwards; what they say still holds.
#include "store/forgotten.hpp"

#include <gtest/gtest.h>

#include "inbound/merge.hpp"
#include "store/group_receipts.hpp"
#include "store/privacy.hpp"
#include "store/retention.hpp"
#include "store/suppressions.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using enum message_state;

constexpr std::int64_t later_ms = noon_ms + 10'000;
const std::string who = "+15551000002";  // of message 0

void deliver(scratch_store& s, const std::string& body) {
  inbound::append(s.db(), body, later_ms);
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, later_ms));
}
// As engine::forget does it.
void forget(scratch_store& s, const std::string& address = who) {
  auto& db = s.db();
  const auto person = store::who_is(db, address);
  forget_report report;
  store::forget_person(db, person, noon_ms + 5, report);
  static_cast<void>(store::forget_in_groups(db, person, 0));
  static_cast<void>(store::forget_in_parked(db, person, 0));
  std::int64_t from = 0;
  for (const auto& row : store::find_recipients(db, person, from)) store::forget_recipient(db, row, noon_ms + 5);
}
void expire(sending_store& s) {
  s.db().run("UPDATE campaigns SET state = 6, finished_at_ms = 1 WHERE id = ?1", s.campaign);
  while (!store::expire_more(s.db(), s.campaign, noon_ms + 5)) continue;
}
std::string words(scratch_store& s) {
  return table(s.db(), "SELECT state, provider_id, detail, receipt FROM messages ORDER BY id");
}
std::string participants(scratch_store& s) {
  return table(s.db(), "SELECT participant, receipt FROM group_receipts ORDER BY 1");
}

TEST(forgotten, a_late_receipt_counts_and_brings_no_words_back) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted, "wamid.0");
  forget(s);
  ASSERT_EQ(words(s), "2|-|-|0 ");
  deliver(s, webhook({receipt(s, 0, "delivered")}));
  EXPECT_EQ(words(s), "2|-|-|3 ");
  deliver(s, webhook({receipt(s, 0, "failed").because(131026, "+1 555 1000002 is not reachable")}));
  EXPECT_EQ(words(s), "2|-|-|3 ");
  EXPECT_EQ(s.row(0).code, 131026);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM to_index"), 0);
  s.expect_accounted_for();
}

TEST(forgotten, an_expired_campaign_takes_late_receipts_without_their_words) {
  sending_store s(2);
  s.open(2);
  s.settle(0, accepted, "wamid.0");
  s.settle(1, accepted, "wamid.1");
  deliver(s, webhook({receipt(s, 1, "delivered").of("15557")}));
  expire(s);
  deliver(s, webhook({receipt(s, 0, "read"), receipt(s, 1, "read").of("15557")}));
  EXPECT_EQ(words(s), "2|-|-|4 2|-|-|4 ");
  EXPECT_EQ(participants(s), "");
}

TEST(forgotten, a_receipt_that_settles_what_was_unconfirmed_brings_no_words) {
  sending_store s(1);
  s.open(1);
  s.settle(0, unconfirmed);
  forget(s);
  deliver(s, webhook({receipt(s, 0, "sent")}));
  EXPECT_EQ(words(s), "2|-|-|1 ");
  s.expect_accounted_for();
}

TEST(forgotten, an_answer_that_was_on_its_way_brings_no_words) {
  sending_store s(3);
  s.open(3);
  forget(s);
  forget(s, "+15551000003");
  s.settle(0, accepted, "wamid.0");
  s.settle(1, refused);
  s.settle(2, accepted, "wamid.2");
  EXPECT_EQ(words(s), "2|-|-|0 3|-|-|0 2|wamid.2|-|0 ");
  s.expect_accounted_for();
}

TEST(forgotten, a_receipt_before_the_answer_brings_no_words_either) {
  sending_store s(1);
  s.open(1);
  forget(s);
  deliver(s, webhook({receipt(s, 0, "delivered")}));
  s.settle(0, accepted, "wamid.0");
  EXPECT_EQ(words(s), "2|-|-|3 ");
  s.expect_accounted_for();
}

TEST(forgotten, a_receipt_before_they_were_and_the_answer_after_bring_no_words) {
  sending_store s(1);
  s.open(1);
  deliver(s, webhook({receipt(s, 0, "delivered")}));
  forget(s);
  s.settle(0, accepted, "wamid.0");
  EXPECT_EQ(words(s), "2|-|-|3 ");
  s.expect_accounted_for();
}

TEST(forgotten, a_participant_of_a_group_does_not_come_back_with_the_next_receipt) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted, "wamid.0");
  deliver(s, webhook({receipt(s, 0, "delivered").of("15557000001"), receipt(s, 0, "delivered").of("15557000002")}));
  forget(s, "+15557000001");
  deliver(s, webhook({receipt(s, 0, "read").of("15557000001"), receipt(s, 0, "read").of("15557000002")}));
  const auto stands = store::forgotten_address(s.db(), store::person_key("+15557000001"));
  EXPECT_EQ(participants(s), "15557000002|4 " + stands + "|4 ");
}

TEST(forgotten, a_participant_of_a_group_does_not_come_back_with_the_first_receipt_for_another_message) {
  sending_store s(2);
  s.open(2);
  s.settle(0, accepted, "wamid.0");
  s.settle(1, accepted, "wamid.1");
  store::link_identities(s.db(), "+15557000001", "user:US.1", noon_ms);
  forget(s, "+15557000001");
  deliver(s, webhook({receipt(s, 0, "delivered").of("15557000001"), receipt(s, 0, "delivered").of("15557000002"),
                      receipt(s, 1, "read").of("US.1")}));
  const auto stands = [&](const char* name) { return store::forgotten_address(s.db(), store::person_key(name)); };
  EXPECT_EQ(table(s.db(), "SELECT participant, receipt FROM group_receipts ORDER BY message, participant"),
            "15557000002|3 " + stands("+15557000001") + "|3 " + stands("user:US.1") + "|4 ");
}

// They said no more marketing; that they were forgotten meanwhile is no reason to write to them again.
TEST(forgotten, a_stop_at_the_platform_bars_them_still) {
  for (const bool by_receipt : {true, false}) {
    sending_store s(1);
    s.open(1);
    if (by_receipt) s.settle(0, accepted, "wamid.0");
    forget(s);
    if (by_receipt) {
      deliver(s, webhook({receipt(s, 0, "failed").because(131050)}));
    } else {
      store::outcomes batch;
      batch.add({.id = s.message(0), .state = refused, .code = 131050, .at_ms = noon_ms}, "", "stopped");
      store::settle(s.db(), s.campaign, batch, noon_ms);
    }
    const auto next = s.draft("next");
    store::screen screened(s.db(), next, {.marketing = true, .needs_consent = false});
    EXPECT_EQ(screened.check(who, 0), errc::recipient_suppressed) << by_receipt;
    EXPECT_EQ(screened.check("+15551000003", 0), errc::ok);
  }
}

bool barred(sending_store& s) {
  store::screen screened(s.db(), s.draft("next"), {.marketing = true, .needs_consent = false});
  return screened.check(who, 0) == errc::recipient_suppressed;
}

TEST(forgotten, a_stop_at_the_platform_bars_them_when_their_campaign_is_expired) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted, "wamid.0");
  expire(s);
  deliver(s, webhook({receipt(s, 0, "failed").because(131050)}));
  EXPECT_TRUE(barred(s));
  EXPECT_EQ(s.db().number("SELECT forgotten FROM store"), 0) << "nobody asked for that";
}

// Whether they were forgotten before, between or after: the latest word by the platform's clock holds.
TEST(forgotten, an_older_resume_that_comes_late_does_not_lift_their_stop_nor_an_older_stop_their_resume) {
  constexpr std::int64_t now_s = noon_ms / 1000;
  const auto preference = [](const std::string& value, std::int64_t at_s) {
    return R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"user_preferences","value":)"
           R"({"user_preferences":[{"wa_id":"15551000002","category":"marketing_messages","value":")" +
           value + R"(","timestamp":)" + std::to_string(at_s) + "}]}}]}]}";
  };
  for (const bool before : {true, false}) {
    sending_store s(1);
    s.open(1);
    s.settle(0, accepted, "wamid.0");
    if (!before) forget(s);
    deliver(s, webhook({receipt(s, 0, "failed").at(now_s + 5).because(131050)}));
    if (before) forget(s);
    deliver(s, preference("resume", now_s + 2));
    EXPECT_TRUE(barred(s)) << before;
    deliver(s, preference("resume", now_s + 8));
    EXPECT_FALSE(barred(s)) << before;
  }
  sending_store s(1);
  deliver(s, preference("resume", now_s + 8));
  forget(s);
  deliver(s, preference("stop", now_s + 5));
  EXPECT_FALSE(barred(s));
}

TEST(forgotten, another_persons_conversation_does_not_get_the_number_of_theirs) {
  sending_store s(1);
  deliver(s, reply_webhook("in.1", "15551000002", "hello"));
  const auto theirs = count(s.db(), "SELECT conversation FROM replies");
  ASSERT_NE(theirs, 0);
  forget(s);
  deliver(s, reply_webhook("in.2", "15551000003", "hello"));
  EXPECT_NE(count(s.db(), "SELECT conversation FROM replies WHERE provider_id = 'in.2'"), theirs);
}

status_json keyless(const std::string& id) {
  return status_json{"failed", id, "", ""}.because(131026, "+1 555 1000002 is not reachable");
}
std::string parked(scratch_store& s) {
  return table(s.db(), "SELECT provider_id, participant, detail FROM parked ORDER BY id");
}

TEST(forgotten, what_waits_for_its_message_is_forgotten_with_them) {
  sending_store s(1);
  s.open(1);
  s.settle(0, unconfirmed);
  deliver(s, webhook({keyless("wamid.HBgL15551000002"), keyless("wamid.group").of("15557000001")}));
  ASSERT_EQ(count(s.db(), "SELECT count(*) FROM parked WHERE detail <> ''"), 2);
  forget(s);
  forget(s, "+15557000001");
  const auto stands = store::forgotten_address(s.db(), store::person_key("+15557000001"));
  EXPECT_EQ(parked(s), "wamid.group|" + stands + "| ");

  sending_store other(1);
  other.open(1);
  other.settle(0, accepted, "wamid.0");
  other.db().exec(
      "INSERT INTO parked(received_at_ms, provider_id, status, at_ms, code, participant, detail) "
      "VALUES (1, 'wamid.0', 2, 1, 131026, '', 'who knows whose')");
  forget(other);
  EXPECT_EQ(parked(other), "");
}

TEST(forgotten, a_receipt_without_a_key_waits_for_a_minute_and_without_words) {
  sending_store s(1);
  s.open(1);
  s.settle(0, accepted, "wamid.0");
  forget(s);
  forget(s, "+15557000001");
  deliver(s, webhook({keyless("wamid.0"), keyless("wamid.group").of("15557000001")}));
  const auto stands = store::forgotten_address(s.db(), store::person_key("+15557000001"));
  EXPECT_EQ(parked(s), "wamid.0|| wamid.group|" + stands + "| ");
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, later_ms + 60'001));
  EXPECT_EQ(parked(s), "wamid.group|" + stands + "| ") << "its message may come yet";
  EXPECT_EQ(words(s), "2|-|-|0 ");
}

TEST(forgotten, who_is_written_to_again_is_found_by_a_receipt_without_a_key) {
  sending_store s(1);
  s.open(1);
  forget_report report;
  store::forget_person(s.db(), store::who_is(s.db(), who), noon_ms, report);  // before this campaign was made
  deliver(s, webhook({{"delivered", "wamid.0", "", ""}}));
  s.settle(0, accepted, "wamid.0");
  deliver(s, webhook({}));
  EXPECT_EQ(words(s), "2|wamid.0|-|3 ");
}

// Whoever pages through replies remembers the last number.
TEST(forgotten, replies_that_expired_leave_their_numbers_unused) {
  sending_store s(1);
  deliver(s, reply_webhook("in.1", "15551000002", "hello"));
  const auto last = count(s.db(), "SELECT max(id) FROM replies");
  ASSERT_TRUE(store::expire_replies(s.db(), later_ms + 1));
  deliver(s, reply_webhook("in.2", "15551000003", "hello"));
  EXPECT_GT(count(s.db(), "SELECT max(id) FROM replies"), last);
}

}  // namespace
}  // namespace bulkmsg::testing
