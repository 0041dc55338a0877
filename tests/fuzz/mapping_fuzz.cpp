// Any bytes as a line SLOT=SOURCE and as content rules: an error in one line, or something whose written form reads
// back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bulkmsg/content/content_check.hpp"
#include "bulkmsg/content/mapping.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg::content;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto line = parse_mapping(text); !line) {
    if (line.error().message.empty()) std::abort();
  } else if (const auto again = parse_source(to_text(line->second)); !again || *again != line->second) {
    std::abort();
  }
  if (const auto check = content_check::parse(text)) {
    std::size_t found = 0;
    check->look(text, [&](const content_rule& rule) { found += rule.text.size(); });
    for (const content_rule& rule : check->rules()) check->look(rule.text, [&](const content_rule&) { ++found; });
  }
  return 0;
}
