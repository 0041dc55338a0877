// Reads what is to be sent, whichever it is: a provider's template or an own message. Costs a simdjson include.
#pragma once

#include "bulkmsg/content/message_json.hpp"
#include "bulkmsg/content/template_json.hpp"

namespace bulkmsg::content {

// JSON with `components` (or a list of templates in `data`) is a template, anything else an own message. Errors: those
// of parse_template_json and parse_message_json.
[[nodiscard]] inline result<message> parse_content_json(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  bool is_template = json.size() > message_json_bytes_max;
  const auto problem = is_template ? simdjson::SUCCESS : parser.parse(json.data(), json.size()).get(document);
  if (problem == simdjson::MEMALLOC) return fail(errc::out_of_memory, "content: no memory to read the JSON");
  if (!is_template && problem == simdjson::SUCCESS) {
    for (const char* key : {"components", "data", "parameter_format", "language"}) {
      is_template = is_template || document[key].error() == simdjson::SUCCESS;
    }
  }
  if (!is_template) return parse_message_json(json);
  auto read = parse_template_json(json);
  if (!read) return fail(read.error());
  return message(std::move(*read));
}

}  // namespace bulkmsg::content
