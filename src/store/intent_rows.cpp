#include "store/intent_rows.hpp"

namespace bulkmsg::store {

namespace {

// How long closed intents are kept: limits up to a minute act on them when the store is opened again.
constexpr std::int64_t look_back_ms = 60'000;

}  // namespace

std::int64_t position(database& db, std::int32_t lane) {
  return db.number("SELECT position FROM lanes WHERE id = ?1", lane);
}

std::int64_t write_intent(database& db, std::int32_t lane, std::int64_t first, std::int64_t last, std::int64_t now_ms) {
  db.run("INSERT INTO intents(lane, first, last, at_ms) VALUES (?1, ?2, ?3, ?4)", lane, first, last, now_ms);
  const auto intent = db.last_id();
  db.run("UPDATE lanes SET position = ?2 WHERE id = ?1", lane, last);
  return intent;
}

void take_back(database& db, std::int32_t lane, std::int64_t from) {
  db.run("DELETE FROM intents WHERE lane = ?1 AND first >= ?2 AND last > first", lane, from);
  db.run("UPDATE intents SET last = ?2 WHERE lane = ?1 AND last > ?2", lane, from);
  db.run("UPDATE lanes SET position = ?2 WHERE id = ?1 AND position > ?2", lane, from);
}

void close_intent(database& db, std::int64_t intent, std::int64_t now_ms) {
  db.run("UPDATE intents SET closed = 1, at_ms = ?2 WHERE id = ?1", intent, now_ms);
  // Only the oldest are looked at, more than come to be at a time: not a whole minute's.
  db.run(
      "DELETE FROM intents WHERE id <= (SELECT max(id) FROM (SELECT id FROM intents ORDER BY id LIMIT 32)) "
      "AND closed = 1 AND id <= ?1 AND at_ms < ?2",
      intent, now_ms - look_back_ms);
}

}  // namespace bulkmsg::store
