#include "store/sent_index.hpp"

#include <algorithm>

#include "bulkmsg/recipients/address.hpp"
#include "store/forgotten.hpp"
#include "store/keys.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::int64_t run_messages = 16'384;

struct entry {
  std::int64_t key, message;
  friend auto operator<=>(const entry&, const entry&) = default;
};

// Only a hash: whoever finds it compares the id itself.
std::int64_t id_key(std::string_view provider_id) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : provider_id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return static_cast<std::int64_t>(hash ^ hash >> 32);
}

// The number itself is nowhere in the index: it would be there when the person is forgotten.
std::int64_t indexed_person(database& db, std::int64_t person) { return forgotten_key(db, person); }

struct batch {
  database& db;
  std::vector<entry> entries;
  std::int64_t messages = 0, last_ms = 0;
  const indexed_hook& added;

  // Columns: message, provider id, address, time.
  void take(const rows& r) {
    const auto id = r.integer(0);
    const auto provider_id = r.text(1);
    ++messages;
    last_ms = std::max(last_ms, r.integer(3));
    if (!provider_id.empty()) {
      entries.push_back({id_key(provider_id), id});
      if (added) added(message_id::from_key(id), provider_id);
    }
    entries.push_back({indexed_person(db, person_key(r.text(2))), id});
  }
};

// No outcome is missing before this place of the lane.
std::int64_t settled_to(database& db, std::int64_t lane, std::int64_t position) {
  auto r = db.select("SELECT min(first) FROM intents WHERE lane = ?1 AND closed = 0 AND first < last", lane);
  return r.next() && !r.is_null(0) ? std::min(position, r.integer(0)) : position;
}

struct behind {
  std::int64_t lane, indexed, to;
};
std::vector<behind> lanes_behind(database& db) {
  std::vector<behind> list;
  auto r = db.select("SELECT id, indexed, position FROM lanes WHERE indexed < position ORDER BY id");
  while (r.next()) list.push_back({r.integer(0), r.integer(1), r.integer(2)});
  return list;
}

// One answer that is long in coming keeps nobody behind it from being found: what has none yet is indexed with it.
void index_unsettled_later(database& db, std::int64_t lane, std::int64_t from, std::int64_t to) {
  from = std::max(from, settled_to(db, lane, to));
  if (from >= to) return;
  db.run(
      "INSERT OR IGNORE INTO to_index(message) SELECT p.id FROM plan p LEFT JOIN messages m ON m.id = p.id "
      "WHERE p.id >= ?1 AND p.id < ?2 AND m.id IS NULL",
      row_key(lane, from), row_key(lane, to));
}

void write(database& db, batch& found) {
  if (found.messages == 0) return;
  std::int64_t run = 1, held = 0;
  {
    auto r = db.select("SELECT id, messages FROM index_runs ORDER BY id DESC LIMIT 1");
    if (r.next()) run = r.integer(0), held = r.integer(1);
  }
  if (held + found.messages > run_messages && held > 0) ++run;
  std::sort(found.entries.begin(), found.entries.end());
  for (const auto& e : found.entries) {
    db.run("INSERT OR IGNORE INTO sent_index(run, key, message) VALUES (?1, ?2, ?3)", run, e.key, e.message);
  }
  db.run(
      "INSERT INTO index_runs(id, messages, last_ms) VALUES (?1, ?2, ?3) "
      "ON CONFLICT(id) DO UPDATE SET messages = messages + ?2, last_ms = max(last_ms, ?3)",
      run, found.messages, found.last_ms);
}

std::vector<std::int64_t> runs_since(database& db, std::int64_t since_ms) {
  std::vector<std::int64_t> runs;
  auto r = db.select("SELECT id FROM index_runs WHERE last_ms >= ?1 ORDER BY id DESC", since_ms);
  while (r.next()) runs.push_back(r.integer(0));
  return runs;
}

// Columns: message, campaign, time, attempt.
sent_message read_sent(const rows& r) {
  return {message_id::from_key(r.integer(0)), r.integer(1), r.integer(2), static_cast<std::uint32_t>(r.integer(3))};
}

}  // namespace

