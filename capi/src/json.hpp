// The little JSON that the facade writes: objects of texts and integers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "bulkmsg/content/json_escape.hpp"

namespace bulkmsg::capi {

class json_writer {
 public:
  json_writer& open(char bracket) { return separate(), out_ += bracket, first_ = true, *this; }
  json_writer& close(char bracket) { return out_ += bracket, first_ = false, *this; }

  json_writer& key(std::string_view name) { return text(name), out_ += ':', first_ = true, *this; }

  json_writer& text(std::string_view value) {
    separate();
    content::append_json_string(out_, value);
    return *this;
  }
  json_writer& number(std::int64_t value) { return separate(), out_ += std::to_string(value), *this; }
  // A whole value.
  json_writer& raw(std::string_view json) { return separate(), out_ += json, *this; }
  json_writer& boolean(bool value) { return separate(), out_ += value ? "true" : "false", *this; }

  json_writer& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  json_writer& field(std::string_view name, std::int64_t value) { return key(name).number(value); }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace bulkmsg::capi
