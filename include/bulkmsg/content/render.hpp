// A template made ready for a file's columns: checks rows, renders the exact request body, shows a preview.
//
//   auto ready = compiled_template::compile(message, columns, {});
//   if (auto problem = ready->check(cells); problem.code == errc::ok)
//     ready->render(body, "+15550001111", "b1.x.1.1.7.1", cells);
//
// Where values come from when nothing is mapped: a named parameter from the column of its name; `{{n}}` of the body
// from `param<n>`, of the header from `header_param<n>`; a media header from `header_media` (an https:// link, or a
// media id); the button with index k from `button<k>_param`, k counted from 0 as on the wire. A file whose button
// columns fit only when counted from 1 is read so. Column names match in any case.
//
// Thread: distinct objects are free; const members of one may be called at the same time.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/json_escape.hpp"
#include "bulkmsg/content/slots.hpp"
#include "bulkmsg/content/template.hpp"

namespace bulkmsg::content {

// Limits of the filled-in text, in code points (facts: WhatsApp, text and templates). The payload's is our own cautious
// choice, no source gives one.
inline constexpr std::size_t template_body_max = 1024;
inline constexpr std::size_t template_header_max = 60;
inline constexpr std::size_t template_url_max = 2000;
inline constexpr std::size_t coupon_code_max = 20;
inline constexpr std::size_t payload_max = 128;

struct row_problem {
  errc code = errc::ok;     // ok, parameter_missing, parameter_not_allowed, parameter_too_long
  std::size_t column = 0;   // index into the parameter columns
  std::string_view reason;  // valid as long as the compiled template
};

class compiled_template {
 public:
  compiled_template() = default;

  // columns: the recipients' parameter columns. Errors: column_missing (names all that are needed and what is there),
  // template_malformed, invalid_argument (the mapping names a slot that the template does not have).
  static result<compiled_template> compile(const message_template& message, std::span<const std::string> columns,
                                           const mapping& map = {}) {
    auto slots = detail::resolved_slots(message, map, columns);
    if (!slots) return fail(slots.error());
    compiled_template made;
    made.message_ = message;
    made.slots_ = std::move(*slots);
    made.column_count_ = columns.size();
    made.build();
    return made;
  }

  // Appends the request body (facts: WhatsApp, template messages). `cells` has one cell per parameter column and passed
  // check(). Allocates nothing beyond the growth of `out`. to: "+15550001111"; callback: our key, at most 512 bytes.
  void render(std::string& out, std::string_view to, std::string_view callback,
              std::span<const std::string_view> cells) const {
    out.append(R"({"messaging_product":"whatsapp","recipient_type":"individual","to":")");
    append_json_escaped(out, to);
    out.append(R"(","type":"template","biz_opaque_callback_data":")");
    append_json_escaped(out, callback);
    std::size_t from = 0;
    for (const hole& next : holes_) {
      out.append(fixed_, from, next.fixed_end - from);
      from = next.fixed_end;
      const std::string_view cell = cells[next.column];
      switch (next.kind) {
        case slot_kind::media:
          out.append(is_link(cell) ? R"("link":")" : R"("id":")");
          append_json_escaped(out, cell);
          out.push_back('"');
          break;
        case slot_kind::filename:
          if (cell.empty()) break;
          out.append(R"(,"filename":")");
          append_json_escaped(out, cell);
          out.push_back('"');
          break;
        default:
          append_json_escaped(out, cell);
      }
    }
    out.append(fixed_, from, std::string::npos);
  }

