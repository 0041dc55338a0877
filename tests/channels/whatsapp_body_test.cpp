#include "bulkmsg/channels/whatsapp_body.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bulkmsg::channels {
namespace {

using namespace content;

using names = std::vector<std::string>;
using cells = std::vector<std::string_view>;

message_template order(parameter_format format) {
  message_template made;
  made.name = "order_ready";
  made.language = "en_US";
  made.status = "APPROVED";
  made.format = format;
  return made;
}

message_template positional() {
  message_template made = order(parameter_format::positional);
  made.header = {header_kind::text, "Order {{1}}"};
  made.body = "Hi {{1}}, your order {{2}} is ready";
  made.footer = "Shop";
  made.buttons = {{button_kind::url, "Track", "https://x.example/{{1}}", ""},
                  {button_kind::quick_reply, "Stop", "", ""}};
  return made;
}

message_template named() {
  message_template made = order(parameter_format::named);
  made.body = "Hi {{first_name}}, {{num}} is ready, {{first_name}}";
  return made;
}

message_template with_header(header_kind kind) {
  message_template made = order(parameter_format::positional);
  made.header.kind = kind;
  made.body = "Hello there";
  return made;
}

mapping mapped(std::initializer_list<std::string_view> lines) {
  mapping made;
  for (const auto line : lines) made.sources.push_back(*parse_mapping(line));
  return made;
}

std::string body(const message_template& message, const names& columns, const cells& values, const mapping& map = {}) {
  const auto ready = compile_whatsapp(message, columns, map);
  if (!ready) return ready.error().message;
  EXPECT_EQ(ready->check(values).code, errc::ok);
  std::string out = "head";
  ready->render(out, "+15550001111", "b1.a.1.1.7.1", values);
  return out;
}

#define FRAME(rest)                                                                                    \
  "head{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":\"+15550001111\"," \
  "\"type\":\"template\",\"biz_opaque_callback_data\":\"b1.a.1.1.7.1\",\"template\":{\"name\":"        \
  "\"order_ready\",\"language\":{\"code\":\"en_US\"}" rest "}}"

// Expected bodies are written by hand from the facts, WhatsApp, template messages.
TEST(whatsapp_body, text_header_body_and_url_button_positional) {
  EXPECT_EQ(
      body(positional(), {"header_param1", "param1", "param2", "button0_param"}, {"A-17", "Ana", "B \"x\"", "A-17"}),
      FRAME(R"(,"components":[{"type":"header","parameters":[{"type":"text","text":"A-17"}]},)"
            R"({"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"B \"x\""}]},)"
            R"({"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"A-17"}]}])"));
}

TEST(whatsapp_body, named_parameters_appear_once_each) {
  EXPECT_EQ(body(named(), {"num", "FIRST_NAME", "unused"}, {"A-17", "Ana", ""}),
            FRAME(R"(,"components":[{"type":"body","parameters":[)"
                  R"({"type":"text","parameter_name":"first_name","text":"Ana"},)"
                  R"({"type":"text","parameter_name":"num","text":"A-17"}]}])"));
}

TEST(whatsapp_body, image_header_by_link_and_by_id) {
  const message_template image = with_header(header_kind::image);
  EXPECT_EQ(
      body(image, {"header_media"}, {"https://x.example/a.png"}),
      FRAME(
          R"(,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://x.example/a.png"}}]}])"));
  EXPECT_EQ(body(image, {"header_media"}, {"123456"}),
            FRAME(R"(,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"123456"}}]}])"));
}

TEST(whatsapp_body, document_header_takes_a_file_name_when_there_is_one) {
  const message_template document = with_header(header_kind::document);
  EXPECT_EQ(body(document, {"header_media"}, {"9"}),
            FRAME(R"(,"components":[{"type":"header","parameters":[{"type":"document","document":{"id":"9"}}]}])"));
  EXPECT_EQ(
      body(document, {"header_filename", "header_media"}, {"a.pdf", "9"}),
      FRAME(
          R"(,"components":[{"type":"header","parameters":[{"type":"document","document":{"id":"9","filename":"a.pdf"}}]}])"));
  EXPECT_EQ(body(document, {"header_filename", "header_media"}, {"", "9"}),
            FRAME(R"(,"components":[{"type":"header","parameters":[{"type":"document","document":{"id":"9"}}]}])"));
}

