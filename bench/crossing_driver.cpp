// A host that adds recipients from its own memory and takes every message's progress, in C++; driver.py and driver.go
// do the same over the C ABI, and bench/crossing.py compares.
//
//   crossing_driver ORIGIN TEMPLATE_JSON STORE ROWS WAY            the token is in BULKMSG_TOKEN
//
// WAY: "late" takes the progress after everything is sent, so that its time is its own, and adds the rows to three
// drafts to tell the quickest; "live" takes progress as it comes.
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bulkmsg/engine.hpp"

using namespace bulkmsg;

namespace {

template <class T>
T must(result<T> r) {
  if (!r) {
    std::fprintf(stderr, "crossing_driver: %s\n", r.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

// The processor's time of the whole process: the machine may be shared.
double now() {
  timespec at{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

std::string padded(std::int64_t i) {
  const auto digits = std::to_string(i);
  return std::string(7 - std::min<std::size_t>(7, digits.size()), '0') + digits;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::int64_t rows = std::atoll(argv[4]);
  std::ifstream file(argv[2]);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  engine host = must(engine::open(argv[3], {.progress_max = 1'000'000}));
  const auto sender = must(host.put_sender({.name = "crossing",
                                            .origin = argv[1],
                                            .phone_number_id = "106540352242922",
                                            .token = "env:BULKMSG_TOKEN",
                                            .agent = "bench",
                                            .limits = "in-flight=64",
                                            .connections_max = 64}));
  const auto account = must(host.put_account("crossing", {.users = 100'000}));
  const auto content = must(host.put_template(json));
  const std::vector<std::string> columns{"phone_number", "header_param1", "param1", "param2", "button0_param"};
  std::vector<std::vector<std::string>> table;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto n = std::to_string(i);
    table.push_back(
        {"+1555" + padded(i), "A-" + n, "Ana Maria " + n, "the order number " + n + " of this week", "track-" + n});
  }

  const bool live = std::string_view(argv[5]) == "live";
  campaign_id campaign;
  double add = 1e9;
  for (int i = 0; i < (live ? 1 : 3); ++i) {
    campaign =
        must(host.create_campaign({.name = "crossing", .sender = sender, .content = content, .account = account}));
    const double began = now();
    const auto added = must(host.add_recipients(campaign, columns, table)).added;
    add = std::min(add, now() - began);
    if (added != rows) return 1;
  }
  table.clear();

  must(host.start(campaign));
  std::int64_t accepted = 0;
  const auto take = [&](std::chrono::milliseconds timeout) {
    std::array<event, 1024> taken;
    const auto count = must(host.poll(taken, timeout));
    for (std::size_t i = 0; i < count; ++i) {
      accepted += taken[i].kind == event_kind::message && taken[i].state == static_cast<int>(message_state::accepted);
    }
    return count;
  };
  while (live && accepted < rows) take(std::chrono::seconds(1));
  while (!is_final(must(host.status(campaign)).state)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double began = now();
  while (take(std::chrono::milliseconds(0)) != 0) continue;
  const double drain = now() - began;
  if (accepted != rows) return 1;

  const auto status = must(host.status(campaign));
  const double seconds = static_cast<double>(status.finished_at_ms - status.started_at_ms) / 1000;
  const auto n = static_cast<double>(rows);
  std::printf("{\"add_us\":%.4f,\"drain_us\":%.4f,\"per_second\":%.1f}\n", add * 1e6 / n, drain * 1e6 / n, n / seconds);
  must(host.close(std::chrono::seconds(5)));
}
