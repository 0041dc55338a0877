#include "store/privacy.hpp"

#include <algorithm>

#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/records/events.hpp"
#include "store/contacts.hpp"
#include "store/forgotten.hpp"
#include "store/group_receipts.hpp"
#include "store/keys.hpp"
#include "store/lanes.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::int64_t looked_at_max = 50'000;  // rows in one look beside the writer
constexpr std::int64_t changed_max = 1'000;     // rows in one store job

std::string digits_of(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits += c;
  }
  return digits;
}

// A rejected row's address is as it was written, perhaps without its country.
bool is_theirs(const forgotten_person& who, std::string_view written) {
  const auto read = recipients::parse_address(written);
  if (read.code == errc::ok) {
    return std::find(who.keys.begin(), who.keys.end(), person_key(read.text())) != who.keys.end();
  }
  if (!who.address.starts_with('+')) return false;
  constexpr std::size_t national_min = 7;
  auto digits = digits_of(written);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  return digits.size() >= national_min && digits_of(who.address).ends_with(digits);
}

}  // namespace

forgotten_person who_is(database& db, std::string_view address) {
  forgotten_person who;
  who.address = address;
  const auto person = person_of(db, address);
  who.keys.push_back(person);
  auto r = db.select("SELECT alias FROM identities WHERE person = ?1", person);
  while (r.next()) who.keys.push_back(r.integer(0));
  const auto own = person_key(address);
  if (std::find(who.keys.begin(), who.keys.end(), own) == who.keys.end()) who.keys.push_back(own);
  const auto name_of = [](std::string_view canonical) {
    return std::string(canonical.substr(canonical.starts_with('+') ? 1 : canonical.find(':') + 1));
  };
  who.names.push_back(name_of(address));
  // The other names are where they were told: in the log, which is all there is when they were forgotten only half.
  auto told = db.select(
      "WITH RECURSIVE told(one, other) AS (SELECT address, new FROM consent_log WHERE what = 'identity' AND (person IN "
      "(?1, ?2) OR ?3 IN (address, new)) UNION SELECT l.address, l.new FROM told JOIN consent_log l ON l.what = "
      "'identity' AND (l.address IN (one, other) OR l.new IN (one, other))) SELECT one, other FROM told",
      person, own, address);
  while (told.next()) {
    for (const auto text : {told.text(0), told.text(1)}) {
      const auto name = name_of(text);
      if (!name.empty() && std::find(who.names.begin(), who.names.end(), name) == who.names.end()) {
        who.names.push_back(name);
        const auto key = person_key(text);
        if (std::find(who.keys.begin(), who.keys.end(), key) == who.keys.end()) who.keys.push_back(key);
      }
    }
  }
  return who;
}

void forget_person(database& db, const forgotten_person& who, std::int64_t now_ms, forget_report& report) {
  need_forget_key(db);
  const overwriting zeros(db);
  db.run("UPDATE store SET forgotten = forgotten + 1, barred_by_hash = 1");
  const auto person = who.keys.front();
  for (const auto key : who.keys) {
    const auto hash = forgotten_key(db, key);
    db.run("INSERT OR IGNORE INTO forgotten_names(person) VALUES (?1)", hash);
    // Each of the names may come back alone: what is known of the person is known of each.
    db.run(
        "INSERT INTO suppressions(person, source, scope, at_ms, address, note) "
        "SELECT ?2, source, scope, at_ms, '', '' FROM suppressions WHERE person = ?1 "
        "ON CONFLICT(person, source) DO UPDATE SET scope = max(scope, excluded.scope)",
        person, hash);
    db.run(
        "INSERT INTO consents(person, state, scope, at_ms, source) "
        "SELECT ?2, state, scope, at_ms, source FROM consents WHERE person = ?1 "
        "ON CONFLICT(person) DO UPDATE SET state = excluded.state, scope = excluded.scope, at_ms = excluded.at_ms, "
        "source = excluded.source",
        person, hash);
    for (const auto each : who.keys) {  // words are under whichever name they were said by
      db.run(
          "INSERT INTO platform_words(person, source, at_ms) SELECT ?2, source, at_ms FROM platform_words "
          "WHERE person = ?1 ON CONFLICT DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)",
          each, hash);
    }
    report.contact = remove_contact(db, key) || report.contact;
    db.run("DELETE FROM identities WHERE alias = ?1", key);
  }
  for (const auto key : who.keys) {
    db.run("DELETE FROM suppressions WHERE person = ?1", key);
    db.run("DELETE FROM consents WHERE person = ?1", key);
    db.run("DELETE FROM platform_words WHERE person = ?1", key);
    db.run("DELETE FROM conversations WHERE person = ?1", key);
  }
  db.run(
      "INSERT INTO consent_log(at_ms, person, address, what, source, old, new, note) "
      "VALUES (?1, ?2, '', 'forget', '', '', '', '')",
      now_ms, forgotten_key(db, person));
}

