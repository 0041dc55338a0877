#include "sim/judge.hpp"

#include <algorithm>
#include <vector>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/engine.hpp"
#include "store/accounts.hpp"
#include "store/campaigns.hpp"
#include "store/reports.hpp"

namespace bulkmsg::sim {

namespace {

void expect(std::int64_t told, std::int64_t is, const std::string& what) {
  if (told != is)
    throw broken{what + ": " + std::to_string(told) + " by the counters, " + std::to_string(is) + " by the rows"};
}

}  // namespace

void judge::sit() { db_.emplace(path_, store::database::access::read); }
void judge::rise() { db_.reset(); }

std::string judge::text(const std::string& sql) {
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v2(db_->handle(), sql.c_str(), -1, &s, nullptr) != SQLITE_OK) {
    throw broken{"the judge cannot ask: " + std::string(sqlite3_errmsg(db_->handle()))};
  }
  std::string value;
  if (sqlite3_step(s) == SQLITE_ROW) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(s, 0));
    if (bytes != nullptr) value = bytes;
  }
  sqlite3_finalize(s);
  return value;
}

std::int64_t judge::number(const std::string& sql) {
  const auto value = text(sql);
  return value.empty() ? 0 : std::stoll(value);
}

std::string judge::first(const char* sql, const std::function<bool(const std::string&)>& so) {
  auto r = db_->select(sql);
  while (r.next()) {
    if (std::string value(r.text(0)); so(value)) return value;
  }
  return {};
}

void judge::took(std::int64_t message, int rank) {
  auto& best = told_[message];
  best = std::max(best, rank);
}

void judge::took_reply(const std::string& id, std::int64_t quoted, const std::string& by, bool stop) {
  // Only what is known to be sent can be found by what it is called.
  const bool known = quoted != 0 && !doubted_.contains(id) && db_ &&
                     number("SELECT EXISTS(SELECT 1 FROM messages WHERE state = 2 AND provider_id = '" + by +
                            "' AND id = " + std::to_string(quoted) + ")") != 0;
  replies_.emplace(id, known ? quoted : 0);
  if (stop) stops_.insert(id);
}

void judge::heard(std::int64_t event) {
  auto r =
      db_->select("SELECT payload ->> '$.id', id FROM events WHERE kind = ?1 AND id <= ?2", event_kind::reply, event);
  while (r.next()) {
    const auto [told, first] = heard_.emplace(r.text(0), r.integer(1));
    if (!first && told->second != r.integer(1)) throw broken{"reply " + told->first + " is two events"};
  }
}

void judge::end_of_replies() {
  heard(number("SELECT max(id) FROM events"));
  for (const auto& [id, quoted] : replies_) {
    auto r = db_->select("SELECT coalesce(message, 0), waits FROM replies WHERE provider_id = ?1", id);
    if (!r.next()) throw broken{"reply " + id + " was taken and lost"};
    if (r.integer(1) != 0) throw broken{"reply " + id + " waits for ever"};
    if (quoted != 0 && r.integer(0) != quoted) {
      throw broken{"reply " + id + " was not matched with what it quotes, " + std::to_string(quoted) + ", but with " +
                   std::to_string(r.integer(0))};
    }
    if (!heard_.contains(id)) throw broken{"reply " + id + " was never told"};
    if (stops_.contains(id) && db_->number("SELECT count(*) FROM suppressions WHERE source = ?1 AND address = "
                                           "(SELECT address FROM replies WHERE provider_id = ?2)",
                                           suppression_source::stop_word, id) == 0) {
      throw broken{"reply " + id + " said stop, and nobody acted on it"};
    }
  }
  auto r = db_->select(
      "SELECT id, responded, (SELECT count(DISTINCT message) FROM replies WHERE campaign = c.id) FROM campaigns c");
  while (r.next()) expect(r.integer(1), r.integer(2), "campaign " + std::to_string(r.integer(0)) + ", responded");
}

