// preview: what a person will see, from the files alone; own save, list, show: messages to be used again.
#include <algorithm>
#include <fstream>
#include <vector>

#include "bulkmsg/content/preview.hpp"
#include "bulkmsg/engine.hpp"
#include "bulkmsg/recipients/csv.hpp"
#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "files.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::errc;

std::string trimmed(std::string_view cell) {
  const auto first = cell.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(cell.substr(first, cell.find_last_not_of(" \t\r\n") - first + 1));
}

// The header and one row of a file; blank rows do not count.
struct one_row {
  explicit one_row(std::int64_t wanted) : left(wanted) {}

  void row(const bulkmsg::recipients::csv_row& r) {
    if (done()) return;
    std::vector<std::string> values;
    for (const std::string_view cell : r.cells) values.push_back(trimmed(cell));
    if (std::all_of(values.begin(), values.end(), [](const auto& each) { return each.empty(); })) return;
    if (columns.empty()) {
      columns = std::move(values);
    } else if (--left == 0) {
      cells = std::move(values);
      cells.resize(columns.size());
    }
  }
  void problem(const bulkmsg::recipients::csv_problem& p) {
    if (done() || columns.empty() || --left > 0) return;
    give_up(p.code, "line " + std::to_string(p.line) + ": " + p.reason);
  }
  [[nodiscard]] bool done() const { return left == 0; }

  std::int64_t left;
  std::vector<std::string> columns, cells;
};

one_row read_row(const std::string& path, std::int64_t wanted) {
  std::ifstream in(path, std::ios::binary);
  if (!in) give_up(errc::file_unreadable, path + ": cannot be read; give the path of a CSV file");
  one_row found(wanted);
  bulkmsg::recipients::csv_reader reader;
  std::string chunk(64 * 1024, '\0');
  while (!found.done()) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    if (got == 0) break;
    need_of(path, reader.feed(std::string_view(chunk).substr(0, got), found));
  }
  if (!found.done()) need_of(path, reader.finish(found));
  if (!found.done()) {
    give_up(errc::not_found,
            path + ": has " + std::to_string(wanted - found.left) + " rows below its header; --row counts from 1");
  }
  return found;
}

}  // namespace

int preview(const options& given) {
  const std::string words = content_text(given);
  one_row row = read_row(given.csv_file, given.row);
  const std::vector<std::string_view> cells(row.cells.begin(), row.cells.end());
  const std::string& file = given.message_file.empty() ? given.template_file : given.message_file;
  const auto card = need_of(file, bulkmsg::preview_content(words, row.columns, cells, given.mapping));
  print_line(given.json ? to_json(card) : to_text(card));
  return exit_code::ok;
}

int own_save(const options& given) {
  const std::string words = file_text(given.file, "message (JSON)");
  bulkmsg::engine door = open_to_run(given.store, sending::no, missing_store::create);
  need_of(given.file, door.put_message(given.name, words));
  print_line("saved; `bulkmsg send --message own:" + given.name + "` sends it");
  return exit_code::ok;
}

int own_list(const options& given) {
  bulkmsg::engine reader = open_to_read(given.store);
  constexpr std::size_t page_size = 1000;
  std::vector<std::string> all;
  std::string after;
  for (;;) {
    const auto page = need(reader.saved_messages(after, page_size));
    for (const bulkmsg::saved_message& each : page) {
      if (given.json) {
        all.push_back(json_object().text("name", each.name).raw("message", each.json).str());
      } else {
        print_line(each.name);
      }
      after = each.name;
    }
    if (page.size() < page_size) break;
  }
  if (given.json) print_line(json_array(all));
  return exit_code::ok;
}

int own_show(const options& given) {
  bulkmsg::engine reader = open_to_read(given.store);
  print_line(need(reader.find_message(given.name)).json);
  return exit_code::ok;
}

}  // namespace cli
