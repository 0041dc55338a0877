// Parses webhook bodies of the WhatsApp Cloud API, after their signature was verified.
//
//   webhook_parser parser;
//   result<webhook_counts> done = parser.parse(body, sink);
//
// The sink has receipt(const channels::receipt&), reply(const channels::reply&) and other(std::string_view field,
// std::string_view json); if it also has preference(...) or template_changed(...), it gets those events through them
// instead of other(); begin_change(const channels::change_head&) is told what the following belongs to. Nothing is
// delivered from a body that is not valid JSON as a whole. What this version does not know is handed on by other() or
// ignored; a body is never refused for it. Costs a simdjson include.
#pragma once

#include <simdjson.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/kept_parser.hpp"
#include "bulkmsg/channels/mended_json.hpp"
#include "bulkmsg/channels/whatsapp_webhook.hpp"

namespace bulkmsg::channels {

// The provider states 3 MB as the most.
inline constexpr std::size_t webhook_bytes_max = std::size_t{4} * 1024 * 1024;

template <class Sink>
concept webhook_sink = requires(Sink& sink, const receipt& r, const reply& p, std::string_view text) {
  sink.receipt(r);
  sink.reply(p);
  sink.other(text, text);
};

// Holds the parser, whose buffers are reused. Thread: one at a time per object.
class webhook_parser {
 public:
  // json_malformed: not JSON, or no webhook envelope; too_large. Then the sink was not called.
  template <webhook_sink Sink>
  result<webhook_counts> parse(std::string_view body, Sink&& sink) {
    if (body.size() > webhook_bytes_max) return fail(errc::too_large, "webhook: more than 4 MiB");
    object root;
    auto problem = parser_.parse(body).get(root);
    if (problem == simdjson::STRING_ERROR || problem == simdjson::NUMBER_ERROR) {
      // One person's words, or a number that nobody reads, must not lose what is said of others.
      problem = parser_.parse(mended_json(body)).get(root);
    }
    if (problem != simdjson::SUCCESS) {
      return fail(errc::json_malformed,
                  std::string("webhook: not a JSON object (") + simdjson::error_message(problem) + ")");
    }
    array entries;
    if (root["entry"].get(entries) != simdjson::SUCCESS) {
      return fail(errc::json_malformed, "webhook: no 'entry' array");
    }
    webhook_counts counts;
    for (const element entry : entries) {
      array changes;
      if (entry["changes"].get(changes) != simdjson::SUCCESS) {
        ++counts.skipped;
        continue;
      }
      change_head head;
      if (element id; entry["id"].get(id) == simdjson::SUCCESS) head.account = text(id);
      if (element time; entry["time"].get(time) == simdjson::SUCCESS) head.time_unix_s = integer(time);
      for (const element change : changes) read_change(change, head, sink, counts);
    }
    return counts;
  }

 private:
  using element = simdjson::dom::element;
  using object = simdjson::dom::object;
  using array = simdjson::dom::array;

  static std::string_view text(element value) noexcept {
    std::string_view found;
    return value.get(found) == simdjson::SUCCESS ? found : std::string_view();
  }
  static std::string_view text(const object& from, std::string_view key) noexcept {
    std::string_view found;
    return from[key].get(found) == simdjson::SUCCESS ? found : std::string_view();
  }

  // Integers come as numbers and as strings.
  static std::int64_t integer(element value) noexcept {
    std::int64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS) return number;
    const std::string_view digits = text(value);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return problem == std::errc() && end == digits.data() + digits.size() ? number : 0;
  }

  static std::int32_t error_number(element value) noexcept {
    const std::int64_t code = integer(value);
    return code > 0 && code <= 0x7fffffff ? static_cast<std::int32_t>(code) : 0;
  }

