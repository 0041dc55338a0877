// One limit per recipient: at most B + t/interval to one address in any time t (a GCRA each).
//
//   pair_limiter pairs(1, 6 * second, 45);                    // "1/6s per recipient,burst=45"
//   if (pairs.next(key, now) <= now) pairs.take(key, now);    // else this recipient waits, the others do not
//
// An open-addressing table of 16-byte entries (key, time), 20 to 26 bytes per recipient tracked, 46 for the moment of a
// rebuild. An entry whose limit has fully recovered says nothing: it is overwritten by the next new recipient that
// meets it, and dropped when the table is rebuilt, so the table's size follows the recipients of the last burst *
// interval, not of all time.
//
// Keys are 64-bit hashes of addresses; two addresses with one key share a limit, which is safe. Same rules for time as
// rate_limiter. Thread: one at a time. take() may allocate (rebuild, amortised O(1)).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"

namespace bulkmsg::pacing {

class pair_limiter {
 public:
  // `count` per `window` and recipient, `burst` at once after a rest; what is out of range is brought into it.
  pair_limiter(std::int64_t count, nanoseconds_t window, std::int64_t burst)
      : interval_(rounded_up(std::clamp<nanoseconds_t>(window, 1, limit_window_max),
                             std::clamp<std::int64_t>(count, 1, limit_count_max))),
        tolerance_(interval_ *
                   (std::clamp<std::int64_t>(burst, 1, std::min(limit_burst_max, burst_max(interval_))) - 1)),
        table_(slots_min) {}

  // When a take for `key` is allowed: `now` when it is at once, else the exact time.
  [[nodiscard]] nanoseconds_t next(std::uint64_t key, nanoseconds_t now) const noexcept {
    const entry* e = find(key);
    if (e == nullptr) return now;
    const nanoseconds_t at = e->due - tolerance_;
    return at <= std::max(now, latest_) ? now : at;
  }

  void take(std::uint64_t key, nanoseconds_t now) { assume(key, now, 1); }

  // Takes back the take made at `at`, within one interval of it; later it has been worked off.
  void refund(std::uint64_t key, nanoseconds_t at) noexcept {
    if (at + interval_ <= latest_) return;
    if (entry* e = const_cast<entry*>(find(key))) e->due -= interval_;
  }

  // Acts as if `count` had gone to `key` at `at`.
  void assume(std::uint64_t key, nanoseconds_t at, std::int64_t count) {
    if (count <= 0) return;
    latest_ = std::max(latest_, at);
    count = std::min(count, tolerance_ / interval_ + 1);
    entry& e = claim(key == 0 ? zero_key : key);
    e.due = std::max(e.due, latest_) + interval_ * count;
  }

  [[nodiscard]] std::size_t tracked() const noexcept { return used_; }  // some may have recovered
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return table_.size() * sizeof(entry); }

 private:
  struct entry {
    std::uint64_t key = 0;         // 0: empty
    nanoseconds_t due = long_ago;  // on pace from here on; at or before now: fully recovered
  };

  static constexpr std::size_t slots_min = 64;
  static constexpr std::uint64_t zero_key = 0x9E3779B97F4A7C15U;  // stands for key 0

  static nanoseconds_t rounded_up(nanoseconds_t window, std::int64_t count) { return (window + count - 1) / count; }
  // A burst longer than this could not recover within the years that fit the clock.
  static std::int64_t burst_max(nanoseconds_t interval) {
    return std::max<std::int64_t>(1, 100 * limit_window_max / interval);
  }

  // Keys may be weak hashes; this spreads them.
  [[nodiscard]] static std::size_t home(std::uint64_t key, std::size_t slots) noexcept {
    key ^= key >> 32;
    key *= 0xD6E8FEB86659FD93U;
    return static_cast<std::size_t>(((key >> 32) * slots) >> 32);  // slots below 2^32
  }

  [[nodiscard]] const entry* find(std::uint64_t key) const noexcept {
    if (key == 0) key = zero_key;
    for (std::size_t i = home(key, table_.size());; i = after(i)) {
      if (table_[i].key == key) return &table_[i];
      if (table_[i].key == 0) return nullptr;
    }
  }

  // The entry of `key`: its own, else a recovered one that its search met, else a new one.
  entry& claim(std::uint64_t key) {
    if ((used_ + 1) * 5 > table_.size() * 4) rebuild();
    entry* recovered = nullptr;
    std::size_t i = home(key, table_.size());
    for (; table_[i].key != 0; i = after(i)) {
      if (table_[i].key == key) return table_[i];
      if (recovered == nullptr && table_[i].due <= latest_) recovered = &table_[i];
    }
    if (recovered != nullptr) {
      *recovered = entry{key, long_ago};
      return *recovered;
    }
    ++used_;
    table_[i].key = key;
    return table_[i];
  }

  [[nodiscard]] std::size_t after(std::size_t i) const noexcept { return i + 1 == table_.size() ? 0 : i + 1; }

  // Keeps the entries that still say something, in a table filled to five eighths.
  void rebuild() {
    std::size_t alive = 0;
    for (const entry& e : table_) alive += e.key != 0 && e.due > latest_;
    std::vector<entry> old(std::max(slots_min, alive * 8 / 5));
    old.swap(table_);
    used_ = alive;
    for (const entry& e : old) {
      if (e.key == 0 || e.due <= latest_) continue;
      std::size_t i = home(e.key, table_.size());
      while (table_[i].key != 0) i = after(i);
      table_[i] = e;
    }
  }

  nanoseconds_t interval_;
  nanoseconds_t tolerance_;
  nanoseconds_t latest_ = long_ago;
  std::size_t used_ = 0;
  std::vector<entry> table_;
};

}  // namespace bulkmsg::pacing
