#include "inbound/account_events.hpp"

#include <algorithm>
#include <optional>

#include "bulkmsg/records/events.hpp"
#include "store/allowances.hpp"
#include "store/templates.hpp"

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

// Until when conversations may not be begun, Unix seconds, 0: nobody knows; nothing: that is not restricted.
std::optional<std::int64_t> restricted_until(const object& value) {
  simdjson::dom::array list;
  std::optional<std::int64_t> until_s;
  if (value["restriction_info"].get(list) != simdjson::SUCCESS) return until_s;
  constexpr std::int64_t year_9999 = 253'402'300'799;
  for (const element each : list) {
    object one;
    if (each.get(one) != simdjson::SUCCESS) continue;
    if (text(one, "restriction_type") != "RESTRICTED_BIZ_INITIATED_MESSAGING") continue;
    until_s = std::max(until_s.value_or(0), std::clamp<std::int64_t>(number(one, "expiration"), 0, year_9999));
  }
  return until_s;
}

// What the change is about, for people, and the row of `provider_states` that it belongs to: words of one row follow
// each other, of which the latest holds; what says nothing of a brake must not make one that comes late look old.
struct topic {
  std::string subject, row;
};
topic topic_of(std::string_view field, const object& value) {
  topic t;
  const auto event = text(value, "event").substr(0, 64);
  const bool of_template = !text(value, "message_template_name").empty();
  if (of_template) {
    t.subject = template_subject(value);
  } else if (field == "account_update") {
    t.subject = event;
  } else {
    t.subject = text(value, "display_phone_number").substr(0, 32);
  }
  t.row = t.subject;
  if (of_template && event == "FLAGGED") t.row += "/FLAGGED";
  if (field == "template_category_update" && text(value, "new_category").empty()) t.row += "/announced";
  if (field == "phone_number_quality_update" && event != "FLAGGED" && event != "UNFLAGGED")
    t.row.append("/").append(event);
  if (event == "ACCOUNT_RESTRICTION" && !restricted_until(value)) t.row += "/other";
  return t;
}

void add(const store::braking& more, store::braking& to) {
  to.campaigns.insert(to.campaigns.end(), more.campaigns.begin(), more.campaigns.end());
  to.senders.insert(to.senders.end(), more.senders.begin(), more.senders.end());
}

// A word of the provider that nothing took back holds so long for campaigns that begin to send: what takes it back may
// have been lost.
constexpr std::int64_t standing_ms = std::int64_t{7} * 24 * 3600 * 1000;

bool allows_sending(std::string_view event) {
  return event == "APPROVED" || event == "REINSTATED" || event == "UNARCHIVED";
}

