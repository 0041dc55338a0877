// Reads a template from the provider's own JSON: one entry of `GET /{account}/message_templates`, or an answer of that
// call that holds exactly one.
//
// Costs a simdjson include; the struct it fills is in template.hpp.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

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
    if (made_.category == "AUTHENTICATION") return unsupported("authentication templates");

    const std::string format = upper(optional(entry, "parameter_format"));
    if (!format.empty() && format != "NAMED" && format != "POSITIONAL") {
      return malformed("'parameter_format' is neither POSITIONAL nor NAMED");
    }
    simdjson::dom::array components;
    if (entry["components"].get(components) != simdjson::SUCCESS) return malformed("no 'components' array");
    std::size_t index = 0;
    for (const element component : components) {
      at_ = "components[" + std::to_string(index++) + "]";
      object fields;
      if (component.get(fields) != simdjson::SUCCESS) return malformed("not an object");
      if (auto done = read_component(fields); !done) return fail(done.error());
    }
    at_.clear();
    if (!have_body_) return malformed("no BODY component");

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

  result<void> read_component(object fields) {
    auto type = required(fields, "type", "");
    if (!type) return fail(type.error());
    const std::string kind = upper(*type);
    if (kind == "HEADER") return read_header(fields);
    if (kind == "BODY") {
      if (have_body_) return malformed("a second BODY");
      have_body_ = true;
      return read_text(fields, made_.body);
    }
    if (kind == "FOOTER") return read_text(fields, made_.footer);
    if (kind == "BUTTONS") return read_buttons(fields);
    return unsupported(kind + " components");
  }

  result<void> read_text(object fields, std::string& into) {
    auto text = required(fields, "text", "");
    if (!text) return fail(text.error());
    into = std::move(*text);
    return {};
  }

  result<void> read_header(object fields) {
    if (made_.header.kind != header_kind::none) return malformed("a second HEADER");
    auto format = required(fields, "format", "");
    if (!format) return fail(format.error());
    const std::string kind = upper(*format);
    if (kind == "TEXT") {
      made_.header.kind = header_kind::text;
      return read_text(fields, made_.header.text);
    }
    if (kind == "IMAGE") {
      made_.header.kind = header_kind::image;
    } else if (kind == "VIDEO") {
      made_.header.kind = header_kind::video;
    } else if (kind == "DOCUMENT") {
      made_.header.kind = header_kind::document;
    } else if (kind == "LOCATION") {
      made_.header.kind = header_kind::location;
    } else {
      return unsupported(kind + " headers");
    }
    return {};
  }

  result<void> read_buttons(object fields) {
    simdjson::dom::array buttons;
    if (fields["buttons"].get(buttons) != simdjson::SUCCESS) return malformed("no 'buttons' array");
    const std::string outer = at_;
    for (const element entry : buttons) {
      at_ = outer + ".buttons[" + std::to_string(made_.buttons.size()) + "]";
      object button;
      if (entry.get(button) != simdjson::SUCCESS) return malformed("not an object");
      auto type = required(button, "type", "");
      if (!type) return fail(type.error());
      const std::string kind = upper(*type);
      template_button made;
      made.text = optional(button, "text");
      if (kind == "QUICK_REPLY") {
        made.kind = button_kind::quick_reply;
      } else if (kind == "URL") {
        auto url = required(button, "url", "");
        if (!url) return fail(url.error());
        // One-time-password buttons read back as URL buttons.
        if (url->find("/otp/") != std::string::npos) return unsupported("OTP buttons");
        made.kind = button_kind::url;
        made.url = std::move(*url);
      } else if (kind == "PHONE_NUMBER") {
        made.kind = button_kind::phone_number;
        made.phone_number = optional(button, "phone_number");
      } else if (kind == "COPY_CODE") {
        made.kind = button_kind::copy_code;
      } else {
        return unsupported(kind + " buttons");
      }
      made_.buttons.push_back(std::move(made));
      if (made_.buttons.size() > 10) return malformed("more than 10 buttons");
    }
    return {};
  }

  // Older answers leave parameter_format out: positional unless a variable has a name.
  [[nodiscard]] bool numbered() const {
    for (const std::string* text : {&made_.header.text, &made_.body}) {
      for (const text_piece& piece : split_variables(*text)) {
        if (!piece.variable.empty() && variable_position(piece.variable) == 0) return false;
      }
    }
    return true;
  }

  result<message_template> checked() {
    if (auto body = variables_of(made_.body, made_.format, "body"); !body) return fail(body.error());
    auto header = variables_of(made_.header.text, made_.format, "header");
    if (!header) return fail(header.error());
    if (header->size() > 1) return malformed("the header has more than one variable");
    for (const template_button& button : made_.buttons) {
      const auto pieces = split_variables(button.url);
      const bool at_end = pieces.size() == 1 || (pieces.size() == 2 && pieces[1].fixed.empty());
      if (!at_end) return malformed("a button's URL may hold one variable, at its end");
    }
    return std::move(made_);
  }

  message_template made_;
  std::string at_;
  bool have_body_ = false;
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
  return detail::template_reader().read(entry);
}

}  // namespace bulkmsg::content
