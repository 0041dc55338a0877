// Reads the WhatsApp Cloud API's answers: was the message accepted, refused, or is nothing proved?
//
// The rule that keeps anyone from getting a message twice: accepted only by a 2xx with a message id, refused only by a
// complete error envelope; everything else (HTML, empty or truncated bodies, a 2xx without an id) proves nothing.
// Costs a simdjson include.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/answer.hpp"
#include "bulkmsg/channels/kept_parser.hpp"
#include "bulkmsg/channels/whatsapp_errors.hpp"

namespace bulkmsg::channels {

struct answer_rules {
  // Whether envelopes of codes 1, 131000 and 131016 prove that the message was not accepted: an assumption, no source
  // settles it. Without it they are unproven.
  bool server_faults_refuse = true;
};

struct number_health {
  std::string id;
  std::string display_phone_number;
  std::string verified_name;
  std::string quality_rating;               // GREEN, YELLOW, RED, UNKNOWN
  std::string status;                       // CONNECTED is good
  std::string throughput_level;             // STANDARD, HIGH, NOT_APPLICABLE
  std::string messaging_limit_tier;         // TIER_2K ...
  std::uint32_t messages_per_second = 80;   // by level; inbound counts too
  std::int64_t unique_users_per_day = 250;  // by tier; -1: unlimited; unknown tiers are read as the smallest
};

// Holds the parser, whose buffers are reused. Thread: one at a time per object.
class answer_reader {
 public:
  explicit answer_reader(answer_rules rules = {}) : rules_(rules) {}

  // The texts of the result are views that stay valid until the next call. Never fails but for want of memory
  // (std::bad_alloc; it may be tried again): what cannot be read is unproven.
  answer classify(int http_status, std::string_view body) {
    answer read;
    simdjson::dom::object root;
    if (parser_.parse(body).get(root) != simdjson::SUCCESS) return read;
    if (http_status >= 200 && http_status < 300) {
      read_acceptance(root, read);
    } else if (http_status >= 400) {
      if (from_the_provider(root, http_status)) read_refusal(root, http_status, read);
    }
    return read;
  }

  // The answer of GET {phone number id} with the fields of request_encoder::health_path(). Errors: token_rejected,
  // provider_refused (both with provider_code), provider_unreadable.
  result<number_health> parse_number_health(int http_status, std::string_view body) {
    simdjson::dom::object root;
    if (parser_.parse(body).get(root) != simdjson::SUCCESS) return unreadable(http_status);
    if (http_status < 200 || http_status >= 300) return refusal(root, http_status);
    number_health health;
    copy(root, "id", health.id);
    if (health.id.empty()) return unreadable(http_status);
    copy(root, "display_phone_number", health.display_phone_number);
    copy(root, "verified_name", health.verified_name);
    copy(root, "quality_rating", health.quality_rating);
    copy(root, "status", health.status);
    copy(root, "whatsapp_business_manager_messaging_limit", health.messaging_limit_tier);
    if (health.messaging_limit_tier.empty()) copy(root, "messaging_limit_tier", health.messaging_limit_tier);
    if (simdjson::dom::object level; root["throughput"].get(level) == simdjson::SUCCESS) {
      copy(level, "level", health.throughput_level);
    }
    if (health.throughput_level == "HIGH") health.messages_per_second = 1000;
    health.unique_users_per_day = tier_users(health.messaging_limit_tier);
    return health;
  }

  // The error for an answer that is not the expected 2xx: token_rejected, provider_refused or provider_unreadable.
  error explain(int http_status, std::string_view body) {
    simdjson::dom::object root;
    if (parser_.parse(body).get(root) != simdjson::SUCCESS) return unreadable(http_status).value();
    return refusal(root, http_status).value();
  }

 private:
  static std::string_view text(simdjson::dom::object from, std::string_view key) noexcept {
    std::string_view value;
    return from[key].get(value) == simdjson::SUCCESS ? value : std::string_view();
  }
  static void copy(simdjson::dom::object from, std::string_view key, std::string& into) { into = text(from, key); }

