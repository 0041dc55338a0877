// When so much fails that sending on makes no sense until somebody has looked.
#pragma once

#include <cstdint>
#include <span>

#include "bulkmsg/pacing/breaker.hpp"

namespace bulkmsg::sending {

// How a request ended. Throttling, pauses and single recipients who must wait are no failures and not counted.
namespace error_class {
inline constexpr std::uint8_t none = 0;
inline constexpr std::uint8_t any = 0;        // in a rule: every failure
inline constexpr std::uint8_t message = 1;    // refused for what it says
inline constexpr std::uint8_t recipient = 2;  // refused for whom it is to
inline constexpr std::uint8_t lost = 3;       // nobody knows
inline constexpr std::uint8_t fault = 4;      // refused for now, to be tried again
}  // namespace error_class

// Over the last minute. Of one campaign: its content and its list.
[[nodiscard]] inline std::span<const pacing::breaker_rule> campaign_rules() noexcept {
  static constexpr pacing::breaker_rule rules[] = {{error_class::message, 50, 100},
                                                   {error_class::recipient, 80, 200},
                                                   {error_class::lost, 60, 100},
                                                   {error_class::fault, 90, 300},
                                                   {error_class::any, 90, 300}};
  return rules;
}

// Of everything that the number sends.
[[nodiscard]] inline std::span<const pacing::breaker_rule> sender_rules() noexcept {
  static constexpr pacing::breaker_rule rules[] = {{error_class::lost, 80, 200}, {error_class::any, 95, 500}};
  return rules;
}

}  // namespace bulkmsg::sending
