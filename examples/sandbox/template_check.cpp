#include "template_check.hpp"

#include <algorithm>
#include <array>

#include "content_check.hpp"
#include "refusal.hpp"

namespace sandbox {
namespace {

constexpr std::size_t most_body = 1024;
constexpr std::size_t most_offer_body = 600;
constexpr std::size_t most_card_body = 160;
constexpr std::size_t most_header = 60;
constexpr std::size_t most_url = 2000;
constexpr std::size_t most_coupon = 20;
constexpr std::size_t most_otp = 15;

std::string counts(std::string_view what, std::size_t got, std::size_t wanted) {
  return std::string(what) + ": number of localizable_params (" + std::to_string(got) +
         ") does not match the expected number of params (" + std::to_string(wanted) + ")";
}

/// What may stand in a text value.
std::string_view check_value(std::string_view value, const place& at) {
  if (value.empty()) refuse(132018, at, "must not be empty.");
  if (value.find_first_of("\n\r\t") != value.npos || value.find("     ") != value.npos) {
    refuse(132018, at, "cannot have new-line/tab characters or more than 4 consecutive spaces.");
  }
  return value;
}

std::string_view check_text_value(const fields& parameter) {
  if (!parameter.has("text")) refuse(131008, parameter.at("text"), "is required.");
  return check_value(need_text(parameter.need("text"), parameter.at("text")), parameter.at("text"));
}

std::string_view type_of(json value, const place& at) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) refuse(100, at, "must be a JSON object.");
  json type;
  if (object.at_key("type").get(type) != simdjson::SUCCESS) {
    refuse(131008, place{&at, "type"}, "is required.");
  }
  return need_text(type, place{&at, "type"});
}

[[noreturn]] void refuse_format(const place& at, std::string_view expected, std::string_view received) {
  refuse(132012, at,
         "format mismatch, expected " + std::string(expected) + ", received " + std::string(received.substr(0, 64)));
}

/// One text, currency or date_time parameter; returns the text that will be shown.
std::string_view check_shown_parameter(json value, place at, bool named, std::string_view& name) {
  const auto type = type_of(value, at);
  if (type != "text" && type != "currency" && type != "date_time") refuse_format(at, "text", type);
  const fields parameter(value, at, {"type", type, "parameter_name"});
  const auto given = parameter.optional_text("parameter_name");
  if (named && (!given || given->empty())) refuse(132012, parameter.at("parameter_name"), "is missing or empty.");
  if (!named && given)
    refuse(132012, parameter.at("parameter_name"), "is not for a template with positional parameters.");
  name = given.value_or("");
  if (type == "text") return check_text_value(parameter);
  const auto object = parameter.need(type);
  if (type == "currency") {
    const fields currency(object, parameter.at(type), {"fallback_value", "code", "amount_1000"});
    if (currency.text("code").size() != 3) refuse(100, currency.at("code"), "must be an ISO 4217 code.");
    if (!currency.need("amount_1000").is<std::int64_t>())
      refuse(100, currency.at("amount_1000"), "must be an integer.");
    return check_value(currency.text("fallback_value"), currency.at("fallback_value"));
  }
  const fields date(object, parameter.at(type), {"fallback_value"});
  return check_value(date.text("fallback_value"), date.at("fallback_value"));
}

/// The parameters of a header text or a body against the variables of its text, and the length of the filled text.
void check_shown(const slotted_text& text, bool named, const fields& component, std::string_view what,
                 std::size_t most) {
  const auto parameters = component.list("parameters");
  if (parameters.size() != text.slots.size()) throw refusal{132000, counts(what, parameters.size(), text.slots.size())};
  const place list_at = component.at("parameters");
  std::vector<std::size_t> lengths(text.slots.size(), 0);
  std::vector<bool> filled(text.slots.size(), false);
  std::size_t index = 0;
  for (const json value : parameters) {
    const place at{&list_at, {}, index};
    std::string_view name;
    const auto shown = check_shown_parameter(value, at, named, name);
    // Positional variables are numbered from 1, in whatever order they stand in the text.
    const std::string slot = named ? std::string(name) : std::to_string(index + 1);
    const auto found = std::find(text.slots.begin(), text.slots.end(), slot);
    if (found == text.slots.end()) refuse(132012, at, "names \"" + slot + "\", which the template does not have.");
    const auto which = static_cast<std::size_t>(found - text.slots.begin());
    if (filled[which]) refuse(132012, at, "names \"" + slot + "\" a second time.");
    filled[which] = true;
    lengths[which] = code_points(shown);
    ++index;
  }
  std::size_t total = text.fixed_code_points;
  for (std::size_t i = 0; i < text.slots.size(); ++i) {
    const std::string token = "{{" + text.slots[i] + "}}";
    for (auto at = text.text.find(token); at != std::string::npos; at = text.text.find(token, at + token.size())) {
      total += lengths[i];
    }
  }
  if (total > most) {
    throw refusal{132005, std::string(what) + ": the filled text has " + std::to_string(total) +
                              " characters, at most " + std::to_string(most) + " are allowed"};
  }
}

