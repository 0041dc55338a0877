// A streaming CSV reader: push chunks of any size, get rows.
//
//   csv_reader reader;
//   while (read(file, chunk)) if (auto ok = reader.feed(chunk, sink); !ok) return ok;
//   return reader.finish(sink);
//
// Reads RFC 4180 and what spreadsheets really write: UTF-8, or UTF-16 with a byte order mark, CRLF, LF and CR in any
// mix, `,` `;` or tab (the one that the first row holds most of; Excel's `sep=;` line is obeyed), line breaks and
// doubled quotes in quoted cells. Empty lines are skipped. Text after a closing quote is kept as written ("a"b is ab),
// and a quote inside an unquoted cell is a plain character, as Python's csv module reads them. The first row is
// delivered like any other.
//
// Memory is bounded (two rows), nothing is allocated per row once warm, and any split of the input into chunks gives
// the same rows. Thread: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/csv_scan.hpp"
#include "bulkmsg/recipients/decoder.hpp"
#include "bulkmsg/recipients/rows.hpp"

namespace bulkmsg::recipients {

using csv_row = source_row;
using csv_problem = row_problem;

class csv_reader {
 public:
  static constexpr std::string_view what = "csv";

  // delimiter: any ASCII character but a quote or a line break; 0 detects it.
  explicit csv_reader(char delimiter = 0) : forced_(delimiter) {}

  // Reads on. An error means that the file as a whole is unusable (text_not_utf8, naming line and byte); rows before
  // it were delivered, and the reader takes no more (wrong_state).
  template <row_sink Sink>
  result<void> feed(std::string_view chunk, Sink&& sink) {
    if (over_) return fail(errc::wrong_state, "csv: no more input is taken after finish() or an error");
    const auto here = [&](std::string_view text) { return text.data() >= chunk.data() && text.data() < chunk.end(); };
    return ended(decoder_.read(
        chunk, [&](std::string_view text) { return take(text, here(text), sink); }, [this] { return line_reached(); }));
  }

  // The input is complete. Errors: csv_unclosed_quote (naming the line of the quote), text_not_utf8.
  template <row_sink Sink>
  result<void> finish(Sink&& sink) {
    if (over_) return fail(errc::wrong_state, "csv: no more input is taken after finish() or an error");
    const auto text_done = decoder_.finish([&](std::string_view text) { return take(text, false, sink); },
                                           [this] { return line_reached(); });
    if (!text_done) return ended(text_done);
    if (delimiter_ == 0) {
      if (auto chosen = choose_delimiter(); !chosen) return ended(chosen);
      parse(head_, false, sink);
    }
    over_ = true;
    if (state_ == state::quoted) {
      return fail(errc::csv_unclosed_quote, "csv: the quote opened on line " + std::to_string(quote_line_) +
                                                " is never closed; add the closing quote, or double a quote that "
                                                "belongs to the text");
    }
    if (state_ != state::row_start) end_spilled_row(sink);
    return {};
  }

 private:
  enum class state : std::uint8_t {
    row_start,
    cell_start,
    plain,
    quoted,
    quote_in_quoted
  };

  // The cells of one row, in memory that is used again: a vector whose end is kept in a register.
  class cell_list {
   public:
    explicit cell_list(std::vector<std::string_view>& memory)
        : memory_(memory), next_(memory.data()), end_(next_ + memory.size()) {}
    void add(std::string_view cell) {
      if (next_ == end_) [[unlikely]]
        grow();
      *next_++ = cell;
    }
    void clear() noexcept { next_ = memory_.data(); }
    [[nodiscard]] std::span<const std::string_view> all() const noexcept { return {memory_.data(), next_}; }

   private:
    void grow() {
      const std::size_t used = memory_.size();
      memory_.resize(2 * used + 16);
      next_ = memory_.data() + used;
      end_ = memory_.data() + memory_.size();
    }

    std::vector<std::string_view>& memory_;
    std::string_view* next_;
    std::string_view* end_;
  };

  // stays: the bytes stay where they are until feed() returns.
  template <class Sink>
  result<void> take(std::string_view bytes, bool stays, Sink& sink) {
    if (delimiter_ == 0) {
      bytes.remove_prefix(read_head(bytes));
      if (!head_complete_) return {};
      if (auto chosen = choose_delimiter(); !chosen) return chosen;
      parse(head_, false, sink);
      head_ = {};
    }
    parse(bytes, stays, sink);
    return {};
  }

