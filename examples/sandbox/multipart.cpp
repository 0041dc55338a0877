#include "multipart.hpp"

#include <algorithm>
#include <cctype>
#include <string>

namespace sandbox {
namespace {

constexpr std::size_t most_parts = 16;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

/// `key="value"` or `key=value` among parameters separated by ';'.
std::string_view parameter(std::string_view header, std::string_view key) {
  for (auto at = header.find(';'); at != header.npos; at = header.find(';', at + 1)) {
    auto rest = header.substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.size() <= key.size() || rest[key.size()] != '=' || !equal_ignoring_case(rest.substr(0, key.size()), key))
      continue;
    rest.remove_prefix(key.size() + 1);
    if (rest.starts_with('"')) return rest.substr(1, rest.find('"', 1) - 1);
    return rest.substr(0, rest.find_first_of("; \t"));
  }
  return {};
}

}  // namespace

std::optional<std::vector<form_part>> parse_form(std::string_view content_type, std::string_view body) {
  if (!equal_ignoring_case(content_type.substr(0, 19), "multipart/form-data")) return std::nullopt;
  const auto boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) return std::nullopt;
  const std::string delimiter = "--" + std::string(boundary);
  const std::string end_of_part = "\r\n" + delimiter;

  std::vector<form_part> parts;
  auto at = body.find(delimiter);
  if (at == body.npos) return std::nullopt;
  at += delimiter.size();
  while (body.substr(at, 2) == "\r\n" && parts.size() < most_parts) {
    at += 2;
    const auto head_end = body.find("\r\n\r\n", at);
    if (head_end == body.npos) return std::nullopt;
    const auto value_end = body.find(end_of_part, head_end + 2);  // an empty value shares a line end with the head
    if (value_end == body.npos) return std::nullopt;
    auto& part = parts.emplace_back();
    part.value = body.substr(head_end + 4, value_end < head_end + 4 ? 0 : value_end - head_end - 4);
    for (auto head = body.substr(at, head_end - at); !head.empty();) {
      const auto line = head.substr(0, head.find("\r\n"));
      head.remove_prefix(std::min(line.size() + 2, head.size()));
      const auto colon = line.find(':');
      if (colon == line.npos) continue;
      auto value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
      if (equal_ignoring_case(line.substr(0, colon), "content-disposition")) {
        part.name = parameter(value, "name");
        part.file_name = parameter(value, "filename");
      } else if (equal_ignoring_case(line.substr(0, colon), "content-type")) {
        part.content_type = value;
      }
    }
    at = value_end + end_of_part.size();
  }
  if (body.substr(at, 2) != "--") return std::nullopt;
  return parts;
}

}  // namespace sandbox
