// Test sends: what one row of a campaign would see, sent to other addresses. Each is a campaign of its own, so that
// limits, crash safety, receipts and credits hold for it as for any other, and the campaign's counters stay untouched.
#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/recipients/judge.hpp"
#include "engine/impl.hpp"
#include "store/keys.hpp"

namespace bulkmsg {

namespace {

constexpr std::size_t addresses_max = 100;

}  // namespace

result<campaign_id> engine::test_send(campaign_id campaign, std::span<const std::string> addresses, std::int64_t row,
                                      const std::string& actor) {
  store::campaign_row test;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  {
    const auto call = self_->enter(true);
    if (!call) return fail(call.error());
    if (addresses.empty() || addresses.size() > addresses_max) {
      return fail(errc::invalid_argument, "a test goes to 1 to 100 addresses; give some");
    }
    auto found = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
    if (!found) return fail(found.error());
    if (auto ok = check_call(found->state, campaign_call::test_send); !ok) return fail(ok.error());
    if (auto ok = self_->complete(*found); !ok) return fail(ok.error());
    if (row < 0 || row >= found->recipients) {
      return fail(errc::not_found, "the campaign has no row " + std::to_string(row) + "; its rows are 0 to " +
                                       std::to_string(found->recipients - 1));
    }
    auto parameters = self_->read([&](store::database& db) {
      auto r = db.select("SELECT parameters FROM recipients WHERE id = ?1", store::row_key(campaign.value, row));
      return r.next() ? std::string(r.text(0)) : std::string();
    });
    if (!parameters) return fail(parameters.error());
    columns = split_list(found->columns);
    std::vector<std::string_view> cells(columns.size());
    if (!recipients::split_cells(*parameters, cells)) {
      return fail(errc::store_corrupt, "a recipient's parameters do not fit the columns");
    }
    for (const auto& address : addresses) {
      rows.emplace_back(1, address);
      rows.back().insert(rows.back().end(), cells.begin(), cells.end());
    }
    columns.insert(columns.begin(), std::string(recipients::any_address_column_name));
    test = *found;
  }
  test.name = "test of " + test.name;
  test.test_of = campaign.value;
  test.require_consent = false;
  test.hours.clear();  // people look at it now
  test.hours_in.clear();
  std::int64_t id = 0;
  auto stored = self_->writer_->run([&](store::database& db) {
    id = store::insert_campaign(db, test, self_->now_ms(), actor);
    store::note_history(db, campaign.value, "test", "campaign " + std::to_string(id), self_->now_ms(), actor);
  });
  if (!stored) return fail(stored.error());
  const auto taken = add_recipients({id}, columns, rows);
  auto why = taken ? error{errc::ok, "", 0, 0} : taken.error();
  if (taken && taken->added != static_cast<std::int64_t>(addresses.size())) {
    const auto bad = rejected({id}, 0, 1);
    why = {errc::invalid_argument, "a test address cannot be sent to", 0, 0};
    if (bad && !bad->empty()) why = {bad->front().code, bad->front().address + ": " + bad->front().reason, 0, 0};
  }
  if (why.code == errc::ok) {
    const auto begun = start({id}, {.actor = actor});
    if (begun) return campaign_id{id};
    why = begun.error();
  }
  static_cast<void>(discard({id}, "engine"));
  return fail(why);
}

}  // namespace bulkmsg
