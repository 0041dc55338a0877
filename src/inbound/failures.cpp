#include "inbound/failures.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "bulkmsg/channels/whatsapp_errors.hpp"
#include "store/lanes.hpp"
#include "store/senders.hpp"

namespace bulkmsg::inbound {

namespace {

using channels::action;

// What a code asks for that is told of one message of a campaign.
action asked_for(store::database& db, std::int64_t campaign, const channels::provider_error& code) {
  const bool of_all = code.about == channels::part::parameters ||
                      (code.about == channels::part::media &&
                       db.number("SELECT same_media FROM campaigns WHERE id = ?1", campaign) != 0);
  return of_all ? action::pause_campaign : code.what;
}

// What is sent over these senders; of one of several only that part.
std::vector<store::braked> sent_over(store::database& db, const std::vector<std::int64_t>& senders) {
  std::vector<store::braked> list;
  for (const auto sender : senders) {
    auto r = db.select(
        "SELECT c.id, iif((SELECT count(*) FROM campaign_senders WHERE campaign = c.id) > 1, ?1, 0) FROM campaigns c "
        "JOIN campaign_senders cs ON cs.campaign = c.id WHERE cs.sender = ?1 AND c.state IN (4, 5) ORDER BY c.id",
        sender);
    while (r.next()) list.push_back({r.integer(0), r.integer(1)});
  }
  return list;
}

}  // namespace

store::braking brake_for(store::database& db, const failures& told, std::int64_t now_ms) {
  store::braking pulled;
  for (const auto& [what, left_ms] : told) {
    const auto [campaign, code, lane] = what;
    const auto* known = channels::find_whatsapp_error(code);
    if (known == nullptr) continue;
    std::vector<store::braked> concerned;
    const auto sender = [&, lane = lane] { return store::sender_of_lane(db, lane); };
    switch (asked_for(db, campaign, *known)) {
      case action::pause_campaign:
      case action::fail_campaign:
        concerned.push_back({campaign, 0});
        break;
      case action::pause_number:
        concerned = sent_over(db, {sender()});
        break;
      case action::pause_account:
        concerned = sent_over(db, store::senders_of_account(db, sender()));
        break;
      default:
        continue;
    }
    const auto words = std::to_string(code);
    store::brake why{.reason = "the provider took messages and could not deliver them: " + std::string(known->meaning) +
                               " (code " + words + "); "};
    if (known->wait_s > 0) {
      why.cause = "failure:" + words;
      // The limit was reached when the message left, however late that is told.
      why.until_ms = std::min(left_ms, now_ms) + std::int64_t{known->wait_s} * 1000;
      if (why.until_ms <= now_ms) continue;
      why.reason += "sending goes on by itself after a while";
    } else {
      why.reason += "look at it, then resume or stop the campaign; who was not reached can be tried again (retry)";
    }
    std::erase_if(concerned, [&, left_ms = left_ms](const store::braked& each) {
      return db.number("SELECT max(at_ms) FROM history WHERE campaign = ?1 AND action = 'resume'", each.campaign) >=
                 left_ms ||
             // A message that left later holds it longer.
             (why.until_ms > 0 &&
              db.number("SELECT max(until_ms) FROM brakes WHERE campaign = ?1 AND sender IN (0, ?2) "
                        "AND cause = ?3",
                        each.campaign, each.sender, why.cause) >= why.until_ms);
    });
    const auto more = store::pull_brake(db, concerned, why, now_ms);
    pulled.campaigns.insert(pulled.campaigns.end(), more.campaigns.begin(), more.campaigns.end());
    pulled.senders.insert(pulled.senders.end(), more.senders.begin(), more.senders.end());
  }
  return pulled;
}

}  // namespace bulkmsg::inbound
