// How a run comes to its end, and what is judged then by what the host knows.
#include <algorithm>

#include "bulkmsg/pacing/limit.hpp"
#include "sim/host.hpp"

namespace bulkmsg::sim {

bool host::all_final() {
  return std::all_of(campaigns_.begin(), campaigns_.end(), [&](auto& c) { return c.discarded || is_final(state(c)); });
}

// Everything is sent of those that are not at their end, and what may have gone is waited for.
bool host::waits_for_receipts() {
  return std::all_of(campaigns_.begin(), campaigns_.end(), [&](auto& c) {
    return c.discarded || is_final(state(c)) ||
           (world_.provider().rules.of(c.id.value).is == unconfirmed_rule::resend &&
            judge_.number("SELECT state = 4 AND total = sent + failed + unconfirmed + skipped FROM campaigns WHERE "
                          "id = " +
                          std::to_string(c.id.value)) != 0);
  });
}

// What is left of campaigns that send again once webhooks are seen to arrive. All receipts come once more; then the
// rule has acted on every message before the last that one told of, and a person settles the rest.
void host::help_resend() {
  world_.provider().replay();
  do {
    run_for(second);
  } while (!world_.provider().mail.empty());
  run_for(15 * second);
  const std::string told_of =
      "(SELECT max(o.at_ms) FROM lanes k JOIN messages o ON o.id >> 32 = k.id WHERE k.sender = l.sender AND "
      "o.state = 2 AND o.receipt > 0 AND o.repeat_until_ms IS NULL)";
  const auto idle = judge_.number(
      "SELECT m.id FROM messages m JOIN lanes l ON l.id = m.id >> 32 JOIN campaigns c ON c.id = l.campaign WHERE "
      "m.state = 4 AND m.superseded IS NULL AND c.state = 4 AND c.unconfirmed_rule = 1 AND m.attempt < 5 AND m.at_ms "
      "< " +
      std::to_string(world_.clock().wall() / millisecond - 10'000) + " AND max(m.at_ms, coalesce(m.left_by_ms, 0)) < " +
      told_of);
  if (idle != 0)
    throw broken{"message " + std::to_string(idle >> 32) + ":" + std::to_string(idle & 0xffffffff) +
                 " could be sent again by the rule, and is not"};
  for (auto& c : campaigns_) {
    if (state(c) == campaign_state::sending && world_.provider().rules.of(c.id.value).is == unconfirmed_rule::resend) {
      resolve(c, false);
    }
  }
}

// Each schedule fired in time, or expired and sent nothing; that nobody is written to twice is the provider's to see.
void host::judge_schedules() {
  for (const auto& c : campaigns_) {
    if (c.due_ms == 0) continue;
    const auto in = "campaign " + std::to_string(c.id.value);
    const auto began_ms = judge_.number("SELECT started_at_ms FROM campaigns WHERE id = " + std::to_string(c.id.value));
    if (state(c) == campaign_state::failed) {
      const bool late = judge_.number("SELECT reason LIKE 'the schedule expired%' FROM campaigns WHERE id = " +
                                      std::to_string(c.id.value)) != 0;
      // The provider's templates may not be what they were, and nobody may have been there for weeks.
      if (c.lateness_ms >= 3'600'000 && c.words.empty() && !was_away_ && (late || has_people(c))) {
        throw broken{in + " failed when its time came: " +
                     judge_.text("SELECT reason FROM campaigns WHERE id = " + std::to_string(c.id.value))};
      }
      for (const auto& [key, sent] : world_.provider().messages()) {
        if (sent.campaign == c.id.value) throw broken{in + " expired, and has sent"};
      }
    } else if (began_ms == 0) {
      if (!c.stopped) throw broken{in + " was scheduled, and never started"};
    } else if (const auto late_ms = began_ms - c.due_ms - c.lateness_ms;
               late_ms > (c.picture.empty() ? 5000 : 60'000) && !jumped_) {
      throw broken{in + " was started " + std::to_string(late_ms) + " ms too late"};  // freezing takes some commits
    }
  }
}

// The limits were used to the full: it took no longer than they ask for, and a little.
void host::expect_used(nanoseconds_t began) {
  const auto requests = static_cast<std::int64_t>(world_.provider().requests());
  nanoseconds_t least = 0, between = 0;
  for (const auto& l : world_.provider().limits("1")) {
    if (l.kind == pacing::limit_kind::rate) between = std::max(between, l.window / l.count);
  }
  for (const auto& l : world_.provider().limits("1")) {
    if (l.kind == pacing::limit_kind::rate) least = std::max(least, requests * l.window / l.count);
    if (l.kind == pacing::limit_kind::batch)
      least = std::max(least, (requests - 1) / l.count * (l.window + (l.count - 1) * between));
    if (l.kind == pacing::limit_kind::in_flight) least = std::max(least, requests * 3 * millisecond / l.count);
  }
  // Up to the last request: webhooks that come one after the other hold up the end, not the sending.
  const auto took = world_.provider().last_at("1") - began;
  if (took > least + least / 20 + 1500 * millisecond) {
    throw broken{"the limits are not used: it took " + std::to_string(took / millisecond) + " ms, " +
                 std::to_string(least / millisecond) + " would do"};
  }
}

}  // namespace bulkmsg::sim