  static void read_acceptance(simdjson::dom::object root, answer& read) noexcept {
    simdjson::dom::array messages;
    simdjson::dom::object message;
    if (root["messages"].get(messages) != simdjson::SUCCESS) return;
    if (messages.at(0).get(message) != simdjson::SUCCESS) return;
    read.message_id = text(message, "id");
    if (read.message_id.empty()) return;
    read.what = answer::kind::accepted;
    read.message_status = text(message, "message_status");
    simdjson::dom::array contacts;
    simdjson::dom::object contact;
    if (root["contacts"].get(contacts) == simdjson::SUCCESS && contacts.at(0).get(contact) == simdjson::SUCCESS) {
      read.wa_id = text(contact, "wa_id");
    }
  }

  // A gateway's own JSON error looks much the same and proves nothing: a 504 is the classic "accepted, answer lost".
  // The provider's has a type and a trace id (facts 2.1); below 500, where gateways do not pass on, either will do.
  static bool from_the_provider(simdjson::dom::object root, int http_status) noexcept {
    simdjson::dom::object envelope;
    if (root["error"].get(envelope) != simdjson::SUCCESS) return false;
    const bool has_type = !text(envelope, "type").empty();
    const bool has_trace = !text(envelope, "fbtrace_id").empty();
    return http_status >= 500 || http_status == 408 ? has_type && has_trace : has_type || has_trace;
  }

  void read_refusal(simdjson::dom::object root, int http_status, answer& read) const noexcept {
    simdjson::dom::object envelope;
    std::int64_t code = 0;
    if (root["error"].get(envelope) != simdjson::SUCCESS) return;
    if (envelope["code"].get(code) != simdjson::SUCCESS) return;
    if (code < std::numeric_limits<std::int32_t>::min() || code > std::numeric_limits<std::int32_t>::max()) return;
    if (!rules_.server_faults_refuse && (code == 1 || code == 131000 || code == 131016)) return;
    bool transient = false;
    if (envelope["is_transient"].get(transient) != simdjson::SUCCESS) transient = false;
    read.what = answer::kind::refused;
    read.provider_code = static_cast<std::int32_t>(code);
    read.next = whatsapp_action(code, http_status, transient);
    read.of_account = throttles_account(code);
    if (const provider_error* known = find_whatsapp_error(code)) {
      read.wait = known->wait_s * second;
      read.retries_max = known->retries_max;
      read.about = known->about;
    }
    read.title = text(envelope, "message");
    // error_data is an object, now and then a plain string.
    if (simdjson::dom::object data; envelope["error_data"].get(data) == simdjson::SUCCESS) {
      read.details = text(data, "details");
    } else {
      read.details = text(envelope, "error_data");
    }
  }

  static tl::unexpected<error> unreadable(int http_status) {
    return fail(errc::provider_unreadable,
                "provider: HTTP " + std::to_string(http_status) +
                    " with a body that is not the expected JSON; check the address of the API");
  }

  tl::unexpected<error> refusal(simdjson::dom::object root, int http_status) const {
    answer read;
    read_refusal(root, http_status, read);
    if (read.what != answer::kind::refused) return unreadable(http_status);
    std::string message = "provider: " + std::string(read.title.empty() ? "refused" : read.title);
    if (const provider_error* known = find_whatsapp_error(read.provider_code)) {
      message += " (" + std::to_string(read.provider_code) + ": " + std::string(known->meaning) + ")";
    }
    const bool token = is_token_error(read.provider_code);
    if (token) message += "; set a new access token";
    return fail(error{token ? errc::token_rejected : errc::provider_refused, message, read.provider_code, 0});
  }

  static std::int64_t tier_users(std::string_view tier) noexcept {
    if (tier == "TIER_UNLIMITED") return -1;
    if (tier == "TIER_100K") return 100'000;
    if (tier == "TIER_10K") return 10'000;
    if (tier == "TIER_2K") return 2'000;
    if (tier == "TIER_1K") return 1'000;
    return tier == "TIER_50" ? 50 : 250;
  }

  kept_parser parser_;
  answer_rules rules_;
};

}  // namespace bulkmsg::channels
