// Reads a template from the provider's own JSON: one entry of `GET /{account}/message_templates`, or an answer of that
// call that holds exactly one.
//
// Costs a simdjson include; the struct it fills is in template.hpp.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/template.hpp"

namespace bulkmsg::content {

// The longest template JSON that is read; real ones are a few KiB.
inline constexpr std::size_t template_json_bytes_max = std::size_t{1024} * 1024;

namespace detail {

class template_reader {
 public:
  using element = simdjson::dom::element;
  using object = simdjson::dom::object;

  result<message_template> read(object entry) {
    auto name = required(entry, "name", "");
    auto language = required(entry, "language", "");
    auto status = required(entry, "status", "");
    for (auto* field : {&name, &language, &status}) {
      if (!*field) return fail(field->error());
    }
    made_.name = *name;
    made_.language = *language;
    made_.status = upper(*status);
    made_.id = optional(entry, "id");
    made_.category = upper(optional(entry, "category"));
    for (const std::string* word : {&made_.name, &made_.language}) {
      const bool plain = word->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                         std::string::npos;
      if (!plain || word->empty() || word->size() > 512) {
        return fail(errc::template_malformed, "template: 'name' or 'language' is not one a template can have");
      }
    }
    if (made_.status != "APPROVED") {
      return fail(errc::template_not_approved, label() + " is " + made_.status +
                                                   "; only APPROVED templates can be sent, so wait for or ask for "
                                                   "approval and read it again");
    }

    const std::string format = upper(optional(entry, "parameter_format"));
    if (!format.empty() && format != "NAMED" && format != "POSITIONAL") {
      return malformed("'parameter_format' is neither POSITIONAL nor NAMED");
    }
    simdjson::dom::array components;
    if (entry["components"].get(components) != simdjson::SUCCESS) return malformed("no 'components' array");
    auto body = read_components(components, "components", made_, true);
    if (!body) return fail(body.error());
    if (!*body) return malformed("no BODY component");

    made_.format =
        format == "NAMED" || (format.empty() && !numbered()) ? parameter_format::named : parameter_format::positional;
    return checked();
  }

 private:
  static std::string upper(std::string text) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
  }

  [[nodiscard]] std::string label() const { return "template '" + made_.name + "' (" + made_.language + ")"; }

  [[nodiscard]] tl::unexpected<error> malformed(std::string_view what) const {
    return fail(errc::template_malformed, "template: " + at_ + (at_.empty() ? "" : ": ") + std::string(what) +
                                              "; expected one entry of GET message_templates");
  }

  [[nodiscard]] tl::unexpected<error> unsupported(std::string_view what) const {
    return fail(errc::template_not_supported, label() + ": this version cannot send " + std::string(what));
  }

