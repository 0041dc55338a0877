// Whom not to write to, who agreed, and who is to be forgotten. Addresses are given as people write them: a phone
// number, or user:ID, group:ID, chat:ID.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "bulkmsg/recipients/consent.hpp"

namespace bulkmsg {

struct suppression {
  consent_scope scope = consent_scope::all;
  suppression_source source = suppression_source::own_list;
  std::string note = {};  // for people: who said so, and why
};

struct suppression_row {
  std::int64_t person = 0;
  std::string address = {};  // as it was told
  suppression why = {};
  std::int64_t at_ms = 0;
};

struct suppression_filter {
  std::string address = {};                                             // only this person's; empty: all
  std::pair<std::int64_t, suppression_source> after = {INT64_MIN, {}};  // keyset paging: person and source
  std::size_t limit = 1000;
};

struct consent {
  consent_state state = consent_state::granted;
  consent_scope scope = consent_scope::marketing;
  std::string source = {};  // where and how, such as "web form, 2026-03"
};

// One change of suppressions, consent or identities. Never removed.
struct consent_log_row {
  std::int64_t id = 0;
  std::int64_t at_ms = 0;
  std::string address = {};
  std::string what = {};    // suppress, lift, consent, identity, statement
  std::string source = {};  // who said so
  std::string old = {}, now = {}, note = {};
};

struct forget_report {
  std::int64_t recipients = 0;  // rows of campaigns
  std::int64_t rejected = 0;    // rejected rows
  std::int64_t replies = 0;
  bool contact = false;
};

}  // namespace bulkmsg
