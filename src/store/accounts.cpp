#include "store/accounts.hpp"

#include <algorithm>
#include <map>

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
  if (!r.next()) no_such("account", account);
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

// What a call writes beside the arithmetic.
struct note {
  std::string_view client_id, reason, actor;
};

// Appends the entries and caches the balances they lead to, in the running transaction.
void write(database& db, std::int64_t account, const credits::balances& b, const credits::entries& log,
           std::int64_t now_ms, const note& by = {}) {
  for (const auto& e : log) {
    db.run(
        "INSERT INTO ledger(account, at_ms, kind, bucket, amount, period, reservation, client_id, reason, actor) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, ''), nullif(?9, ''), nullif(?10, ''))",
        account, now_ms, e.kind, e.from, e.amount, e.period, e.reservation.value, by.client_id, by.reason, by.actor);
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

// Whether this call was made before; then `reservation` is what it made. Throws conflict.
bool repeats(database& db, std::int64_t account, const std::string& client_id, const std::string& contents,
             std::int64_t* reservation = nullptr) {
  constexpr std::size_t id_bytes_max = 200;
  if (client_id.empty()) return false;
  if (client_id.size() > id_bytes_max) {
    throw store_error{error{errc::invalid_argument,
                            "an id of a call on credits has at most " + std::to_string(id_bytes_max) + " bytes", 0, 0}};
  }
  auto r =
      db.select("SELECT contents, reservation FROM credit_calls WHERE account = ?1 AND id = ?2", account, client_id);
  if (!r.next()) return false;
  if (r.text(0) != contents) {
    throw store_error{error{errc::conflict,
                            "the id '" + client_id + "' was used for \"" + std::string(r.text(0)) + "\", not \"" +
                                contents + "\"; use a new id",
                            0, 0}};
  }
  if (reservation != nullptr) *reservation = r.integer(1);
  return true;
}

void remember(database& db, std::int64_t account, const std::string& client_id, const std::string& contents,
              std::int64_t reservation = 0) {
  if (client_id.empty()) return;
  db.run("INSERT INTO credit_calls(account, id, contents, reservation) VALUES (?1, ?2, ?3, ?4)", account, client_id,
         contents, reservation);
}

std::string in_words(const credits::plan& p) {
  return "plan " + std::to_string(p.per_user_credits) + " x (" + std::to_string(p.users) + " + " +
         std::to_string(p.additional_phones) + "), top-ups at " + std::to_string(p.topup_price_micros) + ", day " +
         std::to_string(p.billing_day) + " " + p.time_zone;
}

// Begins every period whose time has come, in order; `book(entries)` is given what each writes.
template <class Book>
void begin_periods(account_row& row, std::int64_t wall_ns, Book book) {
  const auto calendar = or_throw(credits::billing_calendar::make(row.plan.billing_day, row.plan.time_zone));
  const auto begin = [&](std::int32_t period) {
    book(or_throw(credits::grant(row.balances, period, row.plan.monthly_credits())));
    row.period_ends_ms = calendar.begin_of(period + 1) / millisecond;
  };
  const auto next = [&] {
    return row.renews_ms = std::max(row.period_ends_ms, calendar.begin_of(row.balances.period + 1) / millisecond);
  };
  if (row.balances.period == 0) begin(calendar.period_at(wall_ns));
  while (next() <= wall_ns / millisecond) begin(row.balances.period + 1);
}

constexpr const char* account_columns =
    "SELECT id, name, per_user_credits, users, additional_phones, topup_price_micros, billing_day, time_zone, "
    "uncollected, period_ends_ms, renews_ms FROM accounts WHERE id = ?1";

}  // namespace

std::int64_t put_account(database& db, const std::string& name, const credits::plan& plan, std::int64_t wall_ns,
                         const std::string& client_id) {
  or_throw(credits::check(plan));
  static_cast<void>(or_throw(credits::billing_calendar::make(plan.billing_day, plan.time_zone)));
  const auto contents = in_words(plan);
  if (const auto known = db.number("SELECT id FROM accounts WHERE name = ?1", name); known != 0) {
    if (repeats(db, known, client_id, contents)) return known;
    bill(db, known, wall_ns);
  }
  db.run(
      "INSERT INTO accounts(name, per_user_credits, users, additional_phones, topup_price_micros, billing_day, "
      "time_zone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(name) DO UPDATE SET per_user_credits = ?2, "
      "users = ?3, additional_phones = ?4, topup_price_micros = ?5, billing_day = ?6, time_zone = ?7",
      name, plan.per_user_credits, plan.users, plan.additional_phones, plan.topup_price_micros, plan.billing_day,
      plan.time_zone);
  const auto account = db.number("SELECT id FROM accounts WHERE name = ?1", name);
  remember(db, account, client_id, contents);
  bill(db, account, wall_ns);
  auto b = read_balances(db, account);
  const auto granted =
      db.number("SELECT sum(amount) FROM ledger WHERE account = ?1 AND kind = 1 AND period = ?2", account, b.period);
  if (granted < plan.monthly_credits()) {
    const auto log = or_throw(credits::grant(b, b.period, plan.monthly_credits() - granted));
    write(db, account, b, log, wall_ns / millisecond, {.client_id = client_id});
  }
  return account;
}

void bill(database& db, std::int64_t account, std::int64_t wall_ns) {
  auto row = read_account(db, account);
  const auto before = row;
  begin_periods(row, wall_ns,
                [&](const credits::entries& log) { write(db, account, row.balances, log, wall_ns / millisecond); });
  if (row.renews_ms == before.renews_ms && row.period_ends_ms == before.period_ends_ms) return;
  db.run("UPDATE accounts SET period_ends_ms = ?2, renews_ms = ?3 WHERE id = ?1", account, row.period_ends_ms,
         row.renews_ms);
}

void bill_unwritten(account_row& row, std::int64_t wall_ns) {
  begin_periods(row, wall_ns, [](const credits::entries&) {});
}

billing bill_due(database& db, std::int64_t after, std::int64_t wall_ns) {
  constexpr std::size_t accounts_max = 100;  // no store job holds the writer over 20 ms
  std::vector<std::int64_t> due;
  {
    auto r = db.select("SELECT id FROM accounts WHERE id > ?1 AND renews_ms <= ?2 ORDER BY id LIMIT ?3", after,
                       wall_ns / millisecond, accounts_max);
    while (r.next()) due.push_back(r.integer(0));
  }
  for (const auto account : due) {
    try {
      bill(db, account, wall_ns);
    } catch (const store_error& e) {
      // This account's own trouble, and every period that was begun is whole. What the store refuses is everybody's.
      if (e.what.code != errc::bad_option_value && e.what.code != errc::invalid_argument) throw;
    }
  }
  if (due.size() == accounts_max) return {.go_on_after = due.back(), .next_ms = wall_ns / millisecond};
  return {.next_ms = db.number("SELECT min(renews_ms) FROM accounts WHERE renews_ms > ?1", wall_ns / millisecond)};
}

std::optional<account_row> find_account(database& db, const std::string& name) {
  const auto id = db.number("SELECT id FROM accounts WHERE name = ?1", name);
  if (id == 0) return std::nullopt;
  return read_account(db, id);
}

account_row read_account(database& db, std::int64_t account) {
  account_row row;
  row.balances = read_balances(db, account);
  auto r = db.select(account_columns, account);
  r.next();
  row.id = r.integer(0);
  row.name = r.text(1);
  row.plan = {r.integer(2),          r.integer(3), r.integer(4), r.integer(5), static_cast<int>(r.integer(6)),
              std::string(r.text(7))};
  row.uncollected = r.integer(8);
  row.period_ends_ms = r.integer(9);
  row.renews_ms = r.integer(10);
  return row;
}

std::vector<account_row> list_accounts(database& db, std::int64_t after, std::size_t limit) {
  std::vector<std::int64_t> ids;
  {
    auto r = db.select("SELECT id FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2", after, limit);
    while (r.next()) ids.push_back(r.integer(0));
  }
  std::vector<account_row> list;
  for (const auto id : ids) list.push_back(read_account(db, id));
  return list;
}

void top_up(database& db, std::int64_t account, std::int64_t credits, const std::string& client_id,
            std::int64_t now_ms) {
  auto b = read_balances(db, account);
  const auto contents = "top-up of " + std::to_string(credits);
  if (repeats(db, account, client_id, contents)) return;
  const auto log = or_throw(credits::buy(b, credits));
  remember(db, account, client_id, contents);
  write(db, account, b, log, now_ms, {.client_id = client_id});
}

void adjust(database& db, std::int64_t account, const credit_adjustment& change, std::int64_t now_ms) {
  constexpr std::size_t text_bytes_max = 1'000;
  for (const auto& [what, text] : {std::pair{"reason", &change.reason}, std::pair{"actor", &change.actor}}) {
    if (!text->empty() && text->size() <= text_bytes_max) continue;
    throw store_error{error{errc::invalid_argument,
                            "an adjustment needs its " + std::string(what) + ": a text of up to " +
                                std::to_string(text_bytes_max) + " bytes",
                            0, 0}};
  }
  auto b = read_balances(db, account);
  const auto contents = "adjustment by " + std::to_string(change.credits) + ", " + change.actor + ": " + change.reason;
  if (repeats(db, account, change.id, contents)) return;
  const auto log = or_throw(credits::adjust(b, change.credits));
  remember(db, account, change.id, contents);
  write(db, account, b, log, now_ms, {.client_id = change.id, .reason = change.reason, .actor = change.actor});
}

std::vector<ledger_row> list_ledger(database& db, std::int64_t account, std::int64_t after, std::size_t limit) {
  std::vector<ledger_row> list;
  auto r = db.select(
      "SELECT l.id, l.at_ms, l.kind, l.bucket, l.amount, l.period, l.reservation, coalesce(r.campaign, 0), "
      "l.client_id, l.reason, l.actor FROM ledger l LEFT JOIN reservations r ON r.id = l.reservation "
      "WHERE l.account = ?1 AND l.id > ?2 ORDER BY l.id LIMIT ?3",
      account, after, limit);
  while (r.next()) {
    list.push_back({.id = r.integer(0),
                    .at_ms = r.integer(1),
                    .entry = {.kind = static_cast<credits::entry_kind>(r.integer(2)),
                              .from = static_cast<credits::bucket>(r.integer(3)),
                              .amount = r.integer(4),
                              .period = static_cast<std::int32_t>(r.integer(5)),
                              .reservation = {r.integer(6)}},
                    .campaign = {r.integer(7)},
                    .client_id = std::string(r.text(8)),
                    .reason = std::string(r.text(9)),
                    .actor = std::string(r.text(10))});
  }
  return list;
}

credits::balances audit(database& db, std::int64_t account) {
  const auto cached = read_balances(db, account);
  credits::audit check;
  std::map<std::int64_t, credits::reservation> folded;
  {
    auto r = db.select("SELECT kind, bucket, amount, period, reservation FROM ledger WHERE account = ?1 ORDER BY id",
                       account);
    while (r.next()) {
      const credits::entry e{.kind = static_cast<credits::entry_kind>(r.integer(0)),
                             .from = static_cast<credits::bucket>(r.integer(1)),
                             .amount = r.integer(2),
                             .period = static_cast<std::int32_t>(r.integer(3)),
                             .reservation = {r.integer(4)}};
      check.add(e);
      if (!e.reservation || check.first_bad() != 0) continue;
      auto& held = folded[e.reservation.value];
      held = {e.reservation, {account}, e.period, held.monthly, held.topup, held.posted, held.voided};
      held = credits::apply(held, e);
    }
  }
  or_throw(check.against(cached));
  const auto differs = [](std::int64_t reservation) {
    throw store_error{error{errc::store_corrupt,
                            "reservation " + std::to_string(reservation) + " is not what its entries say", 0, 0}};
  };
  auto r = db.select("SELECT id, period, monthly, topup, posted, voided FROM reservations WHERE account = ?1", account);
  while (r.next()) {
    const credits::reservation cached_one{{r.integer(0)}, {account},    static_cast<std::int32_t>(r.integer(1)),
                                          r.integer(2),   r.integer(3), r.integer(4),
                                          r.integer(5)};
    const auto found = folded.find(r.integer(0));
    // One of no credits has no entries.
    if (found == folded.end() ? cached_one.requested() != 0 : !(found->second == cached_one)) differs(r.integer(0));
    if (found != folded.end()) folded.erase(found);
  }
  if (!folded.empty()) differs(folded.begin()->first);
  return cached;
}

std::int64_t reserve(database& db, std::int64_t account, std::int64_t campaign, std::int64_t credits,
                     std::int64_t now_ms, const std::string& client_id) {
  const auto contents = "reservation of " + std::to_string(credits) + " for campaign " + std::to_string(campaign);
  std::int64_t made_before = 0;
  if (repeats(db, account, client_id, contents, &made_before)) return made_before;
  auto b = read_balances(db, account);
  db.run("INSERT INTO reservations(account, campaign, period, monthly, topup) VALUES (?1, ?2, ?3, 0, 0)", account,
         campaign, b.period);
  const auto made = or_throw(credits::reserve(b, {{db.last_id()}, {account}, credits}));
  remember(db, account, client_id, contents, made.made.id.value);
  write(db, made.made);
  write(db, account, b, made.log, now_ms, {.client_id = client_id});
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

void collect_late(database& db, std::int64_t account, std::int64_t campaign, std::int64_t messages,
                  std::int64_t now_ms) {
  if (account == 0 || messages == 0) return;
  const auto price =
      std::max<std::int64_t>(1, db.number("SELECT credits_per_message FROM campaigns WHERE id = ?1", campaign));
  const auto credits = messages * price;
  const auto affordable = std::min(credits, read_balances(db, account).available());
  if (affordable > 0) post(db, reserve(db, account, campaign, affordable, now_ms), affordable, now_ms);
  db.run("UPDATE accounts SET uncollected = uncollected + ?2 WHERE id = ?1", account, credits - affordable);
}

}  // namespace bulkmsg::store
