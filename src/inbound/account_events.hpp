// What the provider says of templates, numbers and the account: state, brakes and events.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/kept_parser.hpp"
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

  // A campaign that begins to send: pulls the brakes of what was said before and still holds. Returns what is paused.
  store::braking stand_by(std::int64_t campaign);

  store::braking paused, resumed;            // for the senders to follow
  std::vector<std::int64_t> limits_changed;  // senders
  bool told = false;                         // events were added

 private:
  struct finding {
    std::string subject = {};   // what of the account it is about
    std::string sentence = {};  // for people
    store::brake brake = {};    // with a reason: pull it on `campaigns`
    std::string released = {};  // a cause that is over
    std::vector<store::braked> campaigns = {};
  };
  using object = simdjson::dom::object;

  finding judge(const channels::change_head& head, std::string_view field, const object& value);
  finding template_status(std::string_view account, const object& value);
  finding template_quality(std::string_view account, const object& value);
  finding template_category(std::string_view account, const object& value);
  finding template_words(std::string_view account, const object& value);
  finding business_capability(std::string_view account, const object& value);
  // By the provider's clock at_ms_: of the account's messaging limit, of one number's throughput.
  void keep_messaging_limit(std::string_view account, std::string_view tier);
  void keep_throughput(std::string_view account, std::string_view display_number, std::int64_t per_second);
  finding number_quality(std::string_view account, const object& value);
  finding account_update(std::string_view account, const object& value);

  std::vector<store::braked> campaigns_of_template(std::string_view account, const object& value);
  // With several senders: what they send over those of this account, or number.
  std::vector<store::braked> campaigns_of_account(std::string_view account, std::string_view display_number = {});

  store::database& db_;
  const std::int64_t now_ms_;
  std::int64_t at_ms_ = 0;   // of the change under way
  bool outdated_ = false;    // a later word of the same kind is known: told, but not acted on
  std::string said_before_;  // the event before it, of the same kind
  channels::kept_parser parser_;
};

// When webhooks last told of the status, quality and words of an account's templates, by the provider's clock: asked
// before a list is, it says whether what the list says is older than what was told meanwhile.
using template_words_told = std::map<std::string, std::int64_t, std::less<>>;
template_words_told told_of_templates(store::database& db, const std::string& account);
// What webhooks told of a template since.
struct template_told {
  std::string status, quality;  // empty: nothing
  bool reworded = false;        // its words are others
};
template_told told_since(store::database& db, const std::string& account, const template_words_told& before,
                         const std::string& name, std::string language);
// The list shows templates to be well again that webhooks had braked: their webhook may have been lost.
store::braking release_listed(store::database& db, const std::string& account, const template_words_told& before,
                              std::int64_t now_ms);

// Remembers which of our numbers is shown as this one, for events that name it only so.
void keep_display_number(store::database& db, const channels::change_head& head, std::int64_t now_ms);

}  // namespace bulkmsg::inbound
