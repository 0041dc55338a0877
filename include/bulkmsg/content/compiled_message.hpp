// A message made ready for a file's columns: checks rows, renders the exact request body, shows a preview.
//
//   auto ready = channels::compile_whatsapp(message, columns, mapping);      // or any other channel's layout
//   if (auto problem = ready->check(cells); problem.code == errc::ok)
//     ready->render(body, "+15550001111", "b1.x.1.1.7.1", cells);
//
// It is a flat list of fixed bytes and holes (a cell, the address, our key), and knows no channel: a channel lays its
// JSON out with a message_builder.
//
//   message_builder b(std::move(slots), columns.size());
//   b.fixed(R"({"to":")").address({}).fixed(R"(","text":")").text(b.parts("Hi {{name}}", "")).fixed("\"}");
//   auto ready = std::move(b).build();
//
// Thread: distinct objects are free; const members of one may be called at the same time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/json_escape.hpp"
#include "bulkmsg/content/preview.hpp"
#include "bulkmsg/content/slots.hpp"
#include "bulkmsg/content/template.hpp"

namespace bulkmsg::content {

struct row_problem {
  errc code = errc::ok;     // ok, parameter_missing, parameter_not_allowed, parameter_too_long
  std::size_t column = 0;   // index into the parameter columns
  std::string_view reason;  // valid as long as the compiled message
};

// A run of fixed text and the slot that follows it; no_slot: nothing follows.
inline constexpr std::size_t no_slot = static_cast<std::size_t>(-1);
struct text_part {
  std::string fixed;
  std::size_t slot = no_slot;
};
using text_parts = std::vector<text_part>;

// How a value goes into the bytes.
enum class write_as : std::uint8_t {
  text,       // JSON-escaped, inside quotes that the fixed text brings
  media,      // a whole member: "link":"https://..." or "id":"..."
  file_name,  // a whole member after a comma: ,"filename":"..."; nothing when empty
  raw         // as it is: for whole_number
};

// What stands before the address itself, by its kind (recipients/address.hpp): "+4915..." , "group:ID", "user:ID",
// "chat:ID". The address follows JSON-escaped, without its prefix but with a phone's +.
struct address_forms {
  std::string phone, group, user, chat;
};

// What the provider calls our files: file:PATH -> media id.
using file_ids = std::map<std::string, std::string, std::less<>>;

class compiled_message {
 public:
  compiled_message() = default;

  // From now on these stand in the bytes for the values that name files of ours.
  void set_files(file_ids files) { files_ = std::move(files); }

  // Appends the request body. `cells` has one cell per parameter column and passed check(). Allocates nothing beyond
  // the growth of `out`. to: an address in its one text form, "+15550001111"; callback: our key, at most 512 bytes.
  void render(std::string& out, std::string_view to, std::string_view callback,
              std::span<const std::string_view> cells) const {
    std::size_t size = fixed_.size() + to.size() + callback.size();
    for (const std::string_view cell : cells) size += cell.size();
    json_appender json(out, size);
    const std::string_view fixed = fixed_;
    std::size_t from = 0;
    for (const hole& next : holes_) {
      json.bytes(fixed.substr(from, next.fixed_end - from));
      from = next.fixed_end;
      switch (next.what) {
        case hole_kind::text:
          json.text(value(next, cells));
          break;
        case hole_kind::address:
          write_address(json, to, forms_[next.slot]);
          break;
        case hole_kind::callback:
          json.text(callback);
          break;
        default:
          write(json, static_cast<write_as>(next.what), value(next, cells));
      }
    }
    json.bytes(fixed.substr(from));
  }

