// Webhook bodies as the provider writes them, and what a campaign's messages are called in them.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "bulkmsg/channels/callback_key.hpp"
#include "store/scratch_store.hpp"

namespace bulkmsg::testing {

struct status_json {
  std::string status, id, callback, errors, participant;
  std::int64_t at_s = noon_ms / 1000;

  status_json& with_id(std::string to) { return id = std::move(to), *this; }
  status_json& at(std::int64_t unix_s) { return at_s = unix_s, *this; }
  status_json& called(std::string to) { return callback = std::move(to), *this; }
  status_json& of(std::string one) { return participant = std::move(one), *this; }  // of a group
  status_json& because(int code, const std::string& details = "told so") {
    errors = R"(,"errors":[{"code":)" + std::to_string(code) + R"(,"title":"t","error_data":{"details":")" + details +
             R"("}}])";
    return *this;
  }
  [[nodiscard]] std::string text() const {
    return R"({"id":")" + id + R"(","status":")" + status + R"(","timestamp":")" + std::to_string(at_s) +
           (participant.empty()
                ? R"(","recipient_id":"15551000002")"
                : R"(","recipient_id":"Y2FwaV9n","recipient_type":"group","recipient_participant_id":")" + participant +
                      "\"") +
           (callback.empty() ? "" : R"(,"biz_opaque_callback_data":")" + callback + "\"") + errors + "}";
  }
};

inline channels::callback_key key_of(const sending_store& s, std::uint32_t sequence, std::uint32_t attempt = 1) {
  return {scratch_store_id, s.campaign, s.message(sequence), attempt};
}
// A receipt for one of our messages.
inline status_json receipt(const sending_store& s, std::uint32_t sequence, std::string status,
                           std::uint32_t attempt = 1) {
  return {std::move(status), "wamid." + std::to_string(sequence), key_of(s, sequence, attempt).text(), ""};
}

inline std::string envelope(const std::string& value) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{)"
         R"("messaging_product":"whatsapp","metadata":{"phone_number_id":"1"},)" +
         value + "}}]}]}";
}
inline std::string webhook(const std::vector<status_json>& statuses) {
  std::string list;
  for (const auto& s : statuses) list += (list.empty() ? "" : ",") + s.text();
  return envelope(R"("statuses":[)" + list + "]");
}
inline std::string reply_webhook(const std::string& id, const std::string& from, const std::string& words,
                                 const std::string& answers = "") {
  return envelope(R"("messages":[{"id":")" + id + R"(","from":")" + from +
                  R"(","timestamp":"1800000000","type":"text",)" + R"("text":{"body":")" + words + "\"}" +
                  (answers.empty() ? "" : R"(,"context":{"id":")" + answers + "\"}") + "}]");
}

}  // namespace bulkmsg::testing
