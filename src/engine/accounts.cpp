// Credits: accounts, their ledgers, billing when its time comes, and what a campaign would cost.
#include "store/accounts.hpp"

#include <simdjson.h>

#include <algorithm>

#include "engine/impl.hpp"
#include "engine/sender_choice.hpp"
#include "store/allowances.hpp"
#include "store/keys.hpp"
#include "store/namesakes.hpp"
#include "store/senders.hpp"
#include "store/suppressions.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t look_again = 60 * second;  // a changed plan or clock is noticed after that, at the latest

account_status status_of(store::account_row row) {
  return {.id = {row.id},
          .name = std::move(row.name),
          .plan = std::move(row.plan),
          .balances = row.balances,
          .uncollected = row.uncollected,
          .renews_at_ms = row.renews_ms};
}

// Of a template as the provider shows it, in the words of rate tables; what has none is free-form.
std::string category_of(std::string_view json) {
  simdjson::dom::parser parser;
  std::string_view category;
  if (parser.parse(json.data(), json.size())["category"].get(category) != simdjson::SUCCESS) return "service";
  std::string lower(category);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

void engine::impl::bill_accounts() {
  auto found = std::make_shared<store::billing>();
  writer_->submit(
      [this, found, after = billed_up_to_](store::database& db) { *found = store::bill_due(db, after, clock_.wall()); },
      [this, found](const error* failed) {
        io_->post([this, found, again = failed != nullptr] {
          billed_up_to_ = again ? 0 : found->go_on_after;
          done(chore::billing, std::min(again ? never : at_wall_ms(found->next_ms), clock_.now() + look_again));
        });
      });
}

result<account_id> engine::put_account(const std::string& name, const credits::plan& plan, const std::string& id) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (name.empty()) return fail(errc::invalid_argument, "an account needs a name");
  std::int64_t account = 0;
  auto stored = self_->writer_->run(
      [&](store::database& db) { account = store::put_account(db, name, plan, self_->clock_.wall(), id); });
  if (!stored) return fail(stored.error());
  self_->io_->post([self = self_.get()] { self->due(impl::chore::billing, 0); });  // its date may be the next
  return account_id{account};
}

result<account_id> engine::find_account(const std::string& name) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto found = self_->read([&](store::database& db) { return store::find_account(db, name); });
  if (!found) return fail(found.error());
  if (!*found) {
    return fail(errc::not_found, "no account is named '" + name + "'; make it with `bulkmsg credits plan`");
  }
  return account_id{(*found)->id};
}

result<std::vector<account_status>> engine::accounts(account_id after, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto rows = self_->read([&](store::database& db) { return store::list_accounts(db, after.value, limit); });
  if (!rows) return fail(rows.error());
  std::vector<account_status> list;
  for (auto& row : *rows) list.push_back(status_of(std::move(row)));
  return list;
}

result<account_status> engine::account(account_id account) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::run) {
    auto billed =
        self_->writer_->run([&](store::database& db) { store::bill(db, account.value, self_->clock_.wall()); });
    if (!billed) return fail(billed.error());
  }
  auto row = self_->read([&](store::database& db) {
    auto found = store::read_account(db, account.value);
    if (self_->mode() != open_mode::run) store::bill_unwritten(found, self_->clock_.wall());
    return found;
  });
  if (!row) return fail(row.error());
  return status_of(std::move(*row));
}

result<void> engine::top_up(account_id account, std::int64_t credits, const std::string& id) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (credits <= 0) return fail(errc::invalid_argument, "a top-up is of at least 1 credit");
  return self_->writer_->run(
      [&](store::database& db) { store::top_up(db, account.value, credits, id, self_->now_ms()); });
}

result<void> engine::adjust(account_id account, const credit_adjustment& change) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (change.credits == 0) return fail(errc::invalid_argument, "an adjustment is of at least 1 credit, up or down");
  return self_->writer_->run([&](store::database& db) {
    // What is taken away comes from the running period.
    store::bill(db, account.value, self_->clock_.wall());
    store::adjust(db, account.value, change, self_->now_ms());
  });
}

