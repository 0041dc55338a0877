// Contacts: stored persons with their attributes and labels, and the index over attributes that are declared indexed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/recipients/contact.hpp"
#include "bulkmsg/records/contacts.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

std::vector<recipients::attribute> read_attributes(database& db);
// Declares an attribute, or finds it. Throws attribute_mismatch when it has another type, too_large over
// attributes_max.
std::int64_t put_attribute(database& db, std::string_view name, recipients::attribute_type type);
// Brings up to `contacts_max` more contacts into the index of an attribute; true when it is complete. From the first
// call on imports keep it.
bool index_more(database& db, std::int64_t attribute, std::int64_t contacts_max);

// Contacts as a file gives them.
struct contact_batch {
  struct one {
    std::string address;     // canonical
    std::string attributes;  // a JSON object, canonical values
    std::vector<std::string> labels;
    std::optional<bool> test, sandbox;
  };
  std::vector<one> rows;
  std::vector<std::int64_t> attributes;  // of the rows, by id
  std::int64_t group = 0;                // which they join; 0: none
};
struct contact_counts {
  std::int64_t added = 0, updated = 0;
};
contact_counts put_contacts(database& db, const contact_batch& batch, const contacts_import& how, std::int64_t now_ms);
// The contact of this person, with its labels and groups; false: there is none.
bool remove_contact(database& db, std::int64_t person);

}  // namespace bulkmsg::store
