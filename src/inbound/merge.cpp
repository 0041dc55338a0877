#include "inbound/merge.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/channels/whatsapp_webhook_json.hpp"
#include "bulkmsg/engine.hpp"
#include "store/accounts.hpp"
#include "store/copies.hpp"
#include "store/group_receipts.hpp"
#include "store/outcomes.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::inbound {

namespace {

// One merge is some milliseconds of work, whatever the bodies hold.
constexpr int bodies_max = 64;
constexpr std::size_t bytes_max = 1024 * 1024;
constexpr std::size_t facts_max = 2000;
constexpr std::int64_t parked_max = 100'000;
constexpr std::int64_t parked_ms_max = std::int64_t{7} * 24 * 3600 * 1000;

struct fact {
  channels::callback_key key;
  receipt_rank rank = receipt_rank::none;
  std::int64_t at_ms = 0;
  std::int32_t code = 0;
  std::string provider_id, detail, participant;
};

receipt_rank rank_of(channels::receipt_status s) {
  switch (s) {
    case channels::receipt_status::sent:
      return receipt_rank::sent;
    case channels::receipt_status::failed:
      return receipt_rank::failed;
    case channels::receipt_status::delivered:
      return receipt_rank::delivered;
    case channels::receipt_status::read:
    case channels::receipt_status::played:
      return receipt_rank::read;
    case channels::receipt_status::other:
      break;
  }
  return receipt_rank::none;
}

// Sorts what the bodies say; writes what needs no merging at once.
struct collector {
  store::database& db;
  std::uint64_t store_id;
  std::int64_t now_ms;
  std::vector<fact> facts;
  std::int64_t foreign = 0;
  bool replies = false;
  struct identity {
    message_id message;
    std::string user_id;
  };
  std::vector<identity> identities;  // of recipients, by the message they were sent

  static std::int64_t to_ms(std::int64_t unix_s) {
    constexpr std::int64_t year_9999 = 253'402'300'799;
    return std::clamp<std::int64_t>(unix_s, 0, year_9999) * 1000;
  }

  void receipt(const channels::receipt& r) {
    const auto rank = rank_of(r.status);
    if (rank == receipt_rank::none) return;
    if (r.callback.empty()) {
      db.run("INSERT INTO parked(received_at_ms, provider_id, status, at_ms) VALUES (?1, ?2, ?3, ?4)", now_ms,
             r.message_id, name(rank), to_ms(r.timestamp_unix_s));
      return;
    }
    const auto key = channels::callback_key::parse(r.callback);
    if (!key || (key->store != store_id && !store::formerly_ours(db, key->store, key->message.lane))) {
      ++foreign;
      return;
    }
    if (!r.recipient_user_id.empty() && r.participant.empty()) {
      identities.push_back({key->message, std::string(r.recipient_user_id)});
    }
    const auto detail = r.error_details.empty() ? r.error_title : r.error_details;
    facts.push_back({*key, rank, to_ms(r.timestamp_unix_s), r.error_code, std::string(r.message_id),
                     std::string(detail), std::string(r.participant)});
  }

  void reply(const channels::reply& r) {
    const auto from = r.from.empty() ? r.from_user_id : r.from;
    const int added = db.run(
        "INSERT INTO replies(provider_id, received_at_ms, address, kind, text, answers) VALUES (?1, ?2, ?3, ?4, ?5, "
        "?6) "
        "ON CONFLICT DO NOTHING",
        r.id, now_ms, from, r.type, r.text, r.context_id);
    if (added == 0) return;
    replies = true;
    if (!r.from.empty() && !r.from_user_id.empty()) {
      store::link_identities(db, "+" + std::string(r.from), "user:" + std::string(r.from_user_id), now_ms);
    }
    db.run(
        "INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, 0, 0, json_object('id', ?3, 'from', "
        "?4, "
        "'type', ?5, 'text', ?6, 'answers', ?7))",
        now_ms, event_kind::reply, r.id, from, r.type, r.text, r.context_id);
  }

