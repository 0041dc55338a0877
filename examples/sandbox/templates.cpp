#include "templates.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "json_fields.hpp"
#include "json_text.hpp"

namespace sandbox {
namespace {

constexpr std::string_view built_in = R"([
{"id":"1667192013751005","name":"order_ready","language":"en_US","status":"APPROVED","category":"UTILITY",
 "parameter_format":"NAMED","components":[
 {"type":"HEADER","format":"TEXT","text":"Order {{num}}",
  "example":{"header_text_named_params":[{"param_name":"num","example":"A-17"}]}},
 {"type":"BODY","text":"Hi {{first_name}}, it is ready",
  "example":{"body_text_named_params":[{"param_name":"first_name","example":"Ana"}]}},
 {"type":"FOOTER","text":"Shop"},
 {"type":"BUTTONS","buttons":[
  {"type":"URL","text":"Track","url":"https://x.example/{{1}}","example":["https://x.example/A-17"]},
  {"type":"QUICK_REPLY","text":"Stop"}]}]},
{"id":"1667192013751006","name":"hello_world","language":"en_US","status":"APPROVED","category":"UTILITY",
 "parameter_format":"POSITIONAL","components":[
 {"type":"HEADER","format":"TEXT","text":"Hello World"},
 {"type":"BODY","text":"Welcome and congratulations!! This message shows that you can send a template."},
 {"type":"FOOTER","text":"WhatsApp Business Platform sample message"}]}
])";

[[noreturn]] void bad(const std::string& what) { throw std::invalid_argument("template: " + what); }

/// Lenient on purpose: a listing may hold more than this program knows.
std::string_view text_of(json object, std::string_view key) {
  std::string_view text;
  if (object.at_key(key).get(text) != simdjson::SUCCESS) return {};
  return text;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

bool is_slot_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

slotted_text parse_slots(std::string_view text) {
  slotted_text out;
  out.text = text;
  std::string fixed;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto open = rest.find("{{");
    const auto close = open == rest.npos ? rest.npos : rest.find("}}", open);
    if (close == rest.npos) break;
    const auto name = rest.substr(open + 2, close - open - 2);
    fixed += rest.substr(0, open);
    if (!is_slot_name(name)) bad("\"{{" + std::string(name) + "}}\" is not a variable");
    if (std::find(out.slots.begin(), out.slots.end(), name) == out.slots.end()) out.slots.emplace_back(name);
    rest.remove_prefix(close + 2);
  }
  fixed += rest;
  out.fixed_code_points = code_points(fixed);
  return out;
}

simdjson::dom::array array_of(json object, std::string_view key, const std::string& what) {
  simdjson::dom::array array;
  if (object.at_key(key).get(array) != simdjson::SUCCESS) bad(what + " has no array \"" + std::string(key) + "\"");
  return array;
}

template_button parse_button(json button) {
  template_button out;
  out.type = upper(text_of(button, "type"));
  if (out.type.empty()) bad("a button has no type");
  const auto url = text_of(button, "url");
  out.takes_suffix = out.type == "URL" && !parse_slots(url).slots.empty();
  out.one_time_password = out.type == "OTP" || (out.type == "URL" && url.find("otp_type=") != url.npos);
  return out;
}

/// Fills in what a card may have too; returns false for a component which only a whole template has.
bool parse_part(json component, const std::string& type, template_parts& parts) {
  if (type == "HEADER") {
    parts.header_format = upper(text_of(component, "format"));
    if (parts.header_format.empty()) bad("a header has no format");
    parts.header = parse_slots(text_of(component, "text"));
    if (parts.header.slots.size() > 1) bad("a header has more than one variable");
  } else if (type == "BODY") {
    parts.body = parse_slots(text_of(component, "text"));
  } else if (type == "BUTTONS") {
    for (const json button : array_of(component, "buttons", "BUTTONS")) parts.buttons.push_back(parse_button(button));
    if (parts.buttons.size() > 10) bad("more than 10 buttons");
  } else {
    return false;
  }
  return true;
}

