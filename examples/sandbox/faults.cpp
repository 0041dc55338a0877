#include "faults.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace sandbox {
namespace {

[[noreturn]] void bad(std::string_view what, std::string_view text) {
  throw std::invalid_argument(std::string(what) + ", got \"" + std::string(text) + "\"");
}

template <class Number>
Number parse_number(std::string_view text, std::string_view what) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) bad(what, text);
  return number;
}

double parse_ratio(std::string_view text) {
  const double ratio = parse_number<double>(text, "a ratio is a number from 0 to 1");
  if (!std::isfinite(ratio) || ratio < 0 || ratio > 1) bad("a ratio is a number from 0 to 1", text);
  return ratio;
}

std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

double draw(std::uint64_t seed, std::uint64_t number, purpose why, unsigned extra) {
  const std::uint64_t bits = mix(mix(mix(seed) ^ number) ^ (static_cast<std::uint64_t>(why) + extra));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

std::int64_t draw_delay(const delay_range& range, double uniform) {
  return range.min_ms + static_cast<std::int64_t>(uniform * static_cast<double>(range.max_ms - range.min_ms + 1));
}

int draw_code(const std::vector<code_ratio>& shares, double uniform) {
  for (const auto& share : shares) {
    if (uniform < share.ratio) return share.code;
    uniform -= share.ratio;
  }
  return 0;
}

delay_range parse_delay_range(std::string_view text) {
  constexpr std::string_view what = "a delay is MS or MS..MS, at most 86400000";
  const auto dots = text.find("..");
  const auto low = parse_number<std::int64_t>(text.substr(0, dots), what);
  const auto high = dots == text.npos ? low : parse_number<std::int64_t>(text.substr(dots + 2), what);
  if (low < 0 || high < low || high > 86'400'000) bad(what, text);
  return {low, high};
}

std::vector<code_ratio> parse_code_ratios(std::string_view text) {
  std::vector<code_ratio> shares;
  double sum = 0;
  while (!text.empty()) {
    const auto item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const auto colon = item.find(':');
    if (colon == item.npos) bad("expected CODE:RATIO", item);
    const int code = parse_number<int>(item.substr(0, colon), "an error code is a whole number");
    if (code <= 0) bad("an error code is positive", item);
    shares.push_back({code, parse_ratio(item.substr(colon + 1))});
    sum += shares.back().ratio;
  }
  if (sum > 1 + 1e-9) throw std::invalid_argument("the ratios of all codes together exceed 1");
  return shares;
}

void faults::set(std::string_view name, std::string_view value) {
  const std::pair<std::string_view, double*> ratios[] = {
      {"drop_before", &drop_before},
      {"drop_after", &drop_after},
      {"accept_then_502", &accept_then_502},
      {"html_503", &html_503},
      {"truncate", &truncate},
      {"delivered_ratio", &delivered_ratio},
      {"read_ratio", &read_ratio},
      {"webhook_lose", &webhook_lose},
      {"webhook_late", &webhook_late},
      {"webhook_duplicate", &webhook_duplicate},
  };
  for (const auto& [known, ratio] : ratios) {
    if (name == known) {
      *ratio = parse_ratio(value);
      return;
    }
  }
  if (name == "latency") {
    latency = parse_delay_range(value);
  } else if (name == "webhook_delay") {
    webhook_delay = parse_delay_range(value);
  } else if (name == "errors") {
    errors = parse_code_ratios(value);
  } else if (name == "undelivered") {
    undelivered = parse_code_ratios(value);
  } else if (name == "close_after") {
    close_after = parse_number<std::uint64_t>(value, "close_after is a whole number");
  } else if (name == "expire_cursors") {
    expire_cursors = parse_number<std::uint64_t>(value, "expire_cursors is a whole number");
  } else if (name == "webhook_shuffle") {
    if (value != "true" && value != "false") bad("webhook_shuffle is true or false", value);
    webhook_shuffle = value == "true";
  } else {
    bad("unknown fault", name);
  }
}

void faults::switch_off() {
  faults calm;
  calm.delivered_ratio = delivered_ratio;
  calm.read_ratio = read_ratio;
  calm.webhook_delay = webhook_delay;
  *this = std::move(calm);
}

}  // namespace sandbox