bool index_sent(database& db, std::size_t messages_max, const indexed_hook& added) {
  batch found{db, {}, 0, 0, added};
  auto room = static_cast<std::int64_t>(messages_max);
  const auto lanes = lanes_behind(db);
  if (!lanes.empty()) need_forget_key(db);
  for (const auto& lane : lanes) {
    const auto to = std::min(lane.to, lane.indexed + room);
    if (to <= lane.indexed) break;
    {
      auto r = db.select(
          "SELECT m.id, m.provider_id, r.address, m.at_ms FROM messages m CROSS JOIN plan ON plan.id = m.id "
          "CROSS JOIN recipients r ON r.id = plan.recipient WHERE m.id >= ?1 AND m.id < ?2 AND m.state = 2",
          row_key(lane.lane, lane.indexed), row_key(lane.lane, to));
      while (r.next()) found.take(r);
    }
    index_unsettled_later(db, lane.lane, lane.indexed, to);
    db.run("UPDATE lanes SET indexed = ?2 WHERE id = ?1", lane.lane, to);
    room -= to - lane.indexed;
  }
  std::vector<std::int64_t> late;
  {
    auto r = db.select(
        "SELECT m.id, m.provider_id, r.address, m.at_ms FROM to_index t CROSS JOIN messages m ON m.id = t.message "
        "CROSS JOIN plan ON plan.id = m.id CROSS JOIN recipients r ON r.id = plan.recipient WHERE m.state = 2 "
        "ORDER BY t.message LIMIT ?1",
        std::max<std::int64_t>(room, 1));
    while (r.next()) found.take(r), late.push_back(r.integer(0)), --room;
  }
  for (const auto message : late) db.run("DELETE FROM to_index WHERE message = ?1", message);
  // Who waits to be tried again is named again when that happens.
  if (room > 0) {
    db.run(
        "DELETE FROM to_index WHERE message IN (SELECT t.message FROM to_index t CROSS JOIN messages m ON m.id = "
        "t.message "
        "WHERE m.state NOT IN (2, 6) LIMIT 1000)");
  }
  write(db, found);
  return room <= 0;
}

bool sent_to_index(database& db) {
  return !lanes_behind(db).empty() ||
         db.number(
             "SELECT EXISTS(SELECT 1 FROM to_index t CROSS JOIN messages m ON m.id = t.message WHERE m.state = 2)") !=
             0;
}

void index_later(database& db, message_id message) {
  db.run("INSERT OR IGNORE INTO to_index(message) VALUES (?1)", message.key());
}

std::size_t look_ups_per_job(database& db) {
  constexpr std::int64_t probes_max = 4096, least = 16, most = 500;
  return static_cast<std::size_t>(
      std::clamp(probes_max / (db.number("SELECT count(*) FROM index_runs") + 1), least, most));
}

std::optional<sent_message> find_sent(database& db, std::string_view provider_id, std::int64_t since_ms) {
  const auto key = id_key(provider_id);
  for (const auto run : runs_since(db, since_ms)) {
    auto r = db.select(
        "SELECT m.id, l.campaign, m.at_ms, m.attempt FROM sent_index x CROSS JOIN messages m ON m.id = x.message "
        "JOIN lanes l ON l.id = m.id >> 32 WHERE x.run = ?1 AND x.key = ?2 AND m.provider_id = ?3",
        run, key, provider_id);
    if (r.next()) return read_sent(r);
  }
  return std::nullopt;
}

std::optional<sent_message> latest_sent(database& db, std::int64_t person, std::string_view phone_number_id,
                                        std::int64_t from_ms, std::int64_t to_ms) {
  std::vector<std::int64_t> keys{person};
  {
    auto r = db.select("SELECT alias FROM identities WHERE person = ?1", person);
    while (r.next()) keys.push_back(r.integer(0));
  }
  for (auto& key : keys) key = indexed_person(db, key);
  std::optional<sent_message> latest;
  for (const auto run : runs_since(db, from_ms)) {
    for (const auto key : keys) {
      auto r = db.select(
          "SELECT m.id, l.campaign, m.at_ms, m.attempt FROM sent_index x CROSS JOIN messages m ON m.id = x.message "
          "JOIN lanes l ON l.id = m.id >> 32 JOIN senders s ON s.id = l.sender "
          "WHERE x.run = ?1 AND x.key = ?2 AND m.at_ms >= ?3 AND m.at_ms <= ?4 AND (?5 = '' OR s.phone_number_id = ?5) "
          "ORDER BY m.at_ms DESC, m.id DESC LIMIT 1",
          run, key, from_ms, to_ms, phone_number_id);
      if (!r.next()) continue;
      const auto found = read_sent(r);
      if (!latest || std::pair(found.at_ms, found.message) > std::pair(latest->at_ms, latest->message)) latest = found;
    }
  }
  return latest;
}

std::string address_of(database& db, message_id message) {
  auto r =
      db.select("SELECT r.address FROM plan p JOIN recipients r ON r.id = p.recipient WHERE p.id = ?1", message.key());
  return r.next() ? std::string(r.text(0)) : std::string();
}

}  // namespace bulkmsg::store
