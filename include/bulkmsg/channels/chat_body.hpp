// A message in the JSON of a described chat platform: the description's body with its placeholders filled.
//
//   auto made = compile_chat(description, message, columns, mapping, {.agent = "ana"});
//   made->content.render(body, "chat:17", key, cells);       // posted to the description's endpoint made->route
//
// A provider's template, contact cards and buttons have no counterpart there and are refused; a location becomes text
// where the description has no type for it. Costs a simdjson include.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/chat.hpp"
#include "bulkmsg/content/compiled_message.hpp"
#include "bulkmsg/content/message.hpp"

namespace bulkmsg::channels {

struct chat_content {
  content::compiled_message content;
  std::uint32_t route = 0;  // see chat_description::endpoint_of
};

namespace detail {

class chat_layout {
 public:
  chat_layout(const chat_description& description, const content::message& message, const chat_origin& origin,
              std::vector<content::slot> slots, std::size_t columns)
      : description_(description), message_(message), origin_(origin), b_(std::move(slots), columns) {}

  result<chat_content> build() && {
    const auto [endpoint, route] = description_.endpoint_of(word(message_.kind));
    gather(route);
    if (auto placed = check_places(*endpoint); !placed) return fail(placed.error());
    check_texts();
    if (endpoint->text_max > 0) b_.limit(text_, endpoint->text_max, "text");
    simdjson::dom::parser parser;
    simdjson::dom::element body;
    if (parser.parse(endpoint->body).get(body) != simdjson::SUCCESS) {
      return fail(errc::channel_malformed, "channel description: a body is not JSON");
    }
    if (state_of(body) == state::absent) {
      b_.fixed("{}");
    } else {
      lay(body);
    }
    show();
    auto made = std::move(b_).build();
    if (!made) return fail(made.error());
    return chat_content{std::move(*made), route};
  }

 private:
  using element = simdjson::dom::element;
  using object = simdjson::dom::object;
  using array = simdjson::dom::array;
  using parts = content::text_parts;

  // Of a part of the body: has no placeholder, has one that is filled, or none of its placeholders is.
  enum class state : std::uint8_t {
    constant,
    filled,
    absent
  };

  [[nodiscard]] bool has_medium() const noexcept {
    using enum content::message_kind;
    return message_.kind == image || message_.kind == video || message_.kind == document || message_.kind == audio ||
           message_.kind == sticker;
  }

  void gather(std::uint32_t route) {
    text_ = b_.parts(message_.text, "");
    if (has_medium()) {
      attachment_ = b_.parts(message_.media.reference, "");
      type_ = b_.only(std::string(word(message_.kind)));
      file_name_ = b_.parts(message_.media.file_name, "");
    }
    if (message_.kind != content::message_kind::location) return;
    if (route != 0) {
      latitude_ = b_.parts(message_.where.latitude, "");
      longitude_ = b_.parts(message_.where.longitude, "");
      return;
    }
    std::string words = message_.where.name;
    for (const std::string& line :
         {message_.where.address,
          "https://www.openstreetmap.org/?mlat=" + message_.where.latitude + "&mlon=" + message_.where.longitude}) {
      if (!line.empty()) words += (words.empty() ? "" : "\n") + line;
    }
    text_ = b_.parts(words, "");
  }

  // Nothing of a message may get lost on the way.
  [[nodiscard]] result<void> check_places(const chat_endpoint& to) const {
    const std::string type(word(message_.kind));
    for (const auto& [value, hole, what] : {std::tuple(&text_, "{{text}}", "its text"),
                                            {&attachment_, "{{attachment}}", "its file"},
                                            {&latitude_, "{{latitude}}", "its place"},
                                            {&longitude_, "{{longitude}}", "its place"}}) {
      if (value->empty() || to.body.find(hole) != std::string::npos) continue;
      return fail(errc::template_not_supported, "a message of type " + type + " cannot be sent over channel '" +
                                                    description_.name + "': its description has no " + hole + " for " +
                                                    what);
    }
    return {};
  }

  void check_texts() {
    for (const content::message_text& text : content::texts_of(message_)) {
      const parts made = b_.parts(*text.text, "");
      const bool alone = made.size() == 1 && made[0].fixed.empty();
      const bool words = text.kind == content::value_kind::free_text || text.kind == content::value_kind::line ||
                         text.kind == content::value_kind::file_name;
      for (const auto& part : made) {
        if (part.slot == content::no_slot) continue;
        b_.check(part.slot, alone || words ? text.kind : content::value_kind::url_part,
                 text.where + ' ' + b_.slots()[part.slot].where);
      }
    }
  }

