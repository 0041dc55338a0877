#include "store/outcomes.hpp"

#include <algorithm>

#include "store/accounts.hpp"
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

}  // namespace

void settle(database& db, std::int64_t campaign, const outcomes& batch, std::int64_t now_ms) {
  counters change;
  std::int64_t charge = 0, give_back = 0;
  const char* text = batch.text.data();
  for (const auto& o : batch.items) {
    const std::string_view provider_id{text, o.provider_id_size};
    const std::string_view detail{text + o.provider_id_size, o.detail_size};
    text += o.provider_id_size + o.detail_size;
    if (o.state == message_state::accepted) {
      // The common case, one statement: mostly an append at the end of the table.
      const int changed = db.run(
          "INSERT INTO messages(id, state, attempt, at_ms, provider_id) VALUES (?1, 2, ?2, ?3, ?4) "
          "ON CONFLICT(id) DO UPDATE SET state = 2, attempt = ?2, at_ms = ?3, provider_id = ?4, code = NULL, "
          "detail = NULL, next_at_ms = NULL WHERE state IN (1, 6)",
          o.id.key(), o.attempt, o.at_ms, provider_id);
      if (changed == 0) {
        db.run(
            "UPDATE messages SET provider_id = coalesce(provider_id, ?2), attempt = ?3, at_ms = ?4 "
            "WHERE id = ?1 AND state = 2",
            o.id.key(), provider_id, o.attempt, o.at_ms);
      }
      change.sent += changed;
      charge += changed;
      if (!detail.empty()) learn_wa_id(db, o.id, detail, now_ms);
      continue;
    }
    const int changed = db.run(
        "INSERT INTO messages(id, state, attempt, at_ms, next_at_ms, code, detail) "
        "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7) ON CONFLICT(id) DO UPDATE SET state = ?2, attempt = ?3, "
        "at_ms = ?4, next_at_ms = nullif(?5, 0), code = ?6, detail = ?7 WHERE state IN (1, 6)",
        o.id.key(), o.state, o.attempt, o.at_ms, o.next_at_ms, o.code, detail);
    if (changed == 0) {
      db.run("UPDATE messages SET attempt = ?2, at_ms = ?3 WHERE id = ?1 AND state = 2", o.id.key(), o.attempt,
             o.at_ms);
    }
    if (o.state == message_state::refused) {
      change.failed += changed, give_back += changed;
      if (o.code == user_opted_out_code) learn_opt_out(db, campaign, o.id, now_ms);
    }
    if (o.state == message_state::skipped) change.skipped += changed, give_back += changed;
    if (o.state == message_state::unconfirmed) change.unconfirmed += changed;
  }
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
