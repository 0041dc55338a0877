#include "inbound/replies.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "bulkmsg/content/window.hpp"
#include "bulkmsg/records/events.hpp"
#include "store/opt_outs.hpp"
#include "store/sent_index.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::inbound {

namespace {

constexpr std::int64_t quoted_window_ms =
    std::int64_t{90} * 24 * 3600 * 1000;           // how far back a quoted one is looked for
constexpr std::int64_t clocks_differ_ms = 60'000;  // the provider's and ours, at most
// A quoted message that is not known may be one whose own answer is still on its way.
constexpr std::int64_t answer_awaited_ms = 10'000, look_again_ms = 250;

std::int64_t written_at(std::int64_t unix_s, std::int64_t now_ms) {
  return unix_s > 0 ? std::min(unix_s, now_ms / 1000) * 1000 : now_ms;
}

bool on_the_wire(store::database& db) {
  return db.number("SELECT EXISTS(SELECT 1 FROM intents WHERE closed = 0)") != 0;
}

// What a reply whose `from` changed says: who they were is who they are.
bool changed_identity(store::database& db, const channels::reply& r, const store::named_person& who,
                      std::int64_t now_ms) {
  const store::named_person now(r.changed_wa_id, r.changed_user_id);
  if (now.nobody() || who.nobody()) return false;
  for (const auto& each : {now.number, now.user}) {
    if (!each.empty() && each != who.address()) store::link_identities(db, who.address(), each, now_ms);
  }
  return true;
}

}  // namespace

bool replies_waiting(store::database& db) {
  return db.number("SELECT EXISTS(SELECT 1 FROM replies WHERE waits > 0)") != 0;
}

const opt_out_words& replies::words_of(std::string_view phone_number_id) {
  if (const auto known = words_.find(phone_number_id); known != words_.end()) return known->second;
  std::string written;
  {
    auto r =
        db_.select("SELECT opt_out_words FROM senders WHERE phone_number_id = ?1 ORDER BY id DESC", phone_number_id);
    if (r.next()) written = r.text(0);
  }
  auto parsed = opt_out_words::parse(written);
  if (!parsed) parsed = opt_out_words::parse({});  // cannot be: they were read when the sender was stored
  return words_.emplace(phone_number_id, std::move(*parsed)).first->second;
}

void replies::take(const channels::reply& r) {
  const store::named_person who(r.from, r.from_user_id);
  const auto at_ms = written_at(r.timestamp_unix_s, now_ms_);
  const bool system = r.type == "system";
  std::optional<consent_scope> stop;
  // In a group a word like "stop" is said to others.
  if (r.group_id.empty() && !who.nobody() && (r.type == "text" || r.type == "button" || r.type == "interactive")) {
    const auto& words = words_of(r.phone_number_id);
    stop = words.asked_by(r.text);
    if (const auto by_payload = words.asked_by(r.payload); !stop || by_payload == consent_scope::all) {
      stop = by_payload ? by_payload : stop;
    }
  }
  const int added = db_.run(
      "INSERT INTO replies(provider_id, received_at_ms, at_ms, phone_number_id, address, user_id, group_id, profile, "
      "kind, text, payload, answers, raw, opt_out, waits) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT(provider_id) DO NOTHING",
      r.id, now_ms_, at_ms, r.phone_number_id, who.address(), r.from_user_id, r.group_id, r.profile_name, r.type,
      r.text, r.payload, r.context_id, r.raw, stop ? static_cast<int>(*stop) : 0, !system);
  if (added == 0) return;
  const auto id = db_.last_id();
  if (system) {
    if (!changed_identity(db_, r, who, now_ms_)) return;
    db_.run(
        "INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, 0, 0, json_object('field', ?3, "
        "'about', ?4, 'now', ?5, 'sentence', ?6))",
        now_ms_, event_kind::notice, r.payload, who.address(),
        store::named_person(r.changed_wa_id, r.changed_user_id).address(), r.text);
    told = true;
    return;
  }
  if (!who.number.empty() && !who.user.empty()) store::link_identities(db_, who.number, who.user, now_ms_);
  if (stop && store::stopped_by_word(db_, who, *stop, r.text.empty() ? r.payload : r.text, now_ms_)) told = true;
  if (r.group_id.empty() && !who.nobody()) open_window(r, who.address(), at_ms, id);
}

void replies::open_window(const channels::reply& r, const std::string& address, std::int64_t at_ms, std::int64_t id) {
  const auto person = store::person_of(db_, address);
  const auto had = db_.number(
      "SELECT id FROM conversations WHERE phone_number_id = ?2 AND "
      "person IN (SELECT ?1 UNION ALL SELECT alias FROM identities WHERE person = ?1) ORDER BY id",
      person, r.phone_number_id);
  auto conversation = had;
  if (had == 0) {
    db_.run(
        "INSERT INTO conversations(phone_number_id, person, address, began_at_ms, last_inbound_ms) "
        "VALUES (?1, ?2, ?3, ?4, ?4)",
        r.phone_number_id, person, address, at_ms);
    conversation = db_.last_id();
  } else {
    db_.run("UPDATE conversations SET last_inbound_ms = max(last_inbound_ms, ?2) WHERE id = ?1", had, at_ms);
  }
  db_.run("UPDATE replies SET conversation = ?2, resumed = ?3 WHERE id = ?1", id, conversation, had != 0);
}

std::int64_t replies::next_ms() {
  const auto next = db_.number("SELECT min(waits) FROM replies WHERE waits > 0");
  // What waits for the index already: it gets there as intents are closed.
  return next == 0 ? 0 : std::max(next, now_ms_ + look_again_ms);
}

