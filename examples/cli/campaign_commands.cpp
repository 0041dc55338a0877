// schedule, cancel, history, backup, adopt, metrics, forget, retention: the life of campaigns and of the store.
#include <pwd.h>
#include <unistd.h>

#include <cstdio>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::engine;

void say(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

}  // namespace

std::string who(const options& given) {
  if (!given.actor.empty()) return given.actor;
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "user " + std::to_string(::getuid());
}

int schedule(const options& given) {
  engine door = open_to_command(given.store);
  const auto planned = need(door.schedule(
      {given.campaign},
      {.at = given.at, .max_lateness = std::chrono::minutes(given.max_lateness_minutes), .actor = who(given)}));
  for (const std::string& warning : planned.warnings) say("bulkmsg: warning: " + one_line(warning));
  const auto status = need(door.status({given.campaign}));
  if (given.json) {
    print_line(status_json(status).number("messages", planned.messages).number("credits", planned.credits).str());
  } else {
    print_line("campaign " + std::to_string(given.campaign) + " is scheduled for " + time_text(status.scheduled_at_ms) +
               ": " + grouped(planned.messages) + " messages, " + grouped(planned.credits) + " credits, at least " +
               duration_text(planned.duration) + "; it starts while a process runs this store (bulkmsg run --store " +
               shell_word(given.store) + ")");
  }
  need(door.close());
  flush_stdout();
  return exit_code::ok;
}

int cancel(const options& given) {
  engine door = open_to_command(given.store);
  need(door.cancel_schedule({given.campaign}, who(given)));
  print_line("campaign " + std::to_string(given.campaign) + " is a draft again");
  need(door.close());
  flush_stdout();
  return exit_code::ok;
}

int history(const options& given) {
  engine reader = open_to_read(given.store);
  bulkmsg::history_filter filter{.campaign = {given.campaign}};
  for (;;) {
    const auto page = need(reader.history(filter));
    for (const auto& h : page) {
      if (given.json) {
        print_line(json_object()
                       .number("id", h.id)
                       .number("at_ms", h.at_ms)
                       .number("campaign", h.campaign.value)
                       .text("action", h.action)
                       .text("reason", h.reason)
                       .text("actor", h.actor)
                       .str());
      } else {
        print_line(padded(time_text(h.at_ms), 22) + padded(h.campaign ? std::to_string(h.campaign.value) : "-", 6) +
                   padded(one_line(h.action), 14) + padded(h.actor.empty() ? "-" : one_line(h.actor), 13) + " " +
                   one_line(h.reason));
      }
    }
    if (page.size() < filter.limit) break;
    filter.after = page.back().id;
  }
  flush_stdout();
  return exit_code::ok;
}

int backup(const options& given) {
  // As a guest, so that it stands in nobody's way and is noted all the same.
  expect_store(given.store);
  engine door = need(engine::open(given.store, {.mode = bulkmsg::open_mode::post, .progress_max = 0}));
  need(door.backup(given.to, who(given)));
  need(door.close());
  print_line("the store is copied to " + given.to + "; to send from the copy, adopt it first (bulkmsg adopt)");
  flush_stdout();
  return exit_code::ok;
}

int adopt(const options& given) {
  expect_store(given.store);
  const auto done = need(engine::adopt(given.store, who(given)));
  print_line("adopted: this is a store of its own now; " + grouped(done.paused) +
             " campaigns that were sending are paused, its last entry is of " + time_text(done.last_entry_ms));
  flush_stdout();
  return exit_code::ok;
}

int metrics(const options& given) {
  engine reader = open_to_read(given.store);
  print_text(need(reader.metrics()));
  flush_stdout();
  return exit_code::ok;
}

int forget(const options& given) {
  engine door = open_to_run(given.store, sending::no, missing_store::refuse);
  const auto done = need(door.forget(given.address, who(given), given.reason));
  print_line("forgotten: " + grouped(done.recipients) + " recipients, " + grouped(done.rejected) + " rejected rows, " +
             grouped(done.replies) + " replies, " + (done.contact ? "1 contact" : "no contact"));
  need(door.close());
  flush_stdout();
  return exit_code::ok;
}

int retention(const options& given) {
  if (given.days < 0) {
    engine reader = open_to_read(given.store);
    const auto hours = need(reader.retention()).count();
    print_line(hours == 0 ? "personal data of finished campaigns is kept for ever"
                          : "personal data of finished campaigns is kept for " + grouped(hours / 24) + " days");
  } else {
    engine door = open_to_run(given.store, sending::no, missing_store::refuse);
    need(door.set_retention(std::chrono::hours(24 * given.days), who(given)));
    need(door.close());
  }
  flush_stdout();
  return exit_code::ok;
}

}  // namespace cli
