// rejected, template-csv; and how recipients come in.
#include "recipients.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "files.hpp"
#include "interrupt.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::engine;
using bulkmsg::errc;

bulkmsg::result<std::size_t> read_standard_input(char* to, std::size_t capacity) {
  for (;;) {
    if (interrupt::asked()) return bulkmsg::fail(errc::file_unreadable, "interrupted; nothing was sent");
    const ssize_t got = ::read(STDIN_FILENO, to, capacity);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) {
      return bulkmsg::fail(errc::file_unreadable, std::generic_category().message(errno) + "; give a file instead");
    }
  }
}

const std::string& input_file(const options& given) {
  return given.json_file.empty() ? given.csv_file : given.json_file;
}

}  // namespace

std::string recipients_name(const options& given) {
  if (!given.selection.empty()) return "contacts '" + given.selection + "'";
  if (!given.list.empty()) return "list";
  return input_file(given) == "-" ? "standard input" : input_file(given);
}

void expect_recipients(const options& given) {
  if (given.delimiter.size() > 1 && given.delimiter != "tab") {
    give_up(errc::bad_option_value, "--delimiter: \"" + one_line(given.delimiter) + "\" is none; give , ; | or tab");
  }
  const std::string& path = input_file(given);
  if (!given.list.empty() || !given.selection.empty() || path == "-") return;
  std::error_code why;
  const std::string advice = std::string("give the path of a ") + (given.json_file.empty() ? "CSV" : "JSON") + " file";
  if (std::filesystem::is_directory(path, why)) {
    give_up(errc::file_unreadable, path + ": is a directory; " + advice);
  }
  if (::access(path.c_str(), R_OK) != 0) {
    give_up(errc::file_unreadable, path + ": " + std::generic_category().message(errno) + "; " + advice);
  }
}

bulkmsg::import_report import_recipients(engine& engine, bulkmsg::campaign_id campaign, const options& given) {
  bulkmsg::import_options how;
  how.default_region = given.region;
  if (!given.delimiter.empty()) how.delimiter = given.delimiter == "tab" ? '\t' : given.delimiter.front();
  const std::string name = recipients_name(given);
  if (!given.selection.empty()) {
    // Contacts that may not be written to count as rejected rows.
    const auto done =
        need(engine.import_contacts(campaign, given.selection == "all" ? std::string() : given.selection));
    return {.rows = done.chosen,
            .added = done.added,
            .duplicates = done.duplicates,
            .rejected = done.rejected + done.tests + done.sandbox + done.suppressed + done.without_consent};
  }
  if (!given.list.empty()) return need_of(name, engine.import_list(campaign, given.list, how));
  const bool json = !given.json_file.empty();
  if (input_file(given) == "-") {
    return need_of(name, json ? engine.import_json(campaign, read_standard_input, how)
                              : engine.import_csv(campaign, read_standard_input, how));
  }
  return need_of(name, json ? engine.import_json_file(campaign, given.json_file, how)
                            : engine.import_csv_file(campaign, given.csv_file, how));
}

int rejected(const options& given) {
  engine reader = open_to_read(given.store);
  need(reader.status({given.campaign}));
  if (given.csv) {
    need(reader.write_rejected_csv({given.campaign}, [](std::string_view text) -> bulkmsg::result<void> {
      print_text(text);
      return {};
    }));
    return exit_code::ok;
  }
  constexpr std::size_t page_rows = 1000;
  for (std::int64_t after = 0;;) {
    const auto page = need(reader.rejected({given.campaign}, after, page_rows));
    for (const bulkmsg::rejected_row& r : page) {
      after = r.number;
      const std::string column = r.column == 0 ? "" : std::to_string(r.column);
      if (given.json) {
        print_line(json_object()
                       .number("line", r.line)
                       .number("column", r.column)
                       .text("column_name", r.column_name)
                       .text("code", name(r.code))
                       .text("reason", r.reason)
                       .text("address", r.address)
                       .str());
      } else {
        std::string where = "line " + std::to_string(r.line);
        if (r.column != 0)
          where += ", column " + column + (r.column_name.empty() ? "" : " (" + one_line(r.column_name) + ")");
        print_line(padded(where, 42) + padded(name(r.code), 24) + one_line(r.reason));
      }
    }
    if (page.size() < page_rows) return exit_code::ok;
  }
}

int template_csv(const options& given) {
  const std::string words = file_text(given.template_file, "template (the provider's JSON)");
  print_text(need_of(given.template_file, bulkmsg::template_csv(words, given.mapping)));
  return exit_code::ok;
}

}  // namespace cli
