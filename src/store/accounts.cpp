#include "store/accounts.hpp"

#include "bulkmsg/credits/audit.hpp"
#include "bulkmsg/credits/billing.hpp"
#include "bulkmsg/credits/rules.hpp"

namespace bulkmsg::store {

namespace {

template <class T>
T or_throw(result<T> r) {
  if (!r) throw store_error{std::move(r.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

credits::balances read_balances(database& db, std::int64_t account) {
  auto r = db.select(
      "SELECT granted, bought, adjusted, available_monthly, available_topup, reserved, spent, expired, period "
      "FROM accounts WHERE id = ?1",
      account);
  if (!r.next()) throw store_error{error{errc::not_found, "no account with id " + std::to_string(account), 0, 0}};
  return {.granted = r.integer(0),
          .bought = r.integer(1),
          .adjusted = r.integer(2),
          .available_monthly = r.integer(3),
          .available_topup = r.integer(4),
          .reserved = r.integer(5),
          .spent = r.integer(6),
          .expired = r.integer(7),
          .period = static_cast<std::int32_t>(r.integer(8))};
}

// Appends the entries and caches the balances they lead to, in the running transaction.
void write(database& db, std::int64_t account, const credits::balances& b, const credits::entries& log,
           std::int64_t now_ms, const std::string& client_id = {}) {
  for (const auto& e : log) {
    db.run(
        "INSERT INTO ledger(account, at_ms, kind, bucket, amount, period, reservation, client_id) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, ''))",
        account, now_ms, e.kind, e.from, e.amount, e.period, e.reservation.value, client_id);
  }
  db.run(
      "UPDATE accounts SET granted = ?2, bought = ?3, adjusted = ?4, available_monthly = ?5, available_topup = ?6, "
      "reserved = ?7, spent = ?8, expired = ?9, period = ?10 WHERE id = ?1",
      account, b.granted, b.bought, b.adjusted, b.available_monthly, b.available_topup, b.reserved, b.spent, b.expired,
      b.period);
}

void write(database& db, const credits::reservation& r) {
  db.run("UPDATE reservations SET monthly = ?2, topup = ?3, posted = ?4, voided = ?5 WHERE id = ?1", r.id.value,
         r.monthly, r.topup, r.posted, r.voided);
}

template <class Rule>
void settle(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms, Rule rule) {
  if (credits == 0 || reservation == 0) return;
  auto held = read_reservation(db, reservation);
  auto b = read_balances(db, held.account.value);
  const auto log = or_throw(rule(b, held, credits));
  write(db, held);
  write(db, held.account.value, b, log, now_ms);
}

}  // namespace

std::int64_t put_account(database& db, const std::string& name, const credits::plan& plan, std::int64_t wall_ns) {
  or_throw(credits::check(plan));
  static_cast<void>(or_throw(credits::billing_calendar::make(plan.billing_day, plan.time_zone)));
  db.run(
      "INSERT INTO accounts(name, per_user_credits, users, additional_phones, topup_price_micros, billing_day, "
      "time_zone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(name) DO UPDATE SET per_user_credits = ?2, "
      "users = ?3, additional_phones = ?4, topup_price_micros = ?5, billing_day = ?6, time_zone = ?7",
      name, plan.per_user_credits, plan.users, plan.additional_phones, plan.topup_price_micros, plan.billing_day,
      plan.time_zone);
  const auto account = db.number("SELECT id FROM accounts WHERE name = ?1", name);
  bill(db, account, wall_ns);
  auto b = read_balances(db, account);
  const auto granted =
      db.number("SELECT coalesce(sum(amount), 0) FROM ledger WHERE account = ?1 AND kind = ?2 AND period = ?3", account,
                credits::entry_kind::grant, b.period);
  if (granted < plan.monthly_credits()) {
    const auto log = or_throw(credits::grant(b, b.period, plan.monthly_credits() - granted));
    write(db, account, b, log, wall_ns / millisecond);
  }
  return account;
}

void bill(database& db, std::int64_t account, std::int64_t wall_ns) {
  const auto row = read_account(db, account);
  const auto now =
      or_throw(credits::billing_calendar::make(row.plan.billing_day, row.plan.time_zone)).period_at(wall_ns);
  auto b = row.balances;
  for (auto period = b.period == 0 ? now : b.period + 1; period <= now; ++period) {
    const auto log = or_throw(credits::grant(b, period, row.plan.monthly_credits()));
    write(db, account, b, log, wall_ns / millisecond);
  }
}

std::optional<account_row> find_account(database& db, const std::string& name) {
  const auto id = db.number("SELECT id FROM accounts WHERE name = ?1", name);
  if (id == 0) return std::nullopt;
  return read_account(db, id);
}

account_row read_account(database& db, std::int64_t account) {
  account_row row;
  row.balances = read_balances(db, account);
  auto r = db.select(
      "SELECT id, name, per_user_credits, users, additional_phones, topup_price_micros, billing_day, time_zone "
      "FROM accounts WHERE id = ?1",
      account);
  r.next();
  row.id = r.integer(0);
  row.name = r.text(1);
  row.plan = {r.integer(2),          r.integer(3), r.integer(4), r.integer(5), static_cast<int>(r.integer(6)),
              std::string(r.text(7))};
  return row;
}

void top_up(database& db, std::int64_t account, std::int64_t credits, const std::string& client_id,
            std::int64_t now_ms) {
  auto b = read_balances(db, account);
  if (!client_id.empty()) {
    auto r = db.select("SELECT kind, amount FROM ledger WHERE account = ?1 AND client_id = ?2", account, client_id);
    if (r.next()) {
      if (r.integer(0) == static_cast<int>(credits::entry_kind::buy) && r.integer(1) == credits) return;
      throw store_error{error{
          errc::conflict, "a ledger entry with id '" + client_id + "' exists with other contents; use a new id", 0, 0}};
    }
  }
  const auto log = or_throw(credits::buy(b, credits));
  write(db, account, b, log, now_ms, client_id);
}

credits::balances audit(database& db, std::int64_t account) {
  const auto cached = read_balances(db, account);
  credits::audit check;
  auto r =
      db.select("SELECT kind, bucket, amount, period, reservation FROM ledger WHERE account = ?1 ORDER BY id", account);
  while (r.next()) {
    check.add({.kind = static_cast<credits::entry_kind>(r.integer(0)),
               .from = static_cast<credits::bucket>(r.integer(1)),
               .amount = r.integer(2),
               .period = static_cast<std::int32_t>(r.integer(3)),
               .reservation = {r.integer(4)}});
  }
  or_throw(check.against(cached));
  return cached;
}

std::int64_t reserve(database& db, std::int64_t account, std::int64_t campaign, std::int64_t credits,
                     std::int64_t now_ms) {
  auto b = read_balances(db, account);
  db.run("INSERT INTO reservations(account, campaign, period, monthly, topup) VALUES (?1, ?2, ?3, 0, 0)", account,
         campaign, b.period);
  const auto made = or_throw(credits::reserve(b, {{db.last_id()}, {account}, credits}));
  write(db, made.made);
  write(db, account, b, made.log, now_ms);
  return made.made.id.value;
}

credits::reservation read_reservation(database& db, std::int64_t reservation) {
  auto r =
      db.select("SELECT account, period, monthly, topup, posted, voided FROM reservations WHERE id = ?1", reservation);
  if (!r.next()) return {};
  return {.id = {reservation},
          .account = {r.integer(0)},
          .period = static_cast<std::int32_t>(r.integer(1)),
          .monthly = r.integer(2),
          .topup = r.integer(3),
          .posted = r.integer(4),
          .voided = r.integer(5)};
}

void post(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms) {
  settle(db, reservation, credits, now_ms, credits::post);
}

void void_(database& db, std::int64_t reservation, std::int64_t credits, std::int64_t now_ms) {
  settle(db, reservation, credits, now_ms, credits::void_);
}

void collect_late(database& db, std::int64_t account, std::int64_t campaign, std::int64_t credits,
                  std::int64_t now_ms) {
  if (account == 0 || credits == 0) return;
  const auto affordable = std::min(credits, read_balances(db, account).available());
  if (affordable > 0) post(db, reserve(db, account, campaign, affordable, now_ms), affordable, now_ms);
  db.run("UPDATE accounts SET uncollected = uncollected + ?2 WHERE id = ?1", account, credits - affordable);
}

}  // namespace bulkmsg::store
