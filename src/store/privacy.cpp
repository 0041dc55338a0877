#include "store/privacy.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/records/events.hpp"
#include "store/campaigns.hpp"
#include "store/contacts.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::int64_t looked_at_max = 50'000;  // rows in one look beside the writer
constexpr std::int64_t changed_max = 1'000;     // rows in one store job
constexpr std::size_t key_bytes = 32;

constexpr std::int64_t wide(std::int64_t high, std::int64_t low) { return (high << 32) | low; }

std::string key_of(database& db) {
  auto r = db.select("SELECT forget_key FROM store");
  return r.next() ? std::string(r.text(0)) : std::string();
}

std::int64_t hashed(const std::string& key, std::int64_t person) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(&person),
       sizeof person, mac.data(), &size);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | mac[static_cast<std::size_t>(i)];
  return static_cast<std::int64_t>(value >> 1) | 1;
}

std::string hex(std::int64_t value) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 15];
  return text;
}

void need_key(database& db) {
  if (!key_of(db).empty()) return;
  std::array<unsigned char, key_bytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    throw store_error{error{errc::internal, "no random bytes for the key of forgotten persons", 0, 0}};
  }
  std::string text;
  for (const auto byte : random) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  db.run("UPDATE store SET forget_key = ?1", text);
}

// While it lives, what is taken out of pages is overwritten with zeros.
class overwriting {
 public:
  explicit overwriting(database& db) : db_(db) { db_.exec("PRAGMA secure_delete=ON"); }
  ~overwriting() { sqlite3_exec(db_.handle(), "PRAGMA secure_delete=FAST", nullptr, nullptr, nullptr); }
  overwriting(const overwriting&) = delete;

 private:
  database& db_;
};

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

void clear_messages(database& db, std::int64_t first, std::int64_t last) {
  db.run(
      "UPDATE messages SET provider_id = NULL, detail = NULL WHERE id >= ?1 AND id < ?2 AND (provider_id IS NOT NULL "
      "OR detail IS NOT NULL)",
      first, last);
}

// Empty cells, as many as there are columns.
constexpr const char* clear_recipient = "UPDATE recipients SET address = ?2, parameters = ?3 WHERE id = ?1";

std::string empty_cells(database& db, std::int64_t campaign) {
  const auto columns = read_campaign(db, campaign).columns;
  return std::string(static_cast<std::size_t>(std::count(columns.begin(), columns.end(), recipients::cell_separator)),
                     recipients::cell_separator);
}

}  // namespace

void need_forget_key(database& db) { need_key(db); }

std::int64_t forgotten_key(database& db, std::int64_t person) { return hashed(key_of(db), person); }

std::string forgotten_address(database& db, std::int64_t person) {
  return std::string(forgotten_prefix) + hex(forgotten_key(db, person));
}

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
  // The other names are where they were told: in the log.
  auto told =
      db.select("SELECT address, new FROM consent_log WHERE what = 'identity' AND person IN (?1, ?2)", person, own);
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
  need_key(db);
  const overwriting zeros(db);
  db.run("UPDATE store SET forgotten = forgotten + 1");
  const auto person = who.keys.front();
  for (const auto key : who.keys) {
    const auto hash = forgotten_key(db, key);
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
  const auto stands = forgotten_address(db, who.keys.front());
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
           participant, stands);
  }
  // The last message may have more participants: it is looked at once more, unless it is all that was looked at.
  return next_look(looked, before > from ? before : last);
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
      const auto message = db.number("SELECT id FROM plan WHERE id >= ?1 AND id < ?2 AND recipient = ?3", wide(lane, 0),
                                     wide(lane + 1, 0), row.id);
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
  db.run(clear_recipient, row.id, forgotten_address(db, person_key(address)), empty_cells(db, row.id >> 32));
  if (row.message != 0) clear_messages(db, row.message, row.message + 1);
  // Whoever froze a plan or claims messages looks again who may be written to.
  db.run(
      "INSERT INTO consent_log(at_ms, person, address, what, source, old, new, note) "
      "VALUES (?1, ?2, '', 'forget', '', '', '', '')",
      now_ms, forgotten_key(db, person_key(address)));
}

