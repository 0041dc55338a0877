// The judge: one line for each accepted request, on file before the first byte of the answer leaves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox {

class send_log {
 public:
  /// An empty path keeps no log. Throws std::system_error when the file cannot be opened.
  explicit send_log(const std::string& path);
  ~send_log();
  send_log(const send_log&) = delete;
  send_log& operator=(const send_log&) = delete;

  bool kept() const { return descriptor_ >= 0; }

  /// Exactly one write(2); throws std::system_error when the line is not whole in the file, because a judge that
  /// misses a line is worse than none.
  void append(std::int64_t unix_ms, std::string_view to, std::string_view wamid, std::string_view callback,
              std::string_view body, std::string_view template_name);

 private:
  int descriptor_ = -1;
  std::string line_;
};

}  // namespace sandbox
