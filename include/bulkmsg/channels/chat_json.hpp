// Reads channel descriptions (their fields: chat.hpp). Strict: what is not known is refused, so that a typing error is
// found before anything is sent. Costs a simdjson include.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/chat.hpp"
#include "bulkmsg/channels/http_text.hpp"
#include "bulkmsg/content/template.hpp"
#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::channels {

namespace detail {

// Reads one description; the first error ends it. Every function returns whether all is well so far.
class chat_reader {
 public:
  using element = simdjson::dom::element;
  using object = simdjson::dom::object;
  using array = simdjson::dom::array;
  using names = std::initializer_list<std::string_view>;

  result<chat_description> read(std::string_view json) {
    simdjson::dom::parser parser;
    element root;
    if (json.size() > chat_description_bytes_max) {
      return bulkmsg::fail(errc::too_large, "channel description: over 64 KiB");
    }
    if (const auto problem = parser.parse(json.data(), json.size()).get(root); problem != simdjson::SUCCESS) {
      return bulkmsg::fail(errc::channel_malformed,
                           std::string("channel description: not JSON (") + simdjson::error_message(problem) + ")");
    }
    if (!read_root(root)) return bulkmsg::fail(errc::channel_malformed, "channel description: " + problem_);
    return std::move(made_);
  }

 private:
  static constexpr std::size_t list_max = 64;
  static constexpr std::size_t text_bytes_max = 1024;

  bool wrong(const std::string& where, const std::string& why) {
    // Names in a path are the file's own; they may hold anything.
    std::string shown;
    for (const char c : where.substr(0, 160)) shown += c >= ' ' && c <= '~' ? c : '?';
    problem_ = (shown.empty() ? "/" : shown) + ": " + why;
    return false;
  }

  bool read_root(element root) {
    return members(root, "",
                   {"name", "origin", "limits", "addresses", "request", "types", "answer", "refusals", "health"},
                   {"name", "request", "answer"}) &&
           text(root, "", "name", made_.name) && read_name() && text(root, "", "origin", made_.origin) &&
           text(root, "", "limits", made_.limits) && read_limits() && read_addresses(root) && read_request(root) &&
           read_types(root) && read_answer(root) && read_refusals(root) && read_health(root);
  }

  bool read_name() {
    constexpr std::string_view word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return !made_.name.empty() && made_.name.size() <= 64 && made_.name.find_first_not_of(word) == std::string::npos
               ? true
               : wrong("/name", "must be 1 to 64 letters, digits, - or _");
  }

  bool read_limits() {
    if (made_.limits.empty()) return true;
    const auto read = pacing::parse_limits(made_.limits);
    return read ? true : wrong("/limits", read.error().message);
  }

  bool read_addresses(element root) {
    const names kinds = {"chat", "phone", "group", "user"};
    element list;
    if (!find(root, "addresses", list)) {
      made_.addresses = {"chat"};
      return true;
    }
    return each(list, "/addresses", [&](element one, const std::string& where) {
      std::string_view kind;
      if (one.get(kind) != simdjson::SUCCESS || std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
        return wrong(where, "must be one of chat, phone, group, user");
      }
      made_.addresses.emplace_back(kind);
      return true;
    });
  }

  bool read_request(element root) {
    element request;
    if (!find(root, "request", request)) return false;
    if (!members(request, "/request", {"method", "path", "headers", "body", "text_max", "same_for_s"},
                 {"path", "body"}) ||
        !text(request, "/request", "method", made_.method) || !read_endpoint(request, "/request", made_.request)) {
      return false;
    }
    if (!reaches_somebody(made_.request, "/request")) return false;
    if (made_.method != "POST" && made_.method != "PUT") return wrong("/request/method", "must be POST or PUT");
    element headers;
    if (find(request, "headers", headers) &&
        !each_member(headers, "/request/headers", [&](std::string_view key, element value, const std::string& where) {
          return read_header(key, value, where);
        })) {
      return false;
    }
    return read_same_for(request);
  }

