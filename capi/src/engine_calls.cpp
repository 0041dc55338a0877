// Senders, templates, credits, campaigns and webhooks: each call is arguments in, one call of the door, outputs out.
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/engine.hpp"
#include "config.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "json.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

// Sizes at the first release: callers built then may pass these for ever.
constexpr std::size_t plan_size_0_1 = 104;
constexpr std::size_t counters_size_0_1 = 96;
constexpr std::size_t balances_size_0_1 = 72;
static_assert(sizeof(bulkmsg_plan) == plan_size_0_1);
static_assert(sizeof(bulkmsg_counters) == counters_size_0_1);
static_assert(sizeof(bulkmsg_balances) == balances_size_0_1);

std::chrono::milliseconds wait_of(std::int64_t wait_ms) {
  return std::chrono::milliseconds(in_range(wait_ms, 0, day_ms, "wait_ms"));
}

bulkmsg_plan in_c(const plan_summary& plan) noexcept {
  bulkmsg_plan out{};
  out.messages = plan.messages;
  out.credits = plan.credits;
  out.credits_available = plan.credits_available;
  out.duration_ms = plan.duration.count();
  std::memcpy(out.hash, plan.hash.data(), std::min(plan.hash.size(), sizeof out.hash - 1));
  return out;
}

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

std::string in_json(const sender_health& h) {
  json_writer json;
  json.open('{').field("display_phone_number", h.display_phone_number).field("verified_name", h.verified_name);
  json.field("status", h.status).field("quality", h.quality).field("throughput", h.throughput);
  return json.field("messaging_limit", h.messaging_limit).close('}').take();
}

std::string in_json(const campaign_status& s) {
  const bulkmsg_counters c = in_c(s);
  json_writer json;
  json.open('{').field("id", s.id.value).field("name", s.name).field("state", name(s.state)).field("reason", s.reason);
  json.field("sender", s.sender).field("template", s.content).field("plan_hash", s.plan_hash);
  json.field("created_at_unix_ms", s.created_at_ms).field("started_at_unix_ms", s.started_at_ms);
  json.field("finished_at_unix_ms", s.finished_at_ms).field("settled_by_receipt", s.settled_by_receipt);
  json.key("counters").open('{').field("total", c.total).field("queued", c.queued).field("sent", c.sent);
  json.field("failed", c.failed).field("unconfirmed", c.unconfirmed).field("skipped", c.skipped);
  json.field("delivered", c.delivered).field("read", c.read).field("undelivered", c.undelivered);
  json.field("responded", c.responded).field("credits_reserved", c.credits_reserved);
  return json.field("credits_spent", c.credits_spent).close('}').close('}').take();
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::account_id;
using bulkmsg::campaign_id;
using bulkmsg::result;
using bulkmsg::sender_id;
using bulkmsg::template_id;

extern "C" {

// ---- senders and templates ----

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

bulkmsg_status bulkmsg_sender_check(bulkmsg_engine* engine, int64_t sender, bulkmsg_text** out_json,
                                    bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.check_sender(id_of<sender_id>(sender, "sender")).map([&](const bulkmsg::sender_health& health) {
      if (out_json != nullptr) *out_json = new bulkmsg_text{in_json(health)};
    });
  });
}

bulkmsg_status bulkmsg_template_put(bulkmsg_engine* engine, const char* json, size_t json_len, int64_t* out_template,
                                    bulkmsg_error** err) {
  clear(out_template);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_template, "out_template");
    return e.put_template(input(json, json_len, "json")).map([&](template_id id) { out = id.value; });
  });
}

// ---- credits ----

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
    return e.put_account(given.text("name"), plan).map([&](account_id id) { out = id.value; });
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

// ---- campaigns ----

bulkmsg_status bulkmsg_campaign_create(bulkmsg_engine* engine, const bulkmsg_config* config, int64_t* out_campaign,
                                       bulkmsg_error** err) {
  clear(out_campaign);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    std::int64_t& out = needed(out_campaign, "out_campaign");
    const bulkmsg_config& given = needed(config, "config");
    if (auto ok = given.check(BULKMSG_CONFIG_CAMPAIGN); !ok) return ok;
    bulkmsg::campaign_settings settings;
    settings.name = given.text("name");
    settings.sender = sender_id{given.integer("sender")};
    settings.content = template_id{given.integer("template")};
    settings.account = account_id{given.integer("account")};
    settings.credits_per_message = given.integer("credits_per_message");
    settings.agent = given.text("agent");
    settings.reply_to = given.text("reply_to");
    if (const std::string consent = given.text("require_consent"); consent != "auto") {
      settings.require_consent = consent == "true";
    }
    settings.content_rules = given.text("content_rules");
    settings.mapping = given.under("map.");
    return e.create_campaign(settings).map([&](campaign_id id) { out = id.value; });
  });
}

bulkmsg_status bulkmsg_campaign_discard(bulkmsg_engine* engine, int64_t campaign, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) { return e.discard(id_of<campaign_id>(campaign, "campaign")); });
}