  [[nodiscard]] const parts* value_of(std::string_view placeholder) const noexcept {
    if (placeholder == "text") return &text_;
    if (placeholder == "attachment") return &attachment_;
    if (placeholder == "attachment_type") return &type_;
    if (placeholder == "filename") return &file_name_;
    if (placeholder == "latitude") return &latitude_;
    return placeholder == "longitude" ? &longitude_ : nullptr;
  }
  [[nodiscard]] const std::string* constant_of(std::string_view placeholder) const noexcept {
    if (placeholder == "agent") return &origin_.agent;
    return placeholder == "reply_to" ? &origin_.reply_to : nullptr;
  }
  [[nodiscard]] bool is_filled(std::string_view placeholder) const noexcept {
    if (const parts* value = value_of(placeholder)) return !value->empty();
    if (const std::string* value = constant_of(placeholder)) return !value->empty();
    return true;  // address, callback
  }

  [[nodiscard]] state state_of(element of) const {
    state found = state::constant;
    const auto note = [&found](state s) {
      if (s == state::filled || (s == state::absent && found == state::constant)) found = s;
    };
    if (std::string_view words; of.get(words) == simdjson::SUCCESS) {
      for (const auto& piece : content::split_variables(words)) {
        if (piece.variable.empty()) continue;
        if (!is_filled(piece.variable)) return state::absent;
        found = state::filled;
      }
    } else if (array list; of.get(list) == simdjson::SUCCESS) {
      for (const element one : list) note(state_of(one));
    } else if (object fields; of.get(fields) == simdjson::SUCCESS) {
      for (const auto [key, one] : fields) note(state_of(one));
    }
    return found;
  }

  void lay(element from) {
    bool first = true;
    const auto comma = [&] {
      if (!std::exchange(first, false)) b_.fixed(",");
    };
    if (std::string_view words; from.get(words) == simdjson::SUCCESS) {
      b_.fixed("\"");
      for (const auto& piece : content::split_variables(words)) {
        b_.fixed_text(piece.fixed);
        if (!piece.variable.empty()) fill(piece.variable);
      }
      b_.fixed("\"");
    } else if (array list; from.get(list) == simdjson::SUCCESS) {
      b_.fixed("[");
      for (const element one : list) {
        if (state_of(one) == state::absent) continue;
        comma();
        lay(one);
      }
      b_.fixed("]");
    } else if (object fields; from.get(fields) == simdjson::SUCCESS) {
      b_.fixed("{");
      for (const auto [key, one] : fields) {
        if (state_of(one) == state::absent) continue;
        comma();
        b_.fixed("\"").fixed_text(key).fixed("\":");
        lay(one);
      }
      b_.fixed("}");
    } else {
      b_.fixed(simdjson::minify(from));
    }
  }

  void fill(std::string_view placeholder) {
    if (placeholder == "address") {
      b_.address({});
    } else if (placeholder == "callback") {
      b_.callback();
    } else if (const std::string* constant = constant_of(placeholder)) {
      b_.fixed_text(*constant);
    } else {
      b_.text(*value_of(placeholder));
    }
  }

  void show() {
    auto& card = b_.preview();
    card.kind = word(message_.kind);
    card.body = text_;
    if (has_medium()) {
      card.header_kind = card.kind;
      card.header = attachment_;
      card.header_detail = file_name_;
    } else if (!latitude_.empty()) {
      card.header_kind = card.kind;
      card.header = b_.parts(message_.where.latitude + ", " + message_.where.longitude, "");
    }
  }

  const chat_description& description_;
  const content::message& message_;
  const chat_origin& origin_;
  content::message_builder b_;
  parts text_, attachment_, type_, file_name_, latitude_, longitude_;
};

}  // namespace detail

// columns: the recipients' parameter columns. Errors: template_not_supported (the channel has no place for such a
// message), and those of resolved_slots and message_builder::build.
[[nodiscard]] inline result<chat_content> compile_chat(const chat_description& description,
                                                       const content::message& message,
                                                       std::span<const std::string> columns,
                                                       const content::mapping& map = {},
                                                       const chat_origin& origin = {}) {
  if (!message.is_free_form()) {
    return fail(errc::template_not_supported, "a WhatsApp template cannot be sent over channel '" + description.name +
                                                  "'; write the words as an own message, such as "
                                                  R"({"type":"text","text":{"body":"Hi {{first_name}}"}})");
  }
  if (message.kind == content::message_kind::contacts || message.kind == content::message_kind::interactive) {
    return fail(errc::template_not_supported, "a message of type " + std::string(word(message.kind)) +
                                                  " cannot be sent over channel '" + description.name +
                                                  "'; only text, files and locations can");
  }
  auto slots = content::resolved_slots(message, columns, map);
  if (!slots) return fail(slots.error());
  return detail::chat_layout(description, message, origin, std::move(*slots), columns.size()).build();
}

}  // namespace bulkmsg::channels
