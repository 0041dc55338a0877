#include "store/campaigns.hpp"

#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/recipients/judge.hpp"
#include "bulkmsg/records/events.hpp"
#include "store/accounts.hpp"
#include "store/suppressions.hpp"
#include "store/unconfirmed.hpp"

namespace bulkmsg::store {

namespace {

[[noreturn]] void not_found(const char* what, std::int64_t id) {
  throw store_error{error{errc::not_found, std::string("no ") + what + " with id " + std::to_string(id), 0, 0}};
}

constexpr std::int64_t wide(std::int64_t high, std::int64_t low) { return (high << 32) | low; }

}  // namespace

std::int64_t put_sender(database& db, const sender_settings& s) {
  db.run(
      "INSERT INTO senders(name, origin, api_version, phone_number_id, business_account_id, token, app_secret, "
      "verify_token, limits, connections_max, response_timeout_ms, tls_ca_file, channel, channel_description, "
      "marketing_endpoint, agent, reply_to, time_zone, portfolio, server_faults_refuse, opt_out_words) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21) "
      "ON CONFLICT(name) DO UPDATE SET origin = ?2, api_version = ?3, phone_number_id = ?4, business_account_id = ?5, "
      "token = ?6, app_secret = ?7, verify_token = ?8, limits = ?9, connections_max = ?10, response_timeout_ms = ?11, "
      "tls_ca_file = ?12, channel = ?13, channel_description = ?14, marketing_endpoint = ?15, agent = ?16, "
      "reply_to = ?17, time_zone = ?18, portfolio = ?19, server_faults_refuse = ?20, opt_out_words = ?21",
      s.name, s.origin, s.api_version, s.phone_number_id, s.business_account_id, s.token, s.app_secret, s.verify_token,
      s.limits, s.connections_max, s.response_timeout.count(), s.tls_ca_file, s.channel, s.channel_description,
      s.marketing_endpoint, s.agent, s.reply_to, s.time_zone, s.portfolio, s.server_faults_refuse, s.opt_out_words);
  return db.number("SELECT id FROM senders WHERE name = ?1", s.name);
}

sender_settings read_sender(database& db, std::int64_t sender) {
  auto r = db.select(
      "SELECT name, channel, channel_description, origin, api_version, phone_number_id, business_account_id, "
      "marketing_endpoint, token, app_secret, verify_token, agent, reply_to, limits, connections_max, "
      "response_timeout_ms, tls_ca_file, time_zone, portfolio, server_faults_refuse, opt_out_words FROM senders "
      "WHERE id = ?1",
      sender);
  if (!r.next()) not_found("sender", sender);
  const auto text = [&](int i) { return std::string(r.text(i)); };
  return {.name = text(0),
          .channel = text(1),
          .channel_description = text(2),
          .origin = text(3),
          .api_version = text(4),
          .phone_number_id = text(5),
          .business_account_id = text(6),
          .marketing_endpoint = r.integer(7) != 0,
          .server_faults_refuse = r.integer(19) != 0,
          .token = text(8),
          .app_secret = text(9),
          .verify_token = text(10),
          .agent = text(11),
          .reply_to = text(12),
          .limits = text(13),
          .time_zone = text(17),
          .portfolio = text(18),
          .connections_max = static_cast<int>(r.integer(14)),
          .response_timeout = std::chrono::milliseconds(r.integer(15)),
          .tls_ca_file = text(16),
          .opt_out_words = text(20)};
}

std::vector<std::int64_t> sender_ids(database& db) {
  std::vector<std::int64_t> ids;
  auto r = db.select("SELECT id FROM senders ORDER BY id");
  while (r.next()) ids.push_back(r.integer(0));
  return ids;
}

std::vector<std::int64_t> senders_of_account(database& db, std::int64_t sender) {
  std::vector<std::int64_t> ids;
  auto r = db.select(
      "SELECT s.id FROM senders s JOIN senders me ON me.id = ?1 WHERE s.id = me.id OR (s.business_account_id = "
      "me.business_account_id AND s.business_account_id <> '') OR (s.token = me.token AND s.token <> '') ORDER BY s.id",
      sender);
  while (r.next()) ids.push_back(r.integer(0));
  return ids;
}

std::int64_t put_template(database& db, const std::string& name, const std::string& language, std::string_view json,
                          std::string_view kind) {
  db.run("INSERT INTO templates(name, language, json, kind) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING", name,
         language, json, kind);
  return db.number("SELECT id FROM templates WHERE name = ?1 AND language = ?2 AND json = ?3", name, language, json);
}

std::int64_t find_own_message(database& db, const std::string& name) {
  auto r = db.select("SELECT id FROM templates WHERE name = ?1 AND kind = 'own' ORDER BY id DESC LIMIT 1", name);
  if (r.next()) return r.integer(0);
  throw store_error{error{
      errc::not_found,
      "no own message is saved under '" + name + "'; the names are in `saved_messages` or `bulkmsg own list`", 0, 0}};
}

std::int64_t last_inbound(database& db, std::string_view address, std::string_view phone_number_id) {
  // By all names of the person: they may have written under another one.
  return db.number(
      "SELECT max(last_inbound_ms) FROM conversations "
      "WHERE person IN (SELECT ?1 UNION ALL SELECT alias FROM identities WHERE person = ?1) "
      "AND (?2 = '' OR phone_number_id = ?2)",
      person_of(db, address), phone_number_id);
}

std::string read_template(database& db, std::int64_t content) {
  auto r = db.select("SELECT json FROM templates WHERE id = ?1", content);
  if (!r.next()) not_found("template", content);
  return std::string(r.text(0));
}

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
  if (!r.next()) not_found("campaign", campaign);
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
  // The number may be another campaign's later: only that there was one stays.
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

void append_recipients(database& db, std::int64_t campaign, const recipient_batch& batch, const std::string& columns) {
  check_call(db, campaign, campaign_call::add_recipients);
  const auto row = read_campaign(db, campaign);
  if (row.recipients > 0 && row.columns != columns) {
    throw store_error{
        error{errc::conflict,
              "the campaign already has recipients with other columns; import files with the same columns", 0, 0}};
  }
  auto id = wide(campaign, row.recipients);
  for (const auto& g : batch.added) {
    db.run("INSERT INTO recipients(id, line, address, parameters) VALUES (?1, ?2, ?3, ?4)", id++, g.line, g.address,
           g.parameters);
  }
  auto reject = wide(campaign, row.rejects);
  for (std::size_t i = 0; i < batch.rejected.size(); ++i) {
    const auto& b = batch.rejected[i];
    db.run(
        "INSERT INTO rejects(id, line, column_number, column_name, code, reason, address, address_column, row) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        reject++, b.line, b.column, b.column_name, b.code, b.reason, b.address, batch.address_column,
        i < batch.rejected_rows.size() ? std::string_view(batch.rejected_rows[i]) : std::string_view());
  }
  const auto added = static_cast<std::int64_t>(batch.added.size());
  const auto skipped = static_cast<std::int64_t>(batch.rejected.size());
  db.run(
      "UPDATE campaigns SET columns = ?2, recipients = recipients + ?3, rejects = rejects + ?4, "
      "total = total + ?3 + ?4, skipped = skipped + ?4 WHERE id = ?1",
      campaign, columns, added, skipped);
}

bool undo_import(database& db, std::int64_t campaign, std::int64_t recipients, std::int64_t rejects) {
  constexpr std::int64_t rows_max = 10'000;
  const auto row = read_campaign(db, campaign);
  const auto from_good = std::max(recipients, row.recipients - rows_max);
  const auto from_bad = std::max(rejects, row.rejects - rows_max);
  const auto good =
      db.run("DELETE FROM recipients WHERE id >= ?1 AND id < ?2", wide(campaign, from_good), wide(campaign + 1, 0));
  const auto bad =
      db.run("DELETE FROM rejects WHERE id >= ?1 AND id < ?2", wide(campaign, from_bad), wide(campaign + 1, 0));
  // Of a child campaign: whose message it was to send again is its parent's again.
  db.run("UPDATE messages SET superseded = NULL WHERE superseded >= ?1 AND superseded < ?2", wide(campaign, from_good),
         wide(campaign + 1, 0));
  db.run(
      "UPDATE campaigns SET recipients = recipients - ?2, rejects = rejects - ?3, total = total - ?2 - ?3, "
      "skipped = skipped - ?3, columns = CASE WHEN recipients = ?2 THEN '' ELSE columns END WHERE id = ?1",
      campaign, good, bad);
  return from_good == recipients && from_bad == rejects;
}

std::int32_t insert_lane(database& db, std::int64_t campaign, std::int64_t size, std::string_view zones,
                         std::int64_t sender) {
  db.run(
      "INSERT INTO lanes(campaign, size, zones, sender) SELECT ?1, ?2, ?3, iif(?4 = 0, sender, ?4) FROM campaigns "
      "WHERE id = ?1",
      campaign, size, zones, sender);
  return static_cast<std::int32_t>(db.last_id());
}

void left_out::add(std::int64_t row, errc why) {
  auto& rows = rows_by_reason[why];
  rows.resize(static_cast<std::size_t>(row) + 1);
  rows.back() = true;
  ++counts[why];
}

errc left_out::why(std::int64_t row) const {
  for (const auto& [reason, rows] : rows_by_reason) {
    if (static_cast<std::size_t>(row) < rows.size() && rows[static_cast<std::size_t>(row)]) return reason;
  }
  return errc::ok;
}

namespace {

// A recipient's row among the rejected ones, whole, as the input had it.
void reject_recipient(database& db, std::int64_t recipient, std::int64_t reject, errc why, bool has_parameters) {
  std::int64_t line = 0;
  std::string address, cells;
  {
    auto r = db.select("SELECT line, address, parameters FROM recipients WHERE id = ?1", recipient);
    if (!r.next()) return;
    line = r.integer(0);
    address = r.text(1);
    cells = r.text(2);
  }
  std::string whole = address;
  if (cells.empty() && has_parameters) whole += ',';
  for (std::string_view rest = cells; !rest.empty();) {
    const auto end = std::min(rest.find(recipients::cell_separator), rest.size());
    recipients::append_csv_cell(whole += ',', rest.substr(0, end));
    if (end + 1 == rest.size()) whole += ',';  // the last cell is empty
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  db.run(
      "INSERT INTO rejects(id, line, column_number, column_name, code, reason, address, address_column, row) "
      "VALUES (?1, ?2, 0, '', ?3, ?4, ?5, ?6, ?7)",
      reject, line, why, screening_reason(why), address, recipients::any_address_column_name, whole);
}

}  // namespace

namespace {

// Walks recipients [from, from+count) that the plan takes, in runs; who is left out becomes a rejected row.
template <class Run>
std::int64_t lay_runs(database& db, std::int64_t campaign, std::int64_t from, std::int64_t count, const left_out& out,
                      std::int64_t gone, Run&& lay_run) {
  if (out.count() == 0) {
    lay_run(from, from + count, gone);
    return gone;
  }
  const auto row = read_campaign(db, campaign);
  auto reject = wide(campaign, row.rejects);
  const auto end = std::min(from + count, row.recipients);
  auto begin = from;
  for (auto i = from; i < end; ++i) {
    const auto why = out.why(i);
    if (why == errc::ok) continue;
    if (begin < i) lay_run(begin, i, gone);
    begin = i + 1;
    ++gone;
    reject_recipient(db, wide(campaign, i), reject++, why, !row.columns.empty());
  }
  if (begin < end) lay_run(begin, end, gone);
  db.run(
      "UPDATE campaigns SET rejects = rejects + ?2, skipped = skipped + ?2, screened_out = screened_out + ?2 "
      "WHERE id = ?1",
      campaign, reject - wide(campaign, row.rejects));
  return gone;
}

}  // namespace

std::int64_t lay(database& db, std::int64_t campaign, std::int32_t lane, std::int64_t from, std::int64_t count,
                 const left_out& out, std::int64_t gone) {
  // One lane takes the recipients in their order, so that a sequence is a row's number less those left out before it.
  return lay_runs(db, campaign, from, count, out, gone, [&](std::int64_t begin, std::int64_t end, std::int64_t before) {
    db.run("INSERT INTO plan(id, recipient) SELECT ?1 + id, id FROM recipients WHERE id >= ?2 AND id < ?3",
           wide(lane, 0) - wide(campaign, 0) - before, wide(campaign, begin), wide(campaign, end));
  });
}

std::int64_t lay(database& db, std::int64_t campaign, const lane_picker& lane_of, std::int64_t from, std::int64_t count,
                 const left_out& out, std::int64_t gone) {
  std::map<std::int32_t, std::int64_t> sizes;
  for (const auto lane : lanes_of(db, campaign)) {
    sizes[lane] = db.number("SELECT size FROM lanes WHERE id = ?1", lane);
  }
  const auto after = lay_runs(
      db, campaign, from, count, out, gone, [&](std::int64_t begin, std::int64_t end, std::int64_t /*before*/) {
        auto r = db.select("SELECT id, address, parameters FROM recipients WHERE id >= ?1 AND id < ?2",
                           wide(campaign, begin), wide(campaign, end));
        while (r.next()) {
          const auto lane = lane_of(r.integer(0) - wide(campaign, 0), r.text(1), r.text(2));
          db.run("INSERT INTO plan(id, recipient) VALUES (?1, ?2)", wide(lane, sizes[lane]++), r.integer(0));
        }
      });
  for (const auto& [lane, size] : sizes) db.run("UPDATE lanes SET size = ?2 WHERE id = ?1", lane, size);
  return after;
}

std::string zones_of_lane(database& db, std::int32_t lane) {
  auto r = db.select("SELECT zones FROM lanes WHERE id = ?1", lane);
  return r.next() ? std::string(r.text(0)) : std::string();
}

std::int64_t sender_of_lane(database& db, std::int32_t lane) {
  return db.number("SELECT sender FROM lanes WHERE id = ?1", lane);
}

std::vector<std::int32_t> lanes_of(database& db, std::int64_t campaign) {
  std::vector<std::int32_t> lanes;
  auto r = db.select("SELECT id FROM lanes WHERE campaign = ?1 ORDER BY id", campaign);
  while (r.next()) lanes.push_back(static_cast<std::int32_t>(r.integer(0)));
  return lanes;
}

void undo_start(database& db, std::int64_t campaign, std::string_view why, std::int64_t now_ms, campaign_state back_to,
                std::string_view actor) {
  for (const auto lane : lanes_of(db, campaign)) {
    db.run("DELETE FROM plan WHERE id >= ?1 AND id < ?2", wide(lane, 0), wide(lane + 1, 0));
    db.run("DELETE FROM lanes WHERE id = ?1", lane);
  }
  // Who was left out is a recipient of the draft again.
  db.run(
      "DELETE FROM rejects WHERE id < ?2 AND id >= (SELECT ?3 + rejects - screened_out FROM campaigns WHERE id = ?1)",
      campaign, wide(campaign + 1, 0), wide(campaign, 0));
  db.run(
      "UPDATE campaigns SET start_key = '', rejects = rejects - screened_out, skipped = skipped - screened_out, "
      "screened_out = 0 WHERE id = ?1",
      campaign);
  db.run("DELETE FROM campaign_media WHERE campaign = ?1", campaign);
  change_state(db, campaign, back_to, back_to == campaign_state::failed ? "fail" : "undo the start of", why, now_ms,
               actor);
}

void undo_interrupted_starts(database& db, std::int64_t now_ms) {
  std::vector<std::pair<std::int64_t, campaign_state>> starting;
  {
    auto r = db.select("SELECT id, scheduled_at_ms FROM campaigns WHERE state = ?1", campaign_state::starting);
    while (r.next()) {
      starting.emplace_back(r.integer(0), r.integer(1) != 0 ? campaign_state::scheduled : campaign_state::draft);
    }
  }
  for (const auto& [id, was] : starting) {
    undo_start(db, id, "the process ended while the campaign was starting", now_ms, was);
  }
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
