#include "store/retention.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/campaigns.hpp"
#include "store/forgotten.hpp"
#include "store/keys.hpp"
#include "store/lanes.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::int64_t changed_max = 1'000;  // rows in one store job

// Recipients [first, last) of a campaign's rows.
void expire_recipients(database& db, std::int64_t campaign, std::int64_t first, std::int64_t last) {
  const auto cells = empty_cells(db, campaign);
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;  // and persons
  {
    auto r = db.select("SELECT id, address FROM recipients WHERE id >= ?1 AND id < ?2", row_key(campaign, first),
                       row_key(campaign, last));
    while (r.next()) {
      if (!r.text(1).starts_with(forgotten_prefix)) rows.emplace_back(r.integer(0), person_key(r.text(1)));
    }
  }
  for (const auto& [id, person] : rows) clear_recipient(db, id, person, cells);
}

// Messages [first, last) of a lane, or fewer of them when groups have many participants, who count towards `left`;
// returns up to where.
std::int64_t expire_messages(database& db, std::int64_t lane, std::int64_t first, std::int64_t last,
                             std::int64_t& left) {
  const auto receipts = [&] {
    return db.number(
        "SELECT count(*) FROM (SELECT 1 FROM group_receipts WHERE message >= ?1 AND message < ?2 LIMIT ?3)",
        row_key(lane, first), row_key(lane, last), changed_max + 1);
  };
  while (last - first > 1 && receipts() > changed_max) last = first + (last - first) / 2;
  clear_messages(db, row_key(lane, first), row_key(lane, last));
  left -= db.run("DELETE FROM group_receipts WHERE message >= ?1 AND message < ?2", row_key(lane, first),
                 row_key(lane, last));
  return last;
}

}  // namespace

std::int64_t next_to_expire(database& db, std::int64_t ended_before_ms) {
  return db.number(
      "SELECT id FROM campaigns WHERE finished_at_ms > 0 AND finished_at_ms < ?1 AND expired_to >= 0 ORDER BY id LIMIT "
      "1",
      ended_before_ms);
}

bool expire_more(database& db, std::int64_t campaign, std::int64_t now_ms) {
  need_forget_key(db);
  const overwriting zeros(db);
  const auto row = read_campaign(db, campaign);
  // Recipients, rejected rows and each lane's messages, counted through: a job takes so many of all of them.
  auto at = db.number("SELECT expired_to FROM campaigns WHERE id = ?1", campaign);
  auto left = changed_max;
  std::int64_t begin = 0;
  const auto part = [&](std::int64_t size, auto&& expire) {
    const auto first = at - begin, last = std::min(size, first + left);
    begin += size;
    if (first >= size || left <= 0) return;
    const auto done = expire(first, last);
    at += done - first;
    left = done < last ? 0 : left - (done - first);
  };
  part(row.recipients, [&](std::int64_t first, std::int64_t last) {
    expire_recipients(db, campaign, first, last);
    return last;
  });
  part(row.rejects, [&](std::int64_t first, std::int64_t last) {
    clear_rejects(db, row_key(campaign, first), row_key(campaign, last));
    return last;
  });
  for (const auto lane : lanes_of(db, campaign)) {
    part(db.number("SELECT size FROM lanes WHERE id = ?1", lane),
         [&](std::int64_t first, std::int64_t last) { return expire_messages(db, lane, first, last, left); });
  }
  const bool done = at >= begin;
  db.run("UPDATE campaigns SET expired_to = ?2 WHERE id = ?1", campaign, done ? -1 : at);
  if (done) note_history(db, campaign, "expire", "its retention time is over", now_ms, "engine");
  return done;
}

bool expire_replies(database& db, std::int64_t before_ms) {
  const overwriting zeros(db);
  const auto n = db.run("DELETE FROM replies WHERE id IN (SELECT id FROM replies WHERE received_at_ms < ?1 LIMIT ?2)",
                        before_ms, changed_max);
  return n < changed_max;
}

}  // namespace bulkmsg::store