void judge::look(bool at_rest) {
  if (!db_) return;  // the engine is on its way out
  db_->exec("BEGIN");
  std::int64_t held = 0, held_most = 0, sent = 0;
  std::vector<std::int64_t> campaigns;
  {
    auto r = db_->select("SELECT id FROM campaigns ORDER BY id");
    while (r.next()) campaigns.push_back(r.integer(0));
  }
  for (const auto campaign : campaigns) {
    const auto c = store::read_status(*db_, campaign);
    if (c.state < campaign_state::sending || c.state == campaign_state::failed) continue;  // no plan
    struct row_counts {
      std::int64_t queued = 0, sent = 0, failed = 0, unconfirmed = 0, skipped = 0, delivered = 0, read = 0,
                   undelivered = 0;
    } rows;
    rows.skipped = db_->number("SELECT count(*) FROM rejects WHERE id >> 32 = ?1", c.id.value);
    auto r = db_->select(
        "SELECT p.id, coalesce(m.state, 0), coalesce(m.receipt, 0) FROM lanes l JOIN plan p ON p.id >= (l.id << 32) "
        "AND p.id < ((l.id + 1) << 32) LEFT JOIN messages m ON m.id = p.id WHERE l.campaign = ?1",
        c.id.value);
    while (r.next()) {
      const auto state = static_cast<message_state>(r.integer(1));
      const auto receipt = r.integer(2);
      const auto known = in_.provider().messages().find(r.integer(0));
      const bool there = known != in_.provider().messages().end();
      const bool accepted = there && known->second.accepted;
      const auto where =
          "message " + std::to_string(r.integer(0) >> 32) + ":" + std::to_string(r.integer(0) & 0xffffffff);
      switch (state) {
        case message_state::accepted:
          ++rows.sent;
          if (!accepted && !in_.provider().light)
            throw broken{where + " is called sent, and the provider never accepted it"};
          if (there && known->second.known_at < 0) known->second.known_at = in_.clock().now();
          rows.undelivered += receipt == 2, rows.delivered += receipt >= 3, rows.read += receipt == 4;
          break;
        case message_state::refused:
          ++rows.failed;
          if (there) in_.provider().keep_failed(known->second, where);
          break;
        case message_state::unconfirmed:
          ++rows.unconfirmed;
          break;
        case message_state::skipped:
          ++rows.skipped;
          break;
        default:
          ++rows.queued;
      }
    }
    const auto in = "campaign " + std::to_string(c.id.value) + ", ";
    expect(c.counters.queued(), rows.queued, in + "queued");
    expect(c.counters.sent, rows.sent, in + "sent");
    expect(c.counters.failed, rows.failed, in + "failed");
    expect(c.counters.unconfirmed, rows.unconfirmed, in + "unconfirmed");
    expect(c.counters.skipped, rows.skipped, in + "skipped");
    expect(c.counters.delivered, rows.delivered, in + "delivered");
    expect(c.counters.read, rows.read, in + "read");
    expect(c.counters.undelivered, rows.undelivered, in + "undelivered");
    if (c.counters.sent < sent_[c.id.value]) throw broken{in + "sent fell"};
    sent_[c.id.value] = c.counters.sent;
    held += rows.unconfirmed + (is_final(c.state) ? 0 : rows.queued);
    // After a stop what is not sent gives its credits back when the last answer is in.
    held_most += rows.unconfirmed + (is_final(c.state) && at_rest ? 0 : rows.queued);
    sent += rows.sent;
  }
  {
    // What a person wrote holds as soon as it is known; what is durable is known a moment later.
    auto r = db_->select("SELECT address FROM suppressions WHERE source = ?1", suppression_source::stop_word);
    while (r.next()) in_.provider().bar(std::string(r.text(0)), in_.clock().now() + second);
  }
  for (const auto& account : store::list_accounts(*db_, 0, 10)) {
    credits::balances b;
    try {
      b = store::audit(*db_, account.id);
    } catch (const store::store_error& e) {
      throw broken{"the ledger: " + e.what.message};
    }
    if (!b.conserved() || b.available() < 0) throw broken{"credits are not conserved"};
    if (b.reserved < held || b.reserved > held_most) expect(b.reserved, held, "credits held");
    expect(b.spent + account.uncollected, sent, "credits spent");
  }
  db_->exec("COMMIT");
}

void judge::end(std::int64_t campaign, bool all_told) {
  look(true);
  auto r = db_->select(
      "SELECT p.id, coalesce(m.state, 0), coalesce(m.receipt, 0) FROM lanes l JOIN plan p ON p.id >> 32 = l.id "
      "LEFT JOIN messages m ON m.id = p.id WHERE l.campaign = ?1",
      campaign);
  const bool stopped = number("SELECT state FROM campaigns WHERE id = " + std::to_string(campaign)) ==
                       static_cast<int>(campaign_state::stopped);
  while (r.next()) {
    const auto id = r.integer(0);
    const auto state = static_cast<message_state>(r.integer(1));
    const auto where = "message " + std::to_string(id >> 32) + ":" + std::to_string(id & 0xffffffff);
    const auto known = in_.provider().messages().find(id);
    const bool there = known != in_.provider().messages().end();
    if (state == message_state::unconfirmed) {
      if (all_told && there && known->second.accepted) throw broken{where + ": a receipt settled nothing"};
    } else if (state != message_state::accepted && state != message_state::refused && state != message_state::skipped) {
      if (!stopped) throw broken{where + " was forgotten"};
    } else if (state == message_state::skipped && there && !known->second.may_retry) {
      throw broken{where + " is called skipped, and a request was sent"};
    }
    if (const auto told = told_.find(id); told != told_.end()) {
      if (state != message_state::accepted) throw broken{where + ": a receipt was taken and lost"};
      if (r.integer(2) < told->second) {
        throw broken{where + ": its best receipt was taken and lost: " + std::to_string(told->second) +
                     ", and the row says " + std::to_string(r.integer(2))};
      }
    }
    if (all_told && there && known->second.accepted && r.integer(2) != known->second.rank) {
      throw broken{where + ": the final receipt is " + std::to_string(r.integer(2)) + ", not " +
                   std::to_string(known->second.rank)};
    }
  }
}

}  // namespace bulkmsg::sim
