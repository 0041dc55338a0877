// The sender file: a JSON object with the fields of sender_settings.
#include <simdjson.h>

#include "bulkmsg/records/senders.hpp"

namespace bulkmsg {

result<sender_settings> parse_sender_json(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (const auto problem = parser.parse(json.data(), json.size()).get(root); problem != simdjson::SUCCESS) {
    return fail(problem == simdjson::MEMALLOC ? errc::out_of_memory : errc::json_malformed,
                std::string("sender file: not a JSON object (") + simdjson::error_message(problem) + ")");
  }
  sender_settings made;
  const struct {
    std::string_view key;
    std::string sender_settings::*field;
  } texts[] = {
      {"name", &sender_settings::name},
      {"channel", &sender_settings::channel},
      {"origin", &sender_settings::origin},
      {"api_version", &sender_settings::api_version},
      {"phone_number_id", &sender_settings::phone_number_id},
      {"business_account_id", &sender_settings::business_account_id},
      {"token", &sender_settings::token},
      {"app_secret", &sender_settings::app_secret},
      {"verify_token", &sender_settings::verify_token},
      {"agent", &sender_settings::agent},
      {"reply_to", &sender_settings::reply_to},
      {"limits", &sender_settings::limits},
      {"time_zone", &sender_settings::time_zone},
      {"portfolio", &sender_settings::portfolio},
      {"tls_ca_file", &sender_settings::tls_ca_file},
      {"opt_out_words", &sender_settings::opt_out_words},
  };
  const auto wrong_type = [](std::string_view key, const char* wanted) {
    return fail(errc::bad_option_value, "sender file: '" + std::string(key) + "' must be " + wanted);
  };
  for (const auto [key, value] : root) {
    std::string_view text;
    std::int64_t number = 0;
    const auto* known =
        std::find_if(std::begin(texts), std::end(texts), [key = key](const auto& t) { return t.key == key; });
    if (known != std::end(texts)) {
      if (value.get(text) != simdjson::SUCCESS) return wrong_type(key, "a string");
      made.*(known->field) = text;
    } else if (key == "channel_description") {
      if (value.is_object()) {
        made.channel_description = simdjson::minify(value);
      } else if (value.get(text) == simdjson::SUCCESS) {
        made.channel_description = text;
      } else {
        return wrong_type(key, "an object or the path of a file");
      }
    } else if (key == "marketing_endpoint") {
      if (value.get(made.marketing_endpoint) != simdjson::SUCCESS) return wrong_type(key, "true or false");
    } else if (key == "server_faults_refuse") {
      if (value.get(made.server_faults_refuse) != simdjson::SUCCESS) return wrong_type(key, "true or false");
    } else if (key == "connections_max") {
      if (value.get(number) != simdjson::SUCCESS || number < 1 || number > 1024) return wrong_type(key, "1 to 1024");
      made.connections_max = static_cast<int>(number);
    } else if (key == "response_timeout_ms") {
      if (value.get(number) != simdjson::SUCCESS || number < 100 || number > 600'000) {
        return wrong_type(key, "100 to 600000");
      }
      made.response_timeout = std::chrono::milliseconds(number);
    } else {
      return fail(errc::unknown_option, "sender file: no field is named '" + std::string(key) +
                                            "'; known: name, channel, channel_description, origin, api_version, "
                                            "phone_number_id, business_account_id, marketing_endpoint, "
                                            "server_faults_refuse, token, app_secret, verify_token, agent, reply_to, "
                                            "limits, time_zone, portfolio, connections_max, response_timeout_ms, "
                                            "tls_ca_file, opt_out_words");
    }
  }
  if (made.name.empty()) return fail(errc::bad_option_value, "sender file: 'name' is missing; give the sender a name");
  return made;
}

}  // namespace bulkmsg