bulkmsg_status bulkmsg_campaign_import_csv(bulkmsg_engine* engine, int64_t campaign, const char* csv, size_t csv_len,
                                           bulkmsg_import_report* out_report, size_t report_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    check_size(out_report, report_size, report_size_0_1, "report_size");
    return e.import_csv_text(id_of<campaign_id>(campaign, "campaign"), input(csv, csv_len, "csv"))
        .map([&](const bulkmsg::import_report& report) { fill(out_report, report_size, in_c(report)); });
  });
}

bulkmsg_status bulkmsg_campaign_import_csv_file(bulkmsg_engine* engine, int64_t campaign, const char* path,
                                                size_t path_len, bulkmsg_import_report* out_report, size_t report_size,
                                                bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    check_size(out_report, report_size, report_size_0_1, "report_size");
    return e.import_csv_file(id_of<campaign_id>(campaign, "campaign"), path_of(path, path_len))
        .map([&](const bulkmsg::import_report& report) { fill(out_report, report_size, in_c(report)); });
  });
}

bulkmsg_status bulkmsg_campaign_rejected(bulkmsg_engine* engine, int64_t campaign, int64_t after_number, size_t limit,
                                         bulkmsg_text** out_csv, int64_t* out_last_number, bulkmsg_error** err) {
  clear(out_csv);
  clear(out_last_number);
  return call(engine, err, [&](bulkmsg::engine& e) {
    bulkmsg_text*& out = needed(out_csv, "out_csv");
    in_range(after_number, 0, any_number, "after_number");
    return e.rejected(id_of<campaign_id>(campaign, "campaign"), after_number, limit_of(limit))
        .map([&](const std::vector<bulkmsg::rejected_row>& rows) {
          out = new bulkmsg_text{in_csv(rows)};
          if (out_last_number != nullptr) *out_last_number = rows.empty() ? after_number : rows.back().number;
        });
  });
}

bulkmsg_status bulkmsg_campaign_dry_run(bulkmsg_engine* engine, int64_t campaign, bulkmsg_plan* out_plan,
                                        size_t plan_size, bulkmsg_text** out_preview, bulkmsg_error** err) {
  clear(out_preview);
  return call(engine, err, [&](bulkmsg::engine& e) {
    check_size(out_plan, plan_size, plan_size_0_1, "plan_size");
    return e.dry_run(id_of<campaign_id>(campaign, "campaign")).map([&](bulkmsg::plan_summary&& plan) {
      if (out_preview != nullptr) *out_preview = new bulkmsg_text{std::move(plan.preview)};
      fill(out_plan, plan_size, in_c(plan));
    });
  });
}

bulkmsg_status bulkmsg_campaign_start(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                      bulkmsg_plan* out_plan, size_t plan_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    check_size(out_plan, plan_size, plan_size_0_1, "plan_size");
    bulkmsg::start_options options;
    if (config != nullptr) {
      if (auto ok = config->check(BULKMSG_CONFIG_START); !ok) return ok;
      options.idempotency_key = config->text("idempotency_key");
      options.expected_hash = config->text("expected_hash");
    }
    return e.start(id_of<campaign_id>(campaign, "campaign"), options).map([&](const bulkmsg::plan_summary& plan) {
      fill(out_plan, plan_size, in_c(plan));
    });
  });
}

bulkmsg_status bulkmsg_campaign_pause(bulkmsg_engine* engine, int64_t campaign, const char* reason, size_t reason_len,
                                      int64_t wait_ms, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.pause(id_of<campaign_id>(campaign, "campaign"), std::string(input(reason, reason_len, "reason")),
                   wait_of(wait_ms));
  });
}

bulkmsg_status bulkmsg_campaign_resume(bulkmsg_engine* engine, int64_t campaign, int64_t wait_ms, bulkmsg_error** err) {
  return call(engine, err,
              [&](bulkmsg::engine& e) { return e.resume(id_of<campaign_id>(campaign, "campaign"), wait_of(wait_ms)); });
}

bulkmsg_status bulkmsg_campaign_stop(bulkmsg_engine* engine, int64_t campaign, const char* reason, size_t reason_len,
                                     int64_t wait_ms, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.stop(id_of<campaign_id>(campaign, "campaign"), std::string(input(reason, reason_len, "reason")),
                  wait_of(wait_ms));
  });
}

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
  return call(engine, err, [&](bulkmsg::engine& e) {
    bulkmsg_text*& out = needed(out_json, "out_json");
    return e.status(id_of<campaign_id>(campaign, "campaign")).map([&](const bulkmsg::campaign_status& status) {
      out = new bulkmsg_text{in_json(status)};
    });
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

// ---- webhooks ----

bulkmsg_status bulkmsg_webhook_ingest(bulkmsg_engine* engine, const char* body, size_t body_len, const char* signature,
                                      size_t signature_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.ingest(input(body, body_len, "body"), input(signature, signature_len, "signature"));
  });
}

bulkmsg_status bulkmsg_webhook_listen(bulkmsg_engine* engine, const char* address, size_t address_len,
                                      int32_t* out_port, bulkmsg_error** err) {
  clear(out_port);
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.listen(std::string(input(address, address_len, "address"))).map([&](std::uint16_t port) {
      if (out_port != nullptr) *out_port = port;
    });
  });
}

}  // extern "C"
