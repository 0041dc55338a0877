// bulkmsg-sim: the shipped engine and the shipped SQL on virtual time.
//
//   bulkmsg-sim --seed 17 --trace      one run, told line by line
//   bulkmsg-sim --seeds 1000           many, on all cores; --from N for the first, --jobs N for so many processes
//   bulkmsg-sim --day                  a million people under tier limits
//
// Ends with 1 when a promise is broken, and says which seed shows it.
#include <malloc.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "sim/scenario.hpp"

namespace {

double seconds_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

int usage() {
  std::fprintf(
      stderr,
      "usage: bulkmsg-sim [--seed N [--trace] | --seeds K [--from N] [--jobs N] [--seconds S] | --day [--people N]]\n");
  return 2;
}

// Everything runs on one thread, and opens and closes stores all the time.
void settle_in() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct totals {
  std::uint64_t ran = 0, requests = 0, deaths = 0, settled = 0, found = 0;
  double hours = 0;
};

// What the processes tell each other, in memory that they share.
struct shared_state {
  std::atomic<std::uint64_t> next, first_broken;  // seeds
};

// Runs seeds one after the other, as long as no lower one is known to break a promise.
totals run_seeds(shared_state& with, std::uint64_t end, bool one, bool tells, double seconds) {
  using namespace bulkmsg::sim;
  const auto began = std::chrono::steady_clock::now();
  totals sum;
  while (seconds_since(began) < seconds) {
    const auto seed = with.next++;
    if (seed >= std::min(end, with.first_broken.load())) break;
    const auto v = run_seed(seed, tells);
    if (one) std::printf("seed %llu: trace %016llx\n", (unsigned long long)seed, (unsigned long long)v.trace);
    if (!v.broken.empty()) {
      std::printf("seed %llu: %s\n  look at it with: ./dev sim --seed %llu --trace\n", (unsigned long long)seed,
                  v.broken.c_str(), (unsigned long long)seed);
      auto least = with.first_broken.load();
      while (seed < least && !with.first_broken.compare_exchange_weak(least, seed)) continue;
      break;
    }
    ++sum.ran;
    sum.requests += v.requests, sum.deaths += static_cast<std::uint64_t>(v.deaths), sum.hours += v.seconds / 3600;
    sum.settled += static_cast<std::uint64_t>(v.settled_by_receipt);
    sum.found += static_cast<std::uint64_t>(v.unconfirmed_found);
  }
  return sum;
}

// The sums of `jobs` processes; false: one of them crashed.
bool run_processes(shared_state& with, int jobs, std::uint64_t end, double seconds, totals& sum) {
  struct process {
    pid_t id;
    int told;
  };
  std::vector<process> all;
  std::fflush(stdout);
  for (int i = 0; i < jobs; ++i) {
    int ends[2];
    if (::pipe(ends) != 0) return false;
    const auto id = ::fork();
    if (id == 0) {
      const auto mine = run_seeds(with, end, false, false, seconds);
      const bool told = ::write(ends[1], &mine, sizeof mine) == sizeof mine;
      std::exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    if (id < 0) return false;
    all.push_back({id, ends[0]});
  }
  bool whole = true;
  for (const auto& p : all) {
    totals part;
    const bool told = ::read(p.told, &part, sizeof part) == sizeof part;
    ::close(p.told);
    int status = 0;
    whole = ::waitpid(p.id, &status, 0) == p.id && told && status == 0 && whole;
    sum.ran += part.ran, sum.requests += part.requests, sum.deaths += part.deaths, sum.settled += part.settled,
        sum.found += part.found, sum.hours += part.hours;
  }
  return whole;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace bulkmsg::sim;
  std::uint64_t seed = 0, seeds = 0, from = 1;
  std::int64_t people = 1'000'000;
  double most = 1e18;
  int jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  bool tells = false, day = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--seed") {
      seed = number();
    } else if (word == "--seeds") {
      seeds = number();
    } else if (word == "--from") {
      from = number();
    } else if (word == "--jobs") {
      jobs = std::clamp(static_cast<int>(number()), 1, 1024);
    } else if (word == "--seconds") {
      most = static_cast<double>(number());
    } else if (word == "--people") {
      people = static_cast<std::int64_t>(number());
    } else if (word == "--trace") {
      tells = true;
    } else if (word == "--day") {
      day = true;
    } else {
      return usage();
    }
  }
  settle_in();
  const auto began = std::chrono::steady_clock::now();
  if (day) {
    const auto v = run_day(people, tells);
    std::printf("%s: %zu requests in %.1f virtual hours, %.1f s\n", v.broken.empty() ? "ok" : v.broken.c_str(),
                v.requests, v.seconds / 3600, seconds_since(began));
    return v.broken.empty() ? 0 : 1;
  }
  auto* memory = ::mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  auto& with = *new (memory) shared_state{seeds == 0 ? seed : from, UINT64_MAX};
  totals sum;
  bool whole = true;
  if (seeds == 0) {
    if (seed == 0) return usage();
    sum = run_seeds(with, seed + 1, true, tells, most);
  } else {
    whole = run_processes(with, jobs, from + seeds, most, sum);
  }
  if (!whole) std::printf("a process of the simulation crashed\n");
  if (!whole || with.first_broken != UINT64_MAX) return 1;
  std::printf(
      "%llu seeds, no promise broken: %llu requests, %llu deaths, %llu found unconfirmed, %llu settled by a receipt, "
      "%.1f virtual hours in %.1f s\n",
      (unsigned long long)sum.ran, (unsigned long long)sum.requests, (unsigned long long)sum.deaths,
      (unsigned long long)sum.found, (unsigned long long)sum.settled, sum.hours, seconds_since(began));
  return 0;
}
