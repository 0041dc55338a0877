// Runs a reader over a text in chunks, and tells its rows as lines: "3: a|b", or "3! code@column" for a problem.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/recipients/rows.hpp"
#include "naive_csv.hpp"

namespace bulkmsg::recipients {

using lines = std::vector<std::string>;

struct row_collector {
  lines rows;
  void row(const source_row& row) {
    std::string text = std::to_string(row.line) + ": ";
    for (const std::string_view& cell : row.cells) text += (&cell == row.cells.data() ? "" : "|") + std::string(cell);
    rows.push_back(text);
  }
  void problem(const row_problem& problem) {
    EXPECT_FALSE(problem.reason.empty());
    rows.push_back(std::to_string(problem.line) + "! " + std::string(name(problem.code)) + '@' +
                   std::to_string(problem.column));
  }
};

struct rows_read {
  lines rows;
  errc code = errc::ok;
  std::string message;
  friend bool operator==(const rows_read&, const rows_read&) = default;
};
inline void PrintTo(const rows_read& r, std::ostream* out) {
  *out << testing::PrintToString(r.rows) << ' ' << name(r.code) << ' ' << r.message;
}

// Each chunk is copied to its own memory, so that a view kept too long is seen by ASan.
template <class Reader>
rows_read read_rows(Reader reader, std::string_view text, std::size_t chunk_size = std::size_t{1} << 20) {
  row_collector sink;
  rows_read out;
  result<void> state;
  while (!text.empty() && state) {
    const std::vector<char> chunk(text.begin(),
                                  text.begin() + static_cast<std::ptrdiff_t>(std::min(chunk_size, text.size())));
    state = reader.feed(std::string_view(chunk.data(), chunk.size()), sink);
    text.remove_prefix(chunk.size());
  }
  if (state) state = reader.finish(sink);
  out.rows = std::move(sink.rows);
  if (!state) {
    out.code = state.error().code;
    out.message = state.error().message;
  }
  return out;
}

// text: UTF-8. The same in chunks of every size, also as UTF-16.
template <class Make>
void expect_same_in_all_chunks(Make make, const std::string& text) {
  const rows_read expected = read_rows(make(), text);
  const std::string_view unmarked = std::string_view(text).substr(text.starts_with("\xef\xbb\xbf") ? 3 : 0);
  for (const std::string& other : {text, naive::to_utf16(unmarked, false), naive::to_utf16(unmarked, true)}) {
    for (std::size_t size = 1; size <= std::min<std::size_t>(other.size(), 70); ++size) {
      ASSERT_EQ(read_rows(make(), other, size), expected) << size;
    }
  }
}

}  // namespace bulkmsg::recipients
