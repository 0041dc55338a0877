// Senders, and what the provider says of their numbers.
#include <cstdint>
#include <string>

#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

std::string in_json(const sender_health& h) {
  json_writer json;
  json.open('{').field("display_phone_number", h.display_phone_number).field("verified_name", h.verified_name);
  json.field("status", h.status).field("quality", h.quality).field("throughput", h.throughput);
  return json.field("messaging_limit", h.messaging_limit).close('}').take();
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::result;
using bulkmsg::sender_id;

extern "C" {

bulkmsg_status bulkmsg_sender_put(bulkmsg_engine* engine, const char* json, size_t json_len, int64_t* out_sender,
                                  bulkmsg_error** err) {
  clear(out_sender);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_sender, "out_sender");
    return bulkmsg::parse_sender_json(input(json, json_len, "json"))
        .and_then([&](const bulkmsg::sender_settings& settings) { return e.put_sender(settings); })
        .map([&](sender_id id) { out = id.value; });
  });
}

bulkmsg_status bulkmsg_sender_check(bulkmsg_engine* engine, int64_t sender, const char* json, size_t json_len,
                                    bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const std::string_view settings = input(json, json_len, "json");
    if (sender != 0 && !settings.empty()) throw bad_argument{"json", "must be empty with a sender's id"};
    const auto tell = [&](const bulkmsg::sender_health& health) { give(out_json, in_json(health)); };
    if (sender != 0) return e.check_sender(id_of<sender_id>(sender, "sender")).map(tell);
    return bulkmsg::parse_sender_json(settings)
        .and_then([&](const bulkmsg::sender_settings& tried) { return e.check_sender(tried); })
        .map(tell);
  });
}

}  // extern "C"
