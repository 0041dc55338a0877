// A campaign's plan as rows: which recipients are left out, and all others laid into lanes, in the order in which each
// lane is sent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Recipients that the plan leaves out: a bit a row and reason, so that what is laid is exactly what was hashed.
struct left_out {
  std::map<errc, std::vector<bool>> rows_by_reason;
  std::map<errc, std::int64_t> counts;

  [[nodiscard]] std::int64_t count() const {
    std::int64_t all = 0;
    for (const auto& [why, n] : counts) all += n;
    return all;
  }
  [[nodiscard]] std::int64_t count(errc why) const {
    const auto found = counts.find(why);
    return found == counts.end() ? 0 : found->second;
  }
  [[nodiscard]] errc why(std::int64_t row) const;  // ok: it stays
  // recipient_suppressed, consent_missing, window_closed or duplicate_recipient (one person by two names; of a child:
  // reached before); rows in ascending order.
  void add(std::int64_t row, errc why);
};

// Lays recipients [from, from+count) of the campaign into the lane, in order, but for those who are left out: they
// become rejected rows. `gone`: how many were left out before `from`. Returns how many now.
std::int64_t lay(database& db, std::int64_t campaign, std::int32_t lane, std::int64_t from, std::int64_t count,
                 const left_out& out = {}, std::int64_t gone = 0);
// sender 0: the campaign's first.
std::int32_t insert_lane(database& db, std::int64_t campaign, std::int64_t size, std::string_view zones = {},
                         std::int64_t sender = 0);
// The same into several lanes: lane_of(row, address, parameters) picks one for each recipient, and all of them grow.
using lane_picker =
    std::function<std::int32_t(std::int64_t row, std::string_view address, std::string_view parameters)>;
std::int64_t lay(database& db, std::int64_t campaign, const lane_picker& lane_of, std::int64_t from, std::int64_t count,
                 const left_out& out, std::int64_t gone);
// A start that failed, or that a crash interrupted: the lanes go, the campaign is a draft again, or what `back_to`
// says.
void undo_start(database& db, std::int64_t campaign, std::string_view why, std::int64_t now_ms,
                campaign_state back_to = campaign_state::draft, std::string_view actor = "engine");
// Back to what they were: drafts, or scheduled ones.
void undo_interrupted_starts(database& db, std::int64_t now_ms);
std::vector<std::int32_t> lanes_of(database& db, std::int64_t campaign);
// Where the lane's hours are meant: IANA names, empty when its campaign has none.
std::string zones_of_lane(database& db, std::int32_t lane);
std::int64_t sender_of_lane(database& db, std::int32_t lane);

}  // namespace bulkmsg::store
