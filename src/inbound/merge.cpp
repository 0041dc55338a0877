#include "inbound/merge.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/channels/whatsapp_webhook_json.hpp"
#include "inbound/account_events.hpp"
#include "inbound/failures.hpp"
#include "inbound/inbox_row.hpp"
#include "store/accounts.hpp"
#include "store/copies.hpp"
#include "store/forgotten.hpp"
#include "store/group_receipts.hpp"
#include "store/intents.hpp"
#include "store/opt_outs.hpp"
#include "store/outcomes.hpp"
#include "store/sent_index.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::inbound {

namespace {

// One merge is some milliseconds of work, whatever the bodies hold.
constexpr int rows_max = 2000;
constexpr std::size_t bytes_max = 2 * 1024 * 1024;
constexpr std::size_t facts_max = 2000;
constexpr std::size_t indexed_max = 1000;  // messages
constexpr std::int64_t parked_max = 100'000;
constexpr std::int64_t parked_ms_max = std::int64_t{7} * 24 * 3600 * 1000;
// Of who was forgotten: until the answer is there to a message that they were sent since, if they were.
constexpr std::int64_t forgotten_ms_max = 60'000;

struct fact {
  channels::callback_key key;
  receipt_rank rank = receipt_rank::none;
  std::int64_t at_ms = 0;
  std::int32_t code = 0;
  std::string provider_id, detail, participant, recipient;  // the last: of an opt-out, whom the provider names
  bool shows_webhooks = false;                              // it was taken in since the store was opened to run
};

receipt_rank rank_of(channels::receipt_status s) {
  switch (s) {
    case channels::receipt_status::sent:
      return receipt_rank::sent;
    case channels::receipt_status::failed:
      return receipt_rank::failed;
    case channels::receipt_status::delivered:
      return receipt_rank::delivered;
    case channels::receipt_status::read:
    case channels::receipt_status::played:
      return receipt_rank::read;
    case channels::receipt_status::other:
      break;
  }
  return receipt_rank::none;
}

// A person's word by the provider's clock, which may be ahead of ours: whatever the order in which they come, the
// latest must hold. One from farther ahead is nonsense, and would outweigh all that they say until then.
std::int64_t said_at(std::int64_t told_ms, std::int64_t now_ms) {
  constexpr std::int64_t clocks_differ_ms = std::int64_t{24} * 3600 * 1000;
  return told_ms <= now_ms + clocks_differ_ms ? told_ms : now_ms;
}

// Sorts what the bodies say; writes what needs no merging at once. What it takes, row_maker must notice.
struct collector {
  store::database& db;
  std::uint64_t store_id;
  std::int64_t now_ms;
  inbound::replies& replies;
  account_events& account;
  std::int64_t opened_at_ms = 0;
  std::int64_t received_at_ms = 0;  // of the row that is read
  std::vector<fact> facts = {};
  std::int64_t foreign = 0;
  bool told = false;
  struct identity {
    message_id message;
    std::string user_id;
  };
  std::vector<identity> identities = {};  // of recipients, by the message they were sent
  channels::change_head head = {};
  std::set<std::string, std::less<>> numbers_seen = {};

  static std::int64_t to_ms(std::int64_t unix_s) {
    constexpr std::int64_t year_9999 = 253'402'300'799;
    return std::clamp<std::int64_t>(unix_s, 0, year_9999) * 1000;
  }

  void begin_change(const channels::change_head& h) {
    head = h;
    if (h.phone_number_id.empty() || numbers_seen.contains(h.phone_number_id)) return;
    numbers_seen.emplace(h.phone_number_id);
    keep_display_number(db, h, now_ms);
  }

  void receipt(const channels::receipt& r) {
    const auto rank = rank_of(r.status);
    if (rank == receipt_rank::none) return;
    const auto detail = r.error_details.empty() ? r.error_title : r.error_details;
    if (r.callback.empty()) {
      park(r, rank, detail);
      return;
    }
    const auto key = channels::callback_key::parse(r.callback);
    if (!key || (key->store != store_id && !store::formerly_ours(db, key->store, key->message.lane))) {
      ++foreign;
      return;
    }
    if (!r.recipient_user_id.empty() && r.participant.empty()) {
      identities.push_back({key->message, std::string(r.recipient_user_id)});
    }
    facts.push_back({*key, rank, to_ms(r.timestamp_unix_s), r.error_code, std::string(r.message_id),
                     std::string(detail), std::string(r.participant),
                     r.error_code == store::user_opted_out_code ? std::string(r.recipient_id) : std::string(),
                     received_at_ms > opened_at_ms});
  }

