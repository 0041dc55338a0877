#include "bulkmsg/recipients/csv.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "naive_csv.hpp"

namespace bulkmsg::recipients {
namespace {

struct collector {
  std::vector<naive::row> rows;
  void row(const csv_row& row) { rows.push_back({row.line, {row.cells.begin(), row.cells.end()}, false}); }
  void problem(const csv_problem& problem) {
    EXPECT_EQ(problem.code, errc::row_too_long);
    EXPECT_FALSE(problem.reason.empty());
    rows.push_back({problem.line, {}, true});
  }
};

struct outcome {
  std::vector<naive::row> rows;
  errc code = errc::ok;
  std::string message;
  friend bool operator==(const outcome&, const outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const outcome& o) {
  for (const auto& row : o.rows) {
    out << row.line << (row.too_long ? " too long" : "") << ':';
    for (const auto& cell : row.cells) out << " <" << (cell.size() > 100 ? "..." : cell) << '>';
    out << '\n';
  }
  return out << name(o.code) << ' ' << o.message;
}

// pieces: where to cut; each chunk is copied to its own memory, so that a view kept too long is seen by ASan.
template <class NextSize>
outcome read_chunked(std::string_view text, char delimiter, NextSize next_size) {
  csv_reader reader(delimiter);
  collector sink;
  outcome out;
  result<void> state;
  while (!text.empty() && state) {
    const std::size_t size = std::min<std::size_t>(next_size(), text.size());
    const std::vector<char> chunk(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    state = reader.feed(std::string_view(chunk.data(), chunk.size()), sink);
    text.remove_prefix(size);
  }
  if (state) state = reader.finish(sink);
  out.rows = std::move(sink.rows);
  if (!state) {
    out.code = state.error().code;
    out.message = state.error().message;
  }
  return out;
}

outcome read_all(std::string_view text, char delimiter = 0) {
  return read_chunked(text, delimiter, [&] { return text.size(); });
}

outcome expected_of(std::string_view text, char delimiter) {
  const naive::file file = naive::read_csv(text, delimiter, row_bytes_max);
  outcome out;
  out.rows = file.rows;
  if (file.unclosed_quote_line) {
    out.code = errc::csv_unclosed_quote;
    out.message = "line " + std::to_string(*file.unclosed_quote_line);
  }
  return out;
}

void expect_same(const outcome& got, const outcome& expected, std::string_view text) {
  ASSERT_EQ(got.rows, expected.rows) << "input: " << testing::PrintToString(std::string(text.substr(0, 500))) << '\n'
                                     << got;
  ASSERT_EQ(got.code, expected.code) << testing::PrintToString(std::string(text.substr(0, 500)));
  if (expected.code == errc::csv_unclosed_quote) {
    ASSERT_NE(got.message.find(expected.message + ' '), std::string::npos) << got.message;
  }
}

using cells = std::vector<std::string>;

TEST(csv, reads_rows_with_every_line_break_and_numbers_physical_lines) {
  const outcome out = read_all("a,b\r\n1,2\n3,4\r5,\"6\r\n7\"\n\n8,9");
  ASSERT_EQ(out.code, errc::ok);
  const std::vector<naive::row> expected = {
      {1, {"a", "b"}}, {2, {"1", "2"}}, {3, {"3", "4"}}, {4, {"5", "6\r\n7"}}, {7, {"8", "9"}}};
  EXPECT_EQ(out.rows, expected) << out;
}

TEST(csv, unquotes_and_keeps_stray_quotes_as_text) {
  const outcome out = read_all("a,b,c\n\"x \"\"y\"\", z\",p\"q,\"r\"s\"t\n\"\",,\"\"\"\"\n");
  ASSERT_EQ(out.rows.size(), 3u);
  EXPECT_EQ(out.rows[1].cells, (cells{"x \"y\", z", "p\"q", "rs\"t"}));
  EXPECT_EQ(out.rows[2].cells, (cells{"", "", "\""}));
}

TEST(csv, finds_the_delimiter_in_the_first_row) {
  EXPECT_EQ(read_all("a;b,c;d\n1;2;3\n").rows[1].cells, (cells{"1", "2", "3"}));
  EXPECT_EQ(read_all("a\tb\n1,5\t2\n").rows[1].cells, (cells{"1,5", "2"}));
  EXPECT_EQ(read_all("\"a;b;c\",d\n1,2\n").rows[0].cells, (cells{"a;b;c", "d"}));
  EXPECT_EQ(read_all("only\n1;2\n").rows[1].cells, (cells{"1;2"}));
  EXPECT_EQ(read_all("a,b\n", ';').rows[0].cells, (cells{"a,b"}));
}

TEST(csv, obeys_excels_separator_line) {
  const outcome out = read_all("sep=;\r\na,b;c\r\n");
  ASSERT_EQ(out.rows.size(), 1u);
  EXPECT_EQ(out.rows[0], (naive::row{2, {"a,b", "c"}}));
}

TEST(csv, drops_the_byte_order_mark) {
  EXPECT_EQ(read_all("\xef\xbb\xbf\"a,b\",c\n").rows[0].cells, (cells{"a,b", "c"}));
  EXPECT_TRUE(read_all("\xef\xbb\xbf").rows.empty());
}

TEST(csv, utf16_with_its_byte_order_mark_is_converted) {
  const std::string text = "name,city\r\n\"J\xc3\xb6rg, \"\"J\"\"\",\xf0\x9f\x98\x80 \xe2\x82\xac\r\nAna,\n";
  for (const bool big : {false, true}) {
    const std::string wide = naive::to_utf16(text, big);
    for (std::size_t size = 1; size <= wide.size(); ++size) {
      EXPECT_EQ(read_chunked(wide, 0, [&] { return size; }), read_all(text)) << size;
    }
    EXPECT_TRUE(read_all(wide.substr(0, 2)).rows.empty());
  }
}

TEST(csv, damaged_utf16_names_line_and_byte) {
  using namespace std::string_literals;
  const struct {
    std::string bytes;  // little endian, after the mark
    std::string_view says;
  } cases[] = {
      {"a\0\n\0\x3d\xd8x\0"s, "line 2, byte 6 "},       // a first half alone
      {"a\0\n\0\0\xdex\0"s, "line 2, byte 6 "},         // a second half alone
      {"a\0\n\0\x3d\xd8\x3d\xd8"s, "line 2, byte 6 "},  // two first halves
      {"a\0\r\0\n\0b\0\x3d\xd8"s, "line 2, byte 10 "},  // the file ends inside a pair
      {"a\0\r\0\n\0b\0c"s, "line 2, byte 10 "},         // ... inside a unit
  };
  for (const auto& each : cases) {
    const std::string whole = "\xff\xfe" + each.bytes;
    const outcome expected = read_all(whole);
    EXPECT_EQ(expected.code, errc::text_not_utf8);
    EXPECT_EQ(expected.rows.size(), 1u);
    EXPECT_NE(expected.message.find(each.says), std::string::npos) << expected.message;
    for (std::size_t size = 1; size < whole.size(); ++size) {
      EXPECT_EQ(read_chunked(whole, 0, [&] { return size; }), expected);
    }
  }
}

TEST(csv, utf16_without_its_mark_is_refused_with_advice) {
  const outcome out = read_all(std::string_view("a\0,\0b\0\n\0", 8));
  EXPECT_EQ(out.code, errc::text_not_utf8);
  EXPECT_NE(out.message.find("UTF-16"), std::string::npos) << out.message;
}

TEST(csv, bytes_that_are_not_utf8_name_line_and_byte) {
  const std::string text = "name\nAna\nJ\xf6rg\nEva\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const outcome out = read_chunked(text, 0, [&] { return size; });
    EXPECT_EQ(out.code, errc::text_not_utf8);
    EXPECT_EQ(out.rows.size(), 2u) << size;
    EXPECT_NE(out.message.find("line 3, byte 10 "), std::string::npos) << out.message;
  }
  EXPECT_EQ(read_all("a\nb\xc3").code, errc::text_not_utf8);         // cut inside a character
  EXPECT_EQ(read_all("a\n\xc0\xaf").code, errc::text_not_utf8);      // overlong
  EXPECT_EQ(read_all("a\n\xed\xa0\x80").code, errc::text_not_utf8);  // surrogate
  EXPECT_EQ(read_all("a\n\xf4\x90\x80\x80").code, errc::text_not_utf8);
  EXPECT_EQ(read_all("a\n\xf0\x9f\x98\x80\xe2\x82\xac\n").code, errc::ok);
  EXPECT_NE(read_all("n\xff").message.find("line 1, byte 1 "), std::string::npos);
}

TEST(csv, unclosed_quote_names_the_line_it_was_opened_on) {
  const outcome out = read_all("a,b\n1,\"2\n3,4\n");
  EXPECT_EQ(out.code, errc::csv_unclosed_quote);
  EXPECT_NE(out.message.find("line 2 "), std::string::npos) << out.message;
}

TEST(csv, takes_nothing_after_the_end_or_an_error) {
  csv_reader reader;
  collector sink;
  ASSERT_TRUE(reader.finish(sink));
  EXPECT_EQ(reader.feed("a", sink).error().code, errc::wrong_state);
  EXPECT_EQ(reader.finish(sink).error().code, errc::wrong_state);
}

TEST(csv, row_length_is_bounded_exactly_and_reading_goes_on) {
  for (const std::size_t chunk : {std::size_t{7}, std::size_t{4096}, std::size_t{1} << 20}) {
    for (const bool quoted : {false, true}) {
      const std::size_t frame = quoted ? 4 : 2;
      const auto filler = [&](std::size_t raw) {
        const std::string value(raw - frame, 'x');
        return quoted ? "1,\"" + value + "\"\n" : "1," + value + "\n";
      };
      const std::string text = "a,b\n" + filler(row_bytes_max) + filler(row_bytes_max + 1) + "2,3\n";
      const outcome out = read_chunked(text, 0, [&] { return chunk; });
      ASSERT_EQ(out.code, errc::ok);
      ASSERT_EQ(out.rows.size(), 4u);
      EXPECT_EQ(out.rows[1].cells[1].size(), row_bytes_max - frame);
      EXPECT_TRUE(out.rows[2].too_long);
      EXPECT_EQ(out.rows[2].line, 3u);
      EXPECT_EQ(out.rows[3], (naive::row{4, {"2", "3"}}));
    }
  }
}

// Every text of up to seven of these, with the delimiter told and with the delimiter found, at every split.
TEST(csv, exhaustive_small_inputs_match_the_naive_reader_at_every_split) {
  constexpr std::string_view alphabet = "a\",;\n\r";
  constexpr std::size_t length_max = 7;
  std::string text;
  const auto each = [&](auto&& self) -> void {
    for (const char told : {',', '\0'}) {
      const char delimiter = told == 0 ? naive::delimiter_of(text) : told;
      if (told == 0 && delimiter == ',') continue;  // which the first round has seen, but for the detection itself
      const outcome expected = expected_of(text, delimiter);
      expect_same(read_all(text, told), expected, text);
      if (testing::Test::HasFatalFailure()) return;
      for (std::size_t cut = 1; cut < text.size(); ++cut) {
        std::size_t turn = 0;
        expect_same(read_chunked(text, told, [&] { return turn++ == 0 ? cut : text.size(); }), expected, text);
      }
      expect_same(read_chunked(text, told, [] { return std::size_t{1}; }), expected, text);
    }
    if (naive::delimiter_of(text) == ',') expect_same(read_all(text), expected_of(text, ','), text);
    if (testing::Test::HasFatalFailure() || text.size() == length_max) return;
    for (const char c : alphabet) {
      text.push_back(c);
      self(self);
      text.pop_back();
    }
  };
  each(each);
}

TEST(csv, random_files_match_the_naive_reader_in_any_chunking) {
  std::mt19937 random(20261121);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> words = {"a",        "bc",
                                          "\"",       "\"\"",
                                          ",",        ";",
                                          "\t",       "\n",
                                          "\r\n",     "\r",
                                          "\xc3\xa4", "\xf0\x9f\x98\x80",
                                          " ",        std::string(70, 'x'),
                                          "\",\"",    "\"\n",
                                          ",\""};
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (std::size_t i = below(60); i > 0; --i) text += words[below(words.size())];
    const outcome expected = expected_of(text, ',');
    expect_same(read_all(text, ','), expected, text);
    const std::size_t size_max = 1 + below(90);
    expect_same(read_chunked(text, ',', [&] { return 1 + below(size_max); }), expected, text);
    const outcome detected = read_all(text);
    expect_same(detected, expected_of(text, naive::delimiter_of(text)), text);
    for (const std::string& other :
         {text, "\xef\xbb\xbf" + text, naive::to_utf16(text, false), naive::to_utf16(text, true)}) {
      ASSERT_EQ(read_chunked(other, 0, [&] { return 1 + below(size_max); }), detected) << text;
    }
    if (HasFatalFailure()) return;
  }
}

// Whatever the processor has: each of its ways to find marks gives what the plain one gives, in the room it may write.
TEST(csv_scan, finds_the_same_marks_in_every_way) {
  std::mt19937 random(7);
  using finder = std::uint32_t* (*)(const char*, std::size_t, char, std::uint32_t, std::uint32_t*, bool&) noexcept;
  std::vector<finder> finders;
#if defined(BULKMSG_AVX2)
  if (detail::have_avx2()) finders.push_back(&detail::find_marks_avx2);
  if (detail::have_avx512()) finders.push_back(&detail::find_marks_avx512);
#endif
  constexpr std::size_t blocks = 5;
  constexpr std::size_t margin = 16;
  for (int round = 0; round < 5000; ++round) {
    const std::string_view choice = round % 3 == 0   ? ",;\"\r\n"
                                    : round % 3 == 1 ? "abcdefghijk\xff\t, \n"
                                                     : "a,\x01\x1f\x7f\n";
    std::string text(blocks * detail::scan_block, 'x');
    for (char& c : text) c = random() % 4 == 0 ? choice[random() % choice.size()] : c;
    if (round % 5 == 0) text.assign(text.size(), ',');
    std::vector<std::uint32_t> expected(text.size() + margin);
    bool controls = false;
    expected.resize(static_cast<std::size_t>(
        detail::find_marks_plain(text.data(), blocks, ',', 1000, expected.data(), controls) - expected.data()));
    for (const finder find : finders) {
      constexpr std::uint32_t untouched = 0xffffffff;
      std::vector<std::uint32_t> found(text.size() + margin + 8, untouched);
      bool also = false;
      const auto count =
          static_cast<std::size_t>(find(text.data(), blocks, ',', 1000, found.data(), also) - found.data());
      ASSERT_EQ(also, controls) << text;
      ASSERT_TRUE(std::all_of(found.begin() + static_cast<std::ptrdiff_t>(count + margin), found.end(),
                              [](std::uint32_t place) { return place == untouched; }));
      found.resize(count);
      ASSERT_EQ(found, expected) << text;
    }
  }
}

}  // namespace
}  // namespace bulkmsg::recipients
