#include "config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <memory>

#include "bulkmsg/credits/plan.hpp"
#include "guard.hpp"
#include "json.hpp"

namespace bulkmsg::capi {

namespace {

enum class option_type : std::uint8_t {
  text,
  word,
  boolean,
  integer
};

struct option {
  std::int32_t kind;
  std::string_view key;  // a `*` at the end stands for any further name
  option_type type;
  std::string_view words;  // of a `word`, one `|` between two
  std::int64_t low, high;  // of an `integer`
  std::string_view fallback;
  bool required;
  std::string_view description;
};

constexpr std::int64_t any_id = std::numeric_limits<std::int64_t>::max();
using enum option_type;

constexpr std::array options{
    option{BULKMSG_CONFIG_ENGINE, "path", text, "", 0, 0, "", true, "The store file."},
    option{BULKMSG_CONFIG_ENGINE, "mode", word, "run|read|post", 0, 0, "run", false,
           "run: sends, one process at a time; read: looks only; post: takes webhooks and posts commands beside the "
           "process that runs."},
    option{BULKMSG_CONFIG_ENGINE, "create", boolean, "", 0, 0, "true", false,
           "Mode run: make the file when it is missing."},
    option{BULKMSG_CONFIG_ENGINE, "send", boolean, "", 0, 0, "true", false,
           "Mode run: false opens and recovers but sends nothing."},
    option{BULKMSG_CONFIG_ENGINE, "progress_max", integer, "", 0, 1'000'000, "8192", false,
           "Messages that the progress ring holds; older ones collapse into a resync."},

    option{BULKMSG_CONFIG_CAMPAIGN, "name", text, "", 0, 0, "", true, "What people call the campaign."},
    option{BULKMSG_CONFIG_CAMPAIGN, "sender", integer, "", 1, any_id, "", true, "Id of the sender."},
    option{BULKMSG_CONFIG_CAMPAIGN, "template", integer, "", 1, any_id, "", true, "Id of the template."},
    option{BULKMSG_CONFIG_CAMPAIGN, "account", integer, "", 0, any_id, "0", false,
           "Id of the account that pays; 0: none, sending is metered only."},
    option{BULKMSG_CONFIG_CAMPAIGN, "credits_per_message", integer, "", 1, 1000, "1", false,
           "Price of one message; see bulkmsg_account_price()."},
    option{BULKMSG_CONFIG_CAMPAIGN, "agent", text, "", 0, 0, "", false, "Who it is sent from; empty: the sender's."},
    option{BULKMSG_CONFIG_CAMPAIGN, "reply_to", text, "", 0, 0, "", false,
           "Who gets the replies; empty: the sender's."},
    option{BULKMSG_CONFIG_CAMPAIGN, "require_consent", word, "auto|true|false", 0, 0, "auto", false,
           "Whether recipients need a known or stated consent; auto: those of MARKETING templates do."},
    option{BULKMSG_CONFIG_CAMPAIGN, "content_rules", text, "", 0, 0, "", false,
           "Words and links to warn of or to block, a rule a line."},
    option{BULKMSG_CONFIG_CAMPAIGN, "map.*", text, "", 0, 0, "", false,
           "The column that fills a place of the template, for example map.body.1 = first_name; without it the "
           "default column, for body.1 param1."},

    option{BULKMSG_CONFIG_ACCOUNT, "name", text, "", 0, 0, "", true, "Unique in the store."},
    option{BULKMSG_CONFIG_ACCOUNT, "per_user_credits", integer, "", 0, credits::per_user_credits_max, "3000", false,
           "Credits a month for each user and each additional phone."},
    option{BULKMSG_CONFIG_ACCOUNT, "users", integer, "", 0, credits::seats_max, "1", false, "Users."},
    option{BULKMSG_CONFIG_ACCOUNT, "additional_phones", integer, "", 0, credits::seats_max, "0", false,
           "Phones beyond the first, which is free and adds no credits."},
    option{BULKMSG_CONFIG_ACCOUNT, "topup_price_micros", integer, "", 0, credits::topup_price_micros_max, "6000", false,
           "Price of a bought credit in micro-dollars."},
    option{BULKMSG_CONFIG_ACCOUNT, "billing_day", integer, "", 1, 31, "1", false,
           "Day of the month on which monthly credits begin anew; in shorter months the last day."},
    option{BULKMSG_CONFIG_ACCOUNT, "time_zone", text, "", 0, 0, "UTC", false,
           "IANA name of the zone in which the billing day begins, for example Europe/Berlin."},

    option{BULKMSG_CONFIG_START, "idempotency_key", text, "", 0, 0, "", false,
           "Made by the caller: starting again under the same key runs once."},
    option{BULKMSG_CONFIG_START, "expected_hash", text, "", 0, 0, "", false,
           "Refuse when the plan's hash is another, for example than that of the dry run people approved."},

    option{BULKMSG_CONFIG_IMPORT, "delimiter", word, "auto|comma|semicolon|bar|tab", 0, 0, "auto", false,
           "What separates the cells of a CSV; auto: the one that its header row holds most of."},
    option{BULKMSG_CONFIG_IMPORT, "default_region", text, "", 0, 0, "", false,
           "ISO 3166 code of the country that numbers without a country code are from, for example DE."},
    option{BULKMSG_CONFIG_IMPORT, "columns", text, "", 0, 0, "", false,
           "JSON: the keys to take, separated by commas; empty: those of the first object."},

    option{BULKMSG_CONFIG_CONTACTS, "labels", text, "", 0, 0, "", false,
           "Given to every contact, separated by semicolons."},
    option{BULKMSG_CONFIG_CONTACTS, "group", text, "", 0, 0, "", false,
           "A static group that they join; made when missing."},
    option{BULKMSG_CONFIG_CONTACTS, "consent_source", text, "", 0, 0, "", false,
           "They have agreed to marketing, and this is where; empty: nothing is said."},
    option{BULKMSG_CONFIG_CONTACTS, "test", boolean, "", 0, 0, "false", false, "Marks them as test contacts."},
    option{BULKMSG_CONFIG_CONTACTS, "sandbox", boolean, "", 0, 0, "false", false, "Marks them as sandbox contacts."},

    option{BULKMSG_CONFIG_TEMPLATES, "business_account_id", text, "", 0, 0, "", false, "Only this account's."},
    option{BULKMSG_CONFIG_TEMPLATES, "name", text, "", 0, 0, "", false, "Only those of this name."},
    option{BULKMSG_CONFIG_TEMPLATES, "language", text, "", 0, 0, "", false, "Only those in this language."},
    option{BULKMSG_CONFIG_TEMPLATES, "status", text, "", 0, 0, "", false,
           "Only those of this state, for example APPROVED."},
    option{BULKMSG_CONFIG_TEMPLATES, "gone", boolean, "", 0, 0, "false", false,
           "Also those that the provider no longer lists."},

    option{BULKMSG_CONFIG_MEDIA, "kind", word, "auto|image|video|audio|document|sticker", 0, 0, "auto", false,
           "What it is sent as; auto: whatever the bytes usually are."},
    option{BULKMSG_CONFIG_MEDIA, "mime", text, "", 0, 0, "", false,
           "Type of a document that is not known by its bytes."},
    option{BULKMSG_CONFIG_MEDIA, "name", text, "", 0, 0, "", false, "A file name for bytes that come from no file."},

    option{BULKMSG_CONFIG_MESSAGES, "state", word, "any|queued|retry|accepted|refused|unconfirmed|skipped|attempting",
           0, 0, "any", false, "Only messages in this state."},
    option{BULKMSG_CONFIG_MESSAGES, "undelivered", boolean, "", 0, 0, "false", false,
           "Only accepted messages that a receipt failed."},

    option{BULKMSG_CONFIG_PREVIEW, "map.*", text, "", 0, 0, "", false,
           "As of a campaign: the column that fills a place of the content."},
};

// Longest text accepted; far above any name, path or key.
constexpr std::size_t value_bytes_max = 4096;

bool names(const option& o, std::string_view key) {
  if (!o.key.ends_with('*')) return o.key == key;
  const std::string_view prefix = o.key.substr(0, o.key.size() - 1);
  return key.size() > prefix.size() && key.starts_with(prefix);
}

const option* find(std::int32_t kind, std::string_view key) {
  const auto* found =
      std::find_if(options.begin(), options.end(), [&](const option& o) { return o.kind == kind && names(o, key); });
  return found == options.end() ? nullptr : found;
}

bool is_one_of(std::string_view words, std::string_view value) {
  if (value.empty() || value.find('|') != std::string_view::npos) return false;
  const std::string between = "|" + std::string(words) + "|";
  return between.find("|" + std::string(value) + "|") != std::string::npos;
}

bool parse(std::string_view value, std::int64_t& number) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size();
}

std::string allowed(const option& o) {
  switch (o.type) {
    case text:
      return (o.required ? "text of 1 to " : "text of up to ") + std::to_string(value_bytes_max) + " bytes without NUL";
    case word:
      return std::string(o.words);
    case boolean:
      return "true|false";
    case integer:
      return std::to_string(o.low) + ".." + std::to_string(o.high);
  }
  return {};
}

bool accepts(const option& o, std::string_view value) {
  switch (o.type) {
    case text:
      return value.size() <= value_bytes_max && (!value.empty() || !o.required) &&
             value.find('\0') == std::string_view::npos;
    case word:
      return is_one_of(o.words, value);
    case boolean:
      return value == "true" || value == "false";
    case integer: {
      std::int64_t number = 0;
      return parse(value, number) && number >= o.low && number <= o.high;
    }
  }
  return false;
}

std::string_view name(option_type type) {
  constexpr std::array<std::string_view, 4> type_names{"text", "word", "boolean", "integer"};
  return type_names[static_cast<std::size_t>(type)];
}

// Foreign text for a message: bounded, and printable whatever it is.
std::string shown(std::string_view value) {
  std::string out;
  for (const char c : value.substr(0, 64)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

std::string keys_of(std::int32_t kind) {
  std::string keys;
  for (const option& o : options) {
    if (o.kind != kind) continue;
    if (!keys.empty()) keys += ", ";
    keys += o.key;
  }
  return keys;
}

}  // namespace

bool is_config_kind(std::int32_t kind) noexcept {
  return std::any_of(options.begin(), options.end(), [&](const option& o) { return o.kind == kind; });
}

std::string describe_options(std::int32_t kind) {
  json_writer json;
  json.open('[');
  for (const option& o : options) {
    if (o.kind != kind) continue;
    json.open('{').field("key", o.key).field("type", name(o.type)).field("allowed", allowed(o));
    json.field("default", o.fallback).key("required").boolean(o.required).field("description", o.description);
    json.close('}');
  }
  return json.close(']').take();
}

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::errc;

bulkmsg::result<void> bulkmsg_config::set(std::string_view key, std::string_view value) {
  const option* o = find(kind_, key);
  if (o == nullptr) {
    return bulkmsg::fail(errc::unknown_option, "no option is named '" + shown(key) + "'; there are " + keys_of(kind_));
  }
  if (!accepts(*o, value)) {
    return bulkmsg::fail(errc::bad_option_value,
                         "option '" + shown(key) + "' may be " + allowed(*o) + ", not '" + shown(value) + "'");
  }
  values_.insert_or_assign(std::string(key), std::string(value));
  return {};
}

bulkmsg::result<void> bulkmsg_config::check(std::int32_t kind) const {
  if (kind_ != kind) throw bad_argument{"config", "is of another kind than this call takes"};
  for (const option& o : options) {
    if (o.kind == kind && o.required && !values_.contains(o.key)) {
      return bulkmsg::fail(errc::bad_option_value,
                           "option '" + std::string(o.key) + "' is not set: " + std::string(o.description));
    }
  }
  return {};
}

std::string bulkmsg_config::text(std::string_view key) const {
  const auto found = values_.find(key);
  return found != values_.end() ? found->second : std::string(find(kind_, key)->fallback);
}

std::int64_t bulkmsg_config::integer(std::string_view key) const {
  std::int64_t number = 0;
  parse(text(key), number);
  return number;
}

std::vector<std::pair<std::string, std::string>> bulkmsg_config::under(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> found;
  for (auto at = values_.lower_bound(prefix); at != values_.end() && at->first.starts_with(prefix); ++at) {
    found.emplace_back(at->first.substr(prefix.size()), at->second);
  }
  return found;
}

extern "C" {

bulkmsg_status bulkmsg_config_create(int32_t kind, bulkmsg_config** out_config, bulkmsg_error** err) {
  clear(out_config);
  return guarded(err, [&]() -> bulkmsg::result<void> {
    bulkmsg_config*& out = needed(out_config, "out_config");
    if (!is_config_kind(kind)) throw bad_argument{"kind", "is not one of BULKMSG_CONFIG_*"};
    out = new bulkmsg_config(kind);
    return {};
  });
}

bulkmsg_status bulkmsg_config_set(bulkmsg_config* config, const char* key, size_t key_len, const char* value,
                                  size_t value_len, bulkmsg_error** err) {
  return guarded(
      err, [&] { return needed(config, "config").set(input(key, key_len, "key"), input(value, value_len, "value")); });
}

bulkmsg_status bulkmsg_config_describe(int32_t kind, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return guarded(err, [&]() -> bulkmsg::result<void> {
    bulkmsg_text*& out = needed(out_json, "out_json");
    if (!is_config_kind(kind)) throw bad_argument{"kind", "is not one of BULKMSG_CONFIG_*"};
    out = new bulkmsg_text{describe_options(kind)};
    return {};
  });
}

void bulkmsg_config_destroy(bulkmsg_config* config) { delete config; }

}  // extern "C"
