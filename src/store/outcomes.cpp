#include "store/outcomes.hpp"

#include <algorithm>
#include <span>

#include "store/accounts.hpp"
#include "store/forgotten.hpp"
#include "store/intent_rows.hpp"
#include "store/opt_outs.hpp"
#include "store/sent_index.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

// The provider knows the recipient under another number: an opt-out may come from there.
void learn_wa_id(database& db, message_id id, std::string_view wa_id, std::int64_t now_ms) {
  constexpr std::size_t digits_max = 20;
  if (wa_id.size() > digits_max || wa_id.find_first_not_of("0123456789") != std::string_view::npos) return;
  const auto address = address_of(db, id);
  if (address.starts_with('+')) link_identities(db, address, "+" + std::string(wa_id), now_ms);
}

// The provider refused because this person stopped marketing there.
void learn_opt_out(database& db, std::int64_t campaign, message_id id, std::int64_t now_ms) {
  const auto address = address_of(db, id);
  constexpr auto source = suppression_source::provider_error;
  if (address.empty() || !stopped_at_platform(db, address, source, now_ms, "refused with 131050", now_ms)) return;
  tell_opt_out(db, address, source, consent_scope::marketing, true, campaign, now_ms);
}

// Accepted messages, the common case, many to a statement: beginning and ending one costs as much as a row does. In the
// order of their keys each is an append behind the one before, and pages fill up whole.
constexpr std::size_t accepted_at_once = 32;

std::string insert_accepted(std::size_t rows) {
  std::string sql = "INSERT INTO messages(id, state, attempt, at_ms, provider_id) VALUES ";
  for (std::size_t i = 0; i < rows; ++i) sql += i == 0 ? "(?, 2, ?, ?, ?)" : ", (?, 2, ?, ?, ?)";
  return sql +
         " ON CONFLICT(id) DO UPDATE SET state = 2, attempt = excluded.attempt, at_ms = excluded.at_ms, "
         "provider_id = excluded.provider_id, code = NULL, detail = NULL, next_at_ms = NULL, left_by_ms = NULL "
         "WHERE state IN (1, 6)";
}

// Returns how many became accepted by this.
int store_accepted(database& db, const outcomes& batch, std::span<const outcome* const> items) {
  static const std::string many = insert_accepted(accepted_at_once);
  static const std::string one = insert_accepted(1);
  int all = 0;
  while (!items.empty()) {
    const auto group = items.first(items.size() >= accepted_at_once ? accepted_at_once : 1);
    items = items.subspan(group.size());
    const int changed = db.run_with((group.size() > 1 ? many : one).c_str(), [&](auto&& put) {
      for (const auto* o : group) put(o->id.key()), put(o->attempt), put(o->at_ms), put(batch.provider_id(*o));
    });
    all += changed;
    if (changed == static_cast<int>(group.size())) continue;
    // A receipt came first for some; of the others this changes nothing.
    for (const auto* o : group) {
      db.run(
          "UPDATE messages SET provider_id = coalesce(provider_id, ?2), attempt = ?3, at_ms = ?4, "
          "left_by_ms = NULL WHERE id = ?1 AND state = 2",
          o->id.key(), batch.provider_id(*o), o->attempt, o->at_ms);
    }
  }
  return all;
}

}  // namespace