/// The single parameter of a component that takes exactly one.
json only_parameter(const fields& component, std::string_view what) {
  const auto parameters = component.list("parameters");
  if (parameters.size() != 1) throw refusal{132000, counts(what, parameters.size(), 1)};
  return parameters.at(0).value();
}

void check_header(json value, place at, const message_template& which, const template_parts& parts) {
  const fields component(value, at, {"type", "parameters"});
  const std::string& format = parts.header_format;
  if (format.empty()) refuse(132012, at, "is a header, which the template does not have.");
  if (format == "TEXT") {
    check_shown(parts.header, which.named, component, "header", most_header);
    return;
  }
  const json only = only_parameter(component, "header");
  const place list_at = component.at("parameters");
  const place first{&list_at, {}, 0};
  std::string wanted = format;
  for (char& c : wanted) c = static_cast<char>(c | 0x20);
  const auto type = type_of(only, first);
  if (type != wanted) refuse_format(first, format, type);
  const fields parameter(only, first, {"type", type});
  const json object = parameter.need(type);
  if (format == "LOCATION") {
    const fields location(object, parameter.at(type), {"latitude", "longitude", "name", "address"});
    check_coordinate(location, "latitude", 90);
    check_coordinate(location, "longitude", 180);
    location.text("name");
    location.text("address");
  } else if (format == "DOCUMENT") {
    const fields media(object, parameter.at(type), {"id", "link", "filename"});
    check_media_source(media);
    media.optional_text("filename");
  } else {
    check_media_source(fields(object, parameter.at(type), {"id", "link"}));
  }
}

bool button_required(const template_button& button) {
  return button.takes_suffix || button.one_time_password || button.type == "COPY_CODE" || button.type == "FLOW" ||
         button.type == "MPM";
}

/// The sub_type by which a button of the template is addressed; empty when it takes no component.
std::string_view sub_type_of(const template_button& button) {
  constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"QUICK_REPLY", "quick_reply"},
      {"COPY_CODE", "copy_code"},
      {"FLOW", "flow"},
      {"CATALOG", "catalog"},
      {"MPM", "mpm"},
      {"SPM", "spm"},
  };
  if (button.takes_suffix || button.one_time_password) return "url";
  for (const auto& [type, sub_type] : known) {
    if (button.type == type) return sub_type;
  }
  return {};
}

std::size_t check_button_index(const fields& component) {
  const json value = component.need("index");
  std::string_view text;
  std::uint64_t index = 10;
  if (value.get(text) == simdjson::SUCCESS) {
    if (text.size() == 1 && text[0] >= '0' && text[0] <= '9') index = static_cast<std::uint64_t>(text[0] - '0');
  } else if (value.get(index) != simdjson::SUCCESS) {
    index = 10;
  }
  if (index > 9) refuse(100, component.at("index"), "must be a button's place, from 0 to 9.");
  return static_cast<std::size_t>(index);
}

