// What people ask a store: status, lists, reasons. Reads only, from any connection.
#include "store/accounts.hpp"
#include "store/campaigns.hpp"

namespace bulkmsg::store {

namespace {

constexpr const char* status_by_id =
    "SELECT c.id, c.name, c.state, c.reason, c.total, c.sent, c.failed, c.unconfirmed, c.skipped, c.delivered, c.read, "
    "c.undelivered, c.responded, c.settled_by_receipt, s.name, t.name || ' (' || t.language || ')', c.plan_hash, "
    "c.created_at_ms, c.started_at_ms, c.finished_at_ms, coalesce(r.monthly + r.topup, 0), coalesce(r.posted, 0) "
    "FROM campaigns c JOIN senders s ON s.id = c.sender JOIN templates t ON t.id = c.template "
    "LEFT JOIN reservations r ON r.id = c.reservation WHERE c.id = ?1";

campaign_status to_status(const rows& r) {
  return {.id = {r.integer(0)},
          .name = std::string(r.text(1)),
          .state = static_cast<campaign_state>(r.integer(2)),
          .reason = std::string(r.text(3)),
          .counters = {.total = r.integer(4),
                       .sent = r.integer(5),
                       .failed = r.integer(6),
                       .unconfirmed = r.integer(7),
                       .skipped = r.integer(8),
                       .delivered = r.integer(9),
                       .read = r.integer(10),
                       .undelivered = r.integer(11),
                       .responded = r.integer(12)},
          .credits_reserved = r.integer(20),
          .credits_spent = r.integer(21),
          .settled_by_receipt = r.integer(13),
          .sender = std::string(r.text(14)),
          .content = std::string(r.text(15)),
          .plan_hash = std::string(r.text(16)),
          .created_at_ms = r.integer(17),
          .started_at_ms = r.integer(18),
          .finished_at_ms = r.integer(19)};
}

}  // namespace

campaign_status read_status(database& db, std::int64_t campaign) {
  auto r = db.select(status_by_id, campaign);
  if (!r.next()) {
    throw store_error{error{errc::not_found, "no campaign with id " + std::to_string(campaign), 0, 0}};
  }
  return to_status(r);
}

std::vector<campaign_status> list_campaigns(database& db, std::int64_t after, std::size_t limit) {
  std::vector<std::int64_t> ids;
  {
    auto r = db.select("SELECT id FROM campaigns WHERE id > ?1 ORDER BY id LIMIT ?2", after, limit);
    while (r.next()) ids.push_back(r.integer(0));
  }
  std::vector<campaign_status> list;
  for (const auto id : ids) list.push_back(read_status(db, id));
  return list;
}

std::vector<message_row> list_messages(database& db, std::int64_t campaign, const message_filter& filter) {
  // A message without a row is queued; -1 stands for "any state".
  const int wanted = filter.state ? static_cast<int>(*filter.state) : -1;
  std::vector<message_row> list;
  for (const auto lane : lanes_of(db, campaign)) {
    if (lane < filter.after.lane) continue;
    const auto base = static_cast<std::int64_t>(lane) << 32;
    const auto after = lane == filter.after.lane ? filter.after.key() : base - 1;
    auto r = db.select(
        "SELECT plan.id, r.address, coalesce(m.state, 0), coalesce(m.receipt, 0), coalesce(m.attempt, 0), "
        "m.provider_id, coalesce(m.code, 0), m.detail, m.at_ms, m.sent_at_ms, m.delivered_at_ms, m.read_at_ms, "
        "m.failed_at_ms FROM plan JOIN recipients r ON r.id = plan.recipient LEFT JOIN messages m ON m.id = plan.id "
        "WHERE plan.id > ?1 AND plan.id < ?2 AND (?3 < 0 OR coalesce(m.state, 0) = ?3) "
        "AND (NOT ?4 OR (m.state = 2 AND m.receipt = 2)) ORDER BY plan.id LIMIT ?5",
        after, base + (std::int64_t{1} << 32), wanted, filter.undelivered, filter.limit - list.size());
    while (r.next()) {
      list.push_back({.id = message_id::from_key(r.integer(0)),
                      .address = std::string(r.text(1)),
                      .state = static_cast<message_state>(r.integer(2)),
                      .receipt = static_cast<receipt_rank>(r.integer(3)),
                      .attempt = static_cast<std::int32_t>(r.integer(4)),
                      .provider_id = std::string(r.text(5)),
                      .code = static_cast<std::int32_t>(r.integer(6)),
                      .detail = std::string(r.text(7)),
                      .at_ms = r.integer(8),
                      .sent_at_ms = r.integer(9),
                      .delivered_at_ms = r.integer(10),
                      .read_at_ms = r.integer(11),
                      .failed_at_ms = r.integer(12)});
    }
    if (list.size() >= filter.limit) break;
  }
  return list;
}

std::vector<rejected_row> list_rejected(database& db, std::int64_t campaign, std::int64_t after_number,
                                        std::size_t limit) {
  std::vector<rejected_row> list;
  auto r = db.select(
      "SELECT line, column_number, column_name, code, reason, address, (id & 0xffffffff) + 1 FROM rejects "
      "WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
      (campaign << 32) + after_number, (campaign + 1) << 32, limit);
  while (r.next()) {
    list.push_back({.number = r.integer(6),
                    .line = r.integer(0),
                    .column = r.integer(1),
                    .column_name = std::string(r.text(2)),
                    .code = static_cast<errc>(r.integer(3)),
                    .reason = std::string(r.text(4)),
                    .address = std::string(r.text(5))});
  }
  return list;
}

std::vector<rejected_text> list_rejected_text(database& db, std::int64_t campaign, std::int64_t after_number,
                                              std::size_t limit) {
  std::vector<rejected_text> list;
  auto r = db.select(
      "SELECT (id & 0xffffffff) + 1, line, reason, address_column, row FROM rejects WHERE id >= ?1 AND id < ?2 "
      "ORDER BY id LIMIT ?3",
      (campaign << 32) + after_number, (campaign + 1) << 32, limit);
  while (r.next()) {
    list.push_back({.number = r.integer(0),
                    .line = r.integer(1),
                    .reason = std::string(r.text(2)),
                    .address_column = std::string(r.text(3)),
                    .row = std::string(r.text(4))});
  }
  return list;
}

std::vector<std::string> rejected_address_columns(database& db, std::int64_t campaign) {
  std::vector<std::string> names;
  auto r = db.select("SELECT DISTINCT address_column FROM rejects WHERE id >= ?1 AND id < ?2 ORDER BY 1",
                     campaign << 32, (campaign + 1) << 32);
  while (r.next()) names.emplace_back(r.text(0));
  return names;
}

std::vector<reason_count> count_failed(database& db, std::int64_t campaign) {
  std::vector<reason_count> list;
  for (const auto lane : lanes_of(db, campaign)) {
    const auto base = static_cast<std::int64_t>(lane) << 32;
    auto r = db.select(
        "SELECT code, min(detail), count(*) FROM messages WHERE id >= ?1 AND id < ?2 "
        "AND (state = 3 OR (state = 2 AND receipt = 2)) GROUP BY code ORDER BY 3 DESC",
        base, base + (std::int64_t{1} << 32));
    while (r.next()) list.push_back({static_cast<std::int32_t>(r.integer(0)), std::string(r.text(1)), r.integer(2)});
  }
  return list;
}

std::vector<reason_count> count_skipped(database& db, std::int64_t campaign) {
  std::vector<reason_count> list;
  auto r = db.select(
      "SELECT code, min(reason), count(*) FROM rejects WHERE id >= ?1 AND id < ?2 GROUP BY code ORDER BY 3 DESC",
      campaign << 32, (campaign + 1) << 32);
  while (r.next()) list.push_back({static_cast<std::int32_t>(r.integer(0)), std::string(r.text(1)), r.integer(2)});
  return list;
}

}  // namespace bulkmsg::store
