#include "bulkmsg/recipients/rows_json.hpp"

#include <gtest/gtest.h>

#include <string>

#include "read_rows.hpp"

namespace bulkmsg::recipients {
namespace {

rows_read read(std::string_view text, std::vector<std::string> columns = {}) {
  return read_rows(json_reader(std::move(columns)), text);
}

TEST(rows_json, an_object_a_line) {
  EXPECT_EQ(
      read("{\"phone_number\":\"+1\",\"name\":\"Ana\"}\n\n  {\"name\":\"Bob\",\"phone_number\":\"+2\"}  \r\n").rows,
      (lines{"0: phone_number|name", "1: +1|Ana", "3: +2|Bob"}));
}

TEST(rows_json, one_array_of_objects) {
  EXPECT_EQ(read("\n [ {\"a\":\"1,]}\\\"\",\"b\":\"x\"} ,\n{\"a\":\"2\",\n \"b\":\"y\"}\n] \n").rows,
            (lines{"0: a|b", "1: 1,]}\"|x", "2: 2|y"}));
  EXPECT_EQ(read("[]").code, errc::ok);
  EXPECT_TRUE(read(" [ ] ").rows.empty());
  EXPECT_EQ(read("[]", {"a", "b"}).rows, (lines{"0: a|b"}));
}

TEST(rows_json, values_become_text_as_they_are_written) {
  EXPECT_EQ(
      read(R"({"a":1.50,"b":true,"c":false,"d":null,"e":-12345678901234567890123,"f":1E+2,"g":"\u00e4\n\"","h":0})")
          .rows,
      (lines{"0: a|b|c|d|e|f|g|h", "1: 1.50|true|false||-12345678901234567890123|1E+2|\xc3\xa4\n\"|0"}));
}

TEST(rows_json, keys_that_are_missing_are_empty_and_keys_too_many_are_told) {
  EXPECT_EQ(read("{\"a\":1,\"b\":2}\n{\"B\":3}\n{\"a\":1,\"c\":2}\n{\"a\":4,\"c\":null}\n{\"a\":5,\"a\":6}\n{}\n").rows,
            (lines{"0: a|b", "1: 1|2", "2: |3", "3! row_has_extra_cells@0", "4: 4|", "5! row_malformed@1", "6: |"}));
}

TEST(rows_json, a_list_of_columns_chooses_and_orders) {
  EXPECT_EQ(read("{\"c\":{\"x\":[1]},\"b\":\"2\",\"a\":1}\n{\"a\":\"3\"}\n", {"a", "b"}).rows,
            (lines{"0: a|b", "1: 1|2", "2: 3|"}));
}

TEST(rows_json, broken_lines_are_told_and_reading_goes_on) {
  EXPECT_EQ(read("{\"a\":1}\n{\"a\":\n{\"a\":[1]}\n{\"a\":{}}\n[1]\n5\n{\"a\":1}{\"a\":2}\n{\"a\":01}\n{\"a\":tru}\n"
                 "{\"a\":\"\\x\"}\n{\"a\" 1}\n{\"a\":1,}\n{\"a\":nul}\n{\"a\":9}x\n{\"a\":2}")
                .rows,
            (lines{"0: a", "1: 1", "2! row_malformed@0", "3! row_malformed@1", "4! row_malformed@1",
                   "5! row_malformed@0", "6! row_malformed@0", "7! row_malformed@0", "8! row_malformed@0",
                   "9! row_malformed@0", "10! row_malformed@0", "11! row_malformed@0", "12! row_malformed@0",
                   "13! row_malformed@0", "14! row_malformed@0", "15: 2"}));
}

TEST(rows_json, broken_elements_are_told_and_reading_goes_on) {
  EXPECT_EQ(read(R"([{"a":1},2,"x",[{"a":3}],{"a":{"b":"]"}},,{"a":4}])").rows,
            (lines{"0: a", "1: 1", "2! row_malformed@0", "3! row_malformed@0", "4! row_malformed@0",
                   "5! row_malformed@1", "6! row_malformed@0", "7: 4"}));
}

TEST(rows_json, what_is_no_list_of_objects_is_refused_as_a_whole) {
  const struct {
    std::string_view text;
    std::string_view says;
  } cases[] = {
      {"phone_number,a\n", "line 1"},
      {"{\n  \"a\": 1\n}\n", "object a line"},
      {"\n{}\n", "without keys"},
      {"[{\"a\":[]}]", "object or array"},
      {"[{\"a\":1}", "never closed"},
      {"[{\"a\":\"1}]", "never closed"},
      {"[{\"a\":1}]\n[{\"a\":2}]", "line 2: there is more text"},
      {"[1]", "first object"},
  };
  for (const auto& each : cases) {
    const rows_read out = read(each.text);
    EXPECT_EQ(name(out.code), name(errc::json_malformed)) << each.text;
    EXPECT_NE(out.message.find(each.says), std::string::npos) << out.message;
  }
  EXPECT_EQ(read("").code, errc::ok) << "the judge says that it is empty";
  EXPECT_EQ(read("{\"a\":\"\xe4\"}").code, errc::text_not_utf8);
}

TEST(rows_json, an_object_is_bounded_and_reading_goes_on) {
  const auto filled = [](std::size_t size) { return "{\"a\":\"" + std::string(size - 8, 'x') + "\"}"; };
  for (const bool array : {false, true}) {
    const std::string open = array ? "[" : "";
    const std::string between = array ? ",  " : "\n  ";
    const std::string text = open + "{\"a\":1}" + between + filled(row_bytes_max) + between +
                             filled(row_bytes_max + 1) + between + "{\"a\":2}" + (array ? "]" : "");
    for (const std::size_t chunk : {std::size_t{5}, text.size()}) {
      const rows_read out = read_rows(json_reader(), text, chunk);
      ASSERT_EQ(out.rows.size(), 5u) << out.message;
      EXPECT_EQ(out.rows[2].size(), row_bytes_max - 8 + 3);
      EXPECT_EQ(out.rows[3], "3! row_too_long@0");
      EXPECT_EQ(out.rows[4], "4: 2");
    }
  }
}

TEST(rows_json, any_chunks_give_the_same_rows) {
  const std::string objects[] = {R"({"a":"\u00e4\\","b":12})", R"({"a":"ä]},[{","b":[]})", R"({"c":1})", R"({"b":2)"};
  std::string ndjson = "\xef\xbb\xbf";
  std::string array = " [";
  for (const std::string& each : objects) {
    ndjson += each + "\r\n";
    array += (array.size() == 2 ? "" : ",") + each;
  }
  for (const std::string& text : {ndjson, array + "]", array + "}]\n", array + "}] x"}) {
    expect_same_in_all_chunks([] { return json_reader(); }, text);
  }
}

}  // namespace
}  // namespace bulkmsg::recipients
