#include "engine/sender_choice.hpp"

#include <algorithm>
#include <cmath>

#include "store/suppressions.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t a_day = nanoseconds_t{24} * 3600 * second;

// splitmix64's finish: every bit of the input moves every bit of the output.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Evenly from the open interval (0, 1), the same for the same two.
double draw(std::int64_t person, std::int64_t sender) {
  const auto of = mixed(static_cast<std::uint64_t>(person) + 0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(sender));
  return (static_cast<double>(mixed(of) >> 11) + 0.5) * 0x1.0p-53;
}

}  // namespace

double messages_a_day(const std::vector<pacing::limit>& limits) {
  double most = 1e12;  // no limit at all
  double outbound = 1;
  for (const auto& l : limits) {
    if (l.kind == pacing::limit_kind::inbound_share) outbound = 1 - static_cast<double>(l.count) / 100;
  }
  for (const auto& l : limits) {
    const auto count = static_cast<double>(l.count);
    const auto times = static_cast<double>(a_day) / static_cast<double>(std::max<nanoseconds_t>(1, l.window));
    if (l.kind == pacing::limit_kind::rate) most = std::min(most, count * times * outbound);
    if (l.kind == pacing::limit_kind::batch || l.kind == pacing::limit_kind::recipients) {
      most = std::min(most, count * times);
    }
    if (l.kind == pacing::limit_kind::daily) most = std::min(most, count);
  }
  return std::max(most, 1.0);
}

std::size_t sender_choice::of(store::database& db, std::string_view address) const {
  if (senders_.size() == 1) return 0;
  const auto person = store::person_of(db, address);
  {
    auto r = db.select(
        "SELECT phone_number_id FROM conversations "
        "WHERE person IN (SELECT ?1 UNION ALL SELECT alias FROM identities WHERE person = ?1) "
        "ORDER BY last_inbound_ms DESC, phone_number_id",
        person);
    while (r.next()) {
      const auto wrote_to = std::find_if(senders_.begin(), senders_.end(),
                                         [&](const known& s) { return s.phone_number_id == r.text(0); });
      if (wrote_to != senders_.end()) return static_cast<std::size_t>(wrote_to - senders_.begin());
    }
  }
  std::size_t best = 0;
  double highest = 0;
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    const auto score = senders_[i].weight / -std::log(draw(person, senders_[i].id));
    if (score > highest) highest = score, best = i;
  }
  return best;
}

}  // namespace bulkmsg
