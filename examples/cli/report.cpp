#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "exit.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::campaign_state;
using bulkmsg::campaign_status;
using bulkmsg::reason_count;

void print_count(const char* label, std::int64_t n) {
  const std::string text = grouped(n);
  print_line("  " + padded(label, 14) + std::string(text.size() < 12 ? 12 - text.size() : 0, ' ') + text);
}

// The code is the provider's number, or bulkmsg's own, which has a name.
std::string code_text(std::int32_t code) {
  const std::string_view own = name(static_cast<bulkmsg::errc>(code));
  return own == "unknown" ? std::to_string(code) : std::string(own);
}

// Codes under which rows have their own words, of which the report holds only one.
bool differs_by_row(std::int32_t code) {
  using enum bulkmsg::errc;
  const auto own = static_cast<bulkmsg::errc>(code);
  return own == parameter_missing || own == parameter_not_allowed || own == parameter_too_long;
}

void print_reasons(const char* title, const std::vector<reason_count>& reasons) {
  if (reasons.empty()) return;
  std::size_t code_width = 0;
  for (const reason_count& r : reasons) code_width = std::max(code_width, code_text(r.code).size());
  print_line("");
  print_line(title);
  for (const reason_count& r : reasons) {
    const std::string n = grouped(r.count);
    print_line("  " + std::string(n.size() < 10 ? 10 - n.size() : 0, ' ') + n + "  " +
               padded(code_text(r.code), code_width) + "  " + (differs_by_row(r.code) ? "such as: " : "") +
               one_line(r.reason));
  }
}

std::string reasons_json(const std::vector<reason_count>& reasons) {
  std::vector<std::string> out;
  out.reserve(reasons.size());
  for (const reason_count& r : reasons) {
    json_object one;
    one.number("code", r.code).text("name", code_text(r.code)).text("reason", r.reason).number("count", r.count);
    out.push_back(one.str());
  }
  return json_array(out);
}

}  // namespace

void print_text(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    give_up(bulkmsg::errc::file_unreadable, "standard output cannot be written; is the disk full?");
  }
}

void print_line(const std::string& line) {
  print_text(line);
  print_text("\n");
}

void flush_stdout() {
  if (std::fflush(stdout) != 0) {
    give_up(bulkmsg::errc::file_unreadable, "standard output cannot be written; is the disk full?");
  }
}

json_object status_json(const campaign_status& status) {
  const auto& c = status.counters;
  json_object out;
  out.number("campaign", status.id.value).text("name", status.name).text("state", name(status.state));
  out.text("reason", status.reason);
  out.number("total", c.total).number("queued", c.queued()).number("sent", c.sent).number("failed", c.failed);
  out.number("unconfirmed", c.unconfirmed).number("skipped", c.skipped).number("delivered", c.delivered);
  out.number("read", c.read).number("undelivered", c.undelivered).number("responded", c.responded);
  out.number("credits_reserved", status.credits_reserved).number("credits_spent", status.credits_spent);
  out.number("settled_by_receipt", status.settled_by_receipt);
  out.text("sender", status.sender).text("content", status.content).text("plan_hash", status.plan_hash);
  out.number("created_at_ms", status.created_at_ms).number("started_at_ms", status.started_at_ms);
  out.text("when_unconfirmed", name(status.when_unconfirmed));
  out.number("unconfirmed_wait_ms", status.unconfirmed_wait.count()).number("parent", status.parent.value);
  std::vector<std::string> children;
  for (const auto child : status.children) children.push_back(std::to_string(child.value));
  out.raw("children", json_array(children));
  out.number("finished_at_ms", status.finished_at_ms).text("agent", status.agent).text("reply_to", status.reply_to);
  out.number("completed", c.completed()).number("progress_permille", static_cast<std::int64_t>(c.progress() * 1000));
  out.number("response_permille", static_cast<std::int64_t>(c.response_rate() * 1000));
  out.number("rate_per_second", static_cast<std::int64_t>(status.rate + 0.5));
  out.number("time_left_ms", status.time_left().count());
  out.number("scheduled_at_ms", status.scheduled_at_ms).text("scheduled_as", status.scheduled_as);
  out.number("test_of", status.test_of.value);
  return out;
}

json_object report_json(bulkmsg::engine& engine, const campaign_status& status, const account_report& account) {
  json_object out = status_json(status);
  out.raw("failed_by_reason", reasons_json(need(engine.failed_by_reason(status.id))));
  out.raw("skipped_by_reason", reasons_json(need(engine.skipped_by_reason(status.id))));
  if (account.id) {
    out.text("account", account.name);
    out.number("credits_available", need(engine.account(account.id)).balances.available());
  }
  return out;
}

