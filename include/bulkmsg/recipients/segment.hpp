// Conditions that pick contacts, as a tree. Read from JSON by segment_json.hpp, carried out by the store.
//
//   {"all": [{"attribute": "city", "is": "Lisbon"},
//            {"any": [{"label": ["vip", "new"]}, {"attribute": "last_order", "within_last_days": 30}]},
//            {"not": {"attribute": "country", "starts_with": "D"}}]}
//
// A condition holds or does not hold: a contact without the attribute fulfils only `is_not` and `"exists": false`.
// Texts and labels are compared without regard to the case of ASCII letters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/recipients/contact.hpp"

namespace bulkmsg::recipients {

enum class comparison : std::uint8_t {
  is,           // any type; one of `texts`, `numbers`, or `flag`
  is_not,       // the opposite of `is`
  contains,     // text
  starts_with,  // text
  greater,      // number
  less,
  before,  // date
  after,
  within_last_days,  // date: from `days` days before today up to today
  exists,            // any type; `flag` says whether it must or must not
};

struct condition {
  enum class kind : std::uint8_t {
    all,       // of `parts`; none is fulfilled by everybody
    any,       // of `parts`; none is fulfilled by nobody
    negation,  // of the one part
    attribute,
    label,  // has any of `texts`
  };
  kind what = kind::all;
  std::vector<condition> parts;

  recipients::attribute attribute;
  comparison how = comparison::is;
  std::vector<std::string> texts;  // text, date (canonical) and labels
  std::vector<double> numbers;
  std::int64_t days = 0;
  bool flag = false;
};

inline constexpr std::size_t segment_depth_max = 16;
inline constexpr std::size_t segment_conditions_max = 1000;
inline constexpr std::size_t segment_values_max = 4000;  // in all lists together
inline constexpr std::int64_t segment_days_max = 36'500;
inline constexpr std::size_t segment_json_bytes_max = std::size_t{1024} * 1024;

}  // namespace bulkmsg::recipients
