#include "store/intents.hpp"

#include <algorithm>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/content/window.hpp"
#include "store/campaigns.hpp"
#include "store/outcomes.hpp"
#include "store/sent_index.hpp"
#include "store/suppressions.hpp"
#include "store/unconfirmed.hpp"

namespace bulkmsg::store {

namespace {

void read_messages(rows& r, claim& into) {
  // Views are made after all text is in place: the buffer may move while it grows.
  struct place {
    std::size_t address, parameters;
  };
  std::vector<place> places;
  while (r.next()) {
    into.messages.push_back({.id = message_id::from_key(r.integer(0)),
                             .attempt = static_cast<std::uint32_t>(r.integer(1)),
                             .maybe_gone = !r.is_null(4),
                             .repeats = r.integer(4) > 0});
    const auto address = r.text(2);
    const auto parameters = r.text(3);
    places.push_back({address.size(), parameters.size()});
    into.text.append(address).append(parameters);
  }
  const char* at = into.text.data();
  for (std::size_t i = 0; i < places.size(); ++i) {
    into.messages[i].address = {at, places[i].address};
    into.messages[i].parameters = {at + places[i].address, places[i].parameters};
    at += places[i].address + places[i].parameters;
  }
}

void look_up_conversations(database& db, std::int32_t lane, std::int64_t now_ms, claim& of) {
  constexpr std::int64_t on_the_way_ms = 60'000;  // it must still be open when the message arrives
  std::string number;
  {
    auto r = db.select("SELECT s.phone_number_id FROM lanes l JOIN senders s ON s.id = l.sender WHERE l.id = ?1", lane);
    if (r.next()) number = r.text(0);
  }
  for (auto& m : of.messages) {
    const auto last_ms = last_inbound(db, m.address, number);
    m.conversation_open = last_ms > 0 && now_ms + on_the_way_ms < last_ms + content::service_window_ms;
  }
}

// Takes out of a claim who may not be written to any more. It costs one look at the log of changes while there was none
// since the freeze. What an earlier claim skipped already, before the range was taken back, is taken out, too.
void skip_barred(database& db, std::int32_t lane, std::int64_t now_ms, claim& of) {
  std::int64_t campaign = 0;
  consent_rules rules;
  {
    auto r = db.select(
        "SELECT c.id, c.marketing, c.needs_consent FROM lanes l JOIN campaigns c ON c.id = l.campaign "
        "WHERE l.id = ?1 AND (c.parent > 0 OR c.screened_at < (SELECT max(id) FROM consent_log))",
        lane);
    if (!r.next()) return;
    campaign = r.integer(0);
    rules = {r.integer(1) != 0, r.integer(2) != 0};
  }
  if (of.messages.empty()) return;
  screen screened(db, campaign, rules);
  outcomes skipped;
  std::erase_if(of.messages, [&](const claimed& m) {
    if (db.number("SELECT state FROM messages WHERE id = ?1", m.id.key()) ==
        static_cast<std::int64_t>(message_state::skipped)) {
      return true;
    }
    const auto row = db.number("SELECT recipient & 0xffffffff FROM plan WHERE id = ?1", m.id.key());
    const auto why = screened.check(m.address, row);
    if (why == errc::ok) return false;
    // Who may have got it already is not just left out: a receipt may still come.
    skipped.add({.id = m.id,
                 .state = m.maybe_gone ? message_state::refused : message_state::skipped,
                 .attempt = m.attempts_before(),
                 .code = static_cast<std::int32_t>(why),
                 .at_ms = now_ms},
                {}, screening_reason(why));
    return true;
  });
  if (!skipped.empty()) settle(db, campaign, skipped, now_ms);
}

}  // namespace

void open_range(database& db, std::int32_t lane, std::uint32_t count, std::int64_t now_ms, claim& into,
                bool conversations) {
  constexpr std::int64_t skipped_max = 2048;  // in one store job
  into.clear();
  const auto size = db.number("SELECT size FROM lanes WHERE id = ?1", lane);
  const auto base = static_cast<std::int64_t>(lane) << 32;
  auto first = position(db, lane);
  const auto begin = first;
  while (count > 0 && first < size && into.messages.empty()) {
    if (first - begin >= skipped_max) {
      into.more = true;
      return;
    }
    const auto last = std::min<std::int64_t>(first + count, size);
    into.text.clear();
    into.intent = write_intent(db, lane, first, last, now_ms);
    {
      auto r = db.select(
          "SELECT plan.id, 1, r.address, r.parameters, NULL FROM plan JOIN recipients r ON r.id = plan.recipient "
          "WHERE plan.id >= ?1 AND plan.id < ?2 ORDER BY plan.id",
          base + first, base + last);
      read_messages(r, into);
    }
    skip_barred(db, lane, now_ms, into);
    if (into.messages.empty()) close_intent(db, into.intent, now_ms);
    first = last;
  }
  if (conversations) look_up_conversations(db, lane, now_ms, into);
}

void open_retries(database& db, std::int32_t lane, std::uint32_t count, std::int64_t now_ms, claim& into,
                  bool conversations) {
  into.clear();
  {
    auto r = db.select(
        "SELECT m.id, m.attempt + (coalesce(m.repeat_until_ms, 0) = 0), r.address, r.parameters, m.repeat_until_ms "
        "FROM messages m CROSS JOIN plan ON plan.id = m.id "
        "CROSS JOIN recipients r ON r.id = plan.recipient "
        "WHERE m.state = 1 AND m.id >> 32 = ?2 AND m.next_at_ms <= ?1 ORDER BY m.next_at_ms LIMIT ?3",
        now_ms, lane, count);
    read_messages(r, into);
  }
  skip_barred(db, lane, now_ms, into);
  if (into.messages.empty()) return;
  if (conversations) look_up_conversations(db, lane, now_ms, into);
  db.run("INSERT INTO intents(lane, first, last, retries, at_ms) VALUES (?1, 0, 0, ?2, ?3)", lane, into.messages.size(),
         now_ms);
  into.intent = db.last_id();
  // Who may have got it already keeps the time of that request as long as this one has no end: a receipt may be of it.
  for (const auto& m : into.messages) {
    db.run(
        "UPDATE messages SET state = 6, attempt = ?2, next_at_ms = NULL, at_ms = iif(repeat_until_ms IS NULL, ?3, "
        "at_ms), "
        "left_by_ms = iif(repeat_until_ms IS NULL, NULL, left_by_ms) WHERE id = ?1",
        m.id.key(), m.attempt, now_ms);
    index_later(db, m.id);
  }
}

void take_back_retry(database& db, message_id id, std::int64_t next_at_ms) {
  db.run(
      "UPDATE messages SET state = 1, attempt = attempt - (coalesce(repeat_until_ms, 0) = 0), next_at_ms = ?2 "
      "WHERE id = ?1 AND state = 6",
      id.key(), next_at_ms);
}

std::int64_t next_retry_at(database& db, std::int32_t lane) {
  return db.number("SELECT min(next_at_ms) FROM messages WHERE state = 1 AND id >> 32 = ?1", lane);
}

std::int64_t bring_forward(database& db, std::int64_t sender, std::int64_t before_ms, std::int64_t now_ms) {
  constexpr std::int64_t rows_max = 1'000;
  return db.run(
      "UPDATE messages SET next_at_ms = ?2 WHERE id IN (SELECT m.id FROM lanes l CROSS JOIN messages m ON m.id >> 32 = "
      "+l.id WHERE l.sender = ?1 AND m.state = 1 AND m.code = ?3 AND m.next_at_ms > ?2 AND m.at_ms <= ?5 AND "
      "m.repeat_until_ms IS NULL LIMIT ?4)",
      sender, now_ms, errc::rate_limited, rows_max, before_ms);
}

std::vector<past_sends> recent_sends(database& db, std::int64_t sender, std::int64_t since_ms, std::int64_t now_ms) {
  constexpr std::int64_t intents_kept_ms = 60'000;
  constexpr std::int64_t in_flight_ms_max = 600'000;  // so long after a stop messages may still end
  std::vector<past_sends> past;
  // Up to a minute back the intents tell; farther back only the messages themselves do. Earlier attempts count as if
  // they had been made with the last: rather too late than forgotten. Who was skipped or set aside carries the time of
  // that, and no attempt was made then: all of theirs lie before.
  if (now_ms - since_ms > intents_kept_ms) {
    auto r = db.select(
        "SELECT max(left_ms), sum(CASE WHEN left_ms < ?3 OR state = 5 OR (state = 1 AND code = ?4) THEN attempt "
        "ELSE max(attempt - 1, 0) END) FROM (SELECT coalesce(m.left_by_ms, m.at_ms) AS left_ms, m.state, m.code, "
        "m.attempt FROM campaigns c CROSS JOIN lanes l ON l.campaign = c.id "
        "CROSS JOIN messages m ON m.id >= l.id << 32 AND m.id < (l.id + 1) << 32 "
        "WHERE l.sender = ?1 AND (c.finished_at_ms = 0 OR c.finished_at_ms >= ?2 - ?5)) "
        "WHERE left_ms >= ?2 GROUP BY left_ms / 1000",
        sender, since_ms, now_ms - intents_kept_ms, errc::rate_limited, in_flight_ms_max);
    while (r.next()) {
      if (r.integer(1) > 0) past.push_back({r.integer(0), r.integer(1)});
    }
  }
  auto r = db.select(
      "SELECT CASE WHEN i.closed THEN i.at_ms ELSE ?3 END, i.last - i.first + i.retries FROM intents i "
      "JOIN lanes l ON l.id = i.lane WHERE l.sender = ?1 AND "
      "(NOT i.closed OR i.at_ms >= ?2)",
      sender, std::max(since_ms, now_ms - intents_kept_ms), now_ms);
  while (r.next()) past.push_back({r.integer(0), r.integer(1)});
  std::sort(past.begin(), past.end(), [](const auto& a, const auto& b) { return a.at_ms < b.at_ms; });
  return past;
}

std::int64_t taken_up_at(database& db, message_id id) {
  return db.number("SELECT at_ms FROM intents WHERE lane = ?1 AND first <= ?2 AND last > ?2 ORDER BY id DESC LIMIT 1",
                   id.lane, id.sequence);
}

recovered recover(database& db, std::int64_t now_ms) {
  recovered found;
  db.run("UPDATE senders SET heard_of_ms = 0");  // whether webhooks arrive is to be seen again
  db.run("DELETE FROM forgotten_on_the_way");    // no answers come any more
  struct span {
    std::int64_t intent, lane, first, last, at_ms;
  };
  std::vector<span> open;
  {
    auto r = db.select("SELECT id, lane, first, last, at_ms FROM intents WHERE closed = 0 ORDER BY lane, first");
    while (r.next()) open.push_back({r.integer(0), r.integer(1), r.integer(2), r.integer(3), r.integer(4)});
  }
  constexpr const char* why = "the process ended while this message may have been on its way";
  for (const auto& s : open) {
    const auto base = s.lane << 32;
    found.window += s.last - s.first;
    const auto n = db.run(
        "INSERT INTO messages(id, state, attempt, at_ms, code, detail, left_by_ms) "
        "SELECT plan.id, 4, 1, ?3, ?4, ?5, ?6 FROM plan LEFT JOIN messages m ON m.id = plan.id "
        "WHERE plan.id >= ?1 AND plan.id < ?2 AND m.id IS NULL",
        base + s.first, base + s.last, s.at_ms, errc::connection_lost, why, now_ms);
    db.run("UPDATE campaigns SET unconfirmed = unconfirmed + ?2 WHERE id = (SELECT campaign FROM lanes WHERE id = ?1)",
           s.lane, n);
    found.unconfirmed += n;
    close_intent(db, s.intent, now_ms);
  }
  struct campaign_count {
    std::int64_t campaign, count;
  };
  std::vector<campaign_count> attempting;
  {
    auto r = db.select(
        "SELECT l.campaign, count(*) FROM messages m JOIN lanes l ON l.id = m.id >> 32 WHERE m.state = 6 GROUP BY 1");
    while (r.next()) attempting.push_back({r.integer(0), r.integer(1)});
  }
  // Of what was about to be sent again receipts may have been held back as long as nobody listened: it waits anew.
  drop_resends(db);
  if (!attempting.empty()) {
    db.run("UPDATE messages SET state = 4, code = ?1, detail = ?2, left_by_ms = ?3 WHERE state = 6",
           errc::connection_lost, why, now_ms);
    for (const auto& a : attempting) {
      db.run("UPDATE campaigns SET unconfirmed = unconfirmed + ?2 WHERE id = ?1", a.campaign, a.count);
      found.unconfirmed += a.count;
      found.window += a.count;
    }
  }
  return found;
}

}  // namespace bulkmsg::store
