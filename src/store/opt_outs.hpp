// What a person or the platform says of messages that are not wanted any more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/recipients/consent.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// The provider's code for "this user stopped marketing messages from your business".
inline constexpr std::int32_t user_opted_out_code = 131050;

// Whom a webhook names: digits and the provider's user id; either may be empty. In the canonical form: +digits,
// user:ID.
struct named_person {
  std::string number, user;

  named_person(std::string_view digits, std::string_view user_id);
  [[nodiscard]] const std::string& address() const { return number.empty() ? user : number; }
  [[nodiscard]] bool nobody() const { return number.empty() && user.empty(); }
};

// An opt-out by the recipient's own word. True when it was news.
bool stopped_by_word(database& db, const named_person& who, consent_scope scope, std::string_view word,
                     std::int64_t now_ms);

// The platform's `stop` and `resume`, and its refusal because of one (source provider_error), in whatever order they
// come: the latest by the platform's clock holds, at the same time the stop. True when it was news.
bool stopped_at_platform(database& db, const std::string& address, suppression_source source, std::int64_t told_at_ms,
                         std::string_view note, std::int64_t now_ms);
bool resumed_at_platform(database& db, const std::string& address, std::int64_t told_at_ms, std::int64_t now_ms);

// The durable event of what one of these changed.
void tell_opt_out(database& db, const std::string& address, suppression_source source, consent_scope scope,
                  bool stopped, std::int64_t campaign, std::int64_t now_ms);

}  // namespace bulkmsg::store
