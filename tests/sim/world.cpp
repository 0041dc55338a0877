#include "sim/world.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdio>

namespace bulkmsg::sim {

namespace {
world* here = nullptr;
}

// The engine's I/O executor. What is posted by a process that has died does not run.
class sleeper final : public timer {
 public:
  sleeper(world& in, const void* on) : in_(in), on_(on), life_(in.life_) {}
  ~sleeper() override { ++*turn_; }
  void arm(nanoseconds_t at, std::function<void()> task) override {
    in_.insert(at, life_, [task = std::move(task), mine = ++*turn_, turn = turn_, &in = in_, on = on_] {
      if (*turn == mine) in.run_on(on, task);
    });
  }
  void cancel() noexcept override { ++*turn_; }

 private:
  world& in_;
  const void* const on_;
  const std::uint64_t life_;
  std::shared_ptr<std::uint64_t> turn_ = std::make_shared<std::uint64_t>(0);
};

class fibre final : public io_executor {
 public:
  fibre(world& in, bool helps) : in_(in), life_(in.life_), helps_(helps) {}
  ~fibre() override { fibre::stop(); }
  void post(std::function<void()> task) override {
    if (stopped_) return;
    (helps_ ? in_.helpers_tasks_ : in_.tasks_).push_back({life_, [&in = in_, on = this, task = std::move(task)] {
                                                            in.run_on(on, task);
                                                          }});
  }
  std::unique_ptr<timer> make_timer() override { return std::make_unique<sleeper>(in_, this); }
  [[nodiscard]] const clock& time() const noexcept override { return in_.clock_; }
  void call(const std::function<void()>& task) override {
    if (in_.runs_ == this) return task();
    bool ran = stopped_;
    if (!ran) post([&] { task(), ran = true; });
    while (!ran && in_.turn()) continue;
    if (!ran || stopped_) task();
  }
  void stop() override {
    if (stopped_ || !in_.alive()) return;
    bool last = false;
    post([&] { last = true; });
    while (!last && in_.turn()) continue;
    stopped_ = true;
  }

 private:
  world& in_;
  const std::uint64_t life_;
  const bool helps_;
  bool stopped_ = false;
};

// The engine's connections.
class wire final : public net::transport {
 public:
  wire(world& in, const net::transport_options& options)
      : in_(in), life_(in.life_), slots_(static_cast<std::size_t>(options.connections_max)) {}

  void set_listener(net::listener* to) override { to_ = to; }
  int acquire() override {
    if (closed_) return none;
    if (!in_.provider_.down) {
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].busy) continue;
        slots_[i].busy = true;
        slots_[i].request.clear();
        return static_cast<int>(i);
      }
    }
    wanted_ = true;
    if (in_.provider_.down) knock();
    return none;
  }
  void release(int slot) override { slots_[static_cast<std::size_t>(slot)].busy = false; }
  std::string& buffer(int slot) override { return slots_[static_cast<std::size_t>(slot)].request; }
  void send(int slot, std::uint64_t token) override {
    ++in_flight_;
    auto& s = slots_[static_cast<std::size_t>(slot)];
    if (!in_.alive()) return;  // nothing leaves a dead process
    const auto a = in_.provider_.take(s.request);
    const auto round = ++s.round;
    s.token = token;
    s.answer = a;
    soon(in_.clock_.now() + a.latency, [this, slot, round] {
      auto& mine = slots_[static_cast<std::size_t>(slot)];
      if (mine.round == round) end(mine, mine.answer.fate);
    });
  }
  [[nodiscard]] int in_flight() const noexcept override { return in_flight_; }
  void close() override {
    if (std::exchange(closed_, true)) return;
    soon(in_.clock_.now(), [this] {
      for (auto& s : slots_) {
        if (s.token) end(s, s.answer.fate == net::fate::unsent ? net::fate::unsent : net::fate::unknown);
      }
    });
  }

 private:
  struct slot_state {
    bool busy = false;
    std::uint64_t round = 0;
    std::optional<std::uint64_t> token;
    provider::answer answer;
    std::string request;
  };
  void soon(nanoseconds_t when, std::function<void()> task) {
    in_.insert(when, life_, [task = std::move(task), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) task();
    });
  }
  void end(slot_state& s, net::fate how) {
    const auto token = *std::exchange(s.token, std::nullopt);
    auto a = s.answer;
    a.fate = how;
    ++s.round;
    s.busy = false;
    --in_flight_;
    in_.provider_.heard(a);
    to_->on_end({.token = token,
                 .fate = how,
                 .reason = how == net::fate::answered ? errc::ok : errc::connection_lost,
                 .status = a.status,
                 .retry_after = a.retry_after,
                 .body = a.body});
    if (wanted_ && !in_.provider_.down && !closed_) {
      wanted_ = false;
      soon(in_.clock_.now(), [this] { to_->on_ready(); });
    }
  }
  // Tries to connect until it is no more wanted, or there.
  void knock() {
    if (std::exchange(knocking_, true)) return;
    soon(in_.clock_.now() + in_.dice_.between(50, 500) * millisecond, [this] {
      knocking_ = false;
      if (!wanted_ || closed_) return;
      if (in_.provider_.down) {
        knock();
        to_->on_unreachable({errc::connect_failed, "nobody there", 0, 0});
      } else {
        wanted_ = false;
        to_->on_ready();
      }
    });
  }

  world& in_;
  const std::uint64_t life_;
  std::vector<slot_state> slots_;
  net::listener* to_ = nullptr;
  bool wanted_ = false, knocking_ = false, closed_ = false;
  int in_flight_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class machine final : public surroundings {
 public:
  explicit machine(world& in) : in_(in), process_(++in.processes_) {}
  ~machine() override { in_.writers_.erase(process_); }
  [[nodiscard]] const bulkmsg::clock& time() const noexcept override { return in_.clock_; }
  std::int64_t random_id() override { return in_.dice_.between(1, INT64_MAX - 1); }
  std::unique_ptr<io_executor> make_io(const std::string&) override { return std::make_unique<fibre>(in_, false); }
  std::unique_ptr<io_executor> make_helper(const std::string&) override { return std::make_unique<fibre>(in_, true); }
  std::unique_ptr<store::writer> make_writer(store::database db) override {
    auto made =
        std::make_unique<store::writer>(std::move(db), store::writer::runs::by_step, [this] { return in_.turn(); });
    in_.writers_[process_] = {made.get()};
    return made;
  }
  result<std::unique_ptr<net::transport>> connect(io_executor&, net::transport_options options) override {
    return std::make_unique<wire>(in_, options);
  }
  std::shared_ptr<void> watch_posts(io_executor&, const std::string&, std::function<void()> told) override {
    auto lives = std::make_shared<int>(0);
    in_.runner_ = {process_, lives, std::move(told)};
    return lives;
  }
  bool sleep(std::chrono::milliseconds time) override {
    const auto until = in_.clock_.now() + time.count() * millisecond;
    bool over = false;
    in_.insert(until, in_.life_, [&] { over = true; });
    while (!over && in_.turn()) continue;
    return over;
  }
  bool bring_about(const std::function<bool()>& ready) override {
    const auto until = in_.clock_.now() + 600 * second;
    while (!ready()) {
      if (!in_.turn()) return false;
      if (in_.clock_.now() > until) throw broken{"a call has not returned within ten minutes"};
    }
    return true;
  }

 private:
  world& in_;
  const std::uint64_t process_;
};