void settle(database& db, std::int64_t campaign, const outcomes& batch, std::int64_t now_ms) {
  counters change;
  std::int64_t charge = 0, give_back = 0;
  std::vector<const outcome*> accepted;
  accepted.reserve(batch.items.size());
  for (const auto& o : batch.items) {
    if (o.state == message_state::accepted) accepted.push_back(&o);
  }
  std::sort(accepted.begin(), accepted.end(), [](const auto* a, const auto* b) { return a->id.key() < b->id.key(); });
  charge = change.sent = store_accepted(db, batch, accepted);
  for (const auto& o : batch.items) {
    const auto detail = batch.detail(o);
    if (o.state == message_state::accepted) {
      if (!detail.empty()) learn_wa_id(db, o.id, detail, now_ms);
      continue;
    }
    // A repetition that was set aside has not left: what is known of the request before it stands.
    // (A provider may have an error of the same number.)
    const bool aside = o.state == message_state::retry && o.code == static_cast<std::int32_t>(errc::rate_limited) &&
                       detail == name(errc::rate_limited);
    const int changed = db.run(
        "INSERT INTO messages(id, state, attempt, at_ms, next_at_ms, code, detail) "
        "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7) ON CONFLICT(id) DO UPDATE SET state = ?2, attempt = ?3, "
        "at_ms = iif(?8 AND repeat_until_ms IS NOT NULL, at_ms, ?4), "
        "left_by_ms = iif(?8 AND repeat_until_ms IS NOT NULL, left_by_ms, NULL), "
        "next_at_ms = nullif(?5, 0), code = ?6, detail = ?7 WHERE state IN (1, 6)",
        o.id.key(), o.state, o.attempt, o.at_ms, o.next_at_ms, o.code, detail, static_cast<std::int64_t>(aside));
    if (changed == 0) {
      db.run(
          "UPDATE messages SET attempt = ?2, at_ms = iif(?4 AND repeat_until_ms IS NOT NULL, at_ms, ?3), "
          "left_by_ms = iif(?4 AND repeat_until_ms IS NOT NULL, left_by_ms, NULL) WHERE id = ?1 AND state = 2",
          o.id.key(), o.attempt, o.at_ms, static_cast<std::int64_t>(aside));
    }
    if (o.state == message_state::refused) {
      change.failed += changed, give_back += changed;
      if (o.code == user_opted_out_code) learn_opt_out(db, campaign, o.id, now_ms);
    }
    if (o.state == message_state::skipped) change.skipped += changed, give_back += changed;
    if (o.state == message_state::unconfirmed) change.unconfirmed += changed;
  }
  clear_answered(db, batch.items);
  for (const auto intent : batch.intents) close_intent(db, intent, now_ms);
  account_for(db, campaign, change, 0, charge, give_back, now_ms);
}

void account_for(database& db, std::int64_t campaign, const counters& change, std::int64_t settled_by_receipt,
                 std::int64_t charge, std::int64_t give_back, std::int64_t now_ms) {
  if (change == counters{} && settled_by_receipt == 0) return;
  db.run(
      "UPDATE campaigns SET sent = sent + ?2, failed = failed + ?3, unconfirmed = unconfirmed + ?4, "
      "skipped = skipped + ?5, delivered = delivered + ?6, read = read + ?7, undelivered = undelivered + ?8, "
      "responded = responded + ?9, settled_by_receipt = settled_by_receipt + ?10 WHERE id = ?1",
      campaign, change.sent, change.failed, change.unconfirmed, change.skipped, change.delivered, change.read,
      change.undelivered, change.responded, settled_by_receipt);
  std::int64_t reservation = 0, unconfirmed = 0, price = 0, account = 0;
  {
    auto r = db.select("SELECT reservation, unconfirmed, credits_per_message, account FROM campaigns WHERE id = ?1",
                       campaign);
    if (!r.next() || r.integer(0) == 0) return;
    reservation = r.integer(0), unconfirmed = r.integer(1), price = r.integer(2), account = r.integer(3);
  }
  // What is unconfirmed keeps its hold, whatever comes. After a stop nothing else is held: a message proved sent then
  // is collected apart, and a refusal has nothing left to return.
  const auto free = std::max<std::int64_t>(0, read_reservation(db, reservation).held() / price - unconfirmed);
  const auto covered = std::min(free, charge);
  post(db, reservation, covered * price, now_ms);
  void_(db, reservation, std::min(give_back, free - covered) * price, now_ms);
  if (charge > covered) collect_late(db, account, campaign, charge - covered, now_ms);
}

}  // namespace bulkmsg::store
