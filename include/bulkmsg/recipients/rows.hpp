// What every reader of recipients delivers, whatever it reads: rows of cells, of which the first names the columns.
//
// A reader has feed(chunk, sink) and finish(sink), both result<void>: chunks of any size, rows to the sink. What is
// wrong with one row is a problem, told to the sink, and reading goes on; an error means that the input as a whole is
// unusable. csv.hpp, list.hpp and rows_json.hpp are readers; audience.hpp judges what they deliver.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::recipients {

// A row over this many raw bytes (line break not counted) is a problem, not a row: one stray quote must not make a
// reader hold the rest of the file.
inline constexpr std::size_t row_bytes_max = std::size_t{64} * 1024;

struct source_row {
  std::uint64_t line = 0;                   // 1-based: the physical line on which the row starts, or the item's number
  std::span<const std::string_view> cells;  // UTF-8, never empty; valid during the call
  bool printable = false;                   // the reader knows that no cell holds control characters but line breaks
  bool stays = false;                       // the cells stay valid until the feed() that delivers them returns
};

struct row_problem {
  std::uint64_t line = 0;
  std::uint32_t column = 0;  // 1-based; 0: the whole row
  errc code = errc::ok;
  std::string reason;
};

template <class Sink>
concept row_sink = requires(Sink& sink, const source_row& row, const row_problem& problem) {
  sink.row(row);
  sink.problem(problem);
};

namespace detail {

// Where rows go that nobody wants: what a reader is checked against.
struct no_rows {
  void row(const source_row&) {}
  void problem(const row_problem&) {}
};

}  // namespace detail

template <class Reader>
concept row_reader = requires(Reader& reader, std::string_view chunk, detail::no_rows& sink) {
  { reader.feed(chunk, sink) } -> std::same_as<result<void>>;
  { reader.finish(sink) } -> std::same_as<result<void>>;
  { Reader::what } -> std::convertible_to<std::string_view>;  // "csv": begins its messages
};

}  // namespace bulkmsg::recipients
