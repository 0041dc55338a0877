// A reader of recipients as JSON: an object a line (NDJSON), or one array of objects; which it is, its first character
// says.
//
//   {"phone_number": "+15550001111", "first_name": "Ana"}
//   {"phone_number": "+15550002222", "first_name": "Bob"}
//
// Keys are columns: those of the first object, in its order, or an explicit list. Texts are taken as they are, numbers
// and booleans as they are written, null is empty; an object or array as a value is a problem of its row
// (row_malformed). A key that is missing is empty. A key that is not a column is a problem of its row
// (row_has_extra_cells) when the first object fixed the columns, and left out when a list did.
//
// A row's line is the physical line in NDJSON, and the object's number, from 1, in an array. A broken line or element
// is a problem, and reading goes on. Keys may come in any order and, where none is equal, in another case.
//
// Streams: memory is two rows. Any split into chunks gives the same rows. Thread: one at a time.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/recipients/decoder.hpp"
#include "bulkmsg/recipients/rows.hpp"

namespace bulkmsg::recipients {

class json_reader {
 public:
  static constexpr std::string_view what = "json";

  // columns: the keys to take; empty: those of the first object.
  explicit json_reader(std::vector<std::string> columns = {})
      : names_(std::move(columns)), columns_told_(!names_.empty()) {}

  // Errors: text_not_utf8; json_malformed when it is neither an object a line nor an array of objects, or the first
  // object, which should name the columns, is broken. After an error the reader takes no more (wrong_state).
  template <row_sink Sink>
  result<void> feed(std::string_view chunk, Sink&& sink) {
    if (over_) return fail(errc::wrong_state, "json: no more input is taken after finish() or an error");
    return ended(decoder_.read(
        chunk, [&](std::string_view text) { return take(text, sink); }, [this] { return line_; }));
  }

  // Errors: as feed().
  template <row_sink Sink>
  result<void> finish(Sink&& sink) {
    if (over_) return fail(errc::wrong_state, "json: no more input is taken after finish() or an error");
    auto done = decoder_.finish([&](std::string_view text) { return take(text, sink); }, [this] { return line_; });
    if (done && form_ == form::lines) done = end_line(sink);
    if (done && form_ == form::array && !closed_) {
      done = malformed("the array is never closed; a quote or bracket may be missing its partner");
    }
    // No object at all: the columns may still be known.
    if (done) begin(sink);
    over_ = true;
    return done;
  }

 private:
  enum class form : std::uint8_t {
    unknown,
    lines,
    array
  };

  result<void> ended(result<void> outcome) {
    if (!outcome) over_ = true;
    return outcome;
  }

  [[nodiscard]] tl::unexpected<error> malformed(const std::string& why) const {
    return fail(errc::json_malformed, "json: line " + std::to_string(line_) + ": " + why);
  }

  template <class Sink>
  result<void> take(std::string_view text, Sink& sink) {
    while (form_ == form::unknown && !text.empty()) {
      if (text.front() == '[') {
        form_ = form::array;
      } else if (!detail::is_blank(text.front())) {
        form_ = form::lines;
        break;
      } else if (text.front() == '\n') {
        ++line_;
      }
      text.remove_prefix(1);
    }
    return form_ == form::lines ? take_lines(text, sink) : take_array(text, sink);
  }

  // --- an object a line ---

