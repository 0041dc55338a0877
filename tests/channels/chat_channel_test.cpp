#include "bulkmsg/channels/chat_channel.hpp"

#include <gtest/gtest.h>

#include <string>

#include "bulkmsg/channels/chat_json.hpp"
#include "bulkmsg/channels/telegram.hpp"

namespace bulkmsg::channels {
namespace {

constexpr std::string_view bot_token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

constexpr std::string_view website = R"({
  "name": "website-chat",
  "request": {"path": "/c/{{address}}/messages", "headers": {"X-Api-Key": "Key {{token}}", "X-Id": "{{callback}}"},
              "body": {"text": "{{text}}"}},
  "answer": {"id": "/message/id", "error_code": "/error/code", "error_text": "/error/message"},
  "refusals": {"statuses": [200, 400, 429],
               "actions": [{"code": "blocked", "action": "fail_recipient"}, {"status": 429, "action": "pair"}]},
  "health": {"path": "/me", "name": "/workspace"}})";

std::unique_ptr<chat_channel> channel(std::string_view description, std::string_view token = bot_token) {
  auto read = parse_chat_description(description);
  EXPECT_TRUE(read) << read.error().message;
  auto made = chat_channel::make(*read, "chat.test:81", token);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

TEST(chat_channel, the_token_goes_where_the_description_says) {
  const content::compiled_message nothing;
  std::string out;
  channel(telegram_description)->encode(out, {nothing, 1, "chat:17", "b1.1.1.1.1.1", {}});
  EXPECT_TRUE(
      out.starts_with("POST /bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendPhoto HTTP/1.1\r\n"
                      "Host: chat.test:81\r\nContent-Type: application/json\r\nContent-Length: "))
      << out;
  channel(website)->encode(out, {nothing, 0, "chat:17", "b1.1.1.1.1.1", {}});
  EXPECT_TRUE(
      out.starts_with("POST /c/17/messages HTTP/1.1\r\nHost: chat.test:81\r\n"
                      "X-Api-Key: Key 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw\r\n"
                      "X-Id: b1.1.1.1.1.1\r\nContent-Type: application/json\r\nContent-Length: "))
      << out;
}

TEST(chat_channel, an_address_cannot_leave_its_place_in_the_path) {
  const content::compiled_message nothing;
  std::string out;
  channel(website)->encode(out, {nothing, 0, "chat:a/../b?c #\r\nX: \xc3\xa9", "k", {}});
  EXPECT_TRUE(out.starts_with("POST /c/a%2F..%2Fb%3Fc%20%23%0D%0AX%3A%20%C3%A9/messages HTTP/1.1\r\n")) << out;
}

TEST(chat_channel, phone_numbers_keep_their_plus) {
  EXPECT_EQ(wire_address("+4915112345678"), "+4915112345678");
  EXPECT_EQ(wire_address("chat:-100200"), "-100200");
  EXPECT_EQ(wire_address("chat:a:b"), "a:b");
}

TEST(chat_channel, a_token_that_would_break_the_head_is_refused_and_not_shown) {
  const auto read = *parse_chat_description(telegram_description);
  for (const std::string token : {"", "a b", "a\nb", "a/b", "a?b"}) {
    const auto made = chat_channel::make(read, "h", token);
    ASSERT_FALSE(made) << token;
    EXPECT_EQ(made.error().code, token.empty() ? errc::secret_missing : errc::invalid_argument);
    if (!token.empty()) {
      EXPECT_EQ(made.error().message.find(token), std::string::npos);
    }
  }
  EXPECT_FALSE(chat_channel::make(read, "h/x", "t"));
}

TEST(chat_channel, only_a_success_with_an_id_is_accepted) {
  const auto c = channel(telegram_description);
  const auto good = c->classify(200, R"({"ok":true,"result":{"message_id":4711}})");
  EXPECT_EQ(good.what, answer::kind::accepted);
  EXPECT_EQ(good.message_id, "4711");
  for (const char* body : {"", "<html>", "{}", "[]", R"({"ok":true})", R"({"ok":true,"result":{}})",
                           R"({"result":{"message_id":1}})", R"({"ok":false,"result":{"message_id":1}})",
                           R"({"ok":"true","result":{"message_id":1}})", R"({"ok":true,"result":{"message_id":null}})",
                           R"({"ok":true,"result":{"message_id":""}})", R"({"ok":true,"result":{"message_id":1)"}) {
    EXPECT_EQ(c->classify(200, body).what, answer::kind::unproven) << body;
  }
  EXPECT_EQ(c->classify(502, R"({"ok":true,"result":{"message_id":1}})").what, answer::kind::unproven);
}

TEST(chat_channel, only_the_complete_error_at_a_named_status_is_a_refusal) {
  const auto c = channel(telegram_description);
  const std::string error = R"({"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"})";
  const auto read = c->classify(403, error);
  EXPECT_EQ(read.what, answer::kind::refused);
  EXPECT_EQ(read.provider_code, 403);
  EXPECT_EQ(read.next, action::fail_recipient);
  EXPECT_EQ(read.title, "Forbidden: bot was blocked by the user");
  for (const int status : {200, 302, 500, 502, 504}) {
    EXPECT_EQ(c->classify(status, error).what, answer::kind::unproven) << status;
  }
  for (const char* body : {"", "Too Many Requests", R"({"error_code":400,"description":"x"})", R"({"ok":false})",
                           R"({"ok":false,"error_code":400})", R"({"ok":false,"description":"x"})",
                           R"({"ok":true,"error_code":400,"description":"x"})"}) {
    EXPECT_EQ(c->classify(400, body).what, answer::kind::unproven) << body;
  }
}

TEST(chat_channel, the_first_rule_that_fits_decides) {
  const auto c = channel(telegram_description);
  const auto next = [&](int status, const std::string& text) {
    return c
        ->classify(status,
                   R"({"ok":false,"error_code":)" + std::to_string(status) + R"(,"description":")" + text + "\"}")
        .next;
  };
  EXPECT_EQ(next(400, "Bad Request: chat not found"), action::fail_recipient);
  EXPECT_EQ(next(400, "Bad Request: message text is empty"), action::fail_message);
  EXPECT_EQ(next(401, "Unauthorized"), action::pause_account);
  EXPECT_EQ(next(409, "Conflict"), action::fail_message);

  const auto w = channel(website);
  const auto blocked = w->classify(400, R"({"error":{"code":"blocked","message":"no"}})");
  EXPECT_EQ(blocked.next, action::fail_recipient);
  EXPECT_EQ(blocked.provider_code, 400) << "a code in words is shown by its status";
  EXPECT_EQ(w->classify(429, R"({"error":{"code":"busy","message":"no"}})").next, action::pair);
  EXPECT_EQ(w->classify(400, R"({"error":{"code":17,"message":"no"}})").provider_code, 17);
  EXPECT_EQ(w->classify(200, R"({"error":{"code":"odd","message":"no"}})").what, answer::kind::refused)
      << "platforms that refuse with 200 are described so";
  EXPECT_EQ(w->classify(200, R"({"message":{"id":"m1"}})").message_id, "m1");
}

