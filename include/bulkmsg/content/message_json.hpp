// Reads an own message from JSON in the provider's shape, with {{variables}} in its texts:
//
//   {"type":"text","text":{"body":"Hi {{first_name}}, see https://x.example","preview_url":true}}
//   {"type":"image","image":{"link":"{{picture}}","caption":"Order {{1}}"}}
//   {"type":"interactive","interactive":{"type":"button","body":{"text":"Coming?"},"action":{"buttons":[
//     {"type":"reply","reply":{"id":"yes-{{number}}","title":"Yes"}}]}}}
//
// Types: text, image, video, document, audio, sticker, location, contacts, interactive (button, list, cta_url). The
// address, `messaging_product` and the callback key are the engine's to write. `id` and `link` of a medium may each be
// one variable; its value then says whether it is an id or a link.
//
// Strict: unknown fields, wrong types, missing or overlong texts are refused with their path, whatever the provider
// might still take. Costs a simdjson include; the struct it fills is in message.hpp.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/message.hpp"

namespace bulkmsg::content {

// The longest message JSON that is read.
inline constexpr std::size_t message_json_bytes_max = std::size_t{256} * 1024;

namespace detail {

class message_reader {
 public:
  using element = simdjson::dom::element;
  using object = simdjson::dom::object;

  result<message> read(element document) {
    try {
      read_message(document);
      check_texts();
    } catch (problem& p) {
      return fail(errc::message_malformed, one_line("message: " + p.what));
    }
    return std::move(made_);
  }

 private:
  // Leaves the reader at the first thing wrong; caught in read().
  struct problem {
    std::string what;
  };
  [[noreturn]] static void refuse(const std::string& at, std::string_view what) {
    throw problem{(at.empty() ? std::string() : at + ": ") + std::string(what)};
  }

  // An object with only these members, none twice.
  static object object_at(element value, const std::string& at, std::initializer_list<std::string_view> known) {
    object made;
    if (value.get(made) != simdjson::SUCCESS) refuse(at, "is not a JSON object");
    std::set<std::string_view> seen;
    for (const auto field : made) {
      if (!seen.insert(field.key).second) refuse(at, "'" + shown(field.key) + "' comes twice");
      if (std::find(known.begin(), known.end(), field.key) != known.end()) continue;
      std::string list;
      for (const std::string_view each : known) list += (list.empty() ? "" : ", ") + std::string(each);
      refuse(at, "unknown field '" + shown(field.key) + "'; it may have: " + list);
    }
    return made;
  }
  static std::string shown(std::string_view key) { return std::string(key.substr(0, 60)); }

  static element need(object from, std::string_view key, const std::string& at) {
    element value;
    if (from[key].get(value) != simdjson::SUCCESS) refuse(at, "'" + std::string(key) + "' is missing");
    return value;
  }
  static std::string text_of(element value, const std::string& at) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) refuse(at, "is not a text");
    if (is_blank(text)) refuse(at, "is empty");
    return std::string(text);
  }
  static std::string text(object from, std::string_view key, const std::string& at) {
    return text_of(need(from, key, at), at + '.' + std::string(key));
  }
  static std::string optional_text(object from, std::string_view key, const std::string& at) {
    element value;
    if (from[key].get(value) != simdjson::SUCCESS) return {};
    return text_of(value, at + '.' + std::string(key));
  }
  static bool optional_flag(object from, std::string_view key, const std::string& at) {
    element value;
    if (from[key].get(value) != simdjson::SUCCESS) return false;
    bool flag = false;
    if (value.get(flag) != simdjson::SUCCESS) refuse(at + '.' + std::string(key), "is neither true nor false");
    return flag;
  }
  // Texts or numbers, as text.
  static std::string number(object from, std::string_view key, const std::string& at) {
    const element value = need(from, key, at);
    return value.is_number() ? simdjson::minify(value) : text_of(value, at + '.' + std::string(key));
  }
  template <class Each>
  static void list(object from, std::string_view key, const std::string& at, std::size_t least, std::size_t most,
                   Each&& each) {
    const std::string here = at + '.' + std::string(key);
    simdjson::dom::array values;
    if (need(from, key, at).get(values) != simdjson::SUCCESS) refuse(here, "is not an array");
    std::size_t index = 0;
    for (const element value : values) {
      if (index == most) break;
      each(value, here + '[' + std::to_string(index++) + ']');
    }
    if (index < least || values.size() > most) {
      refuse(here, "has " + std::to_string(values.size()) + " entries; " + std::to_string(least) + " to " +
                       std::to_string(most) + " are allowed");
    }
  }

