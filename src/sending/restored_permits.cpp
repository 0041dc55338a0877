#include "sending/restored_permits.hpp"

#include <algorithm>

#include "store/allowances.hpp"
#include "store/intents.hpp"
#include "store/past_recipients.hpp"
#include "store/senders.hpp"

namespace bulkmsg::sending {

namespace {

constexpr nanoseconds_t intents_kept = 60 * second;
constexpr nanoseconds_t longest_day = nanoseconds_t{25} * 3600 * second;  // where clocks are set back

// How far back sends count, whoever they were to.
nanoseconds_t look_back(const std::vector<pacing::limit>& limits) {
  nanoseconds_t longest = intents_kept;
  for (const auto& l : limits) {
    if (l.kind == pacing::limit_kind::daily) longest = std::max(longest, longest_day);
    if (l.kind == pacing::limit_kind::rate || l.kind == pacing::limit_kind::batch) {
      longest = std::max(longest, l.window);
    }
  }
  return longest;
}

bool holds(const std::vector<pacing::limit>& limits, const pacing::limit& l) {
  return std::find(limits.begin(), limits.end(), l) != limits.end();
}

}  // namespace

pacing::permits restored_permits(store::database& db, std::int64_t sender, const std::vector<pacing::limit>& limits,
                                 absl::TimeZone zone, const clock& time) {
  const auto wall_offset = time.wall() - time.now();
  const auto now_ms = time.wall() / millisecond;
  const auto past = store::recent_sends(db, sender, now_ms - look_back(limits) / millisecond, now_ms);
  pacing::permits permits(limits, zone);
  permits.set_wall_offset(wall_offset);
  // The store's times are cut to milliseconds: up to one later it may have been.
  const auto latest = [&](std::int64_t at_ms) { return std::min((at_ms + 1) * millisecond - wall_offset, time.now()); };
  for (const auto& p : past) permits.assume(latest(p.at_ms), p.count);
  store::assume_past_recipients(db, sender, permits, now_ms, wall_offset);
  // How full the last batch was is not known: it counts as full, so the next begins its delay after the last send.
  std::size_t batch = 0;
  for (const auto& l : limits) {
    if (l.kind != pacing::limit_kind::batch) continue;
    if (!past.empty()) permits.restore_batch(batch, {l.count, latest(past.back().at_ms)});
    ++batch;
  }
  return permits;
}

std::shared_ptr<pacing::shared_limits> restored_portfolio(store::database& db, const std::string& portfolio,
                                                          const clock& time) {
  std::vector<pacing::limit> all;
  {
    std::vector<std::int64_t> ids;
    {
      auto r = db.select("SELECT id FROM senders WHERE portfolio = ?1 ORDER BY id", portfolio);
      while (r.next()) ids.push_back(r.integer(0));
    }
    for (const auto id : ids) {
      for (const auto& l : store::limits_of(db, store::read_sender(db, id))) {
        if (l.kind == pacing::limit_kind::recipients && !holds(all, l)) all.push_back(l);
      }
    }
  }
  auto made = std::make_shared<pacing::shared_limits>(pacing::limit_set(all));
  store::assume_past_recipients(db, portfolio, *made, time.wall() / millisecond, time.wall() - time.now());
  return made;
}

std::vector<pacing::limit> not_shared(std::vector<pacing::limit> limits, const pacing::shared_limits* shared) {
  if (shared != nullptr) std::erase_if(limits, [&](const auto& l) { return holds(shared->limits(), l); });
  return limits;
}

}  // namespace bulkmsg::sending
