// What people ask a store: status, lists, messages, reasons.
#include <gtest/gtest.h>

#include "inbound/merge.hpp"
#include "inbound/webhook_bodies.hpp"
#include "scratch_store.hpp"
#include "store/keys.hpp"
#include "store/lanes.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"

namespace bulkmsg::testing {
namespace {

void deliver(sending_store& s, const std::vector<status_json>& statuses) {
  inbound::append(s.db(), webhook(statuses), noon_ms);
  static_cast<void>(inbound::merge(s.db(), scratch_store_id, noon_ms));
}

TEST(status, names_sender_template_and_credits) {
  sending_store s(5, 2);
  s.open(5);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::refused);
  const auto told = store::read_status(s.db(), s.campaign);
  EXPECT_EQ(told.id, campaign_id{s.campaign});
  EXPECT_EQ(told.name, "c");
  EXPECT_EQ(told.state, campaign_state::sending);
  EXPECT_EQ(told.sender, "s");
  EXPECT_EQ(told.content, "t (en_US)");
  EXPECT_EQ(told.credits_spent, 1);
  EXPECT_EQ(told.credits_reserved, 3);
  EXPECT_EQ(told.counters.total, 7);
  EXPECT_EQ(told.counters.skipped, 2);
  EXPECT_EQ(told.created_at_ms, noon_ms);
}

TEST(status, without_an_account_no_credits_are_told) {
  sending_store s(2, 0, false);
  s.open(1);
  s.settle(0, message_state::accepted);
  EXPECT_EQ(store::read_status(s.db(), s.campaign).credits_spent, 0);
  EXPECT_EQ(store::read_status(s.db(), s.campaign).credits_reserved, 0);
}

TEST(list, pages_by_id_without_gaps_or_repeats) {
  scratch_store s;
  std::vector<std::int64_t> made, seen;
  for (int i = 0; i < 7; ++i) made.push_back(s.draft("c" + std::to_string(i)));
  for (std::int64_t after = 0;;) {
    const auto page = store::list_campaigns(s.db(), {.after = {after}, .limit = 3});
    EXPECT_LE(page.size(), 3u);
    if (page.empty() || seen.size() > made.size()) break;
    for (const auto& c : page) seen.push_back(c.id.value);
    after = seen.back();
  }
  EXPECT_EQ(seen, made);
}

class paging : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(messages, paging, ::testing::Values(1, 2, 3, 7, 10, 1000));

TEST_P(paging, gives_every_message_once_in_order) {
  sending_store s(10);
  s.open(6);
  s.settle(2, message_state::accepted);
  s.settle(4, message_state::refused);
  std::vector<std::uint32_t> seen;
  message_filter filter{.limit = GetParam()};
  for (;;) {
    const auto page = store::list_messages(s.db(), s.campaign, filter);
    EXPECT_LE(page.size(), GetParam());
    if (page.empty() || seen.size() > 10) break;
    for (const auto& m : page) seen.push_back(m.id.sequence);
    filter.after = page.back().id;
  }
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_P(paging, goes_over_from_one_lane_to_the_next) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 9);
  const auto one = store::insert_lane(s.db(), id, 5);
  const auto two = store::insert_lane(s.db(), id, 4);
  store::lay(s.db(), id, one, 0, 5);
  s.db().exec("INSERT INTO plan(id, recipient) SELECT (" + std::to_string(two) +
              " << 32) | ((id & 0xffffffff) - 5), id FROM recipients WHERE (id & 0xffffffff) >= 5");
  std::vector<message_id> seen;
  message_filter filter{.limit = GetParam()};
  for (;;) {
    const auto page = store::list_messages(s.db(), id, filter);
    EXPECT_LE(page.size(), GetParam());
    if (page.empty() || seen.size() > 10) break;
    for (const auto& m : page) seen.push_back(m.id);
    filter.after = page.back().id;
  }
  ASSERT_EQ(seen.size(), 9u);
  for (std::uint32_t i = 0; i < 9; ++i) EXPECT_EQ(seen[i], (i < 5 ? message_id{one, i} : message_id{two, i - 5}));
}

TEST(messages, each_state_can_be_asked_for_and_together_they_are_all) {
  sending_store s(8);
  s.open(7);
  s.settle(0, message_state::accepted);
  s.settle(1, message_state::refused);
  s.settle(2, message_state::unconfirmed);
  s.settle(3, message_state::skipped);
  s.settle(4, message_state::retry, {}, 1, noon_ms);
  s.settle(5, message_state::retry, {}, 1, noon_ms + 10);
  store::claim c;
  store::open_retries(s.db(), s.lane, 1, noon_ms, c);
  const auto of = [&](message_state state) {
    std::vector<std::uint32_t> sequences;
    for (const auto& m : store::list_messages(s.db(), s.campaign, {.state = state})) {
      EXPECT_EQ(m.state, state);
      sequences.push_back(m.id.sequence);
    }
    return sequences;
  };
  using list = std::vector<std::uint32_t>;
  EXPECT_EQ(of(message_state::accepted), list{0});
  EXPECT_EQ(of(message_state::refused), list{1});
  EXPECT_EQ(of(message_state::unconfirmed), list{2});
  EXPECT_EQ(of(message_state::skipped), list{3});
  EXPECT_EQ(of(message_state::attempting), list{4});
  EXPECT_EQ(of(message_state::retry), list{5});
  EXPECT_EQ(of(message_state::queued), (list{6, 7}));
}