  // What the provider would refuse, found before anything is sent: an empty value, one that its place does not take, a
  // filled-in text over its limit in code points.
  [[nodiscard]] row_problem check(std::span<const std::string_view> cells) const noexcept {
    if (cells.size() != column_count_) return {errc::row_has_missing_cells, 0, "other columns than at the start"};
    for (const value_check& each : checks_) {
      const slot& of = slots_[each.slot];
      if (const errc code = check_value(each.kind, value_of(of, cells)); code != errc::ok) {
        return {code, column_of(of), code == errc::parameter_missing ? each.missing : each.not_allowed};
      }
    }
    for (const length_limit& limit : limits_) {
      std::size_t length = limit.fixed;
      std::size_t longest = 0;
      const use* worst = nullptr;
      for (std::size_t i = limit.first_use; i < limit.last_use; ++i) {
        const std::size_t size = code_points(value_of(slots_[uses_[i].slot], cells));
        length += size * uses_[i].times;
        if (worst == nullptr || size > longest) {
          longest = size;
          worst = &uses_[i];
        }
      }
      if (length > limit.max && worst != nullptr) {
        return {errc::parameter_too_long, column_of(slots_[worst->slot]), worst->too_long};
      }
    }
    return {};
  }

  // What a person will see, filled with one row's values: the same that go on the wire.
  [[nodiscard]] card card_of(std::span<const std::string_view> cells) const {
    return map_card<std::string>(preview_, [&](const text_parts& parts) {
      std::string filled;
      for (const text_part& part : parts) {
        filled += part.fixed;
        if (part.slot != no_slot) filled += value_of(slots_[part.slot], cells);
      }
      return filled;
    });
  }
  [[nodiscard]] std::string preview(std::span<const std::string_view> cells) const { return to_text(card_of(cells)); }

  // The text without its values: what is the same for everyone.
  [[nodiscard]] card fixed_card() const {
    return map_card<std::string>(preview_, [&](const text_parts& parts) {
      std::string fixed;
      for (const text_part& part : parts) {
        fixed += part.fixed;
        if (part.slot == no_slot) continue;
        const slot& of = slots_[part.slot];
        fixed += of.column == no_column ? value_of(of, {}) : " ";
      }
      return fixed;
    });
  }

  // What is filled in, in wire order.
  [[nodiscard]] const std::vector<slot>& slots() const noexcept { return slots_; }
  [[nodiscard]] std::size_t column_count() const noexcept { return column_count_; }
  // It shows files, and every recipient sees the same ones: none comes from a column.
  [[nodiscard]] bool same_media() const noexcept {
    bool any = false, fixed = true;
    for (const slot& each : slots_) {
      if (each.kind != value_kind::media) continue;
      any = true;
      fixed = fixed && each.column == no_column;
    }
    return any && fixed;
  }

 private:
  friend class message_builder;

  static constexpr std::uint32_t no_cell = static_cast<std::uint32_t>(-1);
  enum class hole_kind : std::uint8_t {
    text = static_cast<std::uint8_t>(write_as::text),
    media = static_cast<std::uint8_t>(write_as::media),
    file_name = static_cast<std::uint8_t>(write_as::file_name),
    raw = static_cast<std::uint8_t>(write_as::raw),
    address,
    callback
  };
  // Something to write after fixed_[.., fixed_end).
  struct hole {
    std::uint32_t fixed_end = 0;
    std::uint32_t column = no_cell;
    std::uint32_t slot = 0;  // address: the place in forms_
    hole_kind what = hole_kind::text;
  };
  struct value_check {
    std::size_t slot = 0;
    value_kind kind = value_kind::template_text;
    std::string missing, not_allowed;
  };
  // A text with a length limit, and the slots in it with how often each stands there: uses_[first_use, last_use).
  struct length_limit {
    std::size_t fixed = 0;
    std::size_t max = 0;
    std::size_t first_use = 0;
    std::size_t last_use = 0;
  };
  struct use {
    std::size_t slot = 0;
    std::size_t times = 0;
    std::string too_long;
  };

  [[nodiscard]] static std::size_t column_of(const slot& of) noexcept { return of.column == no_column ? 0 : of.column; }

  [[nodiscard]] std::string_view value(const hole& at, std::span<const std::string_view> cells) const noexcept {
    const std::string_view cell = cells[at.column];
    const std::string_view found = !cell.empty() && cell.front() != ' ' ? cell : value_of(slots_[at.slot], cells);
    if (at.what != hole_kind::media || files_.empty()) return found;
    const auto file = files_.find(found);
    return file == files_.end() ? found : std::string_view(file->second);
  }