  // Words of who was forgotten are not kept for the message, which is likely never to be found.
  void park(const channels::receipt& r, receipt_rank rank, std::string_view detail) {
    const store::named_person who(r.recipient_id, r.recipient_user_id);
    auto person = r.participant.empty() && !who.nobody() ? store::person_key(who.address()) : 0;
    const auto participant = r.participant.empty() ? std::string() : store::known_as(db, r.participant);
    const bool forgotten = person != 0 && store::is_forgotten(db, person);
    if (forgotten) person = 0;
    if (forgotten || participant != r.participant) detail = {};
    db.run(
        "INSERT OR IGNORE INTO parked(received_at_ms, provider_id, status, at_ms, code, participant, detail, person, "
        "until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        now_ms, r.message_id, rank, to_ms(r.timestamp_unix_s), r.error_code, participant, detail, person,
        forgotten ? now_ms + forgotten_ms_max : 0);
  }

  // Parked ones that nobody looked for yet; true when there are more.
  bool look_for_new() {
    std::vector<std::pair<std::int64_t, std::string>> list;
    const auto most = store::look_ups_per_job(db);
    {
      auto r = db.select("SELECT id, provider_id FROM parked WHERE looked = 0 ORDER BY id LIMIT ?1", most);
      while (r.next()) list.emplace_back(r.integer(0), r.text(1));
    }
    for (const auto& [id, provider_id] : list) {
      if (const auto sent = store::find_sent(db, provider_id, now_ms - parked_ms_max - sent_before_ms)) {
        unpark(sent->message, sent->campaign, sent->attempt, provider_id);
      } else {
        db.run("UPDATE parked SET looked = 1 WHERE id = ?1", id);
      }
    }
    return list.size() == most;
  }

  // What was parked under this provider id is of this message.
  void unpark(message_id message, std::int64_t campaign, std::uint32_t attempt, std::string_view provider_id) {
    {
      auto r = db.select(
          "SELECT status, at_ms, code, participant, detail, received_at_ms FROM parked WHERE provider_id = ?1",
          provider_id);
      while (r.next()) {
        facts.push_back({{store_id, campaign, message, attempt},
                         static_cast<receipt_rank>(r.integer(0)),
                         r.integer(1),
                         static_cast<std::int32_t>(r.integer(2)),
                         std::string(provider_id),
                         std::string(r.text(4)),
                         std::string(r.text(3)),
                         {},
                         r.integer(5) > opened_at_ms});
      }
    }
    db.run("DELETE FROM parked WHERE provider_id = ?1", provider_id);
  }

  void reply(const channels::reply& r) { replies.take(r); }

  void preference(const channels::preference& p) {
    const store::named_person who(p.wa_id, p.user_id);
    const bool stop = p.value == "stop", resume = p.value == "resume";
    if (who.nobody() || (!stop && !resume) || (!p.category.empty() && p.category != "marketing_messages")) {
      account.take(head, "user_preferences", as_json(p));
      return;
    }
    if (!who.number.empty() && !who.user.empty()) store::link_identities(db, who.number, who.user, now_ms);
    const auto at_ms = p.timestamp_unix_s > 0 ? said_at(to_ms(p.timestamp_unix_s), now_ms) : now_ms;
    constexpr auto source = suppression_source::platform_preference;
    const bool news =
        stop ? store::stopped_at_platform(db, who.address(), source, at_ms, "stopped at the platform", now_ms)
             : store::resumed_at_platform(db, who.address(), at_ms, now_ms);
    if (!news) return;
    store::tell_opt_out(db, who.address(), source, consent_scope::marketing, stop, 0, now_ms);
    told = true;
  }

