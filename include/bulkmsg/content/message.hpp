// What a message says: a provider's template, or a free-form message in any of the shapes a bulk sender uses.
//
// Every text of a free-form message may hold {{variables}}, named or numbered, filled in per recipient; the slot is
// called as the variable. Read one from JSON with parse_message_json() (message_json.hpp); a message_template converts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/slots.hpp"
#include "bulkmsg/content/template.hpp"
#include "bulkmsg/content/template_slots.hpp"

namespace bulkmsg::content {

enum class message_kind : std::uint8_t {
  provider_template,
  text,
  image,
  video,
  document,
  audio,
  sticker,
  location,
  contacts,
  interactive
};

// The provider's names: "template", "text", "image" ...
[[nodiscard]] constexpr std::string_view word(message_kind kind) noexcept {
  constexpr std::string_view words[] = {"template", "text",    "image",    "video",    "document",
                                        "audio",    "sticker", "location", "contacts", "interactive"};
  return words[static_cast<std::size_t>(kind)];
}

// An https:// link, the provider's media id, or a text with variables; only the filled-in value says which it is.
struct media_source {
  std::string reference;
  std::string file_name;  // documents only; may be empty
};

struct place {
  std::string latitude, longitude, name, address;  // name and address may be empty
};

// Members as the provider names them, in the order they are sent.
struct contact_person {
  using members = std::vector<std::pair<std::string, std::string>>;
  members name;  // formatted_name and at least one part
  std::vector<members> phones, emails, urls, addresses;
  members org;
  std::string birthday;  // YYYY-MM-DD, may be empty
};

enum class interactive_kind : std::uint8_t {
  button,
  list,
  cta_url
};

// A reply button, or a row of a list.
struct choice {
  std::string id, title, description;  // description: rows only, may be empty
};

struct list_section {
  std::string title;  // needed when there is more than one
  std::vector<choice> rows;
};

struct interactive_content {
  interactive_kind kind = interactive_kind::button;
  header_kind header = header_kind::none;  // none, text, image, video, document
  std::string header_text;
  media_source header_media;
  std::string footer;
  std::vector<choice> buttons;         // kind button: 1 to 3
  std::string list_button;             // kind list: what opens it
  std::vector<list_section> sections;  // kind list
  std::string url_text, url;           // kind cta_url
};

struct message {
  message() = default;
  message(message_template from)  // NOLINT(google-explicit-constructor): a template is a message
      : kind(message_kind::provider_template), approved(std::move(from)) {}

  message_kind kind = message_kind::text;
  message_template approved;  // kind provider_template only; everything below: the other kinds

  std::string text;                    // the text, a medium's caption, an interactive message's body
  bool preview_url = false;            // kind text: show a card of the first link
  media_source media;                  // kinds image, video, document, audio, sticker
  bool voice = false;                  // kind audio: a voice note
  place where;                         // kind location
  std::vector<contact_person> people;  // kind contacts
  interactive_content interactive;     // kind interactive

