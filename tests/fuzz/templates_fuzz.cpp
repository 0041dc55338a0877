// Any bytes as a page of the provider's templates: an error with one line of text, or entries whose words are JSON
// that the template parser takes or refuses with a reason, and a cursor that stays in its place in a request.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bulkmsg/channels/whatsapp_templates_json.hpp"
#include "bulkmsg/content/template_json.hpp"

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg;
  const auto page = channels::read_template_page(200, std::string_view(reinterpret_cast<const char*>(data), size));
  if (!page) {
    require(!page.error().message.empty());
    return 0;
  }
  for (const auto& each : page->templates) {
    simdjson::dom::parser parser;
    require(parser.parse(each.json).error() == simdjson::SUCCESS);
    require(each.json.size() <= content::template_json_bytes_max);
    require(each.rejected_reason.find('\n') == std::string::npos);
    if (const auto read = content::parse_template_json(each.json)) require(read->name == each.name);
  }
  const auto path = channels::templates_path("1", page->after);
  require(path.find_first_of(" \r\n#") == std::string::npos);
  return 0;
}
