// From a CSV file to the recipients of a campaign: every row is accepted, or rejected with its line, column and reason.
//
//   audience_builder builder([&](std::span<const std::string> columns) -> result<row_check> {
//     auto compiled = channels::compile_whatsapp(message, columns, mapping);
//     if (!compiled) return fail(compiled.error());
//     ready = std::move(*compiled);
//     return row_check::of(ready);
//   });
//   builder.feed(chunk, sink) ... builder.finish(sink);
//
// The header row names the columns: `phone_number` (any case) is needed, all others are parameters. Names are trimmed,
// may not be empty, and may not repeat in another case. Rows whose cells are all blank are not counted at all
// (spreadsheets write them). Cells are trimmed of blanks and line breaks at both ends; extra cells are allowed when
// they are blank. A row is judged in this order: cells, phone number, control characters, the row check, duplicate; so
// a rejected row does not shadow a good one further down.
//
// Sink: accepted(const accepted_row&), rejected(const rejected_row&); views are valid during the call.
// Thread: one at a time. Memory: two rows, and at most 24 bytes per accepted recipient.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/recipients/csv.hpp"
#include "bulkmsg/recipients/phone.hpp"
#include "bulkmsg/recipients/seen_set.hpp"

namespace bulkmsg::recipients {

// The column that must be there.
inline constexpr std::string_view phone_column_name = "phone_number";

struct accepted_row {
  std::uint64_t line = 0;
  phone number;
  std::uint64_t key = 0;                         // deduplication_key(number)
  std::string_view address;                      // "+15550001111"
  std::span<const std::string_view> parameters;  // in the order of columns(); none holds cell_separator
};

struct rejected_row {
  std::uint64_t line = 0;
  std::uint32_t column = 0;      // 1-based place in the file; 0: the whole row
  std::string_view column_name;  // empty for the whole row
  errc code = errc::ok;          // duplicate_recipient for a second row of the same person
  std::string_view reason;
  std::string_view row_address;  // the phone number as written; empty when the row could not be split
};

// rows = accepted + duplicates + rejected; the header and empty rows are not rows.
struct audience_counts {
  std::uint64_t rows = 0;
  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t rejected = 0;  // duplicates not included
};

// What a row check says: `column` is an index into columns(), `reason` stays valid until the next check.
struct row_verdict {
  errc code = errc::ok;
  std::size_t column = 0;
  std::string_view reason;
};

// A check of one row's parameters; does nothing when default-made. Borrows its object.
class row_check {
 public:
  row_check() = default;

  // Any object with `check(span<const string_view>)` returning {code, column, reason}. It must outlive the check.
  template <class Object>
  static row_check of(const Object& object) noexcept {
    row_check made;
    made.object_ = &object;
    made.call_ = [](const void* self, std::span<const std::string_view> cells) {
      const auto problem = static_cast<const Object*>(self)->check(cells);
      return row_verdict{problem.code, problem.column, problem.reason};
    };
    return made;
  }
  template <class Object>
  static row_check of(const Object&&) = delete;

  row_verdict operator()(std::span<const std::string_view> cells) const {
    return call_ == nullptr ? row_verdict{} : call_(object_, cells);
  }

 private:
  const void* object_ = nullptr;
  row_verdict (*call_)(const void*, std::span<const std::string_view>) = nullptr;
};

template <class Sink>
concept audience_sink = requires(Sink& sink, const accepted_row& yes, const rejected_row& no) {
  sink.accepted(yes);
  sink.rejected(no);
};

class audience_builder {
 public:
  // Called once, when the header row is known; an error (column_missing, say) refuses the file before any row.
  using header_hook = std::function<result<row_check>(std::span<const std::string> columns)>;

  audience_builder() = default;
  explicit audience_builder(header_hook on_header) : on_header_(std::move(on_header)) {}
  explicit audience_builder(row_check check) : check_(check) {}

  // Reads on. Errors: csv_no_phone_column, csv_bad_header, text_not_utf8, and the header hook's. After an error rows
  // that came before it were delivered; the caller drops them, and the builder takes no more.
  template <audience_sink Sink>
  result<void> feed(std::string_view chunk, Sink&& sink) {
    router<std::remove_reference_t<Sink>> rows{*this, sink};
    return outcome(reader_.feed(chunk, rows));
  }

  // The input is complete. Errors: as feed(), csv_empty, csv_unclosed_quote.
  template <audience_sink Sink>
  result<void> finish(Sink&& sink) {
    router<std::remove_reference_t<Sink>> rows{*this, sink};
    if (auto done = outcome(reader_.finish(rows)); !done) return done;
    if (!header_read_) return fail(errc::csv_empty, "csv: empty; the first row must name the columns");
    return {};
  }

  // Parameter columns in the file's order, trimmed, spelled as in the file. Empty before the header was read.
  [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }
  [[nodiscard]] const audience_counts& counts() const noexcept { return counts_; }

  // A person the campaign has already: rows that name them are duplicates.
  void reserve_known(std::uint64_t key) { seen_.insert(key); }

 private:
  template <class Sink>
  struct router {
    audience_builder& to;
    Sink& sink;
    void row(const csv_row& row) {
      if (to.header_problem_) return;
      if (to.header_read_) {
        to.read_row(row, sink);
      } else {
        to.read_header(row);
      }
    }
    void problem(const csv_problem& problem) {
      if (to.header_problem_) return;
      if (!to.header_read_) {
        to.refuse(errc::csv_bad_header,
                  "csv: the header row is longer than " + std::to_string(row_bytes_max) + " bytes");
        return;
      }
      ++to.counts_.rows;
      ++to.counts_.rejected;
      sink.rejected(rejected_row{problem.line, problem.column, {}, problem.code, problem.reason, {}});
    }
  };

