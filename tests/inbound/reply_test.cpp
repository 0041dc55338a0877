// What people write: matched with the message it answers, counted once, and told with the broadcast's context.
#include "inbound/replies.hpp"

#include <gtest/gtest.h>

#include "inbound/merge.hpp"
#include "store/scratch_store.hpp"
#include "store/sent_index.hpp"
#include "store/suppressions.hpp"
#include "store/unconfirmed.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using enum message_state;

constexpr std::int64_t day_ms = std::int64_t{24} * 3600 * 1000;

inbound::merge_result merge(scratch_store& s, std::int64_t now_ms = noon_ms, bool idle = false) {
  return inbound::merge(s.db(), scratch_store_id, now_ms, {.idle = idle});
}
void deliver(scratch_store& s, const std::string& body, std::int64_t now_ms = noon_ms) {
  inbound::append(s.db(), body, now_ms);
  while (merge(s, now_ms).more) {
  }
}
// All of the campaign's messages are sent, message n as wamid.n.
void send_all(sending_store& s, int count) {
  s.open(static_cast<std::uint32_t>(count));
  for (int i = 0; i < count; ++i) {
    s.settle(static_cast<std::uint32_t>(i), accepted, "wamid." + std::to_string(i));
  }
  s.close_intent(s.last_claim.intent);
}
// A reply of the recipient of message n; its lines begin at 2.
std::string from(int n) { return "1555" + std::to_string(1'000'002 + n); }
std::string payload(scratch_store& s, const std::string& path, const std::string& id) {
  return ask(s.db(),
             "SELECT payload ->> '" + path + "' FROM events WHERE kind = 2 AND payload ->> 'id' = '" + id + "'");
}
std::string button(const std::string& id, const std::string& words, const std::string& data) {
  return envelope(R"("messages":[{"id":")" + id + R"(","from":")" + from(0) + R"(","timestamp":"1800000000",)" +
                  R"("type":"button","button":{"payload":")" + data + R"(","text":")" + words + R"("}}])");
}

