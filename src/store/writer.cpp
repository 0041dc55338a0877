#include "store/writer.hpp"

#include <pthread.h>

#include <future>
#include <optional>

namespace bulkmsg::store {

writer::writer(database db) : db_(std::move(db)), thread_([this] { loop(); }) {
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
  submit(std::move(job), [&](const error* e) { settled.set_value(e ? result<void>(fail(*e)) : result<void>()); });
  return settled.get_future().get();
}

void writer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
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
    run_group(group);
    for (auto& one : group) {
      if (one.then) one.then(one.failure ? &*one.failure : nullptr);
    }
    group.clear();
  }
}

void writer::run_group(std::vector<item>& group) {
  try {
    db_.exec("BEGIN IMMEDIATE");
    for (auto& one : group) one.job(db_);
    db_.exec("COMMIT");
    return;
  } catch (store_error& e) {
    if (!sqlite3_get_autocommit(db_.handle())) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    if (group.size() == 1) {
      group.front().failure = std::move(e.what);
      return;
    }
  }
  for (auto& one : group) run_alone(one);
}

void writer::run_alone(item& one) {
  try {
    db_.exec("BEGIN IMMEDIATE");
    one.job(db_);
    db_.exec("COMMIT");
  } catch (store_error& e) {
    if (!sqlite3_get_autocommit(db_.handle())) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    one.failure = std::move(e.what);
  }
}

}  // namespace bulkmsg::store
