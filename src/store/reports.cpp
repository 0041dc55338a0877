#include "store/reports.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "store/children.hpp"
#include "store/keys.hpp"
#include "store/lanes.hpp"
#include "store/senders.hpp"

namespace bulkmsg::store {

namespace {

constexpr const char* status_by_id =
    "SELECT c.id, c.name, c.state, c.reason, c.total, c.sent, c.failed, c.unconfirmed, c.skipped, c.delivered, c.read, "
    "c.undelivered, c.responded, c.settled_by_receipt, (SELECT group_concat(name, ', ') FROM (SELECT s.name FROM "
    "campaign_senders cs JOIN senders s ON s.id = cs.sender WHERE cs.campaign = c.id ORDER BY cs.place)), t.name || ' "
    "(' || t.language || ')', c.plan_hash, "
    "c.created_at_ms, c.started_at_ms, c.finished_at_ms, coalesce(r.monthly + r.topup, 0), coalesce(r.posted, 0), "
    "c.agent, c.reply_to, c.test_of, c.scheduled_at_ms, c.scheduled_as, c.max_lateness_ms, "
    "c.unconfirmed_rule, c.unconfirmed_wait_ms, c.parent "
    "FROM campaigns c LEFT JOIN templates t ON t.id = c.template "
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
          .agent = std::string(r.text(22)),
          .reply_to = std::string(r.text(23)),
          .plan_hash = std::string(r.text(16)),
          .test_of = {r.integer(24)},
          .created_at_ms = r.integer(17),
          .started_at_ms = r.integer(18),
          .finished_at_ms = r.integer(19),
          .scheduled_at_ms = r.integer(25),
          .scheduled_as = std::string(r.text(26)),
          .max_lateness = std::chrono::milliseconds(r.integer(27)),
          .when_unconfirmed = static_cast<unconfirmed_rule>(r.integer(28)),
          .unconfirmed_wait = std::chrono::milliseconds(r.integer(29)),
          .parent = {r.integer(30)}};
}

// Messages a second over the last seconds, as the intents tell: whoever reads the file sees it, not only the process
// that sends.
constexpr std::int64_t rate_span_ms = 10'000;
constexpr std::int64_t intents_max = 4096;  // the newest; many more are opened in ten seconds by nobody

double a_second(std::int64_t messages, std::int64_t first_ms, std::int64_t now_ms) {
  const auto since = std::clamp<std::int64_t>(now_ms - first_ms, 1000, rate_span_ms);
  return static_cast<double>(messages) * 1000.0 / static_cast<double>(since);
}

double rate_of(database& db, std::int64_t campaign, std::int64_t now_ms) {
  auto r = db.select(
      "SELECT total(i.last - i.first + i.retries), min(i.at_ms) FROM (SELECT * FROM intents ORDER BY id DESC LIMIT ?3) "
      "i "
      "JOIN lanes l ON l.id = i.lane WHERE l.campaign = ?1 AND i.at_ms > ?2",
      campaign, now_ms - rate_span_ms, intents_max);
  return r.next() && !r.is_null(1) ? a_second(r.integer(0), r.integer(1), now_ms) : 0;
}

// The lanes of several senders may have the same reasons: a code is told once.
using by_code = std::map<std::int32_t, reason_count>;

template <class Rows>
void add_up(by_code& found, Rows rows) {
  while (rows.next()) {
    const auto code = static_cast<std::int32_t>(rows.integer(0));
    auto& [known, reason, count] =
        found.try_emplace(code, reason_count{code, std::string(rows.text(1)), 0}).first->second;
    count += rows.integer(2);
  }
}

std::vector<reason_count> most_frequent_first(by_code&& found) {
  std::vector<reason_count> list;
  list.reserve(found.size());
  for (auto& [code, reason] : found) list.push_back(std::move(reason));
  std::ranges::stable_sort(list, std::ranges::greater(), &reason_count::count);
  return list;
}

}  // namespace

campaign_status read_status(database& db, std::int64_t campaign, std::int64_t now_ms) {
  auto r = db.select(status_by_id, campaign);
  if (!r.next()) no_such("campaign", campaign);
  auto status = to_status(r);
  for (const auto child : list_children(db, campaign)) status.children.push_back({child});
  if (now_ms != 0 && status.state == campaign_state::sending) status.rate = rate_of(db, campaign, now_ms);
  return status;
}

std::map<std::string, double> send_rates(database& db, std::int64_t now_ms) {
  std::map<std::string, double> rates;
  {
    auto r = db.select("SELECT name FROM senders");
    while (r.next()) rates[std::string(r.text(0))] = 0;
  }
  auto r = db.select(
      "SELECT s.name, total(i.last - i.first + i.retries), min(i.at_ms) FROM (SELECT * FROM intents ORDER BY id DESC "
      "LIMIT ?2) i JOIN lanes l ON l.id = i.lane JOIN senders s ON s.id = l.sender JOIN campaigns c ON c.id = "
      "l.campaign WHERE i.at_ms > ?1 AND c.state = 4 GROUP BY s.id",
      now_ms - rate_span_ms, intents_max);
  while (r.next()) rates[std::string(r.text(0))] = a_second(r.integer(1), r.integer(2), now_ms);
  return rates;
}

