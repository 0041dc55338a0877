// A reader of plain lists of addresses, as people paste them: separated by commas, semicolons, tabs or line breaks.
//
//   audience_from<list_reader> builder(on_header, {.bare = address_kind::chat});
//   builder.feed("10023, 10024; 10025\n10026", sink);  builder.finish(sink);
//
// One column, `address`; a row's line is the item's number among those that are not blank, from 1. UTF-8 or UTF-16 as
// decoder.hpp says; any split into chunks gives the same rows. Memory: one item. Thread: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/recipients/decoder.hpp"
#include "bulkmsg/recipients/rows.hpp"

namespace bulkmsg::recipients {

// The longest item of a list; addresses are far shorter.
inline constexpr std::size_t list_item_max = 512;

class list_reader {
 public:
  static constexpr std::string_view what = "list";

  // Errors: text_not_utf8. After an error the reader takes no more (wrong_state).
  template <row_sink Sink>
  result<void> feed(std::string_view chunk, Sink&& sink) {
    if (over_) return fail(errc::wrong_state, "list: no more input is taken after finish() or an error");
    auto done = decoder_.read(
        chunk, [&](std::string_view text) { return take(text, sink); }, [this] { return line_; });
    if (!done) over_ = true;
    return done;
  }

  template <row_sink Sink>
  result<void> finish(Sink&& sink) {
    if (over_) return fail(errc::wrong_state, "list: no more input is taken after finish() or an error");
    over_ = true;
    auto done = decoder_.finish([&](std::string_view text) { return take(text, sink); }, [this] { return line_; });
    if (done) end_item(sink);
    return done;
  }

 private:
  template <class Sink>
  result<void> take(std::string_view text, Sink& sink) {
    while (!text.empty()) {
      const std::size_t end = text.find_first_of(",;\t\r\n");
      std::string_view part = text.substr(0, end);
      // Blanks before an item do not count against its bound.
      while (size_ == 0 && !part.empty() && detail::is_blank(part.front())) part.remove_prefix(1);
      size_ += part.size();
      if (size_ <= list_item_max) item_.append(part);
      if (end == std::string_view::npos) break;
      end_item(sink);
      if (text[end] == '\n') ++line_;
      text.remove_prefix(end + 1);
    }
    return {};
  }

  template <class Sink>
  void end_item(Sink& sink) {
    if (size_ > list_item_max) {
      begin(sink);
      sink.problem(row_problem{number_, 0, errc::row_too_long,
                               "the item is longer than " + std::to_string(list_item_max) +
                                   " bytes; separate addresses by commas, semicolons or line breaks"});
    } else if (const std::string_view cell = detail::trimmed(item_); !cell.empty()) {
      begin(sink);
      sink.row(source_row{number_, {&cell, 1}});
    }
    item_.clear();
    size_ = 0;
  }

  // Before the first item: the name of the one column.
  template <class Sink>
  void begin(Sink& sink) {
    constexpr std::string_view name = "address";
    if (number_++ == 0) sink.row(source_row{0, {&name, 1}});
  }

  text_decoder decoder_{what};
  std::string item_;
  std::size_t size_ = 0;  // of the item, as far as it was read
  std::uint64_t number_ = 0;
  std::uint64_t line_ = 1;
  bool over_ = false;
};

}  // namespace bulkmsg::recipients