  template <class Sink>
  void parse(std::string_view bytes, bool stays, Sink& sink) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
      if (state_ == state::row_start) {
        if (after_cr_) {
          after_cr_ = false;
          if (*at == '\n') {
            ++at;
            continue;
          }
        }
        at = whole_rows(at, end, stays, sink);
        if (at == end) return;
      }
      at = spill_row(at, end, sink);
    }
  }

  // The fast path: delivers every row that lies wholly in [at, end), as views into it. Returns where the first row
  // begins that does not end there; nothing of that row is remembered.
  template <class Sink>
  const char* whole_rows(const char* at, const char* end, bool stays, Sink& sink) {
    detail::csv_scanner marks(at, end, delimiter_, places_);
    const char* row = at;
    const char* cell = at;
    const char delimiter = delimiter_;
    cell_list cells(cells_);
    scratch_used_ = 0;
    std::uint64_t breaks = 0;
    for (;;) {
      at = marks.next();
      if (at == end) return row;
      if (*at == delimiter) {
        cells.add({cell, static_cast<std::size_t>(at - cell)});
        cell = at + 1;
        continue;
      }
      std::string_view value(cell, static_cast<std::size_t>(at - cell));
      if (*at == '"') {
        if (at != cell) continue;
        at = quoted_cell(at, end, marks, breaks, value);
        if (at == end) return row;
      }
      cells.add(value);
      cell = at + 1;
      if (*at == delimiter) continue;

      deliver({line_, cells.all(), marks.printable(), stays && scratch_used_ == 0}, static_cast<std::size_t>(at - row),
              sink);
      line_ += breaks + 1;
      if (*at == '\r') {
        if (cell == end) {
          after_cr_ = true;
        } else if (*cell == '\n') {
          marks.next();
          ++cell;
        }
      }
      row = cell;
      cells.clear();
      scratch_used_ = 0;
      breaks = 0;
    }
  }

  // `at` is the opening quote. Gives the cell's value and returns the delimiter or line break that ends it, or `end`
  // when the chunk ends before that is known.
  const char* quoted_cell(const char* at, const char* end, detail::csv_scanner& marks, std::uint64_t& breaks,
                          std::string_view& value) {
    const char* run = at + 1;
    const std::size_t kept = scratch_used_;  // doubled quotes: the value is put together in the scratch
    bool copied = false;
    for (;;) {
      at = marks.next();
      if (at == end) return end;
      if (*at == '\r' || (*at == '\n' && at[-1] != '\r')) ++breaks;
      if (*at != '"') continue;
      if (at + 1 == end) return end;
      if (at[1] != '"') break;
      to_scratch(run, at + 1);
      copied = true;
      marks.next();
      run = at + 2;
    }
    const char* stop = at;
    at = marks.next();
    if (at != stop + 1) {  // text after the closing quote
      to_scratch(run, stop);
      copied = true;
      run = stop + 1;
      while (at != end && *at == '"') at = marks.next();
      stop = at;
    }
    if (at == end) return end;
    if (copied) {
      to_scratch(run, stop);
      value = std::string_view(scratch_.get() + kept, scratch_used_ - kept);
    } else {
      value = std::string_view(run, static_cast<std::size_t>(stop - run));
    }
    return at;
  }

  void to_scratch(const char* from, const char* to) {
    if (!scratch_) scratch_ = std::make_unique<char[]>(row_bytes_max);
    const auto size = static_cast<std::size_t>(to - from);
    if (size > row_bytes_max - scratch_used_) return;  // then the row itself is too long, and is not delivered
    std::memcpy(scratch_.get() + scratch_used_, from, size);
    scratch_used_ += size;
  }

  // The slow path, for the row that a chunk's end cuts: byte by byte, its cells kept in spill_. Returns behind the
  // row's end, or `end`.
  template <class Sink>
  const char* spill_row(const char* at, const char* end, Sink& sink) {
    for (; at != end; ++at) {
      const char c = *at;
      switch (state_) {
        case state::row_start:
          spill_.clear();
          cell_ends_.clear();
          raw_ = 0;
          row_line_ = line_;
          [[fallthrough]];
        case state::cell_start:
          if (c == '"') {
            quote_line_ = line_;
            state_ = state::quoted;
            ++raw_;
            break;
          }
          if (spill_plain(c, sink)) return at + 1;
          break;
        case state::plain:
          if (spill_plain(c, sink)) return at + 1;
          break;
        case state::quoted:
          if (c == '"') {
            state_ = state::quote_in_quoted;
            ++raw_;
            after_cr_ = false;
            break;
          }
          if (c == '\r' || (c == '\n' && !after_cr_)) ++line_;
          after_cr_ = c == '\r';
          keep(c);
          break;
        case state::quote_in_quoted:
          if (c == '"') {
            state_ = state::quoted;
            keep(c);
          } else if (spill_plain(c, sink)) {
            return at + 1;
          }
          break;
      }
    }
    return end;
  }

  // One byte outside quotes; true when it ended the row.
  template <class Sink>
  bool spill_plain(char c, Sink& sink) {
    if (c == '\n' || c == '\r') {
      end_spilled_row(sink);
      ++line_;
      after_cr_ = c == '\r';
      return true;
    }
    if (c == delimiter_) {
      end_spilled_cell();
      ++raw_;
      state_ = state::cell_start;
    } else {
      keep(c);
      state_ = state::plain;
    }
    return false;
  }

  void keep(char c) {
    if (++raw_ <= row_bytes_max) spill_.push_back(c);
  }

  void end_spilled_cell() {
    if (raw_ <= row_bytes_max) cell_ends_.push_back(spill_.size());
  }

  template <class Sink>
  void end_spilled_row(Sink& sink) {
    end_spilled_cell();
    cell_list cells(cells_);
    std::size_t from = 0;
    for (const std::size_t to : cell_ends_) {
      cells.add({spill_.data() + from, to - from});
      from = to;
    }
    deliver({row_line_, cells.all()}, raw_, sink);
    state_ = state::row_start;
  }

  template <class Sink>
  void deliver(const csv_row& row, std::size_t raw_size, Sink& sink) {
    if (raw_size == 0) return;  // an empty line
    if (raw_size > row_bytes_max) {
      sink.problem(csv_problem{
          row.line, 0, errc::row_too_long,
          "the row is longer than " + std::to_string(row_bytes_max) + " bytes; a quote may be missing its partner"});
      return;
    }
    sink.row(row);
  }

  // Collects the first row that is not empty, to count its delimiters. Returns how many bytes it took.
  std::size_t read_head(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char c = bytes[i];
      head_.push_back(c);
      const std::size_t candidate = delimiters.find(c);
      if (head_quoted_) {
        if (c == '"') head_quoted_ = false;  // of a doubled quote, the second opens it again
        head_cell_start_ = c == '"';
      } else if (c == '"' && head_cell_start_) {
        head_quoted_ = head_begun_ = true;
      } else if (c == '\r' || c == '\n') {
        head_complete_ = head_begun_;
      } else {
        head_begun_ = true;
        head_cell_start_ = candidate != std::string_view::npos;
        if (head_cell_start_) ++head_counts_[candidate];
      }
      if (head_.size() > row_bytes_max) head_complete_ = true;
      if (head_complete_) return i + 1;
    }
    return bytes.size();
  }

  result<void> choose_delimiter() {
    if (head_.find('\0') != std::string::npos) {
      return fail(
          errc::text_not_utf8,
          "csv: zero bytes in the first row, this looks like UTF-16 without a byte order mark; save the file as "
          "UTF-8");
    }
    std::size_t best = 0;
    for (std::size_t i = 1; i < delimiters.size(); ++i) {
      if (head_counts_[i] > head_counts_[best]) best = i;
    }
    delimiter_ = delimiters[best];
    const std::size_t begin = head_.find_first_not_of("\r\n");
    if (begin != std::string::npos && head_.size() >= begin + 5 && head_.compare(begin, 4, "sep=") == 0 &&
        (head_.size() == begin + 5 || head_[begin + 5] == '\r' || head_[begin + 5] == '\n') &&
        (delimiters.find(head_[begin + 4]) != std::string_view::npos || head_[begin + 4] == '|')) {
      delimiter_ = head_[begin + 4];
      head_.erase(begin, 5);  // leaves an empty line, so that line numbers stay right
    }
    if (forced_ != 0) delimiter_ = forced_;
    return {};
  }

  // An error is the end.
  result<void> ended(result<void> outcome) {
    if (!outcome) over_ = true;
    return outcome;
  }

  [[nodiscard]] std::uint64_t line_reached() const noexcept {
    std::uint64_t line = line_;
    for (std::size_t i = 0; delimiter_ == 0 && i < head_.size(); ++i) {
      if (head_[i] == '\r' || (head_[i] == '\n' && (i == 0 || head_[i - 1] != '\r'))) ++line;
    }
    return line;
  }

  static constexpr std::string_view delimiters = ",;\t";

  text_decoder decoder_{what};
  std::uint64_t line_ = 1;
  state state_ = state::row_start;
  bool after_cr_ = false;  // the last byte was a CR: a LF now belongs to the same line break
  bool over_ = false;
  char forced_ = 0;
  char delimiter_ = 0;  // 0: not known yet, bytes go to head_

  std::string head_;
  std::array<std::size_t, 3> head_counts_{};
  bool head_begun_ = false;
  bool head_quoted_ = false;
  bool head_cell_start_ = true;
  bool head_complete_ = false;

  std::vector<std::string_view> cells_;
  detail::csv_scanner::buffer places_;
  std::unique_ptr<char[]> scratch_;
  std::size_t scratch_used_ = 0;

  std::string spill_;
  std::vector<std::size_t> cell_ends_;
  std::size_t raw_ = 0;
  std::uint64_t row_line_ = 0;
  std::uint64_t quote_line_ = 0;
};

}  // namespace bulkmsg::recipients
