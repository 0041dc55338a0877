// Addresses: whom a message can be written to, and the one text form that stores, reports and the API share.
//
//   +4915112345678   a phone number          group:Y2FwaV9n...   a WhatsApp group
//   user:US.134912   a provider's user id    chat:-1001234       a chat of a chat platform
//
//   address_verdict v = parse_address("group:Y2FwaV9n", rules);   // v.kind == address_kind::group
//
// No allocation and no result<>: this runs once per row of files with millions. Thread: any.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/phone.hpp"

namespace bulkmsg::recipients {

enum class address_kind : std::uint8_t {
  phone,
  group,
  user,
  chat
};

// Ids are the provider's own, printable ASCII but blanks, quotes and what separates lists (, and ;). The longest known
// one is a parent user id of 135 characters.
inline constexpr std::size_t address_id_max = 160;

// Which kinds a sender's channel can reach.
class address_kinds {
 public:
  static constexpr address_kinds all() noexcept { return address_kinds(0b1111); }
  static constexpr address_kinds only(address_kind kind) noexcept { return address_kinds(0).with(kind); }
  [[nodiscard]] constexpr address_kinds with(address_kind kind) const noexcept {
    return address_kinds(bits_ | 1U << static_cast<unsigned>(kind));
  }
  [[nodiscard]] constexpr bool has(address_kind kind) const noexcept {
    return (bits_ >> static_cast<unsigned>(kind) & 1U) != 0;
  }

 private:
  explicit constexpr address_kinds(unsigned bits) noexcept : bits_(bits) {}
  unsigned bits_;
};

struct address_rules {
  region default_region = {};               // where numbers without a country are from; empty: they are refused
  address_kind bare = address_kind::phone;  // what is written without a prefix: phone or chat
  address_kinds allowed = address_kinds::all();
};

class address_verdict;
[[nodiscard]] address_verdict parse_address_of(address_kind kind, std::string_view written,
                                               const address_rules& rules) noexcept;

// What came of a written address.
class address_verdict {
 public:
  errc code = errc::ok;                     // ok, address_malformed, address_not_for_channel, or one of phone_*
  address_kind kind = address_kind::phone;  // what it was read as
  phone number;                             // kind phone, when ok
  region where;                             // kind phone, not ok: the country whose numbers it is not like, if known

  // The text form, when ok; valid as long as this.
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  friend address_verdict parse_address_of(address_kind, std::string_view, const address_rules&) noexcept;
  void append(std::string_view part) noexcept {
    std::memcpy(text_.data() + size_, part.data(), part.size());
    size_ += part.size();
  }

  std::size_t size_ = 0;
  std::array<char, address_id_max + 8> text_;  // uninitialised beyond size_: this is made once per row
};

// "+", or "group:", "user:", "chat:".
[[nodiscard]] constexpr std::string_view address_prefix(address_kind kind) noexcept {
  switch (kind) {
    case address_kind::group:
      return "group:";
    case address_kind::user:
      return "user:";
    case address_kind::chat:
      return "chat:";
    default:
      return "+";
  }
}

namespace detail {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Blanks and line breaks at both ends away.
constexpr std::string_view trimmed(std::string_view text) noexcept {
  if (!text.empty() && text.front() > ' ' && text.back() > ' ') return text;  // the common case, ASCII only
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Equal but for the case of ASCII letters.
constexpr bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

constexpr bool is_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > address_id_max) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == ',' || c == ';' || c == '"') return false;
  }
  return true;
}

// "US.13491208655302741918": a country, a dot, letters and digits in one part or more.
constexpr bool is_user_id(std::string_view text) noexcept {
  if (text.size() < 4 || text.size() > address_id_max || text[2] != '.' || text.back() == '.') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool capital = c >= 'A' && c <= 'Z';
    if (i < 2 ? !capital : !capital && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.') return false;
  }
  return true;
}

constexpr std::optional<address_kind> prefixed_kind(std::string_view text) noexcept {
  for (const address_kind kind : {address_kind::group, address_kind::user, address_kind::chat}) {
    const std::string_view prefix = address_prefix(kind);
    if (text.size() >= prefix.size() && same_name(text.substr(0, prefix.size()), prefix)) return kind;
  }
  return std::nullopt;
}

}  // namespace detail