world::world(std::uint64_t seed, bool tells)
    : clock_(1'800'000'000 * second),
      dice_(seed),
      disk_(seed ^ 0x5851F42D4C957F2Dull),
      provider_(*this),
      tells_(tells) {
  here = this;
  disk_.mount();
}

world::~world() { here = nullptr; }

void world::plan_commits() {
  for (auto& [process, s] : writers_) {
    if (s.commit_planned || !s.writer->waiting()) continue;
    s.commit_planned = true;
    // Commits take their time, now more and now less, so that everything else gets in between.
    const auto takes = dice_.between(0, commit_most_ / microsecond) * microsecond;
    insert(clock_.now() + takes, life_, [this, process = process] {
      const auto found = writers_.find(process);
      if (found == writers_.end()) return;
      found->second.commit_planned = false;
      found->second.writer->step();
      if (!alive()) return;
      tell(process);
      if (after_commit) after_commit();
    });
  }
}

// What another process has committed it tells the runner of, if it still lives then.
void world::tell(std::uint64_t process) {
  if (process == runner_.process || !told_ || runner_.lives.expired()) return;
  insert(clock_.now() + dice_.between(0, 5000) * microsecond, life_, [this, lives = runner_.lives] {
    if (!lives.expired()) runner_.told();
  });
}

void world::run_on(const void* executor, const std::function<void()>& work) {
  const auto* before = std::exchange(runs_, executor);
  work();
  runs_ = before;
}

bool world::turn() {
  if (!alive()) return false;
  if (turns_left_ >= 0 && turns_left_-- == 0) {
    alive_ = false;
    disk_.kill();
    return false;
  }
  plan_commits();
  task next;
  if (!tasks_.empty()) {
    next = std::move(tasks_.front());
    tasks_.pop_front();
  } else if (!helpers_tasks_.empty() && !helper_runs_ && !helpers_rest_) {
    next = std::move(helpers_tasks_.front());
    helpers_tasks_.pop_front();
    if (next.life == life_) {
      helper_runs_ = true;
      run_on(nullptr, next.run);
      helper_runs_ = false;
    }
    return alive();
  } else {
    const auto first = timers_.begin();
    if (first == timers_.end()) throw broken{"nothing moves any more"};
    clock_.advance_to(first->first);
    set_wall_ms(clock_.wall() / millisecond);
    next = std::move(first->second);
    timers_.erase(first);
  }
  if (next.life == 0 || next.life == life_) run_on(nullptr, next.run);
  return alive();
}

void world::run_until(nanoseconds_t at) {
  bool there = false;
  insert(at, 0, [&] { there = true; });
  while (!there && turn()) continue;
  if (!there) {
    // It must not outlive this call.
    const auto range = timers_.equal_range(at);
    for (auto i = range.first; i != range.second; ++i) {
      if (i->second.life == 0) {
        i->second.run = [] {};
      }
    }
  }
}

void world::reboot(disk::end how) {
  ++life_;
  for (auto& [process, s] : writers_) s.commit_planned = false;
  tasks_.clear();
  helpers_tasks_.clear();
  helpers_rest_ = helper_runs_ = false;
  std::erase_if(timers_, [](const auto& t) { return t.second.life != 0; });
  alive_ = true;
  turns_left_ = -1;
  disk_.reboot(how);
  provider_.new_life();
}

void world::say(const std::string& what) {
  char when[32];
  std::snprintf(when, sizeof when, "%12.6f ", static_cast<double>(clock_.now()) / 1e9);
  for (const char c : std::string(when) + what + "\n") {
    trace_ = (trace_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  }
  if (tells_) std::printf("%s%s\n", when, what.c_str());
}

}  // namespace bulkmsg::sim

namespace bulkmsg {

std::unique_ptr<surroundings> make_surroundings() { return std::make_unique<sim::machine>(*sim::here); }

}  // namespace bulkmsg