TEST(messages, undelivered_are_the_accepted_ones_that_a_receipt_failed) {
  sending_store s(5);
  s.open(5);
  for (std::uint32_t i = 0; i < 4; ++i) s.settle(i, message_state::accepted);
  s.settle(4, message_state::refused);
  deliver(s, {receipt(s, 1, "failed").because(131026), receipt(s, 2, "failed").because(131026),
              receipt(s, 2, "delivered"), receipt(s, 3, "sent")});
  const auto list = store::list_messages(s.db(), s.campaign, {.undelivered = true});
  ASSERT_EQ(list.size(), 1u) << "delivered may follow failed";
  EXPECT_EQ(list[0].id.sequence, 1u);
  EXPECT_EQ(list[0].code, 131026);
}

TEST(messages, a_row_tells_address_outcome_and_times) {
  sending_store s(1);
  s.open(1);
  s.settle(0, message_state::accepted, "wamid.0");
  deliver(s, {receipt(s, 0, "sent").at(1'800'000'010), receipt(s, 0, "read").at(1'800'000'030),
              receipt(s, 0, "delivered").at(1'800'000'020)});
  const auto row = s.row(0);
  EXPECT_EQ(row.address, "+15551000002");
  EXPECT_EQ(row.provider_id, "wamid.0");
  EXPECT_EQ(row.receipt, receipt_rank::read);
  EXPECT_EQ(row.at_ms, noon_ms + 1);
  EXPECT_EQ(row.sent_at_ms, 1'800'000'010'000);
  EXPECT_EQ(row.delivered_at_ms, 1'800'000'020'000);
  EXPECT_EQ(row.read_at_ms, 1'800'000'030'000);
  EXPECT_EQ(row.failed_at_ms, 0);
}

TEST(messages, before_the_start_there_are_none) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 3);
  EXPECT_TRUE(store::list_messages(s.db(), id, {}).empty());
}

TEST(rejected, pages_by_number) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 2, 5);
  std::vector<std::int64_t> lines;
  for (std::int64_t after = 0;;) {
    const auto page = store::list_rejected(s.db(), id, after, 2);
    if (page.empty() || lines.size() > 5) break;
    for (const auto& r : page) lines.push_back(r.line);
    after = page.back().number;
  }
  EXPECT_EQ(lines, (std::vector<std::int64_t>{4, 5, 6, 7, 8}));
}

TEST(rejected, a_row_tells_line_column_code_reason_and_address) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 0, 1, 17);
  const auto rows = store::list_rejected(s.db(), id, 0, 10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].line, 17);
  EXPECT_EQ(rows[0].column, 1);
  EXPECT_EQ(rows[0].column_name, "phone_number");
  EXPECT_EQ(rows[0].code, errc::phone_too_short);
  EXPECT_EQ(rows[0].reason, "too short");
  EXPECT_EQ(rows[0].address, "+1");
}

TEST(rejected, those_of_another_campaign_are_not_told) {
  scratch_store s;
  const auto one = s.draft(), two = s.draft();
  s.import(one, 0, 2);
  s.import(two, 0, 1);
  EXPECT_EQ(store::list_rejected(s.db(), one, 0, 10).size(), 2u);
  EXPECT_EQ(store::list_rejected(s.db(), two, 0, 10).size(), 1u);
}

TEST(failed_by_reason, counts_refusals_and_failed_receipts_by_code_the_most_frequent_first) {
  sending_store s(8);
  s.open(8);
  for (std::uint32_t i = 0; i < 5; ++i) s.settle(i, message_state::accepted);
  s.settle(5, message_state::refused);
  s.settle(6, message_state::unconfirmed);
  deliver(s, {receipt(s, 0, "failed").because(131026, "gone"), receipt(s, 1, "failed").because(131026, "gone"),
              receipt(s, 2, "delivered")});
  const auto reasons = store::count_failed(s.db(), s.campaign);
  ASSERT_EQ(reasons.size(), 2u);
  EXPECT_EQ(reasons[0].code, 131026);
  EXPECT_EQ(reasons[0].reason, "gone");
  EXPECT_EQ(reasons[0].count, 2);
  EXPECT_EQ(reasons[1].code, 131000);
  EXPECT_EQ(reasons[1].count, 1);
}

TEST(failed_by_reason, tells_a_reason_of_several_lanes_once_and_the_most_frequent_first) {
  sending_store s(4);
  s.open(4);
  s.settle(0, message_state::refused);  // 131000
  const auto other = store::insert_lane(s.db(), s.campaign, 3);
  std::int64_t key = store::row_key(other);
  for (const std::int64_t code : {131000, 131026, 131026}) {
    s.db().run("INSERT INTO messages(id, state, attempt, at_ms, code, detail) VALUES (?1, 3, 1, ?2, ?3, 'no')", key++,
               noon_ms, code);
  }
  s.settle(1, message_state::refused);
  const auto reasons = store::count_failed(s.db(), s.campaign);
  ASSERT_EQ(reasons.size(), 2u);
  EXPECT_EQ(reasons[0].code, 131000);
  EXPECT_EQ(reasons[0].count, 3);
  EXPECT_EQ(reasons[1].code, 131026);
  EXPECT_EQ(reasons[1].count, 2);
}

TEST(skipped_by_reason, counts_rejected_rows_by_code) {
  scratch_store s;
  const auto id = s.draft();
  s.import(id, 1, 3);
  store::recipient_batch more;
  more.rejected.push_back({.line = 9, .code = errc::duplicate_recipient, .reason = "again"});
  store::append_recipients(s.db(), id, more, "param1");
  const auto reasons = store::count_skipped(s.db(), id);
  ASSERT_EQ(reasons.size(), 2u);
  EXPECT_EQ(reasons[0].code, static_cast<std::int32_t>(errc::phone_too_short));
  EXPECT_EQ(reasons[0].count, 3);
  EXPECT_EQ(reasons[1].code, static_cast<std::int32_t>(errc::duplicate_recipient));
  EXPECT_EQ(reasons[1].count, 1);
}

}  // namespace
}  // namespace bulkmsg::testing
