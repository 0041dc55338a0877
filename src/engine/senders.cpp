// Senders: put into the store, asked about at the provider; and the channel that each of them speaks.
#include <fstream>
#include <future>

#include "bulkmsg/channels/chat_channel.hpp"
#include "bulkmsg/channels/chat_json.hpp"
#include "bulkmsg/channels/telegram.hpp"
#include "bulkmsg/channels/whatsapp_channel.hpp"
#include "bulkmsg/inbound/opt_out_words.hpp"
#include "bulkmsg/pacing/presets.hpp"
#include "bulkmsg/pacing/provider_limits.hpp"
#include "engine/impl.hpp"
#include "engine/secrets.hpp"
#include "net/http_client.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

constexpr std::string_view whatsapp = "whatsapp_cloud";

std::string host_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  if (scheme != std::string_view::npos) origin.remove_prefix(scheme + 3);
  while (origin.ends_with('/')) origin.remove_suffix(1);
  return std::string(origin);
}

// The description itself, where a path was given instead of JSON.
result<std::string> description_text(const std::string& given) {
  const auto first = given.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && given[first] == '{') return given;
  std::ifstream in(given, std::ios::binary);
  std::string text(channels::chat_description_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.empty()) {
    return fail(errc::file_unreadable,
                "sender: channel_description is neither a JSON object nor the path of a file that can be read");
  }
  return text;
}

}  // namespace

bool speaks_whatsapp(const sender_settings& settings) { return settings.channel == whatsapp; }

result<channels::chat_description> chat_description_of(const sender_settings& settings) {
  return channels::parse_chat_description(settings.channel == "telegram" ? channels::telegram_description
                                                                         : settings.channel_description);
}

result<sender_settings> completed(sender_settings settings) {
  if (speaks_whatsapp(settings)) {
    if (!settings.channel_description.empty()) {
      return fail(errc::bad_option_value, "sender: WhatsApp needs no channel_description; leave it out");
    }
    if (settings.origin.empty()) settings.origin = "https://graph.facebook.com";
    if (settings.limits.empty()) settings.limits = "provider; in-flight=64";
    settings.limits = pacing::with_presets(settings.limits);
    // The provider's messaging limit is that of all numbers of the business together.
    if (pacing::follows_provider(settings.limits) && settings.portfolio.empty()) {
      settings.portfolio = settings.business_account_id;
    }
    return settings;
  }
  if (settings.channel == "chat") {
    auto text = description_text(settings.channel_description);
    if (!text) return fail(text.error());
    settings.channel_description = std::move(*text);
  } else if (settings.channel != "telegram") {
    return fail(errc::bad_option_value,
                "sender: 'channel' must be whatsapp_cloud, telegram, or chat with a "
                "channel_description");
  } else if (!settings.channel_description.empty()) {
    return fail(errc::bad_option_value,
                "sender: Telegram is described already; for another description of it say "
                "\"channel\": \"chat\"");
  }
  if (settings.marketing_endpoint) {
    return fail(errc::bad_option_value, "sender: only WhatsApp has a marketing_endpoint; leave it out");
  }
  auto described = chat_description_of(settings);
  if (!described) return fail(described.error());
  if (settings.origin.empty()) settings.origin = described->origin;
  if (settings.limits.empty()) settings.limits = described->limits;
  for (const auto& [value, field] : {std::pair(&settings.origin, "origin"), {&settings.limits, "limits"}}) {
    if (value->empty()) {
      return fail(errc::bad_option_value, "sender: '" + std::string(field) +
                                              "' is missing, and the description of "
                                              "channel '" +
                                              described->name + "' gives none");
    }
  }
  settings.limits = pacing::with_presets(settings.limits);
  return settings;
}

result<void> fit_to_channel(recipients::address_rules& rules, const sender_settings& settings) {
  using enum recipients::address_kind;
  if (speaks_whatsapp(settings)) {
    rules.bare = phone;
    rules.allowed = recipients::address_kinds::only(phone).with(group).with(user);
    return {};
  }
  const auto described = chat_description_of(settings);
  if (!described) return fail(described.error());
  rules.bare = described->reaches("phone") ? phone : chat;
  rules.allowed = recipients::address_kinds::only(rules.bare);
  for (const auto& [kind, word] : {std::pair(group, "group"), {user, "user"}, {chat, "chat"}}) {
    if (described->reaches(word)) rules.allowed = rules.allowed.with(kind);
  }
  return {};
}

