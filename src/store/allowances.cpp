#include "store/allowances.hpp"

#include "store/senders.hpp"

namespace bulkmsg::store {

namespace {

bool put(database& db, std::string_view account, std::string_view field, std::string_view subject, std::int64_t n,
         std::int64_t at_ms) {
  const auto known = db.number(
      "SELECT EXISTS(SELECT 1 FROM provider_states WHERE account = ?1 AND field = ?2 AND subject = ?3 AND (at_ms > ?5 "
      "OR value ->> 'n' = ?4))",
      account, field, subject, n, at_ms);
  if (known != 0) return false;
  db.run(
      "INSERT OR REPLACE INTO provider_states(account, field, subject, at_ms, value) "
      "VALUES (?1, ?2, ?3, ?5, json_object('n', ?4))",
      account, field, subject, n, at_ms);
  return true;
}

}  // namespace

bool put_throughput(database& db, std::string_view account, std::string_view display_number, std::int64_t per_second,
                    std::int64_t at_ms) {
  return put(db, account, "throughput", display_number, per_second, at_ms);
}

bool put_messaging_limit(database& db, std::string_view account, std::int64_t recipients, std::int64_t at_ms) {
  return put(db, account, "messaging_limit", "", recipients, at_ms);
}

pacing::provider_allowance allowance_of(database& db, const sender_settings& sender) {
  return {
      .per_second =
          db.number("SELECT t.value ->> 'n' FROM provider_states d JOIN provider_states t ON t.account = d.account AND "
                    "t.field = 'throughput' AND t.subject = d.subject WHERE d.field = 'display_number' AND d.value ->> "
                    "'phone_number_id' = ?1 ORDER BY t.at_ms DESC LIMIT 1",
                    sender.phone_number_id),
      .recipients = db.number(
          "SELECT value ->> 'n' FROM provider_states WHERE field = 'messaging_limit' AND (account = ?1 OR account IN "
          "(SELECT account FROM provider_states WHERE field = 'display_number' AND value ->> 'phone_number_id' = "
          "?2)) ORDER BY at_ms DESC LIMIT 1",
          sender.business_account_id, sender.phone_number_id)};
}

std::vector<pacing::limit> limits_of(database& db, const sender_settings& sender) {
  const bool follows = pacing::follows_provider(sender.limits);
  auto limits =
      pacing::parse_limits(follows ? pacing::with_provider(sender.limits, allowance_of(db, sender)) : sender.limits);
  if (!limits) throw store_error{limits.error()};
  return std::move(*limits);
}

std::vector<std::int64_t> senders_that_follow(database& db, std::string_view account) {
  std::vector<std::int64_t> ids;
  for (const auto id : sender_ids(db)) {
    const auto s = read_sender(db, id);
    if (s.channel != "whatsapp_cloud" || !pacing::follows_provider(s.limits)) continue;
    if (s.business_account_id.empty() || s.business_account_id == account) ids.push_back(id);
  }
  return ids;
}

}  // namespace bulkmsg::store