  [[nodiscard]] bool is_free_form() const noexcept { return kind != message_kind::provider_template; }
};

// A text of a free-form message with what it may be: code points at most (0: any), the kind of its value when it is one
// variable alone, and its place in the JSON.
struct message_text {
  const std::string* text = nullptr;
  value_kind kind = value_kind::free_text;
  std::size_t max = 0;
  std::string where;  // "interactive.action.buttons[0].reply.title"
};

// Every text of a free-form message that is not empty, in wire order; limits are those of facts, WhatsApp, free-form
// types.
[[nodiscard]] inline std::vector<message_text> texts_of(const message& of) {
  std::vector<message_text> list;
  const auto add = [&](const std::string& text, value_kind kind, std::size_t max, std::string where) {
    if (!text.empty()) list.push_back({&text, kind, max, std::move(where)});
  };
  const std::string kind(word(of.kind));
  const auto media = [&](const media_source& from, const std::string& at) {
    add(from.reference, value_kind::media, 0, at + ".link");
    add(from.file_name, value_kind::file_name, 240, at + ".filename");
  };
  switch (of.kind) {
    case message_kind::provider_template:
      break;
    case message_kind::text:
      add(of.text, value_kind::free_text, 4096, "text.body");
      break;
    case message_kind::image:
    case message_kind::video:
    case message_kind::document:
    case message_kind::audio:
    case message_kind::sticker:
      media(of.media, kind);
      add(of.text, value_kind::free_text, 1024, kind + ".caption");
      break;
    case message_kind::location:
      add(of.where.latitude, value_kind::latitude, 0, "location.latitude");
      add(of.where.longitude, value_kind::longitude, 0, "location.longitude");
      add(of.where.name, value_kind::line, 1000, "location.name");
      add(of.where.address, value_kind::line, 1000, "location.address");
      break;
    case message_kind::contacts:
      for (std::size_t i = 0; i < of.people.size(); ++i) {
        const contact_person& person = of.people[i];
        const std::string at = "contacts[" + std::to_string(i) + "]";
        const auto members = [&](const contact_person::members& from, const std::string& in) {
          for (const auto& [name, text] : from) add(text, value_kind::line, 1000, in + '.' + name);
        };
        const auto entries = [&](const std::vector<contact_person::members>& from, const std::string& in) {
          for (std::size_t k = 0; k < from.size(); ++k) members(from[k], in + '[' + std::to_string(k) + ']');
        };
        members(person.name, at + ".name");
        entries(person.phones, at + ".phones");
        entries(person.emails, at + ".emails");
        entries(person.urls, at + ".urls");
        entries(person.addresses, at + ".addresses");
        members(person.org, at + ".org");
        add(person.birthday, value_kind::line, 10, at + ".birthday");
      }
      break;
    case message_kind::interactive: {
      const interactive_content& inner = of.interactive;
      add(inner.header_text, value_kind::line, 60, "interactive.header.text");
      media(inner.header_media, "interactive.header." + std::string(word(inner.header)));
      add(of.text, value_kind::free_text, inner.kind == interactive_kind::list ? 4096 : 1024, "interactive.body.text");
      add(inner.footer, value_kind::line, 60, "interactive.footer.text");
      for (std::size_t i = 0; i < inner.buttons.size(); ++i) {
        const std::string at = "interactive.action.buttons[" + std::to_string(i) + "].reply.";
        add(inner.buttons[i].id, value_kind::line, 256, at + "id");
        add(inner.buttons[i].title, value_kind::line, 20, at + "title");
      }
      add(inner.list_button, value_kind::line, 20, "interactive.action.button");
      for (std::size_t s = 0; s < inner.sections.size(); ++s) {
        const std::string section = "interactive.action.sections[" + std::to_string(s) + "].";
        add(inner.sections[s].title, value_kind::line, 24, section + "title");
        for (std::size_t r = 0; r < inner.sections[s].rows.size(); ++r) {
          const choice& row = inner.sections[s].rows[r];
          const std::string at = section + "rows[" + std::to_string(r) + "].";
          add(row.id, value_kind::line, 200, at + "id");
          add(row.title, value_kind::line, 24, at + "title");
          add(row.description, value_kind::line, 72, at + "description");
        }
      }
      add(inner.url_text, value_kind::line, 20, "interactive.action.parameters.display_text");
      add(inner.url, value_kind::link, 2000, "interactive.action.parameters.url");
      break;
    }
  }
  return list;
}

namespace detail {

inline std::vector<slot> free_form_slots(const message& of, const mapping& map) {
  std::vector<slot> slots;
  for (const message_text& text : texts_of(of)) {
    for (const text_piece& piece : split_variables(*text.text)) {
      bool known = piece.variable.empty();
      for (const slot& each : slots) known = known || each.name == piece.variable;
      if (known) continue;
      const std::string name(piece.variable);
      slots.push_back(made_slot(map, name, "{{" + name + "}}", variable_position(name) > 0 ? "param" + name : name,
                                value_kind::free_text));
    }
  }
  return slots;
}

}  // namespace detail

// Slots of any message with their columns found. Errors: as for templates.
[[nodiscard]] inline result<std::vector<slot>> resolved_slots(const message& of, std::span<const std::string> columns,
                                                              const mapping& map) {
  if (!of.is_free_form()) return resolved_slots(of.approved, columns, map);
  auto slots = detail::free_form_slots(of, map);
  if (auto mapped = detail::check_mapped(map, slots, "the message"); !mapped) return fail(mapped.error());
  const auto missing = detail::resolve(slots, map, columns);
  if (!missing.empty()) return fail(detail::columns_missing("the message", slots, missing, columns));
  return slots;
}

// The columns a message reads, in wire order and without repeats.
[[nodiscard]] inline std::vector<std::string> needed_columns(const message& of, const mapping& map = {}) {
  return of.is_free_form() ? detail::columns_of(detail::free_form_slots(of, map)) : needed_columns(of.approved, map);
}

}  // namespace bulkmsg::content
