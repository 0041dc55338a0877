#include "limits.hpp"

#include <gtest/gtest.h>

#include "faults.hpp"
#include "phone.hpp"

namespace sandbox {
namespace {

constexpr nanos ms = 1'000'000;

TEST(sliding_second, is_half_open) {
  sliding_second seen;
  for (int i = 0; i < 80; ++i) seen.add(i);
  EXPECT_EQ(seen.peak(), 80U);
  seen.add(one_second);  // the first has just left the window
  EXPECT_EQ(seen.peak(), 80U);
  seen.add(one_second);
  EXPECT_EQ(seen.peak(), 81U);
}

TEST(sliding_second, finds_the_peak_whatever_the_order) {
  sliding_second ordered;
  sliding_second swapped;
  for (int i = 0; i < 3000; ++i) {
    ordered.add(i * 7 * ms);
    swapped.add((i ^ 3) * 7 * ms);
  }
  EXPECT_EQ(ordered.peak(), 143U);
  EXPECT_EQ(swapped.peak(), 143U);
}

TEST(sliding_second, a_late_event_counts_in_later_windows) {
  sliding_second seen;
  seen.add(0);
  seen.add(900 * ms);
  seen.add(1100 * ms);
  EXPECT_EQ(seen.peak(), 2U);
  seen.add(500 * ms);  // now 0, 500, 900 and also 500, 900, 1100
  EXPECT_EQ(seen.peak(), 3U);
}

TEST(rate_limit, admits_n_in_any_window) {
  rate_limit limit(3);
  nanos accepted = 0;
  for (nanos now = 0; now < 10 * one_second; now += 10 * ms) {
    if (!limit.admits(now)) continue;
    limit.take(now);
    ++accepted;
  }
  EXPECT_EQ(accepted, 30);
  EXPECT_TRUE(rate_limit(0).admits(0));
}

TEST(pair_limit, lends_45_and_is_paid_back) {
  pair_limit limit;
  nanos now = 0;
  for (int i = 0; i < 45; ++i) {
    ASSERT_TRUE(limit.admits(7, now)) << i;
    limit.take(7, now);
  }
  EXPECT_FALSE(limit.admits(7, now));
  EXPECT_TRUE(limit.admits(8, now));
  EXPECT_FALSE(limit.admits(7, now + 5999 * ms));
  EXPECT_TRUE(limit.admits(7, now + 6000 * ms));
}

TEST(unique_limit, counts_a_recipient_once_in_24_hours) {
  unique_limit limit(2);
  limit.take(1, 0);
  limit.take(2, one_second);
  EXPECT_FALSE(limit.admits(3, 2 * one_second));
  EXPECT_TRUE(limit.admits(1, 2 * one_second));
  limit.take(1, 2 * one_second);  // counts from here on
  EXPECT_FALSE(limit.admits(3, unique_limit::window));
  EXPECT_TRUE(limit.admits(3, unique_limit::window + one_second));  // 2 has left
  limit.take(3, unique_limit::window + one_second);
  EXPECT_FALSE(limit.admits(4, unique_limit::window + one_second));
  EXPECT_TRUE(limit.admits(4, unique_limit::window + 2 * one_second));
}

TEST(faults, repeat_themselves) {
  int hits = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const double chance = draw(5, i, purpose::drop_after);
    EXPECT_EQ(chance, draw(5, i, purpose::drop_after));
    hits += chance < 0.25;
  }
  EXPECT_NEAR(hits, 2500, 200);
  EXPECT_NE(draw(5, 1, purpose::drop_after), draw(6, 1, purpose::drop_after));
  EXPECT_NE(draw(5, 1, purpose::drop_after), draw(5, 1, purpose::drop_before));
}

TEST(faults, are_parsed_strictly) {
  EXPECT_EQ(parse_delay_range("20..80").max_ms, 80);
  EXPECT_EQ(parse_delay_range("20").max_ms, 20);
  EXPECT_EQ(parse_code_ratios("131049:0.25,2:0.5").at(1).code, 2);
  EXPECT_EQ(draw_code(parse_code_ratios("131049:0.25,2:0.5"), 0.3), 2);
  EXPECT_EQ(draw_code(parse_code_ratios("131049:0.25,2:0.5"), 0.8), 0);
  for (const char* bad : {"80..20", "-1", "x", "", "1..", "..1"})
    EXPECT_THROW(parse_delay_range(bad), std::invalid_argument) << bad;
  for (const char* bad : {"1:2", "1", "x:0.1", "1:nan", "1:0.6,2:0.6"}) {
    EXPECT_THROW(parse_code_ratios(bad), std::invalid_argument) << bad;
  }
  faults some;
  EXPECT_THROW(some.set("drop_nothing", "0.1"), std::invalid_argument);
  some.set("drop_after", "0.1");
  some.set("read_ratio", "0.9");
  some.switch_off();
  EXPECT_EQ(some.drop_after, 0);
  EXPECT_EQ(some.read_ratio, 0.9);
}

TEST(phone, tolerates_what_the_provider_tolerates) {
  EXPECT_EQ(phone_digits("+1 (555) 000-1111"), "15550001111");
  EXPECT_EQ(phone_digits("15550001111"), "15550001111");
  for (const char* bad :
       {"", "+", "123456", "+1234567890123456", "+0123456789", "1555x0001111", "++15550001111", "1555+0001111"}) {
    EXPECT_EQ(phone_digits(bad), std::nullopt) << bad;
  }
}

TEST(phone, wa_id_has_the_three_quirks) {
  EXPECT_EQ(wa_id_of("5511987654321"), "5511987654321");
  EXPECT_EQ(wa_id_of("5531987654321"), "553187654321");
  EXPECT_EQ(wa_id_of("525512345678"), "5215512345678");
  EXPECT_EQ(wa_id_of("541112345678"), "5491112345678");
  EXPECT_EQ(wa_id_of("15550001111"), "15550001111");
}

}  // namespace
}  // namespace sandbox
