// The run lock: one process sends from a store at a time.
//
// An OFD lock on a file beside the store, never on the database file itself: closing any descriptor of that would drop
// SQLite's own POSIX locks. The kernel drops it when the process dies, however it dies.
#pragma once

#include <string>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::store {

class run_lock {
 public:
  // Errors: store_in_use, store_failed. Blocks: no.
  static result<run_lock> take(const std::string& store_path);
  run_lock(run_lock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  run_lock& operator=(run_lock&&) = delete;
  ~run_lock();

 private:
  explicit run_lock(int fd) : fd_(fd) {}
  int fd_;
};

// The lock's file, whose times are touched when the runner is to look for posts.
std::string run_lock_file(const std::string& store_path);
// Tells the process that runs the store, if there is one, that something was posted for it. Thread: any. Blocks: no.
void tell_runner(const std::string& store_path) noexcept;

}  // namespace bulkmsg::store
