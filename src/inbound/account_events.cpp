#include "inbound/account_events.hpp"

#include <algorithm>

#include "bulkmsg/records/events.hpp"
#include "store/allowances.hpp"

namespace bulkmsg::inbound {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t value_max = 64 * 1024;  // of what is kept; a longer one is told by its field only

std::string_view text(const object& from, std::string_view key) {
  std::string_view found;
  return from[key].get(found) == simdjson::SUCCESS ? found : std::string_view();
}
std::int64_t number(const object& from, std::string_view key) {
  std::int64_t found = 0;
  return from[key].get(found) == simdjson::SUCCESS ? found : 0;
}

// A string, or a whole number as text.
std::string word(const object& from, std::string_view key) {
  std::int64_t n = 0;
  if (from[key].get(n) == simdjson::SUCCESS) return std::to_string(n);
  return std::string(text(from, key));
}

// The provider writes en-US and en_US.
std::string language_of(const object& value) {
  std::string language(text(value, "message_template_language").substr(0, 64));
  std::replace(language.begin(), language.end(), '-', '_');
  return language;
}
std::string template_subject(const object& value) {
  return std::string(text(value, "message_template_name").substr(0, 512)) + "/" + language_of(value);
}
std::string label(const object& value) {
  return "template '" + std::string(text(value, "message_template_name").substr(0, 512)) + "' (" + language_of(value) +
         ")";
}
std::string cause(const char* what, std::string_view account, const std::string& subject) {
  return std::string(what) + ":" + std::string(account) + ":" + subject;
}

void add(const store::braking& more, store::braking& to) {
  to.campaigns.insert(to.campaigns.end(), more.campaigns.begin(), more.campaigns.end());
  to.senders.insert(to.senders.end(), more.senders.begin(), more.senders.end());
}

constexpr const char* by_itself = "; sending goes on by itself when that is over";
constexpr const char* by_hand = "; look at it, then resume or stop the campaign";

}  // namespace

std::vector<store::braked> account_events::campaigns_of_template(std::string_view account, const object& value) {
  std::vector<store::braked> list;
  auto r = db_.select(
      "SELECT DISTINCT c.id FROM campaigns c JOIN campaign_senders cs ON cs.campaign = c.id JOIN senders s ON s.id = "
      "cs.sender JOIN templates t ON t.id = c.template "
      "WHERE c.state IN (4, 5) AND s.business_account_id IN (?1, '') AND t.kind = 'provider' AND t.name = ?2 "
      "AND replace(t.language, '-', '_') = ?3 ORDER BY c.id",
      account, text(value, "message_template_name"), language_of(value));
  while (r.next()) list.push_back({r.integer(0), 0});
  return list;
}

std::vector<store::braked> account_events::campaigns_of_account(std::string_view account, std::string_view display) {
  std::string phone_number_id;
  if (!display.empty()) {
    auto r = db_.select(
        "SELECT value ->> 'phone_number_id' FROM provider_states WHERE account = ?1 AND field = 'display_number' "
        "AND subject = ?2",
        account, display);
    if (r.next()) phone_number_id = r.text(0);
  }
  std::vector<store::braked> list;
  auto r = db_.select(
      "SELECT c.id, iif((SELECT count(*) FROM campaign_senders WHERE campaign = c.id) > 1, s.id, 0) "
      "FROM campaigns c JOIN campaign_senders cs ON cs.campaign = c.id JOIN senders s ON s.id = cs.sender "
      "WHERE c.state IN (4, 5) "
      "AND s.channel = 'whatsapp_cloud' AND s.business_account_id IN (?1, '') "
      "AND (?2 = '' OR s.phone_number_id = ?2) ORDER BY c.id, s.id",
      account, phone_number_id);
  while (r.next()) list.push_back({r.integer(0), r.integer(1)});
  return list;
}