TEST(chat_channel, the_waiting_time_of_the_body_is_read_and_bounded) {
  const auto c = channel(telegram_description);
  const auto wait = [&](const std::string& s) {
    return c
        ->classify(
            429,
            R"({"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":)" + s + "}}")
        .retry_after;
  };
  EXPECT_EQ(wait("7"), 7 * second);
  EXPECT_EQ(wait("0.5"), second / 2);
  EXPECT_EQ(wait("-7"), 0);
  EXPECT_EQ(wait("\"7\""), 0);
  EXPECT_EQ(wait("1e300"), nanoseconds_t{24} * 3600 * second);
}

TEST(chat_channel, its_health_is_asked_where_described) {
  const auto c = channel(website);
  std::string out;
  ASSERT_TRUE(c->encode_health(out));
  EXPECT_EQ(out, "GET /me HTTP/1.1\r\nHost: chat.test:81\r\nX-Api-Key: Key " + std::string(bot_token) + "\r\n\r\n");
  EXPECT_EQ(c->read_health(200, R"({"workspace":"shop"})")->name, "shop");
  EXPECT_EQ(c->read_health(401, "").error().code, errc::token_rejected);
  EXPECT_EQ(c->read_health(400, R"({"error":{"code":3,"message":"no"}})").error().code, errc::provider_refused);
  EXPECT_EQ(c->read_health(502, "<html>").error().code, errc::provider_unreadable);
  const auto silent = channel(R"({"name":"x","request":{"path":"/{{address}}","body":{}},"answer":{"id":"/id"}})", "");
  EXPECT_FALSE(silent->encode_health(out));
  EXPECT_TRUE(out.empty());
}

TEST(chat_channel, the_token_is_taken_out_of_what_the_provider_says) {
  const auto c = channel(telegram_description);
  EXPECT_EQ(c->without_token("no /bot" + std::string(bot_token) + "/sendMessage"), "no /bot(token)/sendMessage");
  EXPECT_EQ(channel(R"({"name":"x","request":{"path":"/{{address}}","body":{}},"answer":{"id":"/id"}})", "")
                ->without_token("a"),
            "a");
}

TEST(chat_channel, no_part_of_a_token_is_left_at_the_end_of_a_long_text) {
  const auto c = channel(telegram_description);
  const std::string token(bot_token);
  for (std::size_t before = 0; before < 400; ++before) {
    const auto told = c->without_token(token + token + token + std::string(before, '.') + token);
    EXPECT_LE(told.size(), 300U);
    EXPECT_EQ(told.find(token.substr(0, 4)), std::string::npos) << before << ": " << told;
  }
}

}  // namespace
}  // namespace bulkmsg::channels
