#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "inbound/merge.hpp"
#include "store/scratch_store.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

TEST(receipts, a_failure_without_a_code_does_not_make_the_code_depend_on_the_order) {
  std::set<std::string> rows;
  for (const bool turned : {false, true}) {
    sending_store s(1);
    s.open(1);
    std::vector<status_json> list = {receipt(s, 0, "failed").at(1'800'000'010),
                                     receipt(s, 0, "failed").at(1'800'000'020).because(131026)};
    if (turned) std::reverse(list.begin(), list.end());
    inbound::append(s.db(), webhook(list), noon_ms);
    static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
    rows.insert(table(s.db(), "SELECT code, detail, failed_at_ms FROM messages"));
  }
  EXPECT_EQ(rows.size(), 1u) << *rows.begin() << " and " << *rows.rbegin();
}

}  // namespace
}  // namespace bulkmsg::testing