  template <class Sink>
  void read_change(element change, change_head head, Sink& sink, webhook_counts& counts) {
    object value;
    if (change["value"].get(value) != simdjson::SUCCESS) {
      ++counts.skipped;
      return;
    }
    std::string_view field;
    if (change["field"].get(field) != simdjson::SUCCESS) field = {};

    // By what the value holds, not by the field's name: the provider's own samples show wrong names.
    bool known = false;
    std::string_view phone_number_id;
    element contacts;
    bool have_contacts = false;
    if (object metadata; value["metadata"].get(metadata) == simdjson::SUCCESS) {
      phone_number_id = text(metadata, "phone_number_id");
      head.display_phone_number = text(metadata, "display_phone_number");
    }
    if constexpr (requires { sink.begin_change(head); }) {
      head.field = field;
      head.phone_number_id = phone_number_id;
      sink.begin_change(head);
    }
    if (value["contacts"].get(contacts) == simdjson::SUCCESS) have_contacts = true;
    if (array statuses; value["statuses"].get(statuses) == simdjson::SUCCESS) {
      known = true;
      for (const element status : statuses) read_receipt(status, phone_number_id, sink, counts);
    }
    if (array messages; value["messages"].get(messages) == simdjson::SUCCESS) {
      known = true;
      for (const element message : messages) {
        read_reply(message, phone_number_id, have_contacts ? &contacts : nullptr, sink, counts);
      }
    }
    if constexpr (requires(const preference& p) { sink.preference(p); }) {
      if (array preferences; value["user_preferences"].get(preferences) == simdjson::SUCCESS) {
        known = true;
        for (const element each : preferences) read_preference(each, sink, counts);
      }
    }
    if constexpr (requires(const template_change& c) { sink.template_changed(c); }) {
      if (!text(value, "event").empty() && !text(value, "message_template_name").empty()) {
        known = true;
        ++counts.others;
        sink.template_changed(template_change{text(value, "message_template_name"),
                                              text(value, "message_template_language"), text(value, "event"),
                                              text(value, "reason")});
      }
    }
    if (element errors; known && value["errors"].get(errors) == simdjson::SUCCESS) {
      hand_on("errors", errors, sink, counts);
    }
    if (!known) hand_on(field, value, sink, counts);
  }

  template <class Json, class Sink>
  void hand_on(std::string_view field, Json json, Sink& sink, webhook_counts& counts) {
    const std::string raw = simdjson::minify(json);
    ++counts.others;
    sink.other(field, std::string_view(raw));
  }

  template <class Sink>
  static void read_receipt(element status, std::string_view phone_number_id, Sink& sink, webhook_counts& counts) {
    object fields;
    channels::receipt made;
    made.phone_number_id = phone_number_id;
    if (status.get(fields) == simdjson::SUCCESS) {
      for (const auto [key, value] : fields) {
        if (key == "id") {
          made.message_id = text(value);
        } else if (key == "status") {
          made.status = status_of(text(value));
        } else if (key == "timestamp") {
          made.timestamp_unix_s = integer(value);
        } else if (key == "recipient_id") {
          made.recipient_id = text(value);
        } else if (key == "recipient_user_id") {
          made.recipient_user_id = text(value);
        } else if (key == "biz_opaque_callback_data") {
          made.callback = text(value);
        } else if (key == "recipient_participant_id") {
          made.participant = text(value);
        } else if (key == "errors") {
          read_errors(value, made);
        } else if (key == "pricing") {
          if (object pricing; value.get(pricing) == simdjson::SUCCESS) {
            made.pricing_category = text(pricing, "category");
            made.pricing_type = text(pricing, "type");
          }
        }
      }
    }
    if (made.message_id.empty()) {
      ++counts.skipped;
      return;
    }
    ++counts.receipts;
    sink.receipt(made);
  }

  static void read_errors(element errors, channels::receipt& made) noexcept {
    array list;
    object first;
    if (errors.get(list) != simdjson::SUCCESS || list.at(0).get(first) != simdjson::SUCCESS) return;
    element code;
    if (first["code"].get(code) == simdjson::SUCCESS) made.error_code = error_number(code);
    made.error_title = text(first, "title");
    if (made.error_title.empty()) made.error_title = text(first, "message");
    if (object data; first["error_data"].get(data) == simdjson::SUCCESS) {
      made.error_details = text(data, "details");
    } else {
      made.error_details = text(first, "error_data");
    }
  }

