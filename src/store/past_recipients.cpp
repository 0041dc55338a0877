#include "store/past_recipients.hpp"

#include <algorithm>

namespace bulkmsg::store {

namespace {

// A row that only a receipt wrote has the provider's time, in whole seconds.
constexpr std::int64_t rounding_ms = 1000;
// An attempt that a crash cut off is stored with the time it was opened, its bytes may have left so much later.
constexpr std::int64_t opened_ms_max = 600'000;

}  // namespace

void assume_past_recipients(database& db, std::int64_t sender, pacing::permits& permits, std::int64_t now_ms,
                            nanoseconds_t wall_offset) {
  std::int64_t reach_ms = 0;  // how long it takes until a used-up limit has recovered
  for (const auto& l : permits.limits()) {
    if (l.kind != pacing::limit_kind::per_recipient) continue;
    const auto interval_ms = l.window / millisecond / l.count + 1;
    reach_ms = std::max(reach_ms, std::min(interval_ms * l.burst, pacing::limit_window_max / millisecond));
  }
  if (reach_ms == 0) return;
  auto r = db.select(
      "SELECT r.address, m.attempt, CASE WHEN m.state = 4 THEN ?3 ELSE min(m.at_ms + ?4, ?3) END AS at FROM campaigns "
      "c "
      "CROSS JOIN lanes l ON l.campaign = c.id CROSS JOIN messages m ON m.id >= l.id << 32 AND m.id < (l.id + 1) << 32 "
      "CROSS JOIN plan ON plan.id = m.id CROSS JOIN recipients r ON r.id = plan.recipient "
      "WHERE c.sender = ?1 AND (c.finished_at_ms = 0 OR c.finished_at_ms >= ?2 - ?5) "
      "AND m.at_ms >= ?2 - CASE WHEN m.state = 4 THEN ?5 ELSE ?4 END AND m.attempt > 0 ORDER BY at",
      sender, now_ms - reach_ms, now_ms, rounding_ms, opened_ms_max);
  while (r.next()) {
    permits.assume_recipient(pacing::recipient_key(r.text(0)), r.integer(2) * millisecond - wall_offset, r.integer(1));
  }
}

}  // namespace bulkmsg::store
