// Templates of the provider, own messages, media, and what a recipient will see.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/content/preview.hpp"
#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

void write(json_writer& json, const template_info& t) {
  json.field("template", t.id.value).field("number", t.number).field("business_account_id", t.business_account_id);
  json.field("provider_id", t.provider_id).field("name", t.name).field("language", t.language);
  json.field("status", t.status).field("category", t.category).field("quality", t.quality);
  json.field("parameter_format", t.parameter_format).field("rejected_reason", t.rejected_reason);
  json.key("gone").boolean(t.gone).field("fetched_at_unix_ms", t.fetched_at_ms).key("json").raw(t.json);
}

void write(json_writer& json, const media_info& m) {
  json.field("number", m.number).field("phone_number_id", m.phone_number_id).field("provider_id", m.provider_id);
  json.field("sha256", m.sha256).field("mime", m.mime).field("bytes", m.bytes).field("path", m.path);
  json.field("uploaded_at_unix_ms", m.uploaded_at_ms).key("uploaded").boolean(m.uploaded);
}

template <class Row>
std::string object(const Row& row) {
  json_writer json;
  json.open('{');
  write(json, row);
  return json.close('}').take();
}

media_options media_options_of(const optional_config& given) {
  const std::string kind = given->text("kind");
  return {.kind = kind == "auto" ? "" : kind, .mime = given->text("mime"), .name = given->text("name")};
}

}  // namespace

void give_card(const content::card& card, bulkmsg_text** out_json, bulkmsg_text** out_text) {
  std::string json = out_json != nullptr ? content::to_json(card) : "";
  give(out_text, out_text != nullptr ? content::to_text(card) : "");
  try {
    give(out_json, std::move(json));
  } catch (...) {  // half an answer is none
    if (out_text != nullptr) bulkmsg_text_destroy(std::exchange(*out_text, nullptr));
    throw;
  }
}

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::campaign_id;
using bulkmsg::result;
using bulkmsg::sender_id;
using bulkmsg::template_id;

extern "C" {

bulkmsg_status bulkmsg_template_fetch(bulkmsg_engine* engine, int64_t sender, int64_t younger_than_ms,
                                      bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    const std::chrono::milliseconds younger(in_range(younger_than_ms, 0, day_ms, "younger_than_ms"));
    return e.fetch_templates(id_of<sender_id>(sender, "sender"), younger).map([&](const bulkmsg::template_report& r) {
      json_writer json;
      json.open('{').field("added", r.added).field("changed", r.changed).field("unchanged", r.unchanged);
      json.field("gone", r.gone).field("paused", r.paused).key("asked").boolean(r.asked);
      give(out_json, json.field("fetched_at_unix_ms", r.fetched_at_ms).close('}').take());
    });
  });
}

bulkmsg_status bulkmsg_template_list(bulkmsg_engine* engine, const bulkmsg_config* filter, int64_t after, size_t limit,
                                     bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_json, "out_json");
    const optional_config given(filter, BULKMSG_CONFIG_TEMPLATES);
    if (!given.ok()) return given.ok();
    return e
        .templates({.business_account_id = given->text("business_account_id"),
                    .name = given->text("name"),
                    .language = given->text("language"),
                    .status = given->text("status"),
                    .gone = given->boolean("gone"),
                    .after = after_of(after),
                    .limit = limit_of(limit)})
        .map([&](const auto& rows) {
          give(out_json, in_json(rows, [](json_writer& json, const auto& row) { write(json, row); }));
        });
  });
}

bulkmsg_status bulkmsg_template_find(bulkmsg_engine* engine, const char* name, size_t name_len, const char* language,
                                     size_t language_len, int64_t* out_template, bulkmsg_text** out_json,
                                     bulkmsg_error** err) {
  clear(out_template);
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_template, "out_template");
    return e.find_template(text_of(name, name_len, "name"), text_of(language, language_len, "language"))
        .map([&](const bulkmsg::template_info& found) {
          if (out_json != nullptr) give(out_json, object(found));
          out = found.id.value;
        });
  });
}

bulkmsg_status bulkmsg_template_csv(bulkmsg_engine* engine, int64_t content, bulkmsg_text** out_csv,
                                    bulkmsg_error** err) {
  clear(out_csv);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_csv, "out_csv");
    return e.template_csv(id_of<template_id>(content, "content")).map([&](std::string&& csv) {
      give(out_csv, std::move(csv));
    });
  });
}

bulkmsg_status bulkmsg_message_put(bulkmsg_engine* engine, const char* name, size_t name_len, const char* json,
                                   size_t json_len, int64_t* out_template, bulkmsg_error** err) {
  clear(out_template);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_template, "out_template");
    return e.put_message(text_of(name, name_len, "name"), input(json, json_len, "json")).map([&](template_id id) {
      out = id.value;
    });
  });
}

bulkmsg_status bulkmsg_message_find(bulkmsg_engine* engine, const char* name, size_t name_len, int64_t* out_template,
                                    bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_template);
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_template, "out_template");
    return e.find_message(text_of(name, name_len, "name")).map([&](bulkmsg::saved_message&& found) {
      give(out_json, std::move(found.json));
      out = found.id.value;
    });
  });
}

bulkmsg_status bulkmsg_message_list(bulkmsg_engine* engine, const char* after, size_t after_len, size_t limit,
                                    bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.saved_messages(text_of(after, after_len, "after"), limit_of(limit)).map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const auto& row) {
             json.field("template", row.id.value).field("name", row.name).key("message").raw(row.json);
           }));
    });
  });
}

bulkmsg_status bulkmsg_media_put(bulkmsg_engine* engine, int64_t sender, const char* bytes, size_t bytes_len,
                                 const bulkmsg_config* config, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_json, "out_json");
    const optional_config given(config, BULKMSG_CONFIG_MEDIA);
    if (!given.ok()) return given.ok();
    return e
        .put_media_bytes(id_of<sender_id>(sender, "sender"), input(bytes, bytes_len, "bytes"), media_options_of(given))
        .map([&](const bulkmsg::media_info& kept) { give(out_json, object(kept)); });
  });
}

bulkmsg_status bulkmsg_media_put_file(bulkmsg_engine* engine, int64_t sender, const char* path, size_t path_len,
                                      const bulkmsg_config* config, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_json, "out_json");
    const optional_config given(config, BULKMSG_CONFIG_MEDIA);
    if (!given.ok()) return given.ok();
    return e.put_media(id_of<sender_id>(sender, "sender"), path_of(path, path_len), media_options_of(given))
        .map([&](const bulkmsg::media_info& kept) { give(out_json, object(kept)); });
  });
}

bulkmsg_status bulkmsg_media_list(bulkmsg_engine* engine, int64_t after, size_t limit, bulkmsg_text** out_json,
                                  bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.media(after_of(after), limit_of(limit)).map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const auto& row) { write(json, row); }));
    });
  });
}

bulkmsg_status bulkmsg_campaign_preview(bulkmsg_engine* engine, int64_t campaign, int64_t row, bulkmsg_text** out_json,
                                        bulkmsg_text** out_text, bulkmsg_error** err) {
  clear(out_json);
  clear(out_text);
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.preview(id_of<campaign_id>(campaign, "campaign"), in_range(row, 0, any_number, "row"))
        .map([&](const bulkmsg::content::card& card) { give_card(card, out_json, out_text); });
  });
}

}  // extern "C"
