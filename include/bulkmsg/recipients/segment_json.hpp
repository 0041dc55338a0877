// Reads a segment's conditions from JSON; what they mean is in segment.hpp. Costs a simdjson include.
//
// Every error is errc::segment_malformed (too_large for the text as a whole); it names the condition by its place, as
// in `$.all[1].any[0]`, and says what is allowed there.
#pragma once

#include <simdjson.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/segment.hpp"

namespace bulkmsg::recipients {

namespace detail {

class segment_reader {
 public:
  using element = simdjson::dom::element;
  using object = simdjson::dom::object;
  using array = simdjson::dom::array;

  explicit segment_reader(std::span<const attribute> attributes) : attributes_(attributes) {}

  // `at` is the place of `json` in the whole.
  result<condition> read(element json, const std::string& at, std::size_t depth) {
    if (depth > segment_depth_max) {
      return malformed(at, "nested more than " + std::to_string(segment_depth_max) + " deep");
    }
    if (++conditions_ > segment_conditions_max) {
      return malformed(at, "more than " + std::to_string(segment_conditions_max) + " conditions");
    }
    object fields;
    if (json.get(fields) != simdjson::SUCCESS) return malformed(at, expected);
    if (fields.size() == 0) return malformed(at, expected);
    const auto first = *fields.begin();
    if (has(fields, "attribute")) return read_attribute(fields, at);
    if (fields.size() > 1) {
      return malformed(at, "holds " + std::to_string(fields.size()) + " members; " + std::string(expected));
    }
    if (first.key == "all") return read_list(condition::kind::all, first.value, at + ".all", depth);
    if (first.key == "any") return read_list(condition::kind::any, first.value, at + ".any", depth);
    if (first.key == "label") return read_labels(first.value, at + ".label");
    if (first.key == "not") {
      auto part = read(first.value, at + ".not", depth + 1);
      if (!part) return part;
      condition made;
      made.what = condition::kind::negation;
      made.parts.push_back(std::move(*part));
      return made;
    }
    return malformed(at, "'" + shown(first.key) + "' is not known; " + std::string(expected));
  }

 private:
  static constexpr std::string_view expected =
      "a condition is an object of one of these: \"all\" or \"any\" with a list of conditions, \"not\" with one, "
      "\"label\" with a label or a list of them, or \"attribute\" with a name and one comparison";

  static tl::unexpected<error> malformed(const std::string& at, std::string_view what) {
    return fail(errc::segment_malformed, "segment: " + at + ": " + std::string(what));
  }