  bool read_same_for(element request) {
    element same;
    if (!find(request, "same_for_s", same)) return true;
    constexpr std::int64_t a_month = 30 * 24 * 3600;
    if (same.get(made_.same_for_s) != simdjson::SUCCESS || made_.same_for_s < 60 || made_.same_for_s > a_month) {
      return wrong("/request/same_for_s", "must be a whole number of seconds, from 60 to 2592000");
    }
    const bool named = std::any_of(made_.headers.begin(), made_.headers.end(),
                                   [](const auto& h) { return h.second.find("{{callback}}") != std::string::npos; });
    return named ? true : wrong("/request/same_for_s", "needs a header with {{callback}}, by which requests are known");
  }

  bool read_header(std::string_view key, element value, const std::string& where) {
    constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (key.empty() || key.size() > 64 || key.find_first_not_of(token) != std::string_view::npos) {
      return wrong(where, "is not a header's name");
    }
    std::string lower(key);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const std::string_view ours : {"host", "content-length", "content-type", "transfer-encoding", "connection",
                                        "expect", "te", "trailer", "upgrade"}) {
      if (lower == ours) return wrong(where, "is a header that bulkmsg writes itself");
    }
    std::string_view words;
    if (value.get(words) != simdjson::SUCCESS || words.empty() || words.size() > text_bytes_max ||
        words.front() == ' ' || words.back() == ' ' ||
        std::any_of(words.begin(), words.end(), [](char c) { return c < ' ' || c > '~'; })) {
      return wrong(where, "must be a string of printable ASCII without blanks around it");
    }
    if (!placeholders(words, {"token", "callback"}, where)) return false;
    made_.headers.emplace_back(key, words);
    return true;
  }

  bool reaches_somebody(const chat_endpoint& to, const std::string& where) {
    constexpr std::string_view hole = "{{address}}";
    return to.path.find(hole) != std::string::npos || to.body.find(hole) != std::string::npos
               ? true
               : wrong(where, "{{address}} stands neither in the path nor in the body");
  }

  // Path, body and text_max, each only where it is given.
  bool read_endpoint(element from, const std::string& where, chat_endpoint& into) {
    if (!text(from, where, "path", into.path) || !check_path(into.path, where + "/path", {"token", "address"})) {
      return false;
    }
    if (element body; find(from, "body", body)) {
      object fields;
      if (body.get(fields) != simdjson::SUCCESS) return wrong(where + "/body", "must be an object");
      if (!check_body(body, where + "/body", 0)) return false;
      into.body = simdjson::minify(body);
    }
    if (element most; find(from, "text_max", most)) {
      std::uint64_t count = 0;
      if (most.get(count) != simdjson::SUCCESS || count < 1 || count > 1'000'000) {
        return wrong(where + "/text_max", "must be a whole number from 1 to 1000000");
      }
      into.text_max = static_cast<std::size_t>(count);
    }
    return true;
  }

  bool check_path(std::string_view path, const std::string& where, names allowed) {
    constexpr std::string_view fits =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/?&=:@!$'()*+,;%{}";
    if (!path.starts_with('/') || path.find_first_not_of(fits) != std::string_view::npos) {
      return wrong(where, "must begin with / and hold only what may stand in a URL");
    }
    return placeholders(path, allowed, where);
  }

  bool check_body(element value, const std::string& where, int depth) {
    if (depth > chat_body_depth_max) return wrong(where, "is nested too deeply");
    std::string_view words;
    if (value.get(words) == simdjson::SUCCESS) {
      return placeholders(words,
                          {"address", "text", "attachment", "attachment_type", "filename", "latitude", "longitude",
                           "agent", "reply_to", "callback"},
                          where);
    }
    if (array list; value.get(list) == simdjson::SUCCESS) {
      std::size_t i = 0;
      for (const element one : list) {
        if (!check_body(one, where + '/' + std::to_string(i++), depth + 1)) return false;
      }
    } else if (object fields; value.get(fields) == simdjson::SUCCESS) {
      for (const auto [key, one] : fields) {
        if (!check_body(one, where + '/' + std::string(key), depth + 1)) return false;
      }
    }
    return true;
  }

