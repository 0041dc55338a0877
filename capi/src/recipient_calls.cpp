// How recipients come into a campaign, and what became of them.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "rows.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

import_options import_options_of(const bulkmsg_config& given) {
  import_options how;
  const std::string delimiter = given.text("delimiter");
  how.delimiter = delimiter == "comma"       ? ','
                  : delimiter == "semicolon" ? ';'
                  : delimiter == "bar"       ? '|'
                  : delimiter == "tab"       ? '\t'
                                             : '\0';
  how.default_region = given.text("default_region");
  how.columns = items(given.text("columns"), ",");
  return how;
}

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::campaign_id;
using bulkmsg::errc;
using bulkmsg::import_report;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_campaign_import(bulkmsg_engine* engine, int64_t campaign, int32_t format, const char* text,
                                       size_t text_len, const bulkmsg_config* config, bulkmsg_import_report* out_report,
                                       size_t report_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    check_size(out_report, report_size, report_size_0_1, "report_size");
    const optional_config given(config, BULKMSG_CONFIG_IMPORT);
    if (!given.ok()) return given.ok();
    const auto how = import_options_of(*given);
    const auto to = id_of<campaign_id>(campaign, "campaign");
    const std::string_view from = input(text, text_len, "text");
    const auto read = [&]() -> result<import_report> {
      switch (format) {
        case BULKMSG_FORMAT_CSV:
          return e.import_csv_text(to, from, how);
        case BULKMSG_FORMAT_JSON:
          return e.import_json_text(to, from, how);
        case BULKMSG_FORMAT_LIST:
          return e.import_list(to, from, how);
        default:
          throw bad_argument{"format", "is not one of BULKMSG_FORMAT_*"};
      }
    };
    return read().map([&](const import_report& report) { fill(out_report, report_size, in_c(report)); });
  });
}

bulkmsg_status bulkmsg_campaign_import_file(bulkmsg_engine* engine, int64_t campaign, int32_t format, const char* path,
                                            size_t path_len, const bulkmsg_config* config,
                                            bulkmsg_import_report* out_report, size_t report_size,
                                            bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    check_size(out_report, report_size, report_size_0_1, "report_size");
    const optional_config given(config, BULKMSG_CONFIG_IMPORT);
    if (!given.ok()) return given.ok();
    const auto how = import_options_of(*given);
    const auto to = id_of<campaign_id>(campaign, "campaign");
    const std::string from = path_of(path, path_len);
    if (format != BULKMSG_FORMAT_CSV && format != BULKMSG_FORMAT_JSON) {
      throw bad_argument{"format", "is neither BULKMSG_FORMAT_CSV nor BULKMSG_FORMAT_JSON"};
    }
    return (format == BULKMSG_FORMAT_CSV ? e.import_csv_file(to, from, how) : e.import_json_file(to, from, how))
        .map([&](const import_report& report) { fill(out_report, report_size, in_c(report)); });
  });
}

bulkmsg_status bulkmsg_campaign_add(bulkmsg_engine* engine, int64_t campaign, const char* bytes, size_t bytes_len,
                                    const uint64_t* offsets, size_t cells_per_row, size_t row_count,
                                    const bulkmsg_config* config, bulkmsg_import_report* out_report, size_t report_size,
                                    bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    check_size(out_report, report_size, report_size_0_1, "report_size");
    const optional_config given(config, BULKMSG_CONFIG_IMPORT);
    if (!given.ok()) return given.ok();
    needed(offsets, "offsets");
    if (cells_per_row < 1 || cells_per_row > 256) throw bad_argument{"cells_per_row", "must be 1 to 256"};
    if (row_count < 1 || row_count > (std::size_t{1} << 40)) throw bad_argument{"row_count", "must be from 1"};
    const bulkmsg::cell_table rows{.bytes = input(bytes, bytes_len, "bytes"),
                                   .offsets = {offsets, row_count * cells_per_row + 1},
                                   .cells_per_row = cells_per_row};
    return e.add_recipients(id_of<campaign_id>(campaign, "campaign"), rows, import_options_of(*given))
        .map([&](const import_report& report) { fill(out_report, report_size, in_c(report)); });
  });
}

bulkmsg_status bulkmsg_campaign_import_contacts(bulkmsg_engine* engine, int64_t campaign, const char* selection,
                                                size_t selection_len, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.import_contacts(id_of<campaign_id>(campaign, "campaign"), text_of(selection, selection_len, "selection"))
        .map([&](const bulkmsg::selection_report& r) {
          json_writer json;
          json.open('{').field("chosen", r.chosen).field("added", r.added).field("duplicates", r.duplicates);
          json.field("rejected", r.rejected).field("tests", r.tests).field("sandbox", r.sandbox);
          json.field("suppressed", r.suppressed).field("without_consent", r.without_consent);
          give(out_json, json.close('}').take());
        });
  });
}

bulkmsg_status bulkmsg_campaign_write_rejected(bulkmsg_engine* engine, int64_t campaign, const char* path,
                                               size_t path_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const auto from = id_of<campaign_id>(campaign, "campaign");
    const std::string to = path_of(path, path_len);
    if (const auto known = e.status(from); !known) return bulkmsg::fail(known.error());
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(to.c_str(), "wbe"), std::fclose);
    const auto cannot = [&] {
      return bulkmsg::fail(errc::file_unreadable,
                           to + ": " + std::strerror(errno) + "; give a path that can be written");
    };
    if (!file) return cannot();
    auto written = e.write_rejected_csv(from, [&](std::string_view text) -> result<void> {
      if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) return cannot();
      return {};
    });
    if (written && std::fclose(file.release()) != 0) return cannot();
    return written;
  });
}

bulkmsg_status bulkmsg_campaign_state_consent(bulkmsg_engine* engine, int64_t campaign, const char* source,
                                              size_t source_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.state_consent(id_of<campaign_id>(campaign, "campaign"), text_of(source, source_len, "source"));
  });
}

bulkmsg_status bulkmsg_campaign_reasons(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_json,
                                        bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_json, "out_json");
    const auto of = id_of<campaign_id>(campaign, "campaign");
    if (const auto known = e.status(of); !known) return bulkmsg::fail(known.error());
    const auto failed = e.failed_by_reason(of);
    if (!failed) return bulkmsg::fail(failed.error());
    return e.skipped_by_reason(of).map([&](const std::vector<bulkmsg::reason_count>& skipped) {
      json_writer json;
      json.open('{').key("failed").raw(array(*failed)).key("skipped").raw(array(skipped));
      give(out_json, json.close('}').take());
    });
  });
}

}  // extern "C"
