#include "store/campaigns.hpp"

#include "store/accounts.hpp"

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
      "verify_token, limits, connections_max, response_timeout_ms, tls_ca_file) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT(name) DO UPDATE SET origin = ?2, "
      "api_version = ?3, phone_number_id = ?4, business_account_id = ?5, token = ?6, app_secret = ?7, "
      "verify_token = ?8, limits = ?9, connections_max = ?10, response_timeout_ms = ?11, tls_ca_file = ?12",
      s.name, s.origin, s.api_version, s.phone_number_id, s.business_account_id, s.token, s.app_secret, s.verify_token,
      s.limits, s.connections_max, s.response_timeout.count(), s.tls_ca_file);
  return db.number("SELECT id FROM senders WHERE name = ?1", s.name);
}

sender_settings read_sender(database& db, std::int64_t sender) {
  auto r = db.select(
      "SELECT name, origin, api_version, phone_number_id, business_account_id, token, app_secret, verify_token, "
      "limits, "
      "connections_max, response_timeout_ms, tls_ca_file FROM senders WHERE id = ?1",
      sender);
  if (!r.next()) not_found("sender", sender);
  const auto text = [&](int i) { return std::string(r.text(i)); };
  return {.name = text(0),
          .origin = text(1),
          .api_version = text(2),
          .phone_number_id = text(3),
          .business_account_id = text(4),
          .token = text(5),
          .app_secret = text(6),
          .verify_token = text(7),
          .limits = text(8),
          .connections_max = static_cast<int>(r.integer(9)),
          .response_timeout = std::chrono::milliseconds(r.integer(10)),
          .tls_ca_file = text(11)};
}

std::vector<std::int64_t> sender_ids(database& db) {
  std::vector<std::int64_t> ids;
  auto r = db.select("SELECT id FROM senders ORDER BY id");
  while (r.next()) ids.push_back(r.integer(0));
  return ids;
}

std::int64_t put_template(database& db, const std::string& name, const std::string& language, std::string_view json) {
  db.run("INSERT INTO templates(name, language, json) VALUES (?1, ?2, ?3) ON CONFLICT(json) DO NOTHING", name, language,
         json);
  return db.number("SELECT id FROM templates WHERE json = ?1", json);
}

std::string read_template(database& db, std::int64_t content) {
  auto r = db.select("SELECT json FROM templates WHERE id = ?1", content);
  if (!r.next()) not_found("template", content);
  return std::string(r.text(0));
}

