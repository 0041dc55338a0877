// Being told of a touched file.
#include "net/file_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "base/scratch_folder.hpp"

namespace bulkmsg::net {
namespace {

bool soon(const std::function<bool()>& ready) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!ready() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return ready();
}

TEST(file_watch, tells_of_every_touch_until_its_end) {
  const testing::scratch_folder folder;
  const auto path = folder.file("watched");
  std::ofstream(path) << "x";
  std::atomic<int> told = 0;
  io_thread io;
  std::shared_ptr<void> watch;
  io.call([&] { watch = watch_file(io, path, [&] { ++told; }); });
  ASSERT_NE(watch, nullptr);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0), 0);
    ASSERT_TRUE(soon([&] { return told == i; })) << told;
  }
  io.call([&] { watch.reset(); });
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(told, 3);
}

TEST(file_watch, is_none_where_there_is_no_file) {
  io_thread io;
  std::shared_ptr<void> watch;
  io.call([&] { watch = watch_file(io, "/nowhere/at/all", [] {}); });
  EXPECT_EQ(watch, nullptr);
}

}  // namespace
}  // namespace bulkmsg::net
