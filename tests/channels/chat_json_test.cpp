#include "bulkmsg/channels/chat_json.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "bulkmsg/channels/telegram.hpp"

namespace bulkmsg::channels {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A description in which `what` stands for the member of that name.
std::string with(const std::string& key, const std::string& what) {
  const std::pair<std::string, std::string> parts[] = {
      {"name", R"("chat")"},
      {"request", R"({"path":"/m","body":{"to":"{{address}}","text":"{{text}}"}})"},
      {"answer", R"({"id":"/id","error_text":"/error"})"},
  };
  std::string out;
  bool there = false;
  for (const auto& [name, value] : parts) {
    there = there || name == key;
    out += (out.empty() ? "{\"" : ",\"") + name + "\":" + (name == key ? what : value);
  }
  return out + (there ? "" : ",\"" + key + "\":" + what) + "}";
}

std::string why(const std::string& json) {
  const auto read = parse_chat_description(json);
  if (read) return "taken";
  EXPECT_EQ(read.error().code, errc::channel_malformed) << json;
  return read.error().message;
}

TEST(chat_description, telegram_is_one_and_the_example_file_is_the_same) {
  const auto read = parse_chat_description(telegram_description);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->origin, "https://api.telegram.org");
  EXPECT_EQ(read->limits, "30/s; 1/s per recipient; in-flight=30");
  EXPECT_TRUE(read->uses_token());
  EXPECT_TRUE(read->reaches("chat"));
  EXPECT_FALSE(read->reaches("phone"));
  EXPECT_EQ(read->endpoint_of("text").second, 0u);
  EXPECT_EQ(read->endpoint_of("image").first->path, "/bot{{token}}/sendPhoto");
  EXPECT_EQ(read->endpoint_of("image").first->text_max, 1024u);
  EXPECT_EQ(file_text(EXAMPLES "/channels/telegram.json"), telegram_description);
}

TEST(chat_description, the_website_example_is_read_whole) {
  const auto read = parse_chat_description(file_text(EXAMPLES "/channels/website_chat.json"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->headers.size(), 2u);
  EXPECT_EQ(read->actions[1].code, "visitor_blocked");
  EXPECT_EQ(read->actions[1].what, action::fail_recipient);
  EXPECT_EQ(read->endpoint_of("image").second, 0u) << "one endpoint takes everything";
  EXPECT_EQ(read->health_name, "/workspace");
}

TEST(chat_description, a_short_one_has_defaults) {
  const auto read = parse_chat_description(with("name", R"("chat")"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->method, "POST");
  EXPECT_FALSE(read->uses_token());
  EXPECT_TRUE(read->reaches("chat"));
  EXPECT_TRUE(read->refusal_statuses.empty()) << "nothing proves a refusal";
}

TEST(chat_description, what_is_wrong_is_named_by_its_path) {
  const struct {
    std::string json, path;
  } bad[] = {
      {"", "not JSON"},
      {"[]", "/: must be an object"},
      {R"({"name":"x","request":{"path":"/m","body":{}}})", "'answer' is missing"},
      {with("name", R"("a b")"), "/name: "},
      {with("name", "7"), "/name: "},
      {with("colour", "1"), "/colour: is not a field"},
      {with("limits", R"("fast")"), "/limits: "},
      {with("addresses", R"(["mail"])"), "/addresses/0: "},
      {with("addresses", "[]"), "/addresses: "},
      {with("request", R"({"body":{}})"), "'path' is missing"},
      {with("request", R"({"path":"m","body":{}})"), "/request/path: "},
      {with("request", R"({"path":"/a b","body":{}})"), "/request/path: "},
      {with("request", R"({"path":"/{{text}}","body":{}})"), "/request/path: no {{text}}"},
      {with("request", R"({"path":"/m","body":{"text":"{{text}}"}})"), "/request: {{address}} stands neither"},
      {with("types", R"({"image":{"body":{"text":"{{text}}"}}})"), "/types/image: {{address}} stands neither"},
      {with("request", R"({"path":"/{{address}}","method":"GET","body":{}})"), "/request/method: "},
      {with("request", R"({"path":"/m","body":[]})"), "/request/body: "},
      {with("request", R"({"path":"/m","body":{"a":[{"b":"{{token}}"}]}})"), "/request/body/a/0/b: no {{token}}"},
      {with("request", R"({"path":"/m","body":{"a":"{{ text }}"}})"), "/request/body/a: has {{"},
      {with("request", R"({"path":"/m","body":{"a":"{{Text}}"}})"), "/request/body/a: has {{"},
      {with("request", R"({"path":"/{{address}}","body":{},"headers":{"Host":"x"}})"), "/request/headers/Host: "},
      {with("request", R"({"path":"/{{address}}","body":{},"headers":{"X Y":"x"}})"), "/request/headers/X Y: "},
      {with("request", R"({"path":"/{{address}}","body":{},"headers":{"X":"a\r\nb"}})"), "/request/headers/X: "},
      {with("request", R"({"path":"/{{address}}","body":{},"headers":{"X":"{{text}}"}})"),
       "/request/headers/X: no {{text}}"},
      {with("request", R"({"path":"/m","body":{},"text_max":0})"), "/request/text_max: "},
      {with("types", R"({"image":{"url":"/x"}})"), "/types/image/url: "},
      {with("types", R"({"text":{}})"), "/types/text: is not a type"},
      {with("types", R"({"image":{},"image":{}})"), "/types/image: is there twice"},
      {with("answer", R"({"id":"id"})"), "/answer/id: must be a JSON pointer"},
      {with("answer", R"({"id":"/a~2"})"), "/answer/id: must be a JSON pointer"},
      {with("answer", R"({})"), "'id' is missing"},
      {with("refusals", R"({"statuses":[99]})"), "/refusals/statuses/0: "},
      {with("refusals", R"({"actions":[]})"), "'statuses' is missing"},
      {with("refusals", R"({"statuses":[400],"otherwise":"log"})"), "/refusals/otherwise: "},
      {with("refusals", R"({"statuses":[400],"actions":[{"status":500,"action":"retry"}]})"),
       "/refusals/actions/0/status: is not among"},
      {with("refusals", R"({"statuses":[400],"actions":[{"status":400}]})"), "/refusals/actions/0: 'action'"},
      {with("refusals", R"({"statuses":[400],"actions":[{"action":"shout"}]})"), "/refusals/actions/0/action: "},
      {with("health", R"({"path":"/{{address}}"})"), "/health/path: "},
  };
  for (const auto& [json, path] : bad) EXPECT_NE(why(json).find(path), std::string::npos) << json << '\n' << why(json);
  EXPECT_NE(
      why(R"({"name":"x","request":{"path":"/{{address}}","body":{}},"answer":{"id":"/i"},"refusals":{"statuses":[400]}})")
          .find("/refusals: a refusal is proved by what the error says"),
      std::string::npos);
}

TEST(chat_description, is_bounded_in_size_and_depth) {
  EXPECT_EQ(parse_chat_description(std::string(65 * 1024, ' ')).error().code, errc::too_large);
  std::string deep = "7";
  for (int i = 0; i < 20; ++i) deep = "[" + deep + "]";
  EXPECT_NE(why(with("request", R"({"path":"/m","body":{"a":)" + deep + "}}")).find("nested too deeply"),
            std::string::npos);
}

}  // namespace
}  // namespace bulkmsg::channels
