#include "bulkmsg/content/json_escape.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

namespace bulkmsg::content {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_json_escaped(out, text);
  return out;
}

TEST(json_escape, escapes_what_json_wants_and_nothing_else) {
  EXPECT_EQ(escaped(""), "");
  EXPECT_EQ(escaped("a\"b\\c/d"), "a\\\"b\\\\c/d");
  EXPECT_EQ(escaped("\n\r\t"), "\\n\\r\\t");
  EXPECT_EQ(escaped(std::string_view("\0\x1f\x7f", 3)), "\\u0000\\u001f\x7f");
  EXPECT_EQ(escaped("\xc3\xa4\xf0\x9f\x98\x80"), "\xc3\xa4\xf0\x9f\x98\x80");
}

TEST(json_escape, every_byte_at_every_place_reads_back) {
  simdjson::dom::parser parser;
  for (int c = 0; c < 128; ++c) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'x');
      text[at] = static_cast<char>(c);
      std::string json;
      append_json_string(json, text);
      std::string_view back;
      ASSERT_EQ(parser.parse(json).get(back), simdjson::SUCCESS) << c << ' ' << at;
      ASSERT_EQ(back, text);
    }
  }
}

TEST(json_escape, a_renderer_writes_the_same_whatever_room_it_has) {
  for (std::size_t size = 0; size < 70; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {  // at the end: nothing to escape
      for (const char c : {'"', '\\', '\n', '\x01', '\x1f', '\xff'}) {
        std::string text(size, 'x');
        if (at < size) text[at] = c;
        for (const std::size_t expected : {std::size_t{0}, 3 * size}) {
          std::string out = "kept ";
          {
            json_appender json(out, expected);
            json.bytes("<");
            json.text(text);
            json.text(text);
            json.bytes(">");
          }
          std::string wanted = "kept <";
          append_json_escaped(wanted, text);
          append_json_escaped(wanted, text);
          ASSERT_EQ(out, wanted + ">") << size << ' ' << at;
        }
      }
    }
  }
}

TEST(json_escape, a_renderer_grows_with_what_is_to_be_escaped) {
  const std::string text(5000, '\x01');
  std::string out;
  std::string wanted;
  append_json_escaped(wanted, text);
  {
    json_appender json(out, 0);
    json.text(text);
  }
  EXPECT_EQ(out, wanted);
}

}  // namespace
}  // namespace bulkmsg::content
