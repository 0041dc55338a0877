// The world in which a simulated engine lives: one thread, virtual time, a disk in memory, a provider that is not
// always well, and the end of the process at any moment. Everything that happens is drawn from one seed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/net/transport.hpp"
#include "engine/surroundings.hpp"
#include "sim/disk.hpp"
#include "sim/provider.hpp"

namespace bulkmsg::sim {

// Numbers from one seed, the same on every machine (the standard's distributions are not).
class dice {
 public:
  explicit dice(std::uint64_t seed) : bits_(seed * 0x9E3779B97F4A7C15ull + 1) {}
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(bits_() % static_cast<std::uint64_t>(most - least + 1));
  }
  bool chance(int in_1000) { return between(0, 999) < in_1000; }

 private:
  std::mt19937_64 bits_;
};

// A broken promise.
struct broken {
  std::string what;
};

class world {
 public:
  world(std::uint64_t seed, bool tells);
  ~world();

  // Lets one thing happen. False: the process is dead.
  bool turn();
  void run_until(nanoseconds_t at);  // or until it is dead
  [[nodiscard]] bool alive() const { return alive_ && !disk_.dead(); }
  // The process ends after so many more turns.
  void die_after(std::int64_t turns) { turns_left_ = turns; }
  // Whoever reads the store for the judge; called after each commit.
  std::function<void()> after_commit;
  // After the death of a process, when its objects are gone.
  void reboot(disk::end how);

  // Something outside the process.
  void at(nanoseconds_t when, std::function<void()> what) { insert(when, 0, std::move(what)); }
  // One line of the trace.
  void say(const std::string& what);
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  void quiet() { calm_disk_ = true; }
  void slow_disk(nanoseconds_t most) { commit_most_ = most; }
  // Helpers begin nothing while one of them waits, nor while the host asks the provider: on the one stack they could
  // not wait for each other.
  void let_helpers_rest(bool rest) { helpers_rest_ = rest; }
  // Whether other processes live to tell the runner of what they have posted.
  void tell_runner(bool told) { told_ = told; }
  [[nodiscard]] bool told() const { return told_; }

  manual_clock& clock() { return clock_; }
  sim::disk& disk() { return disk_; }
  sim::dice& dice() { return dice_; }
  sim::provider& provider() { return provider_; }

 private:
  friend class machine;
  friend class fibre;
  friend class sleeper;
  friend class wire;
  struct task {
    std::uint64_t life;  // 0: of the world
    std::function<void()> run;
  };
  void insert(nanoseconds_t when, std::uint64_t life, std::function<void()> run) {
    timers_.emplace(when, task{life, std::move(run)});
  }
  void run_on(const void* executor, const std::function<void()>& work);
  void plan_commits();
  // One for each process that writes: the runner's, and at times another one's that posts.
  struct scribe {
    store::writer* writer = nullptr;
    bool commit_planned = false;
  };
  struct watcher {
    std::uint64_t process = 0;
    std::weak_ptr<void> lives;
    std::function<void()> told;
  };
  void tell(std::uint64_t process);

  manual_clock clock_;
  sim::dice dice_;
  sim::disk disk_;
  sim::provider provider_;
  std::deque<task> tasks_, helpers_tasks_;
  bool helpers_rest_ = false, helper_runs_ = false;
  const void* runs_ = nullptr;                 // the executor whose task runs: its own calls are done at once
  std::multimap<nanoseconds_t, task> timers_;  // equal times in the order of insertion
  std::map<std::uint64_t, scribe> writers_;    // by process
  watcher runner_;
  std::uint64_t processes_ = 0;
  bool told_ = true;
  std::uint64_t life_ = 1;
  bool alive_ = true;
  std::int64_t turns_left_ = -1;
  std::uint64_t trace_ = 0xcbf29ce484222325ull;
  const bool tells_;
  bool calm_disk_ = false;
  nanoseconds_t commit_most_ = 8 * millisecond;
};

}  // namespace bulkmsg::sim