  void other(std::string_view field, std::string_view json) { account.take(head, field, json); }

 private:
  static constexpr std::int64_t sent_before_ms = std::int64_t{30} * 24 * 3600 * 1000;  // a message lives 30 days

  std::string as_json(const channels::preference& p) {
    auto r = db.select("SELECT json_object('wa_id', ?1, 'user_id', ?2, 'category', ?3, 'value', ?4, 'timestamp', ?5)",
                       p.wa_id, p.user_id, p.category, p.value, p.timestamp_unix_s);
    return r.next() ? std::string(r.text(0)) : std::string();
  }
};

// The counters of one campaign that one merge changes.
struct campaign_change {
  counters change;
  std::int64_t settled_by_receipt = 0, charge = 0, late = 0;
  std::map<std::int32_t, std::int64_t> heard_of_ms = {};  // by lane: the latest attempt that a receipt told of
  bool overtaken = false;
};

// The columns a receipt can change.
struct row {
  bool exists = false;
  message_state state = message_state::queued;
  receipt_rank receipt = receipt_rank::none;
  std::int64_t sent = 0, delivered = 0, read = 0, failed = 0;
  std::int32_t code = 0;
  std::int64_t attempt = 0, at_ms = 0;  // never changed here
  bool named = false;                   // the provider's id is known; nor this
  std::int64_t left_by_ms = 0;          // the latest its request can have left; nor this
  friend bool operator==(const row&, const row&) = default;
};

row read_row(store::database& db, std::int64_t id) {
  auto r = db.select(
      "SELECT state, receipt, coalesce(sent_at_ms, 0), coalesce(delivered_at_ms, 0), coalesce(read_at_ms, 0), "
      "coalesce(failed_at_ms, 0), coalesce(code, 0), attempt, at_ms, provider_id IS NOT NULL, "
      "coalesce(left_by_ms, at_ms) FROM messages WHERE id = ?1",
      id);
  if (!r.next()) return {};
  return {true,
          static_cast<message_state>(r.integer(0)),
          static_cast<receipt_rank>(r.integer(1)),
          r.integer(2),
          r.integer(3),
          r.integer(4),
          r.integer(5),
          static_cast<std::int32_t>(r.integer(6)),
          r.integer(7),
          r.integer(8),
          r.integer(9) != 0,
          r.integer(10)};
}

// A time that is missing, or not known yet, is 0.
constexpr std::int64_t late_if_missing(std::int64_t at_ms) {
  return at_ms == 0 ? std::numeric_limits<std::int64_t>::max() : at_ms;
}

void keep_first(std::int64_t& at_ms, std::int64_t told_ms) {
  if (late_if_missing(told_ms) < late_if_missing(at_ms)) at_ms = told_ms;
}

counters parts(const row& r) {
  const bool sent = r.state == message_state::accepted;
  return {.delivered = sent && r.receipt >= receipt_rank::delivered,
          .read = sent && r.receipt == receipt_rank::read,
          .undelivered = sent && r.receipt == receipt_rank::failed};
}

// The provider could not deliver because the recipient stopped marketing there.
void take_opt_out(store::database& db, std::span<const fact> told, std::int64_t now_ms) {
  const auto address = store::address_of(db, told.front().key.message);
  if (address.empty()) return;
  constexpr auto source = suppression_source::provider_error;
  for (const auto& f : told) {
    if (f.code != store::user_opted_out_code || !f.participant.empty()) continue;
    const store::named_person named(f.recipient, "");
    if (address.starts_with('+') && !named.nobody()) store::link_identities(db, address, named.address(), now_ms);
    const auto at_ms = f.at_ms > 0 ? said_at(f.at_ms, now_ms) : now_ms;
    if (store::stopped_at_platform(db, address, source, at_ms, "not delivered: 131050", now_ms)) {
      store::tell_opt_out(db, address, source, consent_scope::marketing, true, f.key.campaign, now_ms);
    }
  }
}

// Applies what was told of one message; the merged rank, or none when nothing changed.
receipt_rank apply(store::database& db, std::span<fact> told, campaign_change& to, failures& failed,
                   std::int64_t now_ms) {
  const auto& key = told.front().key;
  const auto id = key.message.key();
  const auto before = read_row(db, id);
  auto after = before;
  if (before.state == message_state::skipped) return receipt_rank::none;
  // Nothing of who was forgotten comes back with what is told of their message.
  const bool forgotten = !before.named && store::key_of_forgotten(store::address_of(db, key.message)) != 0;
  bool failed_as_opt_out = false;
  std::string_view detail, provider_id;
  std::uint32_t attempt = 0;
  for (auto& f : told) {
    if (f.shows_webhooks && before.attempt == static_cast<std::int64_t>(f.key.attempt)) {
      auto& heard_of_ms = to.heard_of_ms[key.message.lane];
      heard_of_ms = std::max(heard_of_ms, before.at_ms);
    }
    provider_id =
        provider_id.empty() ? std::string_view(f.provider_id) : std::min(provider_id, std::string_view(f.provider_id));
    attempt = std::max(attempt, f.key.attempt);
    if (!f.participant.empty()) {
      if (!forgotten) store::put_group_receipt(db, f.key.message, f.participant, f.rank, f.at_ms, f.code);
      // One participant who could not be reached is not the group: it proves no more than that the message was taken.
      if (f.rank == receipt_rank::failed) {
        f.rank = receipt_rank::sent;
        f.at_ms = 0;
      }
    }
    if (after.state != message_state::accepted) {
      after.state = message_state::accepted;
      ++to.change.sent;
      if (before.state == message_state::unconfirmed) --to.change.unconfirmed, ++to.settled_by_receipt;
      to.overtaken |= before.state == message_state::attempting && before.attempt > f.key.attempt;
      if (before.state == message_state::refused) {
        --to.change.failed;
        ++to.late;  // its credit was given back
      } else {
        ++to.charge;
      }
      after.code = 0;
    }
    after.receipt = std::max(after.receipt, f.rank);
    switch (f.rank) {
      case receipt_rank::sent:
        keep_first(after.sent, f.at_ms);
        break;
      case receipt_rank::failed:
        // Of several failures' codes the smallest: any rule that does not depend on the order will do.
        if (f.code != 0 && (after.code == 0 || f.code < after.code)) {
          after.code = f.code;
          detail = f.detail;
        }
        failed_as_opt_out = failed_as_opt_out || f.code == store::user_opted_out_code;
        keep_first(after.failed, f.at_ms);
        break;
      case receipt_rank::delivered:
        keep_first(after.delivered, f.at_ms);
        break;
      case receipt_rank::read:
        keep_first(after.read, f.at_ms);
        break;
      case receipt_rank::none:
        break;
    }
  }
  if (failed_as_opt_out) take_opt_out(db, told, now_ms);
  if (after == before) return receipt_rank::none;
  const auto old_parts = parts(before), new_parts = parts(after);
  to.change.delivered += new_parts.delivered - old_parts.delivered;
  to.change.read += new_parts.read - old_parts.read;
  to.change.undelivered += new_parts.undelivered - old_parts.undelivered;
  // The request's own end is not stored yet, and may never be: it left between its claim and now.
  const bool not_ended = !before.exists || before.state == message_state::attempting;
  if (after.code != 0 && after.code != before.code) {
    // What is told of an earlier attempt than the one under way left before that.
    const bool earlier = before.attempt > static_cast<std::int64_t>(attempt);
    auto& left_ms = failed[{key.campaign, after.code, key.message.lane}];
    left_ms = std::max(left_ms, not_ended && !earlier ? now_ms : before.left_by_ms);
  }
  if (forgotten) {
    provider_id = detail = {};
  } else if (before.state != message_state::accepted || !before.named) {
    store::index_later(db, key.message);  // what a person called sent is found by the provider's id only from now on
  }
  if (before.state == message_state::accepted && before.code == after.code) {
    // The common case: one column or two of a row that is there.
    db.run(
        "UPDATE messages SET provider_id = coalesce(provider_id, nullif(?2, '')), receipt = ?3, sent_at_ms = "
        "nullif(?4, 0), "
        "delivered_at_ms = nullif(?5, 0), read_at_ms = nullif(?6, 0), failed_at_ms = nullif(?7, 0) WHERE id = ?1",
        id, provider_id, after.receipt, after.sent, after.delivered, after.read, after.failed);
    return after.receipt;
  }
  const auto left_by_ms = not_ended ? now_ms : 0;
  db.run(
      "INSERT INTO messages(id, state, attempt, at_ms, provider_id, receipt, sent_at_ms, delivered_at_ms, read_at_ms, "
      "failed_at_ms, code, detail, left_by_ms) VALUES (?1, ?2, ?3, ?4, nullif(?5, ''), ?6, nullif(?7, 0), nullif(?8, "
      "0), "
      "nullif(?9, 0), "
      "nullif(?10, 0), nullif(?11, 0), nullif(?12, ''), nullif(?13, 0)) ON CONFLICT(id) DO UPDATE SET state = ?2, "
      "provider_id = coalesce(provider_id, nullif(?5, '')), receipt = ?6, sent_at_ms = nullif(?7, 0), "
      "delivered_at_ms = nullif(?8, 0), read_at_ms = nullif(?9, 0), failed_at_ms = nullif(?10, 0), "
      "next_at_ms = NULL, left_by_ms = coalesce(nullif(?13, 0), left_by_ms), code = nullif(?11, 0), "
      "detail = CASE WHEN ?11 = 0 THEN NULL WHEN ?12 <> '' THEN ?12 ELSE detail END",
      id, after.state, attempt, before.exists ? before.at_ms : store::taken_up_at(db, key.message), provider_id,
      after.receipt, after.sent, after.delivered, after.read, after.failed, after.code, detail, left_by_ms);
  return after.receipt;
}

void link_recipients(store::database& db, const collector& found, std::int64_t now_ms) {
  for (const auto& [message, user_id] : found.identities) {
    const auto address = store::address_of(db, message);
    if (address.starts_with('+')) store::link_identities(db, address, "user:" + user_id, now_ms);
  }
}

// In the order of messages: neighbours share pages, and several receipts of one message are one change of its row.
void apply_all(store::database& db, std::vector<fact>& facts, merge_result& result, failures& failed,
               std::int64_t now_ms) {
  std::stable_sort(facts.begin(), facts.end(),
                   [](const fact& a, const fact& b) { return a.key.message < b.key.message; });
  std::map<std::int64_t, campaign_change> changes;
  struct {
    std::int64_t id = 0, campaign = 0, position = 0;
  } lane;
  const std::span<fact> all(facts);
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    const auto& key = all[first].key;
    while (last < all.size() && all[last].key.message == key.message && all[last].key.campaign == key.campaign) ++last;
    if (key.message.lane != lane.id) {
      auto r = db.select("SELECT campaign, position FROM lanes WHERE id = ?1", key.message.lane);
      lane = {key.message.lane, 0, 0};
      if (r.next()) lane.campaign = r.integer(0), lane.position = r.integer(1);
    }
    // Only what was opened can have been sent; anything else is not ours, whatever its key says.
    if (lane.campaign != key.campaign || lane.position <= key.message.sequence) continue;
    const auto rank = apply(db, all.subspan(first, last - first), changes[key.campaign], failed, now_ms);
    if (rank != receipt_rank::none) result.changed.push_back({{key.campaign}, key.message, rank});
  }
  for (const auto& [campaign, c] : changes) {
    for (const auto& [lane_id, heard_of_ms] : c.heard_of_ms) {
      const int changed = db.run(
          "UPDATE senders SET heard_of_ms = ?2 WHERE id = (SELECT sender FROM lanes WHERE id = ?1) AND heard_of_ms < "
          "?2",
          lane_id, heard_of_ms);
      result.heard = result.heard || changed > 0;
    }
    store::account_for(db, campaign, c.change, c.settled_by_receipt, c.charge, 0, now_ms);
    if (c.overtaken) result.overtaken.push_back(campaign);
    if (c.late > 0) {
      const auto account = db.number("SELECT account FROM campaigns WHERE id = ?1", campaign);
      store::collect_late(db, account, campaign, c.late, now_ms);
    }
  }
}

}  // namespace

