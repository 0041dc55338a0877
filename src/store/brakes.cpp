#include "store/brakes.hpp"

#include "bulkmsg/campaign/life_cycle.hpp"
#include "store/campaigns.hpp"
#include "store/pauses.hpp"

namespace bulkmsg::store {

namespace {

bool is_braked(database& db, std::int64_t campaign, std::int64_t sender) {
  return db.number("SELECT EXISTS(SELECT 1 FROM brakes WHERE campaign = ?1 AND sender = ?2)", campaign, sender) != 0;
}

// Those that nothing holds any more go on.
braking resume_free(database& db, const std::vector<braked>& held, std::int64_t now_ms) {
  braking going;
  for (const auto& [campaign, sender] : held) {
    if (is_braked(db, campaign, sender)) continue;
    if (sender != 0) {
      if (lift_held(db, campaign, sender, now_ms)) going.senders.emplace_back(campaign, sender);
    } else if (read_campaign(db, campaign).state == campaign_state::paused) {
      change_state(db, campaign, campaign_state::sending, "resume", "", now_ms);
      going.campaigns.push_back(campaign);
    }
  }
  return going;
}

std::vector<braked> read_braked(rows r) {
  std::vector<braked> held;
  while (r.next()) held.push_back({r.integer(0), r.integer(1)});
  return held;
}

}  // namespace

braking pull_brake(database& db, const std::vector<braked>& what, const brake& why, std::int64_t now_ms) {
  braking pulled;
  const bool by_itself = !why.cause.empty();
  const auto note = [&](std::int64_t campaign, std::int64_t sender) {
    if (by_itself) {
      db.run("INSERT OR REPLACE INTO brakes(campaign, sender, cause, until_ms) VALUES (?1, ?2, ?3, ?4)", campaign,
             sender, why.cause, why.until_ms);
    } else {
      db.run("DELETE FROM brakes WHERE campaign = ?1 AND sender = ?2", campaign, sender);
    }
  };
  for (const auto& [id, sender] : what) {
    const auto state = read_campaign(db, id).state;
    if (state == campaign_state::sending && sender != 0) {
      if (is_held(db, id, sender)) {
        if (is_braked(db, id, sender)) note(id, sender);
        continue;
      }
      if (hold_sender(db, id, sender, why.reason, now_ms)) {
        note(id, sender);
        pulled.senders.emplace_back(id, sender);
        continue;
      }
    }
    if (state == campaign_state::sending) {
      change_state(db, id, campaign_state::paused, "pause", why.reason, now_ms);
      pulled.campaigns.push_back(id);
    } else if (state != campaign_state::paused || !is_braked(db, id, 0)) {
      continue;
    } else if (!by_itself) {
      hold_braked(db, id, why.reason, now_ms, "");
    }
    if (by_itself) note(id, 0);
  }
  return pulled;
}

braking release_brake(database& db, std::string_view cause, std::int64_t now_ms) {
  const auto held =
      read_braked(db.select("SELECT campaign, sender FROM brakes WHERE cause = ?1 ORDER BY campaign, sender", cause));
  if (held.empty()) return {};
  db.run("DELETE FROM brakes WHERE cause = ?1", cause);
  return resume_free(db, held, now_ms);
}

braking release_due_brakes(database& db, std::int64_t now_ms) {
  const auto held = read_braked(db.select(
      "SELECT DISTINCT campaign, sender FROM brakes WHERE until_ms > 0 AND until_ms <= ?1 ORDER BY campaign, sender "
      "LIMIT 100",
      now_ms));
  for (const auto& [campaign, sender] : held) {
    db.run("DELETE FROM brakes WHERE campaign = ?1 AND sender = ?2 AND until_ms > 0 AND until_ms <= ?3", campaign,
           sender, now_ms);
  }
  return resume_free(db, held, now_ms);
}

std::int64_t next_brake_end(database& db) { return db.number("SELECT min(until_ms) FROM brakes WHERE until_ms > 0"); }

void hold_braked(database& db, std::int64_t campaign, std::string_view reason, std::int64_t now_ms,
                 std::string_view actor) {
  if (!is_braked(db, campaign, 0)) return;
  db.run("DELETE FROM brakes WHERE campaign = ?1 AND sender = 0", campaign);
  db.run("UPDATE campaigns SET reason = CASE WHEN ?2 = '' THEN reason ELSE ?2 END WHERE id = ?1", campaign, reason);
  note_history(db, campaign, "pause", reason, now_ms, actor);
}

}  // namespace bulkmsg::store
