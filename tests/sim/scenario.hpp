// What happens to one simulated engine: a host that starts, pauses, resumes and stops two campaigns on one sender, and
// everything that can go wrong meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bulkmsg::sim {

struct verdict {
  std::string broken;  // which promise; empty: none
  std::uint64_t trace = 0;
  std::size_t requests = 0, accepted = 0;
  int deaths = 0;
  std::int64_t settled_by_receipt = 0, unconfirmed_found = 0;
  double seconds = 0;  // of virtual time
};

// The same seed is the same run on every machine.
verdict run_seed(std::uint64_t seed, bool tells);

// A million people in a day, under a limit of messages a second and one of messages in 24 hours.
verdict run_day(std::int64_t people, bool tells);

}  // namespace bulkmsg::sim
