// receive, ingest: webhooks come in, whether or not a campaign is being sent right now.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "interrupt.hpp"
#include "report.hpp"

namespace cli {

namespace {

using bulkmsg::engine;
using bulkmsg::errc;

constexpr std::size_t body_bytes_max = 3 << 20;  // the provider's own bound for a webhook

std::string standard_input() {
  std::string body(body_bytes_max + 1, '\0');
  const std::size_t got = std::fread(body.data(), 1, body.size(), stdin);
  if (std::ferror(stdin) != 0)
    give_up(errc::file_unreadable, "standard input cannot be read; pipe the webhook's body into it");
  if (got > body_bytes_max) give_up(errc::too_large, "the body is over 3 MiB; the provider sends no such webhook");
  body.resize(got);
  return body;
}

// When the store's write-ahead log last changed: a cheap way to see that webhooks have come in.
std::filesystem::file_time_type last_written(const std::string& store) {
  std::error_code none_yet;
  return std::filesystem::last_write_time(store + "-wal", none_yet);
}

// Merges what waits in the inbox, unless a process runs the store: then that one does it, and better.
void merge_if_idle(const std::string& store) {
  bulkmsg::engine_options how;
  how.mode = bulkmsg::open_mode::run;
  how.send = false;
  how.create = false;
  how.progress_max = 0;
  if (auto runner = engine::open(store, how)) {
    if (auto closed = runner->close(); !closed) throw failure{closed.error()};
  } else if (runner.error().code != errc::store_in_use) {
    throw failure{runner.error()};
  }
}

}  // namespace

int receive(const options& given) {
  expect_store(given.store);
  bulkmsg::engine_options how;
  how.mode = bulkmsg::open_mode::post;  // never in the way of a `send` that wants to begin
  how.progress_max = 0;
  engine door = need(engine::open(given.store, how));
  const std::uint16_t port = need(door.listen(given.listen));
  std::fprintf(stderr, "listening for webhooks on %s%u; Ctrl-C ends it\n",
               given.listen.substr(0, given.listen.rfind(':') + 1).c_str(), static_cast<unsigned>(port));

  constexpr auto merge_every = std::chrono::seconds(2);
  auto merged = last_written(given.store);
  while (!interrupt::asked()) {
    interrupt::sleep_for(merge_every);
    if (last_written(given.store) == merged) continue;
    merge_if_idle(given.store);
    merged = last_written(given.store);
  }
  need(door.close());
  merge_if_idle(given.store);
  return exit_code::ok;
}

int ingest(const options& given) {
  const std::string body = standard_input();
  engine door = open_to_command(given.store);
  need(door.ingest(body, given.signature));
  need(door.close());
  return exit_code::ok;
}

}  // namespace cli
