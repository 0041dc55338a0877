// Options by name: one table drives parsing, ranges, defaults and the description.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/bulkmsg.h"

// Holds values that were checked against the table when they were set. Thread: one at a time.
struct bulkmsg_config {
 public:
  explicit bulkmsg_config(std::int32_t kind) : kind_(kind) {}

  // Errors: unknown_option, bad_option_value.
  bulkmsg::result<void> set(std::string_view key, std::string_view value);

  // That it is of `kind` (else throws bad_argument) and that nothing required is missing (bad_option_value).
  [[nodiscard]] bulkmsg::result<void> check(std::int32_t kind) const;

  // The value, or the table's default. The key must be in the table.
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key) const;
  // Nothing where one of them is none.
  [[nodiscard]] static std::optional<std::vector<std::int64_t>> integers_in(std::string_view text);
  [[nodiscard]] bool boolean(std::string_view key) const { return text(key) == "true"; }
  // All that was set under "prefix*", without the prefix.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> under(std::string_view prefix) const;

 private:
  std::int32_t kind_;
  std::map<std::string, std::string, std::less<>> values_;
};

namespace bulkmsg::capi {

[[nodiscard]] bool is_config_kind(std::int32_t kind) noexcept;
[[nodiscard]] std::string describe_options(std::int32_t kind);

}  // namespace bulkmsg::capi