result<std::vector<ledger_row>> engine::ledger(account_id account, std::int64_t after, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    static_cast<void>(store::read_account(db, account.value));
    return store::list_ledger(db, account.value, after, std::min<std::size_t>(limit, 10'000));
  });
}

result<credits::balances> engine::audit(account_id account) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    // One snapshot: the entries and the balances they must lead to.
    db.exec("BEGIN");
    try {
      auto balances = store::audit(db, account.value);
      db.exec("COMMIT");
      return balances;
    } catch (...) {
      db.exec("COMMIT");
      throw;
    }
  });
}

result<std::int64_t> engine::credits_per_message(template_id content, const credits::rate_table& rates) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto json = self_->read([&](store::database& db) { return store::read_template(db, content.value); });
  if (!json) return fail(json.error());
  return rates.credits_per_message(category_of(*json));
}

result<credits::estimate> engine::estimate(campaign_id campaign, const credits::rate_table& rates) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  auto json = self_->read([&](store::database& db) { return store::read_template(db, row->content); });
  if (!json) return fail(json.error());
  credits::estimator cost(rates, category_of(*json), row->account != 0 ? row->credits_per_message : 0);
  // What the plan leaves out costs nothing: of a draft that is judged as a start would, later it is known.
  const bool frozen = row->state != campaign_state::draft && row->state != campaign_state::scheduled &&
                      row->state != campaign_state::starting;
  std::optional<laid_out> ready;
  std::vector<std::string> numbers;
  sender_choice choice;
  if (!frozen && row->recipients > 0) {
    auto made = self_->compiled(*row);
    if (!made) return fail(made.error());
    ready = std::move(*made);
    auto known = self_->read([&](store::database& db) {
      for (const auto id : row->senders) {
        const auto sender = store::read_sender(db, id);
        numbers.push_back(sender.phone_number_id);
        choice.add(id, sender.phone_number_id, store::limits_of(db, sender));
      }
      return true;
    });
    if (!known) return fail(known.error());
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;  // of `plan`, or rows of the draft
  auto found = self_->read([&](store::database& db) {
    if (!frozen) spans.emplace_back(0, row->recipients);
    auto r = db.select("SELECT id << 32, size FROM lanes WHERE campaign = ?1 ORDER BY id", row->id);
    while (frozen && r.next()) spans.emplace_back(r.integer(0), r.integer(0) + r.integer(1));
    return true;
  });
  if (!found) return fail(found.error());
  store::namesakes names(row->id, frozen ? 0 : row->recipients);
  for (bool more = true; more;) {
    auto looked = self_->read([&](store::database& db) { return names.look(db); });
    if (!looked) return fail(looked.error());
    more = *looked;
  }
  constexpr std::int64_t rows_per_look = 4096;  // other readers get their turn in between
  for (auto [from, to] : spans) {
    for (; from < to; from += rows_per_look) {
      auto looked = self_->read([&](store::database& db) {
        const auto end = std::min(from + rows_per_look, to);
        if (frozen) {
          auto r = db.select(
              "SELECT r.address FROM plan p JOIN recipients r ON r.id = p.recipient WHERE p.id >= ?1 AND p.id < ?2",
              from, end);
          while (r.next()) cost.add(r.text(0));
          return true;
        }
        store::screen screened(db, row->id, ready->rules);
        auto r = db.select("SELECT address FROM recipients WHERE id >= ?1 AND id < ?2 ORDER BY id",
                           store::row_key(row->id, from), store::row_key(row->id, end));
        for (auto at = from; r.next(); ++at) {
          const auto& number = numbers[choice.of(db, r.text(0))];
          const bool taken = self_->takes(db, screened, *ready, r.text(0), at, number) == errc::ok;
          if (taken && !names.again(db, r.text(0))) cost.add(r.text(0));
        }
        return true;
      });
      if (!looked) return fail(looked.error());
    }
  }
  return cost.total();
}

}  // namespace bulkmsg
