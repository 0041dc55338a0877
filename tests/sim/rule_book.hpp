// What the campaigns' rules for unconfirmed messages allow, by the provider's own books: whom `resend` may write to
// again, and whom `give_up` may call failed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/campaign/unconfirmed.hpp"

namespace bulkmsg::sim {

class rule_book {
 public:
  struct rule {
    unconfirmed_rule is = unconfirmed_rule::hold;
    std::int64_t wait_ms = 0;
  };
  // A moment by both clocks.
  struct moment {
    nanoseconds_t at = 0;
    std::int64_t wall_ms = 0;
  };

  void put(std::int64_t campaign, rule r) { rules_[campaign] = r; }
  [[nodiscard]] rule of(std::int64_t campaign) const {
    const auto found = rules_.find(campaign);
    return found == rules_.end() ? rule{} : found->second;
  }
  // The store is opened again: the wait begins anew, and whether webhooks arrive is to be seen again.
  void opened(moment now) {
    lives_.push_back({now, {}});
    heard_of_.clear();
  }
  void ended(moment now) { lives_.back().ended = now; }
  // The wall clock was set, and showed this before.
  void clock_set(moment before) { set_.push_back(before); }
  // The host took a receipt of a request that came then, over that number of ours.
  void heard(const std::string& number, moment attempt) {
    auto& latest = heard_of_[number];
    latest = {std::max(latest.at, attempt.at), std::max(latest.wall_ms, attempt.wall_ms)};
  }

  // The campaign's waiting time has passed since the attempt and since the opening, or had passed in an earlier life.
  [[nodiscard]] bool waited(std::int64_t campaign, moment attempt, moment now) const {
    return waited(lives_.back(), campaign, attempt, now) ||
           std::any_of(lives_.begin(), lives_.end() - 1,
                       [&](const life& l) { return l.ended.at > attempt.at && waited(l, campaign, attempt, l.ended); });
  }
  // A message that may have gone is sent again as its nth attempt. Empty: so it may; else why not.
  [[nodiscard]] std::string against_resend(std::int64_t campaign, const std::string& number, std::uint32_t attempt,
                                           moment before, moment now) const {
    if (of(campaign).is != unconfirmed_rule::resend) return "although its fate was in doubt";
    if (attempt > static_cast<std::uint32_t>(resend_attempts_max)) return "more often than the rule may";
    if (!waited(lives_.back(), campaign, before, now)) return "before the rule's wait was over";
    const auto heard = heard_of_.find(number);
    if (heard == heard_of_.end()) return "and no receipt has come since the opening";
    // Later by either clock: the one that the engine goes by may be set back.
    if (heard->second.at <= before.at && heard->second.wall_ms <= before.wall_ms)
      return "and no receipt of a later message has come since the opening";
    return {};
  }

 private:
  struct life {
    moment opened, ended;
  };
  [[nodiscard]] bool waited(const life& in, std::int64_t campaign, moment attempt, moment now) const {
    const auto wait_ms = of(campaign).wait_ms;
    // By either clock: the one that the engine goes by may be set.
    const auto since = [&](moment from) {
      return now.at - from.at >= wait_ms * millisecond || latest_wall(from.at, now) >= known_wall(from) + wait_ms;
    };
    return since(attempt) && since(in.opened);
  }
  // What a sender takes the wall clock to show: it looks at it every millisecond.
  [[nodiscard]] std::int64_t known_wall(moment at) const {
    auto known = at.wall_ms;
    for (const auto& m : set_) {
      if (m.at <= at.at && at.at - m.at <= millisecond) known = std::min(known, m.wall_ms);
    }
    return known;
  }
  // The latest that the wall clock has shown since.
  [[nodiscard]] std::int64_t latest_wall(nanoseconds_t since, moment now) const {
    auto latest = now.wall_ms;
    for (const auto& m : set_) {
      if (m.at >= since) latest = std::max(latest, m.wall_ms);
    }
    return latest;
  }

  std::map<std::int64_t, rule> rules_;
  std::map<std::string, moment> heard_of_;  // by number, the latest attempt, by each clock
  std::vector<life> lives_;
  std::vector<moment> set_;
};

}  // namespace bulkmsg::sim
