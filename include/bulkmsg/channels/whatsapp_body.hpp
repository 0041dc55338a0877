// The WhatsApp Cloud API's JSON for a message: request bodies of /messages and /marketing_messages.
//
//   auto ready = compile_whatsapp(message, columns, mapping);
//   ready->render(body, "+15550001111", key, cells);
//
// Addresses: "+digits" a person's number, "group:ID" a WhatsApp group, "user:ID" a business-scoped user id.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/compiled_message.hpp"
#include "bulkmsg/content/message.hpp"

namespace bulkmsg::channels {

struct whatsapp_body_options {
  bool marketing_messages = false;  // for the marketing endpoint: only templates of category MARKETING, GIF headers too
};

namespace detail {

class whatsapp_layout {
 public:
  using parts = content::text_parts;
  using card_plan = content::basic_card<parts>;

  whatsapp_layout(const content::message& message, std::vector<content::slot> slots, std::size_t columns)
      : message_(message), b_(std::move(slots), columns) {}

  result<content::compiled_message> build() && {
    const std::string type(word(message_.kind));
    b_.preview().kind = type;
    b_.fixed(R"({"messaging_product":"whatsapp",)")
        .address({.phone = R"("recipient_type":"individual","to":")",
                  .group = R"("recipient_type":"group","to":")",
                  .user = R"("recipient_type":"individual","recipient":")",
                  .chat = R"("recipient_type":"individual","to":")"})
        .fixed(R"(","type":")" + type + R"(","biz_opaque_callback_data":")")
        .callback()
        .fixed(R"(",")" + type + R"(":)");
    if (message_.is_free_form()) {
      check_texts();
      lay_free_form();
    } else {
      lay_template();
    }
    b_.fixed("}");
    return std::move(b_).build();
  }

 private:
  using slot_index = std::size_t;

  [[nodiscard]] slot_index need(const std::string& name) const { return b_.find(name); }

  // --- templates

