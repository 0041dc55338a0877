// receive, ingest: webhooks come in, whether or not a campaign is being sent right now. replies, events: what they
// said.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "interrupt.hpp"
#include "json.hpp"
#include "report.hpp"
#include "text.hpp"

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

namespace {

std::string reply_json(const bulkmsg::reply_row& r) {
  json_object made;
  made.number("number", r.number)
      .text("id", r.provider_id)
      .number("at_ms", r.at_ms)
      .text("address", r.address)
      .text("profile", r.profile)
      .text("kind", r.kind)
      .text("text", r.text)
      .text("payload", r.payload)
      .text("answers", r.answers)
      .number("campaign", r.campaign.value);
  if (r.campaign) made.text("message", std::to_string(r.message.lane) + "/" + std::to_string(r.message.sequence));
  return made.number("conversation", r.conversation).flag("resumed", r.resumed).flag("opt_out", r.opt_out).str();
}

std::string_view kind_name(bulkmsg::event_kind kind) {
  using enum bulkmsg::event_kind;
  switch (kind) {
    case campaign_changed:
      return "campaign";
    case reply:
      return "reply";
    case opt_out:
      return "opt-out";
    case notice:
      return "notice";
    case message:
    case resync:
      break;
  }
  return "other";
}

// What a campaign has become; other events have no state.
std::string_view state_text(const bulkmsg::event& e) {
  if (e.kind != bulkmsg::event_kind::campaign_changed) return "";
  return name(static_cast<bulkmsg::campaign_state>(e.state));
}

}  // namespace

int replies(const options& given) {
  engine reader = open_to_read(given.store);
  bulkmsg::reply_filter filter;
  filter.campaign = {given.campaign};
  if (filter.campaign) need(reader.status(filter.campaign));  // an unknown one is an error, not an empty list
  if (given.csv) print_line("number,at_ms,address,campaign,kind,text,payload,opt_out");
  for (;;) {
    const auto page = need(reader.replies(filter));
    for (const auto& r : page) {
      if (given.json) {
        print_line(reply_json(r));
      } else if (given.csv) {
        print_line(std::to_string(r.number) + ',' + std::to_string(r.at_ms) + ',' + csv_cell(r.address) + ',' +
                   std::to_string(r.campaign.value) + ',' + csv_cell(r.kind) + ',' + csv_cell(r.text) + ',' +
                   csv_cell(r.payload) + ',' + (r.opt_out ? "1" : "0"));
      } else {
        print_line(padded(time_text(r.at_ms), 22) + padded(r.address, 18) +
                   padded(r.campaign ? "to " + std::to_string(r.campaign.value) : "-", 8) + padded(r.kind, 12) +
                   (r.opt_out ? "[opt-out] " : "") + one_line(r.text));
      }
    }
    if (page.size() < filter.limit) return exit_code::ok;
    filter.after = page.back().number;
  }
}

int events(const options& given) {
  if (given.event != 0) {
    engine runner = open_to_run(given.store, sending::no, missing_store::refuse);
    need(runner.ack({given.event}));
    need(runner.close());
    return exit_code::ok;
  }
  engine reader = open_to_read(given.store);
  constexpr std::size_t page_max = 100;
  for (bulkmsg::event_id after{};;) {
    const auto page = need(reader.events(after, page_max));
    for (const auto& e : page) {
      const auto payload = reader.payload(e.id);
      if (!payload) continue;  // acknowledged meanwhile
      if (given.json) {
        print_line(json_object()
                       .number("id", e.id.value)
                       .text("kind", kind_name(e.kind))
                       .number("at_ms", e.at_ms)
                       .number("campaign", e.campaign.value)
                       .text("state", state_text(e))
                       .raw("payload", *payload)
                       .str());
      } else {
        print_line(padded(std::to_string(e.id.value), 7) + padded(time_text(e.at_ms), 22) +
                   padded(kind_name(e.kind), 10) + padded(e.campaign ? std::to_string(e.campaign.value) : "-", 5) +
                   padded(state_text(e), 11) + one_line(*payload));
      }
    }
    if (page.size() < page_max) return exit_code::ok;
    after = page.back().id;
  }
}

}  // namespace cli