// Our clock may be behind the provider's: two words that come then must not look as if told at one time. What is
// farther ahead is nonsense, and must not outweigh whatever comes later.
constexpr std::int64_t ahead_s_max = 24 * 3600;

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
  const bool approved = allows_sending(event);
  if (!outdated_ && event != "FLAGGED") {
    const std::string_view reason = text(value, "reason");
    // What a fetch has told already is no change; the same word once more is.
    db_.run(
        "UPDATE provider_templates SET changes = changes + ((status <> ?4 AND NOT (gone AND ?6)) OR gone < ?6 OR ?7), "
        "status = ?4, "
        "rejected_reason = ?5, gone = max(gone, ?6) "
        "WHERE account = ?1 AND name = ?2 AND replace(language, '-', '_') = ?3",
        account, text(value, "message_template_name"), language_of(value),
        approved ? std::string_view("APPROVED") : event, reason == "NONE" ? std::string_view() : reason,
        event == "DELETED", said_before_ == event);
    std::erase_if(f.campaigns,
                  [&](const store::braked& each) { return store::template_accepted(db_, account, each.campaign); });
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
  if (!outdated_) {
    db_.run(
        "UPDATE provider_templates SET changes = changes + 1, reworded = 1 WHERE account = ?1 AND name = ?2 AND "
        "replace(language, '-', '_') = ?3",
        account, text(value, "message_template_name"), language_of(value));
  }
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
    const auto found = restricted_until(value);
    const auto until_s = found.value_or(0);
    if (!found) {
      f.sentence = name + " is restricted";
    } else if (until_s > 0 && until_s * 1000 <= now_ms_) {
      f.sentence = name + " was restricted; that is over";
      f.released = restricted;
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
  const auto at_ms = head.time_unix_s > 0 ? std::min(head.time_unix_s, now_ms_ / 1000 + ahead_s_max) * 1000 : now_ms_;
  const auto kept = json.size() <= value_max ? json : std::string_view("{}");

  // Whether it is news is known by what it is about, before anything is done about it.
  const auto [subject, row] = is_object ? topic_of(field, value) : topic{};
  at_ms_ = at_ms;
  outdated_ = false;
  said_before_.clear();
  {
    auto r = db_.select(
        "SELECT at_ms, value, value ->> 'event' FROM provider_states WHERE account = ?1 AND field = ?2 AND subject = "
        "?3",
        head.account, field, row);
    if (r.next()) {
      if (r.integer(0) == at_ms && r.text(1) == kept) return;  // the same webhook once more
      outdated_ = at_ms < r.integer(0);
      said_before_ = r.text(2);
    }
  }
  auto f = is_object ? judge(head, field, value) : finding{};
  if (!outdated_) {
    db_.run(
        "INSERT INTO provider_states(account, field, subject, at_ms, value) VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT(account, field, subject) DO UPDATE SET at_ms = ?4, value = ?5",
        head.account, field, row, at_ms, kept);
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

store::braking account_events::stand_by(std::int64_t campaign) {
  struct word {
    channels::change_head head;
    std::string account, field, json;
    std::int64_t at_ms = 0;
  };
  std::vector<word> words;
  {
    // How a template stands that was fetched is known better: it is not begun to be sent, or was seen to be well again.
    auto r = db_.select(
        "SELECT s.account, s.field, s.value, s.at_ms FROM provider_states s JOIN campaigns c ON c.id = ?1 JOIN "
        "templates t ON t.id = c.template WHERE s.field IN ('phone_number_quality_update', 'account_update') OR "
        "(s.field IN ('message_template_status_update', 'message_template_quality_update') AND s.subject = t.name || "
        "'/' || replace(t.language, '-', '_') AND NOT EXISTS(SELECT 1 FROM provider_templates p WHERE p.account = "
        "s.account AND p.name = t.name AND p.language = t.language AND (s.field = 'message_template_status_update' OR "
        "p.quality <> 'RED')))",
        campaign);
    while (r.next())
      words.push_back({{}, std::string(r.text(0)), std::string(r.text(1)), std::string(r.text(2)), r.integer(3)});
  }
  store::braking held;
  outdated_ = true;  // nothing is news
  for (auto& w : words) {
    object value;
    if (parser_.parse(w.json).get(value) != simdjson::SUCCESS) continue;
    w.head.account = w.account;
    at_ms_ = w.at_ms;
    auto f = judge(w.head, w.field, value);
    const bool holds = f.brake.until_ms > now_ms_ || w.at_ms > now_ms_ - standing_ms;
    if (f.brake.reason.empty() || !holds) continue;
    std::erase_if(f.campaigns, [&](const store::braked& each) { return each.campaign != campaign; });
    add(store::pull_brake(db_, f.campaigns, f.brake, now_ms_), held);
  }
  return held;
}

namespace {

std::string told_key(std::string_view field, std::string_view subject) {
  return std::string(field).append("\n").append(subject);
}

}  // namespace

template_words_told told_of_templates(store::database& db, const std::string& account) {
  template_words_told told;
  auto r = db.select(
      "SELECT field, subject, at_ms FROM provider_states WHERE account = ?1 AND field IN "
      "('message_template_status_update', 'message_template_quality_update', 'message_template_components_update')",
      account);
  while (r.next()) told.emplace(told_key(r.text(0), r.text(1)), r.integer(2));
  return told;
}

template_told told_since(store::database& db, const std::string& account, const template_words_told& before,
                         const std::string& name, std::string language) {
  std::replace(language.begin(), language.end(), '-', '_');
  const auto subject = name + '/' + language;
  template_told told;
  auto r = db.select(
      "SELECT field, at_ms, value ->> 'event', value ->> 'new_quality_score' FROM provider_states WHERE account = ?1 "
      "AND subject = ?2 AND field IN ('message_template_status_update', 'message_template_quality_update', "
      "'message_template_components_update')",
      account, subject);
  while (r.next()) {
    const auto known = before.find(told_key(r.text(0), subject));
    if (known != before.end() && known->second == r.integer(1)) continue;
    if (r.text(0) == "message_template_status_update") {
      told.status = allows_sending(r.text(2)) ? "APPROVED" : r.text(2);
    } else if (r.text(0) == "message_template_quality_update") {
      told.quality = r.text(3);
    } else {
      told.reworded = true;
    }
  }
  return told;
}

store::braking release_listed(store::database& db, const std::string& account, const template_words_told& before,
                              std::int64_t now_ms) {
  std::vector<std::string> over;
  {
    auto r = db.select(
        "SELECT DISTINCT b.cause, s.field, s.subject, s.at_ms FROM provider_templates p JOIN provider_states s ON "
        "s.account = p.account AND s.subject = p.name || '/' || replace(p.language, '-', '_') JOIN brakes b ON b.cause "
        "= iif(s.field = 'message_template_status_update', 'template:', 'quality:') || p.account || ':' || s.subject "
        "WHERE p.account = ?1 AND p.gone = 0 AND ((s.field = 'message_template_status_update' AND p.status = "
        "'APPROVED') OR (s.field = 'message_template_quality_update' AND p.quality <> 'RED'))",
        account);
    while (r.next()) {
      const auto known = before.find(told_key(r.text(1), r.text(2)));
      if (known != before.end() && known->second == r.integer(3)) over.emplace_back(r.text(0));
    }
  }
  store::braking going;
  for (const auto& cause : over) add(store::release_brake(db, cause, now_ms), going);
  return going;
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
