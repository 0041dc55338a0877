// The pure rooms on their own: recipients, a preview, limits, a signature.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "bulkmsg/inbound/signature.hpp"
#include "bulkmsg/pacing/permit.hpp"
#include "bulkmsg/recipients/audience.hpp"
#include "bulkmsg/recipients/list.hpp"
#include "bulkmsg/recipients/rows_json.hpp"
#include "guard.hpp"
#include "values.hpp"

struct bulkmsg_limiter {
  bulkmsg::pacing::permits permits;
};

namespace bulkmsg::capi {

namespace {

constexpr std::string_view rejected_header = "line,column,column_name,code,reason,phone_number\r\n";

void append(std::string& out, std::int64_t line, std::int64_t column, std::string_view column_name, errc code,
            std::string_view reason, std::string_view address) {
  out += std::to_string(line) + ',' + std::to_string(column) + ',';
  recipients::append_csv_cell(out, column_name);
  out += ',' + std::to_string(static_cast<std::int32_t>(code)) + ',';
  recipients::append_csv_cell(out, reason);
  out += ',';
  recipients::append_csv_cell(out, address);
  out += "\r\n";
}

// Both lists as CSV. The header of the accepted rows is written before the first of them.
struct csv_sink {
  const recipients::audience_judge* judge = nullptr;
  std::string good = {};
  std::string bad{rejected_header};

  void header() {
    recipients::append_csv_cell(good, judge->address_column());
    for (const std::string& name : judge->columns()) recipients::append_csv_cell(good += ',', name);
    good += "\r\n";
  }
  void accepted(const recipients::accepted_row& row) {
    if (good.empty()) header();
    recipients::append_csv_cell(good, row.address);
    for (const std::string_view cell : row.parameters) recipients::append_csv_cell(good += ',', cell);
    good += "\r\n";
  }
  void rejected(const recipients::rejected_row& row) {
    append(bad, static_cast<std::int64_t>(row.line), row.column, row.column_name, row.code, row.reason,
           row.row_address);
  }
};

template <class Reader>
result<recipients::audience_counts> judge(Reader reader, const recipients::address_rules& rules, std::string_view text,
                                          csv_sink& sink) {
  recipients::audience_from<Reader> audience({}, rules, std::move(reader));
  sink.judge = &audience.judge();
  if (auto read = audience.feed(text, sink); !read) return fail(read.error());
  if (auto read = audience.finish(sink); !read) return fail(read.error());
  if (sink.good.empty()) sink.header();
  return audience.judge().counts();
}

// A reader's sink that keeps the first two rows: names and values.
struct one_row {
  std::vector<std::string> names = {}, cells = {};
  std::string first_problem = {};
  int seen = 0;

