#include "store/accounts.hpp"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <gtest/gtest.h>

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
