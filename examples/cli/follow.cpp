#include "follow.hpp"

#include <algorithm>

#include "exit.hpp"
#include "interrupt.hpp"
#include "progress.hpp"

namespace cli {

namespace {

using bulkmsg::campaign_state;
using clock = std::chrono::steady_clock;

constexpr auto look_every = std::chrono::milliseconds(50);

bool all_receipts_are_in(const bulkmsg::counters& c) { return c.unconfirmed == 0 && c.sent == c.read + c.undelivered; }

void linger(bulkmsg::engine& engine, ending& end, std::chrono::seconds time, progress& line) {
  const std::chrono::milliseconds quiet_max = std::max<std::chrono::milliseconds>(time / 4, std::chrono::seconds(1));
  const auto until = clock::now() + time;
  auto news = clock::now();  // when the counters last changed
  while (!all_receipts_are_in(end.status.counters)) {
    const auto now = clock::now();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now);
    if (left.count() <= 0 || now - news > quiet_max || interrupt::asked()) return;
    line.lingering(end.status, left);
    interrupt::sleep_for(std::min<std::chrono::milliseconds>(left, look_every));
    const bulkmsg::counters before = end.status.counters;
    end.status = need(engine.status(end.status.id));
    if (!(end.status.counters == before)) news = clock::now();
  }
}

}  // namespace

ending follow(bulkmsg::engine& engine, bulkmsg::campaign_id campaign, const follow_options& how) {
  ending end;
  progress line(how.quiet);
  for (;;) {
    end.status = need(engine.status(campaign));
    const campaign_state state = end.status.state;
    if (is_final(state) || state == campaign_state::paused || state == campaign_state::draft) break;
    if (interrupt::asked()) {
      auto paused = engine.pause(campaign, "interrupted at the terminal");
      // It may have ended on its own in the meantime: then there is nothing to pause.
      if (!paused && paused.error().code != bulkmsg::errc::wrong_state) throw failure{paused.error()};
      end.status = need(engine.status(campaign));
      end.interrupted = end.status.state == campaign_state::paused;
      break;
    }
    line.sending(end.status);
    interrupt::sleep_for(look_every);
  }
  if (end.status.state == campaign_state::completed) linger(engine, end, how.linger, line);
  return end;
}

}  // namespace cli
