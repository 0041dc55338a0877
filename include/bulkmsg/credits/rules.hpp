// What an account may do: grant, expire, buy, reserve, post, void, adjust.
//
//   balances b;
//   auto granted = grant(b, 1, 15'000);                             // period 1 begins
//   auto held = reserve(b, {reservation_id{7}, account, 10'000});   // monthly credits first, top-ups after
//   auto spent = post(b, held->made, 9'990);                        // the provider accepted
//   auto back = void_(b, held->made, 10);                           // refused: back to where they came from
//
// Each function changes the records it is given and returns the entries to append; a store writes both in one
// transaction. On failure nothing is changed. The shape is TigerBeetle's two-phase transfer: what is reserved can only
// be posted or voided, so that no order of crashes charges twice.
//
// Order inside a reservation: a post takes the monthly part first, a void the bought part first. Whatever the order in
// which answers arrive, the monthly credits spent are then min(spent, monthly held at first): nobody pays for order.
//
// No allocation but for error messages; O(1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/credits/ledger.hpp"

namespace bulkmsg::credits {

namespace detail {

inline result<void> amount_in_range(std::int64_t n, std::int64_t sum, const char* what) {
  if (n < 0 || n > credits_max) {
    return bulkmsg::fail(errc::invalid_argument, std::string("cannot ") + what + " " + std::to_string(n) +
                                                     " credits: the amount must be from 0 to " +
                                                     std::to_string(credits_max));
  }
  if (sum > credits_max - n) {
    return bulkmsg::fail(errc::invalid_argument, std::string("cannot ") + what + " " + std::to_string(n) +
                                                     " credits: the account's total of " + std::to_string(sum) +
                                                     " would pass " + std::to_string(credits_max));
  }
  return {};
}

inline void write(balances& b, entries& log, const entry& e) noexcept {
  b = apply(b, e);
  log.push(e);
}

inline void write(balances& b, reservation& r, entries& log, const entry& e) noexcept {
  r = apply(r, e);
  write(b, log, e);
}

inline result<void> held_covers(const reservation& r, std::int64_t n, const char* what) {
  if (n < 0) {
    return bulkmsg::fail(errc::invalid_argument,
                         std::string("cannot ") + what + " a negative amount: " + std::to_string(n));
  }
  if (n > r.held()) {
    return bulkmsg::fail(errc::wrong_state, std::string("cannot ") + what + " " + std::to_string(n) +
                                                " credits: reservation " + std::to_string(r.id.value) + " holds only " +
                                                std::to_string(r.held()));
  }
  return {};
}

}  // namespace detail

// Ends `period`, which must be the running one: what is left of its monthly credits expires, what is reserved stays
// held. Errors: wrong_state (another period is running).
[[nodiscard]] inline result<entries> expire(balances& b, std::int32_t period) {
  if (period != b.period) {
    return bulkmsg::fail(errc::wrong_state, "cannot end period " + std::to_string(period) + ": period " +
                                                std::to_string(b.period) + " is running");
  }
  entries log;
  detail::write(b, log, {entry_kind::expire, bucket::monthly, b.available_monthly, period, {}});
  return log;
}

// `n` monthly credits for `period`. A period later than the running one begins with it, and what is left of the running
// one expires first; the same period again adds to it (seats added in mid-month). After a long absence grant each
// missed period in order. `n` may be 0: the period begins all the same. Errors: wrong_state (the period is over),
// invalid_argument (amount or period out of range).
[[nodiscard]] inline result<entries> grant(balances& b, std::int32_t period, std::int64_t n) {
  if (period < 1 || period > 1'000'000) {
    return bulkmsg::fail(errc::invalid_argument, "a period is from 1 to 1000000, not " + std::to_string(period));
  }
  if (period < b.period) {
    return bulkmsg::fail(errc::wrong_state, "cannot grant credits to period " + std::to_string(period) +
                                                ": it is over, period " + std::to_string(b.period) + " is running");
  }
  if (auto ok = detail::amount_in_range(n, b.granted, "grant"); !ok) return bulkmsg::fail(ok.error());
  entries log;
  if (period > b.period && b.available_monthly > 0) {
    detail::write(b, log, {entry_kind::expire, bucket::monthly, b.available_monthly, b.period, {}});
  }
  detail::write(b, log, {entry_kind::grant, bucket::monthly, n, period, {}});
  return log;
}

// `n` top-up credits; they never expire. Errors: invalid_argument (amount out of range).
[[nodiscard]] inline result<entries> buy(balances& b, std::int64_t n) {
  if (auto ok = detail::amount_in_range(n, b.bought, "buy"); !ok) return bulkmsg::fail(ok.error());
  entries log;
  detail::write(b, log, {entry_kind::buy, bucket::topup, n, b.period, {}});
  return log;
}

struct reserve_request {
  reservation_id id;
  account_id account;
  std::int64_t amount = 0;  // credits, one per message
};

struct reserved {
  reservation made;
  entries log;
};

// Holds credits, all or none: monthly ones first, top-ups after.
// Errors: credits_short (the message says how many are missing: buy them or send to fewer), invalid_argument.
[[nodiscard]] inline result<reserved> reserve(balances& b, const reserve_request& request) {
  const std::int64_t n = request.amount;
  if (!request.id) return bulkmsg::fail(errc::invalid_argument, "a reservation needs an id other than 0");
  if (n < 0 || n > credits_max) {
    return bulkmsg::fail(errc::invalid_argument, "cannot reserve " + std::to_string(n) +
                                                     " credits: the amount must be from 0 to " +
                                                     std::to_string(credits_max));
  }
  if (n > b.available()) {
    return bulkmsg::fail(errc::credits_short, "not enough credits: " + std::to_string(n) + " needed, " +
                                                  std::to_string(b.available()) + " available, " +
                                                  std::to_string(n - b.available()) + " missing");
  }
  reserved out;
  out.made.id = request.id;
  out.made.account = request.account;
  out.made.period = b.period;
  const std::int64_t monthly = std::min(n, b.available_monthly);
  if (monthly > 0) {
    detail::write(b, out.made, out.log, {entry_kind::reserve, bucket::monthly, monthly, b.period, request.id});
  }
  if (n > monthly) {
    detail::write(b, out.made, out.log, {entry_kind::reserve, bucket::topup, n - monthly, b.period, request.id});
  }
  return out;
}

// Whether a call to reserve that repeats an id asks for what is already there; then the caller answers with `existing`.
// Errors: conflict (the same id with other contents).
[[nodiscard]] inline result<void> same_request(const reservation& existing, const reserve_request& request) {
  if (existing.id == request.id && existing.account == request.account && existing.requested() == request.amount) {
    return {};
  }
  return bulkmsg::fail(errc::conflict, "reservation " + std::to_string(existing.id.value) + " exists for " +
                                           std::to_string(existing.requested()) + " credits of account " +
                                           std::to_string(existing.account.value) + ", not " +
                                           std::to_string(request.amount) + " of account " +
                                           std::to_string(request.account.value));
}

// Spends `n` of what `r` holds. Errors: wrong_state (it holds less), invalid_argument (negative).
[[nodiscard]] inline result<entries> post(balances& b, reservation& r, std::int64_t n) {
  if (auto ok = detail::held_covers(r, n, "post"); !ok) return bulkmsg::fail(ok.error());
  entries log;
  const std::int64_t monthly = std::min(n, r.monthly);
  if (monthly > 0) detail::write(b, r, log, {entry_kind::post, bucket::monthly, monthly, r.period, r.id});
  if (n > monthly) detail::write(b, r, log, {entry_kind::post, bucket::topup, n - monthly, r.period, r.id});
  return log;
}

// Returns `n` of what `r` holds to the buckets it came from; monthly credits of a period that has ended expire instead.
// Errors: wrong_state (it holds less), invalid_argument (negative).
[[nodiscard]] inline result<entries> void_(balances& b, reservation& r, std::int64_t n) {
  if (auto ok = detail::held_covers(r, n, "void"); !ok) return bulkmsg::fail(ok.error());
  entries log;
  const std::int64_t topup = std::min(n, r.topup);
  if (topup > 0) detail::write(b, r, log, {entry_kind::void_, bucket::topup, topup, r.period, r.id});
  if (n > topup) {
    const entry_kind kind = r.period == b.period ? entry_kind::void_ : entry_kind::expire;
    detail::write(b, r, log, {kind, bucket::monthly, n - topup, r.period, r.id});
  }
  return log;
}

// Adds `n` credits that never expire, or takes -`n` away, monthly ones first. The reason and the actor belong into the
// store's row. Errors: credits_short (less than -`n` available), invalid_argument (amount out of range).
[[nodiscard]] inline result<entries> adjust(balances& b, std::int64_t n) {
  if (n > credits_max || n < -credits_max || b.adjusted + n > credits_max || b.adjusted + n < -credits_max) {
    return bulkmsg::fail(errc::invalid_argument, "cannot adjust by " + std::to_string(n) +
                                                     " credits: the sum of adjustments must stay within " +
                                                     std::to_string(credits_max));
  }
  entries log;
  if (n >= 0) {
    detail::write(b, log, {entry_kind::adjust, bucket::topup, n, b.period, {}});
    return log;
  }
  const std::int64_t take = -n;
  if (take > b.available()) {
    return bulkmsg::fail(errc::credits_short, "cannot take " + std::to_string(take) + " credits away: only " +
                                                  std::to_string(b.available()) + " available, " +
                                                  std::to_string(take - b.available()) + " missing");
  }
  const std::int64_t monthly = std::min(take, b.available_monthly);
  if (monthly > 0) detail::write(b, log, {entry_kind::adjust, bucket::monthly, -monthly, b.period, {}});
  if (take > monthly) detail::write(b, log, {entry_kind::adjust, bucket::topup, monthly - take, b.period, {}});
  return log;
}

}  // namespace bulkmsg::credits
