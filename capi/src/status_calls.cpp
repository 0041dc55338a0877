// Where campaigns stand.
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "rows.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

bulkmsg_counters in_c(const campaign_status& status) noexcept {
  const counters& c = status.counters;
  bulkmsg_counters out{};
  out.total = c.total;
  out.queued = c.queued();
  out.sent = c.sent;
  out.failed = c.failed;
  out.unconfirmed = c.unconfirmed;
  out.skipped = c.skipped;
  out.delivered = c.delivered;
  out.read = c.read;
  out.undelivered = c.undelivered;
  out.responded = c.responded;
  out.credits_reserved = status.credits_reserved;
  out.credits_spent = status.credits_spent;
  return out;
}

namespace {

// The size at the first release: callers built then may pass it for ever.
constexpr std::size_t counters_size_0_1 = 96;
static_assert(sizeof(bulkmsg_counters) == counters_size_0_1);

// Whatever the process's locale writes between the digits.
std::string in_json(double number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed, 2);
  return {digits.data(), end.ptr};
}

std::string in_json(const campaign_status& s, const std::vector<missing_step>& missing) {
  json_writer json;
  json.open('{');
  write(json, s);
  json.key("rate").raw(in_json(s.rate)).field("time_left_ms", s.time_left().count()).key("missing").open('[');
  for (const missing_step& step : missing) {
    json.open('{').field("step", name(step.step)).field("what", step.what).close('}');
  }
  return json.close(']').close('}').take();
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::campaign_id;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_campaign_state(bulkmsg_engine* engine, int64_t campaign, int32_t* out_state,
                                      bulkmsg_error** err) {
  clear(out_state);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int32_t& out = needed(out_state, "out_state");
    return e.status(id_of<campaign_id>(campaign, "campaign")).map([&](const bulkmsg::campaign_status& status) {
      out = static_cast<std::int32_t>(status.state);
    });
  });
}

bulkmsg_status bulkmsg_campaign_counters(bulkmsg_engine* engine, int64_t campaign, bulkmsg_counters* out_counters,
                                         size_t counters_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_counters, "out_counters");
    check_size(out_counters, counters_size, counters_size_0_1, "counters_size");
    return e.status(id_of<campaign_id>(campaign, "campaign")).map([&](const bulkmsg::campaign_status& status) {
      fill(out_counters, counters_size, in_c(status));
    });
  });
}

bulkmsg_status bulkmsg_campaign_status(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_json,
                                       bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_json, "out_json");
    const auto of = id_of<campaign_id>(campaign, "campaign");
    const auto status = e.status(of);
    if (!status) return bulkmsg::fail(status.error());
    return e.missing(of).map([&](const auto& missing) { give(out_json, in_json(*status, missing)); });
  });
}

bulkmsg_status bulkmsg_campaign_list(bulkmsg_engine* engine, int64_t after, int64_t* out_campaigns, size_t capacity,
                                     size_t* out_count, bulkmsg_error** err) {
  clear(out_count);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t* const out = &needed(out_campaigns, "out_campaigns");
    std::size_t& count = needed(out_count, "out_count");
    if (capacity < 1 || capacity > 1000) throw bad_argument{"capacity", "must be 1 to 1,000"};
    const campaign_id from{in_range(after, 0, any_number, "after")};
    return e.list(from, capacity).map([&](const std::vector<bulkmsg::campaign_status>& found) {
      for (const bulkmsg::campaign_status& status : found) out[count++] = status.id.value;
    });
  });
}

}  // extern "C"
