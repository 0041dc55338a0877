// Whose turn it is: campaigns that share a sender get messages in the ratio of their weights, urgent ones go before
// all.
//
//   fair_queue turns;
//   turns.add(1, {.weight = 3});
//   turns.add(2);
//   turns.add(3, {.urgent = true});
//   while (auto id = turns.next([&](std::int64_t c) { return has_work(c); })) { send_one(*id); turns.served(*id); }
//
// Stride scheduling: each message moves its campaign forward by 1/weight, and who is furthest behind is next. Who is
// not ready is passed over and catches up with nothing later: its share goes to the others. Among urgent ones the same
// rule; as long as one of them is ready, nobody else is next.
//
// next() is linear in the number of campaigns at work (tens). Ids are the caller's. Thread: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace bulkmsg::pacing {

struct fair_share {
  std::int64_t weight = 1;  // 1 to fair_weight_max; what is out of range is brought into it
  bool urgent = false;
};

inline constexpr std::int64_t fair_weight_max = 1'000;

class fair_queue {
 public:
  // A known id gets the new share.
  void add(std::int64_t id, const fair_share& share = {}) {
    entry* e = find(id);
    if (e == nullptr) e = &all_.emplace_back();
    const bool moved = e->id != id || e->urgent != share.urgent;
    e->id = id;
    e->urgent = share.urgent;
    e->stride = one / std::clamp<std::int64_t>(share.weight, 1, fair_weight_max);
    if (moved) e->at = now_[share.urgent];
  }

  void remove(std::int64_t id) {
    std::erase_if(all_, [&](const entry& e) { return e.id == id; });
  }

  [[nodiscard]] bool has(std::int64_t id) const noexcept {
    return std::any_of(all_.begin(), all_.end(), [&](const entry& e) { return e.id == id; });
  }

  // The one whose turn it is among those for which ready(id) holds; nullopt when none is.
  template <class Ready>
  [[nodiscard]] std::optional<std::int64_t> next(Ready&& ready) const {
    const entry* first = nullptr;
    for (const entry& e : all_) {
      if (first != nullptr && !before(e, *first)) continue;  // asking may cost something
      if (ready(e.id)) first = &e;
    }
    return first == nullptr ? std::nullopt : std::optional(first->id);
  }

  // A message of `id` was handed over.
  void served(std::int64_t id) noexcept {
    entry* e = find(id);
    if (e == nullptr) return;
    now_[e->urgent] = place(*e);
    e->at = now_[e->urgent] + e->stride;
    e->last = ++turn_;
  }

  // ... and came back without a byte sent: its turn is given back.
  void unserved(std::int64_t id) noexcept {
    if (entry* e = find(id)) e->at -= e->stride;
  }

 private:
  // Divisible by 1 to 16, so that small weights are exact; 2^63 / 720720 messages are enough.
  static constexpr std::int64_t one = 720'720;

  struct entry {
    std::int64_t id = 0;
    std::int64_t at = 0;
    std::int64_t stride = one;
    std::uint64_t last = 0;  // its latest turn
    bool urgent = false;
  };

  // Who was not ready for a while begins where the others are now.
  [[nodiscard]] std::int64_t place(const entry& e) const noexcept { return std::max(e.at, now_[e.urgent]); }

  [[nodiscard]] bool before(const entry& a, const entry& b) const noexcept {
    if (a.urgent != b.urgent) return a.urgent;
    const std::int64_t x = place(a);
    const std::int64_t y = place(b);
    return x != y ? x < y : a.last < b.last;
  }

  [[nodiscard]] entry* find(std::int64_t id) noexcept {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const entry& e) { return e.id == id; });
    return found == all_.end() ? nullptr : &*found;
  }

  std::vector<entry> all_;
  std::int64_t now_[2] = {0, 0};  // the place of the one served last: ordinary, urgent
  std::uint64_t turn_ = 0;
};

}  // namespace bulkmsg::pacing
