// A chat platform as data: what a description file says of an HTTP API that takes one message as JSON.
//
//   {
//     "name": "website-chat",
//     "origin": "https://chat.example.com",
//     "limits": "20/s; in-flight=16",
//     "request": {
//       "path": "/v1/messages",
//       "headers": {"X-Api-Key": "{{token}}", "Idempotency-Key": "{{callback}}"},
//       "body": {"conversation": "{{address}}", "text": "{{text}}", "from": {"agent": "{{agent}}"},
//                "reply_to": "{{reply_to}}", "file": {"kind": "{{attachment_type}}", "url": "{{attachment}}"}}
//     },
//     "answer": {"id": "/message/id", "error_code": "/error/code", "error_text": "/error/message"},
//     "refusals": {"statuses": [400, 401, 404, 429], "actions": [{"status": 404, "action": "fail_recipient"}]}
//   }
//
// Fields ("name", "request" with "path" and "body", and "answer" with "id" are needed, all others may be left out):
//   name       for people: letters, digits, - and _
//   origin     of a sender that gives none; limits: the same (pacing/limit.hpp)
//   addresses  kinds of address it reaches: "chat" (if left out), "phone", "group", "user"
//   request    method (POST or PUT), path with {{token}} and {{address}}, headers with {{token}} and {{callback}},
//   body,
//              text_max (code points of {{text}})
//              same_for_s: so many seconds long the platform takes a request with the same {{callback}} for the same
//              one, answers as before and sends nothing again; what is unconfirmed is then settled by repeating it
//   types      what differs from `request` (path, body, text_max) for "image", "video", "document", "audio", "sticker",
//              "location"
//   answer     JSON pointers to the message id, to a boolean that is true on success and false in errors (ok), to
//              error_code, error_text and retry_after_s
//   refusals   statuses at which a complete error (all that `answer` says of one) proves that the message was not
//   taken;
//              what errors mean: the first of `actions` that fits (`text` is part of the error's text), else 429 is
//              slow, else `otherwise`, which is fail_message if left out
//   health     path to ask how the account is, and the JSON pointer `name` to show of the answer
//
// In a body a string value may hold {{address}}, {{text}}, {{attachment}} (its link), {{attachment_type}},
// {{filename}}, {{latitude}}, {{longitude}}, {{agent}}, {{reply_to}} and {{callback}}. What a message does not have is
// left out: the member, and an object around it in which no other placeholder is filled.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/channels/answer.hpp"

namespace bulkmsg::channels {

inline constexpr std::size_t chat_description_bytes_max = std::size_t{64} * 1024;
inline constexpr int chat_body_depth_max = 16;

// Where and how messages of one type are posted.
struct chat_endpoint {
  std::string path;
  std::string body;          // JSON, with placeholders
  std::size_t text_max = 0;  // code points; 0: the description states none
};

// An error and what to do about it; what is empty or 0 fits everything.
struct chat_rule {
  int status = 0;
  std::string code;
  std::string text;  // contained in the error's text
  action what = action::fail_message;
};

struct chat_description {
  std::string name;
  std::string origin;
  std::string limits;
  std::vector<std::string> addresses;
  std::string method = "POST";
  std::vector<std::pair<std::string, std::string>> headers;
  std::int64_t same_for_s = 0;  // 0: a repeated request is another one
  chat_endpoint request;
  std::vector<std::pair<std::string, chat_endpoint>> types;

  // JSON pointers; empty: not described
  std::string id, ok, error_code, error_text, retry_after_s;

  std::vector<int> refusal_statuses;
  std::vector<chat_rule> actions;
  action otherwise = action::fail_message;

  std::string health_path;
  std::string health_name;

  // The endpoint for a type and its number (chat_channel's route): its own, or else `request`.
  [[nodiscard]] std::pair<const chat_endpoint*, std::uint32_t> endpoint_of(std::string_view type) const noexcept {
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (types[i].first == type) return {&types[i].second, static_cast<std::uint32_t>(i + 1)};
    }
    return {&request, 0};
  }
  // How long after its first byte a request may be repeated: a tenth less than the platform says, for the way there.
  [[nodiscard]] std::int64_t repeat_ms() const noexcept { return same_for_s * 900; }
  [[nodiscard]] bool reaches(std::string_view kind) const noexcept {
    return std::find(addresses.begin(), addresses.end(), kind) != addresses.end();
  }
  // A description without {{token}} needs no secret.
  [[nodiscard]] bool uses_token() const noexcept {
    constexpr std::string_view hole = "{{token}}";
    const auto holds = [&](std::string_view text) { return text.find(hole) != std::string_view::npos; };
    return holds(request.path) || holds(health_path) ||
           std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return holds(h.second); }) ||
           std::any_of(types.begin(), types.end(), [&](const auto& t) { return holds(t.second.path); });
  }
};

// Who a campaign is sent from and who gets the replies, by the platform's names; empty: not said.
struct chat_origin {
  std::string agent, reply_to;
};

// The address as the platform knows it: without our word for its kind ("chat:17" -> "17"; phone numbers as they are).
[[nodiscard]] inline std::string_view wire_address(std::string_view address) noexcept {
  const auto colon = address.find(':');
  return address.starts_with('+') || colon == std::string_view::npos ? address : address.substr(colon + 1);
}

}  // namespace bulkmsg::channels