void print_report(bulkmsg::engine& engine, const campaign_status& status, const account_report& account) {
  const auto& c = status.counters;
  std::string head = "campaign " + std::to_string(status.id.value) + " \"" + one_line(status.name) + "\" " +
                     std::string(name(status.state));
  if (status.state == campaign_state::completed && status.finished_at_ms > status.started_at_ms) {
    const std::int64_t took_ms = status.finished_at_ms - status.started_at_ms;
    head += " in " + duration_text(std::chrono::milliseconds(took_ms)) + " (" +
            grouped((c.total - c.skipped) * 1000 / took_ms) + "/s)";
  }
  if (!status.reason.empty()) head += ": " + one_line(status.reason);
  print_line(head);
  if (status.parent) print_line("sends messages of campaign " + std::to_string(status.parent.value) + " again");
  if (!status.children.empty()) {
    std::string list;
    for (const auto child : status.children) list += (list.empty() ? "" : ", ") + std::to_string(child.value);
    print_line("some of its messages are sent again by campaign " + list);
  }
  print_line("");
  print_count("total", c.total);
  print_count("sent", c.sent);
  print_count("  delivered", c.delivered);
  print_count("  read", c.read);
  print_count("  responded", c.responded);
  print_count("  undelivered", c.undelivered);
  print_count("failed", c.failed);
  print_count("skipped", c.skipped);
  print_count("unconfirmed", c.unconfirmed);
  print_count("queued", c.queued());
  print_reasons("failed and undelivered, by reason", need(engine.failed_by_reason(status.id)));
  print_reasons("skipped, by reason", need(engine.skipped_by_reason(status.id)));
  print_line("");
  print_line(account.name.empty() ? "credits" : "credits of account \"" + one_line(account.name) + "\"");
  print_count("reserved", status.credits_reserved);
  print_count("spent", status.credits_spent);
  if (account.id) print_count("available", need(engine.account(account.id)).balances.available());
}

json_object plan_json(const bulkmsg::plan_summary& plan, const bulkmsg::import_report& import) {
  json_object out;
  out.text("plan_hash", plan.hash).number("messages", plan.messages).number("credits", plan.credits);
  if (plan.credits_available >= 0) out.number("credits_available", plan.credits_available);
  out.number("duration_ms", plan.duration.count()).text("preview", plan.preview);
  out.number("rows", import.rows).number("added", import.added).number("duplicates", import.duplicates);
  out.number("rejected", import.rejected).number("suppressed", plan.suppressed);
  out.number("without_consent", plan.without_consent);
  if (!plan.by_sender.empty()) {
    json_object shares;
    for (const auto& [sender, messages] : plan.by_sender) shares.number(sender, messages);
    out.raw("by_sender", shares.str());
  }
  return out;
}

void print_plan(const bulkmsg::plan_summary& plan, const bulkmsg::import_report& import) {
  print_count("rows", import.rows);
  print_count("rejected", import.rejected);
  print_count("duplicates", import.duplicates);
  if (plan.suppressed != 0) print_count("suppressed", plan.suppressed);
  if (plan.without_consent != 0) print_count("no consent", plan.without_consent);
  print_count("messages", plan.messages);
  for (const auto& [sender, messages] : plan.by_sender) print_count(("  over " + sender).c_str(), messages);
  print_count("credits", plan.credits);
  if (plan.credits_available >= 0) print_count("  available", plan.credits_available);
  print_line("  takes at least " + duration_text(plan.duration) + " at the sender's limits");
  print_line("  plan hash " + plan.hash);
  if (!plan.preview.empty()) {
    print_line("");
    print_line("first message");
    for (std::size_t from = 0; from <= plan.preview.size();) {
      const std::size_t end = std::min(plan.preview.find('\n', from), plan.preview.size());
      print_line("  | " + one_line(plan.preview.substr(from, end - from)));
      from = end + 1;
    }
  }
}

int exit_code_of(const campaign_status& status) {
  switch (status.state) {
    case campaign_state::completed:
      break;
    case campaign_state::paused:
    case campaign_state::stopped:
      return exit_code::ended_early;
    default:
      return exit_code::error;
  }
  if (status.counters.queued() != 0) return exit_code::error;
  return status.counters.unconfirmed == 0 ? exit_code::ok : exit_code::unconfirmed;
}

}  // namespace cli
