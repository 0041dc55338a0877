#include "config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <memory>

#include "guard.hpp"
#include "json.hpp"
#include "option_table.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

std::size_t bytes_max(const option& o) { return o.high > 0 ? static_cast<std::size_t>(o.high) : option_text_max; }

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
      return (o.required ? "text of 1 to " : "text of up to ") + std::to_string(bytes_max(o)) + " bytes without NUL";
    case word:
      return std::string(o.words);
    case boolean:
      return "true|false";
    case integer:
      return std::to_string(o.low) + ".." + std::to_string(o.high);
    case integers:
      return "numbers of " + std::to_string(o.low) + ".." + std::to_string(o.high) + " separated by commas";
  }
  return {};
}

bool accepts(const option& o, std::string_view value) {
  switch (o.type) {
    case text:
      return value.size() <= bytes_max(o) && (!value.empty() || !o.required) &&
             value.find('\0') == std::string_view::npos;
    case word:
      return is_one_of(o.words, value);
    case boolean:
      return value == "true" || value == "false";
    case integer: {
      std::int64_t number = 0;
      return parse(value, number) && number >= o.low && number <= o.high;
    }
    case integers: {
      const auto each = bulkmsg_config::integers_in(value);
      return value.size() <= option_text_max && each &&
             std::all_of(each->begin(), each->end(), [&](std::int64_t n) { return n >= o.low && n <= o.high; });
    }
  }
  return false;
}

std::string_view name(option_type type) {
  constexpr std::array<std::string_view, 5> type_names{"text", "word", "boolean", "integer", "integers"};
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
  return keys.empty() ? "none" : keys;
}

}  // namespace

bool is_config_kind(std::int32_t kind) noexcept {
  if (kind >= BULKMSG_LIST_TEMPLATES && kind <= BULKMSG_LIST_CONSENT_LOG) return true;  // some have no options
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

std::optional<std::vector<std::int64_t>> bulkmsg_config::integers_in(std::string_view text) {
  std::vector<std::int64_t> found;
  for (const std::string& item : items(text, ",")) {
    std::int64_t number = 0;
    if (!parse(item, number)) return std::nullopt;
    found.push_back(number);
  }
  return found;
}

std::vector<std::int64_t> bulkmsg_config::integers(std::string_view key) const {
  return integers_in(text(key)).value_or(std::vector<std::int64_t>{});
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
