// What the command line says, as plain data; command_line.cpp fills it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/credits/plan.hpp"

namespace cli {

struct options {
  std::string store;
  bool json = false;
  bool csv = false;
  bool quiet = false;

  // send, resume
  std::string sender_file;
  std::string template_file;
  std::string csv_file;  // "-": standard input
  std::string name;
  std::string account;
  std::vector<std::pair<std::string, std::string>> mapping;  // slot -> column
  std::string limits;
  bool dry_run = false;
  std::string listen;
  std::int64_t linger_seconds = 0;

  std::int64_t campaign = 0;  // 0: none given
  std::string state;          // messages
  std::string reason;         // pause, stop
  std::string signature;      // ingest

  // credits
  bulkmsg::credits::plan plan;
  std::int64_t credits = 0;
  std::string call_id;
  std::string actor;
  std::string rates_file;  // also send
};

}  // namespace cli