account_events::finding account_events::template_status(std::string_view account, const object& value) {
  finding f;
  const auto event = text(value, "event");
  f.subject = template_subject(value);
  f.campaigns = campaigns_of_template(account, value);
  const auto pausing = cause("template", account, f.subject);
  const bool approved = event == "APPROVED" || event == "REINSTATED" || event == "UNARCHIVED";
  if (!outdated_ && event != "FLAGGED") {
    const std::string_view reason = text(value, "reason");
    db_.run(
        "UPDATE provider_templates SET status = ?4, rejected_reason = ?5, gone = max(gone, ?6) "
        "WHERE account = ?1 AND name = ?2 AND replace(language, '-', '_') = ?3",
        account, text(value, "message_template_name"), language_of(value),
        approved ? std::string_view("APPROVED") : event, reason == "NONE" ? std::string_view() : reason,
        event == "DELETED");
  }
  if (approved) {
    f.sentence = label(value) + " may be sent" + (event == "APPROVED" ? "" : " again");
    f.released = pausing;
    return f;
  }
  if (event == "FLAGGED") {
    f.sentence = label(value) + " gets bad feedback; unless that changes the provider will pause it";
    return f;
  }
  if (event == "PAUSED") {
    std::string_view title;
    if (object more; value["other_info"].get(more) == simdjson::SUCCESS) title = text(more, "title");
    f.sentence = "the provider paused " + label(value) + " because of bad feedback" +
                 (title == "FIRST_PAUSE"    ? ", for the first time: usually for 3 hours"
                  : title == "SECOND_PAUSE" ? ", for the second time: usually for 6 hours; the third time disables it"
                                            : "");
    f.brake = {.cause = pausing, .reason = f.sentence + by_itself};
    return f;
  }
  f.sentence = label(value) + " is " + std::string(event.substr(0, 64)) + " at the provider";
  const auto reason = text(value, "reason");
  if (!reason.empty() && reason != "NONE") f.sentence += " (" + std::string(reason.substr(0, 200)) + ")";
  f.sentence += "; it cannot be sent now";
  f.brake = {.reason = f.sentence + by_hand};
  return f;
}

account_events::finding account_events::template_quality(std::string_view account, const object& value) {
  finding f;
  const auto now = text(value, "new_quality_score");
  f.subject = template_subject(value);
  f.campaigns = campaigns_of_template(account, value);
  if (!outdated_) {
    db_.run(
        "UPDATE provider_templates SET quality = ?4 WHERE account = ?1 AND name = ?2 AND "
        "replace(language, '-', '_') = ?3",
        account, text(value, "message_template_name"), language_of(value), now);
  }
  f.sentence = "the quality of " + label(value) + " is " + std::string(now.substr(0, 32));
  if (now == "RED") {
    f.sentence += ": many people block or report it";
    f.brake = {.cause = cause("quality", account, f.subject), .reason = f.sentence + by_itself};
  } else {
    if (now == "YELLOW") f.sentence += ": people begin to block or report it; send less of it, or change it";
    f.released = cause("quality", account, f.subject);
  }
  return f;
}

account_events::finding account_events::template_category(std::string_view account, const object& value) {
  finding f;
  const auto now = text(value, "new_category");
  f.subject = template_subject(value);
  if (now.empty()) {
    f.sentence = "the provider is going to change the category of " + label(value) + " to " +
                 std::string(text(value, "correct_category").substr(0, 64));
    return f;
  }
  if (!outdated_) {
    db_.run(
        "UPDATE provider_templates SET category = ?4 WHERE account = ?1 AND name = ?2 AND "
        "replace(language, '-', '_') = ?3",
        account, text(value, "message_template_name"), language_of(value), now);
  }
  f.sentence = "the provider changed the category of " + label(value) + " from " +
               std::string(text(value, "previous_category").substr(0, 64)) + " to " + std::string(now.substr(0, 64));
  if (now == "MARKETING") {
    // Whoever is sending it as marketing already has asked for consent and knows the price.
    f.campaigns = campaigns_of_template(account, value);
    std::erase_if(f.campaigns, [&](const store::braked& each) {
      return db_.number("SELECT marketing FROM campaigns WHERE id = ?1", each.campaign) != 0;
    });
    f.brake = {.reason = f.sentence + ": it has another price now and needs consent" + by_hand};
  }
  return f;
}

account_events::finding account_events::template_words(std::string_view account, const object& value) {
  finding f;
  f.subject = template_subject(value);
  f.campaigns = campaigns_of_template(account, value);
  f.sentence = "the words of " + label(value) + " were changed at the provider";
  f.brake = {.reason = f.sentence + "; fetch the templates, look at it, and make the campaign again"};
  return f;
}