/// Returns the button's place.
std::size_t check_button(json value, place at, const template_parts& parts, std::string_view& otp_code) {
  const fields component(value, at, {"type", "sub_type", "index", "parameters"});
  const auto sub_type = component.text("sub_type");
  const auto index = check_button_index(component);
  if (index >= parts.buttons.size()) refuse(132012, component.at("index"), "is not a button of the template.");
  const auto& button = parts.buttons[index];
  const auto wanted = sub_type_of(button);
  if (wanted.empty()) refuse(132012, at, "is for a " + button.type + " button, which takes no component.");
  if (sub_type != wanted) refuse_format(component.at("sub_type"), wanted, sub_type);

  const json only = only_parameter(component, "button " + std::to_string(index));
  const place list_at = component.at("parameters");
  const place first{&list_at, {}, 0};
  const auto type = type_of(only, first);
  constexpr std::pair<std::string_view, std::string_view> parameter_types[] = {
      {"quick_reply", "payload"}, {"url", "text"}, {"copy_code", "coupon_code"}};
  std::string_view wanted_type = "action";
  for (const auto& [sub, parameter_type] : parameter_types) {
    if (sub == sub_type) wanted_type = parameter_type;
  }
  if (type != wanted_type) refuse_format(first, wanted_type, type);
  const fields parameter(only, first, {"type", type});
  if (sub_type == "quick_reply") {
    parameter.text("payload");
  } else if (sub_type == "url") {
    const auto suffix = check_text_value(parameter);
    if (code_points(suffix) > most_url)
      refuse(132005, parameter.at("text"), "makes the URL longer than 2000 characters.");
    if (button.one_time_password) otp_code = suffix;
  } else if (sub_type == "copy_code") {
    const auto code =
        check_value(need_text(parameter.need("coupon_code"), parameter.at("coupon_code")), parameter.at("coupon_code"));
    if (code_points(code) > most_coupon)
      refuse(131009, parameter.at("coupon_code"), "must be at most 20 characters long.");
  } else if (sub_type == "flow") {
    const fields action(parameter.need("action"), parameter.at("action"), {"flow_token", "flow_action_data"});
    action.optional_text("flow_token");
    if (const auto data = action.find("flow_action_data"); data && !data->is_object()) {
      refuse(100, action.at("flow_action_data"), "must be a JSON object.");
    }
  } else {
    const fields action(parameter.need("action"), parameter.at("action"),
                        {"thumbnail_product_retailer_id", "product_retailer_id", "catalog_id", "sections"});
    if (sub_type == "mpm" && action.list("sections").size() == 0) {
      refuse(131008, action.at("sections"), "must not be empty.");
    }
  }
  return index;
}

void check_offer(json value, place at, const message_template& which, std::int64_t now_ms) {
  const fields component(value, at, {"type", "parameters"});
  if (!which.limited_time_offer) refuse(132012, at, "is a limited_time_offer, which the template does not have.");
  const json only = only_parameter(component, "limited_time_offer");
  const place list_at = component.at("parameters");
  const place first{&list_at, {}, 0};
  const auto type = type_of(only, first);
  if (type != "limited_time_offer") refuse_format(first, "limited_time_offer", type);
  const fields parameter(only, first, {"type", "limited_time_offer"});
  const fields offer(parameter.need(type), parameter.at(type), {"expiration_time_ms"});
  std::int64_t expires = 0;
  if (offer.need("expiration_time_ms").get(expires) != simdjson::SUCCESS) {
    refuse(100, offer.at("expiration_time_ms"), "must be an integer.");
  }
  if (expires <= now_ms) refuse(131009, offer.at("expiration_time_ms"), "has passed.");
}

void check_tap_target(json value, place at) {
  const fields component(value, at, {"type", "parameters"});
  const json only = only_parameter(component, "tap_target_configuration");
  const place list_at = component.at("parameters");
  const place first{&list_at, {}, 0};
  const fields parameter(only, first, {"type", "tap_target_configuration"});
  if (type_of(only, first) != "tap_target_configuration")
    refuse_format(first, "tap_target_configuration", type_of(only, first));
  const place targets_at = parameter.at("tap_target_configuration");
  std::size_t index = 0;
  for (const json target : parameter.list("tap_target_configuration")) {
    const fields one(target, place{&targets_at, {}, index++}, {"url", "title"});
    check_web_link(one.text("url", most_url), one.at("url"));
    one.text("title");
  }
}

simdjson::dom::array components_of(const std::optional<json>& value, const place& at) {
  simdjson::dom::array components;
  if (value && value->get(components) != simdjson::SUCCESS) refuse(100, at, "must be an array.");
  return components;
}

enum class level {
  whole,
  card
};

void check_components(const fields& owner, const message_template& which, const template_parts& parts, level where,
                      std::int64_t now_ms);

void check_carousel(json value, place at, const message_template& which, std::int64_t now_ms) {
  const fields component(value, at, {"type", "cards"});
  if (which.cards.empty()) refuse(132012, at, "is a carousel, which the template does not have.");
  const auto cards = component.list("cards");
  if (cards.size() != which.cards.size()) {
    refuse(
        132012, component.at("cards"),
        "has " + std::to_string(cards.size()) + " cards, the template has " + std::to_string(which.cards.size()) + ".");
  }
  const place cards_at = component.at("cards");
  std::size_t index = 0;
  for (const json value_of_card : cards) {
    const fields card(value_of_card, place{&cards_at, {}, index}, {"card_index", "components"});
    std::uint64_t given = 0;
    if (card.need("card_index").get(given) != simdjson::SUCCESS || given != index) {
      refuse(132012, card.at("card_index"), "must be " + std::to_string(index) + ".");
    }
    check_components(card, which, which.cards[index], level::card, now_ms);
    ++index;
  }
}

