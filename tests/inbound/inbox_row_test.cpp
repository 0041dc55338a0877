#include "inbound/inbox_row.hpp"

#include <gtest/gtest.h>

#include "told_webhooks.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using strings = std::vector<std::string>;

std::string row_of(const strings& bodies) {
  inbound::row_maker maker;
  std::string row;
  for (const auto& b : bodies) maker.add(b, row);
  return row;
}
strings told_by_row(std::string_view row) {
  channels::webhook_parser parser;
  told_webhooks sink;
  inbound::read_row(row, parser, sink);
  return sink.all;
}
strings told_by_parsing(const strings& bodies) {
  channels::webhook_parser parser;
  told_webhooks sink;
  for (const auto& b : bodies) static_cast<void>(parser.parse(b, sink));
  return sink.all;
}

const std::string usual =
    R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{)"
    R"("messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":)"
    R"("106540352242922"},"statuses":[{"id":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBI5QTNDQTVCM0Q0Q0Q","status":"delivered",)"
    R"("timestamp":"1800000000","recipient_id":"15550001111","biz_opaque_callback_data":"b1.7.1.1.2a.1",)"
    R"("conversation":{"id":"CONVERSATION_ID","origin":{"type":"marketing"}},)"
    R"("pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}]},)"
    R"("field":"messages"}]}]})";
const std::string failed = webhook({{"failed", "wamid.2", "", R"(,"errors":[{"code":131050,"title":"stopped"}])"}});
const std::string of_group =
    webhook({status_json{"read", "wamid.3", "", ""}.of("15551000004").at(0), status_json{"played", "wamid.4", "", ""}});
const std::string of_user =
    envelope(R"("statuses":[{"id":"wamid.5","status":"sent","timestamp":"-5","recipient_user_id":"US.5"}])");
const std::string reply = reply_webhook("wamid.r", "15551000002", "hello", "wamid.2");
const std::string mixed = envelope(R"("statuses":[{"id":"wamid.6","status":"read"}],)"
                                   R"("user_preferences":[{"wa_id":"15551000002","value":"stop"}])");
const std::string notice = R"({"entry":[{"id":"W","time":1800000000,"changes":[{"field":"account_update",)"
                           R"("value":{"event":"VERIFIED_ACCOUNT"}}]}]})";
const strings all = {usual, usual, failed, of_group, of_user, reply, of_user, mixed, mixed, usual, notice, usual};

TEST(inbox_row, tells_of_every_body_what_parsing_it_tells) {
  for (const auto& body : all) EXPECT_EQ(told_by_row(row_of({body})), told_by_parsing({body})) << body;
}

TEST(inbox_row, tells_of_many_bodies_what_parsing_them_tells) {
  EXPECT_EQ(told_by_row(row_of(all)), told_by_parsing(all));
  EXPECT_GT(told_by_row(row_of(all)).size(), all.size());
}

TEST(inbox_row, keeps_a_sixth_of_a_receipts_bytes) {
  const auto one = row_of({usual}).size(), two = row_of({usual, usual}).size();
  EXPECT_LT((two - one) * 6, usual.size());
}

TEST(inbox_row, keeps_as_it_came_whatever_is_more_than_receipts) {
  for (const auto& body : {reply, mixed, notice}) EXPECT_NE(row_of({body}).find(body), std::string::npos) << body;
  EXPECT_EQ(row_of({usual}).find("delivered"), std::string::npos);
}

TEST(inbox_row, what_is_no_webhook_is_kept_and_tells_nothing) {
  for (const std::string body : {"", "{", "no JSON", "{}", "[1]", "{\"entry\":3}"}) {
    EXPECT_NE(row_of({body}), "");
    EXPECT_EQ(told_by_row(row_of({body})), strings()) << body;
    EXPECT_EQ(told_by_row(row_of({usual, body, failed})), told_by_parsing({usual, failed})) << body;
  }
}

TEST(inbox_row, a_body_too_long_to_be_parsed_at_once_tells_the_same) {
  std::vector<status_json> many(1000, {"sent", "wamid.many", "", ""});
  const auto body = webhook(many);
  ASSERT_GT(body.size(), 64u * 1024);
  EXPECT_EQ(told_by_row(row_of({body, usual})), told_by_parsing({body, usual}));
  EXPECT_GT(row_of({body}).size(), body.size());
}

TEST(inbox_row, a_receipts_texts_may_be_long_and_hold_any_bytes) {
  const std::string zero("\\u0000|", 7);
  std::string id;
  for (int i = 0; i < 300; ++i) id += zero;
  const auto body = webhook({{"read", id, id, ""}});
  EXPECT_EQ(told_by_row(row_of({body})), told_by_parsing({body}));
}

TEST(inbox_row, a_row_that_was_cut_off_tells_what_is_whole) {
  const auto row = row_of(all);
  const auto whole = told_by_row(row);
  for (std::size_t size = 0; size < row.size(); ++size) {
    const auto told = told_by_row(std::string_view(row).substr(0, size));
    ASSERT_LT(told.size(), whole.size()) << size;
    ASSERT_TRUE(std::equal(told.begin(), told.end(), whole.begin())) << size;
  }
}

TEST(inbox_row, what_is_no_row_tells_nothing) {
  for (const std::string_view row : {"x", "{}", "r", "h\x7f", "b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                                     "r\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}) {
    EXPECT_EQ(told_by_row(row), strings());
  }
}

}  // namespace
}  // namespace bulkmsg::testing
