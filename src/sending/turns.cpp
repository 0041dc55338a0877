// Whose turn it is in the batch sender: campaigns by weight, urgent ones first, lanes within their hours.
#include <algorithm>

#include "sending/batch_sender.hpp"

namespace bulkmsg::sending {

namespace {

// What was opened for others is not left open longer while an urgent campaign takes all permits.
constexpr nanoseconds_t displaced_after = 200 * millisecond;
// The clock on the wall may be set while a lane waits for its hours: it is looked at so often.
constexpr nanoseconds_t look_at_wall = 600 * second;

}  // namespace

batch_sender::group& batch_sender::group_of(const lane& l) {
  return **std::find_if(groups_.begin(), groups_.end(),
                        [&](const auto& g) { return g->campaign == l.settings.campaign; });
}

batch_sender::lane* batch_sender::next_ready(nanoseconds_t now) {
  if (groups_.size() == 1) return ready_lane(*groups_.front(), now);
  lane* found = nullptr;  // of the last that was ready: the queue asks only whoever would go before that one
  static_cast<void>(turns_.next([&](std::int64_t campaign) {
    const auto of =
        std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g->campaign.value == campaign; });
    lane* l = ready_lane(**of, now);
    if (l != nullptr) found = l;
    return l != nullptr;
  }));
  return found;
}

batch_sender::lane* batch_sender::ready_lane(group& g, nanoseconds_t now) {
  for (std::size_t i = 0; i < g.lanes.size(); ++i) {
    const auto at = g.turn + i < g.lanes.size() ? g.turn + i : g.turn + i - g.lanes.size();
    lane& l = *g.lanes[at];
    if (!may_send(l, now)) continue;
    if (l.waiting > 0 || !l.again.empty()) {
      g.turn = at + 1 < g.lanes.size() ? at + 1 : 0;
      return &l;
    }
    l.starved = true;
  }
  return nullptr;
}

bool batch_sender::may_send(lane& l, nanoseconds_t now) {
  if (l.held) return false;
  if (!pauses_.all().empty()) {
    if (const auto until = pauses_.until(now, 0, 0, l.settings.campaign.value); until > now) {
      if (until != pacing::until_lifted) wake_at(until);
      return false;
    }
  }
  if (l.blocked_until > now) {
    wake_at(l.blocked_until);
    return false;
  }
  return within_hours(l, now);
}

bool batch_sender::within_hours(lane& l, nanoseconds_t now) {
  if (!l.settings.window) return true;
  const auto wall = now + wall_offset_;
  if (wall < l.hours_from || wall >= l.hours_until) {
    l.in_hours = l.settings.window->open_at(wall);
    l.hours_from = wall;
    l.hours_until = l.in_hours ? l.settings.window->next_close(wall) : l.settings.window->next_open(wall);
    if (!l.in_hours) take_back(l);
  }
  if (l.in_hours && l.waiting == 0) return true;
  // To open, or to take back what could not go any more.
  const bool ends = l.hours_until != pacing::sending_window::never;
  wake_at(ends ? std::min(now + look_at_wall, l.hours_until - wall_offset_) : now + look_at_wall);
  return l.in_hours;
}

bool batch_sender::at_work(const lane& l) noexcept {
  return !l.held && l.in_hours && (l.waiting > 0 || l.claiming > 0 || !l.again.empty() || !l.at_end);
}

bool batch_sender::urgent_at_work() const noexcept {
  return std::any_of(groups_.begin(), groups_.end(), [](const auto& g) {
    return g->share.urgent && std::any_of(g->lanes.begin(), g->lanes.end(), [](const lane* l) { return at_work(*l); });
  });
}

// How many messages the lane opens now, of `allowed` that may leave soon: its campaign's part by weight, among the
// lanes of that campaign alike. Who is not urgent opens nothing that urgent ones would keep from going.
std::uint32_t batch_sender::claim_count(const lane& l, std::uint64_t allowed) {
  const std::uint64_t mine = l.waiting + l.again.size();
  if (lanes_.size() == 1) {
    if (mine > 0 && mine > allowed / 2) return 0;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(l.claim_size, allowed > mine ? allowed - mine : 0));
  }
  const group& own = group_of(l);
  std::uint64_t waiting = 0, urgent_waiting = 0;
  std::int64_t weights = 0, own_lanes = 1;
  for (const auto& g : groups_) {
    bool works = g.get() == &own;
    for (const lane* each : g->lanes) {
      const auto n = each->waiting + each->again.size() + each->claiming;
      (g->share.urgent ? urgent_waiting : waiting) += n;
      if (each == &l || !at_work(*each)) continue;
      works = true;
      own_lanes += g.get() == &own;
    }
    if (works && g->share.urgent == own.share.urgent) weights += g->share.weight;
  }
  if (own.share.urgent) {
    waiting = urgent_waiting;
  } else {
    if (urgent_waiting > 0 && urgent_waiting >= allowed / 2) return 0;
    allowed -= urgent_waiting;
  }
  if (waiting >= allowed && waiting > 0) {
    // All that may go is open; more only for the one whose turn it is and who has nothing.
    if (mine > 0) return 0;
    const auto next = turns_.next([&](std::int64_t campaign) {
      return std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& each) {
        return each->settings.campaign.value == campaign && (each.get() == &l || each->waiting > 0);
      });
    });
    return next == l.settings.campaign.value ? 1 : 0;
  }
  const auto part = std::max<std::uint64_t>(
      1, allowed / static_cast<std::uint64_t>(weights * own_lanes) * static_cast<std::uint64_t>(own.share.weight));
  if (mine > 0 && mine > part / 2) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(l.claim_size, part > mine ? part - mine : 1));
}

void batch_sender::take_back_what_urgent_ones_displace(nanoseconds_t now) {
  if (groups_.size() == 1 || !urgent_at_work()) return;
  for (auto& g : groups_) {
    if (g->share.urgent) continue;
    for (lane* l : g->lanes) {
      if (l->waiting > 0 && now - l->moved_at > displaced_after) take_back(*l);
    }
  }
}

}  // namespace bulkmsg::sending