std::vector<campaign_status> list_campaigns(database& db, const campaign_filter& filter) {
  std::vector<std::int64_t> ids;
  {
    auto r = db.select(
        "SELECT c.id FROM campaigns c WHERE c.id > ?1 AND (?2 = 0 OR c.state = ?2) AND (?3 = '' OR c.agent = ?3) "
        "AND (?4 = '' OR instr(lower(c.name), lower(?4)) > 0) AND (?5 OR c.test_of = 0) "
        "AND c.created_at_ms >= ?6 ORDER BY c.id LIMIT ?7",
        filter.after.value, filter.state ? static_cast<int>(*filter.state) : 0, filter.agent, filter.name, filter.tests,
        filter.created_from_ms, filter.limit);
    while (r.next()) ids.push_back(r.integer(0));
  }
  std::vector<campaign_status> list;
  for (const auto id : ids) list.push_back(read_status(db, id));
  return list;
}

std::vector<history_row> list_history(database& db, const history_filter& filter) {
  std::vector<history_row> list;
  const auto take = [&](rows r) {
    while (r.next()) {
      list.push_back({.id = r.integer(0),
                      .at_ms = r.integer(1),
                      .campaign = {r.integer(2)},
                      .action = std::string(r.text(3)),
                      .reason = std::string(r.text(4)),
                      .actor = std::string(r.text(5))});
    }
  };
  if (filter.campaign) {
    take(
        db.select("SELECT id, at_ms, campaign, action, reason, actor FROM history WHERE campaign = ?1 AND id > ?2 "
                  "ORDER BY id LIMIT ?3",
                  filter.campaign.value, filter.after, filter.limit));
  } else {
    take(db.select("SELECT id, at_ms, campaign, action, reason, actor FROM history WHERE id > ?1 ORDER BY id LIMIT ?2",
                   filter.after, filter.limit));
  }
  return list;
}

std::vector<message_row> list_messages(database& db, std::int64_t campaign, const message_filter& filter) {
  // A message without a row is queued; -1 stands for "any state".
  const int wanted = filter.state ? static_cast<int>(*filter.state) : -1;
  std::vector<message_row> list;
  for (const auto lane : lanes_of(db, campaign)) {
    if (lane < filter.after.lane) continue;
    const auto sender = read_sender(db, sender_of_lane(db, lane)).name;
    const auto base = row_key(lane);
    const auto after = lane == filter.after.lane ? filter.after.key() : base - 1;
    auto r = db.select(
        "SELECT plan.id, r.address, coalesce(m.state, 0), coalesce(m.receipt, 0), coalesce(m.attempt, 0), "
        "m.provider_id, coalesce(m.code, 0), m.detail, m.at_ms, m.sent_at_ms, m.delivered_at_ms, m.read_at_ms, "
        "m.failed_at_ms, r.line, m.next_at_ms, m.superseded >> 32 FROM plan JOIN recipients r ON r.id = plan.recipient "
        "LEFT JOIN messages "
        "m ON m.id = plan.id "
        "WHERE plan.id > ?1 AND plan.id < ?2 AND (?3 < 0 OR coalesce(m.state, 0) = ?3) "
        "AND (NOT ?4 OR (m.state = 2 AND m.receipt = 2)) AND (?6 = '' OR r.address = ?6) "
        "AND (?7 = 0 OR m.code = ?7) AND (?8 < 0 OR m.receipt = ?8) ORDER BY plan.id LIMIT ?5",
        after, row_key(lane + 1), wanted, filter.undelivered, filter.limit - list.size(), filter.address, filter.code,
        filter.receipt ? static_cast<int>(*filter.receipt) : -1);
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
                      .failed_at_ms = r.integer(12),
                      .line = r.integer(13),
                      .next_at_ms = r.integer(14),
                      .superseded_by = {r.integer(15)},
                      .sender = sender});
    }
    if (list.size() >= filter.limit) break;
  }
  return list;
}

std::vector<reason_count> count_failed(database& db, std::int64_t campaign) {
  by_code found;
  for (const auto lane : lanes_of(db, campaign)) {
    add_up(found, db.select("SELECT code, min(detail), count(*) FROM messages WHERE id >= ?1 AND id < ?2 "
                            "AND (state = 3 OR (state = 2 AND receipt = 2)) GROUP BY code",
                            row_key(lane), row_key(lane + 1)));
  }
  return most_frequent_first(std::move(found));
}

std::vector<reason_count> count_skipped(database& db, std::int64_t campaign) {
  by_code found;
  add_up(found, db.select("SELECT code, min(reason), count(*) FROM rejects WHERE id >= ?1 AND id < ?2 GROUP BY code",
                          row_key(campaign), row_key(campaign + 1)));
  for (const auto lane : lanes_of(db, campaign)) {  // who was barred only when it was their turn
    add_up(found, db.select("SELECT code, min(detail), count(*) FROM messages WHERE id >= ?1 AND id < ?2 "
                            "AND state = 5 GROUP BY code",
                            row_key(lane), row_key(lane + 1)));
  }
  return most_frequent_first(std::move(found));
}

}  // namespace bulkmsg::store