std::int64_t insert_campaign(database& db, const campaign_row& c, std::int64_t now_ms) {
  static_cast<void>(read_sender(db, c.sender));
  static_cast<void>(read_template(db, c.content));
  if (c.account != 0) static_cast<void>(read_account(db, c.account));
  db.run(
      "INSERT INTO campaigns(name, state, sender, template, account, mapping, created_at_ms, "
      "credits_per_message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      c.name, campaign_state::draft, c.sender, c.content, c.account, c.mapping, now_ms, c.credits_per_message);
  const auto id = db.last_id();
  db.run("INSERT INTO history(at_ms, campaign, action, reason) VALUES (?1, ?2, 'create', '')", now_ms, id);
  return id;
}

campaign_row read_campaign(database& db, std::int64_t campaign) {
  auto r = db.select(
      "SELECT id, name, state, reason, sender, template, account, reservation, mapping, columns, recipients, rejects, "
      "plan_hash, start_key, credits_per_message FROM campaigns WHERE id = ?1",
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
          .mapping = text(8),
          .columns = text(9),
          .recipients = r.integer(10),
          .rejects = r.integer(11),
          .plan_hash = text(12),
          .start_key = text(13),
          .credits_per_message = r.integer(14)};
}

void check_draft(database& db, std::int64_t campaign, std::string_view verb) {
  const auto row = read_campaign(db, campaign);
  if (row.state == campaign_state::draft) return;
  throw store_error{error{errc::wrong_state,
                          "cannot " + std::string(verb) + " a campaign that is " + std::string(name(row.state)), 0, 0}};
}

void erase_draft(database& db, std::int64_t campaign) {
  check_draft(db, campaign, "discard");
  db.run("DELETE FROM campaigns WHERE id = ?1", campaign);
  db.run("DELETE FROM history WHERE campaign = ?1", campaign);
  db.run("DELETE FROM events WHERE campaign = ?1", campaign);
}

void change_state(database& db, std::int64_t campaign, campaign_state to, std::string_view verb,
                  std::string_view reason, std::int64_t now_ms) {
  const auto row = read_campaign(db, campaign);
  if (auto ok = check_transition(row.state, to, verb); !ok) throw store_error{std::move(ok.error())};
  db.run(
      "UPDATE campaigns SET state = ?2, reason = ?3, "
      "started_at_ms = CASE WHEN ?5 AND started_at_ms = 0 THEN ?4 ELSE started_at_ms END, "
      "finished_at_ms = CASE WHEN ?6 THEN ?4 ELSE 0 END WHERE id = ?1",
      campaign, to, reason, now_ms, to == campaign_state::sending, is_final(to));
  db.run("INSERT INTO history(at_ms, campaign, action, reason) VALUES (?1, ?2, ?3, ?4)", now_ms, campaign, verb,
         reason);
  db.run("INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, ?3, ?4, json_object('reason', ?5))",
         now_ms, event_kind::campaign_changed, campaign, to, reason);
}

void append_recipients(database& db, std::int64_t campaign, const recipient_batch& batch, const std::string& columns) {
  check_draft(db, campaign, "add recipients to");
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
  for (const auto& b : batch.rejected) {
    db.run(
        "INSERT INTO rejects(id, line, column_number, column_name, code, reason, address) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        reject++, b.line, b.column, b.column_name, b.code, b.reason, b.address);
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
  db.run(
      "UPDATE campaigns SET recipients = recipients - ?2, rejects = rejects - ?3, total = total - ?2 - ?3, "
      "skipped = skipped - ?3, columns = CASE WHEN recipients = ?2 THEN '' ELSE columns END WHERE id = ?1",
      campaign, good, bad);
  return from_good == recipients && from_bad == rejects;
}

std::int32_t insert_lane(database& db, std::int64_t campaign, std::int64_t size) {
  db.run("INSERT INTO lanes(campaign, size) VALUES (?1, ?2)", campaign, size);
  return static_cast<std::int32_t>(db.last_id());
}

void lay(database& db, std::int64_t campaign, std::int32_t lane, std::int64_t from, std::int64_t count) {
  // One lane takes the recipients in their order, so that a sequence is a row's number; more lanes come with windows.
  db.run("INSERT INTO plan(id, recipient) SELECT ?1 | (id & 0xffffffff), id FROM recipients WHERE id >= ?2 AND id < ?3",
         wide(lane, 0), wide(campaign, from), wide(campaign, from + count));
}

std::vector<std::int32_t> lanes_of(database& db, std::int64_t campaign) {
  std::vector<std::int32_t> lanes;
  auto r = db.select("SELECT id FROM lanes WHERE campaign = ?1 ORDER BY id", campaign);
  while (r.next()) lanes.push_back(static_cast<std::int32_t>(r.integer(0)));
  return lanes;
}

void undo_start(database& db, std::int64_t campaign, std::string_view why, std::int64_t now_ms) {
  for (const auto lane : lanes_of(db, campaign)) {
    db.run("DELETE FROM plan WHERE id >= ?1 AND id < ?2", wide(lane, 0), wide(lane + 1, 0));
    db.run("DELETE FROM lanes WHERE id = ?1", lane);
  }
  db.run("UPDATE campaigns SET start_key = '' WHERE id = ?1", campaign);
  change_state(db, campaign, campaign_state::draft, "undo the start of", why, now_ms);
}

void undo_interrupted_starts(database& db, std::int64_t now_ms) {
  std::vector<std::int64_t> starting;
  {
    auto r = db.select("SELECT id FROM campaigns WHERE state = ?1", campaign_state::starting);
    while (r.next()) starting.push_back(r.integer(0));
  }
  for (const auto id : starting) undo_start(db, id, "the process ended while the campaign was starting", now_ms);
}

bool exhausted(database& db, std::int64_t campaign) {
  return db.number("SELECT total - sent - failed - unconfirmed - skipped FROM campaigns WHERE id = ?1", campaign) == 0;
}

void finish(database& db, std::int64_t campaign, std::int64_t now_ms) {
  const auto row = read_campaign(db, campaign);
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
