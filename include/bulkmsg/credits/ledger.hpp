// The credit ledger's records and the one function that changes a balance.
//
// A ledger only grows: every change of an account is an `entry`, and `apply` says what an entry does to the cached
// balances and to the reservation it names. Nothing else writes either of them, so that the fold of all entries is the
// cache, at every prefix (audit.hpp checks it). What entries an operation writes is decided in rules.hpp.
//
// Plain values, no I/O, no allocation; a store keeps them as rows (an entry's id, time, reason and actor are columns of
// the store, not part of the arithmetic). Thread: distinct objects on any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bulkmsg/base/ids.hpp"

namespace bulkmsg::credits {

using reservation_id = id<struct reservation_tag>;

// Where credits come from. Monthly ones end with their period, bought ones never. Numbers are stored: never reused.
enum class bucket : std::uint8_t {
  monthly = 1,
  topup = 2
};

// Numbers are stored: never reused.
enum class entry_kind : std::uint8_t {
  grant = 1,   // the credits of a period, which it begins if it is new
  expire = 2,  // without a reservation: what is left of a period, which it ends; with one: returned too late to be used
  buy = 3,     // a top-up
  reserve = 4,  // held for a campaign
  post = 5,     // spent: the provider accepted
  void_ = 6,    // returned to its bucket
  adjust = 7,   // by hand, with a reason and an actor; the only kind whose amount may be negative
};

[[nodiscard]] constexpr std::string_view name(entry_kind kind) noexcept {
  switch (kind) {
    case entry_kind::grant:
      return "grant";
    case entry_kind::expire:
      return "expire";
    case entry_kind::buy:
      return "top-up";
    case entry_kind::reserve:
      return "reserve";
    case entry_kind::post:
      return "post";
    case entry_kind::void_:
      return "void";
    case entry_kind::adjust:
      return "adjust";
  }
  return "unknown";
}
[[nodiscard]] constexpr std::string_view name(bucket from) noexcept {
  return from == bucket::monthly ? "monthly" : "top-up";
}

// No amount and no sum of an account may pass this; far below where 64 bits end, so that no sum of two overflows.
inline constexpr std::int64_t credits_max = 1'000'000'000'000'000;

struct entry {
  entry_kind kind{};
  bucket from{};
  std::int64_t amount = 0;  // credits
  std::int32_t period = 0;  // grant, expire: which one; reserve, post, void_: the reservation's; else the running one
  reservation_id reservation;  // reserve, post, void_, late expire; none otherwise

  friend bool operator==(const entry&, const entry&) = default;
};

// What one operation appends, in order; never more than two.
class entries {
 public:
  void push(const entry& e) noexcept { items_[size_++] = e; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const entry& operator[](std::size_t i) const noexcept { return items_[i]; }
  [[nodiscard]] const entry* begin() const noexcept { return items_.data(); }
  [[nodiscard]] const entry* end() const noexcept { return items_.data() + size_; }

 private:
  std::array<entry, 2> items_{};
  std::size_t size_ = 0;
};

// An account, derived from its entries. Everything in credits.
struct balances {
  std::int64_t granted = 0;
  std::int64_t bought = 0;
  std::int64_t adjusted = 0;  // may be negative
  std::int64_t available_monthly = 0;
  std::int64_t available_topup = 0;
  std::int64_t reserved = 0;
  std::int64_t spent = 0;
  std::int64_t expired = 0;
  std::int32_t period = 0;  // the running one; 0 before the first grant

  [[nodiscard]] constexpr std::int64_t available() const noexcept { return available_monthly + available_topup; }

  // Guarantee 2. False also for sums no ledger of ours can hold, so that damaged rows are noticed before they overflow.
  [[nodiscard]] constexpr bool conserved() const noexcept {
    for (const std::int64_t n : {granted, bought, available_monthly, available_topup, reserved, spent, expired}) {
      if (n < 0 || n > 3 * credits_max) return false;
    }
    if (granted > credits_max || bought > credits_max || adjusted > credits_max || adjusted < -credits_max)
      return false;
    return granted + bought + adjusted == available() + reserved + spent + expired;
  }

  friend bool operator==(const balances&, const balances&) = default;
};

// Credits held for one campaign until each of its messages is settled. Remembers from which bucket and which period.
struct reservation {
  reservation_id id;  // made by the client, so that a repeated call is recognised
  account_id account;
  std::int32_t period = 0;   // the account's when it was made: where the monthly part belongs
  std::int64_t monthly = 0;  // held now
  std::int64_t topup = 0;    // held now
  std::int64_t posted = 0;
  std::int64_t voided = 0;  // returned or, too late for that, expired

  [[nodiscard]] constexpr std::int64_t held() const noexcept { return monthly + topup; }
  [[nodiscard]] constexpr std::int64_t requested() const noexcept { return held() + posted + voided; }

  friend bool operator==(const reservation&, const reservation&) = default;
};

// The account after `e`. Any entry is accepted; whether the result may stand is `conserved()`'s to say.
[[nodiscard]] constexpr balances apply(balances b, const entry& e) noexcept {
  std::int64_t& available = e.from == bucket::monthly ? b.available_monthly : b.available_topup;
  switch (e.kind) {
    case entry_kind::grant:
      b.granted += e.amount;
      available += e.amount;
      if (e.period > b.period) b.period = e.period;
      break;
    case entry_kind::expire:
      b.expired += e.amount;
      if (e.reservation) {
        b.reserved -= e.amount;
      } else {
        available -= e.amount;
        if (e.period >= b.period) b.period = e.period + 1;
      }
      break;
    case entry_kind::buy:
      b.bought += e.amount;
      available += e.amount;
      break;
    case entry_kind::reserve:
      available -= e.amount;
      b.reserved += e.amount;
      break;
    case entry_kind::post:
      b.reserved -= e.amount;
      b.spent += e.amount;
      break;
    case entry_kind::void_:
      b.reserved -= e.amount;
      available += e.amount;
      break;
    case entry_kind::adjust:
      b.adjusted += e.amount;
      available += e.amount;
      break;
  }
  return b;
}

// The reservation after `e`; entries of others and those without a reservation leave it as it is.
[[nodiscard]] constexpr reservation apply(reservation r, const entry& e) noexcept {
  if (!e.reservation || e.reservation != r.id) return r;
  std::int64_t& held = e.from == bucket::monthly ? r.monthly : r.topup;
  switch (e.kind) {
    case entry_kind::reserve:
      held += e.amount;
      break;
    case entry_kind::post:
      held -= e.amount;
      r.posted += e.amount;
      break;
    case entry_kind::void_:
    case entry_kind::expire:
      held -= e.amount;
      r.voided += e.amount;
      break;
    case entry_kind::grant:
    case entry_kind::buy:
    case entry_kind::adjust:
      break;
  }
  return r;
}

}  // namespace bulkmsg::credits
