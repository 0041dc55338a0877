// The reading rule of recipients/phone.hpp once more, slow and plain: strings, and the numbering plans as they are
// written. Shares no code with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/recipients/numbering_plan.hpp"

namespace bulkmsg::recipients::naive {

inline std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> all;
  std::string word;
  for (const char c : std::string(list) + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      all.push_back(std::exchange(word, ""));
    }
  }
  return all;
}

// The place of a region in the plan; of its main region, for the lengths.
inline std::size_t place_of(std::string_view letters) {
  std::size_t i = 0;
  while (numbering_plan[i].region != letters) ++i;
  return i;
}
inline std::size_t main_place(std::size_t i) {
  while (numbering_plan[i].usual.empty()) --i;
  return i;
}

inline bool digit_in(char digit, const std::string& set) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i] == digit) return true;
    if (i + 2 < set.size() && set[i + 1] == '-' && digit > set[i] && digit <= set[i + 2]) return true;
  }
  return false;
}

inline bool has_length(const std::string& number, std::string_view list, int code) {
  if (number.empty() || std::to_string(code).size() + number.size() > 15) return false;
  for (std::string word : words(list)) {
    std::string set = "1-9";
    if (word[0] == '[') {
      set = word.substr(1, word.find(']') - 1);
      word = word.substr(word.find(']') + 1);
    }
    const std::size_t dash = word.find('-');
    const auto low = static_cast<std::size_t>(std::stoi(word));
    const auto high = dash == std::string::npos ? low : static_cast<std::size_t>(std::stoi(word.substr(dash + 1)));
    if (digit_in(number[0], set) && number.size() >= low && number.size() <= high) return true;
  }
  return false;
}

inline bool fits(std::size_t place, const std::string& number, bool any_length) {
  const numbering_row& row = numbering_plan[main_place(place)];
  return has_length(number, row.usual, row.code) || (any_length && has_length(number, row.also, row.code));
}

// What follows a prefix of digits and x; nothing when the text does not begin so, or ends there.
inline std::optional<std::string> behind(const std::string& text, const std::string& prefix) {
  if (text.size() <= prefix.size()) return {};
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (prefix[i] != 'x' && prefix[i] != text[i]) return {};
  }
  return text.substr(prefix.size());
}

inline std::optional<std::string> whole(std::size_t place, const std::string& number, bool any_length) {
  if (fits(place, number, any_length)) return number;
  const std::string local(numbering_plan[place].local);
  if (!local.empty() && fits(place, local + number, any_length)) return local + number;
  return {};
}

inline std::optional<std::string> national(std::size_t place, const std::string& digits, bool any_length) {
  if (const auto number = whole(place, digits, any_length)) return number;
  for (const std::string& trunk : words(numbering_plan[place].trunk)) {
    const auto rest = behind(digits, trunk);
    const auto number = rest ? whole(place, *rest, any_length) : std::nullopt;
    if (number) return number;
  }
  if (numbering_plan[place].code != 54) return {};
  std::string mobile = digits;
  if (mobile.size() == 13 && mobile[0] == '0') mobile.erase(0, 1);
  if (mobile.size() != 12) return {};
  for (const std::size_t area : {2U, 3U, 4U}) {
    if (area == 2 && !mobile.starts_with("11")) continue;
    if (mobile.substr(area, 2) == "15") return "9" + mobile.erase(area, 2);
  }
  return {};
}

// zero: where the digits have a zero that was alone in brackets, or npos.
inline std::optional<std::string> international(const std::string& digits, bool any_length, std::size_t zero) {
  for (std::size_t i = 0; i < std::size(numbering_plan); ++i) {
    const std::string code = std::to_string(numbering_plan[i].code);
    if (numbering_plan[i].usual.empty() || digits.size() < 3 || !digits.starts_with(code)) continue;
    const std::string rest = digits.substr(code.size());
    if (const auto number = national(i, rest, any_length)) return code + *number;
    if (zero == code.size() && rest.size() > 1 && fits(i, rest.substr(1), any_length)) return code + rest.substr(1);
  }
  return {};
}

// text: of digits, blanks and brackets, perhaps with one + at the start. letters: a region, or empty.
inline std::optional<std::string> read(const std::string& text, const std::string& letters) {
  std::string digits;
  std::size_t zero = std::string::npos;
  bool plus = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "(0)") zero = digits.size();
    if (text[i] == '+' && (plus || !digits.empty())) return {};
    if (text[i] == '+') plus = true;
    if (text[i] >= '0' && text[i] <= '9') digits += text[i];
  }
  if (digits.size() > 19) return {};
  if (plus) return international(digits, true, zero);
  const auto abroad = [&](const std::string& prefix) -> std::optional<std::string> {
    const auto rest = behind(digits, prefix);
    const bool within = zero != std::string::npos && zero >= prefix.size();
    return rest ? international(*rest, true, within ? zero - prefix.size() : std::string::npos) : std::nullopt;
  };
  if (letters.empty()) return digits.starts_with("00") ? abroad("00") : international(digits, true, zero);

  const std::size_t place = place_of(letters);
  const std::string code = std::to_string(numbering_plan[place].code);
  for (const std::string& prefix : words(numbering_plan[place].international)) {
    if (prefix == "00") continue;
    if (const auto number = abroad(prefix)) return number;
  }
  if (const auto number = abroad("00")) return number;
  const auto own = [&](bool any_length) -> std::optional<std::string> {
    const auto rest = behind(digits, code);
    const auto number = rest ? whole(place, *rest, any_length) : std::nullopt;
    return number ? std::optional(code + *number) : std::nullopt;
  };
  const auto home = [&](bool any_length) -> std::optional<std::string> {
    const auto number = national(place, digits, any_length);
    return number ? std::optional(code + *number) : std::nullopt;
  };
  if (!numbering_plan[place].trunk.empty()) {
    if (const auto number = own(false)) return number;
  }
  if (const auto number = home(false)) return number;
  if (const auto number = international(digits, false, zero)) return number;
  if (const auto number = own(true)) return number;
  if (const auto number = home(true)) return number;
  return international(digits, true, zero);
}

}  // namespace bulkmsg::recipients::naive
