// What messages cost, as data: money by destination and category, credits by category; and what a campaign would cost.
//
//   rate_table rates;
//   rates.set_micros("49", "marketing", 136'500);    // to numbers that begin with +49: $0.1365
//   rates.set_micros("", "marketing", 60'000);       // everywhere else, and where an address is no number
//   rates.set_credits("marketing", 2);
//   estimator cost(rates, "marketing", 2);
//   cost.add("+4915112345678");
//   result<estimate> total = cost.total();
//
// The longest prefix that states a price for the category decides, so that a country that shares a calling code is
// priced by more digits ("1787"). Money is an estimate, in integer micro-dollars; what was charged, the provider says.
//
// Thread: const members from any thread. A lookup costs a step per digit and allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::credits {

inline constexpr std::int64_t rate_micros_max = 1'000'000'000;  // $1,000 a message
inline constexpr std::int64_t credits_per_message_max = 1'000;
inline constexpr std::size_t rate_prefixes_max = 20'000;
inline constexpr std::size_t rate_categories_max = 32;

// One destination's part of an estimate.
struct estimate_line {
  std::string destination;  // the prefix that priced it; "*": everywhere else
  std::string category;
  std::int64_t messages = 0;
  std::int64_t credits = 0;
  std::int64_t micros = 0;  // micro-dollars
  bool priced = true;       // false: the table states no price for it, `micros` is 0

  friend bool operator==(const estimate_line&, const estimate_line&) = default;
};

struct estimate {
  std::vector<estimate_line> lines;  // by destination, in its order as text
  std::int64_t messages = 0;
  std::int64_t credits = 0;
  std::int64_t micros = 0;
  std::int64_t unpriced = 0;  // messages without a price
};

class rate_table {
 public:
  // The price of a message of `category` to numbers that begin with `prefix`: 0-15 digits, none: everywhere else. Said
  // twice, the last counts. Errors: bad_option_value.
  result<void> set_micros(std::string_view prefix, std::string_view category, std::int64_t micros) {
    if (micros < 0 || micros > rate_micros_max) {
      return bulkmsg::fail(errc::bad_option_value, "a price is from 0 to " + std::to_string(rate_micros_max) +
                                                       " micro-dollars, not " + std::to_string(micros));
    }
    const bool digits = std::all_of(prefix.begin(), prefix.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || prefix.size() > 15 || prefix.starts_with('0')) {
      return bulkmsg::fail(errc::bad_option_value,
                           "a destination is up to 15 digits, from the calling code on, such as 49 or 1787");
    }
    auto column = intern(category);
    if (!column) return bulkmsg::fail(column.error());
    std::int32_t at = 0;
    for (const char c : prefix) {
      const auto d = static_cast<std::size_t>(c - '0');
      if (nodes_[static_cast<std::size_t>(at)].next[d] == none) {
        nodes_[static_cast<std::size_t>(at)].next[d] = static_cast<std::int32_t>(nodes_.size());
        nodes_.push_back({});
      }
      at = nodes_[static_cast<std::size_t>(at)].next[d];
    }
    node& end = nodes_[static_cast<std::size_t>(at)];
    if (end.destination == none) {
      if (destinations_.size() == rate_prefixes_max) {
        return bulkmsg::fail(errc::bad_option_value,
                             "a rate table has at most " + std::to_string(rate_prefixes_max) + " destinations");
      }
      end.destination = static_cast<std::int32_t>(destinations_.size());
      destinations_.push_back({std::string(prefix), {}});
    }
    auto& prices = destinations_[static_cast<std::size_t>(end.destination)].micros;
    prices.resize(std::max(prices.size(), *column + 1), none);
    prices[*column] = micros;
    return {};
  }

  // Errors: bad_option_value (not 1 to credits_per_message_max).
  result<void> set_credits(std::string_view category, std::int64_t credits) {
    if (credits < 1 || credits > credits_per_message_max) {
      return bulkmsg::fail(errc::bad_option_value, "a message costs from 1 to " +
                                                       std::to_string(credits_per_message_max) + " credits, not " +
                                                       std::to_string(credits));
    }
    auto column = intern(category);
    if (!column) return bulkmsg::fail(column.error());
    categories_[*column].second = credits;
    return {};
  }

  // One where nothing else is said.
  [[nodiscard]] std::int64_t credits_per_message(std::string_view category) const noexcept {
    const std::size_t column = column_of(category);
    return column < categories_.size() ? categories_[column].second : 1;
  }

  // The price of a message to an address ("+4915112345678"), where the table states one. Addresses that are no phone
  // numbers are priced as "everywhere else".
  [[nodiscard]] std::optional<std::int64_t> micros(std::string_view address, std::string_view category) const noexcept {
    const std::size_t column = column_of(category);
    const std::int32_t at = find(address, column);
    return at == none ? std::nullopt : std::optional(price(at, column));
  }

