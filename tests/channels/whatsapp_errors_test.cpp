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

TEST(whatsapp_errors, unknown_codes_follow_transience_and_status) {
  EXPECT_EQ(find_whatsapp_error(999999), nullptr);
  EXPECT_EQ(find_whatsapp_error(-1), nullptr);
  EXPECT_EQ(whatsapp_action(999999, 400, true), action::retry);
  EXPECT_EQ(whatsapp_action(999999, 429, false), action::slow);
  EXPECT_EQ(whatsapp_action(999999, 400, false), action::fail_message);
  EXPECT_EQ(whatsapp_action(999999, 500, false), action::retry);
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
