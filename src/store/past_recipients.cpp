#include "store/past_recipients.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/recipients/address.hpp"

namespace bulkmsg::store {

namespace {

// A row that only a receipt wrote has the provider's time, in whole seconds.
constexpr std::int64_t rounding_ms = 1000;
// An attempt that a crash cut off is stored with the time it was opened, its bytes may have left so much later.
constexpr std::int64_t opened_ms_max = 600'000;

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
      "SELECT r.address, m.attempt, m.state, min(m.at_ms + CASE WHEN m.state = 4 THEN ?5 ELSE ?4 END, ?3) AS at "
      "FROM campaigns c "
      "CROSS JOIN lanes l ON l.campaign = c.id CROSS JOIN messages m ON m.id >= l.id << 32 AND m.id < (l.id + 1) << 32 "
      "CROSS JOIN plan ON plan.id = m.id CROSS JOIN recipients r ON r.id = plan.recipient "
      "WHERE (l.sender = ?1 OR l.sender IN (SELECT id FROM senders WHERE portfolio = ?6 AND ?6 <> '')) "
      "AND (c.finished_at_ms = 0 OR c.finished_at_ms >= ?2 - ?5) "
      "AND m.at_ms >= ?2 - CASE WHEN m.state = 4 THEN ?5 ELSE ?4 END AND m.attempt > 0 ORDER BY at",
      sender, now_ms - reach, now_ms, rounding_ms, opened_ms_max, portfolio);
  while (r.next()) {
    const auto state = static_cast<message_state>(r.integer(2));
    // What was proved refused is not in the count of `recipients` limits, like an open conversation.
    const bool counted =
        state == message_state::accepted || state == message_state::unconfirmed || state == message_state::attempting;
    limits.assume_recipient({recipients::person_key(r.text(0)), !counted}, r.integer(3) * millisecond - wall_offset,
                            r.integer(1));
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