  void lay_template() {
    const content::message_template& t = message_.approved;
    b_.fixed(R"({"name":")").fixed_text(t.name).fixed(R"(","language":{"code":")").fixed_text(t.language).fixed("\"}");
    for (const content::slot& each : b_.slots()) b_.check(b_.find(each.name), each.kind, each.where);
    card_plan& shown = b_.preview();
    shown.footer = b_.only(t.footer);
    if (t.offer) shown.offer = b_.only(t.offer->text);
    components_ = 0;
    const std::size_t body_max = t.offer ? content::template_offer_body_max : content::template_body_max;
    lay_parts(t, "", "", body_max, shown);
    if (!t.cards.empty()) lay_carousel();
    b_.fixed(components_ > 0 ? "]}" : "}");
  }

  void open_component() { b_.fixed(components_++ == 0 ? R"(,"components":[)" : ","); }

  void lay_parts(const content::template_parts& t, const std::string& name, const std::string& where,
                 std::size_t body_max, card_plan& shown) {
    lay_header(t.header, name, where, shown);
    const std::size_t expiration = name.empty() ? b_.find("offer.expiration") : content::no_slot;
    if (expiration != content::no_slot) {
      open_component();
      b_.fixed(R"({"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":)")
          .fixed(R"({"expiration_time_ms":)")
          .cell(expiration, content::write_as::raw)
          .fixed("}}]}");
    }
    lay_body(t, name, where, body_max, shown);
    for (std::size_t i = 0; i < t.buttons.size(); ++i) lay_button(t.buttons[i], i, name, where, shown);
  }

  void lay_header(const content::template_header& header, const std::string& name, const std::string& where,
                  card_plan& shown) {
    const std::string type(word(header.kind));
    shown.header_kind = type;
    if (header.kind == content::header_kind::none) return;
    if (header.kind == content::header_kind::text) {
      shown.header = b_.parts(header.text, name + "header.");
      b_.limit(shown.header, content::template_header_max, where + "header");
      const auto slots = slots_in(shown.header);
      if (slots.empty()) return;
      open_component();
      b_.fixed(R"({"type":"header","parameters":[)");
      lay_text_parameters(header.text, name + "header.", "header");
      b_.fixed("]}");
      return;
    }
    open_component();
    b_.fixed(R"({"type":"header","parameters":[{"type":")" + type + R"(",")" + type + R"(":{)");
    if (header.kind == content::header_kind::location) {
      std::string before = "\"";
      for (const std::string field : {"latitude", "longitude", "name", "address"}) {
        b_.fixed(before + field + R"(":")").cell(need(name + "header." + field)).fixed("\"");
        before = ",\"";
      }
      shown.header = b_.only(need(name + "header.name"));
      shown.header_detail = b_.only(need(name + "header.address"));
    } else {
      b_.cell(need(name + "header.media"), content::write_as::media);
      shown.header = b_.only(need(name + "header.media"));
      if (const slot_index file = b_.find(name + "header.filename"); file != content::no_slot) {
        b_.cell(file, content::write_as::file_name);
        shown.header_detail = b_.only(file);
      }
    }
    b_.fixed("}}]}");
  }

  static std::vector<slot_index> slots_in(const parts& text) {
    std::vector<slot_index> slots;
    for (const auto& each : text) {
      if (each.slot != content::no_slot) slots.push_back(each.slot);
    }
    return slots;
  }

  // The parameters of a text, each variable once; positional ones by number, whatever their order in the text.
  void lay_text_parameters(std::string_view text, const std::string& prefix, std::string_view component) {
    bool first = true;
    const auto variables = content::variables_of(text, message_.approved.format, component);
    for (const std::string& variable : *variables) {
      b_.fixed(first ? R"({"type":"text",)" : R"(,{"type":"text",)");
      if (message_.approved.format == content::parameter_format::named) {
        b_.fixed(R"("parameter_name":")" + variable + R"(",)");
      }
      b_.fixed(R"("text":")").cell(need(prefix + variable)).fixed("\"}");
      first = false;
    }
  }

  void lay_body(const content::template_parts& t, const std::string& name, const std::string& where, std::size_t max,
                card_plan& shown) {
    if (message_.approved.is_authentication()) {
      const slot_index code = need(std::string(content::code_slot));
      shown.body = code_text(t.body, code);
      b_.limit(b_.only(code), content::one_time_password_max, "code");
      open_component();
      b_.fixed(R"({"type":"body","parameters":[{"type":"text","text":")").cell(code).fixed("\"}]}");
      return;
    }
    shown.body = b_.parts(t.body, name + "body.");
    b_.limit(shown.body, max, where + "body");
    if (slots_in(shown.body).empty()) return;
    open_component();
    b_.fixed(R"({"type":"body","parameters":[)");
    lay_text_parameters(t.body, name + "body.", "body");
    b_.fixed("]}");
  }

  // Its only variable is the code, however it is called.
  static parts code_text(std::string_view text, slot_index code) {
    parts made;
    for (const auto& piece : content::split_variables(text)) {
      made.push_back({std::string(piece.fixed), piece.variable.empty() ? content::no_slot : code});
    }
    return made;
  }

  void lay_button(const content::template_button& button, std::size_t index, const std::string& name,
                  const std::string& where, card_plan& shown) {
    using content::button_kind;
    const std::string number = std::to_string(index);
    const bool code = button.kind == button_kind::one_time_password;
    const slot_index slot = code ? need(std::string(content::code_slot)) : b_.find(name + "button." + number);
    auto& made = shown.buttons.emplace_back();
    made.kind = word(button.kind);
    made.text = b_.only(button.text);
    const std::string place = where + "button " + number;
    std::string_view sub_type = "url";
    std::string_view before = R"({"type":"text","text":")";
    std::string_view after = "\"}";
    switch (button.kind) {
      case button_kind::url:
        made.target = b_.only(std::string(content::split_variables(button.url)[0].fixed));
        if (slot != content::no_slot) {
          made.target.push_back({{}, slot});
          b_.limit(made.target, content::template_url_max, place + " URL");
        }
        break;
      case button_kind::one_time_password:
        made.target = b_.only(slot);
        break;
      case button_kind::phone_number:
        made.target = b_.only(button.phone_number);
        break;
      case button_kind::copy_code:
        sub_type = "copy_code";
        before = R"({"type":"coupon_code","coupon_code":")";
        made.target = b_.only(slot);
        b_.limit(made.target, message_.approved.offer ? content::offer_coupon_code_max : content::coupon_code_max,
                 place + " code");
        break;
      case button_kind::quick_reply:
        sub_type = "quick_reply";
        before = R"({"type":"payload","payload":")";
        b_.limit(b_.only(slot), content::payload_max, place + " payload");
        break;
      case button_kind::flow: {
        // Needed even when nothing is mapped: then without a token.
        open_component();
        b_.fixed(R"({"type":"button","sub_type":"flow","index":")" + number +
                 R"(","parameters":[{"type":"action","action":{)");
        if (slot != content::no_slot) b_.fixed(R"("flow_token":")").cell(slot).fixed("\"");
        b_.fixed("}}]}");
        return;
      }
      case button_kind::catalog:
        sub_type = "catalog";
        before = R"({"type":"action","action":{"thumbnail_product_retailer_id":")";
        after = "\"}}";
        break;
      case button_kind::other:
        return;
    }
    if (slot == content::no_slot) return;
    open_component();
    b_.fixed(R"({"type":"button","sub_type":")")
        .fixed(sub_type)
        .fixed(R"(","index":")" + number + R"(","parameters":[)")
        .fixed(before)
        .cell(slot)
        .fixed(after)
        .fixed("]}");
  }

  void lay_carousel() {
    open_component();
    b_.fixed(R"({"type":"carousel","cards":[)");
    const int outer = components_;
    const auto& cards = message_.approved.cards;
    for (std::size_t i = 0; i < cards.size(); ++i) {
      const std::string number = std::to_string(i);
      card_plan shown;
      shown.kind = "card";
      b_.fixed((i == 0 ? R"({"card_index":)" : R"(,{"card_index":)") + number);
      components_ = 0;
      lay_parts(cards[i], "card." + number + ".", "card " + number + " ", content::template_card_body_max, shown);
      b_.fixed(components_ > 0 ? "]}" : "}");
      b_.preview().cards.push_back(std::move(shown));
    }
    components_ = outer;
    b_.fixed("]}");
  }

  // --- free-form

  // What each place takes, and how long it may be.
  void check_texts() {
    for (const content::message_text& text : content::texts_of(message_)) {
      const parts made = b_.parts(*text.text, "");
      const bool alone = made.size() == 1 && made[0].fixed.empty();
      const bool exact = text.kind == content::value_kind::free_text || text.kind == content::value_kind::line ||
                         text.kind == content::value_kind::file_name;
      for (const slot_index slot : slots_in(made)) {
        b_.check(slot, alone || exact ? text.kind : content::value_kind::url_part,
                 text.where + ' ' + b_.slots()[slot].where);
      }
      if (text.max > 0) b_.limit(made, text.max, text.where);
    }
  }

  void member(std::string_view name, const std::string& text) {
    b_.fixed(name).fixed(R"(:")").text(b_.parts(text, "")).fixed("\"");
  }

  void lay_media(const content::media_source& media, bool with_name) {
    const parts reference = b_.parts(media.reference, "");
    if (reference.size() == 1 && reference[0].fixed.empty()) {
      b_.cell(reference[0].slot, content::write_as::media);
    } else {
      member(content::is_secure_link(media.reference) ? "\"link\"" : "\"id\"", media.reference);
    }
    if (with_name && !media.file_name.empty()) {
      b_.fixed(",");
      member("\"filename\"", media.file_name);
    }
  }

  void lay_free_form() {
    using content::message_kind;
    card_plan& shown = b_.preview();
    shown.body = b_.parts(message_.text, "");
    switch (message_.kind) {
      case message_kind::provider_template:
        break;
      case message_kind::text:
        b_.fixed("{");
        member("\"body\"", message_.text);
        b_.fixed(message_.preview_url ? R"(,"preview_url":true})" : R"(,"preview_url":false})");
        break;
      case message_kind::image:
      case message_kind::video:
      case message_kind::document:
      case message_kind::audio:
      case message_kind::sticker:
        b_.fixed("{");
        lay_media(message_.media, true);
        if (!message_.text.empty()) {
          b_.fixed(",");
          member("\"caption\"", message_.text);
        }
        if (message_.kind == message_kind::audio) b_.fixed(message_.voice ? R"(,"voice":true)" : R"(,"voice":false)");
        b_.fixed("}");
        shown.header_kind = word(message_.kind);
        shown.header = b_.parts(message_.media.reference, "");
        shown.header_detail = b_.parts(message_.media.file_name, "");
        break;
      case message_kind::location:
        lay_location();
        break;
      case message_kind::contacts:
        lay_contacts();
        break;
      case message_kind::interactive:
        lay_interactive();
        break;
    }
  }

  void lay_location() {
    b_.fixed("{");
    member("\"latitude\"", message_.where.latitude);
    b_.fixed(",");
    member("\"longitude\"", message_.where.longitude);
    if (!message_.where.name.empty()) {
      b_.fixed(",");
      member("\"name\"", message_.where.name);
    }
    if (!message_.where.address.empty()) {
      b_.fixed(",");
      member("\"address\"", message_.where.address);
    }
    b_.fixed("}");
    card_plan& shown = b_.preview();
    shown.header_kind = "location";
    shown.header = b_.parts(message_.where.name, "");
    if (shown.header.empty()) {
      shown.header = b_.parts(message_.where.latitude + ", " + message_.where.longitude, "");
    }
    shown.header_detail = b_.parts(message_.where.address, "");
  }

  void lay_members(const content::contact_person::members& from) {
    b_.fixed("{");
    for (const auto& each : from) {
      if (&each != &from.front()) b_.fixed(",");
      member('"' + each.first + '"', each.second);
    }
    b_.fixed("}");
  }

  void lay_contacts() {
    b_.fixed("[");
    std::string shown;
    for (const content::contact_person& person : message_.people) {
      b_.fixed(&person == &message_.people.front() ? R"({"name":)" : R"(,{"name":)");
      lay_members(person.name);
      const auto list = [&](std::string_view name, const std::vector<content::contact_person::members>& entries) {
        if (entries.empty()) return;
        b_.fixed(",\"").fixed(name).fixed("\":[");
        for (const auto& entry : entries) {
          if (&entry != &entries.front()) b_.fixed(",");
          lay_members(entry);
        }
        b_.fixed("]");
      };
      list("phones", person.phones);
      list("emails", person.emails);
      list("urls", person.urls);
      list("addresses", person.addresses);
      if (!person.org.empty()) {
        b_.fixed(R"(,"org":)");
        lay_members(person.org);
      }
      if (!person.birthday.empty()) {
        b_.fixed(",");
        member("\"birthday\"", person.birthday);
      }
      b_.fixed("}");
      if (!shown.empty()) shown += '\n';
      for (const auto& [name, text] : person.name) shown += name == "formatted_name" ? text : "";
      for (const auto& phone : person.phones) {
        for (const auto& [name, text] : phone) shown += name == "phone" ? ' ' + text : "";
      }
    }
    b_.fixed("]");
    b_.preview().body = b_.parts(shown, "");
  }

  void lay_interactive() {
    using content::interactive_kind;
    const content::interactive_content& inner = message_.interactive;
    card_plan& shown = b_.preview();
    constexpr std::string_view kinds[] = {"button", "list", "cta_url"};
    shown.kind = kinds[static_cast<std::size_t>(inner.kind)];
    b_.fixed(R"({"type":")" + shown.kind + '"');
    if (inner.header != content::header_kind::none) {
      const std::string type(word(inner.header));
      shown.header_kind = type;
      b_.fixed(R"(,"header":{"type":")" + type + R"(",)");
      if (inner.header == content::header_kind::text) {
        member("\"text\"", inner.header_text);
        shown.header = b_.parts(inner.header_text, "");
      } else {
        b_.fixed('"' + type + "\":{");
        lay_media(inner.header_media, true);
        b_.fixed("}");
        shown.header = b_.parts(inner.header_media.reference, "");
        shown.header_detail = b_.parts(inner.header_media.file_name, "");
      }
      b_.fixed("}");
    }
    b_.fixed(R"(,"body":{)");
    member("\"text\"", message_.text);
    b_.fixed("}");
    if (!inner.footer.empty()) {
      b_.fixed(R"(,"footer":{)");
      member("\"text\"", inner.footer);
      b_.fixed("}");
      shown.footer = b_.parts(inner.footer, "");
    }
    b_.fixed(R"(,"action":{)");
    if (inner.kind == interactive_kind::button) {
      b_.fixed(R"("buttons":[)");
      for (const content::choice& each : inner.buttons) {
        b_.fixed(&each == &inner.buttons.front() ? R"({"type":"reply","reply":{)" : R"(,{"type":"reply","reply":{)");
        lay_choice(each, "reply");
        b_.fixed("}}");
      }
      b_.fixed("]");
    } else if (inner.kind == interactive_kind::list) {
      member("\"button\"", inner.list_button);
      b_.fixed(R"(,"sections":[)");
      for (const content::list_section& section : inner.sections) {
        b_.fixed(&section == &inner.sections.front() ? "{" : ",{");
        if (!section.title.empty()) {
          member("\"title\"", section.title);
          b_.fixed(",");
        }
        b_.fixed(R"("rows":[)");
        for (const content::choice& row : section.rows) {
          b_.fixed(&row == &section.rows.front() ? "{" : ",{");
          lay_choice(row, "row");
          b_.fixed("}");
        }
        b_.fixed("]}");
      }
      b_.fixed("]");
    } else {
      b_.fixed(R"("name":"cta_url","parameters":{)");
      member("\"display_text\"", inner.url_text);
      b_.fixed(",");
      member("\"url\"", inner.url);
      b_.fixed("}");
      shown.buttons.push_back({"url", b_.parts(inner.url_text, ""), b_.parts(inner.url, "")});
    }
    b_.fixed("}}");
  }

  void lay_choice(const content::choice& each, const char* kind) {
    member("\"id\"", each.id);
    b_.fixed(",");
    member("\"title\"", each.title);
    if (!each.description.empty()) {
      b_.fixed(",");
      member("\"description\"", each.description);
    }
    b_.preview().buttons.push_back({kind, b_.parts(each.title, ""), b_.parts(each.description, "")});
  }

  const content::message& message_;
  content::message_builder b_;
  int components_ = 0;
};

}  // namespace detail