  result<void> outcome(result<void> read) {
    if (header_problem_) return fail(header_error_);
    return read;
  }

  void refuse(errc code, std::string message) { refuse(error{code, std::move(message), 0, 0}); }
  void refuse(error why) {
    header_problem_ = true;
    header_error_ = std::move(why);
  }

  static std::string_view trimmed(std::string_view text) noexcept {
    constexpr auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
  }

  static bool same_name(std::string_view a, std::string_view b) noexcept {
    constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
  }

  // C0 control characters but tab, LF and CR: they are never text, and one of them is our separator.
  static bool has_control(std::string_view text) noexcept {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return true;
    }
    return false;
  }

  static bool all_blank(std::span<const std::string_view> cells) noexcept {
    for (const std::string_view cell : cells) {
      if (!trimmed(cell).empty()) return false;
    }
    return true;
  }

  void read_header(const csv_row& row) {
    if (all_blank(row.cells)) return;
    const auto place = [](std::size_t i) { return "csv: column " + std::to_string(i + 1) + " of the header row "; };
    std::vector<std::string> names;
    bool found = false;
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const std::string_view cell = trimmed(row.cells[i]);
      if (cell.empty()) return refuse(errc::csv_bad_header, place(i) + "has no name; name it or remove the column");
      if (has_control(cell) || cell.find_first_of("\t\r\n") != std::string_view::npos) {
        return refuse(errc::csv_bad_header, place(i) + "has a control character in its name");
      }
      for (const std::string& earlier : names) {
        if (same_name(earlier, cell)) {
          return refuse(errc::csv_bad_header,
                        place(i) + "is a second '" + std::string(cell) + "'; names may not repeat");
        }
      }
      if (same_name(cell, phone_column_name)) {
        found = true;
        phone_at_ = i;
      }
      names.emplace_back(cell);
    }
    if (!found) {
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      if (list.size() > 200) list = list.substr(0, 200) + "...";
      return refuse(errc::csv_no_phone_column, "csv: no column `phone_number` in the header row (it has: " + list +
                                                   "); rename the column with the numbers");
    }
    header_read_ = true;
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(phone_at_));
    columns_ = std::move(names);
    parameters_.resize(columns_.size());
    if (!on_header_) return;
    if (auto check = on_header_(columns_)) {
      check_ = *check;
    } else {
      refuse(check.error());
    }
  }

  template <class Sink>
  void read_row(const csv_row& row, Sink& sink) {
    const std::size_t wanted = columns_.size() + 1;
    const std::span<const std::string_view> cells = row.cells;
    if (trimmed(cells[0]).empty() && all_blank(cells)) return;
    ++counts_.rows;
    const std::string_view written = phone_at_ < cells.size() ? cells[phone_at_] : std::string_view();
    if (cells.size() < wanted) {
      return reject(sink,
                    {row.line, 0, {}, errc::row_has_missing_cells, "fewer cells than the header has columns", written});
    }
    if (cells.size() > wanted && !all_blank(cells.subspan(wanted))) {
      return reject(sink, {row.line,
                           static_cast<std::uint32_t>(wanted + 1),
                           {},
                           errc::row_has_extra_cells,
                           "more cells than the header has columns; a cell with a delimiter in it needs quotes",
                           written});
    }
    const phone_verdict verdict = parse_phone(written);
    if (verdict.code != errc::ok) {
      return reject(sink, {row.line, static_cast<std::uint32_t>(phone_at_ + 1), phone_column_name, verdict.code,
                           phone_advice(verdict.code), written});
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      parameters_[i] = trimmed(cells[file_column(i)]);
      if (has_control(parameters_[i])) {
        return reject(sink, {row.line, static_cast<std::uint32_t>(file_column(i) + 1), columns_[i],
                             errc::parameter_not_allowed, "holds a control character", written});
      }
    }
    if (const row_verdict problem = check_(parameters_); problem.code != errc::ok) {
      const bool known = problem.column < columns_.size();
      return reject(sink, {row.line, known ? static_cast<std::uint32_t>(file_column(problem.column) + 1) : 0,
                           known ? std::string_view(columns_[problem.column]) : std::string_view(), problem.code,
                           problem.reason, written});
    }
    const std::uint64_t key = deduplication_key(verdict.number);
    if (!seen_.insert(key)) {
      ++counts_.duplicates;
      sink.rejected(rejected_row{row.line, static_cast<std::uint32_t>(phone_at_ + 1), phone_column_name,
                                 errc::duplicate_recipient, "same person as an earlier row", written});
      return;
    }
    ++counts_.accepted;
    address_.clear();
    append_e164(address_, verdict.number);
    sink.accepted(accepted_row{row.line, verdict.number, key, address_, parameters_});
  }

  template <class Sink>
  void reject(Sink& sink, const rejected_row& row) {
    ++counts_.rejected;
    sink.rejected(row);
  }

  // The 0-based place in the file of the i-th parameter column.
  [[nodiscard]] std::size_t file_column(std::size_t i) const noexcept { return i < phone_at_ ? i : i + 1; }

  csv_reader reader_;
  header_hook on_header_;
  row_check check_;
  seen_set seen_;
  audience_counts counts_;
  std::vector<std::string> columns_;
  std::vector<std::string_view> parameters_;
  std::string address_;
  error header_error_;
  std::size_t phone_at_ = 0;
  bool header_read_ = false;
  bool header_problem_ = false;
};

}  // namespace bulkmsg::recipients
