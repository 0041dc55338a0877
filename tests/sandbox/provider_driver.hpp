// A provider under a clock that the test moves.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "provider.hpp"

namespace sandbox::testing {

class driver {
 public:
  explicit driver(settings configured = {}) : settings_(std::move(configured)), provider_(settings_) {}

  provider& get() { return provider_; }

  void pass(double seconds) {
    now_ += static_cast<nanos>(seconds * 1e9);
    unix_ms_ += static_cast<std::int64_t>(seconds * 1e3);
  }
  std::int64_t unix_ms() const { return unix_ms_; }

  answer ask(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view authorization = "Bearer sandbox-token") {
    return provider_.handle({.method = method,
                             .target = target,
                             .authorization = authorization,
                             .content_type = "application/json",
                             .host = "127.0.0.1:1",
                             .body = body,
                             .arrived = now_,
                             .unix_ms = unix_ms_});
  }
  answer post(std::string_view body) { return ask("POST", "/v23.0/106540352242922/messages", body); }

  /// The error code answered, or 0 for an accepted message.
  int code(std::string_view body) { return code_of(post(body)); }

  static int code_of(const answer& got) {
    simdjson::dom::parser parser;
    std::int64_t code = -1;
    const simdjson::padded_string text(got.body);
    const auto document = parser.parse(text);
    if (document["error"]["code"].get(code) == simdjson::SUCCESS) return static_cast<int>(code);
    return got.status == 200 ? 0 : -1;
  }

  int template_code(std::string_view inner) {
    return code(R"({"messaging_product":"whatsapp","to":"+15550001111","type":"template","template":)" +
                std::string(inner) + "}");
  }
  int typed_code(std::string_view type, std::string_view inner) {
    return code(R"({"messaging_product":"whatsapp","to":"+15550001111","type":")" + std::string(type) + "\",\"" +
                std::string(type) + "\":" + std::string(inner) + "}");
  }
  int text_code(std::string_view to) {
    return code(R"({"messaging_product":"whatsapp","to":")" + std::string(to) +
                R"(","type":"text","text":{"body":"x"}})");
  }

 private:
  settings settings_;
  provider provider_;
  nanos now_ = 1'000 * one_second;
  std::int64_t unix_ms_ = 1'750'000'000'000;
};

}  // namespace sandbox::testing
