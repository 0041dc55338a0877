// What the provider says of templates, numbers and the account: state, brakes and events.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/whatsapp_webhook.hpp"
#include "store/brakes.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::inbound {

// For one merge. What it does not know becomes an event and nothing else.
class account_events {
 public:
  account_events(store::database& db, std::int64_t now_ms) : db_(db), now_ms_(now_ms) {}

  // One change that is neither receipts nor messages. `json`: its value.
  void take(const channels::change_head& head, std::string_view field, std::string_view json);

  std::vector<std::int64_t> paused, resumed;  // campaigns, for the sender to follow
  bool told = false;                          // events were added

 private:
  struct finding {
    std::string subject = {};   // what of the account it is about
    std::string sentence = {};  // for people
    store::brake brake = {};    // with a reason: pull it on `campaigns`
    std::string released = {};  // a cause that is over
    std::vector<std::int64_t> campaigns = {};
  };
  using object = simdjson::dom::object;

  finding judge(const channels::change_head& head, std::string_view field, const object& value);
  finding template_status(std::string_view account, const object& value);
  finding template_quality(std::string_view account, const object& value);
  finding template_category(std::string_view account, const object& value);
  finding template_words(std::string_view account, const object& value);
  finding number_quality(std::string_view account, const object& value);
  finding account_update(std::string_view account, const object& value);

  std::vector<std::int64_t> campaigns_of_template(std::string_view account, const object& value);
  std::vector<std::int64_t> campaigns_of_account(std::string_view account, std::string_view display_number = {});

  store::database& db_;
  const std::int64_t now_ms_;
  bool outdated_ = false;  // a later word of the same kind is known: told, but not acted on
  simdjson::dom::parser parser_;
};

// Remembers which of our numbers is shown as this one, for events that name it only so.
void keep_display_number(store::database& db, const channels::change_head& head, std::int64_t now_ms);

}  // namespace bulkmsg::inbound
