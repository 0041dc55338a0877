// A segment's conditions as one SQL expression over `contacts c`. Whatever comes from outside is a bound value: names
// of attributes, too, are only ever paths or ids that are bound.
//
// The expression is never NULL, so that `not` means not. Attributes that have an index are answered from it. The tree
// stays flat enough for SQLite's bounds on parser stack and expression depth, whatever the segment holds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/recipients/segment.hpp"

namespace bulkmsg::store {

struct segment_sql {
  struct value {
    enum class kind : std::uint8_t {
      integer,
      number,
      text
    };
    kind is;
    std::int64_t integer = 0;
    double number = 0;
    std::string text = {};

    value(std::int64_t v) : is(kind::integer), integer(v) {}
    value(double v) : is(kind::number), number(v) {}
    value(std::string v) : is(kind::text), text(std::move(v)) {}
  };
  std::string where;
  std::vector<value> values;  // of the `?` in their order
};

// Where json_extract finds an attribute.
inline std::string attribute_path(std::string_view name) { return "$.\"" + std::string(name) + "\""; }

// A day as YYYY-MM-DD, counted from 1970-01-01.
inline std::string day_text(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  const auto padded = [](int n, std::size_t size) {
    auto text = std::to_string(n);
    return std::string(size - std::min(size, text.size()), '0') + text;
  };
  return padded(static_cast<int>(date.year()), 4) + '-' + padded(static_cast<int>(unsigned{date.month()}), 2) + '-' +
         padded(static_cast<int>(unsigned{date.day()}), 2);
}

namespace detail {

class segment_writer {
 public:
  explicit segment_writer(std::int64_t today) : today_(today) {}

  void write(const recipients::condition& c) {
    using kind = recipients::condition::kind;
    switch (c.what) {
      case kind::all:
        return write_list(c.parts, 0, c.parts.size(), " AND ", "1");
      case kind::any:
        return write_list(c.parts, 0, c.parts.size(), " OR ", "0");
      case kind::negation:
        made.where += "NOT (";
        write(c.parts.front());
        made.where += ')';
        return;
      case kind::label:
        made.where += "c.id IN (SELECT contact FROM contact_labels WHERE label IN ";
        write_values(c.texts);
        made.where += ')';
        return;
      case kind::attribute:
        return write_attribute(c);
    }
  }

  segment_sql made;

 private:
  // Long lists in groups, so that an expression is as deep as a tree and not as a chain.
  static constexpr std::size_t chain_max = 32;

  void write_list(const std::vector<recipients::condition>& parts, std::size_t from, std::size_t to,
                  std::string_view word, std::string_view none) {
    if (from == to) {
      made.where += none;
      return;
    }
    std::size_t step = 1;
    while ((to - from + step - 1) / step > chain_max) step *= chain_max;
    for (std::size_t at = from; at < to; at += step) {
      if (at != from) made.where += word;
      made.where += '(';
      if (step == 1) {
        write(parts[at]);
      } else {
        write_list(parts, at, std::min(to, at + step), word, none);
      }
      made.where += ')';
    }
  }

  void bind(segment_sql::value v) { made.values.push_back(std::move(v)); }

  template <class T>
  void write_values(const std::vector<T>& list) {
    made.where += '(';
    for (std::size_t i = 0; i < list.size(); ++i) {
      made.where += i == 0 ? "?" : ",?";
      bind(list[i]);
    }
    made.where += ')';
  }

  void write_attribute(const recipients::condition& c) {
    const bool opposite =
        c.how == recipients::comparison::is_not || (c.how == recipients::comparison::exists && !c.flag);
    if (opposite) made.where += "NOT ";
    if (c.attribute.indexed) {
      made.where += "c.id IN (SELECT contact FROM contact_index WHERE attribute = ? AND value";
      bind(c.attribute.id);
      write_test(c);
    } else {
      made.where += "coalesce(json_extract(c.attributes, ?) COLLATE NOCASE";
      bind(attribute_path(c.attribute.name));
      write_test(c);
      made.where += ", 0";
    }
    made.where += ')';
  }

  void write_test(const recipients::condition& c) {
    using enum recipients::comparison;
    const auto one = [&](std::string_view test, segment_sql::value v) {
      made.where += test;
      bind(std::move(v));
    };
    switch (c.how) {
      case is:
      case is_not:
        if (c.attribute.type == recipients::attribute_type::boolean) {
          // false has no texts to fold: json_extract gives 1 and 0
          return one(" = ?", std::int64_t{c.flag ? 1 : 0});
        }
        made.where += " IN ";
        if (c.attribute.type == recipients::attribute_type::number) return write_values(c.numbers);
        return write_values(c.texts);
      case contains: {
        std::string pattern = "%";
        for (const char letter : c.texts.front()) {
          if (letter == '%' || letter == '_' || letter == '\\') pattern += '\\';
          pattern += letter;
        }
        return one(R"( LIKE ? ESCAPE '\')", pattern + "%");
      }
      case starts_with:
        // No byte of UTF-8 is 0xff: between the two lies exactly what starts so.
        one(" BETWEEN ?", c.texts.front());
        return one(" AND ?", c.texts.front() + "\xff");
      case greater:
        return one(" > ?", c.numbers.front());
      case less:
        return one(" < ?", c.numbers.front());
      case before:
        return one(" < ?", c.texts.front());
      case after:
        return one(" > ?", c.texts.front());
      case within_last_days:
        one(" BETWEEN ?", day_text(today_ - c.days));
        return one(" AND ?", day_text(today_));
      case exists:
        made.where += " IS NOT NULL";
        return;
    }
  }

  const std::int64_t today_;
};

}  // namespace detail

// `today`: days since 1970-01-01, in UTC.
inline segment_sql compile_segment(const recipients::condition& c, std::int64_t today) {
  detail::segment_writer writer(today);
  writer.write(c);
  return std::move(writer.made);
}

}  // namespace bulkmsg::store
