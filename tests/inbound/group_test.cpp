// A WhatsApp group is one recipient: its message counts once, its participants are kept apart.
#include <gtest/gtest.h>

#include <algorithm>

#include "inbound/merge.hpp"
#include "store/group_receipts.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using enum message_state;

inbound::merge_result deliver(scratch_store& s, const std::vector<status_json>& statuses) {
  inbound::append(s.db(), webhook(statuses), noon_ms);
  return inbound::merge(s.db(), scratch_store_id, noon_ms);
}
std::string participants(scratch_store& s) {
  return table(s.db(),
               "SELECT participant, receipt, sent_at_ms, delivered_at_ms, read_at_ms, failed_at_ms, code FROM "
               "group_receipts ORDER BY message, participant");
}

TEST(group, counts_once_however_many_participants_there_are) {
  sending_store s(2);
  s.open(1);
  s.settle(0, accepted, "wamid.0", 1);
  deliver(s, {receipt(s, 0, "sent").at(10), receipt(s, 0, "delivered").of("ana").at(20),
              receipt(s, 0, "delivered").of("ben").at(30), receipt(s, 0, "read").of("ben").at(40),
              receipt(s, 0, "read").of("ana").at(50)});
  const auto c = s.told();
  EXPECT_EQ(c.sent, 1);
  EXPECT_EQ(c.delivered, 1);
  EXPECT_EQ(c.read, 1);
  EXPECT_EQ(participants(s), "ana|4|-|20000|50000|-|- ben|4|-|30000|40000|-|- ");
  EXPECT_EQ(table(s.db(), "SELECT receipt, sent_at_ms, delivered_at_ms, read_at_ms FROM messages"),
            "4|10000|20000|40000 ");
  const auto list = store::list_group_receipts(s.db(), s.message(0));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].participant, "ben");
  EXPECT_EQ(list[1].read_at_ms, 40'000);
}

TEST(group, any_order_and_any_repetition_gives_the_same) {
  std::vector<std::string> rows;
  const auto told = [](const sending_store& s) {
    return std::vector<status_json>{receipt(s, 0, "delivered").of("ana").at(20), receipt(s, 0, "read").of("ana").at(30),
                                    receipt(s, 0, "failed").of("ben").at(25).because(131026, "gone"),
                                    receipt(s, 0, "delivered").of("ben").at(40)};
  };
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    sending_store s(1);
    s.open(1);
    s.settle(0, accepted, "wamid.0", 1);
    for (int times = 0; times < 2; ++times) {
      for (const auto i : order) deliver(s, {told(s)[i]});
    }
    rows.push_back(participants(s) + table(s.db(),
                                           "SELECT receipt, code, sent_at_ms, delivered_at_ms, read_at_ms, "
                                           "failed_at_ms FROM messages"));
    EXPECT_EQ(rows.back(), rows.front());
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(rows.front(), "ana|4|-|20000|30000|-|- ben|3|-|40000|-|25000|131026 4|-|-|20000|30000|- ");
}

TEST(group, one_participant_who_cannot_be_reached_is_not_the_group) {
  sending_store s(2);
  s.open(2);
  s.settle(0, accepted, "wamid.0", 1);
  s.settle(1, unconfirmed, {}, 1);
  deliver(s, {receipt(s, 0, "failed").of("ana").because(131026), receipt(s, 1, "failed").of("ana").because(131026)});
  auto c = s.told();
  EXPECT_EQ(c.sent, 2) << "and it proves that the message was taken";
  EXPECT_EQ(c.unconfirmed, 0);
  EXPECT_EQ(c.undelivered, 0);
  deliver(s, {receipt(s, 0, "failed").because(131026)});
  EXPECT_EQ(s.told().undelivered, 1) << "the group itself";
}

TEST(group, what_is_not_ours_leaves_no_participants) {
  sending_store s(2);
  s.open(1);
  deliver(s, {receipt(s, 1, "read").of("ana"), receipt(s, 0, "read").of(std::string(500, 'x'))});
  EXPECT_EQ(participants(s), "");
}

}  // namespace
}  // namespace bulkmsg::testing
