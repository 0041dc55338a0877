#include "bulkmsg/channels/whatsapp_templates_json.hpp"

#include <gtest/gtest.h>

#include "bulkmsg/content/template_json.hpp"

namespace bulkmsg::channels {
namespace {

const std::string order_ready =
    R"({"id":"1667192013751005","name":"order_ready","language":"en_US","status":"APPROVED","category":"UTILITY",)"
    R"("parameter_format":"NAMED","quality_score":{"score":"GREEN","date":1750000000},"components":[)"
    R"({"type":"BODY","text":"Hi {{first_name}}, it \u00e9 ready"}]})";

std::string page(const std::string& entries, const std::string& more = "") {
  return R"({"data":[)" + entries + "]" + more + "}";
}
std::string entry(const std::string& name, const std::string& value) {
  std::string text = order_ready;
  const auto at = text.find('"' + name + "\":");
  const auto from = at + name.size() + 3;
  const auto end = text[from] == '['   ? text.size() - 1
                   : text[from] == '{' ? text.find('}', from) + 1
                                       : text.find(",\"", from);
  return text.replace(from, end - from, value);
}
template_page read(const std::string& body) {
  auto got = read_template_page(200, body);
  if (!got) throw std::runtime_error(got.error().message);
  return std::move(*got);
}

TEST(template_page, an_entry_is_read_with_what_is_known_of_it) {
  const auto got = read(page(order_ready));
  ASSERT_EQ(got.templates.size(), 1u);
  const auto& t = got.templates[0];
  EXPECT_EQ(t.id, "1667192013751005");
  EXPECT_EQ(t.name + ' ' + t.language, "order_ready en_US");
  EXPECT_EQ(t.status + ' ' + t.category + ' ' + t.quality + ' ' + t.parameter_format, "APPROVED UTILITY GREEN NAMED");
  EXPECT_EQ(got.after, "") << "the last page";
}

TEST(template_page, what_it_says_is_readable_as_a_template) {
  const auto t = content::parse_template_json(read(page(order_ready)).templates[0].json);
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->name, "order_ready");
  EXPECT_EQ(t->body, "Hi {{first_name}}, it \u00e9 ready");
  EXPECT_EQ(t->format, content::parameter_format::named);
}

TEST(template_page, its_words_are_the_same_bytes_whatever_its_status_and_quality) {
  const auto words = read(page(order_ready)).templates[0].json;
  for (const auto& other : {entry("status", R"("PAUSED")"), entry("quality_score", R"({"score":"RED"})")}) {
    EXPECT_EQ(read(page(other)).templates[0].json, words);
  }
  EXPECT_NE(read(page(entry("category", R"("MARKETING")"))).templates[0].json, words);
  EXPECT_NE(read(page(entry("components", R"([{"type":"BODY","text":"Hi"}])"))).templates[0].json, words);
}

TEST(template_page, states_that_cannot_be_sent_are_kept_as_they_are) {
  for (const std::string status :
       {"PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "LIMIT_EXCEEDED", "ARCHIVED", "SOMETHING_NEW"}) {
    EXPECT_EQ(read(page(entry("status", '"' + status + '"'))).templates[0].status, status);
  }
  EXPECT_EQ(read(page(entry("status", R"("approved")"))).templates[0].status, "APPROVED");
}

TEST(template_page, a_reason_is_one_line_of_bounded_length_in_whole_characters) {
  std::string reason;
  for (int i = 0; i < 400; ++i) reason += "\u00e9";
  const auto got = read(page(R"({"rejected_reason":"a\nb\tc )" + reason + "\"," + order_ready.substr(1)));
  const auto& text = got.templates[0].rejected_reason;
  EXPECT_EQ(text.substr(0, 6), "a b c ");
  EXPECT_LE(text.size(), 300u);
  EXPECT_EQ(text.size() % 2, 0u) << "no half character";
}

TEST(template_page, the_next_page_is_asked_for_by_its_cursor_alone) {
  const auto got = read(page(order_ready, R"(,"paging":{"cursors":{"before":"QQ","after":"Qk=="},)"
                                          R"("next":"http://elsewhere.example/steal"})"));
  EXPECT_EQ(got.after, "Qk==");
  EXPECT_EQ(templates_path("102", got.after).find("elsewhere"), std::string::npos);
  EXPECT_TRUE(templates_path("102", got.after).ends_with("&after=Qk%3D%3D"));
}

TEST(template_page, a_cursor_without_a_next_page_is_the_end) {
  EXPECT_EQ(read(page(order_ready, R"(,"paging":{"cursors":{"before":"QQ","after":"Qk"}})")).after, "");
  EXPECT_EQ(read(page("")).templates.size(), 0u);
}

TEST(template_page, a_cursor_cannot_leave_its_place_in_the_request) {
  const auto path = templates_path("102", "a&limit=1 HTTP/1.1\r\nHost: x#/../\xff");
  EXPECT_TRUE(path.ends_with("&after=a%26limit%3D1%20HTTP%2F1.1%0D%0AHost%3A%20x%23%2F..%2F%FF")) << path;
}

TEST(template_page, what_is_no_page_is_told_with_its_place) {
  const std::pair<std::string, std::string> cases[] = {
      {"{}", "data"},
      {page("1"), "data[0]"},
      {page(order_ready + ',' + entry("name", R"("a b")")), "data[1]: 'name'"},
      {page(entry("name", R"("../x")")), "'name'"},
      {page(entry("name", '"' + std::string(513, 'a') + '"')), "'name'"},
      {page(entry("language", R"("en US")")), "'language'"},
      {page(entry("language", '"' + std::string(33, 'a') + '"')), "'language'"},
      {page(entry("status", R"("")")), "'status'"},
      {page(entry("status", "7")), "'status'"},
      {page(entry("id", R"("1/2")")), "'id'"},
      {page(entry("components", R"({"type":"BODY"})")), "'components'"},
      {page(order_ready, R"(,"paging":{"next":"https://x"})"), "cursor"},
      {page(order_ready, R"(,"paging":{"next":"https://x","cursors":{"after":""}})"), "cursor"},
      {page(order_ready, R"(,"paging":{"next":"https://x","cursors":{"after":")" + std::string(2049, 'a') + R"("}})"),
       "cursor"},
  };
  for (const auto& [body, where] : cases) {
    const auto got = read_template_page(200, body);
    ASSERT_FALSE(got) << body.substr(0, 200);
    EXPECT_EQ(got.error().code, errc::provider_unreadable);
    EXPECT_NE(got.error().message.find(where), std::string::npos) << got.error().message;
  }
}

TEST(template_page, more_than_a_page_may_hold_is_not_read) {
  std::string entries = order_ready;
  for (std::size_t i = 1; i < template_page_rows_max; ++i) entries += ',' + order_ready;
  EXPECT_EQ(read(page(entries)).templates.size(), template_page_rows_max);
  EXPECT_FALSE(read_template_page(200, page(entries + ',' + order_ready)));
  EXPECT_FALSE(read_template_page(
      200, page(entry("components", R"([{"type":"BODY","text":")" + std::string(template_bytes_max, 'x') + "\"}]"))));
}

TEST(template_page, answers_that_are_no_page_are_explained) {
  const auto refused = read_template_page(
      400, R"({"error":{"message":"(#131059) Invalid paging cursor","type":"OAuthException","code":131059}})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().provider_code, cursor_expired_code);
  EXPECT_EQ(read_template_page(401, R"({"error":{"message":"x","type":"OAuthException","code":190}})").error().code,
            errc::token_rejected);
  for (const auto& [status, body] : {std::pair(200, "<html>"), std::pair(502, "<html>"), std::pair(200, ""),
                                     std::pair(200, "[]"), std::pair(500, "{}")}) {
    EXPECT_EQ(read_template_page(status, body).error().code, errc::provider_unreadable) << status << ' ' << body;
  }
}

}  // namespace
}  // namespace bulkmsg::channels