/// The code that a one-time-password body shows, to compare with its button's.
std::string_view first_text(json component) {
  std::string_view text;
  if (component["parameters"].at(0)["text"].get(text) != simdjson::SUCCESS) return {};
  return text;
}

void check_components(const fields& owner, const message_template& which, const template_parts& parts, level where,
                      std::int64_t now_ms) {
  const auto value = owner.find("components");
  const place list_at = owner.at("components");
  bool header = false;
  bool body = false;
  bool offer = false;
  bool carousel = false;
  bool tap_target = false;
  std::array<bool, 10> buttons{};
  std::string_view body_code;
  std::string_view button_code;
  const auto once = [](bool& seen, const place& at) {
    if (seen) refuse(132012, at, "comes a second time.");
    seen = true;
  };
  if (value) {
    const std::size_t most = where == level::card       ? most_card_body
                             : which.limited_time_offer ? most_offer_body
                                                        : most_body;
    std::size_t index = 0;
    for (const json component : components_of(value, list_at)) {
      const place at{&list_at, {}, index++};
      const auto type = type_of(component, at);
      if (type == "header") {
        once(header, at);
        check_header(component, at, which, parts);
      } else if (type == "body") {
        once(body, at);
        check_shown(parts.body, which.named, fields(component, at, {"type", "parameters"}), "body", most);
        body_code = first_text(component);
      } else if (type == "button") {
        once(buttons[check_button(component, at, parts, button_code)], at);
      } else if (where == level::whole && type == "carousel") {
        once(carousel, at);
        check_carousel(component, at, which, now_ms);
      } else if (where == level::whole && type == "limited_time_offer") {
        once(offer, at);
        check_offer(component, at, which, now_ms);
      } else if (where == level::whole && type == "tap_target_configuration") {
        once(tap_target, at);
        check_tap_target(component, at);
      } else {
        refuse(132012, at, "has the unknown type \"" + std::string(type.substr(0, 64)) + "\".");
      }
    }
  }

  // What the template needs and the message does not bring.
  if (!header && parts.header_format == "TEXT" && !parts.header.slots.empty()) {
    throw refusal{132000, counts("header", 0, parts.header.slots.size())};
  }
  if (!header && !parts.header_format.empty() && parts.header_format != "TEXT") {
    refuse_format(list_at, "a header of format " + parts.header_format, "none");
  }
  if (!body && !parts.body.slots.empty()) throw refusal{132000, counts("body", 0, parts.body.slots.size())};
  if (where == level::whole && !carousel && !which.cards.empty()) refuse_format(list_at, "a carousel", "none");
  if (where == level::whole && !offer && which.offer_expires) {
    throw refusal{131008, "limited_time_offer: expiration_time_ms is required"};
  }
  for (std::size_t i = 0; i < parts.buttons.size() && i < buttons.size(); ++i) {
    if (!buttons[i] && button_required(parts.buttons[i])) {
      throw refusal{131008, "buttons: Button at index " + std::to_string(i) + " of type " + parts.buttons[i].type +
                                " requires a parameter"};
    }
  }
  if (!button_code.empty()) {
    if (body_code != button_code) throw refusal{132018, "The code in the body differs from the code in the button"};
    if (code_points(button_code) > most_otp) throw refusal{132018, "A one-time password has at most 15 characters"};
  }
}

}  // namespace

const message_template& check_template(json value, place at, const template_catalogue& catalogue, std::int64_t now_ms) {
  const fields message(value, at, {"name", "language", "components"});
  const auto name = message.text("name");
  const fields language(message.need("language"), message.at("language"), {"code", "policy"});
  const auto code = language.text("code");
  if (const auto policy = language.optional_text("policy"); policy && *policy != "deterministic") {
    refuse(100, language.at("policy"), "must be \"deterministic\".");
  }
  const auto* which = catalogue.find(name, code);
  const auto named = "template name (" + std::string(name.substr(0, 512)) + ")";
  if (which == nullptr) {
    if (!catalogue.knows_name(name)) throw refusal{132001, named + " does not exist"};
    throw refusal{132001, named + " does not exist in " + std::string(code.substr(0, 16))};
  }
  if (which->status == "PAUSED") throw refusal{132015, named + " is paused"};
  if (which->status == "DISABLED") throw refusal{132016, named + " is disabled"};
  if (which->status != "APPROVED") throw refusal{132001, named + " is not approved"};
  check_components(message, *which, which->parts, level::whole, now_ms);
  return *which;
}

}  // namespace sandbox
