#include "content_check.hpp"

#include <algorithm>
#include <charconv>

namespace sandbox {

void check_web_link(std::string_view link, const place& at) {
  const bool http = link.starts_with("http://");
  const bool web = http || link.starts_with("https://");
  const auto rest = web ? link.substr(http ? 7 : 8) : std::string_view{};
  const bool clean =
      std::none_of(link.begin(), link.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
  if (!web || !clean || rest.empty() || rest.front() == '/') refuse(100, at, "is not a valid URI.");
}

void check_media_source(const fields& object) {
  const bool id = object.has("id");
  const bool link = object.has("link");
  if (id && link) refuse(100, object.here(), "must have only one of id and link.");
  if (!id && !link) refuse(131008, object.here(), "must have an id or a link.");
  if (link) {
    check_web_link(object.text("link"), object.at("link"));
    return;
  }
  const auto value = object.text("id", 64);
  if (value.find_first_not_of("0123456789") != value.npos) refuse(100, object.at("id"), "is not a valid media ID.");
}

void check_coordinate(const fields& location, std::string_view key, double most) {
  const json value = location.need(key);
  double number = 0;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) refuse(100, location.at(key), "must be a number.");
  } else if (value.get(number) != simdjson::SUCCESS) {
    refuse(100, location.at(key), "must be a number.");
  }
  if (!(number >= -most && number <= most)) refuse(131009, location.at(key), "is out of range.");
}

}  // namespace sandbox
