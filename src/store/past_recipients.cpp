#include "store/past_recipients.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/recipients/address.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::int64_t in_flight_ms_max = 600'000;  // so long after a stop messages may still end

// How long until what was sent counts no more.
std::int64_t reach_ms(const std::vector<pacing::limit>& limits) {
  std::int64_t reach = 0;
  for (const auto& l : limits) {
    if (l.kind == pacing::limit_kind::recipients) reach = std::max(reach, l.window / millisecond + 1);
    if (l.kind != pacing::limit_kind::per_recipient) continue;
    const auto interval_ms = l.window / millisecond / l.count + 1;  // a used-up limit has recovered after `burst` of it
    reach = std::max(reach, std::min(interval_ms * l.burst, pacing::limit_window_max / millisecond));
  }
  return reach;
}

template <class Limits>
void tell(database& db, std::int64_t sender, std::string_view portfolio, Limits& limits, std::int64_t now_ms,
          nanoseconds_t wall_offset) {
  const auto reach = reach_ms(limits.limits());
  if (reach == 0) return;
  auto r = db.select(
      "SELECT r.address, m.attempt, m.state, CASE WHEN m.state = 6 THEN ?3 ELSE min(coalesce(m.left_by_ms, m.at_ms), "
      "?3) END AS at "
      "FROM campaigns c "
      "CROSS JOIN lanes l ON l.campaign = c.id CROSS JOIN messages m ON m.id >= l.id << 32 AND m.id < (l.id + 1) << 32 "
      "CROSS JOIN plan ON plan.id = m.id CROSS JOIN recipients r ON r.id = plan.recipient "
      "WHERE (l.sender = ?1 OR l.sender IN (SELECT id FROM senders WHERE portfolio = ?5 AND ?5 <> '')) "
      "AND (c.finished_at_ms = 0 OR c.finished_at_ms >= ?2 - ?4) "
      "AND (m.state = 6 OR coalesce(m.left_by_ms, m.at_ms) >= ?2) AND m.attempt > 0 ORDER BY at",
      sender, now_ms - reach, now_ms, in_flight_ms_max, portfolio);
  while (r.next()) {
    const auto state = static_cast<message_state>(r.integer(2));
    // What was proved refused is not in the count of `recipients` limits, like an open conversation.
    const bool counted =
        state == message_state::accepted || state == message_state::unconfirmed || state == message_state::attempting;
    // The store's times are cut to milliseconds, and so is `now`: up to one later it may have been.
    limits.assume_recipient({recipients::person_key(r.text(0)), !counted},
                            (r.integer(3) + 1) * millisecond - wall_offset, r.integer(1));
  }
}

}  // namespace

void assume_past_recipients(database& db, std::int64_t sender, pacing::permits& permits, std::int64_t now_ms,
                            nanoseconds_t wall_offset) {
  tell(db, sender, {}, permits, now_ms, wall_offset);
}

void assume_past_recipients(database& db, const std::string& portfolio, pacing::shared_limits& limits,
                            std::int64_t now_ms, nanoseconds_t wall_offset) {
  tell(db, 0, portfolio, limits, now_ms, wall_offset);
}

}  // namespace bulkmsg::store
