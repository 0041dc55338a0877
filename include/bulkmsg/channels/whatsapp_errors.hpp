// What to do about each error code of the WhatsApp Cloud API, as data.
//
// Codes and meanings: facts, WhatsApp, errors (provider documentation of November 2025 and what clients report); the
// actions are our reading of them. The same code may come with the answer to a send or later in a webhook.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

#include "bulkmsg/channels/answer.hpp"

namespace bulkmsg::channels {

struct provider_error {
  std::int32_t first = 0;  // codes first..last
  std::int32_t last = 0;
  action what = action::fail_message;
  std::uint8_t retries_max = 0;  // for retry and defer: how often at most; 0: as the campaign says
  std::uint32_t wait_s = 0;      // at least so long before the next try or before sending goes on; 0: no rule
  std::string_view meaning;
  part about = part::message;
};

namespace detail {

inline constexpr provider_error whatsapp_error_table[] = {
    {0, 0, action::pause_account, 0, 0, "access token expired or invalidated"},
    {1, 1, action::retry, 3, 0, "unknown: bad request or server fault"},
    {2, 2, action::slow, 0, 0, "service down or overloaded"},
    {3, 3, action::pause_account, 0, 0, "the app lacks the capability or permission"},
    {4, 4, action::slow, 0, 0, "the app's call rate is reached"},
    {10, 10, action::pause_account, 0, 0, "permission missing or removed"},
    {17, 17, action::slow, 0, 0, "call rate is reached"},
    {32, 32, action::slow, 0, 0, "call rate is reached"},
    {33, 33, action::pause_number, 0, 0, "phone number deleted, or wrong phone number id"},
    {100, 100, action::fail_message, 0, 0, "unknown or bad parameter"},
    {190, 190, action::pause_account, 0, 0, "access token expired"},
    {200, 299, action::pause_account, 0, 0, "permission denied"},
    {368, 368, action::pause_account, 0, 0, "account restricted for a policy violation"},
    {613, 613, action::slow, 0, 0, "call rate is reached"},
    {80007, 80008, action::slow, 0, 0, "the account's call rate is reached"},
    {130403, 130403, action::fail_recipient, 0, 0, "the business has blocked this user"},
    {130429, 130429, action::slow, 0, 1, "the number's throughput is reached"},
    {130472, 130472, action::fail_message, 0, 0, "the user is in an experiment group"},
    {130497, 130497, action::fail_recipient, 0, 0, "the business may not message that country"},
    {130501, 130501, action::log, 0, 0, "inbound message type not supported"},
    {131000, 131000, action::retry, 0, 0, "unknown error at the provider"},
    {131005, 131005, action::pause_account, 0, 0, "access denied"},
    {131008, 131008, action::fail_message, 0, 0, "a required parameter is missing"},
    {131009, 131009, action::fail_message, 0, 0, "a parameter's value is invalid"},
    {131016, 131016, action::retry, 0, 0, "service unavailable"},
    {131020, 131020, action::fail_message, 0, 0, "group message refused"},
    {131021, 131021, action::fail_recipient, 0, 0, "recipient and sender are the same number"},
    {131026, 131026, action::fail_recipient, 0, 0, "undeliverable: not on WhatsApp, or an old version of it"},
    {131030, 131030, action::fail_recipient, 0, 0, "test number: the recipient is not on its allowed list"},
    {131031, 131031, action::pause_account, 0, 0, "account locked or disabled"},
    {131037, 131037, action::pause_number, 0, 0, "the number's display name is not approved"},
    {131041, 131041, action::fail_message, 0, 0, "group message refused"},
    {131042, 131042, action::pause_account, 0, 0, "payment problem"},
    {131044, 131044, action::log, 0, 0, "payment problem for calling"},
    {131045, 131045, action::pause_number, 0, 0, "the number is not registered"},
    {131047, 131047, action::fail_message, 0, 0, "more than 24 hours since the user wrote: only templates are allowed"},
    {131048, 131048, action::pause_number, 0, 24 * 3600, "spam or messaging limit of the number is reached"},
    {131049, 131049, action::defer, 2, 24 * 3600, "the provider chose not to deliver marketing to this user now"},
    {131050, 131050, action::opt_out, 0, 0, "the user stopped marketing messages from this business"},
    {131051, 131051, action::fail_campaign, 0, 0, "message type not supported"},
    {131052, 131052, action::log, 0, 0, "the user's media could not be fetched"},
    {131053, 131053, action::fail_message, 0, 0, "the media could not be fetched or processed", part::media},
    {131055, 131055, action::fail_campaign, 0, 0, "only marketing templates are allowed on this endpoint"},
    {131056, 131056, action::pair, 0, 1, "too many messages to this recipient in a short time"},
    {131057, 131057, action::pause_number, 0, 60, "account in maintenance"},
    {131059, 131059, action::log, 0, 0, "paging cursor invalid"},
    {131060, 131060, action::log, 0, 0, "inbound message not available"},
    {131062, 131062, action::fail_message, 0, 0, "this kind of message needs a phone number"},
    {131063, 131063, action::fail_campaign, 0, 0, "marketing is turned off on this endpoint for the account"},
    {131064, 131064, action::pause_account, 0, 0, "limited because of wrongly categorised templates"},
    {131201, 131207, action::fail_message, 0, 0, "group message refused"},
    {131208, 131208, action::retry, 0, 0, "group rate is reached"},
    {131209, 131215, action::fail_message, 0, 0, "group message refused"},
    {132000, 132000, action::fail_message, 0, 0, "number of parameters differs from the template", part::parameters},
    {132001, 132001, action::pause_campaign, 0, 0, "template does not exist in that language, or is not approved"},
    {132005, 132005, action::fail_message, 0, 0, "the filled-in text is too long"},
    {132007, 132007, action::fail_message, 0, 0, "the content breaks the character policy"},
    {132008, 132008, action::fail_message, 0, 0, "a template parameter's value is invalid"},
    {132012, 132012, action::fail_campaign, 0, 0, "parameter format differs from the template"},
    {132015, 132015, action::pause_campaign, 0, 0, "template paused"},
    {132016, 132016, action::fail_campaign, 0, 0, "template disabled"},
    {132018, 132018, action::fail_message, 0, 0, "template parameters failed validation"},
    {132068, 132069, action::pause_campaign, 0, 0, "flow blocked or throttled"},
    {133000, 133003, action::pause_number, 0, 0, "the number's registration has a problem"},
    {133004, 133004, action::retry, 0, 0, "server temporarily down"},
    {133005, 133016, action::pause_number, 0, 0, "the number's registration has a problem"},
    {134011, 134011, action::fail_campaign, 0, 0, "payment terms not accepted"},
    {134100, 134100, action::fail_campaign, 0, 0, "not a marketing template"},
    {134101, 134101, action::pause_campaign, 0, 600, "template is being synced"},
    {134102, 134102, action::fail_campaign, 0, 0, "template not available on this endpoint"},
    {135000, 135000, action::fail_message, 0, 0, "generic refusal"},
    {137000, 137000, action::fail_message, 0, 0, "identity check failed"},
    {138000, 139999, action::fail_message, 0, 0, "calling, flow or blocking error"},
    {2388000, 2388999, action::fail_message, 0, 0, "template management error"},
    {2494100, 2494100, action::retry, 0, 0, "maintenance"},
};

}  // namespace detail

// The row for a code, or null for a code this version does not know.
[[nodiscard]] constexpr const provider_error* find_whatsapp_error(std::int64_t code) noexcept {
  const provider_error* low = std::begin(detail::whatsapp_error_table);
  const provider_error* high = std::end(detail::whatsapp_error_table);
  while (low != high) {
    const provider_error* middle = low + (high - low) / 2;
    if (code > middle->last) {
      low = middle + 1;
    } else if (code < middle->first) {
      high = middle;
    } else {
      return middle;
    }
  }
  return nullptr;
}

// What to do about an error envelope. Unknown codes: transient ones and server faults are retried, 429 slows down,
// everything else fails the message (and a run of equal failures should stop the campaign: the caller's breaker).
[[nodiscard]] constexpr action whatsapp_action(std::int64_t code, int http_status, bool is_transient) noexcept {
  if (const provider_error* known = find_whatsapp_error(code)) return known->what;
  if (is_transient) return action::retry;
  if (http_status == 429) return action::slow;
  return http_status >= 500 ? action::retry : action::fail_message;
}

// Throttling that is not of one number: of the app (4, 17, 32, 613) or of the business account.
[[nodiscard]] constexpr bool throttles_account(std::int64_t code) noexcept {
  return code == 4 || code == 17 || code == 32 || code == 613 || code == 80007 || code == 80008;
}

// The access token is wrong or expired: sending waits for a new one.
[[nodiscard]] constexpr bool is_token_error(std::int64_t code) noexcept { return code == 0 || code == 190; }

}  // namespace bulkmsg::channels
