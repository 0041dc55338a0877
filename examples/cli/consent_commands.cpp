// suppress | unsuppress | suppressions | consent | consent-log
#include <fstream>
#include <vector>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::consent_scope;
using bulkmsg::consent_state;
using bulkmsg::engine;

consent_scope scope_of(const options& given, consent_scope otherwise) {
  if (given.scope.empty()) return otherwise;
  return given.scope == "marketing" ? consent_scope::marketing : consent_scope::all;
}

int ended(engine& door) {
  need(door.close());
  flush_stdout();
  return exit_code::ok;
}

}  // namespace

int suppress(const options& given) {
  std::vector<std::string> list = given.addresses;
  if (!given.file.empty()) {
    std::ifstream in(given.file);
    for (std::string line; std::getline(in, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) list.push_back(line);
    }
    if (!in.eof()) give_up(bulkmsg::errc::file_unreadable, given.file + ": cannot be read; give the path of a list");
  }
  if (list.empty()) {
    give_up(bulkmsg::errc::invalid_argument, "nobody is named; give addresses, or --file with one a line");
  }
  engine door = open_to_command(given.store, missing_store::create);  // often there before the first campaign
  need(door.suppress(list, {.scope = scope_of(given, consent_scope::all), .note = given.reason}));
  return ended(door);
}

int unsuppress(const options& given) {
  engine door = open_to_command(given.store);
  for (const auto& address : given.addresses) {
    need(door.lift_suppression(address, bulkmsg::own_sources, given.reason));
  }
  return ended(door);
}

int suppressions(const options& given) {
  engine door = open_to_read(given.store);
  bulkmsg::suppression_filter filter;
  if (!given.addresses.empty()) filter.address = given.addresses.front();
  for (bool first = true;; first = false) {
    const auto page = need(door.suppressions(filter));
    if (page.empty() || (!first && !filter.address.empty())) break;
    for (const auto& s : page) {
      filter.after = {s.person, s.why.source};
      print_line(given.json ? json_object()
                                  .text("address", s.address)
                                  .text("scope", name(s.why.scope))
                                  .text("source", name(s.why.source))
                                  .text("note", s.why.note)
                                  .number("at_ms", s.at_ms)
                                  .str()
                            : padded(one_line(s.address), 18) + padded(name(s.why.scope), 11) +
                                  padded(name(s.why.source), 21) + time_text(s.at_ms) + "  " + one_line(s.why.note));
    }
  }
  return ended(door);
}

int consent(const options& given) {
  engine door = open_to_command(given.store, missing_store::create);  // often there before the first campaign
  const auto state = given.state == "granted" ? consent_state::granted : consent_state::withdrawn;
  for (const auto& address : given.addresses) {
    need(door.put_consent(
        address, {.state = state, .scope = scope_of(given, consent_scope::marketing), .source = given.consent_source}));
  }
  return ended(door);
}

int consent_log(const options& given) {
  engine door = open_to_read(given.store);
  for (std::int64_t after = 0;;) {
    const auto page = need(door.consent_log(after));
    if (page.empty()) break;
    for (const auto& c : page) {
      after = c.id;
      print_line(given.json ? json_object()
                                  .number("id", c.id)
                                  .number("at_ms", c.at_ms)
                                  .text("address", c.address)
                                  .text("what", c.what)
                                  .text("source", c.source)
                                  .text("old", c.old)
                                  .text("new", c.now)
                                  .text("note", c.note)
                                  .str()
                            : time_text(c.at_ms) + "  " + padded(one_line(c.address), 18) + padded(c.what, 10) +
                                  padded(one_line(c.source), 21) + (c.old.empty() ? "" : c.old + " -> ") + c.now +
                                  (c.note.empty() ? "" : "  " + one_line(c.note)));
    }
  }
  return ended(door);
}

}  // namespace cli
