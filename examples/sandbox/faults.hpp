// What goes wrong on purpose. Every decision is a pure function of (seed, request number, purpose), so a run with the
// same seed and the same order of requests repeats itself exactly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

struct delay_range {
  std::int64_t min_ms = 0;
  std::int64_t max_ms = 0;
};

struct code_ratio {
  int code = 0;
  double ratio = 0;
};

struct faults {
  // On the way in and out of a message request.
  delay_range latency;
  std::vector<code_ratio> errors;
  double drop_before = 0;
  double drop_after = 0;
  double accept_then_502 = 0;
  double html_503 = 0;
  double truncate = 0;
  std::uint64_t close_after = 0;
  std::uint64_t expire_cursors = 0;  // so many more pages asked for by cursor are refused
  // What later becomes of an accepted message.
  std::vector<code_ratio> undelivered;
  double delivered_ratio = 1;
  double read_ratio = 0.5;
  delay_range webhook_delay{5, 50};
  double webhook_lose = 0;
  double webhook_late = 0;
  double webhook_duplicate = 0;
  bool webhook_shuffle = false;

  /// Sets one of the above by name ("drop_before", "latency", ...) from its command-line spelling.
  /// Throws std::invalid_argument for an unknown name or a bad value.
  void set(std::string_view name, std::string_view value);

  /// A perfect network and a perfect provider; ratios of delivered and read, and the webhook delay, stay.
  void switch_off();
};

/// One independent random number for each use; never share one between two decisions.
enum class purpose : std::uint64_t {
  drop_before = 1,
  drop_after,
  accept_then_502,
  html_503,
  truncate,
  error,
  latency,
  undelivered,
  delivered,
  read,
  lose,       // + status
  late = 32,  // + status
  duplicate = 48,
  webhook_delay = 64,
};

/// Uniform in [0, 1).
double draw(std::uint64_t seed, std::uint64_t number, purpose why, unsigned extra = 0);

std::int64_t draw_delay(const delay_range& range, double uniform);

/// The code whose share of [0, 1) holds `uniform`, or 0.
int draw_code(const std::vector<code_ratio>& shares, double uniform);

/// "20..80", or "20" for both ends.
delay_range parse_delay_range(std::string_view text);

/// "131049:0.1,131026:0.02"; the shares may not exceed 1 together.
std::vector<code_ratio> parse_code_ratios(std::string_view text);

}  // namespace sandbox