  void read_message(element document) {
    object root;
    if (document.get(root) != simdjson::SUCCESS) refuse("", "not a JSON object");
    std::string_view type;
    if (root["type"].get(type) != simdjson::SUCCESS)
      refuse("type",
             "is missing or not a text; it may be text, image, "
             "video, document, audio, sticker, location, "
             "contacts or interactive");
    for (const std::string_view ours :
         {"to", "recipient", "recipient_type", "messaging_product", "biz_opaque_callback_data"}) {
      element value;
      if (root[ours].get(value) == simdjson::SUCCESS) {
        refuse("", "leave '" + std::string(ours) + "' out; it is written for each recipient");
      }
    }
    made_.kind = message_kind::provider_template;
    for (auto kind = message_kind::text; kind <= message_kind::interactive;
         kind = static_cast<message_kind>(static_cast<int>(kind) + 1)) {
      if (word(kind) == type) made_.kind = kind;
    }
    if (made_.kind == message_kind::provider_template) {
      refuse("type", "'" + shown(type) +
                         "' is not one of text, image, video, document, audio, sticker, location, "
                         "contacts, interactive; a provider's template is given as its own JSON");
    }
    object_at(document, "", {"type", type});
    const std::string at(type);
    const element inner = need(root, type, "");
    switch (made_.kind) {
      case message_kind::text: {
        const object fields = object_at(inner, at, {"body", "preview_url"});
        made_.text = text(fields, "body", at);
        made_.preview_url = optional_flag(fields, "preview_url", at);
        break;
      }
      case message_kind::image:
      case message_kind::video:
        read_media(object_at(inner, at, {"id", "link", "caption"}), at);
        break;
      case message_kind::document:
        read_media(object_at(inner, at, {"id", "link", "caption", "filename"}), at);
        break;
      case message_kind::audio:
        read_media(object_at(inner, at, {"id", "link", "voice"}), at);
        break;
      case message_kind::sticker:
        read_media(object_at(inner, at, {"id", "link"}), at);
        break;
      case message_kind::location: {
        const object fields = object_at(inner, at, {"latitude", "longitude", "name", "address"});
        made_.where = {number(fields, "latitude", at), number(fields, "longitude", at),
                       optional_text(fields, "name", at), optional_text(fields, "address", at)};
        break;
      }
      case message_kind::contacts:
        list(root, "contacts", "", 1, 257,
             [&](element value, const std::string& path) { read_person(value, path.substr(1)); });
        break;
      default:
        read_interactive(inner, at);
    }
  }

  static media_source source_of(object fields, const std::string& at) {
    const std::string id = optional_text(fields, "id", at);
    const std::string link = optional_text(fields, "link", at);
    if (id.empty() == link.empty()) refuse(at, "needs either 'id' or 'link'");
    const auto pieces = split_variables(id.empty() ? link : id);
    const bool alone = pieces.size() == 2 && pieces[0].fixed.empty() && pieces[1].fixed.empty();
    if (!link.empty() && !alone && !pieces[0].fixed.starts_with("https://")) {
      refuse(at + ".link", "begins neither with https:// nor is it one variable");
    }
    if (!id.empty() && !alone && (pieces.size() > 1 || is_secure_link(id))) {
      refuse(at + ".id", "is neither an id nor one variable");
    }
    return {id.empty() ? link : id, optional_text(fields, "filename", at)};
  }

  void read_media(object fields, const std::string& at) {
    made_.media = source_of(fields, at);
    made_.text = optional_text(fields, "caption", at);
    made_.voice = optional_flag(fields, "voice", at);
  }

  static contact_person::members members(element value, const std::string& at,
                                         std::initializer_list<std::string_view> known) {
    const object fields = object_at(value, at, known);
    contact_person::members made;
    for (const std::string_view each : known) {
      if (std::string given = optional_text(fields, each, at); !given.empty())
        made.emplace_back(each, std::move(given));
    }
    if (made.empty()) refuse(at, "is empty");
    return made;
  }

