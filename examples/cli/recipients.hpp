// Where the recipients of `send` come from: --csv, --json-rows or --list.
#pragma once

#include <string>
#include <utility>

#include "bulkmsg/engine.hpp"
#include "exit.hpp"
#include "options.hpp"

namespace cli {

// What people call the input: the file's name, "standard input", "list".
std::string recipients_name(const options& given);

// Refuses a file that cannot be read, and a delimiter that is none, before a store is opened.
void expect_recipients(const options& given);

bulkmsg::import_report import_recipients(bulkmsg::engine& engine, bulkmsg::campaign_id campaign, const options& given);

// A small file, whole. what: "template (the provider's JSON)", for the message when it cannot be read.
std::string file_text(const std::string& path, const char* what);

// The library says "line 1: ..."; the person wants to know of which file.
template <class T>
T need_of(const std::string& path, bulkmsg::result<T>&& r) {
  if (!r && r.error().message.find(path) == std::string::npos) r.error().message = path + ": " + r.error().message;
  return need(std::move(r));
}

}  // namespace cli