// columns: the recipients' parameter columns. Errors: column_missing (names all that are needed and what is there),
// template_malformed, template_not_supported (this endpoint does not take it), invalid_argument (the mapping names a
// slot that is not there), parameter_not_allowed and parameter_too_long (a constant, or the fixed text).
[[nodiscard]] inline result<content::compiled_message> compile_whatsapp(const content::message& message,
                                                                        std::span<const std::string> columns,
                                                                        const content::mapping& map = {},
                                                                        whatsapp_body_options options = {}) {
  if (options.marketing_messages && (message.is_free_form() || message.approved.category != "MARKETING")) {
    return fail(errc::template_not_supported,
                "the marketing endpoint takes templates of category MARKETING only; send this one over /messages");
  }
  if (!message.is_free_form() && !options.marketing_messages) {
    bool gif = message.approved.header.kind == content::header_kind::gif;
    for (const auto& card : message.approved.cards) gif = gif || card.header.kind == content::header_kind::gif;
    if (gif) {
      return fail(errc::template_not_supported, "template '" + message.approved.name +
                                                    "' has a GIF header, which only the marketing endpoint takes; use "
                                                    "a sender for that endpoint, or a video header");
    }
  }
  auto slots = content::resolved_slots(message, columns, map);
  if (!slots) return fail(slots.error());
  return detail::whatsapp_layout(message, std::move(*slots), columns.size()).build();
}

}  // namespace bulkmsg::channels
