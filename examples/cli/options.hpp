// What the command line says, as plain data; command_line.cpp fills it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/credits/plan.hpp"
#include "bulkmsg/engine.hpp"

namespace cli {

struct options {
  std::string store;
  bool json = false;
  bool csv = false;
  bool quiet = false;

  // send, resume
  std::string sender_file;
  std::vector<std::string> sender_files;  // send: instead, all of them
  std::string template_file;              // or the name of one that is kept
  std::string message_file;               // an own message instead
  std::string rules_file;
  std::string csv_file;  // one of these three; a file "-" is standard input
  std::string json_file;
  std::string list;
  std::string delimiter;  // of the CSV; "tab" for a tab
  std::string region;     // of numbers without a country
  std::string name;
  std::string account;
  std::vector<std::pair<std::string, std::string>> mapping;  // slot -> source
  std::string limits;
  std::string agent;  // sent from
  std::int64_t weight = 1;
  bool urgent = false;
  std::string hours, hours_in;
  std::string reply_to;
  bool dry_run = false;
  bool draft = false;  // left as one
  std::string listen;
  std::int64_t linger_seconds = 0;

  std::int64_t row = 0;  // preview

  std::int64_t campaign = 0;  // 0: none given
  std::string state;          // messages
  std::string rule;           // send: for unconfirmed messages
  std::int64_t rule_wait_seconds = 3600;
  std::string as;                                         // resolve: sent or not-sent
  std::string message;                                    // resolve: only this one
  bool failed = false, unconfirmed = false, all = false;  // retry
  std::string reason;                                     // pause, stop
  std::string signature;                                  // ingest
  std::int64_t event = 0;                                 // events: acknowledged up to this one
  std::string at;                                         // schedule
  std::int64_t max_lateness_minutes = 60;
  std::string to;             // test-send: addresses; backup: a file
  std::string expected_hash;  // start
  std::string start_key;
  std::int64_t code = 0;  // log
  std::string address;    // log, forget
  std::int64_t days = 0;  // retention
  bool tests = false;     // list
  bool gone = false;      // templates list

  std::string media_file;  // media put
  std::string media_kind;
  std::string mime;

  // contacts, segments, suppress, consent; send
  std::string selection;       // a segment or group; "all": every contact
  std::string consent_source;  // the recipients agreed, and this is where
  bulkmsg::contacts_import contacts;
  std::string type;  // of an attribute
  bool indexed = false;
  std::string file;
  std::vector<std::string> addresses;
  std::string scope;

  // credits
  bulkmsg::credits::plan plan;
  std::int64_t credits = 0;
  std::string call_id;
  std::string actor;       // also of campaigns: who does it
  std::string rates_file;  // also send
};

}  // namespace cli