message_template parse_template(json object) {
  simdjson::dom::object keys;
  if (object.get(keys) != simdjson::SUCCESS) bad("not a JSON object");
  message_template out;
  for (const auto field : keys) out.raw.emplace_back(field.key, simdjson::minify(field.value));
  out.id = text_of(object, "id");
  out.name = text_of(object, "name");
  out.language = text_of(object, "language");
  out.status = upper(text_of(object, "status"));
  out.category = upper(text_of(object, "category"));
  out.named = upper(text_of(object, "parameter_format")) == "NAMED";
  if (out.name.empty() || out.language.empty()) bad("name and language are required");
  const std::string what = "template " + out.name;
  for (const json component : array_of(object, "components", what)) {
    const std::string type = upper(text_of(component, "type"));
    if (parse_part(component, type, out.parts) || type == "FOOTER") continue;
    if (type == "CAROUSEL") {
      for (const json card : array_of(component, "cards", what)) {
        auto& parts = out.cards.emplace_back();
        for (const json part : array_of(card, "components", what + ", a card")) {
          parse_part(part, upper(text_of(part, "type")), parts);
        }
      }
    } else if (type == "LIMITED_TIME_OFFER") {
      out.limited_time_offer = true;
      bool expires = false;
      if (component["limited_time_offer"]["has_expiration"].get(expires) == simdjson::SUCCESS) {
        out.offer_expires = expires;
      }
    } else {
      bad(what + " has the unknown component \"" + type + "\"");
    }
  }
  const auto check_style = [&](const slotted_text& text) {
    for (std::size_t i = 0; i < text.slots.size(); ++i) {
      const bool number = text.slots[i].find_first_not_of("0123456789") == std::string::npos;
      if (out.named ? number : !number) bad(what + " mixes named and positional variables");
    }
    const auto has = [&](std::size_t i) {
      return std::find(text.slots.begin(), text.slots.end(), std::to_string(i)) != text.slots.end();
    };
    for (std::size_t i = 1; !out.named && i <= text.slots.size(); ++i) {
      if (!has(i)) bad(what + " has a gap in its variables");
    }
  };
  check_style(out.parts.header);
  check_style(out.parts.body);
  for (const auto& card : out.cards) check_style(card.body);
  return out;
}

void set_raw(message_template& which, std::string_view field, std::string value) {
  for (auto& [key, text] : which.raw) {
    if (key == field) {
      text = std::move(value);
      return;
    }
  }
  which.raw.emplace_back(field, std::move(value));
}

}  // namespace

void template_catalogue::add_json(std::string_view text) {
  simdjson::dom::parser parser;
  json document;
  if (const auto error = parser.parse(text.data(), text.size()).get(document); error != simdjson::SUCCESS) {
    bad(simdjson::error_message(error));
  }
  const auto add = [this](json object) {
    auto parsed = std::make_unique<message_template>(parse_template(object));
    if (find(parsed->name, parsed->language) != nullptr) {
      bad(parsed->name + " in " + parsed->language + " comes twice");
    }
    if (parsed->id.empty()) {
      parsed->id = std::to_string(1'667'192'013'760'000 + all_.size());
      set_raw(*parsed, "id", json_string(parsed->id));
    }
    if (parsed->status.empty()) {
      parsed->status = "APPROVED";
      set_raw(*parsed, "status", json_string(parsed->status));
    }
    all_.push_back(std::move(parsed));
  };
  simdjson::dom::array array;
  if (document.get(array) == simdjson::SUCCESS || document["data"].get(array) == simdjson::SUCCESS) {
    for (const json object : array) add(object);
  } else {
    add(document);
  }
}

void template_catalogue::put_json(std::string_view text) {
  template_catalogue fresh;
  fresh.add_json(text);
  for (auto& each : fresh.all_) {
    const auto same = std::find_if(all_.begin(), all_.end(), [&](const auto& old) {
      return old->name == each->name && old->language == each->language;
    });
    if (same == all_.end()) {
      all_.push_back(std::move(each));
    } else {
      *same = std::move(each);
    }
  }
}

bool template_catalogue::remove(std::string_view name) {
  return std::erase_if(all_, [&](const auto& each) { return each->name == name; }) > 0;
}

void template_catalogue::add_built_in() { add_json(built_in); }

const message_template* template_catalogue::find(std::string_view name, std::string_view language) const {
  for (const auto& each : all_) {
    if (each->name == name && each->language == language) return each.get();
  }
  return nullptr;
}

const message_template* template_catalogue::find_id(std::string_view id) const {
  for (const auto& each : all_) {
    if (each->id == id) return each.get();
  }
  return nullptr;
}

bool template_catalogue::knows_name(std::string_view name) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& each) { return each->name == name; });
}

std::vector<const message_template*> template_catalogue::set_status(std::string_view name, std::string_view status) {
  std::vector<const message_template*> changed;
  for (const auto& each : all_) {
    if (each->name != name) continue;
    each->status = upper(status);
    set_raw(*each, "status", json_string(each->status));
    changed.push_back(each.get());
  }
  return changed;
}

}  // namespace sandbox
