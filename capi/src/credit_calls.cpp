// The ledger by hand and in full, and what sending would cost.
#include <cstdint>
#include <string>

#include "bulkmsg/credits/rate_table_json.hpp"
#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

using namespace bulkmsg::capi;
using bulkmsg::account_id;
using bulkmsg::campaign_id;
using bulkmsg::template_id;
using bulkmsg::credits::parse_rate_table_json;
using bulkmsg::credits::rate_table;

extern "C" {

bulkmsg_status bulkmsg_account_adjust(bulkmsg_engine* engine, int64_t account, int64_t credits, const char* reason,
                                      size_t reason_len, const char* actor, size_t actor_len, const char* key,
                                      size_t key_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    const std::int64_t most = bulkmsg::credits::credits_max;
    if (credits == 0) throw bad_argument{"credits", "must not be 0"};
    return e.adjust(id_of<account_id>(account, "account"), {.credits = in_range(credits, -most, most, "credits"),
                                                            .reason = text_of(reason, reason_len, "reason"),
                                                            .actor = text_of(actor, actor_len, "actor"),
                                                            .id = text_of(key, key_len, "key")});
  });
}

bulkmsg_status bulkmsg_account_list(bulkmsg_engine* engine, int64_t after, size_t limit, bulkmsg_text** out_json,
                                    bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.accounts(account_id{after_of(after)}, limit_of(limit)).map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::account_status& a) {
             json.field("account", a.id.value).field("name", a.name).field("renews_at_unix_ms", a.renews_at_ms);
             json.field("uncollected", a.uncollected).field("available", a.balances.available());
             json.field("reserved", a.balances.reserved).field("spent", a.balances.spent);
           }));
    });
  });
}

bulkmsg_status bulkmsg_account_ledger(bulkmsg_engine* engine, int64_t account, int64_t after, size_t limit,
                                      bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return e.ledger(id_of<account_id>(account, "account"), after_of(after), limit_of(limit)).map([&](const auto& rows) {
      give(out_json, in_json(rows, [](json_writer& json, const bulkmsg::ledger_row& row) {
             json.field("id", row.id).field("at_unix_ms", row.at_ms).field("kind", name(row.entry.kind));
             json.field("credits", row.entry.amount).field("bucket", name(row.entry.from));
             json.field("period", row.entry.period).field("campaign", row.campaign.value);
             json.field("key", row.client_id).field("reason", row.reason).field("actor", row.actor);
           }));
    });
  });
}

bulkmsg_status bulkmsg_account_price(bulkmsg_engine* engine, int64_t content, const char* rates, size_t rates_len,
                                     int64_t* out_credits, bulkmsg_error** err) {
  clear(out_credits);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_credits, "out_credits");
    return parse_rate_table_json(input(rates, rates_len, "rates"))
        .and_then([&](const rate_table& table) {
          return e.credits_per_message(id_of<template_id>(content, "content"), table);
        })
        .map([&](std::int64_t credits) { out = credits; });
  });
}

bulkmsg_status bulkmsg_campaign_estimate(bulkmsg_engine* engine, int64_t campaign, const char* rates, size_t rates_len,
                                         bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_json, "out_json");
    return parse_rate_table_json(input(rates, rates_len, "rates"))
        .and_then([&](const rate_table& table) { return e.estimate(id_of<campaign_id>(campaign, "campaign"), table); })
        .map([&](const bulkmsg::credits::estimate& cost) {
          json_writer json;
          json.open('{').field("messages", cost.messages).field("credits", cost.credits).field("micros", cost.micros);
          json.field("unpriced", cost.unpriced).key("lines");
          json.raw(in_json(cost.lines, [](json_writer& line, const bulkmsg::credits::estimate_line& l) {
            line.field("destination", l.destination).field("category", l.category).field("messages", l.messages);
            line.field("credits", l.credits).field("micros", l.micros).key("priced").boolean(l.priced);
          }));
          give(out_json, json.close('}').take());
        });
  });
}

}  // extern "C"