 private:
  friend class estimator;
  static constexpr std::int32_t none = -1;

  struct node {
    std::array<std::int32_t, 10> next = {none, none, none, none, none, none, none, none, none, none};
    std::int32_t destination = none;
  };
  struct priced {
    std::string prefix;
    std::vector<std::int64_t> micros;  // by category, `none`: not stated
  };

  [[nodiscard]] std::size_t column_of(std::string_view category) const noexcept {
    std::size_t i = 0;
    while (i < categories_.size() && categories_[i].first != category) ++i;
    return i;
  }
  result<std::size_t> intern(std::string_view category) {
    const std::size_t column = column_of(category);
    if (column < categories_.size()) return column;
    const bool plain = category.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    if (!plain || category.empty() || category.size() > 64) {
      return bulkmsg::fail(errc::bad_option_value,
                           "a category is up to 64 letters a-z and _, such as marketing, utility or service");
    }
    if (categories_.size() == rate_categories_max) {
      return bulkmsg::fail(errc::bad_option_value,
                           "a rate table has at most " + std::to_string(rate_categories_max) + " categories");
    }
    categories_.emplace_back(category, 1);
    return column;
  }
  [[nodiscard]] std::int64_t price(std::int32_t destination, std::size_t column) const noexcept {
    const auto& prices = destinations_[static_cast<std::size_t>(destination)].micros;
    return column < prices.size() ? prices[column] : none;
  }
  [[nodiscard]] std::int32_t find(std::string_view address, std::size_t column) const noexcept {
    std::int32_t best = none;
    const auto look = [&](const node& at) {
      if (at.destination != none && price(at.destination, column) != none) best = at.destination;
    };
    look(nodes_[0]);
    if (!address.starts_with('+')) return best;
    std::int32_t at = 0;
    for (const char c : address.substr(1)) {
      if (c < '0' || c > '9') break;
      at = nodes_[static_cast<std::size_t>(at)].next[static_cast<std::size_t>(c - '0')];
      if (at == none) break;
      look(nodes_[static_cast<std::size_t>(at)]);
    }
    return best;
  }

  std::vector<node> nodes_ = std::vector<node>(1);  // a tree by digits
  std::vector<priced> destinations_;
  std::vector<std::pair<std::string, std::int64_t>> categories_;  // with their credits a message
};

// Adds up what a stream of addresses costs. Memory: one number a destination. The table must outlive it and not change.
class estimator {
 public:
  // `credits_per_message`: as the campaign is charged; 0: metered only.
  estimator(const rate_table& rates, std::string_view category, std::int64_t credits_per_message)
      : rates_(rates),
        category_(category),
        column_(rates.column_of(category)),
        credits_per_message_(credits_per_message),
        counts_(rates.destinations_.size() + 1) {}

  void add(std::string_view address) noexcept {
    ++counts_[static_cast<std::size_t>(rates_.find(address, column_) + 1)];
  }

  // Errors: invalid_argument (the sums pass what 64 bits hold).
  [[nodiscard]] result<estimate> total() const {
    estimate sum;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      const auto destination = static_cast<std::int32_t>(i) - 1;
      estimate_line line;
      line.priced = destination != rate_table::none;
      if (line.priced) line.destination = rates_.destinations_[static_cast<std::size_t>(destination)].prefix;
      if (line.destination.empty()) line.destination = "*";
      line.category = category_;
      line.messages = counts_[i];
      const std::int64_t price = line.priced ? rates_.price(destination, column_) : 0;
      if (__builtin_mul_overflow(line.messages, price, &line.micros) ||
          __builtin_mul_overflow(line.messages, credits_per_message_, &line.credits) ||
          __builtin_add_overflow(sum.micros, line.micros, &sum.micros) ||
          __builtin_add_overflow(sum.credits, line.credits, &sum.credits)) {
        return bulkmsg::fail(errc::invalid_argument, "the estimate passes what can be counted; split the campaign");
      }
      sum.messages += line.messages;
      if (!line.priced) sum.unpriced += line.messages;
      sum.lines.push_back(std::move(line));
    }
    std::sort(sum.lines.begin(), sum.lines.end(), [](const estimate_line& a, const estimate_line& b) {
      return std::pair(std::string_view(a.destination), a.priced) <
             std::pair(std::string_view(b.destination), b.priced);
    });
    return sum;
  }

 private:
  const rate_table& rates_;
  const std::string category_;
  const std::size_t column_;
  const std::int64_t credits_per_message_;
  std::vector<std::int64_t> counts_;  // by destination, the first: unpriced
};

}  // namespace bulkmsg::credits
