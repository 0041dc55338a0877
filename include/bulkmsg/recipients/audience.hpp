// From a file to the recipients of a campaign: a reader of rows and the judgement of them, joined.
//
//   audience_builder builder([&](std::span<const std::string> columns) -> result<row_check> {
//     auto compiled = channels::compile_whatsapp(message, columns, mapping);
//     if (!compiled) return fail(compiled.error());
//     ready = std::move(*compiled);
//     return row_check::of(ready);
//   });
//   builder.feed(chunk, sink) ... builder.finish(sink);
//
// What is accepted and what is rejected is written in judge.hpp, what the input may look like at each reader.
// Thread: one at a time. Memory: the reader's, and at most 24 bytes per accepted recipient.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/csv.hpp"
#include "bulkmsg/recipients/judge.hpp"

namespace bulkmsg::recipients {

template <row_reader Reader>
class audience_from {
 public:
  explicit audience_from(audience_judge::header_hook on_header = {}, address_rules rules = {}, Reader reader = Reader())
      : reader_(std::move(reader)), judge_(Reader::what, std::move(on_header), std::move(rules)) {}

  // Reads on. Errors: the reader's, csv_no_phone_column, csv_bad_header, and the header hook's. After an error rows
  // that came before it were delivered; the caller drops them, and the builder takes no more.
  template <audience_sink Sink>
  result<void> feed(std::string_view chunk, Sink&& sink) {
    router<std::remove_reference_t<Sink>> rows{*this, sink};
    auto read = reader_.feed(chunk, rows);
    judge_.settle(sink);
    return outcome(std::move(read));
  }

  // The input is complete. Errors: as feed(), csv_empty.
  template <audience_sink Sink>
  result<void> finish(Sink&& sink) {
    router<std::remove_reference_t<Sink>> rows{*this, sink};
    auto read = reader_.finish(rows);
    judge_.settle(sink);
    if (auto done = outcome(std::move(read)); !done) return done;
    if (judge_.has_header()) return {};
    return fail(errc::csv_empty, std::string(Reader::what) +
                                     ": empty; give recipients, in CSV below a row that names "
                                     "the columns");
  }

  [[nodiscard]] audience_judge& judge() noexcept { return judge_; }
  [[nodiscard]] const audience_judge& judge() const noexcept { return judge_; }

 private:
  template <class Sink>
  struct router {
    audience_from& to;
    Sink& sink;
    void row(const source_row& row) {
      if (to.judge_.has_header()) {
        to.judge_.row(row, sink);
      } else if (to.refused_) {
        to.refused_ = to.judge_.header(row.cells);
      }
    }
    void problem(const row_problem& problem) {
      if (to.judge_.has_header()) {
        to.judge_.problem(problem, sink);
      } else if (to.refused_) {
        to.refused_ = fail(errc::csv_bad_header, std::string(Reader::what) + ": in the header row: " + problem.reason);
      }
    }
  };

  result<void> outcome(result<void> read) {
    if (refused_) return read;
    return bulkmsg::fail(refused_.error());  // copying the result itself cannot report that memory is short
  }

  Reader reader_;
  audience_judge judge_;
  result<void> refused_;  // what is wrong with the header: no row is then delivered
};

using audience_builder = audience_from<csv_reader>;

}  // namespace bulkmsg::recipients