  static std::string shown(std::string_view text) {
    std::string out(text.substr(0, 64));
    while (!out.empty() && out.size() < text.size() && (static_cast<unsigned char>(text[out.size()]) & 0xc0) == 0x80) {
      out.pop_back();
    }
    for (char& c : out) {
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return out;
  }

  static bool has(object fields, std::string_view key) { return fields[key].error() == simdjson::SUCCESS; }

  result<condition> read_list(condition::kind what, element json, const std::string& at, std::size_t depth) {
    array list;
    if (json.get(list) != simdjson::SUCCESS) return malformed(at, "must be a list of conditions");
    condition made;
    made.what = what;
    std::size_t i = 0;
    for (const element each : list) {
      auto part = read(each, at + "[" + std::to_string(i++) + "]", depth + 1);
      if (!part) return part;
      made.parts.push_back(std::move(*part));
    }
    return made;
  }

  // Calls `take` with the value, or with each of a list.
  template <class Take>
  result<void> each_value(element json, const std::string& at, Take&& take) {
    array list;
    if (json.get(list) != simdjson::SUCCESS) return counted(json, at, take);
    if (list.size() == 0) return malformed(at, "is an empty list; give at least one value");
    std::size_t i = 0;
    for (const element each : list) {
      if (auto ok = counted(each, at + "[" + std::to_string(i++) + "]", take); !ok) return ok;
    }
    return {};
  }
  template <class Take>
  result<void> counted(element json, const std::string& at, Take& take) {
    if (++values_ > segment_values_max) {
      return malformed(at, "more than " + std::to_string(segment_values_max) + " values in all");
    }
    return take(json, at);
  }

  static result<std::string> text_of(element json, const std::string& at) {
    std::string_view text;
    if (json.get(text) != simdjson::SUCCESS) return malformed(at, "must be a text");
    if (text.size() > attribute_value_max) {
      return malformed(at, "over " + std::to_string(attribute_value_max) + " bytes");
    }
    if (has_control_character(text)) return malformed(at, "holds a control character");
    return std::string(text);
  }

  result<condition> read_labels(element json, const std::string& at) {
    condition made;
    made.what = condition::kind::label;
    auto read = each_value(json, at, [&](element each, const std::string& where) -> result<void> {
      auto text = text_of(each, where);
      if (!text) return fail(text.error());
      if (!is_label(*text)) return malformed(where, "is not a label; one has 1 to 64 bytes without blanks at its ends");
      made.texts.push_back(std::move(*text));
      return {};
    });
    if (!read) return fail(read.error());
    return made;
  }

  struct operation {
    std::string_view word;
    comparison how;
    bool text, number, date, boolean;
    [[nodiscard]] bool takes(attribute_type t) const {
      return t == attribute_type::text     ? text
             : t == attribute_type::number ? number
             : t == attribute_type::date   ? date
                                           : boolean;
    }
  };
  static constexpr std::array<operation, 10> operations{{
      {"is", comparison::is, true, true, true, true},
      {"is_not", comparison::is_not, true, true, true, true},
      {"contains", comparison::contains, true, false, false, false},
      {"starts_with", comparison::starts_with, true, false, false, false},
      {"greater", comparison::greater, false, true, false, false},
      {"less", comparison::less, false, true, false, false},
      {"before", comparison::before, false, false, true, false},
      {"after", comparison::after, false, false, true, false},
      {"within_last_days", comparison::within_last_days, false, false, true, false},
      {"exists", comparison::exists, true, true, true, true},
  }};

  static std::string comparisons_of(attribute_type t) {
    std::string list;
    for (const operation& each : operations) {
      if (each.takes(t)) list += (list.empty() ? "" : ", ") + std::string(each.word);
    }
    return list;
  }

  result<condition> read_attribute(object fields, const std::string& at) {
    condition made;
    made.what = condition::kind::attribute;
    std::string_view wanted;
    if (fields["attribute"].get(wanted) != simdjson::SUCCESS) return malformed(at + ".attribute", "must be a name");
    const attribute* known = nullptr;
    for (const attribute& each : attributes_) {
      if (same_word(each.name, wanted)) known = &each;
    }
    if (known == nullptr) {
      std::string list;
      for (const attribute& each : attributes_) {
        if (list.size() > 300) {
          list += ", ...";
          break;
        }
        list += (list.empty() ? "" : ", ") + each.name;
      }
      return malformed(at + ".attribute", "no attribute is named '" + shown(wanted) +
                                              "' (there are: " + (list.empty() ? "none" : list) + ")");
    }
    made.attribute = *known;
    const std::string of_type = "'" + known->name + "' is " +
                                (known->type == attribute_type::text ? "text" : "a " + std::string(name(known->type))) +
                                " and has: " + comparisons_of(known->type);
    std::optional<std::pair<const operation*, element>> found;
    for (const auto [key, value] : fields) {
      if (key == "attribute") continue;
      const operation* is = nullptr;
      for (const operation& each : operations) {
        if (each.word == key) is = &each;
      }
      if (is == nullptr) return malformed(at, "'" + shown(key) + "' is no comparison; " + of_type);
      if (!is->takes(known->type)) return malformed(at, "'" + shown(key) + "' does not fit; " + of_type);
      if (found) return malformed(at, "two comparisons; write two conditions under \"all\" or \"any\"");
      found.emplace(is, value);
    }
    if (!found) return malformed(at, "no comparison; " + of_type);
    made.how = found->first->how;
    if (auto ok = read_value(made, found->second, at + "." + std::string(found->first->word)); !ok) {
      return fail(ok.error());
    }
    return made;
  }

  result<void> read_value(condition& made, element json, const std::string& at) {
    const attribute_type type = made.attribute.type;
    if (made.how == comparison::exists || type == attribute_type::boolean) {
      if (json.get(made.flag) != simdjson::SUCCESS) return malformed(at, "must be true or false");
      return {};
    }
    if (made.how == comparison::within_last_days) {
      if (json.get(made.days) != simdjson::SUCCESS || made.days < 0 || made.days > segment_days_max) {
        return malformed(at, "must be a whole number of days, 0 to " + std::to_string(segment_days_max));
      }
      return {};
    }
    const auto take = [&](element each, const std::string& where) -> result<void> {
      if (type == attribute_type::number) {
        double value = 0;
        if (each.get(value) != simdjson::SUCCESS) return malformed(where, "must be a number");
        made.numbers.push_back(value);
        return {};
      }
      auto text = text_of(each, where);
      if (!text) return fail(text.error());
      if (type == attribute_type::date && !read_date(*text, *text)) {
        return malformed(where, "must be a date, YYYY-MM-DD");
      }
      if (text->empty()) return malformed(where, "is empty; to find who has no value use \"exists\": false");
      made.texts.push_back(std::move(*text));
      return {};
    };
    if (made.how == comparison::is || made.how == comparison::is_not) return each_value(json, at, take);
    return counted(json, at, take);
  }

  std::span<const attribute> attributes_;
  std::size_t conditions_ = 0;
  std::size_t values_ = 0;
};

}  // namespace detail

// Reads conditions on these attributes. Errors: segment_malformed, too_large.
[[nodiscard]] inline result<condition> parse_segment_json(std::string_view json,
                                                          std::span<const attribute> attributes) {
  if (json.size() > segment_json_bytes_max) return fail(errc::too_large, "segment: more than 1 MiB of JSON");
  if (json.starts_with("\xef\xbb\xbf")) json.remove_prefix(3);
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto problem = parser.parse(json.data(), json.size()).get(document); problem != simdjson::SUCCESS) {
    return fail(problem == simdjson::MEMALLOC ? errc::out_of_memory : errc::segment_malformed,
                std::string("segment: $: not JSON (") + simdjson::error_message(problem) + ")");
  }
  return detail::segment_reader(attributes).read(document, "$", 1);
}

}  // namespace bulkmsg::recipients
