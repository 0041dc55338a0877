// Contacts, segments, consent and suppression.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "bulkmsg/recipients/list.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

using recipients::attribute_type;

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

contacts_import contacts_import_of(const optional_config& given) {
  return {.labels = items(given->text("labels"), ";"),
          .group = given->text("group"),
          .consent_source = given->text("consent_source"),
          .test = given->boolean("test"),
          .sandbox = given->boolean("sandbox")};
}

std::string object(const contacts_report& r) {
  json_writer json;
  json.open('{').field("rows", r.rows).field("added", r.added).field("updated", r.updated);
  json.field("rejected", r.rejected).key("problems");
  json.raw(in_json(r.problems, [](json_writer& row, const rejected_row& p) {
    row.field("line", p.line).field("column", p.column).field("column_name", p.column_name);
    row.field("code", static_cast<std::int64_t>(p.code)).field("reason", p.reason).field("address", p.address);
  }));
  return json.close('}').take();
}

consent_scope scope_of(const char* scope, std::size_t length) {
  const std::string_view word = input(scope, length, "scope");
  if (word == name(consent_scope::marketing)) return consent_scope::marketing;
  if (word == name(consent_scope::all)) return consent_scope::all;
  throw bad_argument{"scope", "is neither \"all\" nor \"marketing\""};
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
      if (out_json != nullptr) give(out_json, object(report));
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
          if (out_json != nullptr) give(out_json, object(report));
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

bulkmsg_status bulkmsg_contacts_list(bulkmsg_engine* engine, const char* selection, size_t selection_len, int64_t after,
                                     size_t limit, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.contacts(text_of(selection, selection_len, "selection"), after_of(after), limit_of(limit))
        .map([&](const auto& rows) {
          give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::contact_row& c) {
                 json.field("id", c.id).field("address", c.address).key("attributes").raw(c.attributes);
                 json.key("labels").open('[');
                 for (const std::string& label : c.labels) json.text(label);
                 json.close(']').key("test").boolean(c.test).key("sandbox").boolean(c.sandbox);
               }));
        });
  });
}

bulkmsg_status bulkmsg_attribute_declare(bulkmsg_engine* engine, const char* name, size_t name_len, const char* type,
                                         size_t type_len, int32_t indexed, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    const bool index = in_range(indexed, 0, 1, "indexed") == 1;
    return e.declare_attribute(text_of(name, name_len, "name"), type_of(type, type_len), index);
  });
}

bulkmsg_status bulkmsg_attribute_list(bulkmsg_engine* engine, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.attributes().map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::recipients::attribute& a) {
             json.field("name", a.name).field("type", name(a.type)).key("indexed").boolean(a.indexed);
           }));
    });
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
    const auto members = items(input(addresses, addresses_len, "addresses"), ",;\t\r\n");
    return e.add_to_group(text_of(group, group_len, "group"), members);
  });
}

bulkmsg_status bulkmsg_segment_remove(bulkmsg_engine* engine, const char* name, size_t name_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) { return e.remove_segment(text_of(name, name_len, "name")); });
}

bulkmsg_status bulkmsg_segment_list(bulkmsg_engine* engine, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.segments().map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::segment_row& s) {
             json.field("name", s.name).key("conditions").raw(s.conditions.empty() ? "null" : s.conditions);
             json.field("contacts", s.contacts);
           }));
    });
  });
}

bulkmsg_status bulkmsg_suppression_put(bulkmsg_engine* engine, const char* address, size_t address_len,
                                       const char* scope, size_t scope_len, const char* note, size_t note_len,
                                       bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.suppress(input(address, address_len, "address"),
                      {.scope = scope_of(scope, scope_len), .note = text_of(note, note_len, "note")});
  });
}

bulkmsg_status bulkmsg_suppression_lift(bulkmsg_engine* engine, const char* address, size_t address_len,
                                        const char* note, size_t note_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.lift_suppression(input(address, address_len, "address"), bulkmsg::own_sources,
                              text_of(note, note_len, "note"));
  });
}

bulkmsg_status bulkmsg_suppression_list(bulkmsg_engine* engine, const char* address, size_t address_len,
                                        int64_t after_person, int32_t after_source, size_t limit,
                                        bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    bulkmsg::suppression_filter filter;
    filter.address = text_of(address, address_len, "address");
    in_range(after_source, 0, 255, "after_source");
    if (after_source != 0) filter.after = {after_person, static_cast<bulkmsg::suppression_source>(after_source)};
    filter.limit = limit_of(limit);
    return e.suppressions(filter).map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::suppression_row& s) {
             json.field("person", s.person).field("address", s.address).field("scope", name(s.why.scope));
             json.field("source", name(s.why.source)).field("source_number", static_cast<std::int64_t>(s.why.source));
             json.field("note", s.why.note).field("at_unix_ms", s.at_ms);
           }));
    });
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

bulkmsg_status bulkmsg_consent_log(bulkmsg_engine* engine, int64_t after, size_t limit, bulkmsg_text** out_json,
                                   bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.consent_log(after_of(after), limit_of(limit)).map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::consent_log_row& row) {
             json.field("id", row.id).field("at_unix_ms", row.at_ms).field("address", row.address);
             json.field("what", row.what).field("source", row.source).field("old", row.old).field("now", row.now);
             json.field("note", row.note);
           }));
    });
  });
}

}  // extern "C"