void forget_reject(database& db, const found_row& row) {
  const overwriting zeros(db);
  db.run("UPDATE rejects SET address = '', row = '' WHERE id = ?1", row.id);
}

std::int64_t next_to_expire(database& db, std::int64_t ended_before_ms) {
  return db.number(
      "SELECT id FROM campaigns WHERE finished_at_ms > 0 AND finished_at_ms < ?1 AND expired_to >= 0 ORDER BY id LIMIT "
      "1",
      ended_before_ms);
}

namespace {

// Recipients [first, last) of a campaign's rows.
void expire_recipients(database& db, std::int64_t campaign, std::int64_t first, std::int64_t last) {
  const auto key = key_of(db);
  const auto cells = empty_cells(db, campaign);
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;  // and persons
  {
    auto r = db.select("SELECT id, address FROM recipients WHERE id >= ?1 AND id < ?2", wide(campaign, first),
                       wide(campaign, last));
    while (r.next()) {
      if (!r.text(1).starts_with(forgotten_prefix)) rows.emplace_back(r.integer(0), person_key(r.text(1)));
    }
  }
  for (const auto& [id, person] : rows) {
    db.run(clear_recipient, id, std::string(forgotten_prefix) + hex(hashed(key, person)), cells);
  }
}

// Messages [first, last) of a lane, or fewer of them when groups have many participants, who count towards `left`;
// returns up to where.
std::int64_t expire_messages(database& db, std::int64_t lane, std::int64_t first, std::int64_t last,
                             std::int64_t& left) {
  const auto receipts = [&] {
    return db.number(
        "SELECT count(*) FROM (SELECT 1 FROM group_receipts WHERE message >= ?1 AND message < ?2 LIMIT ?3)",
        wide(lane, first), wide(lane, last), changed_max + 1);
  };
  while (last - first > 1 && receipts() > changed_max) last = first + (last - first) / 2;
  clear_messages(db, wide(lane, first), wide(lane, last));
  left -=
      db.run("DELETE FROM group_receipts WHERE message >= ?1 AND message < ?2", wide(lane, first), wide(lane, last));
  return last;
}

}  // namespace

bool expire_more(database& db, std::int64_t campaign, std::int64_t now_ms) {
  need_key(db);
  const overwriting zeros(db);
  const auto row = read_campaign(db, campaign);
  // Recipients, rejected rows and each lane's messages, counted through: a job takes so many of all of them.
  auto at = db.number("SELECT expired_to FROM campaigns WHERE id = ?1", campaign);
  auto left = changed_max;
  std::int64_t begin = 0;
  const auto part = [&](std::int64_t size, auto&& expire) {
    const auto first = at - begin, last = std::min(size, first + left);
    begin += size;
    if (first >= size || left <= 0) return;
    const auto done = expire(first, last);
    at += done - first;
    left = done < last ? 0 : left - (done - first);
  };
  part(row.recipients, [&](std::int64_t first, std::int64_t last) {
    expire_recipients(db, campaign, first, last);
    return last;
  });
  part(row.rejects, [&](std::int64_t first, std::int64_t last) {
    db.run("UPDATE rejects SET address = '', row = '' WHERE id >= ?1 AND id < ?2", wide(campaign, first),
           wide(campaign, last));
    return last;
  });
  for (const auto lane : lanes_of(db, campaign)) {
    part(db.number("SELECT size FROM lanes WHERE id = ?1", lane),
         [&](std::int64_t first, std::int64_t last) { return expire_messages(db, lane, first, last, left); });
  }
  const bool done = at >= begin;
  db.run("UPDATE campaigns SET expired_to = ?2 WHERE id = ?1", campaign, done ? -1 : at);
  if (done) note_history(db, campaign, "expire", "its retention time is over", now_ms, "engine");
  return done;
}

bool expire_replies(database& db, std::int64_t before_ms) {
  const overwriting zeros(db);
  const auto n = db.run("DELETE FROM replies WHERE id IN (SELECT id FROM replies WHERE received_at_ms < ?1 LIMIT ?2)",
                        before_ms, changed_max);
  return n < changed_max;
}

}  // namespace bulkmsg::store
