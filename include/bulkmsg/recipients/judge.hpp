// Who of the rows is a recipient: every row is accepted, or rejected with its line, column and reason. One judgement
// for every way in; readers bring the rows (rows.hpp), audience.hpp joins the two.
//
// The header names the columns. One of them holds the addresses: `phone_number`, `group_id`, `user_id` or `chat_id`
// (any case), or else `address`, which takes every text form (address.hpp); all others are parameters. Names are
// trimmed, may not be empty, and may not repeat in another case; columns without a name at the end are allowed while
// they are blank. `bulkmsg_reason` and `bulkmsg_line`, which the CSV of rejected rows has, are not read.
//
// Rows whose cells are all blank are not counted at all (spreadsheets write them). Cells are trimmed of blanks and line
// breaks at both ends; extra cells are allowed when they are blank. A row is judged in this order: cells, address,
// control characters, the row check, duplicate; so a rejected row does not shadow a good one further down.
//
// Sink: accepted(const accepted_row&), rejected(const rejected_row&); views are valid during the call.
// Thread: one at a time. Memory: one row, and at most 24 bytes per accepted recipient.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/recipients/rows.hpp"
#include "bulkmsg/recipients/seen_set.hpp"

namespace bulkmsg::recipients {

// The columns that hold addresses, by kind; and the one that holds any kind.
inline constexpr std::array<std::string_view, 4> address_column_names = {"phone_number", "group_id", "user_id",
                                                                         "chat_id"};
inline constexpr std::string_view any_address_column_name = "address";

// The columns that the CSV of rejected rows adds, and that are not read when it comes back.
inline constexpr std::string_view reason_column_name = "bulkmsg_reason";
inline constexpr std::string_view line_column_name = "bulkmsg_line";

struct accepted_row {
  std::uint64_t line = 0;
  address_kind kind = address_kind::phone;
  std::uint64_t key = 0;                         // person_key(address)
  std::string_view address;                      // "+15550001111", "group:..."
  std::span<const std::string_view> parameters;  // in the order of columns(); none holds cell_separator
};

struct rejected_row {
  std::uint64_t line = 0;
  std::uint32_t column = 0;      // 1-based place in the input; 0: the whole row
  std::string_view column_name;  // empty for the whole row
  errc code = errc::ok;          // duplicate_recipient for a second row of the same person
  std::string_view reason;
  std::string_view row_address;  // the address as written; empty when the row could not be split
  std::string_view row;          // the whole row as CSV: address, parameters, extra cells; empty if it is not known
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

// Appends one cell of CSV, in quotes when it needs them.
inline void append_csv_cell(std::string& out, std::string_view cell) {
  if (cell.find_first_of(",;\t\"\r\n") == std::string_view::npos) {
    out.append(cell);
    return;
  }
  out.push_back('"');
  for (const char c : cell) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

class audience_judge {
 public:
  // Called once, when the columns are known; an error (column_missing, say) refuses the input before any row.
  using header_hook = std::function<result<row_check>(std::span<const std::string> columns)>;

  // what: begins the messages about the header ("csv").
  explicit audience_judge(std::string_view what = "csv", header_hook on_header = {}, address_rules rules = {})
      : what_(what), on_header_(std::move(on_header)), rules_(std::move(rules)) {}

  // Takes the names of the columns; a blank row is passed over (has_header() stays false). Errors: csv_no_phone_column,
  // csv_bad_header, and the header hook's.
  result<void> header(std::span<const std::string_view> cells) {
    while (!cells.empty() && detail::trimmed(cells.back()).empty()) cells = cells.first(cells.size() - 1);
    if (cells.empty()) return {};
    std::vector<std::string> names;
    for (const std::string_view cell : cells) {
      std::string name(detail::trimmed(cell));
      const std::string place = what_ + ": column " + std::to_string(names.size() + 1) + " of the header ";
      if (name.empty()) return fail(errc::csv_bad_header, place + "has no name; name it or remove the column");
      if (has_control(name) || name.find_first_of("\t\r\n") != std::string::npos) {
        return fail(errc::csv_bad_header, place + "has a control character in its name; name it in one line");
      }
      if (find(names, name) != none) {
        return fail(errc::csv_bad_header, place + "is a second '" + name + "'; names may not repeat");
      }
      names.push_back(std::move(name));
    }
    if (auto found = find_address(names); !found) return found;
    width_ = names.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i == address_at_ || detail::same_name(names[i], reason_column_name) ||
          detail::same_name(names[i], line_column_name)) {
        continue;
      }
      places_.push_back(i);
      columns_.push_back(std::move(names[i]));
    }
    parameters_.resize(columns_.size() * candidates_.size());
    if (on_header_) {
      auto check = on_header_(columns_);
      if (!check) return fail(check.error());
      check_ = *check;
    }
    has_header_ = true;
    return {};
  }

