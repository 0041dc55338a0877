#include "bulkmsg/channels/whatsapp_webhook_json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bulkmsg::channels {
namespace {

struct collector {
  std::vector<std::string> seen;
  static std::string s(std::string_view text) { return std::string(text); }
  void receipt(const channels::receipt& r) {
    seen.push_back("receipt " + s(r.phone_number_id) + ' ' + s(r.message_id) + ' ' +
                   std::to_string(static_cast<int>(r.status)) + ' ' + std::to_string(r.timestamp_unix_s) + ' ' +
                   s(r.recipient_id) + ' ' + s(r.callback) + ' ' + s(r.participant) + ' ' +
                   std::to_string(r.error_code) + ' ' + s(r.error_title) + ' ' + s(r.pricing_category));
  }
  void reply(const channels::reply& r) {
    seen.push_back("reply " + s(r.id) + ' ' + s(r.from) + ' ' + std::to_string(r.timestamp_unix_s) + ' ' + s(r.type) +
                   " <" + s(r.text) + "> <" + s(r.payload) + "> <" + s(r.context_id) + "> " + s(r.profile_name));
  }
  void other(std::string_view field, std::string_view json) { seen.push_back("other " + s(field) + ' ' + s(json)); }
};

struct rich_collector : collector {
  void preference(const channels::preference& p) { seen.push_back("preference " + s(p.wa_id) + ' ' + s(p.value)); }
  void template_changed(const template_change& c) {
    seen.push_back("template " + s(c.name) + ' ' + s(c.language) + ' ' + s(c.event));
  }
};

std::string change(std::string_view value, std::string_view field = "messages") {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"W","changes":[{"field":")" + std::string(field) +
         R"(","value":)" + std::string(value) + "}]}]}";
}

template <class Sink = collector>
std::vector<std::string> seen(std::string_view body) {
  webhook_parser parser;
  Sink sink;
  const auto done = parser.parse(body, sink);
  if (!done) return {"error " + std::string(name(done.error().code))};
  return sink.seen;
}

using lines = std::vector<std::string>;

TEST(webhook, reads_receipts_whatever_the_order_of_their_fields) {
  std::vector<std::string> fields = {R"("id":"wamid.1")",
                                     R"("status":"delivered")",
                                     R"("timestamp":"1750030073")",
                                     R"("recipient_id":"16505551234")",
                                     R"("biz_opaque_callback_data":"b1.1.1.1.1.1")",
                                     R"("pricing":{"billable":true,"category":"marketing"})"};
  std::sort(fields.begin(), fields.end());
  do {
    std::string object;
    for (const auto& field : fields) object += (object.empty() ? "{" : ",") + field;
    ASSERT_EQ(seen(change(R"({"statuses":[)" + object + R"(}],"metadata":{"phone_number_id":"106"}})")),
              (lines{"receipt 106 wamid.1 3 1750030073 16505551234 b1.1.1.1.1.1  0  marketing"}));
  } while (std::next_permutation(fields.begin(), fields.end()));
}

TEST(webhook, failed_receipts_carry_the_error) {
  EXPECT_EQ(seen(change(R"({"statuses":[{"id":"w","status":"failed","timestamp":5,"recipient_participant_id":"p",
      "errors":[{"code":131049,"title":"No","message":"m","error_data":{"details":"d"}}]}]})")),
            (lines{"receipt  w 2 5   p 131049 No "}));
}

TEST(webhook, statuses_this_version_does_not_know_are_other) {
  EXPECT_EQ(seen(change(R"({"statuses":[{"id":"w","status":"warning"}]})")), (lines{"receipt  w 0 0    0  "}));
}

TEST(webhook, reads_replies_of_each_type) {
  const auto one = [](std::string_view rest) {
    return seen(change(
        R"({"contacts":[{"profile":{"name":"Ana"},"wa_id":"1555"}],"messages":[{"from":"1555","id":"w","timestamp":"7",)" +
        std::string(rest) + "}]}"));
  };
  EXPECT_EQ(one(R"("type":"text","text":{"body":"Hi \u00e4"},"context":{"from":"1","id":"wamid.9"})"),
            (lines{"reply w 1555 7 text <Hi \xc3\xa4> <> <wamid.9> Ana"}));
  EXPECT_EQ(one(R"("type":"button","button":{"payload":"p","text":"Stop"})"),
            (lines{"reply w 1555 7 button <Stop> <p> <> Ana"}));
  EXPECT_EQ(one(R"("type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"i","title":"t"}})"),
            (lines{"reply w 1555 7 interactive <t> <i> <> Ana"}));
  EXPECT_EQ(one(R"("type":"image","image":{"id":"5","caption":"c"})"), (lines{"reply w 1555 7 image <c> <> <> Ana"}));
  EXPECT_EQ(one(R"("type":"reaction","reaction":{"message_id":"wamid.9","emoji":"x"})"),
            (lines{"reply w 1555 7 reaction <x> <> <wamid.9> Ana"}));
  EXPECT_EQ(one(R"("type":"unsupported","errors":[{"code":131051}])"),
            (lines{"reply w 1555 7 unsupported <> <> <> Ana"}));
}

