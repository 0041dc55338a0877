// Recomputes accounts and reservations from their entries and compares them with what is cached.
//
//   audit check;
//   while (next_row(e)) check.add(e);          // in the order written; nothing is kept but the sums
//   result<void> verdict = check.against(cached);
#pragma once

#include <cstdint>
#include <string>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/credits/ledger.hpp"

namespace bulkmsg::credits {

// Folds the entries of one account. Stops at the first entry after which the account is not conserved, so that damaged
// rows cannot overflow the sums.
class audit {
 public:
  void add(const entry& e) noexcept {
    if (first_bad_ != 0) return;
    ++entries_;
    const bool known = e.kind >= entry_kind::grant && e.kind <= entry_kind::adjust &&
                       (e.from == bucket::monthly || e.from == bucket::topup);
    const bool in_range = e.amount <= credits_max && e.amount >= (e.kind == entry_kind::adjust ? -credits_max : 0) &&
                          e.period >= 0 && e.period <= 1'000'000;
    if (!known || !in_range) {
      first_bad_ = entries_;
      return;
    }
    computed_ = apply(computed_, e);
    if (!computed_.conserved()) first_bad_ = entries_;
  }

  [[nodiscard]] const balances& computed() const noexcept { return computed_; }
  [[nodiscard]] std::int64_t entry_count() const noexcept { return entries_; }
  [[nodiscard]] std::int64_t first_bad() const noexcept { return first_bad_; }  // counted from 1; 0: none

  // Errors: store_corrupt (the message names the first entry that cannot stand, or the first sum that differs).
  [[nodiscard]] result<void> against(const balances& cached) const {
    if (first_bad_ != 0) {
      return bulkmsg::fail(errc::store_corrupt,
                           "the ledger is not conserved after its entry " + std::to_string(first_bad_));
    }
    struct sum {
      const char* name;
      std::int64_t balances::*value;
    };
    static constexpr sum sums[] = {
        {"granted", &balances::granted},
        {"bought", &balances::bought},
        {"adjusted", &balances::adjusted},
        {"available monthly", &balances::available_monthly},
        {"available top-up", &balances::available_topup},
        {"reserved", &balances::reserved},
        {"spent", &balances::spent},
        {"expired", &balances::expired},
    };
    for (const sum& s : sums) {
      if (computed_.*s.value != cached.*s.value) return differs(s.name, computed_.*s.value, cached.*s.value);
    }
    if (computed_.period != cached.period) return differs("period", computed_.period, cached.period);
    return {};
  }

 private:
  [[nodiscard]] result<void> differs(const char* what, std::int64_t computed, std::int64_t cached) const {
    return bulkmsg::fail(errc::store_corrupt, std::string("credits ") + what + ": " + std::to_string(cached) +
                                                  " in the account, " + std::to_string(computed) + " by its " +
                                                  std::to_string(entries_) + " entries");
  }

  balances computed_;
  std::int64_t entries_ = 0;
  std::int64_t first_bad_ = 0;
};

// The reservation `id` as its account's entries make it; entries of others are passed over.
template <class Range>
[[nodiscard]] reservation fold_reservation(reservation_id id, account_id account, const Range& log) {
  reservation r;
  r.id = id;
  r.account = account;
  for (const entry& e : log) {
    if (e.reservation != id) continue;
    r.period = e.period;
    r = apply(r, e);
  }
  return r;
}

}  // namespace bulkmsg::credits
