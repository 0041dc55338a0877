#include "receipts.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <map>
#include <set>
#include <string>

namespace sandbox {
namespace {

struct told {
  std::map<std::string, std::map<std::string, int>> by_id;  // wamid -> status -> how often
  std::size_t bodies = 0;
  std::size_t total = 0;
};

/// Takes everything that is due by `now_ms`.
void drain(receipts& from, std::int64_t now_ms, told& into, bool answered = true, std::size_t most = 10) {
  simdjson::dom::parser parser;
  receipts::batch batch;
  while (from.take(now_ms, most, false, batch)) {
    const simdjson::padded_string text(batch.body);
    simdjson::dom::element document = parser.parse(text);
    const auto value = document["entry"].at(0)["changes"].at(0)["value"];
    EXPECT_EQ(std::string_view(value["metadata"]["phone_number_id"]), "1065");
    EXPECT_LE(batch.items.size(), most);
    for (const simdjson::dom::element status : value["statuses"]) {
      EXPECT_TRUE(status["timestamp"].is_string());
      ++into.by_id[std::string(status["id"].get_string().value())][std::string(status["status"].get_string().value())];
      ++into.total;
    }
    ++into.bodies;
    from.settle(batch, answered);
  }
}

receipts make() { return receipts("1022", "1065", "15550783881", 1); }

accepted_message message(std::uint64_t request) {
  return {.recipient = "15550001111",
          .callback = "c/1",
          .request = request,
          .unix_ms = 1'000'000,
          .category = price_category::marketing};
}

TEST(receipts, ids_are_unique) {
  std::set<std::string> ids;
  for (std::uint64_t i = 0; i < 10'000; ++i) ids.insert(make_wamid("15550001111", 7, i));
  EXPECT_EQ(ids.size(), 10'000U);
  EXPECT_TRUE(ids.begin()->starts_with("wamid.HBgLMTU1NTAwMDExMTE"));
}

TEST(receipts, of_a_group_come_from_each_participant) {
  auto all = make();
  faults chances;
  chances.read_ratio = 1;
  auto to_group = message(1);
  to_group.group = true;
  all.add(to_group, chances, true);
  std::map<std::string, std::set<std::string>> participants;  // by status
  receipts::batch batch;
  simdjson::dom::parser parser;
  while (all.take(2'000'000, 10, false, batch)) {
    const simdjson::padded_string text(batch.body);
    simdjson::dom::element document = parser.parse(text);
    for (const simdjson::dom::element status : document["entry"].at(0)["changes"].at(0)["value"]["statuses"]) {
      EXPECT_EQ(std::string_view(status["recipient_type"]), "group");
      std::string_view who;
      const bool told = status["recipient_participant_id"].get(who) == simdjson::SUCCESS;
      EXPECT_TRUE(
          participants[std::string(status["status"].get_string().value())].insert(told ? std::string(who) : "").second);
    }
    all.settle(batch, true);
  }
  EXPECT_EQ(participants["sent"], std::set<std::string>{""});
  EXPECT_EQ(participants["delivered"].size(), 3U);
  EXPECT_EQ(participants["read"], participants["delivered"]);
}

TEST(receipts, come_in_order_when_due) {
  auto all = make();
  faults chances;
  chances.read_ratio = 1;
  chances.webhook_delay = {100, 100};
  all.add(message(1), chances, true);
  told got;
  drain(all, 1'000'099, got);
  EXPECT_EQ(got.total, 0U);
  EXPECT_EQ(all.pending(), 3U);
  drain(all, 1'000'100, got);
  EXPECT_EQ(got.total, 1U);
  drain(all, 1'000'300, got);
  EXPECT_EQ(got.total, 3U);
  EXPECT_EQ(got.bodies, 3U - 1U);
  EXPECT_EQ(all.pending(), 0U);
  EXPECT_EQ(all.delivered(), 3U);
}

TEST(receipts, lost_ones_come_with_a_replay) {
  auto all = make();
  faults chances;
  chances.webhook_lose = 0.3;
  chances.webhook_late = 0.1;
  chances.undelivered = {{131049, 0.2}};
  std::size_t due = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) all.add(message(i), chances, true);
  told got;
  drain(all, 2'000'000, got);
  const auto lost = all.lost();
  EXPECT_GT(lost, 500U);
  due = got.total + lost;
  all.replay(true);
  EXPECT_GT(all.pending(), 0U);
  drain(all, 2'000'000, got);
  EXPECT_EQ(got.total, due);
  EXPECT_EQ(all.lost(), 0U);
  EXPECT_EQ(all.pending(), 0U);
  EXPECT_EQ(got.by_id.size(), 1000U);
  for (const auto& [id, statuses] : got.by_id) {
    EXPECT_TRUE(statuses.contains("failed") != statuses.contains("sent"));
    for (const auto& [status, times] : statuses) EXPECT_EQ(times, 1) << status;
  }
  all.replay(false);
  drain(all, 2'000'000, got);
  EXPECT_EQ(got.total, 2 * due);
}

TEST(receipts, nobody_listening_means_all_are_kept) {
  auto all = make();
  faults chances;
  chances.read_ratio = 0;
  all.add(message(1), chances, false);
  EXPECT_EQ(all.pending(), 0U);
  EXPECT_EQ(all.lost(), 2U);
  all.replay(true);
  told got;
  drain(all, 0, got);
  EXPECT_EQ(got.total, 2U);
}

TEST(receipts, unanswered_ones_are_lost_until_replayed) {
  auto all = make();
  all.add(message(1), {}, true);
  told got;
  drain(all, 2'000'000, got, false);
  EXPECT_EQ(all.lost(), got.total);
  EXPECT_EQ(all.delivered(), 0U);
}

TEST(receipts, duplicates_come_twice) {
  auto all = make();
  faults chances;
  chances.webhook_duplicate = 1;
  chances.read_ratio = 0;
  all.add(message(1), chances, true);
  told got;
  drain(all, 2'000'000, got);
  EXPECT_EQ(got.total, 4U);
  EXPECT_EQ(all.lost(), 0U);
  EXPECT_EQ(all.pending(), 0U);
}

TEST(receipts, memory_is_bounded) {
  auto all = make();
  faults chances;
  chances.read_ratio = 0;
  chances.delivered_ratio = 0;
  const std::string callback(2048, 'x');
  auto one = message(1);
  one.callback = callback;
  for (std::uint64_t i = 0; i < 200'000; ++i) all.add(one, chances, false);
  EXPECT_LE(all.lost() * callback.size(), receipts::most_text);
  EXPECT_GT(all.lost(), 100'000U);
  all.replay(true);
  told got;
  drain(all, 0, got, true, 1000);
  EXPECT_EQ(all.lost(), 0U);
}

}  // namespace
}  // namespace sandbox
