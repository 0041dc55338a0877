#include "bulkmsg/channels/whatsapp_errors.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <set>

namespace bulkmsg::channels {
namespace {

TEST(whatsapp_errors, table_is_sorted_and_complete_in_itself) {
  std::int64_t last = -1;
  for (const provider_error& row : detail::whatsapp_error_table) {
    EXPECT_GT(row.first, last);
    EXPECT_GE(row.last, row.first);
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_EQ(find_whatsapp_error(row.first), &row);
    EXPECT_EQ(find_whatsapp_error(row.last), &row);
    last = row.last;
  }
}

TEST(whatsapp_errors, each_documented_code_has_its_action) {
  const struct {
    action what;
    std::set<int> codes;
  } cases[] = {
      {action::retry, {1, 131000, 131016, 133004, 131208}},
      {action::slow, {2, 4, 17, 32, 613, 80007, 80008, 130429}},
      {action::pair, {131056}},
      {action::defer, {131049}},
      {action::pause_number, {33, 131037, 131045, 131048, 131057, 133010}},
      {action::pause_account, {0, 3, 10, 190, 200, 250, 299, 368, 131005, 131031, 131042, 131064}},
      {action::pause_campaign, {132001, 132015, 132068, 132069, 134101}},
      {action::fail_message, {100,    130472, 131008, 131009, 131047, 131053, 131062, 132000, 132005, 132007,
                              132008, 132018, 131020, 131041, 131201, 131215, 135000, 137000, 138001, 139200}},
      {action::fail_recipient, {130403, 130497, 131021, 131026, 131030}},
      {action::fail_campaign, {131051, 131055, 131063, 132012, 132016, 134011, 134100, 134102}},
      {action::opt_out, {131050}},
      {action::log, {130501, 131044, 131052, 131059, 131060}},
  };
  for (const auto& each : cases) {
    for (const int code : each.codes) {
      EXPECT_EQ(name(whatsapp_action(code, 400, false)), name(each.what)) << code;
    }
  }
}

// Facts 2.3, row by row: code and action in the words there.
TEST(whatsapp_errors, the_table_is_that_of_the_facts_and_the_code_decides_whatever_the_status) {
  const struct {
    int first, last;
    action what;
  } facts[] = {
      {0, 0, action::pause_account},
      {1, 1, action::retry},
      {2, 2, action::slow},
      {3, 3, action::pause_account},
      {4, 4, action::slow},
      {10, 10, action::pause_account},
      {17, 17, action::slow},
      {613, 613, action::slow},
      {32, 32, action::slow},
      {33, 33, action::pause_number},
      {100, 100, action::fail_message},
      {190, 190, action::pause_account},
      {200, 299, action::pause_account},
      {368, 368, action::pause_account},
      {80007, 80008, action::slow},
      {130403, 130403, action::fail_recipient},
      {130429, 130429, action::slow},
      {130472, 130472, action::fail_message},
      {130497, 130497, action::fail_recipient},
      {130501, 130501, action::log},
      {131000, 131000, action::retry},
      {131005, 131005, action::pause_account},
      {131008, 131009, action::fail_message},
      {131016, 131016, action::retry},
      {131020, 131020, action::fail_message},
      {131041, 131041, action::fail_message},
      {131201, 131207, action::fail_message},
      {131208, 131208, action::retry},
      {131209, 131215, action::fail_message},
      {131021, 131021, action::fail_recipient},
      {131026, 131026, action::fail_recipient},
      {131030, 131030, action::fail_recipient},
      {131031, 131031, action::pause_account},
      {131037, 131037, action::pause_number},
      {131042, 131042, action::pause_account},
      {131044, 131044, action::log},
      {131045, 131045, action::pause_number},
      {131047, 131047, action::fail_message},
      {131048, 131048, action::pause_number},
      {131049, 131049, action::defer},
      {131050, 131050, action::opt_out},
      {131051, 131051, action::fail_campaign},
      {131052, 131052, action::log},
      {131053, 131053, action::fail_message},
      {131055, 131055, action::fail_campaign},
      {131056, 131056, action::pair},
      {131057, 131057, action::pause_number},
      {131059, 131060, action::log},
      {131062, 131062, action::fail_message},
      {131063, 131063, action::fail_campaign},
      {131064, 131064, action::pause_account},
      {132000, 132000, action::fail_message},
      {132001, 132001, action::pause_campaign},
      {132005, 132005, action::fail_message},
      {132007, 132008, action::fail_message},
      {132012, 132012, action::fail_campaign},
      {132015, 132015, action::pause_campaign},
      {132016, 132016, action::fail_campaign},
      {132018, 132018, action::fail_message},
      {132068, 132069, action::pause_campaign},
      {133000, 133000, action::pause_number},
      {133004, 133004, action::retry},
      {133005, 133006, action::pause_number},
      {133008, 133010, action::pause_number},
      {133015, 133016, action::pause_number},
      {134011, 134011, action::fail_campaign},
      {134100, 134100, action::fail_campaign},
      {134101, 134101, action::pause_campaign},
      {134102, 134102, action::fail_campaign},
      {135000, 135000, action::fail_message},
      {137000, 137000, action::fail_message},
      {138000, 139999, action::fail_message},
      {2388000, 2388999, action::fail_message},
      {2494100, 2494100, action::retry},
  };
  for (const auto& row : facts) {
    for (int code = row.first; code <= row.last; ++code) {
      for (const int status : {400, 401, 403, 404, 429, 500, 503}) {
        EXPECT_EQ(name(whatsapp_action(code, status, status == 503)), name(row.what)) << code << " at " << status;
      }
    }
  }
}

TEST(whatsapp_errors, only_what_may_pass_is_worth_another_try) {
  for (const int code : {1, 2, 131000, 131016, 131049, 131056, 131042, 132015, 190}) {
    EXPECT_TRUE(may_pass(whatsapp_action(code, 400, false))) << code;
  }
  for (const int code : {100, 131026, 131050, 131047, 132012, 130472, 131052}) {
    EXPECT_FALSE(may_pass(whatsapp_action(code, 400, false))) << code;
  }
}

TEST(whatsapp_errors, unknown_codes_follow_transience_and_status) {
  EXPECT_EQ(find_whatsapp_error(999999), nullptr);
  EXPECT_EQ(find_whatsapp_error(-1), nullptr);
  EXPECT_EQ(whatsapp_action(999999, 400, true), action::retry);
  EXPECT_EQ(whatsapp_action(999999, 429, false), action::slow);
  EXPECT_EQ(whatsapp_action(999999, 400, false), action::fail_message);
  EXPECT_EQ(whatsapp_action(999999, 500, false), action::retry);
}

TEST(whatsapp_errors, what_a_refusal_is_about_is_data) {
  EXPECT_EQ(find_whatsapp_error(131053)->about, part::media);
  EXPECT_EQ(find_whatsapp_error(132000)->about, part::parameters);
  EXPECT_EQ(find_whatsapp_error(132008)->about, part::message);
}

TEST(whatsapp_errors, waits_are_data) {
  EXPECT_EQ(find_whatsapp_error(131049)->wait_s, 24u * 3600);
  EXPECT_EQ(find_whatsapp_error(131057)->wait_s, 60u);
  EXPECT_EQ(find_whatsapp_error(1)->retries_max, 3u);
  EXPECT_TRUE(is_token_error(190));
  EXPECT_TRUE(is_token_error(0));
  EXPECT_FALSE(is_token_error(131005));
}

}  // namespace
}  // namespace bulkmsg::channels
