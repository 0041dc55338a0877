#include "store/opt_outs.hpp"

#include <array>

#include "bulkmsg/records/events.hpp"
#include "store/forgotten.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

constexpr int resumed = 0;  // as a source in platform_words

std::int64_t last_word(database& db, const std::string& address, int source) {
  // Words of before two names were found to be one person's stay under the older key, those of before they were
  // forgotten under what stands for them.
  return db.number(
      "SELECT max(at_ms) FROM platform_words WHERE source = ?2 AND "
      "person IN (SELECT ?1 UNION ALL SELECT ?3 UNION ALL SELECT alias FROM identities WHERE person = ?1)",
      person_of(db, address), source, forgotten_key(db, person_key(address)));
}

void keep_word(database& db, std::int64_t person, int source, std::int64_t at_ms) {
  db.run(
      "INSERT INTO platform_words(person, source, at_ms) VALUES (?1, ?2, ?3) "
      "ON CONFLICT(person, source) DO UPDATE SET at_ms = max(at_ms, ?3)",
      person, source, at_ms);
}

bool suppressed(database& db, const std::string& address, suppression_source source, consent_scope scope) {
  return db.number("SELECT EXISTS(SELECT 1 FROM suppressions WHERE person = ?1 AND source = ?2 AND scope >= ?3)",
                   person_of(db, address), source, scope) != 0;
}

}  // namespace

named_person::named_person(std::string_view digits, std::string_view user_id) {
  constexpr std::size_t digits_max = 20, id_max = 256;
  if (!digits.empty() && digits.size() <= digits_max &&
      digits.find_first_not_of("0123456789") == std::string_view::npos) {
    number.append("+").append(digits);
  }
  if (!user_id.empty() && user_id.size() <= id_max) user.append("user:").append(user_id);
}

bool stopped_by_word(database& db, const named_person& who, consent_scope scope, std::string_view word,
                     std::int64_t now_ms) {
  if (suppressed(db, who.address(), suppression_source::stop_word, scope)) return false;
  suppress(
      db, who.address(),
      {.scope = scope, .source = suppression_source::stop_word, .note = "wrote: " + std::string(word.substr(0, 128))},
      now_ms);
  tell_opt_out(db, who.address(), suppression_source::stop_word, scope, true, 0, now_ms);
  return true;
}

bool stopped_at_platform(database& db, const std::string& address, suppression_source source, std::int64_t told_at_ms,
                         std::string_view note, std::int64_t now_ms) {
  keep_word(db, person_of(db, address), static_cast<int>(source), told_at_ms);
  if (told_at_ms < last_word(db, address, resumed)) return false;
  if (suppressed(db, address, source, consent_scope::marketing)) return false;
  suppress(db, address, {.scope = consent_scope::marketing, .source = source, .note = std::string(note)}, now_ms);
  return true;
}

bool resumed_at_platform(database& db, const std::string& address, std::int64_t told_at_ms, std::int64_t now_ms) {
  keep_word(db, person_of(db, address), resumed, told_at_ms);
  bool lifted = false;
  for (const auto source : platform_sources) {
    if (told_at_ms <= last_word(db, address, static_cast<int>(source))) continue;
    lifted = lift(db, address, std::array{source}, "resumed at the platform", now_ms) || lifted;
  }
  return lifted;
}

void tell_opt_out(database& db, const std::string& address, suppression_source source, consent_scope scope,
                  bool stopped, std::int64_t campaign, std::int64_t now_ms) {
  db.run(
      "INSERT INTO events(at_ms, kind, campaign, state, payload) VALUES (?1, ?2, ?3, ?4, json_object('address', ?5, "
      "'source', ?6, 'scope', ?7, 'stopped', json(?8)))",
      now_ms, event_kind::opt_out, campaign, stopped, address, name(source), name(scope), stopped ? "true" : "false");
}

}  // namespace bulkmsg::store