TEST(replies_matched, by_what_they_quote_before_who_wrote) {
  sending_store s(3);
  send_all(s, 3);
  deliver(s, reply_webhook("in.1", from(2), "yes", "wamid.1"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "context");
  EXPECT_EQ(payload(s, "$.message", "in.1"), std::to_string(s.lane) + "/1");
  EXPECT_EQ(s.told().responded, 1);
}

TEST(replies_matched, else_by_the_latest_message_to_who_wrote_within_a_week) {
  sending_store s(3);
  send_all(s, 3);
  deliver(s, reply_webhook("in.1", from(2), "yes"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "latest");
  EXPECT_EQ(payload(s, "$.message", "in.1"), std::to_string(s.lane) + "/2");

  auto late = reply_webhook("in.2", from(1), "late");
  late.replace(late.find("1800000000"), 10, std::to_string((noon_ms + 8 * day_ms) / 1000));
  deliver(s, late, noon_ms + 8 * day_ms);
  EXPECT_EQ(payload(s, "$.matched_by", "in.2"), "");
  EXPECT_EQ(payload(s, "$.broadcast", "in.2"), "");
  EXPECT_EQ(s.told().responded, 1);
}

TEST(replies_matched, not_by_a_message_sent_after_they_were_written_nor_over_another_number) {
  sending_store s(1);
  send_all(s, 1);
  auto early = reply_webhook("in.1", from(0), "before");
  early.replace(early.find("1800000000"), 10, "1799990000");
  deliver(s, early);
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "");
  auto elsewhere = reply_webhook("in.2", from(0), "to another");
  elsewhere.replace(elsewhere.find(R"("phone_number_id":"1")"), 21, R"("phone_number_id":"2")");
  deliver(s, elsewhere);
  EXPECT_EQ(payload(s, "$.matched_by", "in.2"), "");
}

TEST(replies_matched, of_two_campaigns_the_later_one_is_answered) {
  sending_store s(2);
  send_all(s, 2);
  const auto second = s.draft("second", false);
  s.import(second, 2);
  const auto lane = s.start(second);
  store::claim c;
  store::open_range(s.db(), lane, 2, noon_ms, c);
  store::outcomes batch;
  for (std::uint32_t i = 0; i < 2; ++i) {
    batch.add({.id = {lane, i}, .state = accepted, .at_ms = noon_ms + 20'000}, "wamid.b" + std::to_string(i), "");
  }
  store::settle(s.db(), second, batch, noon_ms + 20'001);
  store::close_intent(s.db(), c.intent, noon_ms + 20'001);
  auto body = reply_webhook("in.1", from(0), "which?");
  body.replace(body.find("1800000000"), 10, "1800000060");
  deliver(s, body, noon_ms + 60'000);
  EXPECT_EQ(payload(s, "$.broadcast.broadcast_id", "in.1"), std::to_string(second));
  EXPECT_EQ(payload(s, "$.broadcast.broadcast_name", "in.1"), "second");
}

TEST(replies_matched, responded_counts_a_recipient_once_however_often_they_write) {
  sending_store s(2);
  send_all(s, 2);
  for (const char* id : {"in.1", "in.2", "in.1", "in.3"}) deliver(s, reply_webhook(id, from(0), "and another thing"));
  EXPECT_EQ(s.told().responded, 1);
  deliver(s, reply_webhook("in.4", from(1), "hi"));
  EXPECT_EQ(s.told().responded, 2);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events WHERE kind = 2"), 4);
}

TEST(replies_matched, wait_while_what_they_answer_is_on_the_wire) {
  sending_store s(2);
  s.open(2);  // posted, no answer yet
  deliver(s, reply_webhook("in.1", from(0), "quick", "wamid.0"));
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events WHERE kind = 2"), 0);
  s.settle(0, accepted, "wamid.0");
  s.settle(1, accepted, "wamid.1");
  s.close_intent(s.last_claim.intent);
  merge(s, noon_ms + 250);
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "context");
  EXPECT_EQ(s.told().responded, 1);
}

TEST(replies_matched, though_the_answer_to_an_earlier_message_is_long_in_coming) {
  sending_store s(2);
  s.open(2);
  s.settle(1, accepted, "wamid.1");  // and 0 is on the wire still
  deliver(s, reply_webhook("in.1", from(1), "yes", "wamid.1"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "context");
  s.settle(0, accepted, "wamid.0");
  s.close_intent(s.last_claim.intent);
  deliver(s, reply_webhook("in.2", from(0), "yes", "wamid.0"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.2"), "context");
}

TEST(replies_matched, to_a_message_that_a_person_called_sent) {
  sending_store s(1);
  s.open(1);
  s.settle(0, message_state::unconfirmed, "");
  s.close_intent(s.last_claim.intent);
  merge(s, noon_ms);
  store::resolve(s.db(), s.campaign, {.sent = true, .actor = "ann"}, noon_ms);
  merge(s, noon_ms);
  deliver(s, webhook({receipt(s, 0, "delivered")}));
  deliver(s, reply_webhook("in.1", from(0), "thanks", "wamid.0"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "context");
}

TEST(replies_matched, that_quote_what_nobody_knows_are_told_after_ten_seconds_at_the_latest) {
  sending_store s(3);
  send_all(s, 2);
  s.open(1);  // always something on the wire
  deliver(s, reply_webhook("in.1", from(0), "to an agent of ours", "wamid.elsewhere"));
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM events WHERE kind = 2"), 0);
  merge(s, noon_ms + 10'000);
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "latest");
}

TEST(replies_matched, to_a_message_that_only_a_receipt_settled) {
  sending_store s(2);
  s.open(2);
  deliver(s, webhook({receipt(s, 0, "delivered")}));
  s.settle(1, accepted, "wamid.1");
  s.close_intent(s.last_claim.intent);
  deliver(s, reply_webhook("in.1", from(0), "thanks", "wamid.0"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "context");
}

TEST(replies_matched, to_a_message_that_went_with_a_second_attempt) {
  sending_store s(1);
  s.open(1);
  s.settle(0, retry, "", 1, noon_ms + 5);
  s.close_intent(s.last_claim.intent);
  merge(s, noon_ms, true);  // indexed beyond it
  EXPECT_FALSE(store::sent_to_index(s.db()));
  store::open_retries(s.db(), s.lane, 1, noon_ms + 10, s.last_claim);
  merge(s, noon_ms, true);
  s.settle(0, accepted, "wamid.0", 2);
  deliver(s, reply_webhook("in.1", from(0), "at last", "wamid.0"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "context");
  deliver(s, reply_webhook("in.2", from(0), "without quoting"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.2"), "latest");
}

TEST(replies_told, with_the_broadcast_the_agent_and_the_words_they_answer) {
  sending_store s(1);
  s.db().run("UPDATE campaigns SET agent = 'ana', reply_to = 'support' WHERE id = ?1", s.campaign);
  send_all(s, 1);
  inbound::append(s.db(), button("in.1", "Yes, please", "CONFIRM"), noon_ms);
  inbound::merge(s.db(), scratch_store_id, noon_ms,
                 {.words = [](store::database&, std::int64_t campaign, std::int64_t recipient) {
                   return "words of " + std::to_string(campaign) + " to " + std::to_string(recipient & 0xffffffff);
                 }});
  EXPECT_EQ(payload(s, "$.agent", "in.1"), "support");
  EXPECT_EQ(payload(s, "$.text", "in.1"), "Yes, please");
  EXPECT_EQ(payload(s, "$.payload", "in.1"), "CONFIRM");
  EXPECT_EQ(payload(s, "$.broadcast", "in.1"),
            R"({"broadcast_id":1,"broadcast_name":"c","template_name":"t","template_content":"words of 1 to 0",)"
            R"("sent_at":"2027-01-15T08:00:00Z"})");
  EXPECT_EQ(payload(s, "$.conversation", "in.1"), "new");
  EXPECT_EQ(payload(s, "$.window_closes_at_ms", "in.1"), std::to_string(noon_ms + day_ms));
  deliver(s, reply_webhook("in.2", from(0), "again"), noon_ms + 1000);
  EXPECT_EQ(payload(s, "$.conversation", "in.2"), "resumed");
  EXPECT_EQ(payload(s, "$.conversation_id", "in.2"), payload(s, "$.conversation_id", "in.1"));
}

TEST(replies_told, list_choices_and_media_with_what_is_in_them) {
  sending_store s(1);
  send_all(s, 1);
  deliver(s, envelope(R"("messages":[{"id":"in.1","from":")" + from(0) + R"(","timestamp":"1800000000","type":)" +
                      R"("interactive","context":{"id":"wamid.0"},"interactive":{"type":"list_reply","list_reply":)" +
                      R"({"id":"size-l","title":"Large","description":"for two"}}},{"id":"in.2","from":")" + from(0) +
                      R"(","timestamp":"1800000001","type":"image","image":{"id":"MEDIA1","caption":"this one"}}])"));
  EXPECT_EQ(payload(s, "$.text", "in.1"), "Large");
  EXPECT_EQ(payload(s, "$.payload", "in.1"), "size-l");
  EXPECT_EQ(payload(s, "$.text", "in.2"), "this one");
  EXPECT_EQ(payload(s, "$.raw.image.id", "in.2"), "MEDIA1");
}

TEST(replies_told, in_a_group_they_answer_the_groups_message_and_open_no_window) {
  sending_store s(1);
  s.db().exec("UPDATE recipients SET address = 'group:G1'");
  send_all(s, 1);
  deliver(s, envelope(R"("messages":[{"id":"in.1","from":"15559990001","group_id":"G1","timestamp":"1800000000",)"
                      R"("type":"text","text":{"body":"stop"}}])"));
  EXPECT_EQ(payload(s, "$.matched_by", "in.1"), "latest");
  EXPECT_EQ(store::last_inbound(s.db(), "+15559990001"), 0);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM suppressions"), 0) << "said to the others in the group";
}

TEST(replies_told, a_person_without_a_number_is_known_by_the_message_they_quote) {
  sending_store s(1);
  send_all(s, 1);
  deliver(s, envelope(R"("messages":[{"id":"in.1","from_user_id":"US.134","timestamp":"1800000000","type":"text",)"
                      R"("text":{"body":"STOP"},"context":{"id":"wamid.0"}}])"));
  EXPECT_EQ(store::person_of(s.db(), "user:US.134"), store::person_of(s.db(), "+" + from(0)));
  EXPECT_EQ(store::screen(s.db(), s.campaign, {}).check("+" + from(0), 0), errc::recipient_suppressed);
  EXPECT_EQ(store::last_inbound(s.db(), "+" + from(0)), noon_ms) << "the window is the person's";
}

TEST(service_windows, count_from_when_it_was_written_not_from_when_it_came) {
  sending_store s(1);
  deliver(s, reply_webhook("in.1", from(0), "hello"), noon_ms + day_ms - 1000);
  EXPECT_EQ(store::last_inbound(s.db(), "+" + from(0)), noon_ms);
}

TEST(sent_index, finds_each_of_many_in_whatever_pieces_it_was_filled) {
  sending_store s(3000, 0, false);
  for (int i = 0; i < 3000; i += 500) {
    s.open(500);
    for (int j = i; j < i + 500; ++j) {
      s.settle(static_cast<std::uint32_t>(j), j % 7 == 0 ? refused : accepted, "wamid." + std::to_string(j));
    }
    s.close_intent(s.last_claim.intent);
    store::index_sent(s.db(), 173);
  }
  while (store::index_sent(s.db(), 173)) {
  }
  EXPECT_FALSE(store::sent_to_index(s.db()));
  for (int i = 0; i < 3000; ++i) {
    const auto found = store::find_sent(s.db(), "wamid." + std::to_string(i), 0);
    ASSERT_EQ(found.has_value(), i % 7 != 0) << i;
    EXPECT_TRUE(!found || found->message == s.message(static_cast<std::uint32_t>(i))) << i;
  }
  EXPECT_FALSE(store::find_sent(s.db(), "wamid.unknown", 0));
}

}  // namespace
}  // namespace bulkmsg::testing
