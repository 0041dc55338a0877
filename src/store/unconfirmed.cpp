#include "store/unconfirmed.hpp"

#include <algorithm>

#include "bulkmsg/campaign/counters.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/outcomes.hpp"
#include "store/sent_index.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::int64_t rows_max = 500;  // in one store job

// How long after a request it is repeated: as long as it has been repeated already, within these bounds.
constexpr std::int64_t repeat_after_min_ms = 1'000;
constexpr std::int64_t repeat_after_max_ms = 600'000;

std::string messages_of(std::int64_t n) { return std::to_string(n) + (n == 1 ? " message" : " messages"); }

// Statements are known by their text's place, so each is a literal of its own.
#define UNCONFIRMED_WHERE(condition) \
  "SELECT id FROM messages WHERE state = 4 AND id >> 32 = ?1 AND " condition " ORDER BY superseded, at_ms LIMIT ?2"
// Until when a request may be repeated under its key; ?3: the campaign's repeat_ms.
#define REPEAT_UNTIL "coalesce(nullif(repeat_until_ms, 0), at_ms + ?3)"

// Unconfirmed messages of the campaign, at most `most`.
template <class... Values>
std::vector<std::int64_t> find(database& db, std::int64_t campaign, std::int64_t most, const char* sql,
                               Values... values) {
  std::vector<std::int64_t> found;
  for (const auto lane : lanes_of(db, campaign)) {
    auto r = db.select(sql, lane, most - static_cast<std::int64_t>(found.size()), values...);
    while (r.next()) found.push_back(r.integer(0));
  }
  return found;
}

void fail_all(database& db, std::int64_t campaign, const std::vector<std::int64_t>& ids, errc code,
              std::int64_t may_pass_from_ms, std::string_view detail, std::int64_t now_ms) {
  for (const auto id : ids) {
    db.run("UPDATE messages SET state = 3, code = ?2, detail = ?3, next_at_ms = nullif(?4, 0) WHERE id = ?1", id, code,
           detail, may_pass_from_ms);
  }
  const auto n = static_cast<std::int64_t>(ids.size());
  account_for(db, campaign, {.failed = n, .unconfirmed = -n}, 0, 0, n, now_ms);
}

struct ruled {
  std::int64_t id = 0;
  campaign_state state = campaign_state::draft;
  unconfirmed_rule rule = unconfirmed_rule::hold;
  std::int64_t wait_ms = 0, repeat_ms = 0, unconfirmed = 0, queued = 0;
};

std::vector<ruled> campaigns_with_rules(database& db) {
#define RULED_WHERE(condition)                                                                    \
  "SELECT c.id, c.state, c.unconfirmed_rule, c.unconfirmed_wait_ms, c.repeat_ms, c.unconfirmed, " \
  "c.total - c.sent - c.failed - c.unconfirmed - c.skipped FROM campaigns c "                     \
  "INDEXED BY campaigns_ruled WHERE (unconfirmed_rule > 0 OR repeat_ms > 0) AND " condition
  std::vector<ruled> all;
  const auto take = [&](rows r) {
    while (r.next()) {
      all.push_back({r.integer(0), static_cast<campaign_state>(r.integer(1)),
                     static_cast<unconfirmed_rule>(r.integer(2)), r.integer(3), r.integer(4), r.integer(5),
                     r.integer(6)});
    }
  };
  take(db.select(RULED_WHERE("c.state = 4")));
  take(db.select(RULED_WHERE("c.state IN (5, 6, 7, 8) AND c.unconfirmed > 0")));
  return all;
#undef RULED_WHERE
}

// Requests again what is due for it, under the same key. Returns how many.
std::int64_t repeat(database& db, const ruled& c, std::int64_t most, std::int64_t now_ms, rule_turn& turn) {
  const auto ids = find(db, c.id, most,
                        UNCONFIRMED_WHERE("superseded IS NULL AND at_ms <= ?4 - ?5 AND " REPEAT_UNTIL
                                          " > ?4 AND ?4 - at_ms >= min(max(at_ms + ?3 - " REPEAT_UNTIL ", ?5), ?6)"),
                        c.repeat_ms, now_ms, repeat_after_min_ms, repeat_after_max_ms);
  for (const auto id : ids) {
    db.run("UPDATE messages SET state = 1, next_at_ms = ?2, repeat_until_ms = " REPEAT_UNTIL " WHERE id = ?1", id,
           now_ms, c.repeat_ms);
    turn.changed.push_back({{c.id}, message_id::from_key(id), message_state::retry});
  }
  return static_cast<std::int64_t>(ids.size());
}

