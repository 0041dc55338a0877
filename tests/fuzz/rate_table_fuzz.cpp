// Any bytes as a rate table: an error with one line of text, or a table whose every price is in range, and whose
// estimates add up.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bulkmsg/credits/rate_table_json.hpp"

namespace {

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg::credits;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_rate_table_json(text);
  if (!read) {
    require(!read.error().message.empty());
    return 0;
  }
  for (const char* category : {"marketing", "utility", "service", "a"}) {
    const auto credits = read->credits_per_message(category);
    require(credits >= 1 && credits <= credits_per_message_max);
    estimator cost(*read, category, credits);
    std::int64_t micros = 0, unpriced = 0;
    const std::string own = "+" + std::string(text.substr(0, 20));
    for (const std::string_view to : {std::string_view("+4915112345678"), std::string_view("+17875550100"),
                                      std::string_view("group:1"), std::string_view(), std::string_view(own)}) {
      const auto price = read->micros(to, category);
      require(!price || (*price >= 0 && *price <= rate_micros_max));
      micros += price.value_or(0);
      unpriced += price ? 0 : 1;
      cost.add(to);
    }
    const auto sum = cost.total();
    require(sum && sum->messages == 5 && sum->credits == 5 * credits && sum->micros == micros &&
            sum->unpriced == unpriced);
  }
  return 0;
}
