#include "store/campaigns.hpp"

#include <utility>

#include "bulkmsg/records/events.hpp"
#include "store/accounts.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"
#include "store/unconfirmed.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::size_t senders_max = 64;

[[noreturn]] void conflict(std::string why) { throw store_error{error{errc::conflict, std::move(why), 0, 0}}; }

// The first sender, when there is one; what the campaign names must be there and go together.
sender_settings check_named(database& db, const campaign_row& c) {
  if (c.content != 0) static_cast<void>(read_template(db, c.content));
  if (c.account != 0) static_cast<void>(read_account(db, c.account));
  const auto first = c.sender != 0 ? read_sender(db, c.sender) : sender_settings{};
  if (c.senders.size() > senders_max) conflict("a campaign names at most 64 senders");
  for (std::size_t i = 1; i < c.senders.size(); ++i) {
    const auto other = read_sender(db, c.senders[i]);
    const auto both = "senders '" + first.name + "' and '" + other.name + "'";
    if (other.channel != first.channel || other.channel_description != first.channel_description) {
      conflict(both +
               " are of different channels: the same recipients and words cannot go over both; make a campaign "
               "for each channel");
    }
    for (std::size_t j = 0; j < i; ++j) {
      const auto before = read_sender(db, c.senders[j]);
      const bool same = other.phone_number_id.empty() ? other.origin == before.origin && other.token == before.token
                                                      : other.phone_number_id == before.phone_number_id;
      if (other.name != before.name && !same) continue;
      conflict("senders '" + before.name + "' and '" + other.name +
               "' are the same number or account, which would then be asked for twice its limits; name it once");
    }
  }
  return first;
}

void put_senders(database& db, std::int64_t campaign, const campaign_row& c) {
  db.run("DELETE FROM campaign_senders WHERE campaign = ?1", campaign);
  std::int64_t place = 0;
  const auto put = [&](std::int64_t sender) {
    db.run("INSERT INTO campaign_senders(campaign, place, sender) VALUES (?1, ?2, ?3)", campaign, place++, sender);
  };
  if (c.senders.empty() && c.sender != 0) put(c.sender);
  for (const auto sender : c.senders) put(sender);
}

}  // namespace

std::int64_t insert_campaign(database& db, const campaign_row& c, std::int64_t now_ms, std::string_view actor) {
  const auto sender = check_named(db, c);
  db.run(
      "INSERT INTO campaigns(name, state, sender, template, account, mapping, created_at_ms, agent, reply_to, "
      "require_consent, content_rules, credits_per_message, test_of, weight, urgent, hours, hours_in) VALUES (?1, ?2, "
      "?3, ?4, ?5, ?6, ?7, ?8, ?9, nullif(?10, -1), ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
      c.name, campaign_state::draft, c.sender, c.content, c.account, c.mapping, now_ms,
      c.agent.empty() ? sender.agent : c.agent, c.reply_to.empty() ? sender.reply_to : c.reply_to,
      c.require_consent ? static_cast<int>(*c.require_consent) : -1, c.content_rules, c.credits_per_message, c.test_of,
      c.weight, c.urgent, c.hours, c.hours_in);
  const auto id = db.last_id();
  put_senders(db, id, c);
  note_history(db, id, "create", c.name, now_ms, actor);
  return id;
}

void edit_campaign(database& db, std::int64_t campaign, const campaign_row& c, std::int64_t now_ms,
                   std::string_view actor) {
  check_call(db, campaign, campaign_call::edit);
  const auto sender = check_named(db, c);
  const auto before = read_campaign(db, campaign);
  if (before.recipients > 0 && read_sender(db, before.sender).channel != sender.channel) {
    throw store_error{error{errc::conflict,
                            "the campaign's recipients are addresses of another channel; make a new campaign for this "
                            "sender",
                            0, 0}};
  }
  db.run(
      "UPDATE campaigns SET name = ?2, sender = ?3, template = ?4, account = ?5, mapping = ?6, agent = ?7, "
      "reply_to = ?8, require_consent = nullif(?9, -1), content_rules = ?10, credits_per_message = ?11, "
      "weight = ?12, urgent = ?13, hours = ?14, hours_in = ?15 WHERE id = ?1",
      campaign, c.name, c.sender, c.content, c.account, c.mapping, c.agent.empty() ? sender.agent : c.agent,
      c.reply_to.empty() ? sender.reply_to : c.reply_to, c.require_consent ? static_cast<int>(*c.require_consent) : -1,
      c.content_rules, c.credits_per_message, c.weight, c.urgent, c.hours, c.hours_in);
  put_senders(db, campaign, c);
  note_history(db, campaign, "edit", c.name, now_ms, actor);
}

campaign_row read_campaign(database& db, std::int64_t campaign) {
  std::vector<std::int64_t> senders;
  {
    auto r = db.select("SELECT sender FROM campaign_senders WHERE campaign = ?1 ORDER BY place", campaign);
    while (r.next()) senders.push_back(r.integer(0));
  }
  auto r = db.select(
      "SELECT id, name, state, reason, sender, template, account, reservation, mapping, columns, recipients, rejects, "
      "plan_hash, start_key, agent, reply_to, require_consent, screened_out, content_rules, credits_per_message, "
      "test_of, scheduled_at_ms, max_lateness_ms, weight, urgent, hours, hours_in FROM campaigns WHERE id = ?1",
      campaign);
  if (!r.next()) no_such("campaign", campaign);
  const auto text = [&](int i) { return std::string(r.text(i)); };
  return {.id = r.integer(0),
          .name = text(1),
          .state = static_cast<campaign_state>(r.integer(2)),
          .reason = text(3),
          .sender = r.integer(4),
          .content = r.integer(5),
          .account = r.integer(6),
          .reservation = r.integer(7),
          .senders = std::move(senders),
          .mapping = text(8),
          .columns = text(9),
          .content_rules = text(18),
          .recipients = r.integer(10),
          .rejects = r.integer(11),
          .plan_hash = text(12),
          .start_key = text(13),
          .agent = text(14),
          .reply_to = text(15),
          .require_consent = r.is_null(16) ? std::nullopt : std::optional(r.integer(16) != 0),
          .screened_out = r.integer(17),
          .credits_per_message = r.integer(19),
          .test_of = r.integer(20),
          .scheduled_at_ms = r.integer(21),
          .max_lateness_ms = r.integer(22),
          .weight = r.integer(23),
          .urgent = r.integer(24) != 0,
          .hours = text(25),
          .hours_in = text(26)};
}

