#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

TEST(close, leaves_one_file_with_everything_in_it) {
  host h;
  const auto campaign = h.draft(100);
  must(h->close());
  h.close();
  EXPECT_FALSE(std::filesystem::exists(h.path() + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(h.path() + "-shm"));
  std::filesystem::copy_file(h.path(), h.folder.file("copy"));
  engine copy = must(engine::open(h.folder.file("copy"), {.mode = open_mode::read}));
  EXPECT_EQ(code_of(copy.status(campaign)), errc::ok);
}

}  // namespace
}  // namespace bulkmsg::testing
