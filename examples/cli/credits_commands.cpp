// credits plan | topup | show | audit
#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::engine;
using bulkmsg::credits::balances;

json_object balances_json(const std::string& account, const balances& b) {
  json_object out;
  out.text("account", account).number("granted", b.granted).number("bought", b.bought).number("adjusted", b.adjusted);
  out.number("available", b.available()).number("available_monthly", b.available_monthly);
  out.number("available_topup", b.available_topup).number("reserved", b.reserved).number("spent", b.spent);
  out.number("expired", b.expired).flag("conserved", b.conserved());
  return out;
}

void print_amount(const char* label, std::int64_t n) {
  const std::string text = grouped(n);
  print_line("  " + padded(label, 14) + std::string(text.size() < 12 ? 12 - text.size() : 0, ' ') + text);
}

void print_balances(const balances& b) {
  print_amount("granted", b.granted);
  print_amount("bought", b.bought);
  if (b.adjusted != 0) print_amount("adjusted", b.adjusted);
  print_amount("available", b.available());
  print_amount("  monthly", b.available_monthly);
  print_amount("  top-up", b.available_topup);
  print_amount("reserved", b.reserved);
  print_amount("spent", b.spent);
  print_amount("expired", b.expired);
}

int show_account(engine& door, bulkmsg::account_id id, const options& given) {
  const bulkmsg::account_status account = need(door.account(id));
  if (given.json) {
    print_line(balances_json(account.name, account.balances)
                   .number("monthly_credits", account.plan.monthly_credits())
                   .number("billing_day", account.plan.billing_day)
                   .text("time_zone", account.plan.time_zone)
                   .str());
  } else {
    print_line("account \"" + one_line(account.name) + "\": " + grouped(account.plan.monthly_credits()) +
               " credits a month, renewed on day " + std::to_string(account.plan.billing_day) + " (" +
               one_line(account.plan.time_zone) + ")");
    print_line("");
    print_balances(account.balances);
  }
  return exit_code::ok;
}

}  // namespace

int credits_plan(const options& given) {
  // Checked before the store is opened, so that a typing error does not create one.
  need(bulkmsg::credits::check(given.plan));
  engine runner = open_to_run(given.store, sending::no, missing_store::create);
  const auto id = need(runner.put_account(given.account, given.plan));
  const int code = show_account(runner, id, given);
  need(runner.close());
  return code;
}

int credits_top_up(const options& given) {
  engine runner = open_to_run(given.store, sending::no, missing_store::refuse);
  const auto id = need(runner.find_account(given.account));
  need(runner.top_up(id, given.credits, given.top_up_id));
  const int code = show_account(runner, id, given);
  need(runner.close());
  return code;
}

int credits_show(const options& given) {
  engine reader = open_to_read(given.store);
  return show_account(reader, need(reader.find_account(given.account)), given);
}

int credits_audit(const options& given) {
  engine reader = open_to_read(given.store);
  const balances computed = need(reader.audit(need(reader.find_account(given.account))));
  if (!computed.conserved()) {
    give_up(bulkmsg::errc::store_corrupt,
            "account \"" + one_line(given.account) +
                "\": granted + bought + adjusted is not available + reserved + spent + expired; "
                "keep a copy of the store and report it");
  }
  if (given.json) {
    print_line(balances_json(given.account, computed).str());
    return exit_code::ok;
  }
  print_balances(computed);
  print_line("");
  print_line(grouped(computed.granted) + " granted + " + grouped(computed.bought) + " bought + " +
             grouped(computed.adjusted) + " adjusted = " + grouped(computed.available()) + " available + " +
             grouped(computed.reserved) + " reserved + " + grouped(computed.spent) + " spent + " +
             grouped(computed.expired) + " expired: the books balance, entry by entry");
  return exit_code::ok;
}

}  // namespace cli
