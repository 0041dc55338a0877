// What a person will see, as a card: header, body, footer, buttons, and the cards of a carousel.
//
//   const card shown = ready.card_of(cells);
//   shown.body; to_json(shown); to_text(shown);
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/content/json_escape.hpp"

namespace bulkmsg::content {

// The same shape twice: with texts that still have holes (what a message is compiled to), and filled for one row.
template <class Text>
struct basic_button {
  std::string kind;  // "quick_reply", "url", "phone_number", "copy_code", "flow", "row" of a list, ...
  Text text;         // what it shows
  Text target;       // the whole URL, the phone number, the code; a row's description
};

template <class Text>
struct basic_card {
  std::string kind;         // "template", "text", "image", "location", "contacts", "button", ...; "card" in a carousel
  std::string header_kind;  // "", "text", "image", "video", "document", "gif", "audio", "sticker", "location"
  Text header;              // the text, the medium's link or id, the place's name
  Text header_detail;       // a document's file name, the place's address
  Text body;
  Text offer;  // a limited-time offer's words
  Text footer;
  std::vector<basic_button<Text>> buttons;
  std::vector<basic_card> cards;
};

using card = basic_card<std::string>;

// A card with every text put through `fill`.
template <class To, class From, class Fill>
[[nodiscard]] basic_card<To> map_card(const basic_card<From>& from, Fill&& fill) {
  basic_card<To> to;
  to.kind = from.kind;
  to.header_kind = from.header_kind;
  to.header = fill(from.header);
  to.header_detail = fill(from.header_detail);
  to.body = fill(from.body);
  to.offer = fill(from.offer);
  to.footer = fill(from.footer);
  for (const auto& b : from.buttons) to.buttons.push_back({b.kind, fill(b.text), fill(b.target)});
  for (const auto& c : from.cards) to.cards.push_back(map_card<To>(c, fill));
  return to;
}

// One JSON object; empty parts are left out.
[[nodiscard]] inline std::string to_json(const card& shown) {
  std::string out = "{";
  const auto member = [&out](std::string_view name) {
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
  };
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    member(name);
    append_json_string(out, value);
  };
  text("kind", shown.kind);
  if (!shown.header_kind.empty()) {
    member("header");
    out += '{';
    text("kind", shown.header_kind);
    text("value", shown.header);
    text("detail", shown.header_detail);
    out += '}';
  }
  text("body", shown.body);
  text("offer", shown.offer);
  text("footer", shown.footer);
  if (!shown.buttons.empty()) {
    member("buttons");
    out += '[';
    for (const auto& button : shown.buttons) {
      out += out.back() == '[' ? "{" : ",{";
      text("kind", button.kind);
      text("text", button.text);
      text("target", button.target);
      out += '}';
    }
    out += ']';
  }
  if (!shown.cards.empty()) {
    member("cards");
    out += '[';
    for (const card& each : shown.cards) out += (out.back() == '[' ? "" : ",") + to_json(each);
    out += ']';
  }
  return out + '}';
}

// Plain text: header, body, footer, one line per button; then the cards, numbered.
[[nodiscard]] inline std::string to_text(const card& shown) {
  std::string out;
  const auto part = [&out](const std::string& text) {
    if (!text.empty()) out += (out.empty() ? "" : "\n\n") + text;
  };
  if (shown.header_kind == "text") {
    part(shown.header);
  } else if (!shown.header_kind.empty()) {
    part('[' + shown.header_kind + ": " + shown.header +
         (shown.header_detail.empty() ? "" : " (" + shown.header_detail + ')') + ']');
  }
  part(shown.body);
  part(shown.offer);
  part(shown.footer);
  std::string buttons;
  for (const auto& button : shown.buttons) {
    buttons += (buttons.empty() ? "[" : "\n[") + button.text + ']';
    if (!button.target.empty()) buttons += ' ' + button.target;
  }
  part(buttons);
  for (std::size_t i = 0; i < shown.cards.size(); ++i) {
    part("--- card " + std::to_string(i + 1) + "\n" + to_text(shown.cards[i]));
  }
  return out;
}

}  // namespace bulkmsg::content