  void read_person(element value, const std::string& at) {
    const object fields = object_at(value, at, {"name", "phones", "emails", "urls", "addresses", "org", "birthday"});
    contact_person& person = made_.people.emplace_back();
    const std::string name_at = at + ".name";
    person.name = members(need(fields, "name", at), name_at,
                          {"formatted_name", "first_name", "last_name", "middle_name", "prefix", "suffix"});
    if (person.name.front().first != "formatted_name") refuse(name_at, "'formatted_name' is missing");
    if (person.name.size() < 2) refuse(name_at, "needs a name part besides formatted_name, first_name say");
    const auto entries = [&](std::string_view key, std::vector<contact_person::members>& into,
                             std::initializer_list<std::string_view> known) {
      element given;
      if (fields[key].get(given) != simdjson::SUCCESS) return;
      list(fields, key, at, 1, 20,
           [&](element each, const std::string& path) { into.push_back(members(each, path, known)); });
    };
    entries("phones", person.phones, {"phone", "type", "wa_id"});
    entries("emails", person.emails, {"email", "type"});
    entries("urls", person.urls, {"url", "type"});
    entries("addresses", person.addresses, {"street", "city", "state", "zip", "country", "country_code", "type"});
    element org;
    if (fields["org"].get(org) == simdjson::SUCCESS) {
      person.org = members(org, at + ".org", {"company", "department", "title"});
    }
    person.birthday = optional_text(fields, "birthday", at);
    if (split_variables(person.birthday).size() > 1 || person.birthday.empty()) return;
    bool shape = person.birthday.size() == 10;
    for (std::size_t i = 0; shape && i < 10; ++i) {
      const char c = person.birthday[i];
      shape = i == 4 || i == 7 ? c == '-' : c >= '0' && c <= '9';
    }
    if (!shape) refuse(at + ".birthday", "is not of the form YYYY-MM-DD");
  }

  void read_interactive(element value, const std::string& at) {
    const object fields = object_at(value, at, {"type", "header", "body", "footer", "action"});
    interactive_content& into = made_.interactive;
    const std::string type = text(fields, "type", at);
    if (type == "button") {
      into.kind = interactive_kind::button;
    } else if (type == "list") {
      into.kind = interactive_kind::list;
    } else if (type == "cta_url") {
      into.kind = interactive_kind::cta_url;
    } else {
      refuse(at + ".type", "'" + shown(type) + "' is not one of button, list, cta_url");
    }
    if (element header; fields["header"].get(header) == simdjson::SUCCESS) read_header(header, at + ".header");
    made_.text = text(object_at(need(fields, "body", at), at + ".body", {"text"}), "text", at + ".body");
    if (element footer; fields["footer"].get(footer) == simdjson::SUCCESS) {
      into.footer = text(object_at(footer, at + ".footer", {"text"}), "text", at + ".footer");
    }
    const std::string action = at + ".action";
    const element inner = need(fields, "action", at);
    if (into.kind == interactive_kind::button) {
      read_buttons(object_at(inner, action, {"buttons"}), action);
    } else if (into.kind == interactive_kind::list) {
      read_list(object_at(inner, action, {"button", "sections"}), action);
    } else {
      const object link = object_at(inner, action, {"name", "parameters"});
      if (text(link, "name", action) != "cta_url") refuse(action + ".name", "is not 'cta_url'");
      const std::string parameters = action + ".parameters";
      const object values = object_at(need(link, "parameters", action), parameters, {"display_text", "url"});
      into.url_text = text(values, "display_text", parameters);
      into.url = text(values, "url", parameters);
    }
  }

  void read_header(element value, const std::string& at) {
    interactive_content& into = made_.interactive;
    object peek;
    if (value.get(peek) != simdjson::SUCCESS) refuse(at, "is not a JSON object");
    const std::string type = text(peek, "type", at);
    for (const header_kind each : {header_kind::text, header_kind::image, header_kind::video, header_kind::document}) {
      if (type == word(each)) into.header = each;
    }
    if (into.header == header_kind::none) {
      refuse(at + ".type", "'" + shown(type) + "' is not one of text, image, video, document");
    }
    if (into.kind == interactive_kind::list && into.header != header_kind::text) {
      refuse(at + ".type", "a list's header can only be a text");
    }
    const object fields = object_at(value, at, {"type", type});
    if (into.header == header_kind::text) {
      into.header_text = text(fields, "text", at);
      return;
    }
    const std::string inner = at + '.' + type;
    const element media = need(fields, type, at);
    into.header_media =
        source_of(into.header == header_kind::document ? object_at(media, inner, {"id", "link", "filename"})
                                                       : object_at(media, inner, {"id", "link"}),
                  inner);
  }