void check_call(database& db, std::int64_t campaign, campaign_call call) {
  if (auto ok = check_call(read_campaign(db, campaign).state, call); !ok) throw store_error{std::move(ok.error())};
}

void erase_draft(database& db, std::int64_t campaign, std::int64_t now_ms, std::string_view actor) {
  check_call(db, campaign, campaign_call::discard);
  const auto name = read_campaign(db, campaign).name;
  db.run("DELETE FROM campaigns WHERE id = ?1", campaign);
  db.run("DELETE FROM campaign_senders WHERE campaign = ?1", campaign);
  db.run("DELETE FROM consent_statements WHERE campaign = ?1", campaign);
  // Only that there was one stays.
  db.run("DELETE FROM history WHERE campaign = ?1", campaign);
  db.run("DELETE FROM events WHERE campaign = ?1", campaign);
  note_history(db, 0, "discard", "campaign " + std::to_string(campaign) + " '" + name + "'", now_ms, actor);
}

void change_state(database& db, std::int64_t campaign, campaign_state to, std::string_view verb,
                  std::string_view reason, std::int64_t now_ms, std::string_view actor) {
  const auto row = read_campaign(db, campaign);
  if (auto ok = check_transition(row.state, to, verb); !ok) throw store_error{std::move(ok.error())};
  db.run(
      "UPDATE campaigns SET state = ?2, reason = ?3, "
      "started_at_ms = CASE WHEN ?5 AND started_at_ms = 0 THEN ?4 ELSE started_at_ms END, "
      "finished_at_ms = CASE WHEN ?6 THEN ?4 ELSE 0 END WHERE id = ?1",
      campaign, to, reason, now_ms, to == campaign_state::sending, is_final(to));
  if (to != campaign_state::paused) db.run("DELETE FROM brakes WHERE campaign = ?1", campaign);
  note_history(db, campaign, verb, reason, now_ms, actor);
  db.run("INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, ?3, ?4, json_object('reason', ?5))",
         now_ms, event_kind::campaign_changed, campaign, to, reason);
}

void add_reason(database& db, std::int64_t campaign, std::string_view reason, std::int64_t now_ms) {
  const int changed = db.run(
      "UPDATE campaigns SET reason = reason || iif(reason = '', '', '; ') || ?2 WHERE id = ?1 AND instr(reason, ?2) = "
      "0",
      campaign, reason);
  if (changed > 0) note_history(db, campaign, "pause", reason, now_ms, "engine");
}

void set_schedule(database& db, std::int64_t campaign, const schedule_options& when, std::int64_t at_ms) {
  db.run("UPDATE campaigns SET scheduled_at_ms = ?2, scheduled_as = ?3, max_lateness_ms = ?4 WHERE id = ?1", campaign,
         at_ms, when.at, when.max_lateness.count());
}

schedules due_schedules(database& db, std::int64_t now_ms) {
  schedules found;
  auto r = db.select("SELECT id FROM campaigns WHERE state = 2 AND scheduled_at_ms <= ?1 ORDER BY scheduled_at_ms, id",
                     now_ms);
  while (r.next()) found.due.push_back(r.integer(0));
  found.next_ms =
      db.number("SELECT min(scheduled_at_ms) FROM campaigns WHERE state = 2 AND scheduled_at_ms > ?1", now_ms);
  return found;
}

void note_history(database& db, std::int64_t campaign, std::string_view action, std::string_view reason,
                  std::int64_t now_ms, std::string_view actor) {
  db.run("INSERT INTO history(at_ms, campaign, action, reason, actor) VALUES (?1, ?2, ?3, ?4, ?5)", now_ms, campaign,
         action, reason, actor);
}

bool exhausted(database& db, std::int64_t campaign) {
  return db.number("SELECT total - sent - failed - unconfirmed - skipped FROM campaigns WHERE id = ?1", campaign) == 0;
}

void finish(database& db, std::int64_t campaign, std::int64_t now_ms) {
  const auto row = read_campaign(db, campaign);
  if (row.state == campaign_state::stopped) drop_repeats(db, campaign);
  const auto keep = db.number("SELECT unconfirmed * credits_per_message FROM campaigns WHERE id = ?1", campaign);
  const auto held = read_reservation(db, row.reservation).held();
  if (held > keep) void_(db, row.reservation, held - keep, now_ms);
  if (row.state == campaign_state::sending) {
    change_state(db, campaign, campaign_state::completed, "complete", "", now_ms);
  }
}

void finish_stopped(database& db, std::int64_t now_ms) {
  std::vector<std::int64_t> stopped;
  {
    auto r = db.select(
        "SELECT c.id FROM campaigns c JOIN reservations r ON r.id = c.reservation "
        "WHERE c.state = ?1 AND r.monthly + r.topup > c.unconfirmed * c.credits_per_message",
        campaign_state::stopped);
    while (r.next()) stopped.push_back(r.integer(0));
  }
  for (const auto id : stopped) finish(db, id, now_ms);
}

}  // namespace bulkmsg::store
