// Where the recipients of `send` come from: --csv, --json-rows, --list or --contacts.
#pragma once

#include <string>

#include "bulkmsg/engine.hpp"
#include "options.hpp"

namespace cli {

// What people call the input: the file's name, "standard input", "list".
std::string recipients_name(const options& given);

// Refuses a file that cannot be read, and a delimiter that is none, before a store is opened.
void expect_recipients(const options& given);

bulkmsg::import_report import_recipients(bulkmsg::engine& engine, bulkmsg::campaign_id campaign, const options& given);

}  // namespace cli