  // Judges a row. The header must be known. A row that stays where it is may be told to the sink a few rows later, in
  // its order, at the latest by settle(): where a person's key would be is then in the cache.
  template <audience_sink Sink>
  void row(const source_row& row, Sink& sink) {
    const std::span<const std::string_view> cells = row.cells;
    if (detail::trimmed(cells[0]).empty() && all_blank(cells)) return;
    ++counts_.rows;
    if (cells.size() != width_) {
      if (cells.size() < width_) {
        return reject(sink, row, errc::row_has_missing_cells, none, "fewer cells than the header has columns");
      }
      if (!all_blank(cells.subspan(width_))) {
        return reject(sink, row, errc::row_has_extra_cells, width_,
                      "more cells than the header has columns; a cell with a delimiter in it needs quotes");
      }
    }
    candidate& next = candidates_[waiting_];
    next.line = row.line;
    next.written = cells[address_at_];
    // In its place, since it is large.
    ::new (&next.address)
        address_verdict(kind_ ? parse_address_of(*kind_, next.written, rules_) : parse_address(next.written, rules_));
    if (next.address.code != errc::ok) {
      return reject(sink, row, next.address.code, address_at_, address_advice(next.address));
    }
    next.key = person_key(next.address);
    seen_.expect(next.key);
    const std::span<std::string_view> parameters = parameters_of(waiting_);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i] = detail::trimmed(cells[places_[i]]);
      if (!row.printable && has_control(parameters[i])) {
        return reject(sink, row, errc::parameter_not_allowed, places_[i], "holds a control character");
      }
    }
    if (const row_verdict problem = check_(parameters); problem.code != errc::ok) {
      return reject(sink, row, problem.code, problem.column < places_.size() ? places_[problem.column] : none,
                    problem.reason);
    }
    if (++waiting_ == candidates_.size() || !row.stays) settle(sink);
  }

  // Tells the sink of all rows that wait for it.
  template <audience_sink Sink>
  void settle(Sink& sink) {
    // All keys in one go: the processor then looks up many at a time.
    for (std::size_t i = 0; i < waiting_; ++i) candidates_[i].is_new = seen_.insert(candidates_[i].key);
    for (std::size_t i = 0; i < waiting_; ++i) settle_one(i, sink);
    waiting_ = 0;
  }

  // A row that could not be read.
  template <audience_sink Sink>
  void problem(const row_problem& problem, Sink& sink) {
    ++counts_.rows;
    reject(sink, source_row{problem.line, {}}, problem.code, problem.column == 0 ? none : problem.column - 1,
           problem.reason);
  }

  [[nodiscard]] bool has_header() const noexcept { return has_header_; }
  // Parameter columns in the input's order, trimmed, spelled as there. Empty before the header was read.
  [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }
  // The column that holds the addresses, in small letters.
  [[nodiscard]] std::string_view address_column() const noexcept {
    return kind_ ? address_column_names[static_cast<std::size_t>(*kind_)] : any_address_column_name;
  }
  [[nodiscard]] const audience_counts& counts() const noexcept { return counts_; }

  // A person the campaign has already: rows that name them are duplicates. key: person_key().
  void reserve_known(std::uint64_t key) { seen_.insert(key); }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  // C0 control characters but tab, LF and CR: they are never text, and one of them is our separator.
  static bool has_control(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
    });
  }

  static bool all_blank(std::span<const std::string_view> cells) noexcept {
    return std::all_of(cells.begin(), cells.end(), [](auto cell) { return detail::trimmed(cell).empty(); });
  }

  static std::size_t find(const std::vector<std::string>& names, std::string_view name) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (detail::same_name(names[i], name)) return i;
    }
    return none;
  }

  result<void> find_address(const std::vector<std::string>& names) {
    address_at_ = none;
    for (std::size_t k = 0; k < address_column_names.size(); ++k) {
      const std::size_t at = find(names, address_column_names[k]);
      if (at == none) continue;
      if (address_at_ != none) {
        return fail(errc::csv_bad_header, what_ + ": both '" + names[address_at_] + "' and '" + names[at] +
                                              "' are columns of addresses; rename the one that is a parameter, or "
                                              "put all addresses into one column `address`");
      }
      address_at_ = at;
      kind_ = static_cast<address_kind>(k);
    }
    if (address_at_ != none) return {};
    address_at_ = find(names, any_address_column_name);
    if (address_at_ != none) return {};
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    if (list.size() > 200) list = list.substr(0, 200) + "...";
    return fail(errc::csv_no_phone_column, what_ + ": no column `phone_number` in the header (it has: " + list +
                                               "); rename the column with the numbers, or use `group_id`, `user_id`, "
                                               "`chat_id` or `address`");
  }

  // A row that is accepted if its person is new.
  struct candidate {
    std::uint64_t line = 0;
    std::uint64_t key = 0;
    bool is_new = false;
    std::string_view written;
    address_verdict address;
  };

  std::span<std::string_view> parameters_of(std::size_t slot) noexcept {
    return std::span(parameters_).subspan(slot * columns_.size(), columns_.size());
  }

  template <class Sink>
  void settle_one(std::size_t slot, Sink& sink) {
    const candidate& each = candidates_[slot];
    const std::span<std::string_view> parameters = parameters_of(slot);
    if (each.is_new) {
      ++counts_.accepted;
      sink.accepted(accepted_row{each.line, each.address.kind, each.key, each.address.text(), parameters});
      return;
    }
    ++counts_.duplicates;
    text_.clear();
    append_csv_cell(text_, each.written);
    for (const std::string_view parameter : parameters) {
      text_.push_back(',');
      append_csv_cell(text_, parameter);
    }
    sink.rejected(rejected_row{each.line, static_cast<std::uint32_t>(address_at_ + 1), address_column(),
                               errc::duplicate_recipient, "same person as an earlier row", each.written, text_});
  }

  // place: the 0-based column in the input.
  template <class Sink>
  [[gnu::noinline]] void reject(Sink& sink, const source_row& row, errc code, std::size_t place,
                                std::string_view reason) {
    settle(sink);  // rows are told in their order
    ++counts_.rejected;
    rejected_row told;
    told.line = row.line;
    told.code = code;
    told.reason = reason;
    if (place != none) {
      told.column = static_cast<std::uint32_t>(place + 1);
      if (place == address_at_) told.column_name = address_column();
      for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i] == place) told.column_name = columns_[i];
      }
    }
    if (!row.cells.empty()) {
      told.row_address = address_at_ < row.cells.size() ? row.cells[address_at_] : std::string_view();
      text_.clear();
      append_csv_cell(text_, told.row_address);
      const auto add = [&](std::size_t i) {
        text_.push_back(',');
        if (i < row.cells.size()) append_csv_cell(text_, row.cells[i]);
      };
      for (const std::size_t i : places_) add(i);
      for (std::size_t i = width_; i < row.cells.size(); ++i) add(i);
      told.row = text_;
    }
    sink.rejected(told);
  }

  std::string what_;
  header_hook on_header_;
  address_rules rules_;
  row_check check_;
  seen_set seen_;
  audience_counts counts_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> places_;  // of columns_ in the input
  std::array<candidate, 64> candidates_;
  std::size_t waiting_ = 0;                   // of candidates_
  std::vector<std::string_view> parameters_;  // of all candidates
  std::string text_;
  std::size_t width_ = 0;  // columns of the input
  std::size_t address_at_ = none;
  std::optional<address_kind> kind_;  // of the address column; none: any kind
  bool has_header_ = false;
};

}  // namespace bulkmsg::recipients
