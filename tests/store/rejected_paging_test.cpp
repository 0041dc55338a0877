#include <gtest/gtest.h>

#include "scratch_store.hpp"
#include "store/recipients.hpp"

namespace bulkmsg::testing {
namespace {

TEST(rejected, paging_gives_every_row_of_a_draft_of_two_files_once) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 0, 3, 10);  // lines 10, 11, 12 of the first file
  s.import(id, 0, 3, 2);   // lines 2, 3, 4 of the second
  std::vector<std::int64_t> lines;
  for (std::int64_t after = 0;;) {
    const auto page = store::list_rejected(s.db(), id, after, 2);
    if (page.empty() || lines.size() > 6) break;
    for (const auto& r : page) lines.push_back(r.line);
    after = page.back().number;
  }
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<std::int64_t>{2, 3, 4, 10, 11, 12}));
}

}  // namespace
}  // namespace bulkmsg::testing
