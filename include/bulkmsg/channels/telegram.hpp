// Telegram's Bot API as a channel description; the same file stands in examples/data/channels/telegram.json.
//
// Limits as its documentation states them: about 30 messages a second for a bot, 1 a second to one chat; beyond them
// 429 with parameters.retry_after. A bot can write only to those who wrote to it first, knows no key that makes a
// request idempotent, and tells neither delivery nor reading.
#pragma once

#include <string_view>

namespace bulkmsg::channels {

inline constexpr std::string_view telegram_description = R"json({
  "name": "telegram",
  "origin": "https://api.telegram.org",
  "limits": "30/s; 1/s per recipient; in-flight=30",
  "addresses": ["chat"],
  "request": {
    "path": "/bot{{token}}/sendMessage",
    "body": {"chat_id": "{{address}}", "text": "{{text}}"},
    "text_max": 4096
  },
  "types": {
    "image": {
      "path": "/bot{{token}}/sendPhoto",
      "body": {"chat_id": "{{address}}", "photo": "{{attachment}}", "caption": "{{text}}"},
      "text_max": 1024
    },
    "video": {
      "path": "/bot{{token}}/sendVideo",
      "body": {"chat_id": "{{address}}", "video": "{{attachment}}", "caption": "{{text}}"},
      "text_max": 1024
    },
    "document": {
      "path": "/bot{{token}}/sendDocument",
      "body": {"chat_id": "{{address}}", "document": "{{attachment}}", "caption": "{{text}}"},
      "text_max": 1024
    },
    "audio": {
      "path": "/bot{{token}}/sendAudio",
      "body": {"chat_id": "{{address}}", "audio": "{{attachment}}", "caption": "{{text}}"},
      "text_max": 1024
    },
    "sticker": {
      "path": "/bot{{token}}/sendSticker",
      "body": {"chat_id": "{{address}}", "sticker": "{{attachment}}"}
    },
    "location": {
      "path": "/bot{{token}}/sendLocation",
      "body": {"chat_id": "{{address}}", "latitude": "{{latitude}}", "longitude": "{{longitude}}"}
    }
  },
  "answer": {
    "id": "/result/message_id",
    "ok": "/ok",
    "error_code": "/error_code",
    "error_text": "/description",
    "retry_after_s": "/parameters/retry_after"
  },
  "refusals": {
    "statuses": [400, 401, 403, 404, 409, 413, 429],
    "actions": [
      {"status": 429, "action": "slow"},
      {"status": 401, "action": "pause_account"},
      {"status": 404, "action": "pause_account"},
      {"status": 403, "action": "fail_recipient"},
      {"status": 400, "text": "chat not found", "action": "fail_recipient"},
      {"status": 400, "text": "upgraded to a supergroup", "action": "fail_recipient"},
      {"status": 400, "text": "PEER_ID_INVALID", "action": "fail_recipient"}
    ],
    "otherwise": "fail_message"
  },
  "health": {"path": "/bot{{token}}/getMe", "name": "/result/username"}
}
)json";

}  // namespace bulkmsg::channels
