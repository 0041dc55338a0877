// Contacts, segments, consent and suppression.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "bulkmsg/recipients/list.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "rows.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

std::vector<std::string> items(std::string_view text, std::string_view separators) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (const std::string_view item = recipients::detail::trimmed(text.substr(0, end)); !item.empty()) {
      found.emplace_back(item);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

namespace {

using recipients::attribute_type;

contacts_import contacts_import_of(const optional_config& given) {
  return {.labels = items(given->text("labels"), ";"),
          .group = given->text("group"),
          .consent_source = given->text("consent_source"),
          .test = given->boolean("test"),
          .sandbox = given->boolean("sandbox")};
}

std::string in_json(const contacts_report& r) {
  json_writer json;
  json.open('{').field("rows", r.rows).field("added", r.added).field("updated", r.updated);
  json.field("rejected", r.rejected).key("problems");
  return json.raw(array(r.problems)).close('}').take();
}

consent_scope scope_of(const char* scope, std::size_t length) {
  const std::string_view word = input(scope, length, "scope");
  if (word == name(consent_scope::marketing)) return consent_scope::marketing;
  if (word == name(consent_scope::all)) return consent_scope::all;
  throw bad_argument{"scope", "is neither \"all\" nor \"marketing\""};
}

// The one that was named, or the host's own, its list first.
std::vector<suppression_source> sources_of(const optional_config& given) {
  const std::string word = given->text("source");
  for (const auto source : {suppression_source::own_list, suppression_source::stop_word,
                            suppression_source::platform_preference, suppression_source::provider_error}) {
    if (word == name(source)) return {source};
  }
  return {own_sources.begin(), own_sources.end()};
}

attribute_type type_of(const char* type, std::size_t length) {
  const std::string_view word = input(type, length, "type");
  for (const auto t : {attribute_type::text, attribute_type::number, attribute_type::date, attribute_type::boolean}) {
    if (word == name(t)) return t;
  }
  throw bad_argument{"type", "is none of text, number, date and boolean"};
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::consent_scope;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_contacts_import_csv(bulkmsg_engine* engine, const char* csv, size_t csv_len,
                                           const bulkmsg_config* config, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const optional_config given(config, BULKMSG_CONFIG_CONTACTS);
    if (!given.ok()) return given.ok();
    std::string_view rest = input(csv, csv_len, "csv");
    const auto source = [rest](char* to, std::size_t capacity) mutable -> result<std::size_t> {
      const std::size_t n = rest.copy(to, capacity);
      rest.remove_prefix(n);
      return n;
    };
    return e.import_contacts_csv(source, contacts_import_of(given)).map([&](const bulkmsg::contacts_report& report) {
      if (out_json != nullptr) give(out_json, in_json(report));
    });
  });
}

bulkmsg_status bulkmsg_contacts_import_csv_file(bulkmsg_engine* engine, const char* path, size_t path_len,
                                                const bulkmsg_config* config, bulkmsg_text** out_json,
                                                bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const optional_config given(config, BULKMSG_CONFIG_CONTACTS);
    if (!given.ok()) return given.ok();
    return e.import_contacts_csv_file(path_of(path, path_len), contacts_import_of(given))
        .map([&](const bulkmsg::contacts_report& report) {
          if (out_json != nullptr) give(out_json, in_json(report));
        });
  });
}

bulkmsg_status bulkmsg_contacts_count(bulkmsg_engine* engine, const char* selection, size_t selection_len,
                                      int64_t* out_count, bulkmsg_error** err) {
  clear(out_count);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_count, "out_count");
    return e.count_contacts(text_of(selection, selection_len, "selection")).map([&](std::int64_t n) { out = n; });
  });
}

bulkmsg_status bulkmsg_attribute_declare(bulkmsg_engine* engine, const char* name, size_t name_len, const char* type,
                                         size_t type_len, int32_t indexed, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    const bool index = in_range(indexed, 0, 1, "indexed") == 1;
    return e.declare_attribute(text_of(name, name_len, "name"), type_of(type, type_len), index);
  });
}

bulkmsg_status bulkmsg_segment_put(bulkmsg_engine* engine, const char* name, size_t name_len, const char* json,
                                   size_t json_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.put_segment(text_of(name, name_len, "name"), input(json, json_len, "json"));
  });
}

bulkmsg_status bulkmsg_segment_add(bulkmsg_engine* engine, const char* group, size_t group_len, const char* addresses,
                                   size_t addresses_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    const auto members = items(input(addresses, addresses_len, "addresses"));
    return e.add_to_group(text_of(group, group_len, "group"), members);
  });
}

bulkmsg_status bulkmsg_segment_remove(bulkmsg_engine* engine, const char* name, size_t name_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) { return e.remove_segment(text_of(name, name_len, "name")); });
}

bulkmsg_status bulkmsg_suppression_put(bulkmsg_engine* engine, const char* addresses, size_t addresses_len,
                                       const bulkmsg_config* config, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const optional_config given(config, BULKMSG_CONFIG_SUPPRESSION);
    if (!given.ok()) return given.ok();
    const auto whom = items(input(addresses, addresses_len, "addresses"));
    if (whom.empty()) throw bad_argument{"addresses", "names nobody"};
    return e.suppress(whom, {.scope = given->text("scope") == "all" ? consent_scope::all : consent_scope::marketing,
                             .source = sources_of(given).front(),
                             .note = given->text("note")});
  });
}

bulkmsg_status bulkmsg_suppression_lift(bulkmsg_engine* engine, const char* address, size_t address_len,
                                        const bulkmsg_config* config, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const optional_config given(config, BULKMSG_CONFIG_SUPPRESSION);
    if (!given.ok()) return given.ok();
    return e.lift_suppression(input(address, address_len, "address"), sources_of(given), given->text("note"));
  });
}

bulkmsg_status bulkmsg_consent_put(bulkmsg_engine* engine, const char* address, size_t address_len, int32_t granted,
                                   const char* scope, size_t scope_len, const char* source, size_t source_len,
                                   bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    const bool yes = in_range(granted, 0, 1, "granted") == 1;
    return e.put_consent(input(address, address_len, "address"),
                         {.state = yes ? bulkmsg::consent_state::granted : bulkmsg::consent_state::withdrawn,
                          .scope = scope_of(scope, scope_len),
                          .source = text_of(source, source_len, "source")});
  });
}

}  // extern "C"
