#include "store/suppressions.hpp"

#include <algorithm>

#include "bulkmsg/recipients/address.hpp"
#include "store/campaigns.hpp"
#include "store/children.hpp"
#include "store/forgotten.hpp"

namespace bulkmsg::store {

namespace {

struct change {
  std::int64_t at_ms, person;
  std::string_view address, what, source, old, now, note;
};

void log(database& db, const change& c) {
  db.run(
      "INSERT INTO consent_log(at_ms, person, address, what, source, old, new, note) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      c.at_ms, c.person, c.address, c.what, c.source, c.old, c.now, c.note);
}

std::int64_t resolved(database& db, std::int64_t key) {
  const auto person = db.number("SELECT person FROM identities WHERE alias = ?1", key);
  return person != 0 ? person : key;
}

std::string_view scope_name(std::int64_t scope) {
  return scope == 0 ? std::string_view() : name(static_cast<consent_scope>(scope));
}

std::string consent_words(std::int64_t state, std::int64_t scope) {
  return state == 0 ? std::string()
                    : std::string(name(static_cast<consent_state>(state))) + " " + std::string(scope_name(scope));
}

bool any(database& db, const char* sql) { return db.number(sql) != 0; }

}  // namespace

std::int64_t person_key(std::string_view address) {
  const auto key = static_cast<std::int64_t>(recipients::person_key(address));
  return key != 0 ? key : -1;
}

std::int64_t person_of(database& db, std::string_view address) {
  if (const auto forgotten = key_of_forgotten(address); forgotten != 0) return forgotten;
  return resolved(db, person_key(address));
}

void link_identities(database& db, std::string_view address, std::string_view other, std::int64_t now_ms) {
  const auto person = person_of(db, address);
  const auto alias = person_key(other);
  const auto before = resolved(db, alias);
  if (before == person) return;
  // Nobody has so many names: a provider that answers the same identity for everyone must not make one person of them.
  constexpr std::int64_t aliases_max = 16;
  for (const auto one : {before, person}) {
    if (db.number("SELECT count(*) FROM (SELECT 1 FROM identities WHERE person = ?1 LIMIT 16)", one) >= aliases_max) {
      return;
    }
  }
  // Everything known of the one they were is known of the one they are.
  db.run("UPDATE identities SET person = ?2 WHERE person = ?1", before, person);
  db.run("INSERT INTO identities(alias, person) VALUES (?1, ?2) ON CONFLICT(alias) DO UPDATE SET person = ?2", before,
         person);
  db.run(
      "INSERT INTO suppressions(person, source, scope, at_ms, address, note) "
      "SELECT ?2, source, scope, at_ms, address, note FROM suppressions WHERE person = ?1 "
      "ON CONFLICT(person, source) DO UPDATE SET scope = max(scope, excluded.scope)",
      before, person);
  db.run("DELETE FROM suppressions WHERE person = ?1", before);
  db.run(
      "INSERT INTO consents(person, state, scope, at_ms, source) "
      "SELECT ?2, state, scope, at_ms, source FROM consents WHERE person = ?1 "
      "ON CONFLICT(person) DO UPDATE SET state = excluded.state, scope = excluded.scope, at_ms = excluded.at_ms, "
      "source = excluded.source WHERE excluded.at_ms > at_ms OR (excluded.at_ms = at_ms AND excluded.state = 2)",
      before, person);
  db.run("DELETE FROM consents WHERE person = ?1", before);
  // Who is a contact under both names stays two, of which a campaign takes one.
  db.run("UPDATE OR IGNORE contacts SET person = ?2 WHERE person = ?1", before, person);
  log(db, {now_ms, person, address, "identity", "provider", "", other, ""});
}

void suppress(database& db, std::string_view address, const suppression& why, std::int64_t now_ms) {
  const auto person = person_of(db, address);
  const auto old = db.number("SELECT scope FROM suppressions WHERE person = ?1 AND source = ?2", person, why.source);
  if (old >= static_cast<std::int64_t>(why.scope)) return;
  db.run(
      "INSERT INTO suppressions(person, source, scope, at_ms, address, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT(person, source) DO UPDATE SET scope = ?3, at_ms = ?4, address = ?5, note = ?6",
      person, why.source, why.scope, now_ms, address, why.note);
  if (key_of_forgotten(address) != 0) db.run("UPDATE store SET barred_by_hash = 1");
  log(db, {now_ms, person, address, "suppress", name(why.source), scope_name(old), name(why.scope), why.note});
}

namespace {

bool lift_one(database& db, std::int64_t person, std::string_view address, suppression_source source,
              std::string_view note, std::int64_t now_ms) {
  const auto old = db.number("SELECT scope FROM suppressions WHERE person = ?1 AND source = ?2", person, source);
  if (old == 0) return false;
  db.run("DELETE FROM suppressions WHERE person = ?1 AND source = ?2", person, source);
  log(db, {now_ms, person, address, "lift", name(source), scope_name(old), "", note});
  return true;
}

}  // namespace

bool lift(database& db, std::string_view address, std::span<const suppression_source> sources, std::string_view note,
          std::int64_t now_ms) {
  const auto known = person_of(db, address);
  bool found = false;
  // Also what was said before they were forgotten.
  for (const auto person : {known, forgotten_key(db, person_key(address))}) {
    for (const auto source : sources) found = lift_one(db, person, address, source, note, now_ms) || found;
  }
  return found;
}

void put_consent(database& db, std::string_view address, const consent& given, std::int64_t now_ms) {
  const auto person = person_of(db, address);
  std::string old;
  {
    auto r = db.select("SELECT state, scope, source FROM consents WHERE person = ?1", person);
    if (r.next()) {
      old = consent_words(r.integer(0), r.integer(1));
      if (old == consent_words(static_cast<std::int64_t>(given.state), static_cast<std::int64_t>(given.scope)) &&
          r.text(2) == given.source) {
        return;
      }
    }
  }
  db.run(
      "INSERT INTO consents(person, state, scope, at_ms, source) VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT(person) DO UPDATE SET state = ?2, scope = ?3, at_ms = ?4, source = ?5",
      person, given.state, given.scope, now_ms, given.source);
  log(db, {now_ms, person, address, "consent", given.source, old,
           consent_words(static_cast<std::int64_t>(given.state), static_cast<std::int64_t>(given.scope)), ""});
}

void state_consent(database& db, std::int64_t campaign, std::string_view source, std::int64_t now_ms) {
  check_call(db, campaign, campaign_call::state_consent);
  const auto rows = read_campaign(db, campaign).recipients;
  const auto stated = db.number("SELECT max(last) FROM consent_statements WHERE campaign = ?1", campaign);
  if (stated >= rows) return;
  db.run("INSERT INTO consent_statements(campaign, first, last, at_ms, source) VALUES (?1, ?2, ?3, ?4, ?5)", campaign,
         stated, rows, now_ms, source);
  log(db, {now_ms, 0, "", "statement", source, "",
           "granted for recipients " + std::to_string(stated) + " to " + std::to_string(rows - 1) + " of campaign " +
               std::to_string(campaign),
           ""});
}

std::vector<suppression_row> list_suppressions(database& db, const suppression_filter& filter) {
  std::vector<suppression_row> list;
  const auto take = [&](rows r) {
    while (r.next()) {
      list.push_back({.person = r.integer(0),
                      .address = std::string(r.text(4)),
                      .why = {.scope = static_cast<consent_scope>(r.integer(2)),
                              .source = static_cast<suppression_source>(r.integer(1)),
                              .note = std::string(r.text(5))},
                      .at_ms = r.integer(3)});
    }
  };
  if (!filter.address.empty()) {
    take(db.select("SELECT person, source, scope, at_ms, address, note FROM suppressions WHERE person IN (?1, ?2)",
                   person_of(db, filter.address), forgotten_key(db, person_key(filter.address))));
  } else {
    take(
        db.select("SELECT person, source, scope, at_ms, address, note FROM suppressions "
                  "WHERE (person, source) > (?1, ?2) ORDER BY person, source LIMIT ?3",
                  filter.after.first, filter.after.second, filter.limit));
  }
  return list;
}

std::vector<consent_log_row> list_consent_log(database& db, std::int64_t after, std::size_t limit) {
  std::vector<consent_log_row> list;
  auto r = db.select(
      "SELECT id, at_ms, address, what, source, old, new, note FROM consent_log WHERE id > ?1 ORDER BY id LIMIT ?2",
      after, limit);
  while (r.next()) {
    list.push_back({.id = r.integer(0),
                    .at_ms = r.integer(1),
                    .address = std::string(r.text(2)),
                    .what = std::string(r.text(3)),
                    .source = std::string(r.text(4)),
                    .old = std::string(r.text(5)),
                    .now = std::string(r.text(6)),
                    .note = std::string(r.text(7))});
  }
  return list;
}

std::int64_t last_consent_change(database& db) { return db.number("SELECT max(id) FROM consent_log"); }

screen::screen(database& db, std::int64_t campaign, consent_rules rules)
    : db_(db),
      rules_(rules),
      identities_(any(db, "SELECT EXISTS(SELECT 1 FROM identities)")),
      suppressions_(any(db, "SELECT EXISTS(SELECT 1 FROM suppressions)")),
      consents_(any(db, "SELECT EXISTS(SELECT 1 FROM consents)")),
      hashes_(any(db, "SELECT barred_by_hash FROM store")),
      child_(db.number("SELECT parent FROM campaigns WHERE id = ?1", campaign) != 0 ? campaign : 0) {
  auto r = db.select("SELECT first, last FROM consent_statements WHERE campaign = ?1", campaign);
  while (r.next()) stated_.emplace_back(r.integer(0), r.integer(1));
}

std::int64_t last_inbound(database& db, std::string_view address, std::string_view phone_number_id) {
  // By all names of the person: they may have written under another one.
  return db.number(
      "SELECT max(last_inbound_ms) FROM conversations "
      "WHERE person IN (SELECT ?1 UNION ALL SELECT alias FROM identities WHERE person = ?1) "
      "AND (?2 = '' OR phone_number_id = ?2)",
      person_of(db, address), phone_number_id);
}

errc screen::check(std::string_view address, std::int64_t row) {
  if (address.starts_with(forgotten_prefix)) return errc::recipient_suppressed;  // nobody knows who it was
  if (child_ != 0 && reached_before(db_, (child_ << 32) + row)) return errc::duplicate_recipient;
  const bool stated =
      std::any_of(stated_.begin(), stated_.end(), [&](const auto& s) { return row >= s.first && row < s.second; });
  if (!suppressions_ && !consents_) return rules_.needs_consent && !stated ? errc::consent_missing : errc::ok;
  return check(person_key(address), stated);
}

errc screen::check_person(std::int64_t key) { return check(key, false); }

errc screen::check(std::int64_t key, bool stated) {
  const auto person = identities_ ? resolved(db_, key) : key;
  if (hashes_) {
    // What they said before they were forgotten bars them still, unless they have said something since.
    const auto hash = forgotten_key(db_, key);
    if (db_.number("SELECT EXISTS(SELECT 1 FROM suppressions WHERE person = ?1 AND scope >= ?2)", hash,
                   rules_.marketing ? consent_scope::marketing : consent_scope::all) != 0) {
      return errc::recipient_suppressed;
    }
    if (db_.number("SELECT EXISTS(SELECT 1 FROM consents WHERE person = ?1)", person) == 0) {
      return check_known(hash, stated);
    }
  }
  return check_known(person, stated);
}

errc screen::check_known(std::int64_t person, bool stated) {
  const auto scope = rules_.marketing ? consent_scope::marketing : consent_scope::all;
  if (suppressions_ &&
      db_.number("SELECT EXISTS(SELECT 1 FROM suppressions WHERE person = ?1 AND scope >= ?2)", person, scope) != 0) {
    return errc::recipient_suppressed;
  }
  if (consents_) {
    auto r = db_.select("SELECT state, scope FROM consents WHERE person = ?1", person);
    if (r.next()) {
      if (r.integer(0) == static_cast<std::int64_t>(consent_state::granted)) return errc::ok;
      // A word of the person's own outweighs what the host states for a list.
      if (rules_.needs_consent || r.integer(1) >= static_cast<std::int64_t>(scope)) return errc::consent_missing;
      return errc::ok;
    }
  }
  return rules_.needs_consent && !stated ? errc::consent_missing : errc::ok;
}

std::string_view screening_reason(errc code) {
  switch (code) {
    case errc::recipient_suppressed:
      return "this person is not to be written to; see `bulkmsg suppressions`";
    case errc::consent_missing:
      return "no consent to marketing is known; record it, or state it for the whole list with its source";
    case errc::window_closed:
      return "has not written within 24 hours, and then only templates may be sent; send a template";
    case errc::duplicate_recipient:
      return "the same person as an earlier row, or reached after all by the message that this one was to replace";
    default:
      return {};
  }
}

}  // namespace bulkmsg::store