  // What the provider would refuse, found before anything is sent: an empty value, a line break, a tab, more than four
  // blanks in a row, a filled-in text over its limit.
  [[nodiscard]] row_problem check(std::span<const std::string_view> cells) const noexcept {
    if (cells.size() != column_count_) return {errc::row_has_missing_cells, 0, "other columns than at the start"};
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const std::string_view cell = cells[slots_[i].column_index];
      const errc code = check_value(slots_[i].kind, cell);
      if (code != errc::ok) return {code, slots_[i].column_index, reason(i, code)};
    }
    for (const filled_text& text : texts_) {
      std::size_t length = text.fixed;
      std::size_t longest = 0;
      std::size_t longest_slot = text.first_use < uses_.size() ? uses_[text.first_use].slot : 0;
      for (std::size_t i = text.first_use; i < text.last_use; ++i) {
        const std::size_t size = code_points(cells[slots_[uses_[i].slot].column_index]);
        length += size * uses_[i].times;
        if (size > longest) {
          longest = size;
          longest_slot = uses_[i].slot;
        }
      }
      if (length > text.max) {
        return {errc::parameter_too_long, slots_[longest_slot].column_index, reasons_[longest_slot].too_long};
      }
    }
    return {};
  }

  // Plain text as a person would see it: header, body, footer, one line per button.
  [[nodiscard]] std::string preview(std::span<const std::string_view> cells) const {
    std::string out;
    if (message_.header.kind == header_kind::text) {
      out += filled(message_.header.text, "header.", cells) + "\n\n";
    } else if (message_.header.kind != header_kind::none) {
      out += '[' + header_word() + ": " + value_of(is_location() ? "header.name" : "header.media", cells) + "]\n\n";
    }
    out += filled(message_.body, "body.", cells);
    if (!message_.footer.empty()) out += "\n\n" + message_.footer;
    if (!message_.buttons.empty()) out += '\n';
    for (std::size_t i = 0; i < message_.buttons.size(); ++i) {
      const template_button& button = message_.buttons[i];
      const std::string value = value_of("button." + std::to_string(i), cells);
      out += "\n[" + button.text + ']';
      if (button.kind == button_kind::url) out += ' ' + std::string(split_variables(button.url)[0].fixed) + value;
      if (button.kind == button_kind::phone_number) out += ' ' + button.phone_number;
      if (button.kind == button_kind::copy_code) out += ' ' + value;
    }
    return out;
  }

  // What is filled in, in wire order.
  [[nodiscard]] const std::vector<template_slot>& slots() const noexcept { return slots_; }
  [[nodiscard]] const message_template& message() const noexcept { return message_; }
  [[nodiscard]] std::size_t column_count() const noexcept { return column_count_; }

 private:
  // A value to write after fixed_[.., fixed_end).
  struct hole {
    std::uint32_t fixed_end = 0;
    std::uint32_t column = 0;
    slot_kind kind = slot_kind::text;
  };
  // A text with a length limit, and the slots in it with how often each stands there: uses_[first_use, last_use).
  struct filled_text {
    std::size_t fixed = 0;
    std::size_t max = 0;
    std::size_t first_use = 0;
    std::size_t last_use = 0;
  };
  struct use {
    std::size_t slot = 0;
    std::size_t times = 0;
  };
  struct slot_reasons {
    std::string missing;
    std::string not_allowed;
    std::string too_long;
  };

  static bool is_link(std::string_view cell) noexcept {
    return cell.size() > 8 && detail::same_column(cell.substr(0, 8), "https://");
  }
  [[nodiscard]] bool is_location() const noexcept { return message_.header.kind == header_kind::location; }

  static errc check_value(slot_kind kind, std::string_view cell) noexcept {
    if (cell.find_first_not_of(' ') == std::string_view::npos) {
      return kind == slot_kind::filename && cell.empty() ? errc::ok : errc::parameter_missing;
    }
    std::size_t blanks = 0;
    for (const char c : cell) {
      if (static_cast<unsigned char>(c) < 0x20) return errc::parameter_not_allowed;
      blanks = c == ' ' ? blanks + 1 : 0;
      if (blanks > 4) return errc::parameter_not_allowed;
    }
    switch (kind) {
      case slot_kind::media:
        // Not a link: an id, which holds neither blanks nor slashes; so http:// and local paths are caught here.
        return is_link(cell) || cell.find_first_of(" :/\\") == std::string_view::npos ? errc::ok
                                                                                      : errc::parameter_not_allowed;
      case slot_kind::coordinate: {
        double value = 0;
        const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
        const bool number = problem == std::errc() && end == cell.data() + cell.size() && value >= -180 && value <= 180;
        return number ? errc::ok : errc::parameter_not_allowed;
      }
      case slot_kind::coupon_code:
        return code_points(cell) > coupon_code_max ? errc::parameter_too_long : errc::ok;
      case slot_kind::payload:
        return code_points(cell) > payload_max ? errc::parameter_too_long : errc::ok;
      default:
        return errc::ok;
    }
  }