std::int64_t resend(database& db, const ruled& c, std::int64_t most, std::int64_t now_ms, rule_turn& turn) {
  const auto ids =
      find(db, c.id, most,
           UNCONFIRMED_WHERE(
               "superseded IS NULL AND at_ms <= ?4 AND max(at_ms, coalesce(left_by_ms, 0)) < (SELECT s.heard_of_ms "
               "FROM lanes l JOIN senders s ON s.id = l.sender WHERE l.id = ?1) "
               "AND attempt < ?5 AND (?3 = 0 OR " REPEAT_UNTIL " <= ?6)"),
           c.repeat_ms, now_ms - c.wait_ms, resend_attempts_max, now_ms);
  for (const auto id : ids) {
    db.run("UPDATE messages SET state = 1, next_at_ms = ?2, repeat_until_ms = 0 WHERE id = ?1", id, now_ms);
    turn.changed.push_back({{c.id}, message_id::from_key(id), message_state::retry});
  }
  if (!ids.empty()) note_history(db, c.id, "resend", messages_of(static_cast<std::int64_t>(ids.size())), now_ms, {});
  return static_cast<std::int64_t>(ids.size());
}

std::int64_t give_up(database& db, const ruled& c, std::int64_t most, std::int64_t now_ms, rule_turn& turn) {
  const auto repeat_ms = c.state == campaign_state::sending ? c.repeat_ms : 0;
  const auto ids = find(db, c.id, most,
                        UNCONFIRMED_WHERE("superseded IS NULL AND at_ms <= ?4 AND (?3 = 0 OR " REPEAT_UNTIL " <= ?5)"),
                        repeat_ms, now_ms - c.wait_ms, now_ms);
  if (ids.empty()) return 0;
  fail_all(db, c.id, ids, errc::timed_out, 0, "given up: it may have gone, and no receipt came in time", now_ms);
  for (const auto id : ids) turn.changed.push_back({{c.id}, message_id::from_key(id), message_state::refused});
  note_history(db, c.id, "give up", messages_of(static_cast<std::int64_t>(ids.size())), now_ms, {});
  return static_cast<std::int64_t>(ids.size());
}

// When a rule is due for a message of the campaign though nothing is heard of it; 0: never.
std::int64_t next_due(database& db, const ruled& c, std::int64_t now_ms, std::int64_t opened_ms) {
  std::int64_t next = 0;
  const auto keep = [&](std::int64_t at_ms) {
    if (at_ms > now_ms && (next == 0 || at_ms < next)) next = at_ms;
  };
  for (const auto lane : lanes_of(db, c.id)) {
    if (c.rule != unconfirmed_rule::hold) {
      const auto oldest = db.number(
          "SELECT at_ms FROM messages WHERE state = 4 AND id >> 32 = ?1 AND superseded IS NULL AND at_ms > ?2 "
          "ORDER BY superseded, at_ms LIMIT 1",
          lane, now_ms - c.wait_ms);
      if (oldest != 0) keep(std::max(oldest, opened_ms) + c.wait_ms);
      keep(opened_ms + c.wait_ms);
    }
    if (c.repeat_ms == 0) continue;
    auto r =
        db.select("SELECT min(at_ms + min(max(at_ms + ?3 - " REPEAT_UNTIL ", ?4), ?5)), min(" REPEAT_UNTIL
                  ") FROM messages WHERE state = 4 AND id >> 32 = ?1 AND superseded IS NULL AND " REPEAT_UNTIL " > ?2",
                  lane, now_ms, c.repeat_ms, repeat_after_min_ms, repeat_after_max_ms);
    if (r.next() && !r.is_null(0)) {
      // What is overdue is repeated when the campaign sends again.
      keep(r.integer(0));
      keep(r.integer(1));
    }
  }
  return next;
}

}  // namespace

void set_rule(database& db, std::int64_t campaign, unconfirmed_rule rule, std::int64_t wait_ms) {
  db.run("UPDATE campaigns SET unconfirmed_rule = ?2, unconfirmed_wait_ms = ?3 WHERE id = ?1", campaign, rule, wait_ms);
}

void set_repeats(database& db, std::int64_t campaign, std::int64_t repeat_ms) {
  db.run("UPDATE campaigns SET repeat_ms = ?2 WHERE id = ?1", campaign, repeat_ms);
}

rule_row read_rule(database& db, std::int64_t campaign) {
  auto r = db.select("SELECT unconfirmed_rule, unconfirmed_wait_ms FROM campaigns WHERE id = ?1", campaign);
  if (!r.next()) return {};
  return {static_cast<unconfirmed_rule>(r.integer(0)), r.integer(1)};
}

rule_turn keep_rules(database& db, std::int64_t now_ms, std::int64_t opened_ms) {
  rule_turn turn;
  std::int64_t left = rows_max;
  for (const auto& c : campaigns_with_rules(db)) {
    turn.any = true;
    if (left <= 0) {
      turn.more = true;
      break;
    }
    const bool sending = c.state == campaign_state::sending;
    const bool waited = now_ms - c.wait_ms >= opened_ms;
    if (c.unconfirmed > 0) {
      std::int64_t again = 0;
      if (sending && c.repeat_ms > 0) again += repeat(db, c, left, now_ms, turn);
      if (sending && waited && c.rule == unconfirmed_rule::resend) again += resend(db, c, left - again, now_ms, turn);
      if (again > 0) {
        account_for(db, c.id, {.unconfirmed = -again}, 0, 0, 0, now_ms);
        turn.queued.push_back(c.id);
      }
      left -= again;
      if (waited && c.rule == unconfirmed_rule::give_up && left > 0) left -= give_up(db, c, left, now_ms, turn);
    }
    if (sending && c.queued == 0 && exhausted(db, c.id) && !awaits_rule(db, c.id, now_ms)) turn.ended.push_back(c.id);
    if (const auto next = c.unconfirmed > 0 ? next_due(db, c, now_ms, opened_ms) : 0;
        next != 0 && (turn.next_ms == 0 || next < turn.next_ms)) {
      turn.next_ms = next;
    }
  }
  turn.more = turn.more || left <= 0;
  return turn;
}