  template <class Out>
  static void write(Out& json, write_as how, std::string_view value) {
    constexpr std::string_view link = R"("link":")", id = R"("id":")", file_name = R"(,"filename":")";
    switch (how) {
      case write_as::media: {
        const std::string_view member = is_secure_link(value) ? link : id;
        json.bytes(member);
        json.text(value);
        json.bytes("\"");
        break;
      }
      case write_as::file_name:
        if (value.empty()) break;
        json.bytes(file_name);
        json.text(value);
        json.bytes("\"");
        break;
      case write_as::raw:
        json.bytes(value);
        break;
      case write_as::text:
        json.text(value);
        break;
    }
  }

  static void write_address(json_appender& json, std::string_view to, const address_forms& forms) {
    const std::string* before = &forms.phone;
    if (!to.empty() && to.front() != '+') [[unlikely]] {
      const std::size_t colon = to.find(':');
      if (colon != std::string_view::npos) {
        before = to.front() == 'g' ? &forms.group : to.front() == 'u' ? &forms.user : &forms.chat;
        to.remove_prefix(colon + 1);
      }
    }
    json.bytes(*before);
    json.text(to);
  }

  std::vector<slot> slots_;
  std::vector<value_check> checks_;
  std::vector<length_limit> limits_;
  std::vector<use> uses_;
  std::string fixed_;
  std::vector<hole> holes_;
  std::vector<address_forms> forms_;
  file_ids files_;
  basic_card<text_parts> preview_;
  std::size_t column_count_ = 0;
};

// Lays out a message, from its first byte to its last. Slots come resolved (slots.hpp); those without a column become
// fixed bytes.
class message_builder {
 public:
  message_builder(std::vector<slot> slots, std::size_t column_count) {
    made_.slots_ = std::move(slots);
    made_.column_count_ = column_count;
  }

  [[nodiscard]] const std::vector<slot>& slots() const noexcept { return made_.slots_; }