  [[nodiscard]] static std::string optional(object from, std::string_view key) {
    std::string_view text;
    return from[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
  }

  [[nodiscard]] result<std::string> required(object from, std::string_view key, std::string_view in) const {
    std::string_view text;
    if (from[key].get(text) == simdjson::SUCCESS && !text.empty()) return std::string(text);
    return malformed(std::string(in) + "'" + std::string(key) + "' is missing or not a text");
  }

  // True when there was a body among them. Only a `whole` template has more than header, body and buttons.
  result<bool> read_components(simdjson::dom::array components, const std::string& at, template_parts& into,
                               bool whole) {
    bool have_body = false;
    std::size_t index = 0;
    for (const element component : components) {
      at_ = at + "[" + std::to_string(index++) + "]";
      object fields;
      if (component.get(fields) != simdjson::SUCCESS) return malformed("not an object");
      auto type = required(fields, "type", "");
      if (!type) return fail(type.error());
      const std::string kind = upper(*type);
      result<void> done;
      if (kind == "HEADER") {
        done = read_header(fields, into.header);
      } else if (kind == "BODY") {
        if (have_body) return malformed("a second BODY");
        have_body = true;
        done = read_body(fields, into.body);
      } else if (kind == "BUTTONS") {
        done = read_buttons(fields, into.buttons);
      } else if (kind == "FOOTER" && whole) {
        // An authentication template's says only after how many minutes the code expires.
        if (!made_.is_authentication() || !optional(fields, "text").empty()) done = read_text(fields, made_.footer);
      } else if (kind == "CAROUSEL" && whole) {
        done = read_carousel(fields);
      } else if (kind == "LIMITED_TIME_OFFER" && whole) {
        done = read_offer(fields);
      } else {
        return unsupported(kind + (whole ? " components" : " components in a carousel's card"));
      }
      if (!done) return fail(done.error());
    }
    at_.clear();
    return have_body;
  }

  result<void> read_text(object fields, std::string& into) {
    auto text = required(fields, "text", "");
    if (!text) return fail(text.error());
    into = std::move(*text);
    return {};
  }

  result<void> read_body(object fields, std::string& into) {
    if (!made_.is_authentication() || !optional(fields, "text").empty()) return read_text(fields, into);
    into = "{{1}}";  // the provider words it, in the language of the template
    return {};
  }

  result<void> read_header(object fields, template_header& into) {
    if (into.kind != header_kind::none) return malformed("a second HEADER");
    auto format = required(fields, "format", "");
    if (!format) return fail(format.error());
    const std::string kind = upper(*format);
    for (const header_kind each : {header_kind::text, header_kind::image, header_kind::video, header_kind::document,
                                   header_kind::gif, header_kind::location}) {
      if (kind == upper(std::string(word(each)))) into.kind = each;
    }
    if (into.kind == header_kind::none) return unsupported(kind + " headers");
    return into.kind == header_kind::text ? read_text(fields, into.text) : result<void>();
  }

  result<void> read_buttons(object fields, std::vector<template_button>& into) {
    simdjson::dom::array buttons;
    if (fields["buttons"].get(buttons) != simdjson::SUCCESS) return malformed("no 'buttons' array");
    if (!into.empty()) return malformed("a second BUTTONS");
    const std::string outer = at_;
    for (const element entry : buttons) {
      at_ = outer + ".buttons[" + std::to_string(into.size()) + "]";
      object button;
      if (entry.get(button) != simdjson::SUCCESS) return malformed("not an object");
      auto type = required(button, "type", "");
      if (!type) return fail(type.error());
      const std::string kind = upper(*type);
      template_button made;
      made.text = optional(button, "text");
      made.url = optional(button, "url");
      made.phone_number = optional(button, "phone_number");
      if (kind == "QUICK_REPLY") {
        made.kind = button_kind::quick_reply;
      } else if (kind == "URL") {
        if (made.url.empty()) return malformed("'url' is missing or not a text");
        // One-time-password buttons read back as URL buttons.
        const bool code =
            made.url.find("/otp/") != std::string::npos || made.url.find("otp_type=") != std::string::npos;
        made.kind = code ? button_kind::one_time_password : button_kind::url;
      } else if (kind == "OTP") {
        made.kind = button_kind::one_time_password;
      } else if (kind == "PHONE_NUMBER") {
        made.kind = button_kind::phone_number;
      } else if (kind == "COPY_CODE") {
        made.kind = button_kind::copy_code;
      } else if (kind == "FLOW") {
        made.kind = button_kind::flow;
      } else if (kind == "CATALOG") {
        made.kind = button_kind::catalog;
      } else if (kind == "VOICE_CALL" || kind == "REQUEST_CONTACT_INFO" || kind == "CALL_PERMISSION_REQUEST") {
        made.kind = button_kind::other;
      } else {
        return unsupported(kind + " buttons");
      }
      if (made.kind == button_kind::one_time_password) {
        if (!made_.is_authentication())
          return malformed("a one-time-password button outside an AUTHENTICATION template");
        made.url.clear();
      }
      into.push_back(std::move(made));
      if (into.size() > 10) return malformed("more than 10 buttons");
    }
    return {};
  }

  result<void> read_offer(object fields) {
    if (made_.offer) return malformed("a second LIMITED_TIME_OFFER");
    object inner;
    if (fields["limited_time_offer"].get(inner) != simdjson::SUCCESS) {
      return malformed("no 'limited_time_offer' object");
    }
    made_.offer.emplace();
    made_.offer->text = optional(inner, "text");
    if (inner["has_expiration"].get(made_.offer->expires) != simdjson::SUCCESS) made_.offer->expires = false;
    return {};
  }

  result<void> read_carousel(object fields) {
    simdjson::dom::array cards;
    if (fields["cards"].get(cards) != simdjson::SUCCESS) return malformed("no 'cards' array");
    if (!made_.cards.empty()) return malformed("a second CAROUSEL");
    const std::string outer = at_;
    for (const element entry : cards) {
      const std::string at = outer + ".cards[" + std::to_string(made_.cards.size()) + "]";
      at_ = at;
      simdjson::dom::array components;
      if (entry["components"].get(components) != simdjson::SUCCESS) return malformed("no 'components' array");
      template_parts card;
      if (auto done = read_components(components, at + ".components", card, false); !done) return fail(done.error());
      at_ = at;
      if (card.header.kind == header_kind::none) return malformed("no HEADER, which every card has");
      if (!made_.cards.empty() && !same_components(card, made_.cards.front())) {
        return malformed("other components than the first card has");
      }
      made_.cards.push_back(std::move(card));
      if (made_.cards.size() > 10) break;
    }
    at_ = outer;
    if (made_.cards.size() < 2 || made_.cards.size() > 10) return malformed("a carousel has 2 to 10 cards");
    return {};
  }

  static bool same_components(const template_parts& a, const template_parts& b) {
    if (a.header.kind != b.header.kind || a.body.empty() != b.body.empty()) return false;
    if (a.buttons.size() != b.buttons.size()) return false;
    for (std::size_t i = 0; i < a.buttons.size(); ++i) {
      if (a.buttons[i].kind != b.buttons[i].kind) return false;
    }
    return true;
  }

  // Older answers leave parameter_format out: positional unless a variable has a name.
  [[nodiscard]] bool numbered() const {
    const auto named_in = [](const template_parts& parts) {
      for (const std::string* text : {&parts.header.text, &parts.body}) {
        for (const text_piece& piece : split_variables(*text)) {
          if (!piece.variable.empty() && variable_position(piece.variable) == 0) return true;
        }
      }
      return false;
    };
    return !named_in(made_) && std::none_of(made_.cards.begin(), made_.cards.end(), named_in);
  }

  result<message_template> checked() {
    if (auto done = check_parts(made_, ""); !done) return fail(done.error());
    for (std::size_t i = 0; i < made_.cards.size(); ++i) {
      if (auto done = check_parts(made_.cards[i], "card " + std::to_string(i) + " "); !done) return fail(done.error());
    }
    if (made_.is_authentication() && (!made_.header.text.empty() || !made_.cards.empty() || made_.offer)) {
      return malformed("an AUTHENTICATION template has only a body, a footer and buttons");
    }
    return std::move(made_);
  }

  result<void> check_parts(const template_parts& parts, const std::string& where) {
    if (auto body = variables_of(parts.body, made_.format, where + "body"); !body) return fail(body.error());
    auto header = variables_of(parts.header.text, made_.format, where + "header");
    if (!header) return fail(header.error());
    if (header->size() > 1) return malformed(where + "header has more than one variable");
    for (const template_button& button : parts.buttons) {
      const auto pieces = split_variables(button.url);
      const bool at_end = pieces.size() == 1 || (pieces.size() == 2 && pieces[1].fixed.empty());
      if (!at_end) return malformed(where + "button's URL may hold one variable, at its end");
    }
    return {};
  }

  message_template made_;
  std::string at_;
};

}  // namespace detail

// Errors: template_malformed (says where), template_not_approved (names the status), template_not_supported (names the
// component), too_large.
[[nodiscard]] inline result<message_template> parse_template_json(std::string_view json) {
  if (json.size() > template_json_bytes_max) return fail(errc::too_large, "template: more than 1 MiB of JSON");
  if (json.starts_with("\xef\xbb\xbf")) json.remove_prefix(3);
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto problem = parser.parse(json.data(), json.size()).get(document); problem != simdjson::SUCCESS) {
    return fail(problem == simdjson::MEMALLOC ? errc::out_of_memory : errc::template_malformed,
                std::string("template: not JSON (") + simdjson::error_message(problem) + ")");
  }
  simdjson::dom::object entry;
  if (document.get(entry) != simdjson::SUCCESS) {
    return fail(errc::template_malformed, "template: not a JSON object; expected one entry of GET message_templates");
  }
  if (simdjson::dom::array list; entry["data"].get(list) == simdjson::SUCCESS) {
    if (list.size() != 1) {
      return fail(errc::template_malformed,
                  "template: 'data' holds " + std::to_string(list.size()) + " templates; leave the one to send");
    }
    if (list.at(0).get(entry) != simdjson::SUCCESS) {
      return fail(errc::template_malformed, "template: data[0] is not an object");
    }
  }
  auto read = detail::template_reader().read(entry);
  if (!read) read.error().message = detail::one_line(std::move(read.error().message));
  return read;
}

}  // namespace bulkmsg::content
