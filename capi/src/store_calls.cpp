// The store as a whole: what is known of it, copies, and personal data.
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>

#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

// A store's id has 64 bits: more than a number of JSON holds safely.
std::string hex(std::uint64_t id) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id, 16);
  return {digits.data(), end.ptr};
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_engine_status(bulkmsg_engine* engine, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.retention().map([&](std::chrono::hours kept) {
      json_writer json;
      json.open('{').key("copy").boolean(e.is_copy()).field("recovered_unconfirmed", e.recovered().unconfirmed);
      json.field("recovered_window", e.recovered().window).field("retention_hours", kept.count());
      give(out_json, json.close('}').take());
    });
  });
}

bulkmsg_status bulkmsg_engine_metrics(bulkmsg_engine* engine, bulkmsg_text** out_text, bulkmsg_error** err) {
  clear(out_text);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_text, "out_text");
    return e.metrics().map([&](std::string&& text) { give(out_text, std::move(text)); });
  });
}

bulkmsg_status bulkmsg_engine_backup(bulkmsg_engine* engine, const char* path, size_t path_len,
                                     const bulkmsg_config* config, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const command given(config);
    if (!given.ok()) return given.ok();
    return e.backup(path_of(path, path_len), given.actor());
  });
}

bulkmsg_status bulkmsg_engine_forget(bulkmsg_engine* engine, const char* address, size_t address_len,
                                     const bulkmsg_config* config, bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const command given(config);
    if (!given.ok()) return given.ok();
    return e.forget(input(address, address_len, "address"), given.actor(), given.reason())
        .map([&](const bulkmsg::forget_report& report) {
          json_writer json;
          json.open('{').field("recipients", report.recipients).field("rejected", report.rejected);
          json.field("replies", report.replies).key("contact").boolean(report.contact);
          give(out_json, json.close('}').take());
        });
  });
}

bulkmsg_status bulkmsg_engine_set_retention(bulkmsg_engine* engine, int64_t hours, const bulkmsg_config* config,
                                            bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const command given(config);
    if (!given.ok()) return given.ok();
    constexpr std::int64_t hundred_years = 100 * 366 * 24;
    return e.set_retention(std::chrono::hours(in_range(hours, 0, hundred_years, "hours")), given.actor());
  });
}

bulkmsg_status bulkmsg_store_adopt(const char* path, size_t path_len, const bulkmsg_config* config,
                                   bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return guarded(err, [&]() -> result<void> {
    const std::string copy = path_of(path, path_len);
    const command given(config);
    if (!given.ok()) return given.ok();
    return bulkmsg::engine::adopt(copy, given.actor()).map([&](const bulkmsg::adoption& done) {
      json_writer json;
      json.open('{').field("old_id", hex(done.old_id)).field("new_id", hex(done.new_id)).field("paused", done.paused);
      give(out_json, json.field("last_entry_unix_ms", done.last_entry_ms).close('}').take());
    });
  });
}

}  // extern "C"