TEST(webhook, loops_over_every_entry_change_and_element) {
  const std::string status = R"({"id":"a","status":"sent"},{"id":"b","status":"read"})";
  const std::string one = R"({"field":"messages","value":{"statuses":[)" + status + "]}}";
  const std::string body = R"({"entry":[{"changes":[)" + one + ',' + one + R"(]},{"changes":[)" + one + "]}]}";
  webhook_parser parser;
  collector sink;
  const auto done = parser.parse(body, sink);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->receipts, 6u);
  EXPECT_EQ(sink.seen.size(), 6u);
}

TEST(webhook, other_fields_are_handed_on_as_json) {
  const std::string body =
      change(R"({ "event" : "PAUSED", "message_template_name":"n","message_template_language":"en_US" })",
             "message_template_status_update");
  EXPECT_EQ(
      seen(body),
      (lines{
          R"(other message_template_status_update {"event":"PAUSED","message_template_name":"n","message_template_language":"en_US"})"}));
  EXPECT_EQ(seen<rich_collector>(body), (lines{"template n en_US PAUSED"}));
  const std::string stop =
      change(R"({"user_preferences":[{"wa_id":"1555","value":"stop","timestamp":7}]})", "user_preferences");
  EXPECT_EQ(seen<rich_collector>(stop), (lines{"preference 1555 stop"}));
  EXPECT_EQ(seen(stop).size(), 1u);
  EXPECT_EQ(seen(change(R"({"errors":[{"code":1}]})")), (lines{R"(other messages {"errors":[{"code":1}]})"}));
}

TEST(webhook, elements_without_an_id_are_skipped_and_counted) {
  webhook_parser parser;
  collector sink;
  const auto done = parser.parse(
      R"({"entry":[7,{"changes":[7,{"value":7},{"value":{"statuses":[7,{},{"id":7}],"messages":[[],{"id":""}]}}]}]})",
      sink);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->skipped, 8u);
  EXPECT_TRUE(sink.seen.empty());
}

TEST(webhook, what_is_no_webhook_is_refused_before_the_sink_is_called) {
  for (const std::string_view body :
       {"", "x", "[]", "{}", R"({"entry":{}})", R"({"entry":[{"changes":[{"value":{"statuses":[{"id":"w"}]}}]})",
        "{\"entry\":[\"\xff\"]}"}) {
    EXPECT_EQ(seen(body), (lines{"error json_malformed"})) << body;
  }
  EXPECT_EQ(seen(std::string(webhook_bytes_max + 1, ' ')), (lines{"error too_large"}));
  EXPECT_EQ(seen(std::string(100'000, '[')), (lines{"error json_malformed"}));
}

// Words that were cut within an emoji, and numbers beyond 64 bits, are JSON that simdjson refuses as a whole.
TEST(webhook, what_cannot_be_kept_costs_nothing_that_stands_beside_it) {
  const auto with = [](const std::string& words, const std::string& number) {
    return seen(change(R"({"statuses":[{"id":"w","status":"read","n":)" + number +
                       R"(}],"messages":[{"id":"r","from":"1","type":"text","text":{"body":")" + words + R"("}}]})"));
  };
  const auto told = [](const std::string& words) {
    return lines{"receipt  w 4 0    0  ", "reply r 1 0 text <" + words + "> <> <> "};
  };
  const std::string half = "\xef\xbf\xbd", whole = "\xf0\x9f\x98\x80";  // U+FFFD, U+1F600
  EXPECT_EQ(with("hi", "1"), told("hi"));
  EXPECT_EQ(with(R"(hi \ud83d)", "1"), told("hi " + half));
  EXPECT_EQ(with(R"(\ud83d!\ude00)", "1"), told(half + "!" + half));
  EXPECT_EQ(with(R"(\ud83d\ud83d\ude00\ude00)", "1"), told(half + whole + half));
  EXPECT_EQ(with(R"(\\\ud83d\\ud83d\"1e999)", "1"), told("\\" + half + "\\ud83d\"1e999"));
  for (const char* number : {"1e999", "-1e999", "123456789012345678901234567890", "-123456789012345678901234567890"}) {
    EXPECT_EQ(with(R"(hi \ude00)", number), told("hi " + half)) << number;
  }
  for (const char* no_json : {R"(\ud83)", R"(\u)", R"(\x)"})
    EXPECT_EQ(with(no_json, "1"), (lines{"error json_malformed"}));
  for (const char* no_number : {"1-2", "--1", "01", "+1", "1e", ".5"}) {
    EXPECT_EQ(with("hi", no_number), (lines{"error json_malformed"})) << no_number;
  }
}

TEST(webhook, truncation_anywhere_delivers_nothing) {
  const std::string body = change(R"({"statuses":[{"id":"w","status":"sent"}]})");
  for (std::size_t size = 0; size < body.size(); ++size)
    ASSERT_EQ(seen(body.substr(0, size)).front(), "error json_malformed");
}

}  // namespace
}  // namespace bulkmsg::channels