  bool placeholders(std::string_view words, names allowed, const std::string& where) {
    std::string fixed, written;
    for (const auto& piece : content::split_variables(words)) {
      fixed += piece.fixed;
      written += piece.fixed;
      if (piece.variable.empty()) continue;
      written += "{{" + std::string(piece.variable) + "}}";
      if (std::find(allowed.begin(), allowed.end(), piece.variable) != allowed.end()) continue;
      std::string known;
      for (const auto each : allowed) known += (known.empty() ? "" : ", ") + std::string(each);
      return wrong(where, "no {{" + std::string(piece.variable.substr(0, 40)) + "}} can stand here, only " + known);
    }
    return written == words && fixed.find("{{") == std::string::npos && fixed.find("}}") == std::string::npos
               ? true
               : wrong(where, "has {{ or }} that is not just around a name");
  }

  bool read_types(element root) {
    element types;
    if (!find(root, "types", types)) return true;
    return each_member(types, "/types", [&](std::string_view key, element value, const std::string& where) {
      const names known = {"image", "video", "document", "audio", "sticker", "location"};
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        return wrong(where, "is not a type; known: image, video, document, audio, sticker, location");
      }
      if (made_.endpoint_of(key).second != 0) return wrong(where, "is there twice");
      chat_endpoint one = made_.request;
      if (!members(value, where, {"path", "body", "text_max"}, {}) || !read_endpoint(value, where, one) ||
          !reaches_somebody(one, where)) {
        return false;
      }
      made_.types.emplace_back(key, std::move(one));
      return true;
    });
  }

  bool read_answer(element root) {
    element answer;
    if (!find(root, "answer", answer)) return false;
    if (!members(answer, "/answer", {"id", "ok", "error_code", "error_text", "retry_after_s"}, {"id"})) return false;
    for (const auto& [key, field] : {std::pair<std::string_view, std::string*>{"id", &made_.id},
                                     {"ok", &made_.ok},
                                     {"error_code", &made_.error_code},
                                     {"error_text", &made_.error_text},
                                     {"retry_after_s", &made_.retry_after_s}}) {
      if (!pointer(answer, "/answer", key, *field)) return false;
    }
    return true;
  }

  bool read_refusals(element root) {
    element refusals;
    if (!find(root, "refusals", refusals)) return true;
    if (!members(refusals, "/refusals", {"statuses", "actions", "otherwise"}, {"statuses"})) return false;
    if (made_.error_code.empty() && made_.error_text.empty()) {
      return wrong("/refusals",
                   "a refusal is proved by what the error says: describe /answer/error_code or error_text");
    }
    element list;
    if (!find(refusals, "statuses", list)) return false;
    if (!each(list, "/refusals/statuses", [&](element one, const std::string& where) {
          int status = 0;
          if (!read_status(one, where, status)) return false;
          made_.refusal_statuses.push_back(status);
          return true;
        })) {
      return false;
    }
    if (element otherwise;
        find(refusals, "otherwise", otherwise) && !read_action(otherwise, "/refusals/otherwise", made_.otherwise)) {
      return false;
    }
    if (!find(refusals, "actions", list)) return true;
    return each(list, "/refusals/actions",
                [&](element one, const std::string& where) { return read_rule(one, where); });
  }

  bool read_rule(element from, const std::string& where) {
    chat_rule rule;
    if (!members(from, where, {"status", "code", "text", "action"}, {"action"}) ||
        !text(from, where, "text", rule.text)) {
      return false;
    }
    if (element status; find(from, "status", status)) {
      if (!read_status(status, where + "/status", rule.status)) return false;
      const auto& listed = made_.refusal_statuses;
      if (std::find(listed.begin(), listed.end(), rule.status) == listed.end()) {
        return wrong(where + "/status", "is not among /refusals/statuses, so it would never be looked at");
      }
    }
    if (element code; find(from, "code", code)) {
      if (std::int64_t number = 0; code.get(number) == simdjson::SUCCESS) {
        rule.code = std::to_string(number);
      } else if (!text(from, where, "code", rule.code)) {
        return false;
      }
    }
    element what;
    if (!find(from, "action", what)) return false;
    if (!read_action(what, where + "/action", rule.what)) return false;
    made_.actions.push_back(std::move(rule));
    return true;
  }

  bool read_status(element from, const std::string& where, int& into) {
    std::int64_t status = 0;
    if (from.get(status) != simdjson::SUCCESS || status < 200 || status > 599) {
      return wrong(where, "must be an HTTP status from 200 to 599");
    }
    into = static_cast<int>(status);
    return true;
  }

  bool read_action(element from, const std::string& where, action& into) {
    std::string_view word;
    if (from.get(word) == simdjson::SUCCESS) {
      const auto* known = std::find(std::begin(action_names), std::end(action_names), word);
      if (known != std::end(action_names) && word != name(action::log)) {
        into = static_cast<action>(known - std::begin(action_names));
        return true;
      }
    }
    std::string all;
    for (const auto each : action_names) {
      if (each != name(action::log)) all += (all.empty() ? "" : ", ") + std::string(each);
    }
    return wrong(where, "must be one of " + all);
  }

  bool read_health(element root) {
    element health;
    if (!find(root, "health", health)) return true;
    return members(health, "/health", {"path", "name"}, {"path"}) &&
           text(health, "/health", "path", made_.health_path) &&
           check_path(made_.health_path, "/health/path", {"token"}) &&
           pointer(health, "/health", "name", made_.health_name);
  }

  static bool find(element from, std::string_view key, element& into) noexcept {
    return from[key].get(into) == simdjson::SUCCESS;
  }

  // A string where there is one; empty ones are refused.
  bool text(element from, const std::string& where, std::string_view key, std::string& into) {
    element value;
    if (from[key].get(value) != simdjson::SUCCESS) return true;
    std::string_view words;
    if (value.get(words) != simdjson::SUCCESS || words.empty() || words.size() > text_bytes_max) {
      return wrong(where + '/' + std::string(key), "must be a string of 1 to 1024 bytes");
    }
    into = words;
    return true;
  }

  bool pointer(element from, const std::string& where, std::string_view key, std::string& into) {
    if (!text(from, where, key, into)) return false;
    bool good = into.empty() || into.front() == '/';
    for (std::size_t i = 0; i < into.size(); ++i) {
      if (into[i] == '~') good = good && i + 1 < into.size() && (into[i + 1] == '0' || into[i + 1] == '1');
    }
    return good ? true : wrong(where + '/' + std::string(key), "must be a JSON pointer such as /message/id");
  }

  // An object with known members only, and the needed ones.
  bool members(element from, const std::string& where, names known, names needed) {
    object fields;
    if (from.get(fields) != simdjson::SUCCESS) return wrong(where, "must be an object");
    for (const auto [key, value] : fields) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string all;
      for (const auto each : known) all += (all.empty() ? "" : ", ") + std::string(each);
      return wrong(where + '/' + std::string(key), "is not a field of a description; known here: " + all);
    }
    for (const auto key : needed) {
      if (element value; fields[key].get(value) != simdjson::SUCCESS) {
        return wrong(where, "'" + std::string(key) + "' is missing");
      }
    }
    return true;
  }

  template <class F>
  bool each(element from, const std::string& where, F&& f) {
    array list;
    if (from.get(list) != simdjson::SUCCESS || list.size() == 0 || list.size() > list_max) {
      return wrong(where, "must be a list of 1 to 64");
    }
    std::size_t i = 0;
    for (const element one : list) {
      if (!f(one, where + '/' + std::to_string(i++))) return false;
    }
    return true;
  }

  template <class F>
  bool each_member(element from, const std::string& where, F&& f) {
    object fields;
    if (from.get(fields) != simdjson::SUCCESS || fields.size() > list_max) {
      return wrong(where, "must be an object of at most 64 members");
    }
    for (const auto [key, value] : fields) {
      if (!f(key, value, where + '/' + std::string(key))) return false;
    }
    return true;
  }

  chat_description made_;
  std::string problem_;
};

}  // namespace detail

// Errors: channel_malformed (the message has the JSON path of what is wrong), too_large (64 KiB).
[[nodiscard]] inline result<chat_description> parse_chat_description(std::string_view json) {
  return detail::chat_reader().read(json);
}

}  // namespace bulkmsg::channels
