#include "json_fields.hpp"

#include <algorithm>

#include "refusal.hpp"

namespace sandbox {

std::string place::text() const {
  const std::string before = parent == nullptr ? "" : parent->text();
  if (index != npos) return before + "[" + std::to_string(index) + "]";
  if (before.empty()) return std::string(name);
  return before + "['" + std::string(name) + "']";
}

void refuse(int code, const place& at, std::string_view problem) {
  std::string where = at.text();
  if (where.empty()) where = "the request body";
  throw refusal{code, "Param " + where + " " + std::string(problem)};
}

fields::fields(json value, place at, std::span<const std::string_view> known) : at_(at) {
  if (value.get(object_) != simdjson::SUCCESS) refuse(100, at_, "must be a JSON object.");
  for (auto here = object_.begin(); here != object_.end(); ++here) {
    const std::string_view key = here.key();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      refuse(100, at_, "has an unexpected key \"" + std::string(key.substr(0, 64)) + "\".");
    }
    // Objects that pass the line above have few keys, so looking at the earlier ones again is cheap.
    for (auto earlier = object_.begin(); earlier != here; ++earlier) {
      if (earlier.key() == key) refuse(100, at_, "has the key \"" + std::string(key) + "\" twice.");
    }
  }
}

std::optional<json> fields::find(std::string_view key) const {
  json value;
  if (object_.at_key(key).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

json fields::need(std::string_view key) const {
  const auto value = find(key);
  if (!value) refuse(131008, at(key), "is required.");
  return *value;
}

std::string_view fields::text(std::string_view key, std::size_t most) const {
  const auto value = need_text(need(key), at(key));
  if (value.empty()) refuse(131008, at(key), "must not be empty.");
  if (most != unlimited && code_points(value) > most) {
    refuse(100, at(key), "must be at most " + std::to_string(most) + " characters long.");
  }
  return value;
}

std::optional<std::string_view> fields::optional_text(std::string_view key, std::size_t most) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  const auto text = need_text(*value, at(key));
  if (most != unlimited && code_points(text) > most) {
    refuse(100, at(key), "must be at most " + std::to_string(most) + " characters long.");
  }
  return text;
}

std::optional<bool> fields::optional_flag(std::string_view key) const {
  const auto value = find(key);
  if (!value) return std::nullopt;
  bool flag = false;
  if (value->get(flag) != simdjson::SUCCESS) refuse(100, at(key), "must be a boolean.");
  return flag;
}

simdjson::dom::array fields::list(std::string_view key) const {
  simdjson::dom::array array;
  if (need(key).get(array) != simdjson::SUCCESS) refuse(100, at(key), "must be an array.");
  return array;
}

std::string_view need_text(json value, const place& at) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) refuse(100, at, "must be a string.");
  return text;
}

std::size_t code_points(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace sandbox