  void read_buttons(object action, const std::string& at) {
    std::set<std::string> ids, titles;
    list(action, "buttons", at, 1, 3, [&](element value, const std::string& path) {
      const object button = object_at(value, path, {"type", "reply"});
      if (text(button, "type", path) != "reply") refuse(path + ".type", "is not 'reply'");
      const std::string reply_at = path + ".reply";
      const object reply = object_at(need(button, "reply", path), reply_at, {"id", "title"});
      choice made{text(reply, "id", reply_at), text(reply, "title", reply_at), ""};
      if (!ids.insert(made.id).second) refuse(reply_at + ".id", "is the id of another button, too");
      if (!titles.insert(made.title).second) refuse(reply_at + ".title", "is the title of another button, too");
      made_.interactive.buttons.push_back(std::move(made));
    });
  }

  void read_list(object action, const std::string& at) {
    interactive_content& into = made_.interactive;
    into.list_button = text(action, "button", at);
    std::set<std::string> ids;
    std::size_t rows = 0;
    list(action, "sections", at, 1, 10, [&](element value, const std::string& path) {
      const object section = object_at(value, path, {"title", "rows"});
      list_section& made = into.sections.emplace_back();
      made.title = optional_text(section, "title", path);
      list(section, "rows", path, 1, 10, [&](element entry, const std::string& row_at) {
        const object row = object_at(entry, row_at, {"id", "title", "description"});
        choice one{text(row, "id", row_at), text(row, "title", row_at), optional_text(row, "description", row_at)};
        if (!ids.insert(one.id).second) refuse(row_at + ".id", "is the id of another row, too");
        if (++rows > 10) refuse(row_at, "is the eleventh row; 10 are allowed over all sections");
        made.rows.push_back(std::move(one));
      });
    });
    if (into.sections.size() < 2) return;
    for (std::size_t i = 0; i < into.sections.size(); ++i) {
      if (into.sections[i].title.empty()) {
        refuse(at + ".sections[" + std::to_string(i) + "]", "'title' is needed when there is more than one section");
      }
    }
  }

  // What is fixed is judged now, what is filled in by each row's check.
  void check_texts() const {
    for (const message_text& each : texts_of(made_)) {
      const auto pieces = split_variables(*each.text);
      std::size_t fixed = 0;
      for (const text_piece& piece : pieces) {
        fixed += code_points(piece.fixed);
        // It would be sent as it stands here.
        if (piece.fixed.find("{{") != std::string_view::npos) {
          refuse(
              each.where,
              "has '{{' without a variable; a variable is {{name}} with a-z, 0-9 and _ in its name, and its fallback "
              "is given with the mapping");
        }
      }
      if (each.max > 0 && fixed > each.max) {
        refuse(each.where,
               "has " + std::to_string(fixed) + " characters; " + std::to_string(each.max) + " are allowed");
      }
      if (pieces.size() == 1) {
        if (check_value(each.kind, *each.text) != errc::ok) refuse(each.where, expectation(each.kind));
        continue;
      }
      const value_kind kind = each.kind == value_kind::free_text ? value_kind::free_text : value_kind::line;
      for (const text_piece& piece : pieces) {
        if (!is_blank(piece.fixed) && check_value(kind, piece.fixed) != errc::ok) {
          refuse(each.where, expectation(kind));
        }
      }
      if (each.kind == value_kind::link && !pieces[0].fixed.empty() && !pieces[0].fixed.starts_with("https://")) {
        refuse(each.where, "does not begin with https://");
      }
    }
  }

  message made_;
};

}  // namespace detail

// Errors: message_malformed (says where and what), too_large (256 KiB), out_of_memory.
[[nodiscard]] inline result<message> parse_message_json(std::string_view json) {
  if (json.size() > message_json_bytes_max) return fail(errc::too_large, "message: more than 256 KiB of JSON");
  if (json.starts_with("\xef\xbb\xbf")) json.remove_prefix(3);
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto problem = parser.parse(json.data(), json.size()).get(document); problem != simdjson::SUCCESS) {
    return fail(problem == simdjson::MEMALLOC ? errc::out_of_memory : errc::message_malformed,
                std::string("message: not JSON (") + simdjson::error_message(problem) + ")");
  }
  return detail::message_reader().read(document);
}

}  // namespace bulkmsg::content
