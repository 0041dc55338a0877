#include "store/accounts.hpp"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "scratch_store.hpp"

namespace bulkmsg::testing {
namespace {

// Noon of the 15th of a month of 2027 (13: of January 2028), in Unix nanoseconds.
nanoseconds_t mid(int month) {
  const absl::CivilSecond noon(2027, month, 15, 12, 0, 0);
  return absl::ToUnixNanos(absl::FromCivil(noon, absl::UTCTimeZone()));
}
constexpr int period_of(int month) { return 2027 * 12 + month; }

std::string ledger(store::database& db, std::int64_t account) {
  return table(db,
               "SELECT kind, amount, period FROM ledger WHERE account = " + std::to_string(account) + " ORDER BY id");
}

// An account of its own, made in January.
class accounts : public ::testing::Test {
 protected:
  credits::plan plan{.per_user_credits = 3'000, .users = 1};
  scratch_store s;
  std::int64_t id = 0;

  void SetUp() override { put(mid(1)); }
  void put(nanoseconds_t now) { id = store::put_account(s.db(), "acme", plan, now); }
  credits::balances now() { return store::read_account(s.db(), id).balances; }
  void expect_sound() {
    EXPECT_NO_THROW(static_cast<void>(store::audit(s.db(), id)));
    EXPECT_TRUE(now().conserved());
  }
};

TEST_F(accounts, a_plan_grants_the_running_month) {
  EXPECT_EQ(now().available_monthly, 3'000);
  EXPECT_EQ(now().period, period_of(1));
  EXPECT_EQ(ledger(s.db(), id), "1|3000|24325 ");
  expect_sound();
}

TEST_F(accounts, a_plan_given_again_in_the_same_month_grants_nothing_more) {
  for (int i = 0; i < 5; ++i) put(mid(1) + i * 3'600 * second);
  EXPECT_EQ(now().granted, 3'000);
  EXPECT_EQ(ledger(s.db(), id), "1|3000|24325 ");
}

TEST_F(accounts, the_same_name_is_the_same_account) {
  const auto first = id;
  put(mid(1));
  EXPECT_EQ(id, first);
  EXPECT_EQ(store::find_account(s.db(), "acme")->id, first);
  EXPECT_FALSE(store::find_account(s.db(), "Acme").has_value());
}

TEST_F(accounts, more_seats_grant_the_difference_at_once) {
  plan.users = 4;
  plan.additional_phones = 1;
  put(mid(1));
  EXPECT_EQ(now().available_monthly, 15'000);
  EXPECT_EQ(ledger(s.db(), id), "1|3000|24325 1|12000|24325 ");
  expect_sound();
}

TEST_F(accounts, fewer_seats_take_nothing_away_and_count_from_the_next_month_on) {
  plan.users = 4;
  put(mid(1));
  plan.users = 2;
  put(mid(1));
  EXPECT_EQ(now().available_monthly, 12'000);
  store::bill(s.db(), id, mid(2));
  EXPECT_EQ(now().available_monthly, 6'000);
  EXPECT_EQ(now().expired, 12'000);
  expect_sound();
}

TEST_F(accounts, seats_taken_off_and_on_again_within_a_month_grant_nothing_twice) {
  plan.users = 4;
  put(mid(1));
  plan.users = 1;
  put(mid(1));
  plan.users = 4;
  put(mid(1));
  EXPECT_EQ(now().granted, 12'000);
}

TEST_F(accounts, what_was_spent_does_not_come_back_with_more_seats) {
  const auto held = store::reserve(s.db(), id, 1, 2'000, noon_ms);
  store::post(s.db(), held, 2'000, noon_ms);
  plan.users = 2;
  put(mid(1));
  EXPECT_EQ(now().available_monthly, 4'000);
  EXPECT_EQ(now().spent, 2'000);
  expect_sound();
}

TEST_F(accounts, billing_ends_the_month_and_grants_the_next) {
  store::bill(s.db(), id, mid(2));
  EXPECT_EQ(now().available_monthly, 3'000);
  EXPECT_EQ(now().expired, 3'000);
  EXPECT_EQ(now().period, period_of(2));
  EXPECT_EQ(ledger(s.db(), id), "1|3000|24325 2|3000|24325 1|3000|24326 ");
  expect_sound();
}

TEST_F(accounts, billing_again_in_the_same_month_changes_nothing) {
  store::bill(s.db(), id, mid(2));
  const auto before = now();
  for (int i = 0; i < 3; ++i) store::bill(s.db(), id, mid(2) + i * second);
  EXPECT_EQ(now(), before);
}

TEST_F(accounts, several_missed_months_are_each_granted_and_each_expire) {
  store::bill(s.db(), id, mid(5));
  EXPECT_EQ(now().granted, 5 * 3'000);
  EXPECT_EQ(now().expired, 4 * 3'000);
  EXPECT_EQ(now().available(), 3'000);
  EXPECT_EQ(ledger(s.db(), id),
            "1|3000|24325 2|3000|24325 1|3000|24326 2|3000|24326 1|3000|24327 2|3000|24327 1|3000|24328 "
            "2|3000|24328 1|3000|24329 ");
  expect_sound();
}

TEST_F(accounts, billing_goes_over_the_turn_of_the_year) {
  store::bill(s.db(), id, mid(13));
  EXPECT_EQ(now().period, period_of(13));
  EXPECT_EQ(now().granted, 13 * 3'000);
  expect_sound();
}

TEST_F(accounts, a_clock_that_went_back_grants_nothing_and_takes_nothing) {
  store::bill(s.db(), id, mid(3));
  const auto before = now();
  store::bill(s.db(), id, mid(1));
  EXPECT_EQ(now(), before);
  put(mid(1));
  EXPECT_EQ(now(), before);
}

TEST_F(accounts, bought_credits_outlive_the_month) {
  store::top_up(s.db(), id, 500, "", noon_ms);
  store::bill(s.db(), id, mid(3));
  EXPECT_EQ(now().available_topup, 500);
  EXPECT_EQ(now().available_monthly, 3'000);
  expect_sound();
}

TEST_F(accounts, what_is_held_over_the_billing_date_is_neither_stolen_nor_revived) {
  const auto held = store::reserve(s.db(), id, 1, 1'000, noon_ms);
  store::bill(s.db(), id, mid(2));
  EXPECT_EQ(now().reserved, 1'000);
  EXPECT_EQ(now().expired, 2'000);
  store::post(s.db(), held, 600, noon_ms);
  store::void_(s.db(), held, 400, noon_ms);
  EXPECT_EQ(now().spent, 600);
  EXPECT_EQ(now().expired, 2'400) << "credits of January do not come back in February";
  EXPECT_EQ(now().available_monthly, 3'000);
  expect_sound();
}

TEST_F(accounts, a_plan_of_nothing_begins_its_month_all_the_same) {
  plan.per_user_credits = 0;
  id = store::put_account(s.db(), "free", plan, mid(1));
  EXPECT_EQ(now().period, period_of(1));
  EXPECT_EQ(now().available(), 0);
  store::bill(s.db(), id, mid(4));
  EXPECT_EQ(now().period, period_of(4));
  expect_sound();
}

TEST_F(accounts, the_billing_date_is_the_accounts_own) {
  plan.billing_day = 20;
  plan.time_zone = "Asia/Kolkata";
  id = store::put_account(s.db(), "late", plan, mid(2));
  EXPECT_EQ(now().period, period_of(1)) << "the 15th lies before the 20th";
  const auto begin = absl::ToUnixNanos(absl::FromCivil(absl::CivilSecond(2027, 2, 19, 18, 30, 0), absl::UTCTimeZone()));
  store::bill(s.db(), id, begin - 1);
  EXPECT_EQ(now().period, period_of(1));
  store::bill(s.db(), id, begin);
  EXPECT_EQ(now().period, period_of(2)) << "midnight in India";
}

TEST_F(accounts, an_unusable_plan_is_refused_and_leaves_no_account) {
  for (auto bad :
       {credits::plan{.users = -1}, credits::plan{.billing_day = 32}, credits::plan{.time_zone = "Mars/X"}}) {
    const auto why = refusal([&] { static_cast<void>(store::put_account(s.db(), "bad", bad, mid(1))); });
    EXPECT_EQ(why.code, errc::bad_option_value);
    EXPECT_FALSE(store::find_account(s.db(), "bad").has_value());
  }
}

TEST_F(accounts, an_unknown_account_is_not_found_by_its_number) {
  const auto why = refusal([&] { static_cast<void>(store::read_account(s.db(), 99)); });
  EXPECT_EQ(why.code, errc::not_found);
  EXPECT_NE(why.message.find("99"), std::string::npos);
}

TEST_F(accounts, a_top_up_with_an_id_counts_once) {
  for (int i = 0; i < 3; ++i) store::top_up(s.db(), id, 500, "order-1", noon_ms + i);
  EXPECT_EQ(now().bought, 500);
  store::top_up(s.db(), id, 500, "order-2", noon_ms);
  EXPECT_EQ(now().bought, 1'000);
  expect_sound();
}

TEST_F(accounts, a_top_up_with_a_known_id_and_another_amount_is_a_conflict) {
  store::top_up(s.db(), id, 500, "order-1", noon_ms);
  const auto why = refusal([&] { store::top_up(s.db(), id, 501, "order-1", noon_ms); });
  EXPECT_EQ(why.code, errc::conflict);
  EXPECT_NE(why.message.find("order-1"), std::string::npos);
  EXPECT_EQ(now().bought, 500);
}

TEST_F(accounts, top_ups_without_an_id_each_count) {
  store::top_up(s.db(), id, 500, "", noon_ms);
  store::top_up(s.db(), id, 500, "", noon_ms);
  EXPECT_EQ(now().bought, 1'000);
}

TEST_F(accounts, the_same_top_up_id_of_two_accounts_is_two_top_ups) {
  store::top_up(s.db(), id, 500, "order-1", noon_ms);
  store::top_up(s.db(), s.account, 700, "order-1", noon_ms);
  EXPECT_EQ(now().bought, 500);
  EXPECT_EQ(store::read_account(s.db(), s.account).balances.bought, 700);
}

TEST_F(accounts, a_top_up_of_an_impossible_amount_is_refused) {
  for (const std::int64_t n : {std::int64_t{-1}, credits::credits_max + 1}) {
    EXPECT_EQ(refusal([&] { store::top_up(s.db(), id, n, "", noon_ms); }).code, errc::invalid_argument);
  }
  EXPECT_EQ(now().bought, 0);
}

TEST_F(accounts, a_reservation_takes_monthly_credits_first_and_bought_ones_after) {
  store::top_up(s.db(), id, 500, "", noon_ms);
  const auto held = store::read_reservation(s.db(), store::reserve(s.db(), id, 1, 3'200, noon_ms));
  EXPECT_EQ(held.monthly, 3'000);
  EXPECT_EQ(held.topup, 200);
  EXPECT_EQ(held.account, account_id{id});
  EXPECT_EQ(held.period, period_of(1));
  EXPECT_EQ(now().available(), 300);
  expect_sound();
}

TEST_F(accounts, a_reservation_over_what_is_there_is_refused_with_the_shortfall) {
  s.db().exec("BEGIN");
  const auto why = refusal([&] { static_cast<void>(store::reserve(s.db(), id, 1, 3'010, noon_ms)); });
  s.db().exec("ROLLBACK");
  EXPECT_EQ(why.code, errc::credits_short);
  EXPECT_EQ(why.message, "not enough credits: 3010 needed, 3000 available, 10 missing");
  EXPECT_EQ(now().reserved, 0);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM reservations"), 0);
}

TEST_F(accounts, posting_and_voiding_never_pass_what_is_held) {
  const auto held = store::reserve(s.db(), id, 1, 10, noon_ms);
  store::post(s.db(), held, 4, noon_ms);
  store::void_(s.db(), held, 5, noon_ms);
  EXPECT_EQ(refusal([&] { store::post(s.db(), held, 2, noon_ms); }).code, errc::wrong_state);
  EXPECT_EQ(refusal([&] { store::void_(s.db(), held, 2, noon_ms); }).code, errc::wrong_state);
  const auto r = store::read_reservation(s.db(), held);
  EXPECT_EQ(r.posted, 4);
  EXPECT_EQ(r.voided, 5);
  EXPECT_EQ(r.held(), 1);
  expect_sound();
}

TEST_F(accounts, a_credit_collected_late_comes_from_what_is_available) {
  store::collect_late(s.db(), id, 1, 3, noon_ms);
  EXPECT_EQ(now().spent, 3);
  EXPECT_EQ(now().available(), 2'997);
  EXPECT_EQ(count(s.db(), "SELECT uncollected FROM accounts WHERE id = " + std::to_string(id)), 0);
  expect_sound();
}

TEST_F(accounts, what_cannot_be_collected_late_is_counted_as_uncollected) {
  static_cast<void>(store::reserve(s.db(), id, 1, 2'998, noon_ms));
  store::collect_late(s.db(), id, 1, 5, noon_ms);
  EXPECT_EQ(now().spent, 2);
  EXPECT_EQ(now().available(), 0);
  EXPECT_EQ(count(s.db(), "SELECT uncollected FROM accounts WHERE id = " + std::to_string(id)), 3);
  expect_sound();
}

TEST_F(accounts, collecting_late_without_an_account_does_nothing) {
  EXPECT_NO_THROW(store::collect_late(s.db(), 0, 1, 5, noon_ms));
  EXPECT_NO_THROW(store::collect_late(s.db(), id, 1, 0, noon_ms));
  EXPECT_EQ(now().spent, 0);
}

// ---- plans that change ----

TEST_F(accounts, seats_up_and_down_again_and_again_grant_no_more_than_the_most_seats_did) {
  for (const std::int64_t users : {2, 5, 1, 3, 5, 4, 5, 1, 5}) {
    plan.users = users;
    put(mid(1));
  }
  EXPECT_EQ(now().granted, 15'000);
  plan.users = 6;
  put(mid(1));
  EXPECT_EQ(now().granted, 18'000) << "only the sixth is new";
  expect_sound();
}

TEST_F(accounts, seats_added_after_spending_and_a_month_later_count_for_their_own_month_only) {
  store::post(s.db(), store::reserve(s.db(), id, 1, 3'000, noon_ms), 3'000, noon_ms);
  plan.users = 3;
  put(mid(1));
  plan.users = 1;
  put(mid(1));
  EXPECT_EQ(now().available_monthly, 6'000);
  put(mid(2));
  EXPECT_EQ(now().available_monthly, 3'000);
  EXPECT_EQ(now().expired, 6'000);
  expect_sound();
}

TEST_F(accounts, months_that_passed_before_a_change_are_billed_under_the_plan_of_their_time) {
  plan.users = 10;
  put(mid(4));
  EXPECT_EQ(now().granted, 3 * 3'000 + 30'000);
  EXPECT_EQ(ledger(s.db(), id),
            "1|3000|24325 2|3000|24325 1|3000|24326 2|3000|24326 1|3000|24327 2|3000|24327 1|3000|24328 "
            "1|27000|24328 ");
  expect_sound();
}

TEST_F(accounts, a_later_billing_day_makes_the_running_month_longer) {
  plan.billing_day = 20;
  put(mid(1));
  EXPECT_EQ(now().granted, 3'000) << "the 20th of January lies ahead, and January is granted already";
  store::bill(s.db(), id, mid(2));
  EXPECT_EQ(now().period, period_of(1)) << "until the 20th of February";
  store::bill(s.db(), id, mid(2) + 5 * 24 * 3'600 * second);
  EXPECT_EQ(now().period, period_of(2));
  EXPECT_EQ(now().granted, 6'000);
}

TEST_F(accounts, an_earlier_billing_day_ends_nothing_before_its_time) {
  plan.billing_day = 20;
  id = store::put_account(s.db(), "late", plan, mid(2));  // runs from the 20th of January to the 20th of February
  plan.billing_day = 1;
  id = store::put_account(s.db(), "late", plan, mid(2));
  EXPECT_EQ(now().period, period_of(1))
      << "the first of February has passed, but what was granted holds until the 20th";
  EXPECT_EQ(now().available_monthly, 3'000);
  store::bill(s.db(), id, mid(2) + 5 * 24 * 3'600 * second);
  EXPECT_EQ(now().period, period_of(2));
  store::bill(s.db(), id, mid(3) - 14 * 24 * 3'600 * second);
  EXPECT_EQ(now().period, period_of(3)) << "from then on, the first";
  EXPECT_EQ(now().granted, 9'000) << "no month twice, none left out";
}

TEST_F(accounts, a_billing_date_moved_to_and_fro_within_a_month_changes_nothing) {
  const auto before = now();
  for (int day : {31, 2, 14, 28, 1}) {
    plan.billing_day = day;
    plan.time_zone = day % 2 == 0 ? "Pacific/Auckland" : "America/Los_Angeles";
    put(mid(1));
  }
  plan.time_zone = "UTC";
  put(mid(1));
  EXPECT_EQ(now(), before);
  store::bill(s.db(), id, mid(2) - 14 * 24 * 3'600 * second);
  EXPECT_EQ(now().period, period_of(2));
}

// Whatever is changed whenever: each month is granted once, in order, and as much as the largest plan it saw.
TEST_F(accounts, random_changes_of_seats_and_dates_grant_each_month_once) {
  const char* zones[] = {"UTC", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Kiritimati"};
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t n) { return static_cast<int>(random() % n); };
  for (int account = 0; account < 20; ++account) {
    const auto name = "a" + std::to_string(account);
    std::map<std::int64_t, std::int64_t> most;  // by period: the largest plan of it
    auto at = mid(1);
    credits::plan before{.users = 1};
    for (int step = 0; step < 60; ++step) {
      at += below(20) * 24 * 3'600 * second;
      const credits::plan p{.users = 1 + below(9), .billing_day = 1 + below(31), .time_zone = zones[below(4)]};
      id = store::put_account(s.db(), name, p, at);
      const auto granted = now().available_monthly;
      if (const auto seen = most.find(now().period); seen != most.end()) {
        ASSERT_EQ(granted, std::max(seen->second, p.monthly_credits()));
      } else if (granted != p.monthly_credits()) {
        ASSERT_EQ(granted, before.monthly_credits()) << "a period that began before is under the plan of its time";
        ASSERT_GT(granted, p.monthly_credits());
      }
      most[now().period] = granted;
      before = p;
    }
    expect_sound();
    const auto of_account = " WHERE kind = 1 AND account = " + std::to_string(id);
    EXPECT_EQ(count(s.db(), "SELECT count(DISTINCT period) FROM ledger" + of_account),
              now().period - most.begin()->first + 1)
        << "a month was left out";
    for (const auto& [period, credits] : most) {
      EXPECT_EQ(
          count(s.db(), "SELECT sum(amount) FROM ledger" + of_account + " AND period = " + std::to_string(period)),
          credits);
    }
    EXPECT_EQ(
        ask(s.db(), "SELECT group_concat(period) FROM (SELECT period FROM ledger" + of_account + " ORDER BY id)"),
        ask(s.db(), "SELECT group_concat(period) FROM (SELECT period FROM ledger" + of_account + " ORDER BY period)"));
  }
}

// ---- ids that make calls repeatable ----

TEST_F(accounts, a_plan_with_an_id_is_changed_once_even_when_another_came_in_between) {
  plan.users = 2;
  store::put_account(s.db(), "acme", plan, mid(1), "seats-2");
  plan.users = 5;
  store::put_account(s.db(), "acme", plan, mid(1), "seats-5");
  plan.users = 2;
  EXPECT_EQ(store::put_account(s.db(), "acme", plan, mid(1), "seats-2"), id) << "the first call, come again";
  EXPECT_EQ(store::read_account(s.db(), id).plan.users, 5);
  plan.users = 3;
  EXPECT_EQ(refusal([&] { store::put_account(s.db(), "acme", plan, mid(1), "seats-2"); }).code, errc::conflict);
  EXPECT_EQ(now().granted, 15'000);
}

TEST_F(accounts, a_reservation_with_an_id_is_made_once_whatever_became_of_it) {
  const auto held = store::reserve(s.db(), id, 1, 100, noon_ms, "r");
  store::post(s.db(), held, 60, noon_ms);
  store::void_(s.db(), held, 40, noon_ms);
  EXPECT_EQ(store::reserve(s.db(), id, 1, 100, noon_ms, "r"), held);
  EXPECT_EQ(refusal([&] { store::reserve(s.db(), id, 1, 101, noon_ms, "r"); }).code, errc::conflict);
  EXPECT_EQ(refusal([&] { store::reserve(s.db(), id, 2, 100, noon_ms, "r"); }).code, errc::conflict);
  EXPECT_EQ(now().spent, 60);
  EXPECT_EQ(now().reserved, 0);
  expect_sound();
}

TEST_F(accounts, one_id_is_for_one_call_of_whatever_kind) {
  store::top_up(s.db(), id, 30, "x", noon_ms);
  EXPECT_EQ(refusal([&] { store::adjust(s.db(), id, {30, "gift", "ann", "x"}, noon_ms); }).code, errc::conflict);
  EXPECT_EQ(refusal([&] { store::reserve(s.db(), id, 1, 30, noon_ms, "x"); }).code, errc::conflict);
  EXPECT_EQ(refusal([&] { store::put_account(s.db(), "acme", plan, mid(1), "x"); }).code, errc::conflict);
  EXPECT_EQ(refusal([&] { store::top_up(s.db(), id, 30, std::string(201, 'i'), noon_ms); }).code,
            errc::invalid_argument);
  EXPECT_EQ(now().available(), 3'030);
}

// ---- adjustments, and the ledger as it is read ----

TEST_F(accounts, an_adjustment_keeps_its_reason_and_its_actor_and_counts_once) {
  for (int i = 0; i < 2; ++i) store::adjust(s.db(), id, {-3'010 + 20, "sent by mistake", "ann@shop", "a-1"}, noon_ms);
  store::top_up(s.db(), id, 100, "t", noon_ms);
  store::adjust(s.db(), id, {-60, "fee", "ann@shop", "a-2"}, noon_ms);
  EXPECT_EQ(now().adjusted, -3'050);
  EXPECT_EQ(now().available_monthly, 0) << "monthly ones first";
  EXPECT_EQ(now().available_topup, 50);
  EXPECT_EQ(table(s.db(), "SELECT amount, bucket, client_id, reason, actor FROM ledger WHERE kind = 7"),
            "-2990|1|a-1|sent by mistake|ann@shop -10|1|a-2|fee|ann@shop -50|2|a-2|fee|ann@shop ");
  EXPECT_EQ(refusal([&] {
              store::adjust(s.db(), id, {-60, "another fee", "ann@shop", "a-2"}, noon_ms);
            }).code,
            errc::conflict);
  EXPECT_EQ(refusal([&] {
              store::adjust(s.db(), id, {-51, "fee", "ann@shop", ""}, noon_ms);
            }).code,
            errc::credits_short);
  expect_sound();
}

TEST_F(accounts, an_adjustment_without_reason_or_actor_is_refused) {
  for (const credit_adjustment& bad : {credit_adjustment{5, "", "ann"}, credit_adjustment{5, "gift", ""},
                                       credit_adjustment{5, std::string(1'001, 'r'), "ann"}}) {
    EXPECT_EQ(refusal([&] { store::adjust(s.db(), id, bad, noon_ms); }).code, errc::invalid_argument);
  }
  EXPECT_EQ(now().adjusted, 0);
}

TEST_F(accounts, the_ledger_is_read_in_pages_of_one_account) {
  for (int i = 1; i <= 5; ++i) {
    store::top_up(s.db(), id, i, "t" + std::to_string(i), noon_ms + i);
    store::top_up(s.db(), s.account, 1, "", noon_ms);
  }
  const auto held = store::reserve(s.db(), id, 77, 10, noon_ms);
  std::vector<ledger_row> all;
  for (std::int64_t after = 0;;) {
    const auto page = store::list_ledger(s.db(), id, after, 2);
    all.insert(all.end(), page.begin(), page.end());
    if (page.size() < 2) break;
    after = page.back().id;
  }
  ASSERT_EQ(all.size(), 7u);
  EXPECT_EQ(all[0].entry.kind, credits::entry_kind::grant);
  EXPECT_EQ(all[3].client_id, "t3");
  EXPECT_EQ(all[3].entry.amount, 3);
  EXPECT_EQ(all[3].at_ms, noon_ms + 3);
  EXPECT_EQ(all[6].campaign.value, 77);
  EXPECT_EQ(all[6].entry.reservation.value, held);
}

TEST_F(accounts, the_audit_finds_a_tampered_lost_or_added_reservation) {
  const auto held = std::to_string(store::reserve(s.db(), id, 1, 10, noon_ms));
  store::reserve(s.db(), id, 2, 0, noon_ms);
  expect_sound();
  for (const std::string& tampering :
       {"UPDATE reservations SET monthly = 9, topup = 1 WHERE id = " + held,
        "UPDATE reservations SET posted = 1, monthly = 9 WHERE id = " + held,
        "UPDATE reservations SET period = period - 1 WHERE id = " + held, "DELETE FROM reservations WHERE id = " + held,
        "INSERT INTO reservations(account, campaign, period, monthly, topup) VALUES (" + std::to_string(id) +
            ", 5, 24325, 1, 0)"}) {
    s.db().exec("BEGIN");
    s.db().exec(tampering);
    EXPECT_EQ(refusal([&] { static_cast<void>(store::audit(s.db(), id)); }).code, errc::store_corrupt) << tampering;
    s.db().exec("ROLLBACK");
  }
}

// ---- billing many, and looking without writing ----

TEST_F(accounts, all_whose_time_has_come_are_billed_in_turns_and_the_next_date_is_told) {
  for (int i = 0; i < 250; ++i) {
    plan.billing_day = 1 + i % 28;
    store::put_account(s.db(), "many" + std::to_string(i), plan, mid(1));
  }
  s.db().exec("UPDATE accounts SET time_zone = 'Mars/X' WHERE name = 'many7'");
  const auto billed = [&] {
    return count(s.db(), "SELECT count(*) FROM accounts WHERE period = " + std::to_string(period_of(2)));
  };
  int turns = 0;
  auto turn = store::bill_due(s.db(), 0, mid(2));
  for (; turn.go_on_after != 0; ++turns) turn = store::bill_due(s.db(), turn.go_on_after, mid(2));
  EXPECT_GE(turns, 1);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM accounts WHERE renews_ms <= " + std::to_string(mid(2) / millisecond)),
            1)
      << "the one without a time zone";
  EXPECT_GT(billed(), 120);
  EXPECT_EQ(turn.next_ms, (mid(2) + 12 * 3'600 * second) / millisecond) << "midnight of the 16th";
  const auto before = billed();
  store::bill_due(s.db(), 0, (turn.next_ms - 1) * millisecond);
  EXPECT_EQ(billed(), before);
  store::bill_due(s.db(), 0, turn.next_ms * millisecond);
  EXPECT_GT(billed(), before);
}

TEST_F(accounts, billing_unwritten_says_what_billing_would_write) {
  auto row = store::read_account(s.db(), id);
  store::bill_unwritten(row, mid(6));
  EXPECT_EQ(now().period, period_of(1));
  store::bill(s.db(), id, mid(6));
  const auto written = store::read_account(s.db(), id);
  EXPECT_EQ(row.balances, written.balances);
  EXPECT_EQ(row.renews_ms, written.renews_ms);
}

// Every balance that the audit recomputes, changed by one behind its back.
TEST_F(accounts, the_audit_finds_every_tampered_balance_and_names_both_numbers) {
  for (const char* column : {"granted", "bought", "adjusted", "available_monthly", "available_topup", "reserved",
                             "spent", "expired", "period"}) {
    s.db().exec("BEGIN");
    s.db().exec(std::string("UPDATE accounts SET ") + column + " = " + column +
                " + 1 WHERE id = " + std::to_string(id));
    const auto why = refusal([&] { static_cast<void>(store::audit(s.db(), id)); });
    EXPECT_EQ(why.code, errc::store_corrupt) << column;
    s.db().exec("ROLLBACK");
  }
  s.db().exec("UPDATE accounts SET available_monthly = 2999");
  const auto why = refusal([&] { static_cast<void>(store::audit(s.db(), id)); });
  EXPECT_EQ(why.message, "credits available monthly: 2999 in the account, 3000 by its 1 entries");
}

TEST_F(accounts, the_audit_finds_a_tampered_missing_or_added_entry) {
  const auto held = store::reserve(s.db(), id, 1, 10, noon_ms);
  store::post(s.db(), held, 6, noon_ms);
  store::void_(s.db(), held, 4, noon_ms);
  const auto of_account = " WHERE account = " + std::to_string(id);
  for (const std::string& tampering : {"UPDATE ledger SET amount = amount + 1" + of_account + " AND kind = 1",
                                       "UPDATE ledger SET amount = amount - 1" + of_account + " AND kind = 5",
                                       "UPDATE ledger SET kind = 6" + of_account + " AND kind = 5",
                                       "UPDATE ledger SET bucket = 2" + of_account + " AND kind = 6",
                                       "UPDATE ledger SET period = period + 1" + of_account + " AND kind = 1",
                                       "DELETE FROM ledger" + of_account + " AND kind = 6",
                                       "INSERT INTO ledger(account, at_ms, kind, bucket, amount, period) VALUES (" +
                                           std::to_string(id) + ", 0, 3, 2, 1, 24325)"}) {
    s.db().exec("BEGIN");
    s.db().exec(tampering);
    EXPECT_EQ(refusal([&] { static_cast<void>(store::audit(s.db(), id)); }).code, errc::store_corrupt) << tampering;
    s.db().exec("ROLLBACK");
  }
  expect_sound();
}

TEST_F(accounts, the_audit_of_one_account_does_not_look_at_anothers_entries) {
  s.db().exec("UPDATE ledger SET amount = 1 WHERE account = " + std::to_string(s.account));
  expect_sound();
  EXPECT_EQ(refusal([&] { static_cast<void>(store::audit(s.db(), s.account)); }).code, errc::store_corrupt);
}

}  // namespace
}  // namespace bulkmsg::testing
