// Any bytes in any chunks: the same rows as in one piece, the same rows as the naive reader, and an audience that adds
// up. The first byte chooses how the rest is cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/recipients/audience.hpp"
#include "recipients/naive_csv.hpp"

namespace {

using namespace bulkmsg;
using namespace bulkmsg::recipients;

void require(bool truth) {
  if (!truth) std::abort();
}

struct collector {
  std::vector<naive::row> rows;
  void row(const csv_row& row) { rows.push_back({row.line, {row.cells.begin(), row.cells.end()}, false}); }
  void problem(const csv_problem& problem) { rows.push_back({problem.line, {}, true}); }
};

struct counter {
  std::uint64_t yes = 0;
  std::uint64_t no = 0;
  void accepted(const accepted_row& row) {
    ++yes;
    for (const auto cell : row.parameters) require(cell.find(cell_separator) == std::string_view::npos);
  }
  void rejected(const rejected_row& row) {
    ++no;
    require(!row.reason.empty());
  }
};

// cut 0: one piece; else pieces of pseudo-random size. The copies make views that outlive a chunk visible to ASan.
template <class Reader, class Sink>
error read(Reader& reader, Sink& sink, std::string_view text, unsigned cut) {
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
  return error{errc::ok, {}, 0, 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);

  collector whole;
  csv_reader one;
  const error whole_error = read(one, whole, text, 0);
  collector pieces;
  csv_reader many;
  const error pieces_error = read(many, pieces, text, data[0] + 1U);
  require(whole.rows == pieces.rows);
  require(whole_error.code == pieces_error.code && whole_error.message == pieces_error.message);

  collector commas;
  csv_reader fixed(',');
  const error fixed_error = read(fixed, commas, text, 0);
  const bool plain = text.find("sep=") == std::string_view::npos && !text.starts_with("\xef\xbb\xbf");
  if (plain && fixed_error.code != errc::text_not_utf8) {
    const naive::file expected = naive::read_csv(text, ',', row_bytes_max);
    require(expected.rows == commas.rows);
    require(expected.unclosed_quote_line.has_value() == (fixed_error.code == errc::csv_unclosed_quote));
  }

  counter seen;
  audience_builder builder;
  read(builder, seen, text, data[0]);
  const audience_counts& counts = builder.judge().counts();
  require(counts.accepted == seen.yes && counts.duplicates + counts.rejected == seen.no);
  require(counts.rows == seen.yes + seen.no);
  return 0;
}
