// Files that the command line names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "exit.hpp"
#include "options.hpp"

namespace cli {

// A small file, whole. The bound is far above any template.
inline std::string file_text(const std::string& path, const char* what) {
  using bulkmsg::errc;
  constexpr std::uintmax_t bytes_max = 4 << 20;
  std::error_code why;
  const auto size = std::filesystem::file_size(path, why);
  if (why) {
    give_up(errc::file_unreadable, path + ": " + why.message() + "; give the path of a " + what);
  }
  if (size > bytes_max) {
    give_up(errc::too_large, path + ": over 4 MiB is too large for a " + std::string(what) + "; is it another file?");
  }
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) give_up(errc::file_unreadable, path + ": cannot be read; check its permissions");
  return text;
}

// The template or the own message that was named.
inline std::string content_text(const options& given) {
  return given.message_file.empty() ? file_text(given.template_file, "template (the provider's JSON)")
                                    : file_text(given.message_file, "message (JSON)");
}

// The library says "line 1: ..."; the person wants to know of which file.
template <class T>
T need_of(const std::string& path, bulkmsg::result<T>&& r) {
  if (!r && r.error().message.find(path) == std::string::npos) r.error().message = path + ": " + r.error().message;
  return need(std::move(r));
}

}  // namespace cli
