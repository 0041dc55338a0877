#include "sim/scenario.hpp"

#include <array>

#include "sim/host.hpp"

namespace bulkmsg::sim {

namespace {

constexpr std::array limits_of{"200/s; in-flight=8",       "50/s; in-flight=4",          "40/s; 50/2s; in-flight=6",
                               "100/10s; in-flight=16",    "10/batch,500ms; 80/s",       "1000/s; in-flight=64",
                               "25/batch,2s; in-flight=3", "30/s; 200/30s; in-flight=12"};

class scenario final : public host {
 public:
  using host::host;
  verdict faults();
  verdict day(std::int64_t people);
};

verdict scenario::faults() {
  const bool calm = calm_ = d_.chance(60);
  std::vector<std::string> limits;
  for (int senders = !calm && d_.chance(300) ? 2 : 1; senders > 0; --senders) {
    limits.emplace_back(limits_of[static_cast<std::size_t>(d_.between(0, limits_of.size() - 1))]);
  }
  std::vector<std::int64_t> people{d_.between(1, calm ? 400 : 150)};
  if (d_.chance(600)) people.push_back(d_.between(1, 100));
  has_templates_ = !calm && d_.chance(350);
  // In calm weather nothing but the limits may hold it up.
  world_.provider().usual = calm ? millisecond : d_.between(2, 80) * millisecond;
  set_up(limits, static_cast<int>(calm ? 64 : d_.between(1, 16)), people);
  const auto began = world_.clock().now();
  if (!calm) draw_troubles();
  for (auto& c : campaigns_) {
    if (!calm && d_.chance(200)) world_.die_after(d_.between(0, 60));
    if (!calm && d_.chance(200)) {
      schedule(c);
    } else {
      start(c);
    }
    if (d_.chance(500)) run_for(d_.between(0, 800) * millisecond);
  }
  if (!calm) {
    for (auto steps = d_.between(5, 30); steps > 0; --steps) {
      misfortune();
      check_alive();
      run_for(d_.between(0, 600) * millisecond);
    }
  }

  // All is well again: what is not stopped comes to its end.
  calm_ = true;
  auto& p = world_.provider();
  p.trouble = {};
  p.down = false;
  world_.disk().fail_syncs(0);
  syncs_fail_ = false;
  world_.slow_disk(8 * millisecond);
  world_.die_after(-1);
  world_.disk().die_after(-1);
  p.told.restore();
  if (has_templates_) {
    p.shelf.restore();
    fetch();
  }
  const auto until = world_.clock().now() + 1200 * second;
  auto help_at = world_.clock().now() + 10 * second;
  do {
    for (auto& c : campaigns_) {
      // What is held by the provider's word goes on by itself.
      if (state(c) == campaign_state::paused && !is_braked(c)) resume(c);
    }
    run_for(250 * millisecond);
    if (world_.clock().now() > help_at && !all_final() && waits_for_receipts()) {
      help_resend();
      help_at = world_.clock().now() + 5 * second;
    }
    if (world_.clock().now() > until) {
      throw broken{"a campaign does not come to its end: " +
                   judge_.text("SELECT group_concat('campaign ' || id || ' in state ' || state || ', ' || "
                               "(total - sent - failed - unconfirmed - skipped) || ' queued and ' || unconfirmed || "
                               "' unconfirmed', '; ') FROM campaigns WHERE state < 6")};
    }
  } while (!all_final());
  if (calm) expect_used(began);
  run_for(3 * second);
  world_.run_until(world_.clock().now() + second);  // what came last is merged
  for (auto& c : campaigns_) judge_.end(c.id.value, false);
  judge_schedules();

  p.replay();
  while (!p.mail.empty()) run_for(second);
  // Of what another process posted before it died nobody tells: the runner looks once a minute.
  if (posted_at_ >= 0) run_for(61 * second);
  if (judge_.number("SELECT count(*) FROM commands WHERE done_at_ms = 0") != 0) {
    throw broken{"what another process posted is never carried out: " +
                 judge_.text("SELECT verb || ' ' || campaign || ' of ' || at_ms FROM commands WHERE done_at_ms = 0")};
  }
  run_for(12 * second);  // what is quoted and not known is waited for
  world_.run_until(world_.clock().now() + second);
  for (auto& c : campaigns_) judge_.end(c.id.value, true);
  judge_.end_of_replies();
  said_.settled_by_receipt = judge_.number("SELECT sum(settled_by_receipt) FROM campaigns");
  return end("");
}

verdict scenario::day(std::int64_t people) {
  auto& p = world_.provider();
  world_.disk().trust();
  p.light = true;
  p.reports = false;
  world_.slow_disk(60 * millisecond);  // several messages share a commit, as on a busy machine
  set_up({"80/s; " + std::to_string(people * 11 / 20) + "/24h; in-flight=64"}, 64, {people});
  const auto began = world_.clock().now();
  start(campaigns_[0]);
  while (!all_final()) {
    run_for(600 * second);
    if (world_.clock().now() - began > 72 * 3600 * second) throw broken{"it has not ended after three days"};
  }
  if (p.accepted() != static_cast<std::size_t>(people)) throw broken{"not everybody was reached"};
  judge_.look();
  return end("");
}

}  // namespace

verdict run_seed(std::uint64_t seed, bool tells) {
  scenario s(seed, tells);
  try {
    return s.faults();
  } catch (const broken& b) {
    return s.end(b.what);
  }
}

verdict run_day(std::int64_t people, bool tells) {
  scenario s(1, tells);
  try {
    return s.day(people);
  } catch (const broken& b) {
    return s.end(b.what);
  }
}

}  // namespace bulkmsg::sim
