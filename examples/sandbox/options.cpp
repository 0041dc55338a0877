#include "options.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "url.hpp"

namespace sandbox {
namespace {

constexpr const char* description =
    "bulkmsg-sandbox: a strict WhatsApp Cloud API server on loopback.\n\n"
    "It judges messages as the provider does, answers with its error codes, keeps its limits, sends signed webhooks\n"
    "and misbehaves on request. Point your client at http://127.0.0.1:PORT instead of https://graph.facebook.com.";

constexpr const char* manual = R"(Example:
  bulkmsg-sandbox --listen 127.0.0.1:8090 --token test:secret --log accepted.ndjson
  curl -H 'Authorization: Bearer secret' -H 'Content-Type: application/json' \
    http://127.0.0.1:8090/v23.0/106540352242922/messages -d '{"messaging_product":"whatsapp",
    "recipient_type":"individual","to":"+15550001111","type":"text","text":{"body":"Hello"}}'

What it serves (the version in front may be left out):
  POST /{version}/{phone-number-id}/messages            also marks as read
  POST /{version}/{phone-number-id}/marketing_messages  marketing templates only
  POST /{version}/{phone-number-id}/media               multipart, at most 100 MiB
  GET  /{version}/{media-id}                            DELETE too
  GET  /{version}/{waba-id}/message_templates           ?fields= &limit= &after= &name= &status= &language= &category=
  DELETE /{version}/{waba-id}/message_templates         ?name=: in all languages
  GET  /{version}/{waba-id}/phone_numbers
  GET  /{version}/{phone-number-id}                     ?fields=
  GET  /{version}/{template-id}                         ?fields=

Control, without a token:
  GET  /_sandbox/stats            counters as JSON; max_per_second is the most requests that arrived in any second
  POST /_sandbox/replay           sends all webhooks again; ?only=lost only those never answered 200
  POST /_sandbox/webhook-url      the body is the new URL; an empty one switches webhooks off
  POST /_sandbox/token            the body is the new token, which is fresh again
  POST /_sandbox/templates        a template, an array of them or a page: added, or in the place of those with the same
                                  name and language
  POST /_sandbox/template-status  {"name":"order_ready","status":"PAUSED"}; sends the webhook too
  POST /_sandbox/inbound          {"from":"+15550001111","text":"Hi","context":"wamid...","button":"payload"}; the last
                                  two if wanted, as are "list":"id of a choice" and "user_id"; opens the window in which
                                  free-form messages may be sent
  POST /_sandbox/webhook          {"field":"account_update","value":{...}}: any other webhook, such as
     {"field":"user_preferences","value":{"user_preferences":[{"wa_id":"15550001111","category":"marketing_messages",
      "value":"stop","timestamp":1800000000}]}}
     {"field":"message_template_quality_update","value":{"message_template_name":"order_ready",
      "message_template_language":"en_US","new_quality_score":"RED"}}
     {"field":"phone_number_quality_update","value":{"display_phone_number":"15550783881","event":"FLAGGED"}}
     {"field":"account_update","value":{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":
      "RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1800003600}]}}
  POST /_sandbox/faults           {"drop_after":0.1,"errors":"130429:0.2","latency":"20..80"}: any option of the groups
                                  Faults and Webhooks, with _ for -; {"off":true} ends all of them

The log has one line for each accepted message, written before any byte of the answer:
  {"time":1750030073123,"to":"+15550001111","wamid":"wamid...","callback":"...","body_sha256":"...","template":"..."}

Every decision of chance comes from --seed and the number of the request. The order in which a message request is
judged: drop-before, html-503, token, phone number id, JSON, message, window, rate, pair, unique, errors, then it is
accepted and logged, and then drop-after, accept-then-502, truncate.

Choices where the facts leave one: a value that is empty or has a newline, a tab or 5 blanks is 132018; a missing
parameter is 131008, a component that the template does not have 132012, a phone number that is none 131009.
SIGTERM and SIGINT stop it.)";

/// env:NAME, file:PATH or test:VALUE.
std::string read_secret(const std::string& source) {
  const std::string name = source.substr(std::min<std::size_t>(5, source.size()));
  if (source.starts_with("test:") && !name.empty()) return name;
  if (source.starts_with("env:") && source.size() > 4) {
    const char* value = std::getenv(source.substr(4).c_str());
    if (value == nullptr || *value == '\0') throw CLI::ValidationError(source, "is not set");
    return value;
  }
  if (source.starts_with("file:") && !name.empty()) {
    std::ifstream file(name);
    std::string value{std::istreambuf_iterator<char>(file), {}};
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
    if (value.empty()) throw CLI::ValidationError(source, "cannot be read or is empty");
    return value;
  }
  throw CLI::ValidationError("a secret is env:NAME, file:PATH or test:VALUE");
}

void read_listen(settings& out, const std::string& text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parse_count(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65535) throw CLI::ValidationError("--listen", "takes ADDRESS:PORT");
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!loopback_address(host)) throw CLI::ValidationError("--listen", "\"" + host + "\" is not a loopback address");
  out.listen_host = host;
  out.listen_port = static_cast<std::uint16_t>(*port);
}

}  // namespace

