// Any bytes as an own message: an error with one line of text, or a message that compiles against the columns it asks
// for and renders valid JSON from any values.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/content/message_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg::content;
  const auto read = parse_message_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!read) {
    if (read.error().message.empty() || read.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const std::vector<std::string> columns = needed_columns(*read);
  const auto ready = bulkmsg::channels::compile_whatsapp(*read, columns);
  if (!ready) std::abort();
  simdjson::dom::parser parser;
  for (const std::string_view value : {"a \"b\"\n", "", "https://x.example/\\"}) {
    const std::vector<std::string_view> cells(columns.size(), value);
    (void)ready->check(cells);
    if (parser.parse(to_json(ready->card_of(cells))).error() != simdjson::SUCCESS) std::abort();
    for (const std::string_view to : {"+15550001111", "group:a\"b", "user:US.1", "chat:1", ""}) {
      std::string out;
      ready->render(out, to, "b1.1.1.1.1.1", cells);
      if (parser.parse(out).error() != simdjson::SUCCESS) std::abort();
    }
  }
  return 0;
}
