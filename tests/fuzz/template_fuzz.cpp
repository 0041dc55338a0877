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
    if (read.error().message.empty()) std::abort();
    return 0;
  }
  const std::vector<std::string> columns = needed_columns(*read);
  const auto ready = bulkmsg::channels::compile_whatsapp(*read, columns);
  if (!ready) std::abort();
  const std::vector<std::string_view> cells(columns.size(), "a \"b\"\n");
  (void)ready->check(cells);
  (void)ready->preview(cells);
  std::string out;
  ready->render(out, "+15550001111", "b1.1.1.1.1.1", cells);
  simdjson::dom::parser parser;
  if (parser.parse(out).error() != simdjson::SUCCESS) std::abort();
  return 0;
}
