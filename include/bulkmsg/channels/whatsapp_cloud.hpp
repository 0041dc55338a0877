// The WhatsApp Cloud API's requests, as the bytes that go on the wire.
//
//   auto encoder = request_encoder::make({.host = "graph.facebook.com", .phone_number_id = "106...", .access_token =
//   t}); encoder->encode_message(buffer, [&](std::string& out) { ready.render(out, to, key, cells); });
//
// Answers are read with whatsapp_cloud_json.hpp, webhooks with whatsapp_webhook_json.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/http_text.hpp"

namespace bulkmsg::channels {

struct whatsapp_sender {
  std::string host = "graph.facebook.com";  // the Host header: name, with `:port` when it is not the default
  std::string api_version = "v23.0";
  std::string phone_number_id;
  std::string access_token;  // secret: goes into request heads and nowhere else
};

// Where a message is posted to.
enum class endpoint : std::uint8_t {
  messages,
  marketing_messages,  // templates of category MARKETING only; same body, answer and receipts
};

// Renders requests of one sender. Thread: one at a time per object.
class request_encoder {
 public:
  // invalid_argument when a part could not stand in a request head (empty, blanks, line breaks); secret_missing when
  // the token is empty. The token is never in a message.
  static result<request_encoder> make(const whatsapp_sender& sender) {
    request_encoder made;
    constexpr std::string_view word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (const auto& [value, what] : {std::pair<std::string_view, std::string_view>{sender.api_version, "api_version"},
                                      {sender.phone_number_id, "phone_number_id"}}) {
      if (value.empty() || value.find_first_not_of(word) != std::string_view::npos) {
        return fail(errc::invalid_argument,
                    "sender: '" + std::string(what) + "' is empty or has characters it cannot have");
      }
    }
    if (!head_safe(sender.host) || sender.host.find('/') != std::string::npos) {
      return fail(errc::invalid_argument, "sender: 'host' must be a host name with an optional :port");
    }
    made.host_ = sender.host;
    made.version_ = sender.api_version;
    made.phone_number_id_ = sender.phone_number_id;
    if (auto set = made.set_access_token(sender.access_token); !set) return fail(set.error());
    return made;
  }

  // A new token for all requests from now on. secret_missing when empty, invalid_argument when it has blanks or line
  // breaks (a file's last one, mostly); then the old one stays.
  result<void> set_access_token(std::string_view token) {
    if (token.empty()) return fail(errc::secret_missing, "sender: the access token is empty");
    if (!head_safe(token))
      return fail(errc::invalid_argument, "sender: the access token has blanks or line breaks in it");
    token_ = token;
    std::string common = " HTTP/1.1\r\nHost: " + host_ + "\r\nAuthorization: Bearer ";
    common.append(token);
    for (const auto& [head, path] : {std::pair(&post_head_, "/messages"), {&marketing_head_, "/marketing_messages"}}) {
      *head = "POST /" + version_ + "/" + phone_number_id_ + path + common +
              "\r\nContent-Type: application/json\r\nContent-Length: ";
    }
    get_tail_ = common + "\r\n\r\n";
    return {};
  }

  // Replaces `buffer` by exactly one request: POST .../messages with the body that `render(std::string& out)` appends.
  // Allocates only while the buffer grows.
  template <class Render>
  void encode_message(std::string& buffer, Render&& render, endpoint to = endpoint::messages) {
    buffer.assign(to == endpoint::messages ? post_head_ : marketing_head_);
    append_length_and_body(buffer, length_digits_, render);
  }

  // Replaces `buffer` by a GET of `path` below the version, "{account}/message_templates?limit=100". False, and an
  // empty buffer, when the path holds blanks or control characters.
  [[nodiscard]] bool encode_get(std::string& buffer, std::string_view path) const {
    buffer.clear();
    if (!head_safe(path)) return false;
    buffer.append("GET /").append(version_).append("/").append(path).append(get_tail_);
    return true;
  }

  // Replaces `buffer` by the head of a POST to `path` below the version; exactly `body_bytes` bytes are to follow it.
  // False, and an empty buffer, when the path or the type could not stand in a head.
  [[nodiscard]] bool encode_post_head(std::string& buffer, std::string_view path, std::string_view content_type,
                                      std::size_t body_bytes) const {
    buffer.clear();
    if (!head_safe(path) || content_type.find_first_of("\r\n") != std::string_view::npos) return false;
    const std::string_view common(get_tail_.data(), get_tail_.size() - 4);  // without the empty line
    buffer.append("POST /").append(version_).append("/").append(path).append(common);
    buffer.append("\r\nContent-Type: ").append(content_type);
    buffer.append("\r\nContent-Length: ").append(std::to_string(body_bytes)).append("\r\n\r\n");
    return true;
  }

  // What the provider said, fit to be stored and shown: without our token, should it repeat it, and of bounded length.
  [[nodiscard]] std::string without_token(std::string_view text) const { return without_secret(text, token_); }

  // The path (for encode_post_head) that takes media.
  [[nodiscard]] std::string media_path() const { return phone_number_id_ + "/media"; }

  // The path (for encode_get) that answers how the number is: see parse_number_health.
  [[nodiscard]] std::string health_path() const {
    return phone_number_id_ +
           "?fields=id,display_phone_number,verified_name,quality_rating,throughput,"
           "whatsapp_business_manager_messaging_limit,status";
  }

 private:
  request_encoder() = default;

  std::string host_;
  std::string version_;
  std::string phone_number_id_;
  std::string token_;
  std::string post_head_;
  std::string marketing_head_;
  std::string get_tail_;
  std::size_t length_digits_ = 3;
};

}  // namespace bulkmsg::channels