account_events::finding account_events::number_quality(std::string_view account, const object& value) {
  finding f;
  const auto event = text(value, "event");
  f.subject = text(value, "display_phone_number").substr(0, 32);
  const auto flagged = cause("number", account, f.subject);
  f.sentence = "number " + f.subject + ": " + std::string(event.substr(0, 64));
  if (const auto limit = text(value, "current_limit"); !limit.empty()) {
    f.sentence += ", limit " + std::string(limit.substr(0, 64));
  }
  if (event == "THROUGHPUT_UPGRADE") keep_throughput(account, f.subject, pacing::upgraded_per_second);
  const auto tier = word(value, "max_daily_conversations_per_business");
  keep_messaging_limit(account, tier.empty() ? word(value, "current_limit") : tier);
  if (event == "FLAGGED") {
    f.campaigns = campaigns_of_account(account, f.subject);
    f.sentence = "the quality of number " + f.subject + " is red: many people block or report its messages";
    f.brake = {.cause = flagged, .reason = f.sentence + by_itself};
  } else if (event == "UNFLAGGED") {
    f.released = flagged;
  }
  return f;
}

void account_events::keep_messaging_limit(std::string_view account, std::string_view tier) {
  if (tier.empty() || !store::put_messaging_limit(db_, account, pacing::recipients_of_tier(tier), at_ms_)) return;
  for (const auto id : store::senders_that_follow(db_, account)) limits_changed.push_back(id);
}

void account_events::keep_throughput(std::string_view account, std::string_view display_number,
                                     std::int64_t per_second) {
  if (!store::put_throughput(db_, account, display_number, per_second, at_ms_)) return;
  for (const auto id : store::senders_that_follow(db_, account)) limits_changed.push_back(id);
}

account_events::finding account_events::business_capability(std::string_view account, const object& value) {
  finding f;
  auto tier = word(value, "max_daily_conversations_per_business");
  if (tier.empty()) tier = word(value, "max_daily_conversation_per_phone");  // as it was told before
  if (tier.empty()) return f;
  const auto recipients = pacing::recipients_of_tier(tier);
  f.sentence = "the business account " + std::string(account.substr(0, 64)) + " may begin conversations with " +
               (recipients == 0 ? "any number of" : std::to_string(recipients)) + " people in 24 hours";
  keep_messaging_limit(account, tier);
  return f;
}

account_events::finding account_events::account_update(std::string_view account, const object& value) {
  finding f;
  const auto event = text(value, "event");
  const std::string name = "the business account " + std::string(account.substr(0, 64));
  const auto restricted = cause("restriction", account, ""), disabled = cause("ban", account, "");
  f.campaigns = campaigns_of_account(account);
  f.sentence = name + ": " + std::string(event.substr(0, 64));
  if (event == "ACCOUNT_VIOLATION") {
    std::string_view what;
    if (object info; value["violation_info"].get(info) == simdjson::SUCCESS) what = text(info, "violation_type");
    f.sentence =
        name + " broke the provider's rules (" + std::string(what.substr(0, 64)) + "); a restriction may follow";
  } else if (event == "ACCOUNT_RESTRICTION") {
    simdjson::dom::array list;
    std::int64_t until_s = 0;
    bool found = false;
    if (value["restriction_info"].get(list) == simdjson::SUCCESS) {
      for (const element each : list) {
        object one;
        if (each.get(one) != simdjson::SUCCESS) continue;
        if (text(one, "restriction_type") != "RESTRICTED_BIZ_INITIATED_MESSAGING") continue;
        found = true;
        until_s = std::max(until_s, number(one, "expiration"));
      }
    }
    constexpr std::int64_t year_9999 = 253'402'300'799;
    until_s = std::clamp<std::int64_t>(until_s, 0, year_9999);
    if (!found) {
      f.sentence = name + " is restricted";
    } else if (until_s > 0 && until_s * 1000 <= now_ms_) {
      f.sentence = name + " was restricted; that is over";
    } else {
      f.sentence = "the provider does not let " + name + " begin conversations";
      f.brake = {
          .cause = restricted,
          .until_ms = until_s * 1000,
          .reason = f.sentence + (until_s > 0 ? "; sending goes on by itself when the restriction ends" : by_hand)};
      if (until_s == 0) f.brake.cause.clear();
    }
  } else if (event == "DISABLED_UPDATE") {
    std::string_view state;
    if (object info; value["ban_info"].get(info) == simdjson::SUCCESS) state = text(info, "waba_ban_state");
    if (state == "REINSTATE") {
      f.sentence = name + " works again";
      f.released = disabled;
    } else if (state == "SCHEDULE_FOR_DISABLE") {
      f.sentence = name + " is going to be disabled by the provider";
    } else {
      f.sentence = "the provider disabled " + name;
      f.brake = {.cause = disabled, .reason = f.sentence + "; sending goes on by itself when it is reinstated"};
    }
  } else if (event == "ACCOUNT_DELETED") {
    f.sentence = name + " was deleted";
    f.brake = {.reason = f.sentence + by_hand};
  }
  return f;
}