std::optional<settings> parse_options(int argc, char** argv, int& exit_code) {
  settings out;
  CLI::App app(description, "bulkmsg-sandbox");
  app.footer(manual);
  app.get_formatter()->column_width(34);

  const auto fault = [&](const char* option, const char* name, const char* type, const char* help, const char* group) {
    app.add_option_function<std::string>(
           option,
           [&out, name, option](const std::string& value) {
             try {
               out.misbehaviour.set(name, value);
             } catch (const std::invalid_argument& why) {
               throw CLI::ValidationError(option, why.what());
             }
           },
           help)
        ->type_name(type)
        ->group(group);
  };

  const char* group = "Server";
  app.add_option_function<std::string>(
         "--listen", [&](const std::string& text) { read_listen(out, text); },
         "Where to listen, loopback only; port 0 takes any free one [127.0.0.1:0]")
      ->type_name("ADDRESS:PORT")
      ->group(group);
  app.add_option("--port-file", out.port_file, "Written in one step once listening; holds the port")
      ->type_name("FILE")
      ->group(group);
  auto* cert = app.add_option("--tls-cert", out.tls_cert, "Serve HTTPS with this certificate chain (PEM)")
                   ->type_name("FILE")
                   ->check(CLI::ExistingFile)
                   ->group(group);
  auto* key = app.add_option("--tls-key", out.tls_key, "Its private key (PEM)")
                  ->type_name("FILE")
                  ->check(CLI::ExistingFile)
                  ->group(group);
  cert->needs(key);
  key->needs(cert);
  app.add_option("--log", out.log_file, "Append one JSON line for each accepted message")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--seed", out.seed, "Where all chance comes from [1]")->type_name("N")->group(group);
  app.add_flag("--minimal", out.minimal,
               "For benchmarks: every POST is answered 200 at once, with no check, log, limit or webhook")
      ->group(group);

  group = "Account";
  app.add_option_function<std::string>(
         "--token", [&](const std::string& from) { out.token = read_secret(from); },
         "The access token: env:NAME, file:PATH or test:VALUE [test:sandbox-token]")
      ->type_name("SECRET")
      ->group(group);
  app.add_option_function<std::string>(
         "--app-secret", [&](const std::string& from) { out.app_secret = read_secret(from); },
         "The key that signs webhooks, likewise [test:sandbox-secret]")
      ->type_name("SECRET")
      ->group(group);
  app.add_option("--expire-token-after", out.expire_token_after, "Answer 190 after this many message requests")
      ->type_name("N")
      ->group(group);
  app.add_option("--phone-number-id", out.phone_number_id, "[106540352242922]")->type_name("ID")->group(group);
  app.add_option("--waba-id", out.waba_id, "[102290129340398]")->type_name("ID")->group(group);
  app.add_option("--display-phone-number", out.display_phone_number, "The number itself, digits only [15550783881]")
      ->type_name("DIGITS")
      ->group(group);
  app.add_option(
         "--templates", out.template_files,
         "A template, an array of them or a page {\"data\":[...]}; may be repeated [order_ready and hello_world]")
      ->type_name("FILE")
      ->group(group);

  group = "Limits";
  app.add_option("--rate", out.rate, "Messages in any second; beyond it 130429")->type_name("N")->group(group);
  app.add_option("--throttle-status", out.throttle_status, "HTTP status of throttling codes, 400 or 429 [400]")
      ->type_name("STATUS")
      ->check(CLI::IsMember({400, 429}))
      ->group(group);
  app.add_flag("--pair-limit", out.pair_limit, "One message per 6 s to a recipient, 45 in advance; beyond it 131056")
      ->group(group);
  app.add_option("--unique-limit", out.unique_limit, "Recipients in any 24 hours; beyond it 131048")
      ->type_name("N")
      ->group(group);
  app.add_flag("--strict-window", out.strict_window, "Free-form only to who wrote in within 24 hours; else 131047")
      ->group(group);

  group = "Faults";
  fault("--latency", "latency", "MS..MS", "Delay of an answer", group);
  fault("--errors", "errors", "CODE:RATIO,...", "Refuse good messages with these codes", group);
  fault("--drop-before", "drop_before", "RATIO", "Reset the connection, nothing accepted", group);
  fault("--html-503", "html_503", "RATIO", "Answer 503 and HTML, nothing accepted", group);
  fault("--drop-after", "drop_after", "RATIO", "Accept, then reset the connection without an answer", group);
  fault("--accept-then-502", "accept_then_502", "RATIO", "Accept, then answer 502 and HTML", group);
  fault("--truncate", "truncate", "RATIO", "Accept, then answer half a body and close", group);
  fault("--expire-cursors", "expire_cursors", "N", "Refuse so many pages that are asked for by cursor with 131059",
        group);
  fault("--close-after", "close_after", "N", "Close a connection after this many requests", group);

  group = "Webhooks";
  app.add_option_function<std::string>(
         "--webhook-url",
         [&](const std::string& url) {
           if (!parse_loopback_url(url))
             throw CLI::ValidationError("--webhook-url", "takes http://127.0.0.1:PORT/path");
           out.webhook_url = url;
         },
         "Where to post webhooks, loopback only")
      ->type_name("URL")
      ->group(group);
  app.add_option("--webhook-batch", out.webhook_batch, "At most this many statuses in one body [50]")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->group(group);
  app.add_option("--webhook-connections", out.webhook_connections, "[4]")
      ->type_name("N")
      ->check(CLI::Range(1, 64))
      ->group(group);
  app.add_option("--webhook-attempts", out.webhook_attempts, "Tries before a webhook counts as lost [100]")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->group(group);
  fault("--webhook-delay", "webhook_delay", "MS..MS", "Before sent, and again before each further status [5..50]",
        group);
  fault("--delivered-ratio", "delivered_ratio", "RATIO", "Of the messages sent [1]", group);
  fault("--read-ratio", "read_ratio", "RATIO", "Of the messages delivered [0.5]", group);
  fault("--undelivered", "undelivered", "CODE:RATIO,...", "Accepted, later failed with these codes", group);
  fault("--webhook-lose", "webhook_lose", "RATIO", "Webhooks not sent, kept for replay", group);
  fault("--webhook-late", "webhook_late", "RATIO", "Webhooks held back until replay", group);
  fault("--webhook-duplicate", "webhook_duplicate", "RATIO", "Webhooks sent twice", group);
  app.add_flag("--webhook-shuffle", out.misbehaviour.webhook_shuffle, "Statuses overtake each other")->group(group);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& why) {
    exit_code = app.exit(why);
    return std::nullopt;
  }
  return out;
}

}  // namespace sandbox