TEST(whatsapp_body, location_header_has_all_four_fields) {
  EXPECT_EQ(
      body(with_header(header_kind::location), {"header_latitude", "header_longitude", "header_name", "header_address"},
           {"37.44", "-122.16", "Shop", "1 Way"}),
      FRAME(R"(,"components":[{"type":"header","parameters":[{"type":"location","location":)"
            R"({"latitude":"37.44","longitude":"-122.16","name":"Shop","address":"1 Way"}}]}])"));
}

TEST(whatsapp_body, no_parameters_no_components) {
  message_template plain = order(parameter_format::positional);
  plain.body = "Hello there";
  plain.buttons = {{button_kind::url, "Site", "https://x.example/", ""},
                   {button_kind::phone_number, "Call", "", "+1555"}};
  EXPECT_EQ(body(plain, {}, {}), FRAME(""));
}

TEST(whatsapp_body, copy_code_and_mapped_quick_reply_payload) {
  message_template coupon = order(parameter_format::positional);
  coupon.body = "Hello there";
  coupon.buttons = {{button_kind::quick_reply, "Stop", "", ""}, {button_kind::copy_code, "Copy", "", ""}};
  EXPECT_EQ(
      body(coupon, {"button1_param", "tag"}, {"SAVE10", "stop-42"}, mapped({"button.0=tag"})),
      FRAME(
          R"(,"components":[{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"stop-42"}]},)"
          R"({"type":"button","sub_type":"copy_code","index":"1","parameters":[{"type":"coupon_code","coupon_code":"SAVE10"}]}])"));
}

