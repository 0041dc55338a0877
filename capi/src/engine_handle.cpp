#include "engine_handle.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <span>

#include "config.hpp"
#include "fork_generation.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

// A call on a destroyed engine, or a second destroy, is a mistake that bindings make. The memory of the last handles is
// kept, so that it is answered instead of suffered. Never destroyed itself: calls may come while the process exits.
constexpr std::size_t kept_handles = 64;
std::array<std::atomic<bulkmsg_engine*>, kept_handles> graveyard{};
std::atomic<std::size_t> graves{0};

void bury(bulkmsg_engine* handle) noexcept {
  const std::size_t at = graves.fetch_add(1, std::memory_order_relaxed) % kept_handles;
  delete graveyard[at].exchange(handle, std::memory_order_acq_rel);
}

// Events converted per crossing; bounds the buffer below.
constexpr std::size_t poll_max = 1024;

bulkmsg_event in_c(const bulkmsg::event& e) noexcept {
  bulkmsg_event out{};
  out.id = e.id.value;
  out.campaign = e.campaign.value;
  out.message = e.message.key();
  out.at_unix_ms = e.at_ms;
  out.kind = static_cast<std::int32_t>(e.kind);
  out.state = e.state;
  out.receipt = e.receipt;
  out.code = e.code;
  return out;
}

// The table of options states these defaults, too.
static_assert(engine_options{}.mode == open_mode::run && engine_options{}.send && engine_options{}.create &&
              engine_options{}.progress_max == 8192 && engine_options{}.io_threads == 1);

open_mode mode_named(std::string_view word) noexcept {
  return word == "read" ? open_mode::read : word == "post" ? open_mode::post : open_mode::run;
}

}  // namespace

result<std::shared_ptr<bulkmsg::engine>> engine_of(bulkmsg_engine* handle) {
  bulkmsg_engine& known = needed(handle, "engine");
  // Before the lock: a thread that does not exist in this process may hold it.
  if (known.generation != fork_generation()) {
    return fail(errc::forked, "this engine was opened before fork(); open a new one in the child");
  }
  const std::lock_guard held(known.lock);
  if (!known.core) return fail(errc::closed, "this engine was destroyed; open it again");
  return known.core;
}

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_engine_open(const bulkmsg_config* config, bulkmsg_engine** out_engine, bulkmsg_error** err) {
  clear(out_engine);
  return guarded(err, [&]() -> result<void> {
    bulkmsg_engine*& out = needed(out_engine, "out_engine");
    const bulkmsg_config& given = needed(config, "config");
    if (auto ok = given.check(BULKMSG_CONFIG_ENGINE); !ok) return ok;

    bulkmsg::engine_options options;
    options.mode = mode_named(given.text("mode"));
    options.create = given.boolean("create");
    options.send = given.boolean("send");
    options.progress_max = static_cast<std::size_t>(given.integer("progress_max"));
    options.io_threads = static_cast<int>(given.integer("io_threads"));
    watch_forks();
    auto handle = std::unique_ptr<bulkmsg_engine>(new bulkmsg_engine{fork_generation()});
    return bulkmsg::engine::open(given.text("path"), options).map([&](bulkmsg::engine&& opened) {
      handle->core = std::make_shared<bulkmsg::engine>(std::move(opened));
      out = handle.release();
    });
  });
}

bulkmsg_status bulkmsg_engine_close(bulkmsg_engine* engine, int64_t timeout_ms, bulkmsg_error** err) {
  return guarded(err, [&]() -> result<void> {
    const auto core = engine_of(engine);
    if (!core) return bulkmsg::fail(core.error());
    const std::chrono::milliseconds drain(in_range(timeout_ms, 0, day_ms, "timeout_ms"));
    auto done = (*core)->close(drain);
    if (done) engine->closed.store(true, std::memory_order_release);
    (*core)->wakeup();
    return done;
  });
}

void bulkmsg_engine_destroy(bulkmsg_engine* engine) {
  if (engine == nullptr || engine->generation != fork_generation()) return;
  std::shared_ptr<bulkmsg::engine> core;
  {
    const std::lock_guard held(engine->lock);
    core.swap(engine->core);
  }
  if (!core) return;
  guarded(nullptr, [&] {
    auto done = core->close(std::chrono::milliseconds(0));
    core->wakeup();
    return done;
  });
  core.reset();
  bury(engine);
}

bulkmsg_status bulkmsg_engine_poll(bulkmsg_engine* engine, bulkmsg_event* out_events, size_t event_size,
                                   size_t capacity, int64_t timeout_ms, size_t* out_count, bulkmsg_error** err) {
  clear(out_count);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    char* const to = reinterpret_cast<char*>(&needed(out_events, "out_events"));
    std::size_t& count = needed(out_count, "out_count");
    check_size(out_events, event_size, sizeof(bulkmsg_event), "event_size");
    if (capacity == 0) throw bad_argument{"capacity", "must be above 0"};
    // A day at a time stands for ever: waking up once a day for nothing is allowed.
    const std::int64_t wait = in_range(timeout_ms, -1, std::numeric_limits<std::int64_t>::max(), "timeout_ms");
    const std::chrono::milliseconds timeout(wait < 0 || wait > day_ms ? day_ms : wait);

    std::array<bulkmsg::event, poll_max> waiting;
    const std::span<bulkmsg::event> room(waiting.data(), std::min(capacity, waiting.size()));
    return e.poll(room, timeout).map([&](std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) {
        fill(reinterpret_cast<bulkmsg_event*>(to + i * event_size), event_size, in_c(waiting[i]));
      }
      count = n;
    });
  });
}

bulkmsg_status bulkmsg_engine_wakeup(bulkmsg_engine* engine, bulkmsg_error** err) {
  return call(engine, err, [](bulkmsg::engine& e) -> result<void> {
    e.wakeup();
    return {};
  });
}

bulkmsg_status bulkmsg_engine_event_fd(bulkmsg_engine* engine, int32_t* out_fd, bulkmsg_error** err) {
  if (out_fd != nullptr) *out_fd = -1;
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_fd, "out_fd") = e.event_fd();
    return {};
  });
}

bulkmsg_status bulkmsg_engine_event_payload(bulkmsg_engine* engine, int64_t event_id, bulkmsg_text** out_json,
                                            bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    bulkmsg_text*& out = needed(out_json, "out_json");
    return e.payload(bulkmsg::event_id{event_id}).map([&](std::string&& json) {
      out = new bulkmsg_text{std::move(json)};
    });
  });
}

bulkmsg_status bulkmsg_engine_ack(bulkmsg_engine* engine, int64_t event_id, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) { return e.ack(bulkmsg::event_id{event_id}); });
}

}  // extern "C"