  [[nodiscard]] std::string_view reason(std::size_t slot, errc code) const noexcept {
    switch (code) {
      case errc::parameter_missing:
        return reasons_[slot].missing;
      case errc::parameter_too_long:
        return reasons_[slot].too_long;
      default:
        return reasons_[slot].not_allowed;
    }
  }

  void build() {
    fixed_ = R"(","template":{"name":)";
    append_json_string(fixed_, message_.name);
    fixed_ += R"(,"language":{"code":)";
    append_json_string(fixed_, message_.language);
    fixed_ += '}';
    if (!slots_.empty()) {
      fixed_ += R"(,"components":[)";
      std::size_t next = 0;
      build_header(next);
      build_body(next);
      build_buttons(next);
      fixed_ += ']';
    }
    fixed_ += "}}";
    build_checks();
  }

  void build_header(std::size_t& next) {
    const std::size_t last = count_slots(next, "header.");
    if (next == last) return;
    fixed_ += R"({"type":"header","parameters":[)";
    if (message_.header.kind == header_kind::text) {
      build_text_parameters(next, last);
    } else if (is_location()) {
      fixed_ += R"({"type":"location","location":{)";
      for (bool first = true; next < last; first = false) {
        fixed_ += (first ? "\"" : ",\"") + slots_[next].name.substr(sizeof("header.") - 1) + "\":\"";
        dig(next++);
        fixed_ += '"';
      }
      fixed_ += "}}";
    } else {
      fixed_ += R"({"type":")" + header_word() + R"(",")" + header_word() + R"(":{)";
      while (next < last) dig(next++);
      fixed_ += "}}";
    }
    fixed_ += "]}";
  }

  void build_body(std::size_t& next) {
    const std::size_t last = count_slots(next, "body.");
    if (next == last) return;
    comma();
    fixed_ += R"({"type":"body","parameters":[)";
    build_text_parameters(next, last);
    fixed_ += "]}";
  }

