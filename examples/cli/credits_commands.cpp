// credits plan | topup | adjust | show | ledger | audit | estimate
#include "bulkmsg/credits/rate_table_json.hpp"

#include <fstream>
#include <iterator>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "rates.hpp"
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
                   .number("topup_price_micros", account.plan.topup_price_micros)
                   .number("renews_at_ms", account.renews_at_ms)
                   .number("uncollected", account.uncollected)
                   .str());
  } else {
    print_line("account \"" + one_line(account.name) + "\": " + grouped(account.plan.monthly_credits()) +
               " credits a month, renewed on day " + std::to_string(account.plan.billing_day) + " (" +
               one_line(account.plan.time_zone) + "), next at " + time_text(account.renews_at_ms));
    print_line("");
    print_balances(account.balances);
    if (account.uncollected != 0) print_amount("uncollected", account.uncollected);
  }
  return exit_code::ok;
}

std::string row(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) line += (&cell == &cells.front() ? "" : ",") + csv_cell(cell);
  return line;
}

// The audit of one account, which must also be conserved.
balances audited(engine& reader, bulkmsg::account_id id, const std::string& account) {
  const balances computed = need(reader.audit(id));
  if (!computed.conserved()) {
    give_up(bulkmsg::errc::store_corrupt,
            "account \"" + one_line(account) +
                "\": granted + bought + adjusted is not available + reserved + spent + expired; "
                "keep a copy of the store and report it");
  }
  return computed;
}

int audit_all(engine& reader, const options& given) {
  constexpr std::size_t page_rows = 100;
  std::vector<std::string> all;
  std::int64_t count = 0;
  for (bulkmsg::account_id after;;) {
    const auto page = need(reader.accounts(after, page_rows));
    for (const bulkmsg::account_status& account : page) {
      after = account.id;
      ++count;
      const balances computed = audited(reader, account.id, account.name);
      if (given.json) {
        all.push_back(balances_json(account.name, computed).str());
      } else {
        print_line(padded(one_line(account.name), 30) + " " + grouped(computed.available()) + " available, " +
                   grouped(computed.reserved) + " reserved, " + grouped(computed.spent) + " spent");
      }
    }
    if (page.size() < page_rows) break;
  }
  print_line(given.json ? json_array(all) : grouped(count) + " accounts: the books balance, entry by entry");
  return exit_code::ok;
}

std::string dollars(std::int64_t micros) {
  std::string fraction = std::to_string(micros % 1'000'000);
  return "$" + grouped(micros / 1'000'000) + "." + std::string(6 - fraction.size(), '0') + fraction;
}

}  // namespace

int credits_plan(const options& given) {
  // Checked before the store is opened, so that a typing error does not create one.
  need(bulkmsg::credits::check(given.plan));
  engine runner = open_to_run(given.store, sending::no, missing_store::create);
  const auto id = need(runner.put_account(given.account, given.plan, given.call_id));
  const int code = show_account(runner, id, given);
  need(runner.close());
  return code;
}

int credits_top_up(const options& given) {
  engine runner = open_to_run(given.store, sending::no, missing_store::refuse);
  const auto id = need(runner.find_account(given.account));
  need(runner.top_up(id, given.credits, given.call_id));
  const int code = show_account(runner, id, given);
  if (!given.json) {
    const std::int64_t cost = need(runner.account(id)).plan.topup_cost_micros(given.credits);
    print_line("\n" + grouped(given.credits) + " credits bought for " + dollars(cost));
  }
  need(runner.close());
  return code;
}

int credits_show(const options& given) {
  engine reader = open_to_read(given.store);
  return show_account(reader, need(reader.find_account(given.account)), given);
}

int credits_adjust(const options& given) {
  engine runner = open_to_run(given.store, sending::no, missing_store::refuse);
  const auto id = need(runner.find_account(given.account));
  need(
      runner.adjust(id, {.credits = given.credits, .reason = given.reason, .actor = given.actor, .id = given.call_id}));
  const int code = show_account(runner, id, given);
  need(runner.close());
  return code;
}

