#include "bulkmsg/channels/chat_body.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bulkmsg/channels/chat_json.hpp"
#include "bulkmsg/channels/telegram.hpp"

namespace bulkmsg::channels {
namespace {

constexpr std::string_view website = R"({
  "name": "website-chat",
  "request": {"path": "/m", "text_max": 40,
    "body": {"to": {"id": "{{address}}"}, "text": "{{text}}", "from": {"employee": "{{agent}}", "shown": true},
             "reply_to": "team/{{reply_to}}", "key": "{{callback}}", "version": 2, "tags": ["bulk", null, 1.5],
             "files": [{"kind": "{{attachment_type}}", "url": "{{attachment}}", "name": "{{filename}}"}]}},
  "answer": {"id": "/id"}})";

content::message text_of(std::string words) {
  content::message made;
  made.kind = content::message_kind::text;
  made.text = std::move(words);
  return made;
}
content::message file_of(content::message_kind kind, std::string link, std::string caption = {}) {
  content::message made;
  made.kind = kind;
  made.media.reference = std::move(link);
  made.text = std::move(caption);
  return made;
}

struct rendered {
  std::string body;
  std::uint32_t route = 0;
};
rendered render(std::string_view description, const content::message& message,
                const std::vector<std::string>& columns = {}, const std::vector<std::string_view>& cells = {},
                const chat_origin& from = {}, std::string_view to = "chat:17") {
  const auto read = parse_chat_description(description);
  EXPECT_TRUE(read) << read.error().message;
  auto made = compile_chat(*read, message, columns, {}, from);
  if (!made) return {made.error().message, 0};
  EXPECT_EQ(made->content.check(cells).code, errc::ok);
  rendered out{{}, made->route};
  made->content.render(out.body, to, "b1.1.1.1.1.1", cells);
  return out;
}

TEST(chat_body, what_a_message_does_not_have_is_left_out) {
  EXPECT_EQ(render(website, text_of("Hi")).body,
            R"({"to":{"id":"17"},"text":"Hi","key":"b1.1.1.1.1.1","version":2,"tags":["bulk",null,1.5]})");
}

TEST(chat_body, agent_and_reply_to_stand_where_they_are_described) {
  EXPECT_EQ(render(website, text_of("Hi"), {}, {}, {"an\"a", "support"}).body,
            R"({"to":{"id":"17"},"text":"Hi","from":{"employee":"an\"a","shown":true},"reply_to":"team/support",)"
            R"("key":"b1.1.1.1.1.1","version":2,"tags":["bulk",null,1.5]})");
}

TEST(chat_body, variables_are_filled_from_columns_and_escaped) {
  EXPECT_EQ(render(website, text_of("Hi {{first_name}}\n{{first_name}}!"), {"first_name"}, {"A\"na\"\n"}).body,
            R"({"to":{"id":"17"},"text":"Hi A\"na\"\n\nA\"na\"\n!","key":"b1.1.1.1.1.1","version":2,)"
            R"("tags":["bulk",null,1.5]})");
}

TEST(chat_body, a_file_goes_with_its_kind_link_name_and_caption) {
  auto file = file_of(content::message_kind::document, "{{link}}", "For {{first_name}}");
  file.media.file_name = "list.pdf";
  const auto made = render(website, file, {"first_name", "link"}, {"Ana", "https://a.test/1.pdf"});
  EXPECT_EQ(made.body, R"({"to":{"id":"17"},"text":"For Ana","key":"b1.1.1.1.1.1","version":2,)"
                       R"("tags":["bulk",null,1.5],"files":[{"kind":"document","url":"https://a.test/1.pdf",)"
                       R"("name":"list.pdf"}]})");
  EXPECT_EQ(made.route, 0u);
}

