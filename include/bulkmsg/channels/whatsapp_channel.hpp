// The WhatsApp Cloud API as a channel: request_encoder and answer_reader together. Costs a simdjson include.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "bulkmsg/channels/channel.hpp"
#include "bulkmsg/channels/whatsapp_cloud.hpp"
#include "bulkmsg/channels/whatsapp_cloud_json.hpp"

namespace bulkmsg::channels {

// Routes: the values of `endpoint`.
class whatsapp_channel final : public channel {
 public:
  explicit whatsapp_channel(request_encoder encoder, answer_rules rules = {})
      : encoder_(std::move(encoder)), reader_(rules) {}

  void encode(std::string& buffer, const outgoing& m) override {
    encoder_.encode_message(
        buffer, [&](std::string& out) { m.content.render(out, m.address, m.callback, m.cells); },
        static_cast<endpoint>(m.route));
  }

  answer classify(int http_status, std::string_view body) override { return reader_.classify(http_status, body); }

  [[nodiscard]] bool encode_health(std::string& buffer) const override {
    return encoder_.encode_get(buffer, encoder_.health_path());
  }

  result<account_health> read_health(int http_status, std::string_view body) override {
    auto told = reader_.parse_number_health(http_status, body);
    if (!told) return fail(told.error());
    return account_health{.name = std::move(told->verified_name),
                          .number = std::move(told->display_phone_number),
                          .status = std::move(told->status),
                          .quality = std::move(told->quality_rating),
                          .throughput = std::move(told->throughput_level),
                          .messaging_limit = std::move(told->messaging_limit_tier)};
  }

  [[nodiscard]] std::string without_token(std::string_view text) const override { return encoder_.without_token(text); }

 private:
  request_encoder encoder_;
  answer_reader reader_;
};

}  // namespace bulkmsg::channels
