// Templates of the provider, own messages, media, and what a recipient will see.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/content/preview.hpp"
#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "rows.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

media_options media_options_of(const optional_config& given) {
  const std::string kind = given->text("kind");
  return {.kind = kind == "auto" ? "" : kind, .mime = given->text("mime"), .name = given->text("name")};
}

}  // namespace

void give_both(std::string&& one, bulkmsg_text** out_one, std::string&& other, bulkmsg_text** out_other) {
  give(out_one, std::move(one));
  try {
    give(out_other, std::move(other));
  } catch (...) {  // half an answer is none
    if (out_one != nullptr) bulkmsg_text_destroy(std::exchange(*out_one, nullptr));
    throw;
  }
}

void give_card(const content::card& card, bulkmsg_text** out_json, bulkmsg_text** out_text) {
  std::string json = out_json != nullptr ? content::to_json(card) : "";
  std::string text = out_text != nullptr ? content::to_text(card) : "";
  give_both(std::move(text), out_text, std::move(json), out_json);
}

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::campaign_id;
using bulkmsg::result;
using bulkmsg::sender_id;
using bulkmsg::template_id;

extern "C" {

bulkmsg_status bulkmsg_template_put(bulkmsg_engine* engine, const char* json, size_t json_len, int64_t* out_template,
                                    bulkmsg_error** err) {
  clear(out_template);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_template, "out_template");
    return e.put_template(input(json, json_len, "json")).map([&](template_id id) { out = id.value; });
  });
}

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

bulkmsg_status bulkmsg_template_find(bulkmsg_engine* engine, const char* name, size_t name_len,
                                     const bulkmsg_config* filter, int64_t* out_template, bulkmsg_text** out_json,
                                     bulkmsg_error** err) {
  clear(out_template);
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    std::int64_t& out = needed(out_template, "out_template");
    const optional_config given(filter, BULKMSG_LIST_TEMPLATES);
    if (!given.ok()) return given.ok();
    const auto which = template_filter_of(*given);
    return e.find_template(text_of(name, name_len, "name"), which.language, which.business_account_id)
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

bulkmsg_status bulkmsg_campaign_csv(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_csv,
                                    bulkmsg_error** err) {
  clear(out_csv);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_csv, "out_csv");
    return e.template_csv(id_of<campaign_id>(campaign, "campaign")).map([&](std::string&& csv) {
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
