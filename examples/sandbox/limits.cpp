#include "limits.hpp"

#include <algorithm>

namespace sandbox {

void sliding_second::add(nanos at) {
  const auto place = events_.insert(std::upper_bound(events_.begin(), events_.end(), at), at);
  // A window is known by its last event; the new one is in its own window and perhaps in those of later events.
  for (auto last = place; last != events_.end() && *last - at < one_second; ++last) {
    const auto first = std::upper_bound(events_.begin(), last, *last - one_second);
    peak_ = std::max(peak_, static_cast<std::size_t>(last - first) + 1);
  }
  // Twice the window, so that a late event still finds its neighbours.
  while (events_.front() <= events_.back() - 2 * one_second) events_.pop_front();
}

std::size_t sliding_second::count(nanos now) const {
  return static_cast<std::size_t>(events_.end() - std::upper_bound(events_.begin(), events_.end(), now - one_second));
}

bool pair_limit::admits(std::uint64_t recipient, nanos now) const {
  const auto found = paid_until_.find(recipient);
  return found == paid_until_.end() || found->second - now <= (burst - 1) * interval;
}

void pair_limit::take(std::uint64_t recipient, nanos now) {
  auto& until = paid_until_.try_emplace(recipient, now).first->second;
  until = std::max(until, now) + interval;
  if (paid_until_.size() >= sweep_at_) {
    absl::erase_if(paid_until_, [now](const auto& entry) { return entry.second <= now; });
    sweep_at_ = std::max<std::size_t>(65536, 2 * paid_until_.size());
  }
}

void unique_limit::forget_before(nanos now) {
  while (!order_.empty() && order_.front().first <= now - window) {
    const auto found = last_.find(order_.front().second);
    if (found != last_.end() && found->second == order_.front().first) last_.erase(found);
    order_.pop_front();
  }
}

bool unique_limit::admits(std::uint64_t recipient, nanos now) {
  if (most_ == 0) return true;
  forget_before(now);
  return last_.size() < most_ || last_.contains(recipient);
}

void unique_limit::take(std::uint64_t recipient, nanos now) {
  if (most_ == 0) return;
  last_[recipient] = now;
  order_.emplace_back(now, recipient);
}

}  // namespace sandbox
