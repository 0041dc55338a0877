// What an account gets and pays: data, kept with the account.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::credits {

struct plan {
  std::int64_t per_user_credits = 3'000;  // a month
  std::int64_t users = 1;
  std::int64_t additional_phones = 0;       // the first phone is free and adds none
  std::int64_t topup_price_micros = 6'000;  // micro-dollars a credit: $0.006
  int billing_day = 1;                      // 1-31; in shorter months the last day
  std::string time_zone = "UTC";            // IANA name: where the billing date begins

  // Five users with the free phone: 15,000.
  [[nodiscard]] constexpr std::int64_t monthly_credits() const noexcept {
    return per_user_credits * (users + additional_phones);
  }

  // In micro-dollars; the largest number there is where it would be more.
  [[nodiscard]] constexpr std::int64_t topup_cost_micros(std::int64_t credits) const noexcept {
    constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
    return topup_price_micros > 0 && credits > max / topup_price_micros ? max : topup_price_micros * credits;
  }

  friend bool operator==(const plan&, const plan&) = default;
};

inline constexpr std::int64_t seats_max = 1'000'000;               // users, phones
inline constexpr std::int64_t per_user_credits_max = 100'000'000;  // with seats_max twice: 2 * 10^14, below credits_max
inline constexpr std::int64_t topup_price_micros_max = 1'000'000'000;

// Errors: bad_option_value (names the field and its range). The time zone's name is checked by billing.hpp.
[[nodiscard]] inline result<void> check(const plan& p) {
  const auto within = [](const char* field, std::int64_t n, std::int64_t low, std::int64_t high) -> result<void> {
    if (n >= low && n <= high) return {};
    return bulkmsg::fail(errc::bad_option_value, std::string("plan: ") + field + " must be from " +
                                                     std::to_string(low) + " to " + std::to_string(high) + ", not " +
                                                     std::to_string(n));
  };
  return within("per_user_credits", p.per_user_credits, 0, per_user_credits_max)
      .and_then([&] { return within("users", p.users, 0, seats_max); })
      .and_then([&] { return within("additional_phones", p.additional_phones, 0, seats_max); })
      .and_then([&] { return within("topup_price_micros", p.topup_price_micros, 0, topup_price_micros_max); })
      .and_then([&] { return within("billing_day", p.billing_day, 1, 31); });
}

}  // namespace bulkmsg::credits
