#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text.hpp"

namespace cli {

namespace {

constexpr auto redraw = std::chrono::milliseconds(200);
constexpr auto line_every = std::chrono::seconds(2);
constexpr auto rate_window = std::chrono::seconds(3);

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

progress::progress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1), next_(clock::now()) {
  if (!terminal_) next_ += line_every;
}

double progress::rate(clock::time_point now, std::int64_t settled) {
  samples_.push_back({now, settled});
  while (samples_.size() > 2 && now - samples_.front().at > rate_window) samples_.pop_front();
  const std::chrono::duration<double> span = now - samples_.front().at;
  if (span.count() < 0.1) return 0;
  return static_cast<double>(settled - samples_.front().settled) / span.count();
}

bool progress::due(clock::time_point now) {
  if (quiet_ || now < next_) return false;
  next_ = now + (terminal_ ? clock::duration(redraw) : clock::duration(line_every));
  return true;
}

void progress::write(std::string line) {
  if (!terminal_) {
    line += '\n';
  } else {
    // Cut to the width: a line that wraps cannot be redrawn in place. All of it is ASCII.
    if (const std::size_t columns = terminal_columns(); line.size() >= columns) line.resize(columns - 1);
    line = "\r" + line + "\x1b[K";
    drawn_ = true;
  }
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void progress::sending(const bulkmsg::campaign_status& now) {
  const clock::time_point at = clock::now();
  const auto& c = now.counters;
  const std::int64_t all = c.total - c.skipped;
  const std::int64_t settled = all - c.queued();
  const double per_second = rate(at, settled);
  if (!due(at)) return;

  std::string line = std::string(name(now.state)) + "  " + grouped(settled) + "/" + grouped(all);
  line += "  " + std::to_string(all == 0 ? 100 : settled * 100 / all) + "%";
  line += "  " + grouped(std::llround(per_second)) + "/s";
  if (per_second >= 0.1) {
    const auto left = static_cast<std::int64_t>(static_cast<double>(c.queued()) / per_second * 1000);
    line += "  " + duration_text(std::chrono::milliseconds(left)) + " left";
  }
  if (c.failed != 0) line += "  failed " + grouped(c.failed);
  if (c.unconfirmed != 0) line += "  unconfirmed " + grouped(c.unconfirmed);
  if (c.delivered != 0) line += "  delivered " + grouped(c.delivered);
  if (!now.reason.empty()) line += "  (" + one_line(now.reason) + ")";
  write(std::move(line));
}

void progress::lingering(const bulkmsg::campaign_status& now, std::chrono::milliseconds left) {
  if (!due(clock::now())) return;
  const auto& c = now.counters;
  std::string line =
      "receipts  delivered " + grouped(c.delivered) + "/" + grouped(c.sent) + "  read " + grouped(c.read);
  line += "  undelivered " + grouped(c.undelivered);
  if (c.unconfirmed != 0) line += "  unconfirmed " + grouped(c.unconfirmed);
  line += "  waiting up to " + duration_text(left);
  write(std::move(line));
}

void progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace cli
