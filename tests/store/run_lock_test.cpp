#include "store/run_lock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

using store::run_lock;

// A child of fork() that does `body`, says so, and lives until it is told to end or killed.
class child {
 public:
  explicit child(const std::function<void()>& body) {
    int up[2], down[2];
    if (::pipe2(up, O_CLOEXEC) != 0 || ::pipe2(down, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(up[0]);
      ::close(down[1]);
      body();
      char c = 'k';
      if (::write(up[1], &c, 1) != 1) ::_exit(1);
      while (::read(down[0], &c, 1) > 0) {
      }
      ::_exit(0);
    }
    ::close(up[1]);
    ::close(down[0]);
    char c = 0;
    ready_ = ::read(up[0], &c, 1) == 1;
    ::close(up[0]);
    down_ = down[1];
  }
  ~child() {
    if (pid_ > 0) end(0);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  [[nodiscard]] bool ready() const { return ready_; }
  void kill() { end(SIGKILL); }
  void end(int signal) {
    if (signal != 0) ::kill(pid_, signal);
    ::close(down_);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int down_ = -1;
  bool ready_ = false;
};

// The code that a process of its own gets when it tries.
errc taken_by_a_child(const std::string& path) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto got = run_lock::take(path);
    ::_exit(got ? 1 : got.error().code == errc::store_in_use ? 2 : 3);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  switch (WIFEXITED(status) ? WEXITSTATUS(status) : 99) {
    case 1:
      return errc::ok;
    case 2:
      return errc::store_in_use;
    default:
      return errc::store_failed;
  }
}

TEST(run_lock, a_second_taker_is_told_that_the_store_is_in_use) {
  scratch_folder folder;
  const auto path = folder.file("store");
  const auto first = run_lock::take(path);
  ASSERT_TRUE(first.has_value());
  const auto second = run_lock::take(path);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, errc::store_in_use);
  EXPECT_NE(second.error().message.find(path), std::string::npos) << second.error().message;
}

TEST(run_lock, who_may_write_the_store_may_tell_its_runner) {
  scratch_store s;
  ASSERT_EQ(::chmod(s.path().c_str(), 0660), 0);
  const auto held = run_lock::take(s.path());
  ASSERT_TRUE(held.has_value());
  struct stat is {};
  ASSERT_EQ(::stat(store::run_lock_file(s.path()).c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 0777, 0660u);
}

TEST(run_lock, another_process_is_told_so_too) {
  scratch_folder folder;
  const auto path = folder.file("store");
  const auto held = run_lock::take(path);
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(taken_by_a_child(path), errc::store_in_use);
}

TEST(run_lock, what_another_process_holds_cannot_be_taken_here) {
  scratch_folder folder;
  const auto path = folder.file("store");
  child other([&] { static_cast<void>(new run_lock(std::move(*run_lock::take(path)))); });
  ASSERT_TRUE(other.ready());
  const auto got = run_lock::take(path);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, errc::store_in_use);
}

TEST(run_lock, it_is_free_after_a_holder_that_died_by_sigkill) {
  scratch_folder folder;
  const auto path = folder.file("store");
  child other([&] { static_cast<void>(new run_lock(std::move(*run_lock::take(path)))); });
  ASSERT_TRUE(other.ready());
  ASSERT_FALSE(run_lock::take(path).has_value());
  other.kill();
  EXPECT_TRUE(run_lock::take(path).has_value());
}

TEST(run_lock, a_program_that_the_dead_holder_had_started_does_not_keep_it) {
  scratch_folder folder;
  const auto path = folder.file("store");
  int life[2];
  ASSERT_EQ(::pipe(life), 0);  // handed down on purpose: the program reads from it and lives until it is closed here
  child holder([&] {
    static_cast<void>(new run_lock(std::move(*run_lock::take(path))));
    int started[2];
    if (::pipe2(started, O_CLOEXEC) != 0) ::_exit(1);
    if (::fork() == 0) {
      ::close(life[1]);
      ::dup2(life[0], 0);
      ::execlp("cat", "cat", static_cast<char*>(nullptr));
      ::_exit(1);
    }
    ::close(started[1]);
    char c;
    static_cast<void>(!::read(started[0], &c, 1));  // ends when the program was started: its copy closes at exec
  });
  ASSERT_TRUE(holder.ready());
  holder.kill();
  EXPECT_TRUE(run_lock::take(path).has_value());
  ::close(life[0]);
  ::close(life[1]);
}

TEST(run_lock, a_child_of_fork_does_not_keep_what_its_parent_lets_go) {
  scratch_folder folder;
  const auto path = folder.file("store");
  std::optional<run_lock> held(std::move(*run_lock::take(path)));
  child bystander([] {});
  ASSERT_TRUE(bystander.ready());
  held.reset();
  EXPECT_TRUE(run_lock::take(path).has_value());
}

TEST(run_lock, it_can_be_taken_again_when_it_was_let_go) {
  scratch_folder folder;
  const auto path = folder.file("store");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(run_lock::take(path).has_value());
  EXPECT_EQ(taken_by_a_child(path), errc::ok);
}

TEST(run_lock, moved_it_still_holds_and_lets_go_once) {
  scratch_folder folder;
  const auto path = folder.file("store");
  auto first = run_lock::take(path);
  ASSERT_TRUE(first.has_value());
  {
    const run_lock second(std::move(*first));
    EXPECT_FALSE(run_lock::take(path).has_value());
  }
  EXPECT_TRUE(run_lock::take(path).has_value());
}

TEST(run_lock, closing_descriptors_of_the_store_file_does_not_lose_it) {
  scratch_folder folder;
  const auto path = folder.file("store");
  store::create_if_missing(path, noon_ms, 7);
  const auto held = run_lock::take(path);
  ::close(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  ::close(::open((path + ".lock").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(taken_by_a_child(path), errc::store_in_use);
}

TEST(run_lock, two_stores_have_two_locks) {
  scratch_folder folder;
  const auto one = run_lock::take(folder.file("one"));
  const auto two = run_lock::take(folder.file("two"));
  EXPECT_TRUE(one.has_value());
  EXPECT_TRUE(two.has_value());
}

TEST(run_lock, a_folder_that_does_not_exist_is_a_failure_and_no_lock) {
  scratch_folder folder;
  const auto got = run_lock::take(folder.file("nowhere/store"));
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, errc::store_failed);
  EXPECT_NE(got.error().message.find("nowhere/store.lock"), std::string::npos) << got.error().message;
}

}  // namespace
}  // namespace bulkmsg::testing
