// resolve, retry: what becomes of messages that are unconfirmed or failed.
#include <charconv>
#include <cstdio>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::campaign_id;
using bulkmsg::campaign_status;
using bulkmsg::engine;
using bulkmsg::errc;

// As `bulkmsg messages` prints it: "3/17".
bulkmsg::message_id message_of(const std::string& written) {
  bulkmsg::message_id id;
  const char* end = written.data() + written.size();
  const auto lane = std::from_chars(written.data(), end, id.lane);
  if (lane.ec == std::errc() && id.lane > 0 && lane.ptr != end && *lane.ptr == '/') {
    const auto sequence = std::from_chars(lane.ptr + 1, end, id.sequence);
    if (sequence.ec == std::errc() && sequence.ptr == end) return id;
  }
  give_up(errc::invalid_argument,
          "\"" + one_line(written) + "\" is no message; give it as `bulkmsg messages` prints it, such as 1/17");
}

}  // namespace

int resolve(const options& given) {
  engine door = open_to_command(given.store);
  const campaign_id campaign{given.campaign};
  const auto before = need(door.status(campaign)).counters.unconfirmed;
  bulkmsg::resolution how;
  how.sent = given.as == "sent";
  if (!given.message.empty()) how.message = message_of(given.message);
  how.actor = who(given);
  how.reason = given.reason;
  need(door.resolve(campaign, how));
  const campaign_status status = need(door.status(campaign));
  if (given.json) {
    print_line(status_json(status).str());
  } else {
    print_line("campaign " + std::to_string(campaign.value) + ": " + grouped(before - status.counters.unconfirmed) +
               " messages are settled as " + (how.sent ? "sent" : "not sent") + ", " +
               grouped(status.counters.unconfirmed) + " are unconfirmed");
  }
  need(door.close());
  flush_stdout();
  return exit_code::ok;
}

bulkmsg::retry_report make_child(engine& runner, const options& given) {
  bulkmsg::retry_options how;
  how.what = given.unconfirmed ? bulkmsg::retry_kind::unconfirmed : bulkmsg::retry_kind::failed;
  how.all = given.all;
  how.name = given.name;
  how.actor = who(given);
  return need(runner.retry({given.campaign}, how));
}

}  // namespace cli
