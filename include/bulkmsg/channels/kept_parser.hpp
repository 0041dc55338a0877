// simdjson's parser for one document after another. One that was short of memory would read past its buffers at the
// next document, and a document that was not read for that reason is not malformed.
#pragma once

#include <simdjson.h>

#include <new>
#include <string_view>

namespace bulkmsg::channels {

// Buffers are reused. Thread: one at a time per object.
class kept_parser {
 public:
  // As simdjson; what it gives is valid until the next call. Throws std::bad_alloc, and can be used on.
  simdjson::simdjson_result<simdjson::dom::element> parse(std::string_view text) {
    const auto read = parser_.parse(text.data(), text.size());
    if (read.error() == simdjson::MEMALLOC) {
      parser_ = simdjson::dom::parser();
      throw std::bad_alloc();
    }
    return read;
  }

 private:
  simdjson::dom::parser parser_;
};

}  // namespace bulkmsg::channels
