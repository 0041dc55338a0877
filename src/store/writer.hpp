// The one writer: everything that waits goes into one transaction, and while it commits the next group gathers. So a
// commit is shared by as many jobs as came in during the last one, without any timer.
//
// A failing job is retried alone, never its group. Jobs must be short (20 ms at most) and may run twice: whatever they
// compute outside the database they must compute from scratch each time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

class writer {
 public:
  using work = std::function<void(database&)>;     // throws store_error to refuse
  using done = std::function<void(const error*)>;  // on the writer's thread after the commit; null: it is durable

  enum class runs : std::uint8_t {
    on_a_thread,
    by_step,  // on virtual time: nothing happens until step()
  };
  // by_step: `turn` is what run() and stop() wait by; false: nothing will be committed any more.
  explicit writer(database db, runs how = runs::on_a_thread, std::function<bool()> turn = nullptr);
  ~writer();  // stop()

  // Queues a job. After stop() it is dropped and `then` gets errc::closed. Thread: any. Blocks: no.
  void submit(work job, done then);
  // Queues a job and waits for its commit. Thread: any but the writer's.
  result<void> run(work job);
  // Runs what is queued, then ends the thread. Idempotent.
  void stop();
  // Mode by_step: runs what is queued as one group; false when there was nothing.
  bool step();
  [[nodiscard]] bool waiting();  // jobs are queued

 private:
  struct item {
    work job;
    done then;
    std::optional<error> failure;
  };
  void loop();
  void run_queued(std::vector<item>& group);
  std::optional<error> run_group(std::vector<item>& group);  // what the whole group failed with
  template <class F>
  std::optional<error> transaction(bool& began, F&& body);

  database db_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<item> queue_;
  bool stopping_ = false;
  const std::function<bool()> turn_;
  std::thread thread_;
};

}  // namespace bulkmsg::store
