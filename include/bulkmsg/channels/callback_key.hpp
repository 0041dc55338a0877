// The key every message carries (biz_opaque_callback_data) and every receipt brings back: which store, campaign,
// message and attempt it was.
//
//   "b1.1z141z3.c.2.rs.1": format 1, then store, campaign, lane, sequence and attempt, each in base 36
//
// At most 48 bytes of the 256 that every API version takes, and nothing personal in it. The store's id keeps two
// engines on one account apart; keys of other makers do not parse.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "bulkmsg/base/ids.hpp"

namespace bulkmsg::channels {

struct callback_key {
  std::uint64_t store = 0;
  std::int64_t campaign = 0;  // not negative
  message_id message;         // lane not negative
  std::uint32_t attempt = 0;

  static constexpr std::size_t size_max = 3 + 13 + 1 + 13 + 1 + 6 + 1 + 7 + 1 + 7;

  // Appends the key's text; at most size_max bytes.
  void append_to(std::string& out) const {
    char text[size_max + 1] = {'b', '1'};
    char* at = text + 2;
    at = append_field(at, store);
    at = append_field(at, static_cast<std::uint64_t>(campaign));
    at = append_field(at, static_cast<std::uint32_t>(message.lane));
    at = append_field(at, message.sequence);
    at = append_field(at, attempt);
    out.append(text, static_cast<std::size_t>(at - text));
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    append_to(out);
    return out;
  }

  // Reads exactly what append_to writes, no other spelling of it; nothing for anything else.
  [[nodiscard]] static std::optional<callback_key> parse(std::string_view text) noexcept {
    if (text.size() > size_max || !text.starts_with("b1")) return std::nullopt;
    text.remove_prefix(2);
    std::uint64_t fields[5];
    constexpr std::uint64_t max[5] = {
        std::numeric_limits<std::uint64_t>::max(), static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()),
        static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()), std::numeric_limits<std::uint32_t>::max(),
        std::numeric_limits<std::uint32_t>::max()};
    for (std::size_t i = 0; i < 5; ++i) {
      if (text.size() < 2 || text[0] != '.') return std::nullopt;
      text.remove_prefix(1);
      const std::size_t size = std::min(text.find('.'), text.size());
      for (const char c : text.substr(0, size)) {  // from_chars would take capitals
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) return std::nullopt;
      }
      if (size == 0 || (size > 1 && text[0] == '0')) return std::nullopt;
      const auto [end, problem] = std::from_chars(text.data(), text.data() + size, fields[i], 36);
      if (problem != std::errc() || end != text.data() + size || fields[i] > max[i]) return std::nullopt;
      text.remove_prefix(size);
    }
    if (!text.empty()) return std::nullopt;
    return callback_key{fields[0], static_cast<std::int64_t>(fields[1]),
                        message_id{static_cast<std::int32_t>(fields[2]), static_cast<std::uint32_t>(fields[3])},
                        static_cast<std::uint32_t>(fields[4])};
  }

  friend constexpr bool operator==(const callback_key&, const callback_key&) = default;

 private:
  static char* append_field(char* at, std::uint64_t value) noexcept {
    *at++ = '.';
    return std::to_chars(at, at + 13, value, 36).ptr;
  }
};

}  // namespace bulkmsg::channels