merge_result merge(store::database& db, std::uint64_t store_id, std::int64_t now_ms, const merge_options& how) {
  merge_result result;
  const auto known_words = db.number("SELECT max(id) FROM consent_log");
  inbound::replies replies(db, now_ms);
  account_events account(db, now_ms);
  collector found{db, store_id, now_ms, replies, account, how.opened_at_ms};
  channels::webhook_parser parser;
  std::int64_t last = 0;
  int rows = 0;
  std::size_t bytes = 0;
  {
    auto r = db.select("SELECT id, said, received_at_ms FROM inbox ORDER BY id LIMIT ?1", rows_max + 1);
    while (r.next()) {
      if (++rows > rows_max || bytes > bytes_max || found.facts.size() > facts_max) {
        result.more = true;
        break;
      }
      last = r.integer(0);
      bytes += r.bytes(1).size();
      found.received_at_ms = r.integer(2);
      read_row(r.bytes(1), parser, found);
    }
  }
  if (rows > 0) {
    db.run("DELETE FROM inbox WHERE id <= ?1", last);
    if (found.foreign > 0) db.run("UPDATE store SET foreign_receipts = foreign_receipts + ?1", found.foreign);
    db.run("DELETE FROM parked WHERE received_at_ms < ?1", now_ms - parked_ms_max);
    db.run("DELETE FROM parked WHERE id <= (SELECT max(id) FROM parked) - ?1", parked_max);
  }
  link_recipients(db, found, now_ms);
  failures failed;
  apply_all(db, found.facts, result, failed, now_ms);
  found.facts.clear();

  // Sent messages are indexed while somebody asks for them by what the provider calls them, or nobody needs the store.
  const bool parked = db.number("SELECT EXISTS(SELECT 1 FROM parked)") != 0;
  if (parked || replies_waiting(db) || (how.idle && rows == 0)) {
    std::vector<std::pair<message_id, std::string>> met;
    const bool full = store::index_sent(db, indexed_max, [&](message_id message, std::string_view provider_id) {
      if (parked && db.number("SELECT EXISTS(SELECT 1 FROM parked WHERE provider_id = ?1)", provider_id) != 0) {
        met.emplace_back(message, provider_id);
      }
    });
    for (const auto& [message, provider_id] : met) {
      const auto campaign = db.number("SELECT campaign FROM lanes WHERE id = ?1", message.lane);
      const auto attempt = db.number("SELECT attempt FROM messages WHERE id = ?1", message.key());
      found.unpark(message, campaign, static_cast<std::uint32_t>(attempt), provider_id);
    }
    if (parked && found.look_for_new()) result.more = true;
    result.more = result.more || full;
    if (!full) {
      const store::overwriting zeros(db);
      db.run("DELETE FROM parked WHERE until_ms > 0 AND until_ms < ?1 AND looked = 1", now_ms);
    }
    apply_all(db, found.facts, result, failed, now_ms);
  }
  auto braked = brake_for(db, failed, now_ms);
  const bool more_replies = replies.match(how.words);
  result.more = result.more || more_replies;
  result.next_ms = replies.next_ms();
  if (parked) {
    const auto until_ms = db.number("SELECT min(until_ms) FROM parked WHERE until_ms > 0");
    if (until_ms != 0 && (result.next_ms == 0 || until_ms < result.next_ms)) result.next_ms = until_ms + 1;
  }
  result.replies = replies.told || found.told || account.told || !account.paused.empty() || !account.resumed.empty() ||
                   !braked.empty();
  result.barred =
      db.number("SELECT EXISTS(SELECT 1 FROM consent_log WHERE id > ?1 AND what = 'suppress')", known_words) != 0;
  result.paused = std::move(account.paused.campaigns);
  result.paused.insert(result.paused.end(), braked.campaigns.begin(), braked.campaigns.end());
  result.resumed = std::move(account.resumed.campaigns);
  result.held = std::move(account.paused.senders);
  result.held.insert(result.held.end(), braked.senders.begin(), braked.senders.end());
  result.lifted = std::move(account.resumed.senders);
  result.limits_changed = std::move(account.limits_changed);
  return result;
}

}  // namespace bulkmsg::inbound
