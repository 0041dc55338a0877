// What holds for every reader of recipients, whatever it is given: any split into chunks gives the same rows and the
// same error, and the judgement of its rows adds up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/recipients/audience.hpp"
#include "recipients/naive_csv.hpp"

namespace fuzz {

inline void require(bool truth) {
  if (!truth) std::abort();
}

struct collector {
  std::vector<naive::row> rows;
  void row(const bulkmsg::recipients::source_row& row) {
    require(!row.cells.empty());
    rows.push_back({row.line, {row.cells.begin(), row.cells.end()}, false});
    for (const auto cell : row.cells) {
      for (const char c : cell) {
        const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
        require(!row.printable || !control);
      }
    }
  }
  void problem(const bulkmsg::recipients::row_problem& problem) {
    require(problem.code != bulkmsg::errc::ok && !problem.reason.empty());
    rows.push_back({problem.line, {}, true});
  }
};

struct counter {
  std::uint64_t yes = 0, no = 0, line = 0;
  void accepted(const bulkmsg::recipients::accepted_row& row) {
    ++yes;
    in_order(row.line);
    for (const auto cell : row.parameters) require(cell.find(bulkmsg::recipients::cell_separator) == std::string::npos);
    require(row.key == bulkmsg::recipients::person_key(row.address));
  }
  void rejected(const bulkmsg::recipients::rejected_row& row) {
    ++no;
    in_order(row.line);
    require(!row.reason.empty());
  }
  void in_order(std::uint64_t next) {
    require(next >= line);
    line = next;
  }
};

// cut 0: one piece; else pieces of pseudo-random size. The copies make views that outlive a chunk visible to ASan.
template <class Reader, class Sink>
bulkmsg::error read(Reader& reader, Sink& sink, std::string_view text, unsigned cut) {
  unsigned state = cut;
  while (!text.empty()) {
    state = state * 1664525U + 1013904223U;
    const std::size_t size =
        cut == 0 ? text.size() : std::min<std::size_t>(1 + (state >> 8) % (1 + cut % 64), text.size());
    const std::vector<char> chunk(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    if (auto done = reader.feed(std::string_view(chunk.data(), chunk.size()), sink); !done) return done.error();
    text.remove_prefix(size);
  }
  if (auto done = reader.finish(sink); !done) return done.error();
  return bulkmsg::error{bulkmsg::errc::ok, {}, 0, 0};
}

template <class Make>
void check_reader(Make make, std::string_view text, unsigned cut) {
  collector whole, pieces;
  auto one = make();
  auto many = make();
  const auto whole_error = read(one, whole, text, 0);
  const auto pieces_error = read(many, pieces, text, cut + 1);
  require(whole.rows == pieces.rows);
  require(whole_error.code == pieces_error.code && whole_error.message == pieces_error.message);
  // The first row names the columns.
  for (const naive::row& row : whole.rows) {
    const bool as_wide = row.too_long || row.cells.size() == whole.rows.front().cells.size();
    require(as_wide || decltype(one)::what == "csv");
  }

  counter seen;
  bulkmsg::recipients::audience_from audience({}, {}, make());
  read(audience, seen, text, cut);
  const auto& counts = audience.judge().counts();
  require(counts.accepted == seen.yes && counts.duplicates + counts.rejected == seen.no);
  require(counts.rows == seen.yes + seen.no);
}

}  // namespace fuzz