result<channels::request_encoder> make_encoder(const sender_settings& settings) {
  if (!speaks_whatsapp(settings)) {
    return fail(errc::invalid_argument,
                "sender '" + settings.name + "' speaks " + settings.channel + ", and only WhatsApp knows this");
  }
  auto token = resolve_secret(settings.token, "access token");
  if (!token) return fail(token.error());
  return channels::request_encoder::make({.host = host_of(settings.origin),
                                          .api_version = settings.api_version,
                                          .phone_number_id = settings.phone_number_id,
                                          .access_token = *token});
}

result<std::unique_ptr<channels::channel>> make_channel(const sender_settings& settings) {
  if (speaks_whatsapp(settings)) {
    auto encoder = make_encoder(settings);
    if (!encoder) return fail(encoder.error());
    return std::make_unique<channels::whatsapp_channel>(
        std::move(*encoder), channels::answer_rules{.server_faults_refuse = settings.server_faults_refuse});
  }
  auto described = chat_description_of(settings);
  if (!described) return fail(described.error());
  std::string secret;
  if (described->uses_token()) {
    auto token = resolve_secret(settings.token, "access token");
    if (!token) return fail(token.error());
    secret = std::move(*token);
  }
  return channels::chat_channel::make(std::move(*described), host_of(settings.origin), secret);
}

result<sender_id> engine::put_sender(const sender_settings& given) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (given.name.empty()) return fail(errc::bad_option_value, "sender: 'name' is empty; give it a name");
  auto whole = completed(given);
  if (!whole) return fail(whole.error());
  const auto& settings = *whole;
  if (auto pacing = check_pacing(settings); !pacing) return fail(pacing.error());
  if (auto channel = make_channel(settings); !channel) return fail(channel.error());
  for (const auto& name : secret_names(settings.app_secret)) {
    if (auto secret = resolve_secret(name, "app secret"); !secret) return fail(secret.error());
  }
  if (auto words = inbound::opt_out_words::parse(settings.opt_out_words); !words) return fail(words.error());
  if (auto wire = net::check_http_client(wire_options(settings)); !wire) return fail(wire.error());
  std::int64_t id = 0;
  auto stored = self_->writer_->run([&](store::database& db) {
    // Its campaigns' addresses are of the channel they were made for.
    if (db.number("SELECT count(*) FROM senders s JOIN campaign_senders c ON c.sender = s.id WHERE s.name = ?1 AND "
                  "s.channel <> ?2",
                  settings.name, settings.channel) != 0) {
      throw store::store_error{error{
          errc::conflict,
          "sender '" + settings.name + "' has campaigns over another channel; give the new one another name", 0, 0}};
    }
    id = store::put_sender(db, settings);
  });
  if (!stored) return fail(stored.error());
  self_->load_secrets();
  if (self_->options_.send) self_->io_->post([self = self_.get(), id] { self->renew_sender(id); });
  return sender_id{id};
}

namespace {

result<sender_health> ask_for_health(call_desk& desk, const sender_settings& settings) {
  auto channel = make_channel(settings);
  if (!channel) return fail(channel.error());
  if (std::string probe; !(*channel)->encode_health(probe)) return sender_health{.status = "not described"};
  auto call = provider_call::begin(desk, settings, {});
  if (!call) return fail(call.error());
  auto got = (*call)->ask([&](std::string& into) -> result<void> {
    static_cast<void>((*channel)->encode_health(into));
    return {};
  });
  auto health =
      got ? (*channel)->read_health(got->status, got->body) : result<channels::account_health>(fail(got.error()));
  if (!health) {
    auto why = health.error();
    why.message = (*channel)->without_token(why.message);
    return fail(why);
  }
  return sender_health{.display_phone_number = health->number,
                       .verified_name = health->name,
                       .status = health->status,
                       .quality = health->quality,
                       .throughput = health->throughput,
                       .messaging_limit = health->messaging_limit};
}

}  // namespace

result<sender_health> engine::check_sender(const sender_settings& settings) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto whole = completed(settings);
  if (!whole) return fail(whole.error());
  return ask_for_health(self_->desk_, *whole);
}

result<sender_health> engine::check_sender(sender_id sender) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto settings = self_->read([&](store::database& db) { return store::read_sender(db, sender.value); });
  if (!settings) return fail(settings.error());
  return ask_for_health(self_->desk_, *settings);
}

}  // namespace bulkmsg
