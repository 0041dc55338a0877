#include "store/senders.hpp"

namespace bulkmsg::store {

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
  if (!r.next()) no_such("sender", sender);
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

}  // namespace bulkmsg::store