  void row(const recipients::source_row& row) {
    if (++seen <= 2) (seen == 1 ? names : cells).assign(row.cells.begin(), row.cells.end());
  }
  void problem(const recipients::row_problem& problem) {
    if (first_problem.empty()) first_problem = problem.reason;
  }
};

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::errc;
using bulkmsg::result;
namespace recipients = bulkmsg::recipients;

extern "C" {

bulkmsg_status bulkmsg_recipients_parse(int32_t format, const char* text, size_t text_len, const bulkmsg_config* config,
                                        bulkmsg_import_report* out_report, size_t report_size,
                                        bulkmsg_text** out_accepted, bulkmsg_text** out_rejected, bulkmsg_error** err) {
  clear(out_accepted);
  clear(out_rejected);
  return guarded(err, [&]() -> result<void> {
    check_size(out_report, report_size, report_size_0_1, "report_size");
    const std::string_view from = input(text, text_len, "text");
    const optional_config given(config, BULKMSG_CONFIG_IMPORT);
    if (!given.ok()) return given.ok();
    const auto how = import_options_of(*given);
    recipients::address_rules rules;
    if (!how.default_region.empty()) {
      const auto region = recipients::region::parse(how.default_region);
      if (!region) return bulkmsg::fail(errc::bad_option_value, "default_" + region.error().message);
      rules.default_region = *region;
    }
    csv_sink sink;
    const auto judged = [&]() -> result<recipients::audience_counts> {
      switch (format) {
        case BULKMSG_FORMAT_CSV:
          return judge(recipients::csv_reader(how.delimiter), rules, from, sink);
        case BULKMSG_FORMAT_JSON:
          return judge(recipients::json_reader(how.columns), rules, from, sink);
        case BULKMSG_FORMAT_LIST:
          return judge(recipients::list_reader(), rules, from, sink);
        default:
          throw bad_argument{"format", "is not one of BULKMSG_FORMAT_*"};
      }
    }();
    if (!judged) return bulkmsg::fail(judged.error());
    auto good = std::make_unique<bulkmsg_text>(std::move(sink.good));
    give(out_rejected, std::move(sink.bad));
    if (out_accepted != nullptr) *out_accepted = good.release();
    fill(out_report, report_size,
         bulkmsg_import_report{static_cast<std::int64_t>(judged->rows), static_cast<std::int64_t>(judged->accepted),
                               static_cast<std::int64_t>(judged->duplicates),
                               static_cast<std::int64_t>(judged->rejected)});
    return {};
  });
}

bulkmsg_status bulkmsg_content_preview(const char* json, size_t json_len, const char* row, size_t row_len,
                                       const bulkmsg_config* config, bulkmsg_text** out_json, bulkmsg_text** out_text,
                                       bulkmsg_error** err) {
  clear(out_json);
  clear(out_text);
  return guarded(err, [&]() -> result<void> {
    const std::string_view content = input(json, json_len, "json");
    const std::string_view values = input(row, row_len, "row");
    const optional_config given(config, BULKMSG_CONFIG_PREVIEW);
    if (!given.ok()) return given.ok();
    one_row read;
    recipients::csv_reader reader;
    if (auto fed = reader.feed(values, read); !fed) return fed;
    if (auto done = reader.finish(read); !done) return done;
    if (!read.first_problem.empty()) return bulkmsg::fail(errc::row_malformed, "row: " + read.first_problem);
    read.cells.resize(read.names.size());
    const std::vector<std::string_view> cells(read.cells.begin(), read.cells.end());
    const auto mapping = given->under("map.");
    return bulkmsg::preview_content(content, read.names, cells, mapping).map([&](const bulkmsg::content::card& card) {
      give_card(card, out_json, out_text);
    });
  });
}

bulkmsg_status bulkmsg_content_csv(const char* json, size_t json_len, const bulkmsg_config* config,
                                   bulkmsg_text** out_csv, bulkmsg_error** err) {
  clear(out_csv);
  return guarded(err, [&]() -> result<void> {
    needed(out_csv, "out_csv");
    const optional_config given(config, BULKMSG_CONFIG_PREVIEW);
    if (!given.ok()) return given.ok();
    return bulkmsg::template_csv(input(json, json_len, "json"), given->under("map.")).map([&](std::string&& csv) {
      give(out_csv, std::move(csv));
    });
  });
}

bulkmsg_status bulkmsg_time_parse(const char* text, size_t text_len, int64_t* out_unix_ms, bulkmsg_error** err) {
  clear(out_unix_ms);
  return guarded(err, [&]() -> result<void> {
    std::int64_t& out = needed(out_unix_ms, "out_unix_ms");
    return bulkmsg::parse_time(input(text, text_len, "text")).map([&](std::int64_t at) { out = at; });
  });
}

bulkmsg_status bulkmsg_limiter_create(const char* limits, size_t limits_len, bulkmsg_limiter** out_limiter,
                                      bulkmsg_error** err) {
  clear(out_limiter);
  return guarded(err, [&]() -> result<void> {
    bulkmsg_limiter*& out = needed(out_limiter, "out_limiter");
    const auto parsed = bulkmsg::pacing::parse_limits(input(limits, limits_len, "limits"));
    if (!parsed) return bulkmsg::fail(parsed.error());
    out = new bulkmsg_limiter{bulkmsg::pacing::permits(*parsed)};
    return {};
  });
}

bulkmsg_status bulkmsg_limiter_take(bulkmsg_limiter* limiter, int64_t now_ns, const char* address, size_t address_len,
                                    int64_t* out_next_ns, bulkmsg_error** err) {
  clear(out_next_ns);
  return guarded(err, [&]() -> result<void> {
    bulkmsg_limiter& of = needed(limiter, "limiter");
    std::int64_t& out = needed(out_next_ns, "out_next_ns");
    in_range(now_ns, 0, any_number / 2, "now_ns");
    const std::string_view whom = input(address, address_len, "address");
    if (whom.empty() && of.permits.per_recipient()) throw bad_argument{"address", "is needed by a limit per recipient"};
    const auto d = of.permits.take(now_ns, whom.empty() ? 0 : bulkmsg::pacing::recipient_key(whom));
    out = d.granted ? 0 : d.next == bulkmsg::pacing::only_by_release ? -1 : d.next;
    return {};
  });
}

bulkmsg_status bulkmsg_limiter_release(bulkmsg_limiter* limiter, bulkmsg_error** err) {
  return guarded(err, [&]() -> result<void> {
    bulkmsg_limiter& of = needed(limiter, "limiter");
    if (of.permits.in_flight_count() == 0) return bulkmsg::fail(errc::wrong_state, "limiter: nothing is in flight");
    of.permits.release();
    return {};
  });
}

void bulkmsg_limiter_destroy(bulkmsg_limiter* limiter) { delete limiter; }

bulkmsg_status bulkmsg_webhook_verify(const char* body, size_t body_len, const char* signature, size_t signature_len,
                                      const char* secret, size_t secret_len, bulkmsg_error** err) {
  return guarded(err, [&]() -> result<void> {
    const std::string_view text = input(body, body_len, "body");
    const std::string_view signed_with = input(signature, signature_len, "signature");
    const std::vector<std::string> secrets{text_of(secret, secret_len, "secret")};
    if (secrets[0].empty()) throw bad_argument{"secret", "must not be empty"};
    if (bulkmsg::inbound::verify_signature(text, signed_with, secrets)) return {};
    return bulkmsg::fail(errc::signature_mismatch, "webhook: not signed with this secret; answer 401");
  });
}

}  // extern "C"
