#include "net/io_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "net/insist.hpp"

namespace bulkmsg::net {
namespace {

namespace asio = boost::asio;

// CLOCK_BOOTTIME as an Asio clock: Asio compares expiries with this clock's own readings, so a timer never fires
// before the engine's clock says so, and a suspended machine does not stretch waiting times.
struct boot_clock {
  using rep = nanoseconds_t;
  using period = std::nano;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<boot_clock, duration>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return time_point(duration(system_clock{}.now())); }
};

// The reactor sleeps on CLOCK_MONOTONIC, which stands still while the machine is suspended: it looks again after at
// most this long, which bounds how late a timer is after waking up. Looking again runs no handler.
constexpr boot_clock::duration longest_sleep = std::chrono::seconds(5);

struct capped_wait {
  static boot_clock::duration to_wait_duration(const boot_clock::duration& d) noexcept {
    return d < longest_sleep ? d : longest_sleep;
  }
  static boot_clock::duration to_wait_duration(const boot_clock::time_point& t) noexcept {
    return to_wait_duration(t - boot_clock::now());
  }
};

constexpr std::chrono::milliseconds host_looked_at_every{50};

using boot_timer = asio::basic_waitable_timer<boot_clock, capped_wait, asio::io_context::executor_type>;

class asio_timer final : public timer {
 public:
  explicit asio_timer(asio::io_context& io) : state_(std::make_shared<state>(io)) {}
  ~asio_timer() override { cancel(); }
  asio_timer(const asio_timer&) = delete;
  asio_timer& operator=(const asio_timer&) = delete;

  void arm(nanoseconds_t at, std::function<void()> task) override {
    state& s = *state_;
    s.task = std::move(task);
    s.due = at;
    // A wait that ends no later than the new time is kept: it looks at `due` when it ends. So a timer that is pushed
    // back again and again costs one Asio wait, not one per push.
    if (s.waiting && s.wait_ends <= at) return;
    wait(state_);
  }

  void cancel() noexcept override {
    state_->task = nullptr;  // the Asio wait may end on its own; it then finds nothing to do
    ++state_->round;
    state_->waiting = false;
    try {
      state_->sleeper.cancel();
    } catch (...) {  // Asio's signature only: cancelling a timer does not fail
    }
  }

 private:
  struct state {
    explicit state(asio::io_context& io) : sleeper(io.get_executor()) {}
    boot_timer sleeper;
    std::function<void()> task;
    nanoseconds_t due = 0;
    nanoseconds_t wait_ends = 0;
    std::uint64_t round = 0;  // tells a wait that was replaced, but had already ended, from the current one
    bool waiting = false;
  };

  static void wait(const std::shared_ptr<state>& s) {
    s->waiting = true;
    s->wait_ends = s->due;
    s->sleeper.expires_at(boot_clock::time_point(boot_clock::duration(s->due)));
    ++s->round;
    // Whoever arms a timer relies on it: there is nobody to try again.
    insist([&] {
      s->sleeper.async_wait([s, round = s->round](const boost::system::error_code&) {
        if (round != s->round) return;
        s->waiting = false;
        if (!s->task) return;
        if (system_clock{}.now() < s->due) {
          wait(s);
          return;
        }
        const std::function<void()> task = std::exchange(s->task, nullptr);
        task();
      });
    });
  }

  std::shared_ptr<state> state_;
};

}  // namespace

