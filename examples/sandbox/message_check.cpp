#include "message_check.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "content_check.hpp"
#include "phone.hpp"
#include "refusal.hpp"
#include "template_check.hpp"

namespace sandbox {
namespace {

constexpr std::string_view types[] = {"audio",    "contacts", "document", "image", "interactive", "location",
                                      "reaction", "sticker",  "template", "text",  "video"};

/// Details of an interactive message.
void check_interactive_header(const fields& interactive, bool text_only) {
  const auto value = interactive.find("header");
  if (!value) return;
  const auto at = interactive.at("header");
  const fields peek(*value, at, {"type", "text", "image", "video", "document"});
  const auto type = peek.text("type");
  const bool known = type == "text" || (!text_only && (type == "image" || type == "video" || type == "document"));
  if (!known) refuse(100, peek.at("type"), "is not a header type allowed here.");
  const fields header(*value, at, {"type", type});
  if (type == "text") {
    header.text("text", 60);
  } else if (type == "document") {
    check_media_source(fields(header.need(type), header.at(type), {"id", "link", "filename"}));
  } else {
    check_media_source(fields(header.need(type), header.at(type), {"id", "link"}));
  }
}

void check_body_and_footer(const fields& interactive, std::size_t most, bool body_required) {
  if (body_required || interactive.has("body")) {
    fields(interactive.need("body"), interactive.at("body"), {"text"}).text("text", most);
  }
  if (const auto footer = interactive.find("footer"))
    fields(*footer, interactive.at("footer"), {"text"}).text("text", 60);
}

void check_reply_buttons(const fields& interactive) {
  const fields action(interactive.need("action"), interactive.at("action"), {"buttons"});
  const auto buttons = action.list("buttons");
  if (buttons.size() < 1 || buttons.size() > 3) refuse(131009, action.at("buttons"), "must hold 1 to 3 buttons.");
  std::set<std::string_view> ids;
  std::set<std::string_view> titles;
  const place list_at = action.at("buttons");
  std::size_t index = 0;
  for (const json value : buttons) {
    const fields button(value, place{&list_at, {}, index++}, {"type", "reply"});
    if (button.text("type") != "reply") refuse(100, button.at("type"), "must be \"reply\".");
    const fields reply(button.need("reply"), button.at("reply"), {"id", "title"});
    if (!ids.insert(reply.text("id", 256)).second) refuse(131009, reply.at("id"), "must be unique.");
    if (!titles.insert(reply.text("title", 20)).second) refuse(131009, reply.at("title"), "must be unique.");
  }
}

void check_list(const fields& interactive) {
  const fields action(interactive.need("action"), interactive.at("action"), {"button", "sections"});
  action.text("button", 20);
  const auto sections = action.list("sections");
  if (sections.size() < 1 || sections.size() > 10) refuse(131009, action.at("sections"), "must hold 1 to 10 sections.");
  std::set<std::string_view> ids;
  std::size_t rows_in_all = 0;
  const place list_at = action.at("sections");
  std::size_t index = 0;
  for (const json value : sections) {
    const fields section(value, place{&list_at, {}, index++}, {"title", "rows"});
    if (sections.size() > 1) section.text("title", 24);
    section.optional_text("title", 24);
    const auto rows = section.list("rows");
    rows_in_all += rows.size();
    if (rows.size() < 1 || rows_in_all > 10)
      refuse(131009, section.at("rows"), "must hold 1 to 10 rows over all sections.");
    const place rows_at = section.at("rows");
    std::size_t row_index = 0;
    for (const json row_value : rows) {
      const fields row(row_value, place{&rows_at, {}, row_index++}, {"id", "title", "description"});
      if (!ids.insert(row.text("id", 200)).second) refuse(131009, row.at("id"), "must be unique.");
      row.text("title", 24);
      row.optional_text("description", 72);
    }
  }
}

void check_link_button(const fields& interactive) {
  const fields action(interactive.need("action"), interactive.at("action"), {"name", "parameters"});
  if (action.text("name") != "cta_url") refuse(100, action.at("name"), "must be \"cta_url\".");
  const fields parameters(action.need("parameters"), action.at("parameters"), {"display_text", "url"});
  parameters.text("display_text", 20);
  check_web_link(parameters.text("url", 2000), parameters.at("url"));
}

void check_interactive(json value, const place& at) {
  const fields interactive(value, at, {"type", "header", "body", "footer", "action"});
  const auto type = interactive.text("type");
  check_interactive_header(interactive, type == "list");
  check_body_and_footer(interactive, type == "list" ? 4096 : 1024, type != "product");
  if (type == "button") {
    check_reply_buttons(interactive);
  } else if (type == "list") {
    check_list(interactive);
  } else if (type == "cta_url") {
    check_link_button(interactive);
  } else {
    // Their insides are not described in our facts closely enough to refuse anything.
    constexpr std::string_view others[] = {"location_request_message", "flow",     "product",    "product_list",
                                           "catalog_message",          "carousel", "voice_call", "contact_request"};
    if (std::find(std::begin(others), std::end(others), type) == std::end(others)) {
      refuse(100, interactive.at("type"), "is not a type of interactive message.");
    }
    if (!interactive.need("action").is_object()) refuse(100, interactive.at("action"), "must be a JSON object.");
  }
}

void check_location(json value, const place& at) {
  const fields location(value, at, {"latitude", "longitude", "name", "address"});
  check_coordinate(location, "latitude", 90);
  check_coordinate(location, "longitude", 180);
  location.optional_text("name");
  location.optional_text("address");
}

/// Every entry of an optional list has only these keys, all of them strings.
void check_string_entries(const fields& contact, std::string_view key, std::initializer_list<std::string_view> known) {
  if (!contact.has(key)) return;
  const place list_at = contact.at(key);
  std::size_t index = 0;
  for (const json value : contact.list(key)) {
    const fields entry(value, place{&list_at, {}, index++}, known);
    for (const auto each : known) entry.optional_text(each);
  }
}

void check_contact(json value, place at) {
  const fields contact(value, at, {"name", "phones", "emails", "urls", "addresses", "org", "birthday"});
  constexpr std::string_view name_parts[] = {"first_name", "last_name", "middle_name", "prefix", "suffix"};
  const fields name(contact.need("name"), contact.at("name"),
                    {"formatted_name", "first_name", "last_name", "middle_name", "prefix", "suffix"});
  name.text("formatted_name");
  bool any = false;
  for (const auto part : name_parts) any = name.optional_text(part).has_value() || any;
  if (!any) refuse(131009, name.here(), "needs at least one name part besides formatted_name.");
  check_string_entries(contact, "phones", {"phone", "type", "wa_id"});
  check_string_entries(contact, "emails", {"email", "type"});
  check_string_entries(contact, "urls", {"url", "type"});
  check_string_entries(contact, "addresses", {"street", "city", "state", "zip", "country", "country_code", "type"});
  if (const auto org = contact.find("org")) {
    const fields company(*org, contact.at("org"), {"company", "department", "title"});
    for (const auto key : {"company", "department", "title"}) company.optional_text(key);
  }
  if (const auto birthday = contact.optional_text("birthday")) {
    bool shape = birthday->size() == 10;
    for (std::size_t i = 0; shape && i < 10; ++i) {
      const char c = (*birthday)[i];
      shape = i == 4 || i == 7 ? c == '-' : c >= '0' && c <= '9';
    }
    if (!shape) refuse(131009, contact.at("birthday"), "must be YYYY-MM-DD.");
  }
}

void check_contacts(const fields& message) {
  const auto contacts = message.list("contacts");
  if (contacts.size() < 1 || contacts.size() > 257)
    refuse(131009, message.at("contacts"), "must hold 1 to 257 contacts.");
  const place list_at = message.at("contacts");
  std::size_t index = 0;
  for (const json value : contacts) check_contact(value, place{&list_at, {}, index++});
}

void check_media(std::string_view type, json value, const place& at) {
  std::vector<std::string_view> known{"id", "link"};
  if (type == "image" || type == "video" || type == "document") known.push_back("caption");
  if (type == "document") known.push_back("filename");
  if (type == "audio") known.push_back("voice");
  const fields media(value, at, known);
  check_media_source(media);
  media.optional_text("caption", 1024);
  media.optional_text("filename");
  media.optional_flag("voice");
}

void check_recipient(const fields& message, std::string_view own_number, checked_message& out) {
  const auto recipient_type = message.optional_text("recipient_type").value_or("individual");
  if (recipient_type != "individual" && recipient_type != "group") {
    refuse(100, message.at("recipient_type"), "must be one of {individual, group}.");
  }
  if (!message.has("to") && message.has("recipient")) {
    const auto user = message.text("recipient", 140);
    const bool plausible =
        user.size() > 3 && user[2] == '.' && std::all_of(user.begin(), user.end(), [](char c) {
          return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.';
        });
    if (!plausible) refuse(131009, message.at("recipient"), "is not a business-scoped user id.");
    out.kind = recipient_kind::user;
    out.input = out.address = out.wa_id = user;
    return;
  }
  if (!message.has("to")) refuse(100, message.at("to"), "is required.");
  out.input = message.text("to", 128);
  if (recipient_type == "group") {
    const bool plausible = std::all_of(out.input.begin(), out.input.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!plausible) refuse(131009, message.at("to"), "is not a group id.");
    out.kind = recipient_kind::group;
    out.address = out.wa_id = out.input;
    return;
  }
  const auto digits = phone_digits(out.input);
  if (!digits) refuse(131009, message.at("to"), "is not a valid phone number.");
  out.address = *digits;
  out.wa_id = wa_id_of(*digits);
  if (out.address == own_number || out.wa_id == own_number) {
    throw refusal{131021, "The sender's own number cannot be the recipient"};
  }
}

void check_reaction(json value, const place& at) {
  const fields reaction(value, at, {"message_id", "emoji"});
  reaction.text("message_id");
  if (code_points(need_text(reaction.need("emoji"), reaction.at("emoji"))) > 16) {
    refuse(131009, reaction.at("emoji"), "is not one emoji.");
  }
}

/// {"messaging_product":"whatsapp","status":"read","message_id":"wamid..."}
checked_message check_read_mark(json body) {
  const fields mark(body, {}, {"messaging_product", "status", "message_id", "typing_indicator"});
  if (mark.text("messaging_product") != "whatsapp") refuse(100, mark.at("messaging_product"), "must be \"whatsapp\".");
  if (mark.text("status") != "read") refuse(100, mark.at("status"), "must be \"read\".");
  mark.text("message_id");
  checked_message out;
  out.read_mark = true;
  return out;
}

}  // namespace

checked_message check_message(json body, endpoint where, std::string_view own_number,
                              const template_catalogue& catalogue, std::int64_t now_ms) {
  json status;
  if (body["status"].get(status) == simdjson::SUCCESS) return check_read_mark(body);

  checked_message out;
  std::string_view type = "text";
  if (json given; body["type"].get(given) == simdjson::SUCCESS) type = need_text(given, place{nullptr, "type"});
  if (std::find(std::begin(types), std::end(types), type) == std::end(types)) {
    refuse(100, place{nullptr, "type"},
           "must be one of {audio, contacts, document, image, interactive, location, reaction, sticker, template, "
           "text, video}.");
  }
  std::vector<std::string_view> known{"messaging_product",
                                      "recipient_type",
                                      "to",
                                      "recipient",
                                      "type",
                                      "context",
                                      "biz_opaque_callback_data",
                                      "recipient_identity_key_hash",
                                      type};
  if (where == endpoint::marketing_messages) {
    known.insert(known.end(), {"product_policy", "message_activity_sharing"});
    if (type != "template") throw refusal{131055, "Only template messages may be sent to this endpoint"};
  }
  const fields message(body, {}, known);
  if (!message.has("messaging_product")) refuse(100, message.at("messaging_product"), "is required.");
  if (message.text("messaging_product") != "whatsapp")
    refuse(100, message.at("messaging_product"), "must be \"whatsapp\".");
  check_recipient(message, own_number, out);
  out.type = type;
  out.callback = message.optional_text("biz_opaque_callback_data", 512).value_or("");
  message.optional_text("recipient_identity_key_hash");
  if (const auto policy = message.optional_text("product_policy");
      policy && *policy != "CLOUD_API_FALLBACK" && *policy != "STRICT") {
    refuse(100, message.at("product_policy"), "must be one of {CLOUD_API_FALLBACK, STRICT}.");
  }
  message.optional_flag("message_activity_sharing");
  if (const auto context = message.find("context")) {
    if (type == "reaction") refuse(100, message.at("context"), "is not for reactions.");
    fields(*context, message.at("context"), {"message_id"}).text("message_id");
  }

  const json content = message.need(type);
  const place at = message.at(type);
  if (type == "text") {
    const fields text(content, at, {"body", "preview_url"});
    text.text("body", 4096);
    text.optional_flag("preview_url");
  } else if (type == "template") {
    out.filled = &check_template(content, at, catalogue, now_ms);
    if (where == endpoint::marketing_messages && out.filled->category != "MARKETING") {
      throw refusal{134100, "The template's category is " + out.filled->category};
    }
  } else if (type == "interactive") {
    check_interactive(content, at);
  } else if (type == "location") {
    check_location(content, at);
  } else if (type == "contacts") {
    check_contacts(message);
  } else if (type == "reaction") {
    check_reaction(content, at);
  } else {
    check_media(type, content, at);
  }
  return out;
}

}  // namespace sandbox
