// Writes down what a sink of webhooks is told, as the sink of merging is: all but pricing, and a head only when it is
// another one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/whatsapp_webhook.hpp"

namespace bulkmsg::testing {

class told_webhooks {
 public:
  std::vector<std::string> all;

  void begin_change(const channels::change_head& h) {
    auto head = line("head", h.account, h.field, h.phone_number_id, h.display_phone_number, h.time_unix_s);
    if (head == head_) return;
    all.push_back(head);
    head_ = std::move(head);
  }
  void receipt(const channels::receipt& r) {
    all.push_back(line("receipt", r.phone_number_id, r.message_id, static_cast<int>(r.status), r.timestamp_unix_s,
                       r.recipient_id, r.recipient_user_id, r.callback, r.participant, r.error_code, r.error_title,
                       r.error_details));
  }
  void reply(const channels::reply& r) { all.push_back(line("reply", r.id, r.from, r.text, r.context_id, r.raw)); }
  void preference(const channels::preference& p) { all.push_back(line("preference", p.wa_id, p.user_id, p.value)); }
  void other(std::string_view field, std::string_view json) { all.push_back(line("other", field, json)); }

 private:
  template <class... Fields>
  static std::string line(const Fields&... fields) {
    std::string text;
    ((text += as_text(fields), text += '|'), ...);
    return text;
  }
  static std::string as_text(std::string_view t) { return std::string(t); }
  static std::string as_text(std::int64_t n) { return std::to_string(n); }

  std::string head_;
};

}  // namespace bulkmsg::testing