int credits_ledger(const options& given) {
  engine reader = open_to_read(given.store);
  const auto id = need(reader.find_account(given.account));
  if (given.csv) print_line("entry,at_ms,kind,bucket,credits,period,reservation,campaign,client_id,reason,actor");
  constexpr std::size_t page_rows = 1000;
  for (std::int64_t after = 0;;) {
    const auto page = need(reader.ledger(id, after, page_rows));
    for (const bulkmsg::ledger_row& r : page) {
      after = r.id;
      const auto& e = r.entry;
      const std::string period = std::to_string((e.period - 1) / 12) +
                                 (e.period % 12 == 0 || e.period % 12 > 9 ? "-" : "-0") +
                                 std::to_string((e.period + 11) % 12 + 1);
      if (given.json) {
        print_line(json_object()
                       .number("entry", r.id)
                       .number("at_ms", r.at_ms)
                       .text("kind", name(e.kind))
                       .text("bucket", name(e.from))
                       .number("credits", e.amount)
                       .text("period", period)
                       .number("reservation", e.reservation.value)
                       .number("campaign", r.campaign.value)
                       .text("client_id", r.client_id)
                       .text("reason", r.reason)
                       .text("actor", r.actor)
                       .str());
      } else if (given.csv) {
        print_line(
            row({std::to_string(r.id), std::to_string(r.at_ms), std::string(name(e.kind)), std::string(name(e.from)),
                 std::to_string(e.amount), period, std::to_string(e.reservation.value),
                 std::to_string(r.campaign.value), r.client_id, r.reason, r.actor}));
      } else {
        const std::string amount = grouped(e.amount);
        std::string line = padded(time_text(r.at_ms), 22) + padded(name(e.kind), 9) + padded(name(e.from), 9) +
                           std::string(amount.size() < 14 ? 14 - amount.size() : 0, ' ') + amount + "  " + period;
        if (r.campaign) line += "  campaign " + std::to_string(r.campaign.value);
        if (!r.client_id.empty()) line += "  id " + one_line(r.client_id);
        if (!r.actor.empty()) line += "  by " + one_line(r.actor) + ": " + one_line(r.reason);
        print_line(line);
      }
    }
    if (page.size() < page_rows) return exit_code::ok;
  }
}

bulkmsg::credits::rate_table rates_from(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) give_up(bulkmsg::errc::file_unreadable, path + ": cannot be read; give the path of a rate table (JSON)");
  auto rates = bulkmsg::credits::parse_rate_table_json(text);
  if (!rates) give_up(rates.error().code, path + ": " + rates.error().message);
  return std::move(*rates);
}

json_object estimate_json(const bulkmsg::credits::estimate& cost) {
  std::vector<std::string> lines;
  for (const auto& l : cost.lines) {
    lines.push_back(json_object()
                        .text("destination", l.destination)
                        .text("category", l.category)
                        .number("messages", l.messages)
                        .number("credits", l.credits)
                        .number("micros", l.micros)
                        .flag("priced", l.priced)
                        .str());
  }
  json_object out;
  out.number("messages", cost.messages).number("credits", cost.credits).number("micros", cost.micros);
  out.number("unpriced", cost.unpriced).raw("by_destination", json_array(lines));
  return out;
}

void print_estimate(const bulkmsg::credits::estimate& cost) {
  for (const auto& l : cost.lines) {
    print_line(padded((l.destination == "*" ? "" : "+") + l.destination, 18) + padded(l.category, 26) +
               grouped(l.messages) + " messages, " + grouped(l.credits) + " credits, " +
               (l.priced ? dollars(l.micros) : "no price in the table"));
  }
  print_line(grouped(cost.messages) + " messages, " + grouped(cost.credits) + " credits, " + dollars(cost.micros) +
             (cost.unpriced == 0 ? "" : " and " + grouped(cost.unpriced) + " messages without a price") +
             "; the money is an estimate");
}

int credits_estimate(const options& given) {
  const auto rates = rates_from(given.rates_file);
  engine reader = open_to_read(given.store);
  const bulkmsg::credits::estimate cost = need(reader.estimate({given.campaign}, rates));
  if (given.json) {
    print_line(estimate_json(cost).str());
  } else {
    print_estimate(cost);
  }
  return exit_code::ok;
}

int credits_audit(const options& given) {
  engine reader = open_to_read(given.store);
  if (given.account.empty()) return audit_all(reader, given);
  const balances computed = audited(reader, need(reader.find_account(given.account)), given.account);
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
