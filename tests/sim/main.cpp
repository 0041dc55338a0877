// bulkmsg-sim: the shipped engine and the shipped SQL on virtual time.
//
//   bulkmsg-sim --seed 17 --trace      one run, told line by line
//   bulkmsg-sim --seeds 1000           many; --from N for the first
//   bulkmsg-sim --day                  a million people under tier limits
//
// Ends with 1 when a promise is broken, and says which seed shows it.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/scenario.hpp"

namespace {

double seconds_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

int usage() {
  std::fprintf(stderr,
               "usage: bulkmsg-sim [--seed N [--trace] | --seeds K [--from N] [--seconds S] | --day [--people N]]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace bulkmsg::sim;
  std::uint64_t seed = 0, seeds = 0, from = 1;
  std::int64_t people = 1'000'000;
  double most = 1e18;
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
  const auto began = std::chrono::steady_clock::now();
  if (day) {
    const auto v = run_day(people, tells);
    std::printf("%s: %zu requests in %.1f virtual hours, %.1f s\n", v.broken.empty() ? "ok" : v.broken.c_str(),
                v.requests, v.seconds / 3600, seconds_since(began));
    return v.broken.empty() ? 0 : 1;
  }
  if (seeds == 0) {
    if (seed == 0) return usage();
    from = seed, seeds = 1;
  }
  std::uint64_t ran = 0, requests = 0, deaths = 0, settled = 0, found = 0;
  double hours = 0;
  for (; ran < seeds && seconds_since(began) < most; ++ran) {
    const auto v = run_seed(from + ran, tells);
    if (seeds == 1)
      std::printf("seed %llu: trace %016llx\n", static_cast<unsigned long long>(from),
                  static_cast<unsigned long long>(v.trace));
    if (!v.broken.empty()) {
      std::printf("seed %llu: %s\n  after %llu seeds; look at it with: ./dev sim --seed %llu --trace\n",
                  static_cast<unsigned long long>(from + ran), v.broken.c_str(), static_cast<unsigned long long>(ran),
                  static_cast<unsigned long long>(from + ran));
      return 1;
    }
    requests += v.requests, deaths += static_cast<std::uint64_t>(v.deaths), hours += v.seconds / 3600;
    settled += static_cast<std::uint64_t>(v.settled_by_receipt),
        found += static_cast<std::uint64_t>(v.unconfirmed_found);
  }
  std::printf(
      "%llu seeds, no promise broken: %llu requests, %llu deaths, %llu found unconfirmed, %llu settled by a receipt, "
      "%.1f virtual hours in %.1f s\n",
      static_cast<unsigned long long>(ran), static_cast<unsigned long long>(requests),
      static_cast<unsigned long long>(deaths), static_cast<unsigned long long>(found),
      static_cast<unsigned long long>(settled), hours, seconds_since(began));
  return 0;
}
