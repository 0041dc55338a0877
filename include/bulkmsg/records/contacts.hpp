// Stored contacts, their segments and groups, and how they become recipients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/records/imports.hpp"

namespace bulkmsg {

struct contact_row {
  std::int64_t id = 0;
  std::string address = {};
  std::string attributes = {};  // a JSON object
  std::vector<std::string> labels = {};
  bool test = false, sandbox = false;
};

struct contacts_import {
  std::vector<std::string> labels = {};  // given to every contact of the file
  std::string group = {};                // a static group that they join; made when missing
  std::string consent_source = {};       // they have agreed to marketing, says the host; empty: nothing is said
  bool test = false, sandbox = false;    // marks them; to be left out of "everybody"
};

// How an import of contacts went; rows = added + updated + rejected.
struct contacts_report {
  std::int64_t rows = 0, added = 0, updated = 0, rejected = 0;
  std::vector<rejected_row> problems = {};  // the first 1000
};

// How contacts became recipients: who was chosen = added + rejected + what follows.
struct selection_report {
  std::int64_t chosen = 0, added = 0, duplicates = 0, rejected = 0;
  std::int64_t tests = 0, sandbox = 0, suppressed = 0, without_consent = 0;
};

struct segment_row {
  std::string name = {};
  std::string conditions = {};  // JSON; empty: a static group
  std::int64_t contacts = 0;    // of a static group: its members
};

}  // namespace bulkmsg