// Reads an address that is known to be of this kind, with or without its prefix: a cell of the column `group_id`, say.
[[nodiscard]] inline address_verdict parse_address_of(address_kind kind, std::string_view written,
                                                      const address_rules& rules) noexcept {
  address_verdict verdict;
  verdict.kind = kind;
  if (kind == address_kind::phone) {
    // As most lists have it: the number's text form as it is.
    if (written.starts_with('+')) {
      if (const auto plain = detail::plain_number(written); plain != 0) {
        verdict.number = {plain};
        // Two pieces of eight, which overlap: 9 to 16 characters.
        std::memcpy(verdict.text_.data(), written.data(), 8);
        std::memcpy(verdict.text_.data() + written.size() - 8, written.data() + written.size() - 8, 8);
        verdict.size_ = written.size();
        if (!rules.allowed.has(kind)) verdict.code = errc::address_not_for_channel;
        return verdict;
      }
    }
    const phone_verdict number = parse_phone(written, rules.default_region);
    verdict.where = number.where;
    verdict.code = number.code;
    if (number.code == errc::ok) {
      verdict.number = number.number;
      char* const text = verdict.text_.data();
      *text = '+';
      const auto end = std::to_chars(text + 1, text + verdict.text_.size(), number.number.digits).ptr;
      verdict.size_ = static_cast<std::size_t>(end - text);
    }
  } else {
    std::string_view id = detail::trimmed(written);
    if (detail::prefixed_kind(id) == kind) id = detail::trimmed(id.substr(address_prefix(kind).size()));
    if (kind == address_kind::user ? detail::is_user_id(id) : detail::is_id(id)) {
      verdict.append(address_prefix(kind));
      verdict.append(id);
    } else {
      verdict.code = errc::address_malformed;
    }
  }
  if (verdict.code == errc::ok && !rules.allowed.has(kind)) verdict.code = errc::address_not_for_channel;
  return verdict;
}

// Reads an address of any kind: with a prefix what it says (in any case of letters), else rules.bare.
[[nodiscard]] inline address_verdict parse_address(std::string_view written, const address_rules& rules = {}) noexcept {
  const std::string_view text = detail::trimmed(written);
  return parse_address_of(detail::prefixed_kind(text).value_or(rules.bare), text, rules);
}

// Who it is, as a number: for phones the deduplication key, the same however the person's number is written; for all
// others a hash of the text form with the top bit set, the same on every machine and in every release, since it is
// stored. `canonical`: as address_verdict::text() gives it.
[[nodiscard]] constexpr std::uint64_t person_key(std::string_view canonical) noexcept {
  if (canonical.starts_with('+')) {
    std::uint64_t digits = 0;
    for (const char c : canonical.substr(1)) digits = digits * 10 + static_cast<unsigned>(c - '0');
    return deduplication_key(phone{digits});
  }
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : canonical) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash ^= hash >> 32;
  hash *= 0x9fb21c651e98df25U;
  hash ^= hash >> 28;
  return hash | std::uint64_t{1} << 63;
}
[[nodiscard]] inline std::uint64_t person_key(const address_verdict& good) noexcept {
  return good.kind == address_kind::phone ? deduplication_key(good.number) : person_key(good.text());
}

// A sentence for people: what is wrong and what to do. Empty for codes that parse_address does not give.
[[nodiscard]] constexpr std::string_view address_advice(errc code, address_kind kind) noexcept {
  if (code == errc::address_malformed) {
    switch (kind) {
      case address_kind::group:
        return "not a group id; it is what the provider gave for the group, without blanks, commas or quotes";
      case address_kind::user:
        return "not a user id; it is a country, a dot, letters and digits, such as US.13491208655302741918";
      default:
        return "not a chat id; it is what the chat platform gave for the chat, without blanks, commas or quotes";
    }
  }
  if (code == errc::address_not_for_channel) {
    switch (kind) {
      case address_kind::group:
        return "the sender's channel cannot write to groups; use another sender or leave the row out";
      case address_kind::user:
        return "the sender's channel cannot write to user ids; give a phone number or use another sender";
      case address_kind::chat:
        return "the sender's channel cannot write to chats of chat platforms; use another sender";
      default:
        return "the sender's channel cannot write to phone numbers; give chat ids or use another sender";
    }
  }
  return phone_advice(code);
}

// The same for a verdict that is not ok; names the country whose numbers have other lengths. Allocates.
[[nodiscard]] inline std::string address_advice(const address_verdict& verdict) {
  if (verdict.kind == address_kind::phone && !verdict.where.empty()) {
    return phone_advice(phone_verdict{verdict.code, {}, verdict.where});
  }
  return std::string(address_advice(verdict.code, verdict.kind));
}

}  // namespace bulkmsg::recipients
