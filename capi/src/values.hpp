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

// What a list of texts is made of: "a, b; c" and the like.
std::vector<std::string> items(std::string_view text, std::string_view separators = ",;\t\r\n");

inline constexpr std::size_t report_size_0_1 = 32;
static_assert(sizeof(bulkmsg_import_report) == report_size_0_1);

inline bulkmsg_import_report in_c(const import_report& report) noexcept {
  return {report.rows, report.added, report.duplicates, report.rejected};
}

bulkmsg_counters in_c(const campaign_status& status) noexcept;

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

// Of kind COMMAND: who does something, why, and how long to wait.
class command {
 public:
  explicit command(const bulkmsg_config* given) : given_(given, BULKMSG_CONFIG_COMMAND) {}
  [[nodiscard]] const result<void>& ok() const noexcept { return given_.ok(); }
  [[nodiscard]] std::string actor() const { return given_->text("actor"); }
  [[nodiscard]] std::string reason() const { return given_->text("reason"); }
  [[nodiscard]] std::chrono::milliseconds wait() const { return std::chrono::milliseconds(given_->integer("wait_ms")); }

 private:
  optional_config given_;
};

// Two texts to whom asked for them: both, or none.
void give_both(std::string&& one, bulkmsg_text** out_one, std::string&& other, bulkmsg_text** out_other);

// A card as JSON and as plain text, to whom asked for them.
void give_card(const content::card& card, bulkmsg_text** out_json, bulkmsg_text** out_text);

import_options import_options_of(const bulkmsg_config& given);

// Of kind LIST_TEMPLATES.
template_filter template_filter_of(const bulkmsg_config& given);

}  // namespace bulkmsg::capi