bool awaits_rule(database& db, std::int64_t campaign, std::int64_t now_ms) {
  std::int64_t rule = 0, repeat_ms = 0;
  {
    auto r = db.select("SELECT unconfirmed_rule, repeat_ms FROM campaigns WHERE id = ?1 AND unconfirmed > 0", campaign);
    if (!r.next()) return false;
    rule = r.integer(0), repeat_ms = r.integer(1);
  }
  if (rule == 0 && repeat_ms == 0) return false;
  return !find(
              db, campaign, 1,
              UNCONFIRMED_WHERE(
                  "superseded IS NULL AND ((?4 = 1 AND attempt < ?5) OR ?4 = 2 OR (?3 > 0 AND " REPEAT_UNTIL " > ?6))"),
              repeat_ms, rule, resend_attempts_max, now_ms)
              .empty();
}

void drop_repeats(database& db, std::int64_t campaign) {
  std::int64_t back = 0;
  for (const auto lane : lanes_of(db, campaign)) {
    back += db.run(
        "UPDATE messages SET state = 4, next_at_ms = NULL WHERE state = 1 AND id >> 32 = ?1 AND repeat_until_ms IS NOT "
        "NULL",
        lane);
  }
  if (back > 0) db.run("UPDATE campaigns SET unconfirmed = unconfirmed + ?2 WHERE id = ?1", campaign, back);
}

void drop_resends(database& db) {
  std::vector<std::int64_t> campaigns;
  {
    auto r = db.select(
        "SELECT id FROM campaigns INDEXED BY campaigns_ruled WHERE (unconfirmed_rule > 0 OR repeat_ms > 0) AND "
        "unconfirmed_rule = ?1 AND state IN (4, 5)",
        unconfirmed_rule::resend);
    while (r.next()) campaigns.push_back(r.integer(0));
  }
  for (const auto id : campaigns) drop_repeats(db, id);
}

resolve_turn resolve(database& db, std::int64_t campaign, const resolution& how, std::int64_t now_ms) {
  static_cast<void>(read_campaign(db, campaign));
  std::vector<std::int64_t> ids;
  if (how.message.lane == 0) {
    ids = find(db, campaign, rows_max, UNCONFIRMED_WHERE("1"));
  } else {
    auto r = db.select(
        "SELECT m.state FROM plan LEFT JOIN messages m ON m.id = plan.id JOIN lanes l ON l.id = plan.id >> 32 "
        "WHERE plan.id = ?1 AND l.campaign = ?2",
        how.message.key(), campaign);
    const auto which = "message " + std::to_string(how.message.lane) + "/" + std::to_string(how.message.sequence);
    if (!r.next()) {
      throw store_error{error{errc::not_found, "campaign " + std::to_string(campaign) + " has no " + which, 0, 0}};
    }
    const auto state = static_cast<message_state>(r.integer(0));
    if (state != message_state::unconfirmed) {
      throw store_error{
          error{errc::wrong_state,
                which + " is " + std::string(name(state)) + ", not unconfirmed; nothing is to be resolved", 0, 0}};
    }
    ids.push_back(how.message.key());
  }
  resolve_turn turn;
  turn.more = static_cast<std::int64_t>(ids.size()) == rows_max;
  if (ids.empty()) return turn;
  const auto n = static_cast<std::int64_t>(ids.size());
  const auto because = " by " + how.actor + (how.reason.empty() ? "" : ": " + how.reason);
  if (how.sent) {
    for (const auto id : ids) {
      db.run("UPDATE messages SET state = 2, code = NULL, detail = ?2, next_at_ms = NULL WHERE id = ?1", id,
             "resolved as sent" + because);
      index_later(db, message_id::from_key(id));
    }
    account_for(db, campaign, {.sent = n, .unconfirmed = -n}, 0, n, 0, now_ms);
  } else {
    fail_all(db, campaign, ids, errc::connect_failed, now_ms, "resolved as not sent" + because, now_ms);
  }
  for (const auto id : ids) {
    turn.changed.push_back(
        {{campaign}, message_id::from_key(id), how.sent ? message_state::accepted : message_state::refused});
  }
  note_history(db, campaign, "resolve",
               messages_of(n) + (how.sent ? " as sent" : " as not sent") +
                   (how.reason.empty() ? std::string() : ": " + how.reason),
               now_ms, how.actor);
  return turn;
}

}  // namespace bulkmsg::store
