// Strict reading of a JSON object: unknown and repeated keys, wrong types and missing fields are refused with the path
// at which they stand, as the provider does.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sandbox {

using json = simdjson::dom::element;

/// Where a value stands in the document; rendered only when something is wrong there.
struct place {
  const place* parent = nullptr;
  std::string_view name;
  std::size_t index = npos;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  /// template['components'][0]['type'], the provider's spelling.
  std::string text() const;
};

/// The details of a refusal: `problem` said about the value at `at`.
[[noreturn]] void refuse(int code, const place& at, std::string_view problem);

class fields {
 public:
  /// Refuses (100) what is not an object, and keys which are not among `known` or come twice.
  fields(json value, place at, std::span<const std::string_view> known);
  fields(json value, place at, std::initializer_list<std::string_view> known)
      : fields(value, at, std::span(known.begin(), known.size())) {}

  const place& here() const { return at_; }
  place at(std::string_view key) const { return {&at_, key}; }

  bool has(std::string_view key) const { return find(key).has_value(); }
  std::optional<json> find(std::string_view key) const;
  json need(std::string_view key) const;  // 131008 when missing

  /// Not empty (131008) and at most `most` code points (100).
  std::string_view text(std::string_view key, std::size_t most = unlimited) const;
  std::optional<std::string_view> optional_text(std::string_view key, std::size_t most = unlimited) const;
  std::optional<bool> optional_flag(std::string_view key) const;
  simdjson::dom::array list(std::string_view key) const;

  static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

 private:
  simdjson::dom::object object_;
  place at_;
};

std::string_view need_text(json value, const place& at);

std::size_t code_points(std::string_view utf8);

}  // namespace sandbox
