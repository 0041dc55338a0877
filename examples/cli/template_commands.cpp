// templates fetch, list, show: what the provider has.
#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "files.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::engine;
using bulkmsg::template_info;

json_object info_json(const template_info& t) {
  return json_object()
      .text("name", t.name)
      .text("language", t.language)
      .text("status", t.status)
      .text("category", t.category)
      .text("quality", t.quality)
      .text("parameter_format", t.parameter_format)
      .text("rejected_reason", t.rejected_reason)
      .text("business_account_id", t.business_account_id)
      .text("provider_id", t.provider_id)
      .flag("gone", t.gone)
      .number("fetched_at_ms", t.fetched_at_ms);
}

}  // namespace

int templates_fetch(const options& given) {
  const bulkmsg::sender_settings settings = read_sender_file(given.sender_file);
  engine door = open_to_run(given.store, sending::no, missing_store::create);
  need_of(given.sender_file, door.check_sender(settings));
  const auto sender = need_of(given.sender_file, door.put_sender(settings));
  const bulkmsg::template_report found = need(door.fetch_templates(sender));
  if (given.json) {
    print_line(json_object()
                   .number("added", found.added)
                   .number("changed", found.changed)
                   .number("unchanged", found.unchanged)
                   .number("gone", found.gone)
                   .number("paused", found.paused)
                   .number("fetched_at_ms", found.fetched_at_ms)
                   .str());
  } else {
    print_line(grouped(found.added) + " added, " + grouped(found.changed) + " changed, " + grouped(found.unchanged) +
               " unchanged, " + grouped(found.gone) + " gone" +
               (found.paused == 0 ? "" : "; " + grouped(found.paused) + " campaigns paused, see `bulkmsg list`"));
  }
  return exit_code::ok;
}

int templates_list(const options& given) {
  engine reader = open_to_read(given.store);
  std::vector<std::string> all;
  if (!given.json) {
    print_line(padded("NAME", 32) + padded("LANGUAGE", 10) + padded("STATUS", 15) + padded("CATEGORY", 16) +
               padded("QUALITY", 9) + "FETCHED");
  }
  bulkmsg::template_filter filter{.status = given.state, .gone = given.gone, .limit = 1000};
  for (;;) {
    const auto page = need(reader.templates(filter));
    for (const template_info& t : page) {
      filter.after = t.number;
      if (given.json) {
        all.push_back(info_json(t).str());
      } else {
        print_line(padded(t.name, 32) + padded(t.language, 10) + padded(t.gone ? "gone" : t.status, 15) +
                   padded(t.category, 16) + padded(t.quality.empty() ? "-" : t.quality, 9) +
                   time_text(t.fetched_at_ms));
      }
    }
    if (page.size() < filter.limit) break;
  }
  if (given.json) print_line(json_array(all));
  return exit_code::ok;
}

int templates_show(const options& given) {
  engine reader = open_to_read(given.store);
  const auto wanted = template_name_of(given.template_file);
  const template_info t = need(reader.find_template(wanted.name, wanted.language));
  if (given.json) {
    print_line(info_json(t).raw("template", t.json).str());
    return exit_code::ok;
  }
  print_line(t.name + " (" + t.language + "): " + (t.gone ? "gone, was " : "") + t.status + ", " + t.category +
             (t.quality.empty() ? "" : ", quality " + t.quality));
  if (!t.rejected_reason.empty()) print_line("rejected: " + one_line(t.rejected_reason));
  print_line("fetched " + time_text(t.fetched_at_ms) + " from account " + t.business_account_id);
  print_line(t.json);
  return exit_code::ok;
}

}  // namespace cli