struct io_thread::impl {
  explicit impl(const std::string& name) : own(std::in_place, BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), context(*own) {
    work.emplace(context.get_executor());
    // Without reactor locks a timer queue must not be registered while the loop runs, so it is made here.
    const boot_timer first(context.get_executor());
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    // Blocked before the thread exists, so that it inherits the mask with no gap; Asio's resolver thread does likewise.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread = std::thread([this] { run(); });
      // Not by the thread itself: it has its name when this returns.
      pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  explicit impl(asio::io_context& of_host) : context(of_host) {}

  void run() noexcept {
    id.store(std::this_thread::get_id());
    for (;;) {
      try {
        context.run();
        break;
      } catch (...) {
        failures.fetch_add(1, std::memory_order_relaxed);
      }
    }
    const std::lock_guard lock(mutex);
    exited = true;
    changed.notify_all();
  }

  std::optional<asio::io_context> own;  // none: the host's
  asio::io_context& context;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  system_clock clock;
  std::atomic<std::thread::id> id{};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<bool> let_go = false;  // of the host's loop: what was posted later is dropped
  std::mutex mutex;                  // guards what follows
  std::condition_variable changed;
  bool exited = false;
  std::mutex joining;
  std::thread thread;
};

io_thread::io_thread(const std::string& name) : impl_(std::make_shared<impl>(name)) {}

io_thread::io_thread(boost::asio::io_context& of_host) : impl_(std::make_shared<impl>(of_host)) {}

io_thread::~io_thread() {
  stop();
  // Only when a task destroys the executor it runs on, which no caller may do: better a lost thread than terminate().
  if (impl_->thread.joinable()) impl_->thread.detach();
}

void io_thread::post(std::function<void()> task) {
  if (impl_->own) {
    asio::post(impl_->context, std::move(task));
    return;
  }
  // The host's loop goes on after us, and an exception is none of its business.
  asio::post(impl_->context, [i = impl_, task = std::move(task)] {
    if (i->let_go) return;
    try {
      task();
    } catch (...) {
      i->failures.fetch_add(1, std::memory_order_relaxed);
    }
  });
}

std::unique_ptr<timer> io_thread::make_timer() { return std::make_unique<asio_timer>(impl_->context); }

const clock& io_thread::time() const noexcept { return impl_->clock; }

void io_thread::call(const std::function<void()>& task) {
  if (on_thread()) {
    task();
    return;
  }
  // Shared with the posted task, because the thread may end without running it: then it runs here, and not there.
  struct handshake {
    std::function<void()> task;
    std::exception_ptr thrown;
    bool done = false;
  };
  const auto shared = std::make_shared<handshake>();
  shared->task = task;
  // A loop of our own is gone with `impl`, and what it did not run with it; a host's goes on.
  asio::post(impl_->context, [shared, i = impl_.get(), kept = impl_->own ? nullptr : impl_] {
    std::function<void()> mine;
    {
      const std::lock_guard lock(i->mutex);
      mine.swap(shared->task);  // none: the caller has given up waiting
    }
    if (!mine) return;
    std::exception_ptr thrown;
    try {
      mine();
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::lock_guard lock(i->mutex);
    shared->thrown = thrown;
    shared->done = true;
    i->changed.notify_all();
  });
  std::unique_lock lock(impl_->mutex);
  if (impl_->own) {
    impl_->changed.wait(lock, [&] { return shared->done || impl_->exited; });
  } else {
    // Nobody tells us when the host stops its loop.
    while (!impl_->changed.wait_for(lock, host_looked_at_every, [&] { return shared->done; })) {
      if (impl_->context.stopped() && shared->task) break;
    }
  }
  const bool ran = shared->done;
  shared->task = nullptr;
  lock.unlock();
  if (!ran) {
    task();
  } else if (shared->thrown) {
    std::rethrow_exception(shared->thrown);
  }
}

void io_thread::stop() {
  if (!impl_->own) {
    insist([this] { call([this] { impl_->let_go = true; }); });
    return;
  }
  insist([this] { post([this] { impl_->context.stop(); }); });
  if (on_thread()) return;
  const std::lock_guard lock(impl_->joining);  // two threads may stop at once; one joins
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool io_thread::on_thread() const noexcept {
  return impl_->own ? impl_->id.load() == std::this_thread::get_id() : runs_here(impl_->context);
}

bool io_thread::runs_here(boost::asio::io_context& loop) noexcept {
  return loop.get_executor().running_in_this_thread();
}

std::uint64_t io_thread::task_failures() const noexcept { return impl_->failures.load(std::memory_order_relaxed); }

asio::io_context& io_thread::context() noexcept { return impl_->context; }

}  // namespace bulkmsg::net
