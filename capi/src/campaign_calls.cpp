// A campaign's life: drafts, starts and schedules, pauses and ends, and what becomes of messages that may have gone.
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "config.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

// The size at the first release: callers built then may pass it for ever.
constexpr std::size_t plan_size_0_1 = 128;
static_assert(sizeof(bulkmsg_plan) == plan_size_0_1);

// The table of options states these defaults, too.
static_assert(campaign_settings{}.when_unconfirmed == unconfirmed_rule::hold &&
              campaign_settings{}.unconfirmed_wait == std::chrono::milliseconds(3'600'000));

bulkmsg_plan in_c(const plan_summary& plan) noexcept {
  bulkmsg_plan out{};
  out.messages = plan.messages;
  out.credits = plan.credits;
  out.credits_available = plan.credits_available;
  out.duration_ms = plan.duration.count();
  std::memcpy(out.hash, plan.hash.data(), std::min(plan.hash.size(), sizeof out.hash - 1));
  out.suppressed = plan.suppressed;
  out.without_consent = plan.without_consent;
  out.window_closed = plan.window_closed;
  return out;
}

unconfirmed_rule rule_named(const std::string& word) noexcept {
  return word == "resend"    ? unconfirmed_rule::resend
         : word == "give_up" ? unconfirmed_rule::give_up
                             : unconfirmed_rule::hold;
}

campaign_settings settings_of(const bulkmsg_config& given) {
  campaign_settings settings;
  settings.name = given.text("name");
  settings.sender = sender_id{given.integer("sender")};
  for (const std::int64_t id : given.integers("more_senders")) settings.more_senders.push_back(sender_id{id});
  settings.content = template_id{given.integer("template")};
  settings.account = account_id{given.integer("account")};
  settings.credits_per_message = given.integer("credits_per_message");
  settings.mapping = given.under("map.");
  settings.agent = given.text("agent");
  settings.reply_to = given.text("reply_to");
  if (const std::string consent = given.text("require_consent"); consent != "auto") {
    settings.require_consent = consent == "true";
  }
  settings.content_rules = given.text("content_rules");
  settings.actor = given.text("actor");
  settings.weight = given.integer("weight");
  settings.urgent = given.boolean("urgent");
  settings.hours = given.text("hours");
  settings.hours_in = given.text("hours_in");
  settings.when_unconfirmed = rule_named(given.text("when_unconfirmed"));
  settings.unconfirmed_wait = std::chrono::milliseconds(given.integer("unconfirmed_wait_ms"));
  return settings;
}

// The options of a call that cannot do without.
result<const bulkmsg_config*> required(const bulkmsg_config* config, std::int32_t kind) {
  const bulkmsg_config& given = needed(config, "config");
  if (auto ok = given.check(kind); !ok) return fail(ok.error());
  return &given;
}

std::chrono::milliseconds wait_of(const bulkmsg_config& given) {
  return std::chrono::milliseconds(given.integer("wait_ms"));
}

// Pause, resume and the like: one command on one campaign.
template <class Does>
bulkmsg_status commanded(bulkmsg_engine* engine, std::int64_t campaign, const bulkmsg_config* config,
                         bulkmsg_error** err, Does&& does) noexcept {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const command given(config);
    if (!given.ok()) return given.ok();
    return does(e, id_of<campaign_id>(campaign, "campaign"), given);
  });
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::campaign_id;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_campaign_create(bulkmsg_engine* engine, const bulkmsg_config* config, int64_t* out_campaign,
                                       bulkmsg_error** err) {
  clear(out_campaign);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    std::int64_t& out = needed(out_campaign, "out_campaign");
    const auto given = required(config, BULKMSG_CONFIG_CAMPAIGN);
    if (!given) return bulkmsg::fail(given.error());
    return e.create_campaign(settings_of(**given)).map([&](campaign_id id) { out = id.value; });
  });
}

bulkmsg_status bulkmsg_campaign_edit(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                     bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const auto given = required(config, BULKMSG_CONFIG_CAMPAIGN);
    if (!given) return bulkmsg::fail(given.error());
    return e.edit(id_of<campaign_id>(campaign, "campaign"), settings_of(**given));
  });
}

bulkmsg_status bulkmsg_campaign_discard(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                        bulkmsg_error** err) {
  return commanded(engine, campaign, config, err,
                   [](auto& e, campaign_id id, const command& given) { return e.discard(id, given.actor()); });
}

bulkmsg_status bulkmsg_campaign_dry_run(bulkmsg_engine* engine, int64_t campaign, bulkmsg_plan* out_plan,
                                        size_t plan_size, bulkmsg_text** out_preview, bulkmsg_text** out_json,
                                        bulkmsg_error** err) {
  clear(out_preview);
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) {
    check_size(out_plan, plan_size, plan_size_0_1, "plan_size");
    return e.dry_run(id_of<campaign_id>(campaign, "campaign")).map([&](bulkmsg::plan_summary&& plan) {
      json_writer json;
      json.open('{').key("warnings").open('[');
      for (const std::string& warning : plan.warnings) json.text(warning);
      json.close(']').key("by_sender").open('[');
      for (const auto& [sender, messages] : plan.by_sender) {
        json.open('{').field("sender", sender).field("messages", messages).close('}');
      }
      give_both(std::move(plan.preview), out_preview, json.close(']').close('}').take(), out_json);
      fill(out_plan, plan_size, in_c(plan));
    });
  });
}