account_events::finding account_events::judge(const channels::change_head& head, std::string_view field,
                                              const object& value) {
  const auto account = head.account;
  if (!text(value, "message_template_name").empty()) {
    if (field == "message_template_quality_update") return template_quality(account, value);
    if (field == "template_category_update") return template_category(account, value);
    if (field == "message_template_components_update") return template_words(account, value);
    if (!text(value, "event").empty()) return template_status(account, value);
  }
  if (field == "phone_number_quality_update") return number_quality(account, value);
  if (field == "account_update") return account_update(account, value);
  if (field == "business_capability_update") return business_capability(account, value);
  return {};
}

void account_events::take(const channels::change_head& head, std::string_view field, std::string_view json) {
  object value;
  const bool is_object = parser_.parse(json).get(value) == simdjson::SUCCESS;
  const auto at_ms = head.time_unix_s > 0 ? std::min(head.time_unix_s, now_ms_ / 1000) * 1000 : now_ms_;
  const auto kept = json.size() <= value_max ? json : std::string_view("{}");

  // Whether it is news is known by what it is about, before anything is done about it.
  std::string subject;
  if (is_object) {
    subject = !text(value, "message_template_name").empty()
                  ? template_subject(value)
                  : std::string(text(value, "display_phone_number").substr(0, 32));
    if (field == "account_update") subject = text(value, "event").substr(0, 64);
  }
  at_ms_ = at_ms;
  outdated_ = false;
  {
    auto r = db_.select("SELECT at_ms, value FROM provider_states WHERE account = ?1 AND field = ?2 AND subject = ?3",
                        head.account, field, subject);
    if (r.next()) {
      if (r.integer(0) == at_ms && r.text(1) == kept) return;  // the same webhook once more
      outdated_ = at_ms < r.integer(0);
    }
  }
  auto f = is_object ? judge(head, field, value) : finding{};
  if (!outdated_) {
    db_.run(
        "INSERT INTO provider_states(account, field, subject, at_ms, value) VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT(account, field, subject) DO UPDATE SET at_ms = ?4, value = ?5",
        head.account, field, subject, at_ms, kept);
    if (!f.brake.reason.empty()) {
      add(store::pull_brake(db_, f.campaigns, f.brake, now_ms_), paused);
    }
    if (!f.released.empty()) {
      add(store::release_brake(db_, f.released, now_ms_), resumed);
    }
  }
  db_.run(
      "INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, 0, 0, json_object('field', ?3, "
      "'account', ?4, 'about', ?5, 'told_at_ms', ?6, 'sentence', ?7, 'outdated', json(?8), 'value', json(?9)))",
      now_ms_, event_kind::notice, field, head.account, subject, at_ms, f.sentence, outdated_ ? "true" : "false", kept);
  told = true;
}

void keep_display_number(store::database& db, const channels::change_head& head, std::int64_t now_ms) {
  if (head.display_phone_number.empty() || head.phone_number_id.empty()) return;
  db.run(
      "INSERT INTO provider_states(account, field, subject, at_ms, value) "
      "VALUES (?1, 'display_number', ?2, ?3, json_object('phone_number_id', ?4)) "
      "ON CONFLICT(account, field, subject) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
      head.account, head.display_phone_number.substr(0, 32), now_ms, head.phone_number_id.substr(0, 64));
}

}  // namespace bulkmsg::inbound
