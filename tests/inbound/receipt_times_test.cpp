#include "inbound/merge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "store/scratch_store.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

TEST(receipts, one_without_a_time_leaves_the_time_that_is_known_whatever_the_order) {
  for (const bool turned : {false, true}) {
    for (const std::string word : {"sent", "delivered", "read", "failed"}) {
      sending_store s(1);
      s.open(1);
      std::vector<status_json> list = {receipt(s, 0, word).at(1'800'000'010).because(131026),
                                       receipt(s, 0, word).at(0)};
      if (turned) std::reverse(list.begin(), list.end());
      inbound::append(s.db(), webhook(list), noon_ms);
      static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
      EXPECT_EQ(ask(s.db(), "SELECT " + word + "_at_ms FROM messages"), "1800000010000") << turned;
    }
  }
}

TEST(receipts, a_failure_without_a_time_does_not_make_the_code_depend_on_the_order) {
  std::set<std::string> codes;
  for (const bool turned : {false, true}) {
    sending_store s(1);
    s.open(1);
    std::vector<status_json> list = {receipt(s, 0, "failed").at(0).because(131026),
                                     receipt(s, 0, "failed").at(0).because(131049)};
    if (turned) std::reverse(list.begin(), list.end());
    inbound::append(s.db(), webhook(list), noon_ms);
    static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
    codes.insert(ask(s.db(), "SELECT code FROM messages"));
  }
  EXPECT_EQ(codes.size(), 1u);
}

}  // namespace
}  // namespace bulkmsg::testing
