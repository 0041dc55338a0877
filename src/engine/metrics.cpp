// What Prometheus asks for: counters and gauges in its text format. A name says its unit; what only grows ends in
// _total.
#include <array>
#include <cstdio>

#include "bulkmsg/version.hpp"
#include "engine/impl.hpp"

namespace bulkmsg {

namespace {

class exposition {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += "# HELP " + name_ + ' ' + help + "\n# TYPE " + name_ + ' ' + type + '\n';
  }
  // labels: `state="sending"`, or empty
  void value(const std::string& labels, std::int64_t n) { line(labels, std::to_string(n)); }
  void value(const std::string& labels, double n) {
    std::array<char, 32> digits;
    const int size = std::snprintf(digits.data(), digits.size(), "%.3f", n);
    line(labels, std::string(digits.data(), static_cast<std::size_t>(size)));
  }
  std::string take() { return std::move(text_); }

 private:
  void line(const std::string& labels, const std::string& n) {
    text_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + ' ' + n + '\n';
  }
  std::string name_, text_;
};

std::string label(const char* name, std::string_view value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text + '"';
}

void tell_campaigns(store::database& db, std::int64_t now_ms, exposition& out) {
  std::array<std::int64_t, 9> by_state{};
  {
    auto r = db.select("SELECT state, count(*) FROM campaigns GROUP BY state");
    while (r.next()) by_state.at(static_cast<std::size_t>(r.integer(0))) = r.integer(1);
  }
  out.family("bulkmsg_campaigns", "gauge", "Campaigns by state, test sends among them.");
  for (std::size_t s = 1; s < by_state.size(); ++s) {
    out.value(label("state", name(static_cast<campaign_state>(s))), by_state[s]);
  }
  counters sum;
  std::int64_t settled = 0;
  {
    // Drafts are not counted: they can be discarded, and a counter never falls.
    auto r = db.select(
        "SELECT sum(total), sum(sent), sum(failed), sum(unconfirmed), sum(skipped), sum(delivered), sum(read), "
        "sum(undelivered), sum(responded), sum(settled_by_receipt) FROM campaigns WHERE started_at_ms > 0");
    if (r.next()) {
      sum = {r.integer(0), r.integer(1), r.integer(2), r.integer(3), r.integer(4),
             r.integer(5), r.integer(6), r.integer(7), r.integer(8)};
      settled = r.integer(9);
    }
  }
  out.family("bulkmsg_messages", "gauge", "Messages of started campaigns that wait for their outcome, by state.");
  out.value(label("state", "queued"), sum.queued());
  out.value(label("state", "unconfirmed"), sum.unconfirmed);
  for (const auto& [name, help, n] : std::initializer_list<std::tuple<const char*, const char*, std::int64_t>>{
           {"bulkmsg_messages_sent_total", "Messages accepted by the provider.", sum.sent},
           {"bulkmsg_messages_failed_total", "Messages refused for good.", sum.failed},
           {"bulkmsg_messages_skipped_total", "Rows left out: rejected, duplicate, suppressed, without consent.",
            sum.skipped},
           {"bulkmsg_messages_delivered_total", "Sent messages that reached the device.", sum.delivered},
           {"bulkmsg_messages_read_total", "Sent messages that were read.", sum.read},
           {"bulkmsg_messages_undelivered_total", "Sent messages that a receipt failed.", sum.undelivered},
           {"bulkmsg_messages_responded_total", "Sent messages that were answered.", sum.responded},
           {"bulkmsg_messages_settled_by_receipt_total", "Messages whose fate a receipt decided.", settled}}) {
    out.family(name, "counter", help);
    out.value("", n);
  }
  out.family("bulkmsg_send_rate_per_second", "gauge", "Messages handed to the network a second, over ten seconds.");
  for (const auto& [sender, rate] : store::send_rates(db, now_ms)) out.value(label("sender", sender), rate);
}

void tell_accounts(store::database& db, exposition& out) {
  out.family("bulkmsg_credits", "gauge", "Credits of an account as last billed, by what they are.");
  auto r = db.select("SELECT name, available_monthly + available_topup, reserved, spent FROM accounts ORDER BY id");
  while (r.next()) {
    const auto account = label("account", r.text(0)) + ",";
    out.value(account + label("kind", "available"), r.integer(1));
    out.value(account + label("kind", "reserved"), r.integer(2));
    out.value(account + label("kind", "spent"), r.integer(3));
  }
}

void tell_store(store::database& db, exposition& out) {
  for (const auto& [name, type, help, sql] :
       std::initializer_list<std::tuple<const char*, const char*, const char*, const char*>>{
           {"bulkmsg_webhooks_waiting", "gauge", "Webhooks that are durable and not yet merged.",
            "SELECT coalesce(sum(bodies), 0) FROM inbox"},
           {"bulkmsg_receipts_parked", "gauge", "Receipts without a key that wait for their message.",
            "SELECT count(*) FROM parked"},
           {"bulkmsg_receipts_foreign_total", "counter", "Receipts for messages of somebody else, dropped.",
            "SELECT foreign_receipts FROM store"},
           {"bulkmsg_events_waiting", "gauge", "Durable events that the host has not acknowledged.",
            "SELECT count(*) FROM events"},
           {"bulkmsg_commands_waiting", "gauge", "Commands of other processes that are not carried out yet.",
            "SELECT count(*) FROM commands WHERE done_at_ms = 0"},
           {"bulkmsg_persons_forgotten_total", "counter", "Persons forgotten on request.",
            "SELECT forgotten FROM store"},
           {"bulkmsg_store_bytes", "gauge", "Size of the store file, without its log.",
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"}}) {
    out.family(name, type, help);
    out.value("", db.number(sql));
  }
}

}  // namespace

result<std::string> engine::metrics() {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  exposition out;
  out.family("bulkmsg_info", "gauge", "1; the version is its label.");
  out.value(label("version", std::to_string(BULKMSG_VERSION_MAJOR) + "." + std::to_string(BULKMSG_VERSION_MINOR) + "." +
                                 std::to_string(BULKMSG_VERSION_PATCH)),
            std::int64_t{1});
  auto read = self_->read([&](store::database& db) {
    tell_campaigns(db, self_->now_ms(), out);
    tell_accounts(db, out);
    tell_store(db, out);
    return true;
  });
  if (!read) return fail(read.error());
  out.family("bulkmsg_sender_trouble", "gauge", "1 for a sender that cannot send right now, seen by this process.");
  {
    std::lock_guard lock(self_->notes_);
    for (const auto& [sender, why] : self_->trouble_) {
      out.value(label("sender_id", std::to_string(sender)), std::int64_t{1});
    }
  }
  return out.take();
}

}  // namespace bulkmsg
