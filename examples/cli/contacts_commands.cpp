// contacts import | list | count | attribute | attributes; segments put | add | list | remove
#include <filesystem>
#include <fstream>
#include <iterator>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::engine;
using bulkmsg::errc;
using bulkmsg::recipients::attribute_type;

// "all" is every contact; a segment cannot have that name.
std::string selection_of(const std::string& name) { return name == "all" ? std::string() : name; }

std::string text_of(const std::string& path) {
  constexpr std::uintmax_t bytes_max = 1 << 20;
  std::error_code why;
  const auto size = std::filesystem::file_size(path, why);
  if (why) give_up(errc::file_unreadable, path + ": " + why.message() + "; give the path of the conditions (JSON)");
  if (size > bytes_max)
    give_up(errc::too_large, path + ": over 1 MiB is too large for conditions; is it another file?");
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) give_up(errc::file_unreadable, path + ": cannot be read; check its permissions");
  return text;
}

std::string joined(const std::vector<std::string>& list, const char* by) {
  std::string out;
  for (const auto& each : list) out += (out.empty() ? "" : by) + each;
  return out;
}

int ended(engine& door) {
  need(door.close());
  flush_stdout();
  return exit_code::ok;
}

}  // namespace

int contacts_import(const options& given) {
  engine door = open_to_run(given.store, sending::no, missing_store::create);
  const bulkmsg::contacts_report done = need(door.import_contacts_csv_file(given.csv_file, given.contacts));
  if (given.json) {
    std::vector<std::string> problems;
    for (const auto& p : done.problems) {
      problems.push_back(json_object()
                             .number("line", p.line)
                             .text("column", p.column_name)
                             .text("code", name(p.code))
                             .text("reason", p.reason)
                             .text("address", p.address)
                             .str());
    }
    print_line(json_object()
                   .number("rows", done.rows)
                   .number("added", done.added)
                   .number("updated", done.updated)
                   .number("rejected", done.rejected)
                   .raw("problems", json_array(problems))
                   .str());
    return ended(door);
  }
  print_line(grouped(done.rows) + " rows: " + grouped(done.added) + " contacts added, " + grouped(done.updated) +
             " updated, " + grouped(done.rejected) + " rejected");
  for (const auto& p : done.problems) {
    print_line("  line " + std::to_string(p.line) + (p.column_name.empty() ? "" : ", " + one_line(p.column_name)) +
               ": " + one_line(p.reason));
  }
  return ended(door);
}

int contacts_list(const options& given) {
  engine door = open_to_read(given.store);
  if (given.csv) print_line("id,phone_number,attributes,labels,test,sandbox");
  for (std::int64_t after = 0;;) {
    const auto page = need(door.contacts(selection_of(given.selection), after));
    if (page.empty()) break;
    for (const auto& c : page) {
      after = c.id;
      const auto flag = [](bool b) { return std::string(b ? "yes" : "no"); };
      if (given.csv) {
        print_line(std::to_string(c.id) + "," + csv_cell(c.address) + "," + csv_cell(c.attributes) + "," +
                   csv_cell(joined(c.labels, ";")) + "," + flag(c.test) + "," + flag(c.sandbox));
      } else if (given.json) {
        std::vector<std::string> labels;
        for (const auto& label : c.labels) labels.push_back(json_quoted(label));
        print_line(json_object()
                       .number("id", c.id)
                       .text("address", c.address)
                       .raw("attributes", c.attributes)
                       .raw("labels", json_array(labels))
                       .flag("test", c.test)
                       .flag("sandbox", c.sandbox)
                       .str());
      } else {
        print_line(padded(c.address, 18) + one_line(c.attributes) +
                   (c.labels.empty() ? "" : "  [" + one_line(joined(c.labels, ", ")) + "]") +
                   (c.test ? "  (test)" : "") + (c.sandbox ? "  (sandbox)" : ""));
      }
    }
  }
  return ended(door);
}

int contacts_count(const options& given) {
  engine door = open_to_read(given.store);
  const auto n = need(door.count_contacts(selection_of(given.selection)));
  print_line(given.json ? json_object().number("contacts", n).str() : grouped(n));
  return ended(door);
}

int contacts_attribute(const options& given) {
  engine door = open_to_run(given.store, sending::no, missing_store::create);
  attribute_type type{};
  for (const auto each :
       {attribute_type::text, attribute_type::number, attribute_type::date, attribute_type::boolean}) {
    if (name(each) == given.type) type = each;
  }
  need(door.declare_attribute(given.name, type, given.indexed));
  return ended(door);
}

int contacts_attributes(const options& given) {
  engine door = open_to_read(given.store);
  for (const auto& a : need(door.attributes())) {
    print_line(given.json
                   ? json_object().text("name", a.name).text("type", name(a.type)).flag("indexed", a.indexed).str()
                   : padded(one_line(a.name), 24) + padded(name(a.type), 10) + (a.indexed ? "indexed" : ""));
  }
  return ended(door);
}

int segments_put(const options& given) {
  const std::string conditions = text_of(given.file);
  engine door = open_to_run(given.store, sending::no, missing_store::refuse);
  if (auto ok = door.put_segment(given.selection, conditions); !ok) {
    ok.error().message = given.file + ": " + ok.error().message;
    need(std::move(ok));
  }
  print_line("segment \"" + one_line(given.selection) + "\": " + grouped(need(door.count_contacts(given.selection))) +
             " contacts now");
  return ended(door);
}

int segments_add(const options& given) {
  engine door = open_to_run(given.store, sending::no, missing_store::refuse);
  need(door.add_to_group(given.selection, given.addresses));
  print_line("group \"" + one_line(given.selection) + "\": " + grouped(need(door.count_contacts(given.selection))) +
             " contacts now");
  return ended(door);
}

int segments_list(const options& given) {
  engine door = open_to_read(given.store);
  for (const auto& s : need(door.segments())) {
    if (given.json) {
      json_object out;
      out.text("name", s.name);
      if (s.conditions.empty()) {
        out.number("members", s.contacts);
      } else {
        out.raw("conditions", s.conditions);
      }
      print_line(out.str());
    } else {
      print_line(padded(one_line(s.name), 24) +
                 (s.conditions.empty() ? "group of " + grouped(s.contacts) : one_line(s.conditions)));
    }
  }
  return ended(door);
}

int segments_remove(const options& given) {
  engine door = open_to_run(given.store, sending::no, missing_store::refuse);
  need(door.remove_segment(given.selection));
  return ended(door);
}

}  // namespace cli