  void build_text_parameters(std::size_t& next, std::size_t last) {
    for (bool first = true; next < last; first = false) {
      fixed_ += first ? R"({"type":"text",)" : R"(,{"type":"text",)";
      if (message_.format == parameter_format::named) {
        const std::string& name = slots_[next].name;
        fixed_ += R"("parameter_name":")" + name.substr(name.find('.') + 1) + R"(",)";
      }
      fixed_ += R"("text":")";
      dig(next++);
      fixed_ += "\"}";
    }
  }

  void build_buttons(std::size_t& next) {
    for (; next < slots_.size(); ++next) {
      comma();
      const std::string index = slots_[next].name.substr(sizeof("button.") - 1);
      std::string_view sub_type = "url";
      std::string_view type = "text";
      std::string_view field = "text";
      if (slots_[next].kind == slot_kind::coupon_code) {
        sub_type = "copy_code";
        type = field = "coupon_code";
      } else if (slots_[next].kind == slot_kind::payload) {
        sub_type = "quick_reply";
        type = field = "payload";
      }
      fixed_.append(R"({"type":"button","sub_type":")").append(sub_type).append(R"(","index":")").append(index);
      fixed_.append(R"(","parameters":[{"type":")").append(type).append(R"(",")").append(field).append(R"(":")");
      dig(next);
      fixed_ += "\"}]}";
    }
  }

  void comma() {
    if (fixed_.back() == '}') fixed_ += ',';
  }

  [[nodiscard]] std::size_t count_slots(std::size_t from, std::string_view prefix) const noexcept {
    while (from < slots_.size() && slots_[from].name.starts_with(prefix)) ++from;
    return from;
  }

  void dig(std::size_t slot) {
    holes_.push_back({static_cast<std::uint32_t>(fixed_.size()), static_cast<std::uint32_t>(slots_[slot].column_index),
                      slots_[slot].kind});
  }

  void build_checks() {
    for (const template_slot& slot : slots_) {
      const std::size_t dot = slot.name.find('.');
      const std::string where =
          slot.name.substr(0, dot) + ' ' +
          (slot.kind == slot_kind::text ? "{{" + slot.name.substr(dot + 1) + "}}" : slot.name.substr(dot + 1));
      std::string_view allowed =
          "holds a line break, a tab, a control character or more than four blanks in a row, which the provider "
          "refuses";
      if (slot.kind == slot_kind::media) allowed = "is neither an https:// link nor a media id";
      if (slot.kind == slot_kind::coordinate) allowed = "is not a number of degrees";
      reasons_.push_back({where + " is empty, and the template needs it", where + ' ' + std::string(allowed),
                          where + " makes the text longer than the provider allows"});
    }
    add_text(message_.header.text, "header.", template_header_max);
    add_text(message_.body, "body.", template_body_max);
    for (std::size_t i = 0; i < message_.buttons.size(); ++i) {
      add_text(message_.buttons[i].url, "button." + std::to_string(i) + '/', template_url_max);
    }
  }

  // prefix ends in '.' where a variable's name follows, in '/' where the slot has one variable only.
  void add_text(std::string_view text, std::string prefix, std::size_t max) {
    filled_text made{0, max, uses_.size(), 0};
    const bool whole = prefix.back() == '/';
    if (whole) prefix.pop_back();
    for (const text_piece& piece : split_variables(text)) {
      made.fixed += code_points(piece.fixed);
      if (piece.variable.empty()) continue;
      const std::size_t slot = slot_named(whole ? prefix : prefix + std::string(piece.variable));
      if (slot == slots_.size()) continue;
      auto same = std::find_if(uses_.begin() + static_cast<std::ptrdiff_t>(made.first_use), uses_.end(),
                               [&](const use& each) { return each.slot == slot; });
      if (same == uses_.end()) {
        uses_.push_back({slot, 1});
      } else {
        ++same->times;
      }
    }
    made.last_use = uses_.size();
    if (made.last_use > made.first_use) texts_.push_back(made);
  }

  [[nodiscard]] std::size_t slot_named(std::string_view name) const noexcept {
    std::size_t i = 0;
    while (i < slots_.size() && slots_[i].name != name) ++i;
    return i;
  }

  [[nodiscard]] std::string header_word() const {
    switch (message_.header.kind) {
      case header_kind::image:
        return "image";
      case header_kind::video:
        return "video";
      case header_kind::document:
        return "document";
      case header_kind::location:
        return "location";
      default:
        return "text";
    }
  }

  [[nodiscard]] std::string value_of(std::string_view slot, std::span<const std::string_view> cells) const {
    const std::size_t at = slot_named(slot);
    return at < slots_.size() ? std::string(cells[slots_[at].column_index]) : std::string();
  }

  [[nodiscard]] std::string filled(std::string_view text, const std::string& prefix,
                                   std::span<const std::string_view> cells) const {
    std::string out;
    for (const text_piece& piece : split_variables(text)) {
      out += piece.fixed;
      if (!piece.variable.empty()) out += value_of(prefix + std::string(piece.variable), cells);
    }
    return out;
  }

  message_template message_;
  std::vector<template_slot> slots_;
  std::vector<slot_reasons> reasons_;  // by slot
  std::vector<filled_text> texts_;
  std::vector<use> uses_;
  std::string fixed_;
  std::vector<hole> holes_;
  std::size_t column_count_ = 0;
};

}  // namespace bulkmsg::content
