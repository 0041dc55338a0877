// Reads a rate table:
//
//   {"rates": {"49": {"marketing": 136500, "utility": 55000},      calling code or more digits -> category ->
//   micro-dollars
//              "1787": {"marketing": 25000},
//              "*": {"marketing": 60000}},                         everywhere else
//    "credits": {"marketing": 2}}                                  category -> credits a message; otherwise 1
//
// Costs a simdjson include; the table itself is in rate_table.hpp.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/credits/rate_table.hpp"

namespace bulkmsg::credits {

inline constexpr std::size_t rate_table_bytes_max = std::size_t{4} * 1024 * 1024;

// Errors, each with the path of the field: json_malformed, unknown_option, bad_option_value; too_large, out_of_memory.
[[nodiscard]] inline result<rate_table> parse_rate_table_json(std::string_view json) {
  using simdjson::dom::object;
  if (json.size() > rate_table_bytes_max) return bulkmsg::fail(errc::too_large, "rate table: over 4 MiB");
  simdjson::dom::parser parser;
  object root;
  if (const auto problem = parser.parse(json.data(), json.size()).get(root); problem != simdjson::SUCCESS) {
    return bulkmsg::fail(problem == simdjson::MEMALLOC ? errc::out_of_memory : errc::json_malformed,
                         std::string("rate table: not a JSON object (") + simdjson::error_message(problem) + ")");
  }
  const auto wrong = [](const std::string& path, std::string_view what) {
    return bulkmsg::fail(errc::bad_option_value, "rate table: " + path.substr(0, 120) + ": " + std::string(what));
  };
  const auto under = [](const std::string& path, std::string_view key) { return path + "." + std::string(key); };

  rate_table made;
  // Every member of `from` once, as an integer, to `take`.
  const auto integers = [&](const object& from, const std::string& path, const auto& take) -> result<void> {
    std::set<std::string_view> seen;
    for (const auto [key, value] : from) {
      std::int64_t number = 0;
      if (!seen.insert(key).second) return wrong(under(path, key), "is given twice");
      if (value.get(number) != simdjson::SUCCESS) return wrong(under(path, key), "must be an integer");
      if (auto taken = take(key, number); !taken) return wrong(under(path, key), taken.error().message);
    }
    return {};
  };
  std::set<std::string_view> seen;
  for (const auto [key, value] : root) {
    const std::string path(key);
    if (key != "rates" && key != "credits") {
      return bulkmsg::fail(errc::unknown_option,
                           "rate table: no field is named '" + path.substr(0, 64) + "'; known: rates, credits");
    }
    object members;
    if (!seen.insert(key).second) return wrong(path, "is given twice");
    if (value.get(members) != simdjson::SUCCESS) return wrong(path, "must be an object");
    if (key == "credits") {
      auto taken = integers(members, path, [&](std::string_view c, std::int64_t n) { return made.set_credits(c, n); });
      if (!taken) return bulkmsg::fail(taken.error());
      continue;
    }
    std::set<std::string_view> prefixes;
    for (const auto [prefix, prices] : members) {
      const std::string where = under(path, prefix);
      object by_category;
      if (!prefixes.insert(prefix).second) return wrong(where, "is given twice");
      if (prefix.empty()) return wrong(where, "a destination is empty; write * for everywhere else");
      if (prices.get(by_category) != simdjson::SUCCESS) return wrong(where, "must be an object of prices by category");
      const std::string_view digits = prefix == "*" ? std::string_view() : std::string_view(prefix);
      auto taken = integers(by_category, where, [&](std::string_view category, std::int64_t micros) {
        return made.set_micros(digits, category, micros);
      });
      if (!taken) return bulkmsg::fail(taken.error());
    }
  }
  return made;
}

}  // namespace bulkmsg::credits
