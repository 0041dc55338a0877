#include "files.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace cli {

using bulkmsg::errc;

std::string file_text(const std::string& path, const char* what) {
  constexpr std::uintmax_t bytes_max = 4 << 20;  // far above any template
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

std::string content_text(const options& given) {
  return given.message_file.empty() ? file_text(given.template_file, "template (the provider's JSON)")
                                    : file_text(given.message_file, "message (JSON)");
}

bulkmsg::sender_settings read_sender_file(const std::string& path) {
  return need_of(path, bulkmsg::parse_sender_json(file_text(path, "sender file (JSON)")));
}

template_name template_name_of(const std::string& written) {
  const std::size_t colon = written.rfind(':');
  if (colon == std::string::npos) return {written, {}};
  return {written.substr(0, colon), written.substr(colon + 1)};
}

}  // namespace cli
