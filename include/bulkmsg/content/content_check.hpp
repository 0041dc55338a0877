// A list of words and links that are not to be sent, or that somebody should look at first.
//
//   # one rule a line: warn or block, then words or a link
//   block free money
//   warn  gratis
//   block bit.ly
//   warn  https://x.example/old
//
//   auto check = content_check::parse(text);
//   check->look("Get FREE money now", [](const content_rule& rule) { ... });
//
// Words match whole words, one after the other with anything but letters and digits between, in any case (ASCII,
// Latin-1, Greek and Cyrillic letters). A rule with a dot in it and no blank is a link: it matches addresses on that
// host and the hosts below it (www.bit.ly), and below its path when it has one; with or without https://.
//
// Thread: const members may be called at the same time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::content {

struct content_rule {
  bool blocks = false;  // else it warns
  std::string text;     // as written
};

inline constexpr std::size_t content_rules_bytes_max = std::size_t{1024} * 1024;

namespace detail {

// The code point at `at`, which moves past it. Broken UTF-8 gives its bytes.
inline std::uint32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(at++);
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
  if (more == 0) return first;
  std::uint32_t value = first & (0x3fU >> more);
  for (int i = 0; i < more; ++i) {
    if (at == text.size() || (byte(at) & 0xc0U) != 0x80U) return first;
    value = value << 6 | (byte(at++) & 0x3fU);
  }
  return value;
}

inline std::uint32_t lower_code_point(std::uint32_t c) noexcept {
  const auto in = [c](std::uint32_t first, std::uint32_t last) { return c >= first && c <= last; };
  if (in('A', 'Z')) return c + 0x20;
  if (in(0xc0, 0xde) && c != 0xd7) return c + 0x20;
  if (in(0x391, 0x3a9) || in(0x410, 0x42f)) return c + 0x20;
  if (in(0x400, 0x40f)) return c + 0x50;
  return c;
}

inline bool is_word_code_point(std::uint32_t c) noexcept {
  if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'z');
  if (c < 0xc0) return c == 0xaa || c == 0xb5 || c == 0xba;
  if (c == 0xd7 || c == 0xf7) return false;
  const auto in = [c](std::uint32_t first, std::uint32_t last) { return c >= first && c <= last; };
  return !in(0x2000, 0x2bff) && !in(0x3000, 0x303f) && !in(0xff01, 0xff0f) && c < 0x1f000;
}

inline void append_utf8(std::string& out, std::uint32_t c) {
  const auto byte = [&out](std::uint32_t b) { out.push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
  }
}

// Words of a text in lower case, as views into `folded`.
inline std::vector<std::string_view> folded_words(std::string_view text, std::string& folded) {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  folded.clear();
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_code_point(text, at);
    const bool word = is_word_code_point(c);
    if (word && !inside) places.emplace_back(folded.size(), 0);
    if (word) append_utf8(folded, lower_code_point(c));
    if (!word && inside) places.back().second = folded.size();
    inside = word;
  }
  if (inside) places.back().second = folded.size();
  std::vector<std::string_view> words;
  words.reserve(places.size());
  for (const auto& [first, last] : places) words.push_back(std::string_view(folded).substr(first, last - first));
  return words;
}

// Host in lower case, and the path with its slash; an empty host: not a web address.
struct web_address {
  std::string host;
  std::string_view path;
};

inline web_address split_address(std::string_view written) {
  web_address made;
  const std::size_t scheme = written.find("://");
  if (scheme != std::string_view::npos) written.remove_prefix(scheme + 3);
  const std::size_t end = std::min(written.find_first_of("/?#"), written.size());
  std::string_view host = written.substr(0, end);
  if (const std::size_t user = host.rfind('@'); user != std::string_view::npos) {
    if (scheme == std::string_view::npos) return made;  // an e-mail address
    host.remove_prefix(user + 1);
  }
  host = host.substr(0, host.find(':'));
  while (!host.empty() && host.back() == '.') host.remove_suffix(1);
  if (host.find('.') == std::string_view::npos) return made;
  for (const char c : host) made.host += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  made.path = written.substr(end);
  return made;
}

}  // namespace detail