  void other(std::string_view, std::string_view) {}
};

// The counters of one campaign that one merge changes.
struct campaign_change {
  counters change;
  std::int64_t settled_by_receipt = 0, charge = 0, late = 0;
  std::int64_t heard_of_ms = 0;  // the latest attempt that a receipt told of
};

// The columns a receipt can change.
struct row {
  bool exists = false;
  message_state state = message_state::queued;
  receipt_rank receipt = receipt_rank::none;
  std::int64_t sent = 0, delivered = 0, read = 0, failed = 0;
  std::int32_t code = 0;
  std::int64_t attempt = 0, at_ms = 0;  // never changed here
  friend bool operator==(const row&, const row&) = default;
};

row read_row(store::database& db, std::int64_t id) {
  auto r = db.select(
      "SELECT state, receipt, coalesce(sent_at_ms, 0), coalesce(delivered_at_ms, 0), coalesce(read_at_ms, 0), "
      "coalesce(failed_at_ms, 0), coalesce(code, 0), attempt, at_ms FROM messages WHERE id = ?1",
      id);
  if (!r.next()) return {};
  return {true,
          static_cast<message_state>(r.integer(0)),
          static_cast<receipt_rank>(r.integer(1)),
          r.integer(2),
          r.integer(3),
          r.integer(4),
          r.integer(5),
          static_cast<std::int32_t>(r.integer(6)),
          r.integer(7),
          r.integer(8)};
}

// A time that is missing, or not known yet, is 0.
constexpr std::int64_t late_if_missing(std::int64_t at_ms) {
  return at_ms == 0 ? std::numeric_limits<std::int64_t>::max() : at_ms;
}

void keep_first(std::int64_t& at_ms, std::int64_t told_ms) {
  if (late_if_missing(told_ms) < late_if_missing(at_ms)) at_ms = told_ms;
}

counters parts(const row& r) {
  const bool sent = r.state == message_state::accepted;
  return {.delivered = sent && r.receipt >= receipt_rank::delivered,
          .read = sent && r.receipt == receipt_rank::read,
          .undelivered = sent && r.receipt == receipt_rank::failed};
}

// Applies one receipt; true when the row changed.
bool apply(store::database& db, fact f, campaign_change& to) {
  const auto id = f.key.message.key();
  const auto before = read_row(db, id);
  auto after = before;
  if (before.state == message_state::skipped) return false;
  {
    // Only what was opened can have been sent; anything else is not ours, whatever its key says.
    if (db.number("SELECT position > ?2 FROM lanes WHERE id = ?1 AND campaign = ?3", f.key.message.lane,
                  f.key.message.sequence, f.key.campaign) == 0) {
      return false;
    }
  }
  if (before.attempt == static_cast<std::int64_t>(f.key.attempt)) {
    to.heard_of_ms = std::max(to.heard_of_ms, before.at_ms);
  }
  if (!f.participant.empty()) {
    store::put_group_receipt(db, f.key.message, f.participant, f.rank, f.at_ms, f.code);
    // One participant who could not be reached is not the group: it proves no more than that the message was taken.
    if (f.rank == receipt_rank::failed) {
      f.rank = receipt_rank::sent;
      f.at_ms = 0;
    }
  }
  if (before.state != message_state::accepted) {
    after.state = message_state::accepted;
    ++to.change.sent;
    if (before.state == message_state::unconfirmed) --to.change.unconfirmed, ++to.settled_by_receipt;
    if (before.state == message_state::refused) {
      --to.change.failed;
      ++to.late;  // its credit was given back
    } else {
      ++to.charge;
    }
    after.code = 0;
  }
  after.receipt = std::max(before.receipt, f.rank);
  std::string_view detail;
  switch (f.rank) {
    case receipt_rank::sent:
      keep_first(after.sent, f.at_ms);
      break;
    case receipt_rank::failed:
      // Of several failures' codes the smallest: any rule that does not depend on the order will do.
      if (f.code != 0 && (after.code == 0 || f.code < after.code)) {
        after.code = f.code;
        detail = f.detail;
      }
      keep_first(after.failed, f.at_ms);
      break;
    case receipt_rank::delivered:
      keep_first(after.delivered, f.at_ms);
      break;
    case receipt_rank::read:
      keep_first(after.read, f.at_ms);
      break;
    case receipt_rank::none:
      break;
  }
  if (after == before) return false;
  const auto old_parts = parts(before), new_parts = parts(after);
  to.change.delivered += new_parts.delivered - old_parts.delivered;
  to.change.read += new_parts.read - old_parts.read;
  to.change.undelivered += new_parts.undelivered - old_parts.undelivered;
  db.run(
      "INSERT INTO messages(id, state, attempt, at_ms, provider_id, receipt, sent_at_ms, delivered_at_ms, read_at_ms, "
      "failed_at_ms, code, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, 0), nullif(?8, 0), nullif(?9, 0), "
      "nullif(?10, 0), nullif(?11, 0), nullif(?12, '')) ON CONFLICT(id) DO UPDATE SET state = ?2, "
      "provider_id = coalesce(provider_id, ?5), receipt = ?6, sent_at_ms = nullif(?7, 0), "
      "delivered_at_ms = nullif(?8, 0), read_at_ms = nullif(?9, 0), failed_at_ms = nullif(?10, 0), "
      "next_at_ms = NULL, code = nullif(?11, 0), "
      "detail = CASE WHEN ?11 = 0 THEN NULL WHEN ?12 <> '' THEN ?12 ELSE detail END",
      id, after.state, f.key.attempt, f.at_ms, f.provider_id, after.receipt, after.sent, after.delivered, after.read,
      after.failed, after.code, detail);
  return true;
}

}  // namespace

