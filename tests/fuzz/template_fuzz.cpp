// Any bytes as a template: an error with one line of text, or a template that compiles against the columns it asks
// for and renders valid JSON from any values.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/content/template_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg::content;
  const auto read = parse_template_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!read) {
    if (read.error().message.empty() || read.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  std::vector<std::string> columns = needed_columns(*read);
  const bool marketing = read->category == "MARKETING";
  const auto ready = bulkmsg::channels::compile_whatsapp(*read, columns, {}, {.marketing_messages = marketing});
  if (!ready) {
    // Only fixed text that is too long, and GIF headers outside the marketing endpoint.
    const auto code = ready.error().code;
    if (code != bulkmsg::errc::parameter_too_long && code != bulkmsg::errc::template_not_supported) std::abort();
    return 0;
  }
  const std::vector<std::string_view> cells(columns.size(), "a \"b\"\n");
  (void)ready->check(cells);
  simdjson::dom::parser parser;
  if (parser.parse(to_json(ready->card_of(cells))).error() != simdjson::SUCCESS) std::abort();
  // A number is written as it is: check() lets only digits through.
  const std::vector<std::string_view> numbers(columns.size(), "17");
  std::string out;
  ready->render(out, "+15550001111", "b1.1.1.1.1.1", read->offer ? numbers : cells);
  if (parser.parse(out).error() != simdjson::SUCCESS) std::abort();
  return 0;
}
