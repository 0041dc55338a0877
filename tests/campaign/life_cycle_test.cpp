#include "bulkmsg/campaign/life_cycle.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "bulkmsg/campaign/counters.hpp"

namespace bulkmsg {
namespace {

using enum campaign_state;
const std::vector<campaign_state> all_states = {draft,  scheduled, starting, sending,
                                                paused, completed, stopped,  failed};

// The design's table, written a second time on purpose: row from, letters of the states it may become, in the order of
// all_states.
const std::map<campaign_state, std::string> table = {
    {draft, ".xx....."},      //
    {scheduled, "x.x....x"},  // cancelled, fired, expired
    {starting, "xx.x...x"},   // a refused start is a draft again; an interrupted one of a schedule waits for it
    {sending, "....xxxx"},    //
    {paused, "...x..xx"},     //
    {completed, "........"},  //
    {stopped, "........"},    //
    {failed, "........"},     //
};

TEST(life_cycle, may_become_exactly_what_the_table_says) {
  for (const auto from : all_states) {
    for (std::size_t to = 0; to < all_states.size(); ++to) {
      EXPECT_EQ(may_become(from, all_states[to]), table.at(from)[to] == 'x')
          << name(from) << " -> " << name(all_states[to]);
    }
  }
}

TEST(life_cycle, what_is_final_becomes_nothing_else_and_only_that) {
  for (const auto state : all_states) {
    EXPECT_EQ(is_final(state), table.at(state) == "........") << name(state);
  }
}

TEST(life_cycle, nothing_that_was_sent_from_becomes_a_draft_again) {
  for (const auto state : {sending, paused, completed, stopped, failed}) EXPECT_FALSE(may_become(state, draft));
}

TEST(life_cycle, a_refused_transition_names_the_verb_and_the_state) {
  const auto refused = check_transition(completed, paused, "pause");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::wrong_state);
  EXPECT_EQ(refused.error().message, "cannot pause a campaign that is completed");
  EXPECT_TRUE(check_transition(sending, paused, "pause").has_value());
}

TEST(life_cycle, stored_numbers_never_change) {
  const std::map<int, std::string> campaign_names = {{1, "draft"},  {2, "scheduled"}, {3, "starting"}, {4, "sending"},
                                                     {5, "paused"}, {6, "completed"}, {7, "stopped"},  {8, "failed"}};
  const std::map<int, std::string> message_names = {{0, "queued"},      {1, "retry"},   {2, "sent"},      {3, "failed"},
                                                    {4, "unconfirmed"}, {5, "skipped"}, {6, "attempting"}};
  const std::map<int, std::string> receipt_names = {{0, ""}, {1, "sent"}, {2, "failed"}, {3, "delivered"}, {4, "read"}};
  for (const auto& [number, text] : campaign_names) EXPECT_EQ(name(static_cast<campaign_state>(number)), text);
  for (const auto& [number, text] : message_names) EXPECT_EQ(name(static_cast<message_state>(number)), text);
  for (const auto& [number, text] : receipt_names) EXPECT_EQ(name(static_cast<receipt_rank>(number)), text);
}

TEST(life_cycle, a_number_of_a_newer_version_has_a_name_too) {
  EXPECT_EQ(name(static_cast<campaign_state>(9)), "unknown");
  EXPECT_EQ(name(static_cast<message_state>(7)), "unknown");
  EXPECT_EQ(name(static_cast<receipt_rank>(5)), "unknown");
  EXPECT_FALSE(may_become(static_cast<campaign_state>(9), sending));
}

TEST(counters, queued_is_what_no_other_counter_holds) {
  const counters c{.total = 100,
                   .sent = 50,
                   .failed = 10,
                   .unconfirmed = 5,
                   .skipped = 3,
                   .delivered = 40,
                   .read = 20,
                   .undelivered = 7,
                   .responded = 2};
  EXPECT_EQ(c.queued(), 32) << "parts of sent are not taken off twice";
}

TEST(counters, adding_adds_every_one) {
  counters sum{1, 2, 3, 4, 5, 6, 7, 8, 9};
  sum += counters{10, 20, 30, 40, 50, 60, 70, 80, 90};
  EXPECT_EQ(sum, (counters{11, 22, 33, 44, 55, 66, 77, 88, 99}));
}

}  // namespace
}  // namespace bulkmsg
