#include "store/brakes.hpp"

#include "bulkmsg/campaign/life_cycle.hpp"
#include "store/campaigns.hpp"

namespace bulkmsg::store {

namespace {

bool braked(database& db, std::int64_t campaign) {
  return db.number("SELECT EXISTS(SELECT 1 FROM brakes WHERE campaign = ?1)", campaign) != 0;
}

// Those of the campaigns that nothing holds any more go on.
std::vector<std::int64_t> resume_free(database& db, const std::vector<std::int64_t>& campaigns, std::int64_t now_ms) {
  std::vector<std::int64_t> going;
  for (const auto id : campaigns) {
    if (braked(db, id) || read_campaign(db, id).state != campaign_state::paused) continue;
    change_state(db, id, campaign_state::sending, "resume", "", now_ms);
    going.push_back(id);
  }
  return going;
}

}  // namespace

std::vector<std::int64_t> pull_brake(database& db, const std::vector<std::int64_t>& campaigns, const brake& why,
                                     std::int64_t now_ms) {
  std::vector<std::int64_t> paused;
  for (const auto id : campaigns) {
    const auto state = read_campaign(db, id).state;
    const bool by_itself = !why.cause.empty();
    if (state == campaign_state::sending) {
      change_state(db, id, campaign_state::paused, "pause", why.reason, now_ms);
      paused.push_back(id);
    } else if (state != campaign_state::paused || !braked(db, id)) {
      continue;
    } else if (!by_itself) {
      hold_braked(db, id, why.reason, now_ms, "");
    }
    if (by_itself) {
      db.run("INSERT OR REPLACE INTO brakes(campaign, cause, until_ms) VALUES (?1, ?2, ?3)", id, why.cause,
             why.until_ms);
    }
  }
  return paused;
}

std::vector<std::int64_t> release_brake(database& db, std::string_view cause, std::int64_t now_ms) {
  std::vector<std::int64_t> held;
  {
    auto r = db.select("SELECT campaign FROM brakes WHERE cause = ?1 ORDER BY campaign", cause);
    while (r.next()) held.push_back(r.integer(0));
  }
  if (held.empty()) return held;
  db.run("DELETE FROM brakes WHERE cause = ?1", cause);
  return resume_free(db, held, now_ms);
}

std::vector<std::int64_t> release_due_brakes(database& db, std::int64_t now_ms) {
  std::vector<std::int64_t> held;
  {
    auto r = db.select(
        "SELECT DISTINCT campaign FROM brakes WHERE until_ms > 0 AND until_ms <= ?1 ORDER BY campaign LIMIT 100",
        now_ms);
    while (r.next()) held.push_back(r.integer(0));
  }
  for (const auto id : held) {
    db.run("DELETE FROM brakes WHERE campaign = ?1 AND until_ms > 0 AND until_ms <= ?2", id, now_ms);
  }
  return resume_free(db, held, now_ms);
}

std::int64_t next_brake_end(database& db) {
  return db.number("SELECT min(until_ms) FROM brakes WHERE until_ms > 0");
}

void hold_braked(database& db, std::int64_t campaign, std::string_view reason, std::int64_t now_ms,
                 std::string_view actor) {
  if (!braked(db, campaign)) return;
  db.run("DELETE FROM brakes WHERE campaign = ?1", campaign);
  db.run("UPDATE campaigns SET reason = CASE WHEN ?2 = '' THEN reason ELSE ?2 END WHERE id = ?1", campaign, reason);
  note_history(db, campaign, "pause", reason, now_ms, actor);
}

}  // namespace bulkmsg::store
