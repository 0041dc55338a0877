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

}  // namespace

std::int64_t position(database& db, std::int32_t lane) {
  return std::max(positions[lane], db.number("SELECT position FROM lanes WHERE id = ?1", lane));
}

std::int64_t write_intent(database&, std::int32_t lane, std::int64_t, std::int64_t last, std::int64_t) {
  static std::int64_t intents = 0;
  positions[lane] = last;
  ranges[--intents] = {lane, last};  // below every id of a row
  return intents;
}

void take_back(database&, std::int32_t lane, std::int64_t from) { positions[lane] = std::min(positions[lane], from); }

void close_intent(database& db, std::int64_t intent, std::int64_t) {
  const auto r = ranges.extract(intent);
  if (r.empty()) return;
  db.run("UPDATE lanes SET position = max(position, ?2) WHERE id = ?1", r.mapped().lane, r.mapped().last);
}

}  // namespace bulkmsg::store