void append(store::database& db, std::string_view body, std::int64_t now_ms) {
  db.run("INSERT INTO inbox(received_at_ms, body) VALUES (?1, ?2)", now_ms, body);
}

merge_result merge(store::database& db, std::uint64_t store_id, std::int64_t now_ms) {
  merge_result result;
  collector found{db, store_id, now_ms, {}, 0, false, {}};
  channels::webhook_parser parser;
  std::int64_t last = 0;
  int bodies = 0;
  std::size_t bytes = 0;
  {
    auto r = db.select("SELECT id, body FROM inbox ORDER BY id LIMIT ?1", bodies_max + 1);
    while (r.next()) {
      if (++bodies > bodies_max || bytes > bytes_max || found.facts.size() > facts_max) {
        result.more = true;
        break;
      }
      last = r.integer(0);
      bytes += r.text(1).size();
      // A signed body that is no webhook cannot become one later: it is dropped.
      static_cast<void>(parser.parse(r.text(1), found));
    }
  }
  if (bodies == 0) return result;
  result.replies = found.replies;
  db.run("DELETE FROM inbox WHERE id <= ?1", last);
  if (found.foreign > 0) db.run("UPDATE store SET foreign_receipts = foreign_receipts + ?1", found.foreign);
  db.run("DELETE FROM parked WHERE received_at_ms < ?1", now_ms - parked_ms_max);
  db.run("DELETE FROM parked WHERE id <= (SELECT max(id) FROM parked) - ?1", parked_max);

  for (const auto& [message, user_id] : found.identities) {
    std::string address;
    {
      auto r = db.select("SELECT r.address FROM plan p JOIN recipients r ON r.id = p.recipient WHERE p.id = ?1",
                         message.key());
      if (r.next()) address = r.text(0);
    }
    if (address.starts_with('+')) store::link_identities(db, address, "user:" + user_id, now_ms);
  }
  std::stable_sort(found.facts.begin(), found.facts.end(),
                   [](const fact& a, const fact& b) { return a.key.message < b.key.message; });
  std::map<std::int64_t, campaign_change> changes;
  for (const auto& f : found.facts) {
    if (apply(db, f, changes[f.key.campaign])) {
      result.changed.push_back({{f.key.campaign}, f.key.message, f.rank});
    }
  }
  for (const auto& [campaign, c] : changes) {
    if (c.heard_of_ms > 0) {
      db.run(
          "UPDATE senders SET heard_of_ms = ?2 WHERE id = (SELECT sender FROM campaigns WHERE id = ?1) "
          "AND heard_of_ms < ?2",
          campaign, c.heard_of_ms);
    }
    store::account_for(db, campaign, c.change, c.settled_by_receipt, c.charge, 0, now_ms);
    if (c.late > 0) {
      const auto account = db.number("SELECT account FROM campaigns WHERE id = ?1", campaign);
      store::collect_late(db, account, campaign, c.late, now_ms);
    }
  }
  return result;
}

}  // namespace bulkmsg::inbound
