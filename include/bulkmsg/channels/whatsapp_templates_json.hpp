// Reads pages of the provider's templates (facts: WhatsApp, management calls), whatever their state.
//
//   auto page = read_template_page(status, body);
//   for (const listed_template& each : page->templates) keep(each);
//   if (!page->after.empty()) ask(templates_path(account, page->after));
//
// A page's own address of the next one is never followed, only its cursor. Costs a simdjson include.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/whatsapp_cloud.hpp"
#include "bulkmsg/channels/whatsapp_cloud_json.hpp"
#include "bulkmsg/content/json_escape.hpp"

namespace bulkmsg::channels {

inline constexpr std::size_t template_page_rows = 100;  // asked for; the provider gives 25 otherwise
inline constexpr std::size_t template_page_rows_max = 1000;
inline constexpr std::size_t template_bytes_max = std::size_t{1024} * 1024;  // of one template's JSON
inline constexpr std::size_t cursor_bytes_max = 2048;
inline constexpr std::int32_t cursor_expired_code = 131059;  // paging starts again from the first page

// One template as the provider lists it.
struct listed_template {
  std::string id, name, language;
  std::string status;            // upper case: APPROVED, PENDING, REJECTED, PAUSED, DISABLED, ...
  std::string category;          // upper case: MARKETING, UTILITY, AUTHENTICATION
  std::string quality;           // GREEN, YELLOW, RED, UNKNOWN, or empty
  std::string parameter_format;  // POSITIONAL, NAMED, or empty
  std::string rejected_reason;   // for people, may be empty
  // What it says, as content::parse_template_json() reads it: the same bytes as long as nothing that is sent by it
  // changes. Its status is always APPROVED: the words are kept apart from whether they may be sent today.
  std::string json;
};

struct template_page {
  std::vector<listed_template> templates;
  std::string after;  // the cursor of the next page; empty: this was the last
};

// The path (for request_encoder::encode_get) of a page. `account`: the business account's id; `after`: the cursor of
// the page before, any bytes; empty: the first page.
[[nodiscard]] inline std::string templates_path(std::string_view account, std::string_view after) {
  std::string path(account);
  path +=
      "/message_templates?fields=id,name,status,category,language,components,parameter_format,quality_score,"
      "rejected_reason&limit=" +
      std::to_string(template_page_rows);
  if (after.empty()) return path;
  path += "&after=";
  for (const char c : after) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      path += c;
    } else {
      path += '%';
      path += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
      path += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15];
    }
  }
  return path;
}

namespace detail {

class template_page_reader {
 public:
  using object = simdjson::dom::object;

  result<template_page> read(object root) {
    template_page page;
    simdjson::dom::array data;
    if (root["data"].get(data) != simdjson::SUCCESS) return unreadable("no 'data' array");
    std::size_t index = 0;
    for (const simdjson::dom::element entry : data) {
      if (index == template_page_rows_max) return unreadable("more templates than were asked for");
      at_ = "data[" + std::to_string(index++) + "]";
      object fields;
      if (entry.get(fields) != simdjson::SUCCESS) return unreadable("not an object");
      auto one = read_template(fields);
      if (!one) return fail(one.error());
      page.templates.push_back(std::move(*one));
    }
    at_.clear();
    object paging;
    if (root["paging"].get(paging) != simdjson::SUCCESS) return page;
    // The address of the next page says only that there is one.
    if (std::string_view next; paging["next"].get(next) != simdjson::SUCCESS || next.empty()) return page;
    std::string_view cursor;
    object cursors;
    if (paging["cursors"].get(cursors) != simdjson::SUCCESS || cursors["after"].get(cursor) != simdjson::SUCCESS ||
        cursor.empty() || cursor.size() > cursor_bytes_max) {
      return unreadable("a next page, but no cursor to ask for it");
    }
    page.after = cursor;
    return page;
  }

 private:
  [[nodiscard]] tl::unexpected<error> unreadable(std::string_view what) const {
    return fail(errc::provider_unreadable, "templates: " + at_ + (at_.empty() ? "" : ": ") + std::string(what) +
                                               "; is this the provider's list of message templates?");
  }

  static std::string text(object from, std::string_view key, std::size_t bytes_max) {
    std::string_view value;
    if (from[key].get(value) != simdjson::SUCCESS) return {};
    return std::string(value.substr(0, bytes_max));
  }

  // A word of the provider's, upper case; what is no word is left out.
  static std::string word(object from, std::string_view key) {
    std::string value = text(from, key, 64);
    for (char& c : value) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_') return {};
    }
    return value;
  }

  // For people and for logs: one line.
  static std::string line(object from, std::string_view key) {
    std::string value = text(from, key, provider_text_max + 1);
    if (value.size() > provider_text_max) {
      std::size_t end = provider_text_max;
      while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U) --end;  // whole characters
      value.resize(end);
    }
    for (char& c : value) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return value == "NONE" ? std::string() : value;
  }

  result<listed_template> read_template(object entry) {
    listed_template one;
    one.name = text(entry, "name", 513);
    one.language = text(entry, "language", 33);
    one.id = text(entry, "id", 65);
    const auto plain = [](std::string_view value, std::size_t bytes_max) {
      return value.size() <= bytes_max && value.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_-") == std::string_view::npos;
    };
    if (one.name.empty() || !plain(one.name, 512)) return unreadable("'name' is not one a template can have");
    if (one.language.empty() || !plain(one.language, 32)) return unreadable("'language' is not a language code");
    if (!plain(one.id, 64)) return unreadable("'id' is not an id");
    one.status = word(entry, "status");
    if (one.status.empty()) return unreadable("'status' is missing or not a word");
    one.category = word(entry, "category");
    one.parameter_format = word(entry, "parameter_format");
    if (object score; entry["quality_score"].get(score) == simdjson::SUCCESS) {
      one.quality = word(score, "score");
    } else {
      one.quality = word(entry, "quality_score");
    }
    one.rejected_reason = line(entry, "rejected_reason");

    simdjson::dom::array components;
    if (entry["components"].get(components) != simdjson::SUCCESS) return unreadable("no 'components' array");
    const auto member = [&](std::string_view key, std::string_view value) {
      one.json += one.json.empty() ? "{\"" : ",\"";
      one.json.append(key) += "\":";
      content::append_json_string(one.json, value);
    };
    if (!one.id.empty()) member("id", one.id);
    member("name", one.name);
    member("language", one.language);
    member("status", "APPROVED");
    if (!one.category.empty()) member("category", one.category);
    if (!one.parameter_format.empty()) member("parameter_format", one.parameter_format);
    one.json += ",\"components\":" + simdjson::minify(components) + '}';
    if (one.json.size() > template_bytes_max) return unreadable("over 1 MiB for one template");
    return one;
  }

  std::string at_;
};

}  // namespace detail

// The answer of GET templates_path(). Errors: token_rejected and provider_refused (both with provider_code: see
// cursor_expired_code), provider_unreadable (says where).
[[nodiscard]] inline result<template_page> read_template_page(int http_status, std::string_view body) {
  if (http_status < 200 || http_status >= 300) return fail(answer_reader().explain(http_status, body));
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) {
    return fail(answer_reader().explain(http_status, body));
  }
  return detail::template_page_reader().read(root);
}

}  // namespace bulkmsg::channels
