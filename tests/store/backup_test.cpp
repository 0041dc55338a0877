// A backup that could not be made leaves nothing behind: least of all where it was for want of room.
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "scratch_store.hpp"
#include "store/copies.hpp"

namespace bulkmsg::testing {
namespace {

TEST(backup, that_found_no_room_leaves_nothing_behind) {
  scratch_store s;
  s.db().exec("CREATE TABLE large AS SELECT zeroblob(1000000) AS bytes");
  auto from = s.reader();
  const auto to = s.folder().file("backup");
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{200'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto why = refusal([&] { store::back_up(from, to); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(why.code, errc::ok);
  for (const auto& each : std::filesystem::directory_iterator(s.folder().path())) {
    EXPECT_FALSE(each.path().filename().string().starts_with("backup")) << each.path();
  }
  store::back_up(from, to);
  EXPECT_TRUE(std::filesystem::exists(to));
}

}  // namespace
}  // namespace bulkmsg::testing