TEST(whatsapp_body, mapping_names_other_columns) {
  const mapping map = mapped({"body.1=name", "body.2=order no", "header.1=order no", "button.0=order no"});
  EXPECT_EQ(needed_columns(positional(), map), (names{"order no", "name"}));
  EXPECT_NE(body(positional(), {"name", "order no"}, {"Ana", "A-17"}, map)
                .find(R"([{"type":"text","text":"Ana"},{"type":"text","text":"A-17"}])"),
            std::string::npos);
  const auto wrong = compile_whatsapp(positional(), names{"a"}, mapped({"body.3=a"}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::invalid_argument);
  EXPECT_NE(wrong.error().message.find("body.3"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("header.1, body.1, body.2, button.0"), std::string::npos)
      << wrong.error().message;
}

TEST(whatsapp_body, buttons_counted_from_one_are_understood_when_nothing_else_fits) {
  const auto ready = compile_whatsapp(positional(), names{"header_param1", "param1", "param2", "button1_param"});
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->slots().back().name, "button.0");
  EXPECT_EQ(ready->slots().back().column, 3u);
}

TEST(whatsapp_body, missing_columns_are_all_named) {
  EXPECT_EQ(needed_columns(positional()), (names{"header_param1", "param1", "param2", "button0_param"}));
  const auto made = compile_whatsapp(positional(), names{"param2", "city"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::column_missing);
  EXPECT_NE(made.error().message.find("lacks header_param1, param1, button0_param (it has: param2, city)"),
            std::string::npos)
      << made.error().message;
}

TEST(whatsapp_body_check, each_fault_names_its_column_and_component) {
  const names columns = {"button0_param", "param2", "param1", "header_param1"};
  const auto ready = compile_whatsapp(positional(), columns);
  ASSERT_TRUE(ready);
  const cells good = {"x", "B", "Ana", "A-17"};
  EXPECT_EQ(ready->check(good).code, errc::ok);
  const struct {
    std::size_t column;
    std::string value;
    errc code;
    std::string_view says;
  } cases[] = {
      {2, "", errc::parameter_missing, "body {{1}} is empty"},
      {2, "   ", errc::parameter_missing, "body {{1}}"},
      {1, "a\nb", errc::parameter_not_allowed, "body {{2}}"},
      {1, "a\tb", errc::parameter_not_allowed, "body {{2}}"},
      {1, "a     b", errc::parameter_not_allowed, "body {{2}}"},
      {1, "a    b", errc::ok, ""},
      {0, "", errc::parameter_missing, "button 0"},
      {3, std::string(54, 'x'), errc::ok, ""},
      {3, std::string(55, 'x'), errc::parameter_too_long, "header {{1}}"},
      {2, std::string(1024 - 26, 'x'), errc::ok, ""},
      {2, std::string(1024 - 26 + 1, 'x'), errc::parameter_too_long, "body {{1}}"},
  };
  ASSERT_EQ(code_points("Hi , your order  is ready"), 25u);
  for (const auto& each : cases) {
    cells row = good;
    row[each.column] = each.value;
    const row_problem problem = ready->check(row);
    EXPECT_EQ(name(problem.code), name(each.code)) << each.column << ' ' << each.value;
    if (each.code == errc::ok) continue;
    EXPECT_EQ(problem.column, each.column);
    EXPECT_NE(problem.reason.find(each.says), std::string_view::npos) << problem.reason;
  }
  EXPECT_EQ(ready->check(cells{"a"}).code, errc::row_has_missing_cells);
}

TEST(whatsapp_body_check, lengths_are_code_points_of_the_filled_text_with_repeats) {
  const auto ready = compile_whatsapp(named(), names{"first_name", "num"});
  ASSERT_TRUE(ready);
  const std::size_t fixed = code_points("Hi ,  is ready, ");
  std::string name;
  for (std::size_t i = 0; i < (1024 - fixed - 2) / 2; ++i) name += "\xc3\xa4";
  EXPECT_EQ(ready->check(cells{name, "17"}).code, errc::ok);
  name += "\xc3\xa4";
  EXPECT_EQ(ready->check(cells{name, "17"}).code, errc::parameter_too_long);
  EXPECT_EQ(ready->check(cells{name, "17"}).column, 0u);
}

TEST(whatsapp_body_check, media_must_be_a_secure_link_or_an_id) {
  const auto ready = compile_whatsapp(with_header(header_kind::video), names{"header_media"});
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->check(cells{"https://x.example/v.mp4"}).code, errc::ok);
  EXPECT_EQ(ready->check(cells{"HTTPS://x.example/v.mp4"}).code, errc::ok);
  EXPECT_EQ(ready->check(cells{"1234"}).code, errc::ok);
  EXPECT_EQ(ready->check(cells{"http://x.example/v.mp4"}).code, errc::parameter_not_allowed);
  EXPECT_EQ(ready->check(cells{"/tmp/v.mp4"}).code, errc::parameter_not_allowed);
  EXPECT_EQ(ready->check(cells{""}).code, errc::parameter_missing);
}

TEST(whatsapp_body_check, reasons_outlive_a_move) {
  auto made = compile_whatsapp(positional(), names{"header_param1", "param1", "param2", "button0_param"});
  const content::compiled_message moved = std::move(*made);
  const row_problem problem = moved.check(cells{"a", "", "b", "c"});
  EXPECT_EQ(problem.reason, "body {{1}} is empty, and the message needs it");
}

TEST(whatsapp_body_preview, shows_what_a_person_will_see) {
  const auto ready = compile_whatsapp(positional(), names{"header_param1", "param1", "param2", "button0_param"});
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->preview(cells{"A-17", "Ana", "B", "t/9"}),
            "Order A-17\n\nHi Ana, your order B is ready\n\nShop\n\n[Track] https://x.example/t/9\n[Stop]");
}

TEST(whatsapp_body, allocates_nothing_once_the_buffer_has_grown) {
  const auto ready = compile_whatsapp(named(), names{"first_name", "num"});
  const cells row = {"Ana", "A-17"};
  std::string out;
  ready->render(out, "+15550001111", "key", row);
  const char* const before = out.data();
  const std::size_t size = out.size();
  for (int i = 0; i < 100; ++i) {
    out.clear();
    ready->render(out, "+15550001111", "key", row);
  }
  EXPECT_EQ(out.data(), before);
  EXPECT_EQ(out.size(), size);
}

}  // namespace
}  // namespace bulkmsg::channels
