// What every fragile loop does: remembers what it sends in memory and stores the progress when it is done. Linked in
// place of src/store/intent_rows.cpp into `bulkmsg-no-intents`, which the crash test must find out.
#include <algorithm>
#include <map>

#include "store/intent_rows.hpp"

namespace bulkmsg::store {

namespace {

struct range {
  std::int32_t lane;
  std::int64_t last;
};
std::map<std::int32_t, std::int64_t> positions;
std::map<std::int64_t, range> ranges;

// Memory ends with the process. The simulation's processes are all one, but each has a writing connection of its own.
void forget_if_reopened(database& db) {
  static int changes_seen = 0;
  const int changes = sqlite3_total_changes(db.handle());
  if (changes < changes_seen) positions.clear(), ranges.clear();
  changes_seen = changes;
}

}  // namespace

std::int64_t position(database& db, std::int32_t lane) {
  forget_if_reopened(db);
  return std::max(positions[lane], db.number("SELECT position FROM lanes WHERE id = ?1", lane));
}

std::int64_t write_intent(database& db, std::int32_t lane, std::int64_t, std::int64_t last, std::int64_t) {
  forget_if_reopened(db);
  static std::int64_t intents = 0;
  positions[lane] = last;
  ranges[--intents] = {lane, last};  // below every id of a row
  return intents;
}

void take_back(database& db, std::int32_t lane, std::int64_t from) {
  forget_if_reopened(db);
  positions[lane] = std::min(positions[lane], from);
}

void close_intent(database& db, std::int64_t intent, std::int64_t) {
  forget_if_reopened(db);
  const auto r = ranges.extract(intent);
  if (r.empty()) return;
  db.run("UPDATE lanes SET position = max(position, ?2) WHERE id = ?1", r.mapped().lane, r.mapped().last);
}

}  // namespace bulkmsg::store