  template <class Sink>
  static void read_reply(element message, std::string_view phone_number_id, const element* contacts, Sink& sink,
                         webhook_counts& counts) {
    object fields;
    channels::reply made;
    made.phone_number_id = phone_number_id;
    if (message.get(fields) == simdjson::SUCCESS) {
      for (const auto [key, value] : fields) {
        if (key == "id") {
          made.id = text(value);
        } else if (key == "from") {
          made.from = text(value);
        } else if (key == "from_user_id") {
          made.from_user_id = text(value);
        } else if (key == "timestamp") {
          made.timestamp_unix_s = integer(value);
        } else if (key == "type") {
          made.type = text(value);
        } else if (key == "group_id") {
          made.group_id = text(value);
        } else if (key == "context") {
          if (object context; value.get(context) == simdjson::SUCCESS) made.context_id = text(context, "id");
        }
      }
    }
    if (made.id.empty()) {
      ++counts.skipped;
      return;
    }
    if (object part; !made.type.empty() && fields[made.type].get(part) == simdjson::SUCCESS) read_words(part, made);
    if (contacts != nullptr) made.profile_name = profile_name(*contacts, made);
    std::string raw;
    if (made.type != "text" && made.type != "button" && made.type != "system") {
      raw = simdjson::minify(message);
      made.raw = raw;
    }
    ++counts.replies;
    sink.reply(made);
  }

  static void read_words(object part, channels::reply& made) noexcept {
    if (made.type == "text") {
      made.text = text(part, "body");
    } else if (made.type == "button") {
      made.text = text(part, "text");
      made.payload = text(part, "payload");
    } else if (made.type == "interactive") {
      const std::string_view kind = text(part, "type");
      object choice;
      if (kind.empty() || part[kind].get(choice) != simdjson::SUCCESS) return;
      made.payload = text(choice, "id");
      made.text = text(choice, "title");
      if (made.text.empty()) made.text = text(choice, "body");
    } else if (made.type == "system") {
      made.text = text(part, "body");
      made.payload = text(part, "type");
      made.changed_wa_id = text(part, "wa_id");
      made.changed_user_id = text(part, "user_id");
    } else if (made.type == "reaction") {
      made.text = text(part, "emoji");
      if (made.context_id.empty()) made.context_id = text(part, "message_id");
    } else {
      made.text = text(part, "caption");
    }
  }

  static std::string_view profile_name(element contacts, const channels::reply& made) noexcept {
    array list;
    if (contacts.get(list) != simdjson::SUCCESS) return {};
    for (const element each : list) {
      object contact;
      object profile;
      if (each.get(contact) != simdjson::SUCCESS) continue;
      const bool same = (!made.from.empty() && text(contact, "wa_id") == made.from) ||
                        (!made.from_user_id.empty() && text(contact, "user_id") == made.from_user_id);
      if (same && contact["profile"].get(profile) == simdjson::SUCCESS) return text(profile, "name");
    }
    return {};
  }

  template <class Sink>
  static void read_preference(element each, Sink& sink, webhook_counts& counts) {
    object fields;
    if (each.get(fields) != simdjson::SUCCESS || text(fields, "value").empty()) {
      ++counts.skipped;
      return;
    }
    element timestamp;
    const bool timed = fields["timestamp"].get(timestamp) == simdjson::SUCCESS;
    ++counts.others;
    sink.preference(channels::preference{text(fields, "wa_id"), text(fields, "user_id"), text(fields, "category"),
                                         text(fields, "value"), timed ? integer(timestamp) : 0});
  }

  static receipt_status status_of(std::string_view word) noexcept {
    if (word == "sent") return receipt_status::sent;
    if (word == "delivered") return receipt_status::delivered;
    if (word == "read") return receipt_status::read;
    if (word == "failed") return receipt_status::failed;
    if (word == "played") return receipt_status::played;
    return receipt_status::other;
  }

  kept_parser parser_;
};

}  // namespace bulkmsg::channels
