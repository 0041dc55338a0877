#include "store/writer.hpp"

#include <pthread.h>

#include <chrono>
#include <exception>
#include <future>
#include <new>
#include <optional>

namespace bulkmsg::store {

writer::writer(database db, runs how, std::function<bool()> turn) : db_(std::move(db)), turn_(std::move(turn)) {
  if (how == runs::by_step) return;
  thread_ = std::thread([this] { loop(); });
  ::pthread_setname_np(thread_.native_handle(), "bulkmsg-store");
}

writer::~writer() { stop(); }

void writer::submit(work job, done then) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back({std::move(job), std::move(then), std::nullopt});
      wake_.notify_one();
      return;
    }
  }
  const error closed{errc::closed, "the store is closed", 0, 0};
  if (then) then(&closed);
}

result<void> writer::run(work job) {
  std::promise<result<void>> settled;
  submit(std::move(job), [&](const error* e) {
    if (e == nullptr) return settled.set_value({});
    try {
      settled.set_value(fail(*e));
    } catch (const std::bad_alloc&) {
      settled.set_value(fail(e->code, {}));
    }
  });
  auto told = settled.get_future();
  while (turn_ && told.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (!turn_()) return fail(errc::closed, "the store is gone");
  }
  return told.get();
}

void writer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  while (turn_ && waiting() && turn_()) continue;
  if (thread_.joinable()) thread_.join();
}

void writer::loop() {
  std::vector<item> group;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      group.swap(queue_);
    }
    run_queued(group);
  }
}

bool writer::step() {
  std::vector<item> group;
  {
    std::lock_guard lock(mutex_);
    group.swap(queue_);
  }
  if (group.empty()) return false;
  run_queued(group);
  return true;
}

bool writer::waiting() {
  std::lock_guard lock(mutex_);
  return !queue_.empty();
}

void writer::run_queued(std::vector<item>& group) {
  const auto failed = run_group(group);
  for (auto& one : group) {
    if (one.then) one.then(failed ? &*failed : one.failure ? &*one.failure : nullptr);
  }
  group.clear();
}

// Nothing here asks for memory after a job has failed: it may be what there was none of, and nobody is above us.
std::optional<error> writer::run_group(std::vector<item>& group) {
  bool began = false;
  auto failed = transaction(began, [&] {
    for (auto& one : group) one.job(db_);
  });
  // Retried alone, but where the store lets nobody begin: that is the whole group's failure.
  if (!failed || !began || group.size() == 1) return failed;
  for (auto& one : group) one.failure = transaction(began, [&] { one.job(db_); });
  return std::nullopt;
}

// Commits what `body` does, or nothing of it.
template <class F>
std::optional<error> writer::transaction(bool& began, F&& body) {
  error why{errc::internal, "a job failed", 0, 0};  // so short that it needs no memory
  began = false;
  try {
    db_.exec("BEGIN IMMEDIATE");
    began = true;
    body();
    db_.exec("COMMIT");
    return std::nullopt;
  } catch (store_error& e) {
    why = std::move(e.what);
  } catch (const std::bad_alloc&) {
    why.code = errc::out_of_memory;
  } catch (const std::exception& e) {
    try {
      why.message = e.what();
    } catch (const std::bad_alloc&) {
    }
  }
  if (!sqlite3_get_autocommit(db_.handle())) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  return why;
}

}  // namespace bulkmsg::store
