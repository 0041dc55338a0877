// Numbers, ids, pages and rows on their way over the border.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "config.hpp"
#include "guard.hpp"
#include "json.hpp"

namespace bulkmsg::capi {

inline constexpr std::int64_t any_number = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t day_ms = 86'400'000;

template <class Id>
Id id_of(std::int64_t value, const char* argument) {
  return Id{in_range(value, 1, any_number, argument)};
}

inline std::size_t limit_of(std::size_t limit) {
  if (limit < 1 || limit > 10'000) throw bad_argument{"limit", "must be 1 to 10,000"};
  return limit;
}

inline std::int64_t after_of(std::int64_t after) { return in_range(after, 0, any_number, "after"); }

inline std::string path_of(const char* path, std::size_t length) {
  const std::string_view name = input(path, length, "path");
  if (name.empty() || name.find('\0') != std::string_view::npos) throw bad_argument{"path", "is not a path"};
  return std::string(name);
}

inline std::string text_of(const char* text, std::size_t length, const char* argument) {
  return std::string(input(text, length, argument));
}

// Hands a text to a caller who asked for it.
inline void give(bulkmsg_text** out, std::string&& text) {
  if (out != nullptr) *out = new bulkmsg_text{std::move(text)};
}

// An array of what `each` writes of every row.
template <class Rows, class Each>
std::string in_json(const Rows& rows, Each&& each) {
  json_writer json;
  json.open('[');
  for (const auto& row : rows) {
    json.open('{');
    each(json, row);
    json.close('}');
  }
  return json.close(']').take();
}

inline constexpr std::size_t report_size_0_1 = 32;
static_assert(sizeof(bulkmsg_import_report) == report_size_0_1);

inline bulkmsg_import_report in_c(const import_report& report) noexcept {
  return {report.rows, report.added, report.duplicates, report.rejected};
}

// The option set of a call that may do without (NULL: every option at its default).
class optional_config {
 public:
  optional_config(const bulkmsg_config* given, std::int32_t kind) : defaults_(kind), used_(given ? *given : defaults_) {
    ok_ = used_.check(kind);
  }
  [[nodiscard]] const result<void>& ok() const noexcept { return ok_; }
  const bulkmsg_config& operator*() const noexcept { return used_; }
  const bulkmsg_config* operator->() const noexcept { return &used_; }

 private:
  const bulkmsg_config defaults_;
  const bulkmsg_config& used_;
  result<void> ok_;
};

// A card as JSON and as plain text, to whom asked for them.
void give_card(const content::card& card, bulkmsg_text** out_json, bulkmsg_text** out_text);

import_options import_options_of(const bulkmsg_config& given);

// `line,column,column_name,code,reason,phone_number`
std::string in_csv(const std::vector<rejected_row>& rows);

}  // namespace bulkmsg::capi
