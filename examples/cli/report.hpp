// What became of a campaign: the final table, and the same as JSON.
#pragma once

#include <string>
#include <string_view>

#include "bulkmsg/engine.hpp"
#include "json.hpp"

namespace cli {

struct account_report {
  std::string name;  // empty: the campaign has no account, or this process does not know which
  bulkmsg::account_id id;
};

// The members of a status object, the counters among them.
json_object status_json(const bulkmsg::campaign_status& status);

// Status, failed and skipped by reason, credits.
json_object report_json(bulkmsg::engine& engine, const bulkmsg::campaign_status& status, const account_report& account);
void print_report(bulkmsg::engine& engine, const bulkmsg::campaign_status& status, const account_report& account);

void print_plan(const bulkmsg::plan_summary& plan, const bulkmsg::import_report& import);
json_object plan_json(const bulkmsg::plan_summary& plan, const bulkmsg::import_report& import);

// 0 only when every message is accounted for; see exit.hpp.
int exit_code_of(const bulkmsg::campaign_status& status);

// To stdout, complete or an exception.
void print_text(std::string_view text);
void print_line(const std::string& line);

// To be called once at the end: a full disk behind `>` is an error, not a short file.
void flush_stdout();

}  // namespace cli
