#include "bulkmsg/base/result.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/ids.hpp"

namespace bulkmsg {
namespace {

// The contract: number and name of every code, written here a second time on purpose. A line may be added, never
// changed.
const std::vector<std::pair<int, std::string>> known_codes = {
    {0, "ok"},
    {1001, "invalid_argument"},
    {1002, "wrong_state"},
    {1003, "not_found"},
    {1004, "conflict"},
    {1005, "closed"},
    {1006, "forked"},
    {1007, "unknown_option"},
    {1008, "bad_option_value"},
    {1009, "read_only"},
    {1010, "secret_missing"},
    {2001, "file_unreadable"},
    {2002, "csv_empty"},
    {2003, "csv_no_phone_column"},
    {2004, "csv_bad_header"},
    {2005, "text_not_utf8"},
    {2006, "row_too_long"},
    {2007, "row_has_extra_cells"},
    {2008, "row_has_missing_cells"},
    {2009, "csv_unclosed_quote"},
    {2010, "phone_missing"},
    {2011, "phone_has_letters"},
    {2012, "phone_too_short"},
    {2013, "phone_too_long"},
    {2014, "phone_unknown_country"},
    {2015, "phone_needs_country"},
    {2016, "address_malformed"},
    {2017, "address_not_for_channel"},
    {2018, "row_malformed"},
    {2020, "duplicate_recipient"},
    {2021, "recipient_suppressed"},
    {2022, "consent_missing"},
    {2023, "recipient_for_tests"},
    {2024, "window_closed"},
    {2030, "parameter_missing"},
    {2031, "parameter_not_allowed"},
    {2032, "parameter_too_long"},
    {2033, "column_missing"},
    {2040, "template_malformed"},
    {2041, "template_not_approved"},
    {2042, "template_not_supported"},
    {2043, "message_malformed"},
    {2044, "content_blocked"},
    {2050, "json_malformed"},
    {2051, "segment_malformed"},
    {2052, "channel_malformed"},
    {2053, "attribute_mismatch"},
    {2060, "signature_mismatch"},
    {2061, "too_large"},
    {2062, "media_not_supported"},
    {3001, "credits_short"},
    {3002, "queue_full"},
    {3003, "rate_limited"},
    {4001, "connect_failed"},
    {4002, "tls_failed"},
    {4003, "timed_out"},
    {4004, "connection_lost"},
    {5001, "provider_refused"},
    {5002, "provider_unreadable"},
    {5003, "token_rejected"},
    {6001, "store_failed"},
    {6002, "store_newer"},
    {6003, "store_in_use"},
    {6004, "store_foreign"},
    {6005, "store_corrupt"},
    {9001, "internal"},
    {9002, "out_of_memory"},
};

TEST(errc, every_number_keeps_its_name) {
  for (const auto& [number, text] : known_codes) EXPECT_EQ(name(static_cast<errc>(number)), text) << number;
}

TEST(errc, a_code_that_this_list_does_not_have_is_in_no_build_either) {
  std::set<int> known;
  for (const auto& [number, text] : known_codes) known.insert(number);
  for (int number = -10; number < 10'000; ++number) {
    if (known.contains(number)) continue;
    EXPECT_EQ(name(static_cast<errc>(number)), "unknown") << number;
  }
}

TEST(errc, no_name_is_used_twice) {
  std::set<std::string_view> names;
  for (const auto& [number, text] : known_codes) EXPECT_TRUE(names.insert(name(static_cast<errc>(number))).second);
}

TEST(error, fail_gives_a_result_without_a_value) {
  const result<int> refused = fail(errc::conflict, "the same id with other contents");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_EQ(refused.error().message, "the same id with other contents");
  EXPECT_EQ(refused.error().provider_code, 0);
  EXPECT_EQ(refused.error().retry_after_ms, 0);
}

TEST(error, an_error_passed_on_keeps_all_it_says) {
  const result<int> inner = fail(error{errc::provider_refused, "no", 131056, 6'000});
  const result<std::string> outer = fail(inner.error());
  EXPECT_EQ(outer.error().code, errc::provider_refused);
  EXPECT_EQ(outer.error().message, "no");
  EXPECT_EQ(outer.error().provider_code, 131056);
  EXPECT_EQ(outer.error().retry_after_ms, 6'000);
}

TEST(error, one_made_of_nothing_is_a_bug_and_not_success) { EXPECT_EQ(error{}.code, errc::internal); }

TEST(message_id, its_key_sorts_by_lane_and_then_sequence) {
  const std::vector<message_id> ascending = {{1, 0}, {1, 1}, {1, 0xffffffff}, {2, 0}, {0x7fffffff, 0xffffffff}};
  for (std::size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(ascending[i - 1].key(), ascending[i].key());
    EXPECT_LT(ascending[i - 1], ascending[i]);
  }
}

TEST(message_id, its_key_gives_back_the_same_id) {
  for (const message_id id : {message_id{0, 0}, message_id{1, 0}, message_id{1, 0x80000000}, message_id{7, 0xffffffff},
                              message_id{0x7fffffff, 0xffffffff}}) {
    EXPECT_EQ(message_id::from_key(id.key()), id);
  }
}

TEST(id, only_zero_is_none) {
  EXPECT_FALSE(campaign_id{});
  EXPECT_TRUE(campaign_id{1});
  EXPECT_TRUE(campaign_id{-1});
}

TEST(manual_clock, it_moves_when_told_and_never_back) {
  manual_clock time(1000 * second);
  const auto start = time.now();
  time.advance(5 * second);
  EXPECT_EQ(time.now(), start + 5 * second);
  time.advance_to(start);
  EXPECT_EQ(time.now(), start + 5 * second);
}

TEST(manual_clock, the_wall_may_jump_while_now_goes_on) {
  manual_clock time(1000 * second);
  const auto before = time.now();
  const auto wall = time.wall();
  time.shift_wall(-3600 * second);
  EXPECT_EQ(time.now(), before);
  EXPECT_EQ(time.wall(), wall - 3600 * second);
}

}  // namespace
}  // namespace bulkmsg
