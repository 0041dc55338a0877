// Content rules at work: every message of a plan is looked at as its reader will see it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/content/compiled_message.hpp"
#include "bulkmsg/content/content_check.hpp"

namespace bulkmsg {

class content_inspection {
 public:
  explicit content_inspection(const content::compiled_message& content) : content_(content) {}

  // Takes the rules and looks at what is the same for everyone. Errors: those of content_check.
  result<void> load(std::string_view rules);
  // One row, `line` of its file.
  void row(std::span<const std::string_view> cells, std::int64_t line);

  // errc::content_blocked when a rule that blocks was met.
  [[nodiscard]] result<void> verdict() const;
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct met {
    bool everywhere = false;  // in the fixed text
    std::int64_t rows = 0, first_line = 0, last_row = -1;
  };
  [[nodiscard]] static std::string sentence(const content::content_rule& rule, const met& where);

  const content::compiled_message& content_;
  content::content_check check_;
  std::int64_t row_ = 0;
  std::map<const content::content_rule*, met> met_;
};

}  // namespace bulkmsg
