// Writes JSON objects, members in the order they are given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

std::string json_quoted(std::string_view utf8);

class json_object {
 public:
  json_object& text(std::string_view key, std::string_view value) { return raw(key, json_quoted(value)); }
  json_object& number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
  json_object& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  json_object& raw(std::string_view key, std::string_view json);  // `json`: a whole value
  [[nodiscard]] std::string str() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

std::string json_array(const std::vector<std::string>& values);  // each a whole value

}  // namespace cli
