#include "store/contacts.hpp"

#include <algorithm>

#include "store/forgotten.hpp"
#include "store/segment_sql.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

struct indexed_attribute {
  std::int64_t id;
  std::string path;
};

std::vector<indexed_attribute> indexed_among(database& db, const std::vector<std::int64_t>& attributes) {
  std::vector<indexed_attribute> list;
  auto r = db.select("SELECT id, name FROM attributes WHERE indexed > 0");
  while (r.next()) {
    if (std::find(attributes.begin(), attributes.end(), r.integer(0)) == attributes.end()) continue;
    list.push_back({r.integer(0), attribute_path(r.text(1))});
  }
  return list;
}

void index_contact(database& db, const indexed_attribute& a, std::int64_t contact) {
  db.run(
      "INSERT OR IGNORE INTO contact_index(attribute, value, contact) SELECT ?1, json_extract(attributes, ?2), id "
      "FROM contacts WHERE id = ?3 AND json_extract(attributes, ?2) IS NOT NULL",
      a.id, a.path, contact);
}

void unindex_contact(database& db, const indexed_attribute& a, std::int64_t contact) {
  db.run(
      "DELETE FROM contact_index WHERE attribute = ?1 AND contact = ?3 "
      "AND value = (SELECT json_extract(attributes, ?2) FROM contacts WHERE id = ?3)",
      a.id, a.path, contact);
}

// What a list says of somebody does not outweigh what they said themselves.
void take_consent(database& db, std::string_view address, const std::string& source, std::int64_t now_ms) {
  const auto person = person_of(db, address);
  const auto said = [&](std::int64_t key) {
    return db.number("SELECT state FROM consents WHERE person = ?1", key);  // 0: nothing
  };
  // Also before they were forgotten, unless they have said something since.
  auto state = said(person);
  if (state == 0 && db.number("SELECT forgotten FROM store") != 0) state = said(forgotten_key(db, person_key(address)));
  const bool withdrawn = state == static_cast<std::int64_t>(consent_state::withdrawn);
  if (!withdrawn) put_consent(db, address, {.source = source}, now_ms);
}

}  // namespace

std::vector<recipients::attribute> read_attributes(database& db) {
  std::vector<recipients::attribute> list;
  auto r = db.select("SELECT id, name, type, indexed = 2 FROM attributes ORDER BY name");
  while (r.next()) {
    list.push_back({.id = r.integer(0),
                    .name = std::string(r.text(1)),
                    .type = static_cast<recipients::attribute_type>(r.integer(2)),
                    .indexed = r.integer(3) != 0});
  }
  return list;
}

std::int64_t put_attribute(database& db, std::string_view name, recipients::attribute_type type) {
  {
    auto r = db.select("SELECT id, type FROM attributes WHERE name = ?1", name);
    if (r.next()) {
      const auto is = static_cast<recipients::attribute_type>(r.integer(1));
      if (is == type) return r.integer(0);
      throw store_error{error{errc::attribute_mismatch,
                              "attribute '" + std::string(name) + "' is declared as " +
                                  std::string(recipients::name(is)) + ", not " + std::string(recipients::name(type)) +
                                  "; give the other a name of its own",
                              0, 0}};
    }
  }
  if (db.number("SELECT count(*) FROM attributes") >= static_cast<std::int64_t>(recipients::attributes_max)) {
    throw store_error{error{errc::too_large,
                            "attribute '" + std::string(name) + "' would be one too many: a store has at most " +
                                std::to_string(recipients::attributes_max) + "; leave columns out",
                            0, 0}};
  }
  db.run("INSERT INTO attributes(name, type) VALUES (?1, ?2)", name, type);
  return db.last_id();
}

bool index_more(database& db, std::int64_t attribute, std::int64_t contacts_max) {
  std::string path;
  std::int64_t from = 0;
  {
    auto r = db.select("SELECT name, indexed, indexed_to FROM attributes WHERE id = ?1", attribute);
    if (!r.next() || r.integer(1) == 2) return true;
    path = attribute_path(r.text(0));
    from = r.integer(2);
  }
  const auto to = from + contacts_max;
  db.run(
      "INSERT OR IGNORE INTO contact_index(attribute, value, contact) SELECT ?1, json_extract(attributes, ?2), id "
      "FROM contacts WHERE id > ?3 AND id <= ?4 AND json_extract(attributes, ?2) IS NOT NULL",
      attribute, path, from, to);
  const bool complete = to >= db.number("SELECT max(id) FROM contacts");
  db.run("UPDATE attributes SET indexed = ?2, indexed_to = ?3 WHERE id = ?1", attribute, complete ? 2 : 1, to);
  return complete;
}

bool remove_contact(database& db, std::int64_t person) {
  const auto contact = db.number("SELECT id FROM contacts WHERE person = ?1", person);
  if (contact == 0) return false;
  std::vector<indexed_attribute> indexed;
  {
    auto r = db.select("SELECT id, name FROM attributes WHERE indexed > 0");
    while (r.next()) indexed.push_back({r.integer(0), attribute_path(r.text(1))});
  }
  for (const auto& a : indexed) unindex_contact(db, a, contact);
  db.run(
      "DELETE FROM contact_labels WHERE contact = ?1 AND label IN (SELECT label FROM contact_labels WHERE contact = "
      "?1)",
      contact);
  db.run("DELETE FROM group_members WHERE contact = ?1 AND segment IN (SELECT id FROM segments)", contact);
  db.run("DELETE FROM contacts WHERE id = ?1", contact);
  return true;
}

contact_counts put_contacts(database& db, const contact_batch& batch, const contacts_import& how, std::int64_t now_ms) {
  contact_counts counts;
  const auto indexed = indexed_among(db, batch.attributes);
  for (const auto& c : batch.rows) {
    const auto person = person_of(db, c.address);
    const bool added =
        db.run(
            "INSERT INTO contacts(person, address, attributes, test, sandbox, created_at_ms, "
            "updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT(person) DO NOTHING",
            person, c.address, c.attributes, c.test.value_or(how.test), c.sandbox.value_or(how.sandbox), now_ms) == 1;
    std::int64_t id = 0;
    if (added) {
      ++counts.added;
      id = db.last_id();
    } else {
      ++counts.updated;
      id = db.number("SELECT id FROM contacts WHERE person = ?1", person);
      for (const auto& a : indexed) unindex_contact(db, a, id);
      db.run(
          "UPDATE contacts SET attributes = json_patch(attributes, ?2), test = CASE ?3 WHEN -1 THEN max(test, ?5) ELSE "
          "?3 END, sandbox = CASE ?4 WHEN -1 THEN max(sandbox, ?6) ELSE ?4 END, updated_at_ms = ?7 WHERE id = ?1",
          id, c.attributes, c.test ? static_cast<int>(*c.test) : -1, c.sandbox ? static_cast<int>(*c.sandbox) : -1,
          how.test, how.sandbox, now_ms);
    }
    for (const auto& a : indexed) index_contact(db, a, id);
    for (const auto* labels : {&c.labels, &how.labels}) {
      for (const auto& label : *labels) {
        db.run("INSERT OR IGNORE INTO contact_labels(label, contact) VALUES (?1, ?2)", label, id);
      }
    }
    if (batch.group != 0) {
      db.run("INSERT OR IGNORE INTO group_members(segment, contact) VALUES (?1, ?2)", batch.group, id);
    }
    if (!how.consent_source.empty()) take_consent(db, c.address, how.consent_source, now_ms);
  }
  return counts;
}

}  // namespace bulkmsg::store
