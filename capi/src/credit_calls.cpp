// The ledger by hand and in full, and what sending would cost.
#include <cstdint>
#include <string>

#include "bulkmsg/credits/rate_table_json.hpp"
#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

// The size at the first release: callers built then may pass it for ever.
constexpr std::size_t balances_size_0_1 = 72;
static_assert(sizeof(bulkmsg_balances) == balances_size_0_1);

bulkmsg_balances in_c(const credits::balances& b) noexcept {
  bulkmsg_balances out{};
  out.granted = b.granted;
  out.bought = b.bought;
  out.adjusted = b.adjusted;
  out.available_monthly = b.available_monthly;
  out.available_topup = b.available_topup;
  out.reserved = b.reserved;
  out.spent = b.spent;
  out.expired = b.expired;
  out.period = b.period;
  return out;
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::account_id;
using bulkmsg::campaign_id;
using bulkmsg::result;
using bulkmsg::template_id;
using bulkmsg::credits::parse_rate_table_json;
using bulkmsg::credits::rate_table;

extern "C" {

bulkmsg_status bulkmsg_account_put(bulkmsg_engine* engine, const bulkmsg_config* config, int64_t* out_account,
                                   bulkmsg_error** err) {
  clear(out_account);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    std::int64_t& out = needed(out_account, "out_account");
    const bulkmsg_config& given = needed(config, "config");
    if (auto ok = given.check(BULKMSG_CONFIG_ACCOUNT); !ok) return ok;
    bulkmsg::credits::plan plan;
    plan.per_user_credits = given.integer("per_user_credits");
    plan.users = given.integer("users");
    plan.additional_phones = given.integer("additional_phones");
    plan.topup_price_micros = given.integer("topup_price_micros");
    plan.billing_day = static_cast<int>(given.integer("billing_day"));
    plan.time_zone = given.text("time_zone");
    return e.put_account(given.text("name"), plan, given.text("key")).map([&](account_id id) { out = id.value; });
  });
}

bulkmsg_status bulkmsg_account_find(bulkmsg_engine* engine, const char* name, size_t name_len, int64_t* out_account,
                                    bulkmsg_error** err) {
  clear(out_account);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_account, "out_account");
    return e.find_account(std::string(input(name, name_len, "name"))).map([&](account_id id) { out = id.value; });
  });
}

bulkmsg_status bulkmsg_account_top_up(bulkmsg_engine* engine, int64_t account, int64_t credits, const char* key,
                                      size_t key_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    in_range(credits, 1, bulkmsg::credits::credits_max, "credits");
    return e.top_up(id_of<account_id>(account, "account"), credits, std::string(input(key, key_len, "key")));
  });
}

bulkmsg_status bulkmsg_account_balances(bulkmsg_engine* engine, int64_t account, bulkmsg_balances* out_balances,
                                        size_t balances_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_balances, "out_balances");
    check_size(out_balances, balances_size, balances_size_0_1, "balances_size");
    return e.account(id_of<account_id>(account, "account")).map([&](const bulkmsg::account_status& status) {
      fill(out_balances, balances_size, in_c(status.balances));
    });
  });
}

bulkmsg_status bulkmsg_account_audit(bulkmsg_engine* engine, int64_t account, bulkmsg_balances* out_balances,
                                     size_t balances_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    check_size(out_balances, balances_size, balances_size_0_1, "balances_size");
    return e.audit(id_of<account_id>(account, "account")).map([&](const bulkmsg::credits::balances& recomputed) {
      fill(out_balances, balances_size, in_c(recomputed));
    });
  });
}

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
          json.open('[');
          for (const bulkmsg::credits::estimate_line& l : cost.lines) {
            json.open('{').field("destination", l.destination).field("category", l.category);
            json.field("messages", l.messages).field("credits", l.credits).field("micros", l.micros);
            json.key("priced").boolean(l.priced).close('}');
          }
          give(out_json, json.close(']').close('}').take());
        });
  });
}

}  // extern "C"