  // The place of a slot; no_slot when there is none of this name.
  [[nodiscard]] std::size_t find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < made_.slots_.size(); ++i) {
      if (made_.slots_[i].name == name) return i;
    }
    return no_slot;
  }

  // A text cut at its {{variables}}, each the slot `prefix` + its name. A variable without a slot stays text.
  [[nodiscard]] text_parts parts(std::string_view text, std::string_view prefix) const {
    text_parts made;
    std::string fixed;
    std::size_t end = 0;
    for (const text_piece& piece : split_variables(text)) {
      fixed += piece.fixed;
      const auto piece_end = static_cast<std::size_t>(piece.fixed.data() + piece.fixed.size() - text.data());
      if (piece.variable.empty()) break;
      const std::size_t at = find(std::string(prefix) + std::string(piece.variable));
      end = text.find("}}", piece_end) + 2;
      if (at == no_slot) {
        fixed += text.substr(piece_end, end - piece_end);
        continue;
      }
      made.push_back({std::move(fixed), at});
      fixed.clear();
    }
    if (!fixed.empty()) made.push_back({std::move(fixed), no_slot});
    return made;
  }
  [[nodiscard]] static text_parts only(std::string text) {
    return text.empty() ? text_parts() : text_parts{{std::move(text), no_slot}};
  }
  [[nodiscard]] static text_parts only(std::size_t slot) {
    return slot == no_slot ? text_parts() : text_parts{{{}, slot}};
  }

  // The bytes, one after the other.
  message_builder& fixed(std::string_view bytes) {  // as they are
    made_.fixed_ += bytes;
    return *this;
  }
  message_builder& fixed_text(std::string_view text) {  // JSON-escaped
    append_json_escaped(made_.fixed_, text);
    return *this;
  }
  message_builder& cell(std::size_t slot, write_as how = write_as::text) {
    const content::slot& of = made_.slots_[slot];
    if (of.column == no_column) {
      plain_out out{made_.fixed_};
      compiled_message::write(out, how, value_of(of, {}));
    } else {
      dig(static_cast<compiled_message::hole_kind>(how), of.column, slot);
    }
    return *this;
  }
  message_builder& text(const text_parts& parts) {  // JSON-escaped
    for (const text_part& part : parts) {
      fixed_text(part.fixed);
      if (part.slot != no_slot) cell(part.slot);
    }
    return *this;
  }
  message_builder& address(address_forms forms) {
    dig(compiled_message::hole_kind::address, compiled_message::no_cell, made_.forms_.size());
    made_.forms_.push_back(std::move(forms));
    return *this;
  }
  message_builder& callback() {
    dig(compiled_message::hole_kind::callback, compiled_message::no_cell, 0);
    return *this;
  }

  // Checks of each row. `where` names the place for people: "body {{1}}", "body".
  void check(std::size_t slot, value_kind kind, std::string_view where) {
    made_.checks_.push_back({slot, kind, std::string(where) + " is empty, and the message needs it",
                             std::string(where) + ' ' + std::string(expectation(kind))});
  }
  // The filled-in text may have `max` code points.
  void limit(const text_parts& parts, std::size_t max, std::string_view where) {
    auto& uses = made_.uses_;
    compiled_message::length_limit made{0, max, uses.size(), 0};
    for (const text_part& part : parts) {
      made.fixed += code_points(part.fixed);
      if (part.slot == no_slot) continue;
      const content::slot& of = made_.slots_[part.slot];
      if (of.column == no_column) {
        made.fixed += code_points(value_of(of, {}));
        continue;
      }
      std::size_t same = made.first_use;
      while (same < uses.size() && uses[same].slot != part.slot) ++same;
      if (same < uses.size()) {
        ++uses[same].times;
      } else {
        uses.push_back(
            {part.slot, 1,
             of.where + " makes the " + std::string(where) + " longer than " + std::to_string(max) + " characters"});
      }
    }
    made.last_use = uses.size();
    if (made.fixed > max && !broken_) {
      broken_ = error{errc::parameter_too_long,
                      "the " + std::string(where) + " has " + std::to_string(made.fixed) + " characters before any " +
                          "column is filled in; at most " + std::to_string(max) + " are allowed, so shorten it",
                      0, 0};
    }
    if (made.last_use > made.first_use) made_.limits_.push_back(made);
  }

  [[nodiscard]] basic_card<text_parts>& preview() noexcept { return made_.preview_; }

  // Errors: parameter_too_long, parameter_not_allowed (a constant or a fallback that its place does not take).
  [[nodiscard]] result<compiled_message> build() && {
    for (const auto& each : made_.checks_) {
      const content::slot& of = made_.slots_[each.slot];
      for (const std::string* value : {&of.from.constant, &of.from.fallback}) {
        if (value->empty()) continue;
        if (check_value(each.kind, *value) == errc::ok) continue;
        return fail(errc::parameter_not_allowed,
                    "mapping: " + of.name + ": '" + value->substr(0, 80) + "': " + each.not_allowed);
      }
    }
    if (broken_) return fail(std::move(*broken_));
    std::erase_if(made_.checks_, [&](const auto& each) { return made_.slots_[each.slot].column == no_column; });
    if (made_.fixed_.size() > fixed_bytes_max) return fail(errc::too_large, "the message is larger than 1 MiB");
    return std::move(made_);
  }

 private:
  static constexpr std::size_t fixed_bytes_max = std::size_t{1024} * 1024;

  struct plain_out {
    std::string& out;
    void bytes(std::string_view bytes) { out += bytes; }
    void text(std::string_view value) { append_json_escaped(out, value); }
  };

  void dig(compiled_message::hole_kind what, std::size_t column, std::size_t slot) {
    made_.holes_.push_back({static_cast<std::uint32_t>(made_.fixed_.size()), static_cast<std::uint32_t>(column),
                            static_cast<std::uint32_t>(slot), what});
  }

  compiled_message made_;
  std::optional<error> broken_;
};

}  // namespace bulkmsg::content
