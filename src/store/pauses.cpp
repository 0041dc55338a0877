#include "store/pauses.hpp"

#include "bulkmsg/records/events.hpp"
#include "store/campaigns.hpp"
#include "store/senders.hpp"

namespace bulkmsg::store {

namespace {

struct part {
  std::int64_t sender = 0;
  bool left = false, held = false, by_itself = false;
};

// A campaign's senders: whether anything is left to send over each, or is being sent, and whether that is held, and
// goes on by itself.
std::vector<part> parts_of(database& db, std::int64_t campaign) {
  std::vector<part> parts;
  auto r = db.select(
      "SELECT l.sender, max(l.position < l.size OR EXISTS(SELECT 1 FROM intents i WHERE i.lane = l.id AND NOT "
      "i.closed) "
      "OR EXISTS(SELECT 1 FROM messages m WHERE m.state = 1 AND m.id >> 32 = +l.id)), EXISTS(SELECT 1 FROM pauses p "
      "WHERE p.sender = l.sender AND p.campaign = ?1 AND p.until_ms >= ?2), "
      "EXISTS(SELECT 1 FROM brakes b WHERE b.sender = l.sender AND b.campaign = ?1) "
      "FROM lanes l WHERE l.campaign = ?1 GROUP BY l.sender ORDER BY min(l.id)",
      campaign, until_resumed_ms);
  while (r.next()) parts.push_back({r.integer(0), r.integer(1) != 0, r.integer(2) != 0, r.integer(3) != 0});
  return parts;
}

std::string named(database& db, std::int64_t sender, std::string_view reason) {
  return "sender '" + read_sender(db, sender).name + "': " + std::string(reason);
}

void tell(database& db, std::int64_t campaign, std::string_view action, const std::string& reason,
          std::int64_t now_ms) {
  note_history(db, campaign, action, reason, now_ms, "engine");
  db.run("INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, ?3, ?4, json_object('reason', ?5))",
         now_ms, event_kind::campaign_changed, campaign, read_campaign(db, campaign).state, reason);
}

}  // namespace

void put_pause(database& db, std::int64_t sender, std::int64_t campaign, std::int64_t until_ms,
               std::string_view reason) {
  db.run(
      "INSERT INTO pauses(sender, campaign, until_ms, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
      "until_ms = ?3, reason = ?4 WHERE until_ms < ?3",
      sender, campaign, until_ms, reason);
}

bool hold_sender(database& db, std::int64_t campaign, std::int64_t sender, std::string_view reason,
                 std::int64_t now_ms) {
  bool others = false;
  for (const auto& p : parts_of(db, campaign)) others = others || (p.sender != sender && p.left && !p.held);
  if (!others) return false;
  if (is_held(db, campaign, sender)) return true;
  put_pause(db, sender, campaign, until_resumed_ms, reason);
  tell(db, campaign, "pause", named(db, sender, reason), now_ms);
  return true;
}

bool is_held(database& db, std::int64_t campaign, std::int64_t sender) {
  return db.number("SELECT EXISTS(SELECT 1 FROM pauses WHERE sender = ?1 AND campaign = ?2 AND until_ms >= ?3)", sender,
                   campaign, until_resumed_ms) != 0;
}

bool lift_held(database& db, std::int64_t campaign, std::int64_t sender, std::int64_t now_ms) {
  const auto n = db.run("DELETE FROM pauses WHERE sender = ?1 AND campaign = ?2 AND until_ms >= ?3", sender, campaign,
                        until_resumed_ms);
  if (n > 0) tell(db, campaign, "resume", named(db, sender, "goes on"), now_ms);
  return n > 0;
}

std::vector<std::int64_t> lift_all_held(database& db, std::int64_t campaign) {
  std::vector<std::int64_t> senders;
  {
    auto r = db.select("SELECT sender FROM pauses WHERE campaign = ?1 AND until_ms >= ?2", campaign, until_resumed_ms);
    while (r.next()) senders.push_back(r.integer(0));
  }
  db.run("DELETE FROM pauses WHERE campaign = ?1 AND until_ms >= ?2", campaign, until_resumed_ms);
  db.run("DELETE FROM brakes WHERE campaign = ?1 AND sender > 0", campaign);
  return senders;
}

std::string all_left_is_held(database& db, std::int64_t campaign) {
  std::int64_t held = 0;
  for (const auto& p : parts_of(db, campaign)) {
    if (p.left && (!p.held || p.by_itself)) return {};
    if (p.left && held == 0) held = p.sender;
  }
  if (held == 0) return {};
  auto r = db.select("SELECT reason FROM pauses WHERE sender = ?1 AND campaign = ?2", held, campaign);
  return r.next() ? std::string(r.text(0)) : std::string();
}

std::vector<sender_pause> pauses_of(database& db, std::int64_t campaign, std::int64_t now_ms) {
  std::vector<sender_pause> list;
  auto r = db.select(
      "SELECT sender, until_ms, reason FROM pauses WHERE sender IN (SELECT sender FROM campaign_senders WHERE campaign "
      "= "
      "?1) AND campaign IN (0, ?1) AND until_ms > ?2 ORDER BY until_ms DESC",
      campaign, now_ms);
  while (r.next()) list.push_back({r.integer(0), r.integer(1), std::string(r.text(2))});
  return list;
}

}  // namespace bulkmsg::store
