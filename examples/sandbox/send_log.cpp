#include "send_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "crypto.hpp"
#include "json_text.hpp"

namespace sandbox {

send_log::send_log(const std::string& path) {
  if (path.empty()) return;
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "log file " + path);
}

send_log::~send_log() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void send_log::append(std::int64_t unix_ms, std::string_view to, std::string_view wamid, std::string_view callback,
                      std::string_view body, std::string_view template_name) {
  if (!kept()) return;
  line_ = R"({"time":)" + std::to_string(unix_ms) + R"(,"to":)";
  append_quoted(line_, to);
  line_ += R"(,"wamid":)";
  append_quoted(line_, wamid);
  line_ += R"(,"callback":)";
  append_quoted(line_, callback);
  line_ += R"(,"body_sha256":")" + sha256_hex(body) + R"(","template":)";
  append_quoted(line_, template_name);
  line_ += "}\n";
  const auto written = ::write(descriptor_, line_.data(), line_.size());
  if (written < 0) throw std::system_error(errno, std::generic_category(), "log file");
  if (static_cast<std::size_t>(written) != line_.size()) {
    throw std::system_error(ENOSPC, std::generic_category(), "log file: short write");
  }
}

}  // namespace sandbox