struct replies::waiting {
  std::int64_t id, received_at_ms, at_ms, conversation;
  bool resumed;
  std::string address, user_id, phone_number_id, group_id, answers;
  std::optional<store::sent_message> sent = {};
};

bool replies::match(const words_of_message& words) {
  std::vector<waiting> list;
  const auto most = store::look_ups_per_job(db_);
  {
    auto r = db_.select(
        "SELECT id, received_at_ms, at_ms, conversation, resumed, address, user_id, phone_number_id, group_id, answers "
        "FROM replies WHERE waits > 0 AND waits <= ?1 ORDER BY waits, id LIMIT ?2",
        now_ms_, most);
    const auto text = [&](int i) { return std::string(r.text(i)); };
    while (r.next()) {
      list.push_back({r.integer(0), r.integer(1), r.integer(2), r.integer(3), r.integer(4) != 0, text(5), text(6),
                      text(7), text(8), text(9)});
    }
  }
  if (list.empty()) return false;
  const bool whole = !store::sent_to_index(db_), wire = on_the_wire(db_);
  bool waits = false;
  for (auto& w : list) {
    std::string_view by = "context";
    if (!w.answers.empty()) w.sent = store::find_sent(db_, w.answers, w.at_ms - quoted_window_ms);
    if (!w.sent) {
      if (!whole) {
        waits = true;
        continue;
      }
      if (!w.answers.empty() && wire && now_ms_ - w.received_at_ms < answer_awaited_ms) {
        db_.run("UPDATE replies SET waits = ?2 WHERE id = ?1", w.id, now_ms_ + look_again_ms);
        continue;
      }
      by = "latest";
      const auto person =
          w.group_id.empty() ? store::person_of(db_, w.address) : store::person_key("group:" + w.group_id);
      w.sent =
          store::latest_sent(db_, person, w.phone_number_id, w.at_ms - reply_window_ms, w.at_ms + clocks_differ_ms);
    } else if (w.group_id.empty() && !w.address.empty()) {
      // Only whom it was sent to can quote it: so this is their name, too.
      const auto sent_to = store::address_of(db_, w.sent->message);
      if (sent_to.starts_with('+') || sent_to.starts_with("user:")) {
        store::link_identities(db_, sent_to, w.address, now_ms_);
      }
    }
    if (w.sent) {
      const auto first =
          db_.number("SELECT NOT EXISTS(SELECT 1 FROM replies WHERE message = ?1)", w.sent->message.key());
      if (first != 0) db_.run("UPDATE campaigns SET responded = responded + 1 WHERE id = ?1", w.sent->campaign);
      db_.run("UPDATE replies SET message = ?2, campaign = ?3, waits = 0 WHERE id = ?1", w.id, w.sent->message.key(),
              w.sent->campaign);
    } else {
      db_.run("UPDATE replies SET waits = 0 WHERE id = ?1", w.id);
    }
    tell(w, w.sent ? by : "", words);
    told = true;
  }
  return !waits && list.size() == most;
}

void replies::tell(const waiting& w, std::string_view matched_by, const words_of_message& words) {
  std::int64_t campaign = 0, message = 0, sent_at_s = 0;
  std::string content;
  if (w.sent) {
    campaign = w.sent->campaign, message = w.sent->message.key(), sent_at_s = w.sent->at_ms / 1000;
    if (words) {
      content = words(db_, campaign, db_.number("SELECT recipient FROM plan WHERE id = ?1", message));
    }
  }
  std::string broadcast = "null", agent;
  {
    auto r = db_.select(
        "SELECT json_object('broadcast_id', c.id, 'broadcast_name', c.name, 'template_name', t.name, "
        "'template_content', ?2, 'sent_at', strftime('%Y-%m-%dT%H:%M:%SZ', ?3, 'unixepoch')), "
        "CASE WHEN c.reply_to <> '' THEN c.reply_to ELSE c.agent END "
        "FROM campaigns c JOIN templates t ON t.id = c.template WHERE c.id = ?1",
        campaign, content, sent_at_s);
    if (r.next()) broadcast = r.text(0), agent = r.text(1);
  }
  if (campaign == 0) {
    auto r = db_.select(
        "SELECT CASE WHEN reply_to <> '' THEN reply_to ELSE agent END FROM senders WHERE phone_number_id = ?1 "
        "ORDER BY id DESC",
        w.phone_number_id);
    if (r.next()) agent = r.text(0);
  }
  const auto closes = w.conversation == 0 ? 0
                                          : db_.number("SELECT last_inbound_ms + ?2 FROM conversations WHERE id = ?1",
                                                       w.conversation, content::service_window_ms);
  db_.run(
      "INSERT INTO events(at_ms, kind, campaign, state, payload) SELECT ?1, ?2, ?3, 0, json_object("
      "'id', provider_id, 'from', CASE WHEN address LIKE 'user:%' THEN user_id ELSE substr(address, 2) END, "
      "'type', kind, 'text', text, 'answers', answers, 'payload', payload, 'address', address, 'user_id', user_id, "
      "'group_id', group_id, 'profile', profile, 'written_at_ms', at_ms, 'opt_out', json(iif(opt_out > 0, 'true', "
      "'false')), 'agent', ?5, 'conversation_id', conversation, 'conversation', iif(conversation = 0, '', "
      "iif(resumed, 'resumed', 'new')), 'window_closes_at_ms', ?6, 'matched_by', ?7, 'message', iif(?8 > 0, (?8 >> 32) "
      "|| '/' || (?8 & 0xffffffff), ''), 'broadcast', json(?9), 'raw', json(iif(raw = '', 'null', raw))) "
      "FROM replies WHERE id = ?4",
      now_ms_, event_kind::reply, campaign, w.id, agent, closes, matched_by, message, broadcast);
}

}  // namespace bulkmsg::inbound
