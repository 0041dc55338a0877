// Senders: the identities that campaigns are sent from, and what the provider says of them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg {

// A sending identity. Secrets are given by name, "env:NAME" or "file:PATH"; only the name is stored, never the value.
struct sender_settings {
  std::string name = {};                   // unique in the store
  std::string channel = "whatsapp_cloud";  // "whatsapp_cloud", "telegram", or "chat": see channel_description
  std::string channel_description = {};    // "chat": JSON as in channels/chat.hpp, or the path of a file with it
  std::string origin = {};                 // empty: the channel's own; "http://" only for loopback
  std::string api_version = "v23.0";       // WhatsApp
  std::string phone_number_id = {};        // WhatsApp
  std::string business_account_id = {};    // WABA id; may be empty
  bool marketing_endpoint = false;         // WhatsApp: templates of category MARKETING go to /marketing_messages
  bool server_faults_refuse = true;        // WhatsApp: errors 1, 131000 and 131016 prove that a message was not taken,
                                           // which no source settles; false: such a message is unconfirmed
  std::string token = {};                  // name of the access token's secret
  std::string app_secret = {};             // name of the webhook signing secret; may be empty. While it is rotated:
                                           // several names, separated by blanks
  std::string verify_token = {};           // name of the webhook handshake secret; may be empty
  std::string agent = {};                  // the primary agent, whom campaigns are sent from
  std::string reply_to = {};               // agent or group who gets the replies; empty: the agent
  // As in pacing/limit.hpp: "80/s; 2000 recipients/24h; inbound=20%", or names of pacing/presets.hpp in place of a
  // limit: "whatsapp_standard; in-flight=64". WhatsApp: the word "provider" stands for what the provider's webhooks say
  // of the number and its account, as in pacing/provider_limits.hpp; what else is written is never raised. Empty: the
  // channel's own ("provider; in-flight=64").
  std::string limits = {};
  std::string time_zone = {};  // IANA, "Europe/Berlin": where its days begin and its hours are meant; empty: UTC
  // Senders that name the same one share their `recipients` limits: each of these holds for all of them together.
  std::string portfolio = {};
  int connections_max = 64;  // 1..1024
  std::chrono::milliseconds response_timeout{30'000};
  std::string tls_ca_file = {};    // PEM; empty: the system's store
  std::string opt_out_words = {};  // as in inbound/opt_out_words.hpp; empty: the usual ones in many languages
};

// The sender file of the command-line tool and the C ABI: a JSON object with the field names above
// (`response_timeout_ms` for the timeout; `channel_description` may be an object). Errors: json_malformed,
// unknown_option, bad_option_value.
[[nodiscard]] result<sender_settings> parse_sender_json(std::string_view json);

// What the provider says of a sender's number or account; `status` is "not described" when its channel's description
// does not say how to ask.
struct sender_health {
  std::string display_phone_number = {}, verified_name = {}, status = {}, quality = {}, throughput = {},
              messaging_limit = {};
};

}  // namespace bulkmsg