TEST(chat_body, telegram_has_a_method_for_each_type) {
  using enum content::message_kind;
  EXPECT_EQ(render(telegram_description, text_of("Hi")).body, R"({"chat_id":"17","text":"Hi"})");
  const auto photo = render(telegram_description, file_of(image, "https://a.test/1.png", "Look"));
  EXPECT_EQ(photo.body, R"({"chat_id":"17","photo":"https://a.test/1.png","caption":"Look"})");
  EXPECT_EQ(photo.route, 1u);
  EXPECT_EQ(render(telegram_description, file_of(sticker, "https://a.test/1.webp")).body,
            R"({"chat_id":"17","sticker":"https://a.test/1.webp"})");
  content::message place;
  place.kind = location;
  place.where = {"52.5", "{{lon}}", "Shop", ""};
  const auto spot = render(telegram_description, place, {"lon"}, {"13.4"});
  EXPECT_EQ(spot.body, R"({"chat_id":"17","latitude":"52.5","longitude":"13.4"})");
  EXPECT_EQ(spot.route, 6u);
}

TEST(chat_body, a_location_is_text_where_there_is_no_type_for_it) {
  constexpr std::string_view plain =
      R"({"name":"p","request":{"path":"/m","body":{"to":"{{address}}","text":"{{text}}"}},"answer":{"id":"/id"}})";
  content::message place;
  place.kind = content::message_kind::location;
  place.where = {"52.5", "13.4", "Shop", "Main Street 1"};
  EXPECT_EQ(
      render(plain, place, {}, {}, {}, "+4915112345678").body,
      R"({"to":"+4915112345678","text":"Shop\nMain Street 1\nhttps://www.openstreetmap.org/?mlat=52.5&mlon=13.4"})");
}

TEST(chat_body, a_preview_shows_what_is_sent) {
  const auto read = parse_chat_description(telegram_description);
  const std::vector<std::string> columns{"first_name"};
  const auto made =
      compile_chat(*read, file_of(content::message_kind::image, "https://a.test/1.png", "Hi {{first_name}}"), columns);
  ASSERT_TRUE(made);
  const std::vector<std::string_view> cells{"Ana"};
  EXPECT_EQ(made->content.preview(cells), "[image: https://a.test/1.png]\n\nHi Ana");
}

TEST(chat_body, what_has_no_place_on_the_channel_is_refused_before_anything_is_sent) {
  const auto read = parse_chat_description(website);
  const auto why = [&](const content::message& m, std::string_view description = website) {
    const auto made = compile_chat(*parse_chat_description(description), m, {});
    EXPECT_FALSE(made);
    return made ? error{} : made.error();
  };
  content::message_template approved;
  approved.name = "t";
  EXPECT_EQ(why(approved).code, errc::template_not_supported);
  EXPECT_NE(why(approved).message.find("channel 'website-chat'"), std::string::npos);
  for (const auto kind : {content::message_kind::contacts, content::message_kind::interactive}) {
    content::message m;
    m.kind = kind;
    EXPECT_EQ(why(m).code, errc::template_not_supported);
  }
  constexpr std::string_view plain =
      R"({"name":"p","request":{"path":"/m","body":{"to":"{{address}}","text":"{{text}}"}},"answer":{"id":"/id"}})";
  EXPECT_EQ(why(file_of(content::message_kind::image, "https://a.test/1.png"), plain).code,
            errc::template_not_supported)
      << "its file would get lost";
  EXPECT_EQ(why(file_of(content::message_kind::sticker, "https://a.test/1.webp", "Look"), telegram_description).code,
            errc::template_not_supported)
      << "its caption would get lost";
  EXPECT_EQ(why(text_of(std::string(41, 'x'))).code, errc::parameter_too_long);
}

TEST(chat_body, rows_are_checked_against_the_channels_own_limit) {
  const auto read = parse_chat_description(website);
  const std::vector<std::string> columns{"first_name"};
  const auto made = compile_chat(*read, text_of("Hi {{first_name}}"), columns);
  ASSERT_TRUE(made);
  const auto code = [&](std::string_view cell) {
    const std::vector<std::string_view> cells{cell};
    return made->content.check(cells).code;
  };
  EXPECT_EQ(code(std::string(37, 'x')), errc::ok);
  EXPECT_EQ(code(std::string(38, 'x')), errc::parameter_too_long);
  EXPECT_EQ(code(""), errc::parameter_missing);
}

}  // namespace
}  // namespace bulkmsg::channels