namespace {

bool is_one_of(const std::vector<std::int64_t>& keys, std::int64_t key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Where to go on behind a look at `looked` rows, the last of them `last`; 0: there were no more.
std::int64_t next_look(std::int64_t looked, std::int64_t last) { return looked == changed_max ? last : 0; }

}  // namespace

std::int64_t forget_in_replies(database& db, const forgotten_person& who, std::int64_t from, std::int64_t& replies) {
  const overwriting zeros(db);
  const auto stands = forgotten_address(db, who.keys.front());
  std::vector<std::int64_t> theirs;
  std::int64_t looked = 0, last = from;
  {
    auto r = db.select("SELECT id, address FROM replies WHERE id > ?1 ORDER BY id LIMIT ?2", from, changed_max);
    for (; r.next(); ++looked) {
      last = r.integer(0);
      for (const auto& name : who.names) {
        if (r.text(1) != "+" + name && r.text(1) != "user:" + name) continue;
        theirs.push_back(last);
        break;
      }
    }
  }
  // The provider's id of a message holds the number, too.
  for (const auto id : theirs) {
    db.run(
        "UPDATE replies SET address = ?2, text = '', payload = '', answers = '', raw = '', profile = '', user_id = '', "
        "provider_id = ?2 || ':' || id WHERE id = ?1",
        id, stands);
  }
  replies += static_cast<std::int64_t>(theirs.size());
  return next_look(looked, last);
}

std::int64_t forget_in_events(database& db, const forgotten_person& who, std::int64_t from) {
  const overwriting zeros(db);
  std::vector<std::int64_t> theirs;
  std::int64_t looked = 0, last = from;
  {
    auto r = db.select("SELECT id, kind, payload FROM events WHERE id > ?1 ORDER BY id LIMIT ?2", from, changed_max);
    for (; r.next(); ++looked) {
      last = r.integer(0);
      const auto kind = static_cast<event_kind>(r.integer(1));
      if (kind != event_kind::reply && kind != event_kind::opt_out && kind != event_kind::notice) continue;
      const auto names_them = [&](const std::string& name) { return r.text(2).find(name) != std::string_view::npos; };
      if (std::any_of(who.names.begin(), who.names.end(), names_them)) theirs.push_back(last);
    }
  }
  for (const auto id : theirs) {
    db.run("UPDATE events SET payload = json_object('forgotten', json('true')) WHERE id = ?1", id);
  }
  return next_look(looked, last);
}

std::int64_t forget_in_groups(database& db, const forgotten_person& who, std::int64_t from) {
  const overwriting zeros(db);
  std::vector<std::pair<std::int64_t, std::string>> theirs;
  std::int64_t looked = 0, last = from, before = from;  // the message before the last
  {
    auto r = db.select(
        "SELECT message, participant FROM group_receipts WHERE message > ?1 ORDER BY message, participant LIMIT ?2",
        from, changed_max);
    for (; r.next(); ++looked) {
      if (r.integer(0) != last) before = last;
      last = r.integer(0);
      const auto participant = std::string(r.text(1));
      if (std::find(who.names.begin(), who.names.end(), participant) != who.names.end()) {
        theirs.emplace_back(last, participant);
      }
    }
  }
  for (const auto& [message, participant] : theirs) {
    db.run("UPDATE OR REPLACE group_receipts SET participant = ?3 WHERE message = ?1 AND participant = ?2", message,
           participant, forgotten_participant(db, participant));
  }
  // The last message may have more participants: it is looked at once more, unless it is all that was looked at.
  return next_look(looked, before > from ? before : last);
}

std::int64_t forget_in_parked(database& db, const forgotten_person& who, std::int64_t from) {
  const overwriting zeros(db);
  std::vector<std::int64_t> theirs;
  std::vector<std::pair<std::int64_t, std::string>> as_participant;
  std::int64_t looked = 0, last = from;
  {
    auto r =
        db.select("SELECT id, person, participant FROM parked WHERE id > ?1 ORDER BY id LIMIT ?2", from, changed_max);
    for (; r.next(); ++looked) {
      last = r.integer(0);
      if (is_one_of(who.keys, r.integer(1))) theirs.push_back(last);
      const auto participant = std::string(r.text(2));
      if (std::find(who.names.begin(), who.names.end(), participant) != who.names.end()) {
        as_participant.emplace_back(last, participant);
      }
    }
  }
  for (const auto id : theirs) db.run("DELETE FROM parked WHERE id = ?1", id);
  for (const auto& [id, participant] : as_participant) {
    db.run("UPDATE OR REPLACE parked SET participant = ?2, detail = '' WHERE id = ?1", id,
           forgotten_participant(db, participant));
  }
  return next_look(looked, last);
}

std::int64_t forget_in_log(database& db, const forgotten_person& who, std::int64_t from) {
  const overwriting zeros(db);
  std::vector<std::pair<std::int64_t, std::int64_t>> theirs;
  std::int64_t looked = 0, last = from;
  {
    auto r = db.select("SELECT id, person FROM consent_log WHERE id > ?1 ORDER BY id LIMIT ?2", from, changed_max);
    for (; r.next(); ++looked) {
      last = r.integer(0);
      if (is_one_of(who.keys, r.integer(1))) theirs.emplace_back(last, r.integer(1));
    }
  }
  for (const auto& [id, key] : theirs) {
    db.run(
        "UPDATE consent_log SET person = ?2, address = '', note = '', new = CASE what WHEN 'identity' THEN '' ELSE new "
        "END WHERE id = ?1",
        id, forgotten_key(db, key));
  }
  return next_look(looked, last);
}

std::vector<found_row> find_recipients(database& db, const forgotten_person& who, std::int64_t& from) {
  std::vector<found_row> found;
  auto r = db.select("SELECT id, address FROM recipients WHERE id > ?1 ORDER BY id LIMIT ?2", from, looked_at_max);
  from = 0;
  for (std::int64_t looked = 0; r.next();) {
    if (std::find(who.keys.begin(), who.keys.end(), person_key(r.text(1))) != who.keys.end()) {
      found.push_back({r.integer(0), 0});
    }
    if (++looked == looked_at_max) from = r.integer(0);
  }
  for (auto& row : found) {
    for (const auto lane : lanes_of(db, row.id >> 32)) {
      const auto message = db.number("SELECT id FROM plan WHERE id >= ?1 AND id < ?2 AND recipient = ?3", row_key(lane),
                                     row_key(lane + 1), row.id);
      if (message != 0) row.message = message;
    }
  }
  return found;
}

std::vector<found_row> find_rejects(database& db, const forgotten_person& who, std::int64_t& from) {
  std::vector<found_row> found;
  auto r = db.select("SELECT id, address FROM rejects WHERE id > ?1 ORDER BY id LIMIT ?2", from, looked_at_max);
  from = 0;
  for (std::int64_t looked = 0; r.next();) {
    if (is_theirs(who, r.text(1))) found.push_back({r.integer(0), 0});
    if (++looked == looked_at_max) from = r.integer(0);
  }
  return found;
}

void forget_recipient(database& db, const found_row& row, std::int64_t now_ms) {
  const overwriting zeros(db);
  std::string address;
  {
    auto r = db.select("SELECT address FROM recipients WHERE id = ?1", row.id);
    if (!r.next() || r.text(0).starts_with(forgotten_prefix)) return;
    address = r.text(0);
  }
  clear_recipient(db, row.id, person_key(address), empty_cells(db, row.id >> 32));
  if (row.message != 0) {
    db.run("DELETE FROM parked WHERE provider_id = (SELECT provider_id FROM messages WHERE id = ?1)", row.message);
    clear_messages(db, row.message, row.message + 1);
    clear_when_answered(db, row.message);
  }
  // Whoever froze a plan or claims messages looks again who may be written to.
  db.run(
      "INSERT INTO consent_log(at_ms, person, address, what, source, old, new, note) "
      "VALUES (?1, ?2, '', 'forget', '', '', '', '')",
      now_ms, forgotten_key(db, person_key(address)));
}

void forget_reject(database& db, const found_row& row) {
  const overwriting zeros(db);
  clear_rejects(db, row.id, row.id + 1);
}

}  // namespace bulkmsg::store