bulkmsg_status bulkmsg_campaign_start(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                      bulkmsg_plan* out_plan, size_t plan_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    check_size(out_plan, plan_size, plan_size_0_1, "plan_size");
    const optional_config given(config, BULKMSG_CONFIG_START);
    if (!given.ok()) return given.ok();
    return e
        .start(id_of<campaign_id>(campaign, "campaign"), {.idempotency_key = given->text("idempotency_key"),
                                                          .expected_hash = given->text("expected_hash"),
                                                          .actor = given->text("actor")})
        .map([&](const bulkmsg::plan_summary& plan) { fill(out_plan, plan_size, in_c(plan)); });
  });
}

bulkmsg_status bulkmsg_campaign_schedule(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                         bulkmsg_plan* out_plan, size_t plan_size, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    check_size(out_plan, plan_size, plan_size_0_1, "plan_size");
    const auto found = required(config, BULKMSG_CONFIG_SCHEDULE);
    if (!found) return bulkmsg::fail(found.error());
    const bulkmsg_config& given = **found;
    return e
        .schedule(id_of<campaign_id>(campaign, "campaign"),
                  {.at = given.text("at"),
                   .max_lateness = std::chrono::milliseconds(given.integer("max_lateness_ms")),
                   .actor = given.text("actor")},
                  wait_of(given))
        .map([&](const bulkmsg::plan_summary& plan) { fill(out_plan, plan_size, in_c(plan)); });
  });
}

bulkmsg_status bulkmsg_campaign_cancel(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                       bulkmsg_error** err) {
  return commanded(engine, campaign, config, err, [](auto& e, campaign_id id, const command& given) {
    return e.cancel_schedule(id, given.actor(), given.wait());
  });
}

bulkmsg_status bulkmsg_campaign_test_send(bulkmsg_engine* engine, int64_t campaign, const char* addresses,
                                          size_t addresses_len, const bulkmsg_config* config, int64_t* out_campaign,
                                          bulkmsg_error** err) {
  clear(out_campaign);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    std::int64_t& out = needed(out_campaign, "out_campaign");
    const optional_config given(config, BULKMSG_CONFIG_TEST_SEND);
    if (!given.ok()) return given.ok();
    const auto whom = items(input(addresses, addresses_len, "addresses"));
    return e.test_send(id_of<campaign_id>(campaign, "campaign"), whom, given->integer("row"), given->text("actor"))
        .map([&](campaign_id id) { out = id.value; });
  });
}

bulkmsg_status bulkmsg_campaign_pause(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                      bulkmsg_error** err) {
  return commanded(engine, campaign, config, err, [](auto& e, campaign_id id, const command& given) {
    return e.pause(id, given.reason(), given.wait(), given.actor());
  });
}

bulkmsg_status bulkmsg_campaign_resume(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                       bulkmsg_error** err) {
  return commanded(engine, campaign, config, err, [](auto& e, campaign_id id, const command& given) {
    return e.resume(id, given.wait(), given.actor());
  });
}

bulkmsg_status bulkmsg_campaign_stop(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                     bulkmsg_error** err) {
  return commanded(engine, campaign, config, err, [](auto& e, campaign_id id, const command& given) {
    return e.stop(id, given.reason(), given.wait(), given.actor());
  });
}

bulkmsg_status bulkmsg_campaign_resolve(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                        int64_t* out_count, bulkmsg_error** err) {
  clear(out_count);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const auto found = required(config, BULKMSG_CONFIG_RESOLVE);
    if (!found) return bulkmsg::fail(found.error());
    const bulkmsg_config& given = **found;
    return e
        .resolve(id_of<campaign_id>(campaign, "campaign"),
                 {.sent = given.text("as") == "sent",
                  .message = bulkmsg::message_id::from_key(given.integer("message")),
                  .actor = given.text("actor"),
                  .reason = given.text("reason")},
                 wait_of(given))
        .map([&](std::int64_t count) {
          if (out_count != nullptr) *out_count = count;
        });
  });
}

bulkmsg_status bulkmsg_campaign_retry(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                      bulkmsg_text** out_json, bulkmsg_error** err) {
  clear(out_json);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    const optional_config given(config, BULKMSG_CONFIG_RETRY);
    if (!given.ok()) return given.ok();
    const bool failed = given->text("what") == name(bulkmsg::retry_kind::failed);
    return e
        .retry(id_of<campaign_id>(campaign, "campaign"),
               {.what = failed ? bulkmsg::retry_kind::failed : bulkmsg::retry_kind::unconfirmed,
                .all = given->boolean("all"),
                .name = given->text("name"),
                .actor = given->text("actor")})
        .map([&](const bulkmsg::retry_report& report) {
          json_writer json;
          json.open('{').field("child", report.child.value).field("messages", report.messages);
          json.field("not_yet", report.not_yet).field("next_at_unix_ms", report.next_at_ms);
          give(out_json, json.field("hopeless", report.hopeless).close('}').take());
        });
  });
}

}  // extern "C"