class content_check {
 public:
  // Errors: invalid_argument (with the line), too_large (1 MiB). An empty list finds nothing.
  static result<content_check> parse(std::string_view text) {
    if (text.size() > content_rules_bytes_max) return fail(errc::too_large, "content rules: more than 1 MiB");
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    content_check made;
    std::size_t line = 0;
    while (!text.empty()) {
      ++line;
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view written = trimmed(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (written.empty() || written.front() == '#') continue;
      const std::size_t blank = std::min(written.find_first_of(" \t"), written.size());
      const std::string_view verb = written.substr(0, blank);
      content_rule rule{verb == "block", std::string(trimmed(written.substr(blank)))};
      if ((verb != "block" && verb != "warn") || rule.text.empty() || !made.add(std::move(rule))) {
        return fail(errc::invalid_argument, "content rules, line " + std::to_string(line) + ": '" +
                                                std::string(written.substr(0, 60)) +
                                                "' is not `warn` or `block` followed by words or a link");
      }
    }
    return made;
  }

  [[nodiscard]] const std::vector<content_rule>& rules() const noexcept { return rules_; }

  // Calls found(rule) for every match; one rule may be found more than once.
  template <class Found>
  void look(std::string_view text, Found&& found) const {
    if (!by_first_word_.empty()) {
      std::string folded;
      const auto words = detail::folded_words(text, folded);
      for (std::size_t i = 0; i < words.size(); ++i) {
        const auto candidates = by_first_word_.find(words[i]);
        if (candidates == by_first_word_.end()) continue;
        for (const phrase& each : candidates->second) {
          if (each.words.size() > words.size() - i) continue;
          if (std::equal(each.words.begin(), each.words.end(), words.begin() + static_cast<std::ptrdiff_t>(i))) {
            found(rules_[each.rule]);
          }
        }
      }
    }
    if (!links_.empty()) look_for_links(text, found);
  }

 private:
  struct phrase {
    std::size_t rule = 0;
    std::vector<std::string> words;
  };
  struct link {
    std::size_t rule = 0;
    std::string host, path;
  };
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  static std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  }

  bool add(content_rule rule) {
    const std::size_t index = rules_.size();
    const bool is_link =
        rule.text.find_first_of(" \t") == std::string::npos && rule.text.find('.') != std::string::npos;
    if (is_link) {
      auto address = detail::split_address(rule.text);
      if (address.host.empty()) return false;
      std::string path(address.path);
      while (!path.empty() && path.back() == '/') path.pop_back();
      links_.push_back({index, std::move(address.host), std::move(path)});
    } else {
      std::string folded;
      const auto words = detail::folded_words(rule.text, folded);
      if (words.empty()) return false;
      by_first_word_[std::string(words.front())].push_back({index, {words.begin(), words.end()}});
    }
    rules_.push_back(std::move(rule));
    return true;
  }

  template <class Found>
  void look_for_links(std::string_view text, Found&& found) const {
    constexpr std::string_view around = " \t\r\n<>\"'()[]{},|*";
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find_first_of(around, at), text.size());
      std::string_view piece = text.substr(at, end - at);
      at = end + 1;
      while (!piece.empty() && std::string_view(".;:!?_~").find(piece.back()) != std::string_view::npos) {
        piece.remove_suffix(1);
      }
      if (piece.find('.') == std::string_view::npos) continue;
      const auto address = detail::split_address(piece);
      if (address.host.empty()) continue;
      for (const link& each : links_) {
        if (!address.host.ends_with(each.host)) continue;
        const std::size_t above = address.host.size() - each.host.size();
        if (above > 0 && address.host[above - 1] != '.') continue;
        const bool below = address.path.starts_with(each.path) &&
                           (each.path.empty() || address.path.size() == each.path.size() ||
                            std::string_view("/?#").find(address.path[each.path.size()]) != std::string_view::npos);
        if (below) found(rules_[each.rule]);
      }
    }
  }

  std::vector<content_rule> rules_;
  std::unordered_map<std::string, std::vector<phrase>, text_hash, std::equal_to<>> by_first_word_;
  std::vector<link> links_;
};

}  // namespace bulkmsg::content
