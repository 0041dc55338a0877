#include "phone.hpp"

namespace sandbox {

std::optional<std::string> phone_digits(std::string_view to) {
  if (to.starts_with('+')) to.remove_prefix(1);
  std::string digits;
  for (const char c : to) {
    if (c >= '0' && c <= '9') {
      if (digits.size() == 15) return std::nullopt;
      digits += c;
    } else if (c != ' ' && c != '-' && c != '(' && c != ')') {
      return std::nullopt;
    }
  }
  if (digits.size() < 7 || digits.front() == '0') return std::nullopt;
  return digits;
}

std::string wa_id_of(std::string_view digits) {
  std::string id(digits);
  if (id.starts_with("55") && id.size() == 13 && id[4] == '9') {
    const int area = (id[2] - '0') * 10 + (id[3] - '0');
    const bool keeps_ninth =
        (area >= 11 && area <= 19) || area == 21 || area == 22 || area == 24 || area == 27 || area == 28;
    if (!keeps_ninth) id.erase(4, 1);
  } else if (id.starts_with("52") && id.size() == 12) {
    id.insert(2, "1");
  } else if (id.starts_with("54") && id.size() == 12) {
    id.insert(2, "9");
  }
  return id;
}

}  // namespace sandbox
