// The slots of a template, in wire order; their names and usual columns are listed in slots.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/slots.hpp"
#include "bulkmsg/content/template.hpp"

namespace bulkmsg::content {

// The one slot of an authentication template.
inline constexpr std::string_view code_slot = "code";

namespace detail {

class template_slots {
 public:
  // `first_button` is 0, or 1 for files whose author counts buttons from one.
  template_slots(const message_template& message, const mapping& map, std::span<const std::string> columns,
                 std::size_t first_button)
      : message_(message), map_(map), columns_(columns), first_button_(first_button) {}

  result<std::vector<slot>> list() && {
    if (message_.is_authentication()) {
      add(std::string(code_slot), "code", "code", value_kind::template_text);
    } else {
      if (auto done = parts_of(message_, "", "", ""); !done) return fail(done.error());
      for (std::size_t i = 0; i < message_.cards.size(); ++i) {
        const std::string number = std::to_string(i);
        auto done = parts_of(message_.cards[i], "card." + number + ".", "card " + number + " ", "card" + number + "_");
        if (!done) return fail(done.error());
      }
    }
    auto mapped = check_mapped(map_, slots_, "the template");
    if (!mapped) return fail(mapped.error());
    return std::move(slots_);
  }

 private:
  void add(std::string name, std::string where, std::string column, value_kind kind) {
    slots_.push_back(made_slot(map_, std::move(name), std::move(where), std::move(column), kind));
  }

  // Prefixes of names, of places and of columns.
  result<void> parts_of(const template_parts& parts, const std::string& name, const std::string& where,
                        const std::string& column) {
    const bool whole = &parts == &message_;
    switch (parts.header.kind) {
      case header_kind::none:
        break;
      case header_kind::text:
        if (auto done = text(parts.header.text, "header", name, where, column + "header_param"); !done) return done;
        break;
      case header_kind::location:
        for (const std::string_view field : {"latitude", "longitude", "name", "address"}) {
          add(name + "header." + std::string(field), where + "header " + std::string(field),
              column + "header_" + std::string(field),
              field == "latitude"    ? value_kind::latitude
              : field == "longitude" ? value_kind::longitude
                                     : value_kind::template_text);
        }
        break;
      default:
        add(name + "header.media", where + "header media", column + "header_media", value_kind::media);
        slots_.back().media = parts.header.kind == header_kind::image      ? "image"
                              : parts.header.kind == header_kind::document ? "document"
                                                                           : "video";
        if (parts.header.kind == header_kind::document) {
          optional(name + "header.filename", where + "header filename", column + "header_filename",
                   value_kind::file_name);
        }
    }
    // Before the body, where the provider's own example has it.
    if (whole && message_.offer && message_.offer->expires) {
      add("offer.expiration", "offer expiration", "offer_expiration", value_kind::whole_number);
    }
    if (auto done = text(parts.body, "body", name, where, column + "param"); !done) return done;
    for (std::size_t i = 0; i < parts.buttons.size(); ++i) button(parts.buttons[i], i, name, where, column);
    return {};
  }

  // An optional slot is there when it is mapped, or when the file has its usual column.
  void optional(std::string name, std::string where, std::string column, value_kind kind) {
    if (map_.find(name) == nullptr && find_column(columns_, column) == columns_.size()) return;
    add(std::move(name), std::move(where), std::move(column), kind);
  }

  result<void> text(std::string_view text, const std::string& component, const std::string& name,
                    const std::string& where, const std::string& column) {
    auto variables = variables_of(text, message_.format, where + component);
    if (!variables) return fail(variables.error());
    const bool named = message_.format == parameter_format::named;
    for (const std::string& variable : *variables) {
      add(name + component + "." + variable, where + component + " {{" + variable + "}}",
          named ? variable : column + variable, value_kind::template_text);
    }
    return {};
  }

  void button(const template_button& button, std::size_t index, const std::string& name, const std::string& where,
              const std::string& column) {
    std::string slot = name + "button." + std::to_string(index);
    const bool needed = (button.kind == button_kind::url && split_variables(button.url).size() > 1) ||
                        button.kind == button_kind::copy_code || button.kind == button_kind::one_time_password;
    const bool possible = button.kind == button_kind::quick_reply || button.kind == button_kind::flow ||
                          button.kind == button_kind::catalog;
    if (needed || (possible && map_.find(slot) != nullptr)) {
      add(std::move(slot), where + "button " + std::to_string(index),
          column + "button" + std::to_string(index + first_button_) + "_param", value_kind::template_text);
    }
  }

  const message_template& message_;
  const mapping& map_;
  std::span<const std::string> columns_;
  std::size_t first_button_;
  std::vector<slot> slots_;
};

}  // namespace detail

// Slots with their columns found. Errors: column_missing (names all that is needed and what is there),
// template_malformed, invalid_argument (the mapping names a slot that the template does not have).
[[nodiscard]] inline result<std::vector<slot>> resolved_slots(const message_template& message,
                                                              std::span<const std::string> columns,
                                                              const mapping& map) {
  auto slots = detail::template_slots(message, map, columns, 0).list();
  if (!slots) return slots;
  const auto missing = detail::resolve(*slots, map, columns);
  if (missing.empty()) return slots;
  auto counted_from_one = detail::template_slots(message, map, columns, 1).list();
  if (counted_from_one && detail::resolve(*counted_from_one, map, columns).empty()) return counted_from_one;
  return fail(detail::columns_missing("template '" + message.name + "'", *slots, missing, columns));
}

// The columns a template reads, in wire order and without repeats: the header row of a CSV to fill in, after
// phone_number. Empty when the template or the mapping is malformed (compiling says why).
[[nodiscard]] inline std::vector<std::string> needed_columns(const message_template& message, const mapping& map = {}) {
  const auto slots = detail::template_slots(message, map, {}, 0).list();
  return slots ? detail::columns_of(*slots) : std::vector<std::string>();
}

}  // namespace bulkmsg::content
