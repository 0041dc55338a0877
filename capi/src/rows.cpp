#include "rows.hpp"

#include <cstdint>

#include "values.hpp"

namespace bulkmsg::capi {

void write(json_writer& json, const template_info& t) {
  json.field("template", t.id.value).field("number", t.number).field("business_account_id", t.business_account_id);
  json.field("provider_id", t.provider_id).field("name", t.name).field("language", t.language);
  json.field("status", t.status).field("category", t.category).field("quality", t.quality);
  json.field("parameter_format", t.parameter_format).field("rejected_reason", t.rejected_reason);
  json.key("gone").boolean(t.gone).field("fetched_at_unix_ms", t.fetched_at_ms).key("json").raw(t.json);
}

void write(json_writer& json, const saved_message& m) {
  json.field("template", m.id.value).field("name", m.name).key("message").raw(m.json);
}

void write(json_writer& json, const media_info& m) {
  json.field("number", m.number).field("phone_number_id", m.phone_number_id).field("provider_id", m.provider_id);
  json.field("sha256", m.sha256).field("mime", m.mime).field("bytes", m.bytes).field("path", m.path);
  json.field("uploaded_at_unix_ms", m.uploaded_at_ms).key("uploaded").boolean(m.uploaded);
}

void write(json_writer& json, const account_status& a) {
  json.field("account", a.id.value).field("name", a.name).field("renews_at_unix_ms", a.renews_at_ms);
  json.field("uncollected", a.uncollected).field("monthly_credits", a.plan.monthly_credits());
  json.field("per_user_credits", a.plan.per_user_credits).field("users", a.plan.users);
  json.field("additional_phones", a.plan.additional_phones).field("topup_price_micros", a.plan.topup_price_micros);
  json.field("billing_day", a.plan.billing_day).field("time_zone", a.plan.time_zone);
  const credits::balances& b = a.balances;
  json.field("granted", b.granted).field("bought", b.bought).field("adjusted", b.adjusted);
  json.field("available_monthly", b.available_monthly).field("available_topup", b.available_topup);
  json.field("available", b.available()).field("reserved", b.reserved).field("spent", b.spent);
  json.field("expired", b.expired).field("period", b.period);
}

void write(json_writer& json, const ledger_row& row) {
  json.field("id", row.id).field("at_unix_ms", row.at_ms).field("kind", name(row.entry.kind));
  json.field("credits", row.entry.amount).field("bucket", name(row.entry.from)).field("period", row.entry.period);
  json.field("campaign", row.campaign.value).field("key", row.client_id).field("reason", row.reason);
  json.field("actor", row.actor);
}

void write(json_writer& json, const campaign_status& s) {
  const bulkmsg_counters c = in_c(s);
  json.field("id", s.id.value).field("name", s.name).field("state", name(s.state)).field("reason", s.reason);
  json.field("sender", s.sender).field("template", s.content).field("agent", s.agent).field("reply_to", s.reply_to);
  json.field("plan_hash", s.plan_hash).field("created_at_unix_ms", s.created_at_ms);
  json.field("started_at_unix_ms", s.started_at_ms).field("finished_at_unix_ms", s.finished_at_ms);
  json.field("scheduled_at_unix_ms", s.scheduled_at_ms).field("scheduled_as", s.scheduled_as);
  json.field("max_lateness_ms", s.max_lateness.count()).field("when_unconfirmed", name(s.when_unconfirmed));
  json.field("unconfirmed_wait_ms", s.unconfirmed_wait.count()).field("settled_by_receipt", s.settled_by_receipt);
  json.field("test_of", s.test_of.value).field("parent", s.parent.value).key("children").open('[');
  for (const campaign_id child : s.children) json.number(child.value);
  json.close(']');
  json.key("counters").open('{').field("total", c.total).field("queued", c.queued).field("sent", c.sent);
  json.field("failed", c.failed).field("unconfirmed", c.unconfirmed).field("skipped", c.skipped);
  json.field("delivered", c.delivered).field("read", c.read).field("undelivered", c.undelivered);
  json.field("responded", c.responded).field("credits_reserved", c.credits_reserved);
  json.field("credits_spent", c.credits_spent).close('}');
}

void write(json_writer& json, const message_row& m) {
  json.field("message", m.id.key()).field("address", m.address).field("state", static_cast<std::int64_t>(m.state));
  json.field("receipt", static_cast<std::int64_t>(m.receipt)).field("attempt", m.attempt);
  json.field("provider_id", m.provider_id).field("code", m.code).field("detail", m.detail);
  json.field("at_unix_ms", m.at_ms).field("sent_at_unix_ms", m.sent_at_ms);
  json.field("delivered_at_unix_ms", m.delivered_at_ms).field("read_at_unix_ms", m.read_at_ms);
  json.field("failed_at_unix_ms", m.failed_at_ms).field("line", m.line).field("next_at_unix_ms", m.next_at_ms);
  json.field("superseded_by", m.superseded_by.value).field("sender", m.sender);
}

void write(json_writer& json, const participant_row& p) {
  json.field("participant", p.participant).field("receipt", static_cast<std::int64_t>(p.receipt)).field("code", p.code);
  json.field("sent_at_unix_ms", p.sent_at_ms).field("delivered_at_unix_ms", p.delivered_at_ms);
  json.field("read_at_unix_ms", p.read_at_ms).field("failed_at_unix_ms", p.failed_at_ms);
}

void write(json_writer& json, const rejected_row& r) {
  json.field("number", r.number).field("line", r.line).field("column", r.column).field("column_name", r.column_name);
  json.field("code", static_cast<std::int64_t>(r.code)).field("reason", r.reason).field("address", r.address);
}

void write(json_writer& json, const history_row& h) {
  json.field("id", h.id).field("at_unix_ms", h.at_ms).field("campaign", h.campaign.value).field("action", h.action);
  json.field("reason", h.reason).field("actor", h.actor);
}

void write(json_writer& json, const reply_row& r) {
  json.field("number", r.number).field("provider_id", r.provider_id).field("at_unix_ms", r.at_ms);
  json.field("address", r.address).field("user_id", r.user_id).field("profile", r.profile);
  json.field("group_id", r.group_id).field("kind", r.kind).field("text", r.text).field("payload", r.payload);
  json.field("answers", r.answers).field("campaign", r.campaign.value);
  json.field("message", r.campaign ? r.message.key() : 0).field("conversation", r.conversation);
  json.key("resumed").boolean(r.resumed).key("opt_out").boolean(r.opt_out);
}

void write(json_writer& json, const contact_row& c) {
  json.field("id", c.id).field("address", c.address).key("attributes").raw(c.attributes).key("labels").open('[');
  for (const std::string& label : c.labels) json.text(label);
  json.close(']').key("test").boolean(c.test).key("sandbox").boolean(c.sandbox);
}

void write(json_writer& json, const recipients::attribute& a) {
  json.field("name", a.name).field("type", name(a.type)).key("indexed").boolean(a.indexed);
}

void write(json_writer& json, const segment_row& s) {
  json.field("name", s.name).key("conditions").raw(s.conditions.empty() ? "null" : s.conditions);
  json.field("contacts", s.contacts);
}

void write(json_writer& json, const suppression_row& s) {
  json.field("person", s.person).field("address", s.address).field("scope", name(s.why.scope));
  json.field("source", name(s.why.source)).field("note", s.why.note).field("at_unix_ms", s.at_ms);
}

void write(json_writer& json, const consent_log_row& row) {
  json.field("id", row.id).field("at_unix_ms", row.at_ms).field("address", row.address).field("what", row.what);
  json.field("source", row.source).field("old", row.old).field("now", row.now).field("note", row.note);
}

void write(json_writer& json, const reason_count& r) {
  json.field("code", r.code).field("reason", r.reason).field("count", r.count);
}

}  // namespace bulkmsg::capi