  template <class Sink>
  result<void> take_lines(std::string_view text, Sink& sink) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      keep(text.substr(0, end));
      if (end == std::string_view::npos) break;
      if (auto done = end_line(sink); !done) return done;
      ++line_;
      text.remove_prefix(end + 1);
    }
    return {};
  }

  template <class Sink>
  result<void> end_line(Sink& sink) {
    const bool blank = size_ <= row_bytes_max && detail::trimmed(item_).empty();
    auto done = blank ? result<void>() : end_item(line_, sink);
    item_.clear();
    size_ = 0;
    return done;
  }

  // --- one array ---

  // Finds where its elements end: at a comma or bracket outside of texts and of what is nested. Whether an element is
  // well formed is seen when it is read.
  template <class Sink>
  result<void> take_array(std::string_view text, Sink& sink) {
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\n') ++line_;
      if (closed_) {
        if (!detail::is_blank(c))
          return malformed("there is more text after the array; give one array, or an object a line");
        continue;
      }
      if (in_text_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_text_ = false;
        }
        continue;
      }
      if (c == '"') {
        in_text_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (depth_ != 0 && (c == '}' || c == ']')) {
        --depth_;
      } else if (depth_ == 0 && (c == ',' || c == ']')) {
        keep(text.substr(from, i - from));
        from = i + 1;
        closed_ = c == ']';
        const bool nothing = closed_ && number_ == 0 && size_ <= row_bytes_max && detail::trimmed(item_).empty();
        if (!nothing) {
          if (auto done = end_item(number_ + 1, sink); !done) return done;
          ++number_;
        }
        item_.clear();
        size_ = 0;
      }
    }
    if (!closed_) keep(text.substr(from));
    return {};
  }

  // --- one object ---

  void keep(std::string_view part) {
    // Blanks before an object do not count against its bound.
    if (size_ == 0) {
      while (!part.empty() && detail::is_blank(part.front())) part.remove_prefix(1);
    }
    size_ += part.size();
    if (size_ <= row_bytes_max) item_.append(part);
  }

  template <class Sink>
  result<void> end_item(std::uint64_t line, Sink& sink) {
    row_problem problem{line, 0, errc::row_malformed, {}};
    if (size_ > row_bytes_max) {
      problem.code = errc::row_too_long;
      problem.reason = "the object is longer than " + std::to_string(row_bytes_max) + " bytes";
    } else if (read_object(problem)) {
      begin(sink);
      sink.row(source_row{line, cells_});
      return {};
    }
    if (names_.empty()) {
      return malformed(problem.reason + "; the first object names the columns. Give an object a line, or one array");
    }
    begin(sink);
    sink.problem(problem);
    return {};
  }

  // Before the first row: the columns.
  template <class Sink>
  void begin(Sink& sink) {
    if (begun_ || names_.empty()) return;
    begun_ = true;
    std::vector<std::string_view> header(names_.begin(), names_.end());
    sink.row(source_row{0, header});
  }

  // Fills cells_, and names_ when they are not known.
  bool read_object(row_problem& problem) {
    const auto broken = [&](const char* why) {
      problem.reason = why;
      return false;
    };
    constexpr const char* syntax = "not a JSON object; is a quote, comma or bracket missing?";
    item_.reserve(item_.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::document document;
    if (parser_.iterate(item_.data(), item_.size(), item_.capacity()).get(document) != simdjson::SUCCESS) {
      return broken(syntax);
    }
    simdjson::ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return broken(syntax);
    const bool first = names_.empty();
    std::vector<std::string> names;
    cells_.assign(names_.size(), std::string_view());
    given_.assign(names_.size(), false);
    std::size_t expected = 0;
    for (auto each : object) {
      std::string_view key, value;
      if (each.error() != simdjson::SUCCESS || each.unescaped_key().get(key) != simdjson::SUCCESS)
        return broken(syntax);
      simdjson::ondemand::value v;
      simdjson::ondemand::json_type type{};
      if (each.value().get(v) != simdjson::SUCCESS || v.type().get(type) != simdjson::SUCCESS) return broken(syntax);
      std::size_t at = expected;
      if (first) {
        names.emplace_back(key);
        cells_.emplace_back();
        given_.push_back(false);
      } else if (at = column_of(key, expected);
                 at == names_.size() && !columns_told_ && type != simdjson::ondemand::json_type::null) {
        problem.code = errc::row_has_extra_cells;
        problem.reason = "the key '" + std::string(key.substr(0, 100)) +
                         "' is not among the columns, which the first object names; add it there, or tell the columns";
        return false;
      }
      ++expected;
      if (at == cells_.size()) continue;
      switch (type) {
        case simdjson::ondemand::json_type::string:
          if (v.get_string().get(value) != simdjson::SUCCESS) return broken("a text with a broken escape");
          break;
        case simdjson::ondemand::json_type::number:
          value = detail::trimmed(v.raw_json_token());
          if (!is_number(value)) return broken(syntax);
          break;
        case simdjson::ondemand::json_type::boolean: {
          bool truth = false;
          if (v.get_bool().get(truth) != simdjson::SUCCESS) return broken(syntax);
          value = truth ? "true" : "false";
          break;
        }
        case simdjson::ondemand::json_type::null: {
          bool null = false;
          if (v.is_null().get(null) != simdjson::SUCCESS || !null) return broken(syntax);
          break;
        }
        default:
          problem.column = static_cast<std::uint32_t>(at + 1);
          return broken("an object or array as a value; give a text, a number, true, false or null");
      }
      if (given_[at]) {
        problem.column = static_cast<std::uint32_t>(at + 1);
        return broken("the same key twice");
      }
      given_[at] = true;
      cells_[at] = value;
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return broken("text after the object; is a comma or line break missing?");
    if (first) {
      if (names.empty()) return broken("an object without keys");
      names_ = std::move(names);
    }
    return true;
  }

  // Objects of one list mostly have their keys in the same order.
  [[nodiscard]] std::size_t column_of(std::string_view key, std::size_t expected) const noexcept {
    if (expected < names_.size() && names_[expected] == key) return expected;
    std::size_t other_case = names_.size();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == key) return i;
      if (other_case == names_.size() && detail::same_name(names_[i], key)) other_case = i;
    }
    return other_case;
  }

  // JSON's grammar of numbers; they are kept as written, however long, and never become a double.
  static bool is_number(std::string_view text) noexcept {
    const auto digits = [&] {
      std::size_t n = 0;
      while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
      text.remove_prefix(n);
      return n;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    const bool zero = text.starts_with('0');
    if (const std::size_t n = digits(); n == 0 || (zero && n > 1)) return false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      if (digits() == 0) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
      if (digits() == 0) return false;
    }
    return text.empty();
  }

  text_decoder decoder_{what};
  form form_ = form::unknown;
  std::uint64_t line_ = 1;
  std::uint64_t number_ = 0;  // of elements of the array that are done
  bool over_ = false;

  // Where in the array we are.
  std::size_t depth_ = 0;
  bool in_text_ = false;
  bool escaped_ = false;
  bool closed_ = false;

  std::string item_;  // the object that is being read
  std::size_t size_ = 0;
  simdjson::ondemand::parser parser_;
  std::vector<std::string> names_;
  const bool columns_told_;
  bool begun_ = false;
  std::vector<std::string_view> cells_;
  std::vector<bool> given_;
};

}  // namespace bulkmsg::recipients
