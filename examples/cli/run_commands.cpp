// send, resume, retry, pause, stop, discard.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "files.hpp"
#include "follow.hpp"
#include "interrupt.hpp"
#include "rates.hpp"
#include "recipients.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::campaign_id;
using bulkmsg::campaign_state;
using bulkmsg::campaign_status;
using bulkmsg::engine;
using bulkmsg::errc;

// What is on the wire when a person interrupts gets this long to be answered.
constexpr auto drain = std::chrono::seconds(10);

void say(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

// Without a file of that name, and written like a template's: one that is kept, "NAME" or "NAME:LANGUAGE".
constexpr std::string_view own_prefix = "own:";

bool is_template_name(const std::string& written) {
  std::error_code ignored;
  return written.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") ==
             std::string::npos &&
         !std::filesystem::exists(written, ignored);
}

bulkmsg::template_id kept_template(engine& engine, bulkmsg::sender_id sender, const std::string& account,
                                   const options& given) {
  // A dry run asks nobody; else what is older than an hour is asked for again.
  if (!given.dry_run) need_of(given.sender_files.front(), engine.fetch_templates(sender, std::chrono::hours(1)));
  const template_name wanted = template_name_of(given.template_file);
  return need(engine.find_template(wanted.name, wanted.language, account)).id;
}

// A draft that is not started when this goes out of scope is removed: a refused `send` leaves nothing behind.
class draft {
 public:
  draft(engine& engine, campaign_id id) : engine_(engine), id_(id) {}
  ~draft() {
    if (started_) return;
    if (auto gone = engine_.discard(id_); !gone) {
      say("bulkmsg: campaign " + std::to_string(id_.value) + " could not be removed (" +
          one_line(gone.error().message) + "); it was not started, `bulkmsg discard` removes it");
    }
  }
  draft(const draft&) = delete;
  draft& operator=(const draft&) = delete;

  [[nodiscard]] campaign_id id() const { return id_; }
  void started() { started_ = true; }

 private:
  engine& engine_;
  campaign_id id_;
  bool started_ = false;
};

// The other unfinished campaigns of the store: the engine goes on with them as soon as it runs.
void mention_others(engine& engine, campaign_id but) {
  for (campaign_id after{};;) {
    const auto page = need(engine.list(after, 100));
    if (page.empty()) return;
    for (const campaign_status& c : page) {
      after = c.id;
      if (c.id != but && (c.state == campaign_state::sending || c.state == campaign_state::starting)) {
        say("campaign " + std::to_string(c.id.value) + " \"" + one_line(c.name) +
            "\" was not finished: this process goes on with it too");
      }
    }
  }
}

void start_listening(engine& engine, const std::string& address) {
  if (address.empty()) return;
  const std::uint16_t port = need(engine.listen(address));
  say("listening for webhooks on " + address.substr(0, address.rfind(':') + 1) + std::to_string(port));
}

bulkmsg::unconfirmed_rule rule_of(const std::string& written) {
  const auto& names = bulkmsg::unconfirmed_rule_names;
  return static_cast<bulkmsg::unconfirmed_rule>(std::find(names.begin(), names.end(), written) - names.begin());
}

// Follows the campaign to its end, closes the engine, and prints what became of it.
int finish(engine& engine, campaign_id campaign, const account_report& account, const options& given) {
  const ending end = follow(engine, campaign, {std::chrono::seconds(given.linger_seconds), given.quiet});
  need(engine.close(drain));
  // Read again: what was on the wire has been settled while closing.
  bulkmsg::engine reader = open_to_read(given.store);
  const campaign_status status = need(reader.status(campaign));
  if (status.state == campaign_state::draft) {
    give_up(errc::wrong_state, "campaign " + std::to_string(campaign.value) + " was not started and sent nothing: " +
                                   one_line(status.reason) + "; `bulkmsg discard` removes it");
  }
  if (given.json) {
    print_line(report_json(reader, status, account).str());
  } else {
    print_report(reader, status, account);
  }
  flush_stdout();
  const std::string id = std::to_string(campaign.value);
  if (status.state == campaign_state::paused) {
    say((end.interrupted ? "paused; " : "the campaign is paused; ") + grouped(status.counters.queued()) +
        " messages are left; go on with: bulkmsg resume " + id + " --store " + shell_word(given.store));
  } else if (status.counters.unconfirmed != 0) {
    say(grouped(status.counters.unconfirmed) +
        " messages may or may not have gone and are held back; receipts settle them: bulkmsg resume " + id +
        " --store " + shell_word(given.store) + " --listen ADDRESS --linger SECONDS, or a person: bulkmsg resolve " +
        id + " --store " + shell_word(given.store) + " --as sent|not-sent");
  }
  return exit_code_of(status);
}

// A campaign that has begun and not ended, when there is exactly one.
std::optional<campaign_id> the_unfinished(engine& engine) {
  std::vector<campaign_id> found;
  for (campaign_id after{};;) {
    const auto page = need(engine.list(after, 100));
    if (page.empty()) break;
    for (const campaign_status& c : page) {
      after = c.id;
      const bool begun = c.state == campaign_state::starting || c.state == campaign_state::sending ||
                         c.state == campaign_state::paused;
      if (begun) found.push_back(c.id);
    }
  }
  if (found.empty()) return std::nullopt;
  if (found.size() > 1) {
    give_up(errc::invalid_argument, std::to_string(found.size()) + " campaigns are unfinished (" +
                                        std::to_string(found[0].value) + ", " + std::to_string(found[1].value) +
                                        (found.size() > 2 ? ", ..." : "") + "); say which: bulkmsg resume ID");
  }
  return found.front();
}

// The store is run by another process: ask it to go on, and leave it to that process.
int resume_elsewhere(campaign_id campaign, const options& given) {
  engine guest = open_to_command(given.store);
  need(guest.resume(campaign, std::chrono::seconds(5), who(given)));
  say("campaign " + std::to_string(campaign.value) + " goes on in the process that runs this store");
  if (given.json) print_line(status_json(need(guest.status(campaign))).str());
  flush_stdout();
  return exit_code::ok;
}

// Prints the state after pause or stop.
int report_command(engine& door, campaign_id campaign, const options& given, const char* done) {
  const campaign_status status = need(door.status(campaign));
  if (given.json) {
    print_line(status_json(status).str());
  } else {
    print_line("campaign " + std::to_string(campaign.value) + " is " + done + ": " + grouped(status.counters.sent) +
               " sent, " + grouped(status.counters.queued()) + " left");
  }
  need(door.close(drain));
  flush_stdout();
  return exit_code::ok;
}

}  // namespace

int send(const options& given) {
  // What needs no store comes first, so that a typing error does not even create one.
  std::vector<bulkmsg::sender_settings> senders;
  for (const std::string& file : given.sender_files) {
    senders.push_back(read_sender_file(file));
    if (!given.limits.empty()) senders.back().limits = given.limits;
  }
  const bulkmsg::sender_settings& settings = senders.front();
  const bool saved = given.message_file.starts_with(own_prefix);
  const bool by_name = given.message_file.empty() && is_template_name(given.template_file);
  const std::string words = by_name || saved ? "" : content_text(given);
  expect_recipients(given);
  bulkmsg::credits::rate_table rates;
  if (!given.rates_file.empty()) rates = rates_from(given.rates_file);

  // A dry run must not make another campaign go on by the way.
  engine runner = open_to_run(given.store, given.dry_run ? sending::no : sending::yes, missing_store::create);
  account_report account{given.account, {}};
  if (!given.account.empty()) account.id = need(runner.find_account(given.account));

  bulkmsg::campaign_settings plan;
  plan.name = given.name;
  if (plan.name.empty()) plan.name = std::filesystem::path(recipients_name(given)).stem().string();
  if (saved) {
    plan.content = need(runner.find_message(given.message_file.substr(own_prefix.size()))).id;
  } else if (!given.message_file.empty()) {
    plan.content = need_of(given.message_file, runner.put_message(plan.name, words));
  } else if (!by_name) {
    plan.content = need_of(given.template_file, runner.put_template(words));
  }
  if (!given.rules_file.empty()) plan.content_rules = file_text(given.rules_file, "list of content rules");
  // Asked before it is stored: a token that does not work must not replace one that does.
  for (std::size_t i = 0; i < senders.size(); ++i) {
    const std::string& file = given.sender_files[i];
    if (!given.dry_run) need_of(file, runner.check_sender(senders[i]));
    const auto id = need_of(file, runner.put_sender(senders[i]));
    i == 0 ? static_cast<void>(plan.sender = id) : plan.more_senders.push_back(id);
  }
  if (by_name) plan.content = kept_template(runner, plan.sender, settings.business_account_id, given);
  plan.account = account.id;
  plan.mapping = given.mapping;
  plan.agent = given.agent;
  // Replies go to whoever sends, unless somebody else is named.
  if (plan.agent.empty() && settings.agent.empty() && settings.channel == "whatsapp_cloud") plan.agent = who(given);
  plan.reply_to = given.reply_to;
  plan.weight = given.weight;
  plan.urgent = given.urgent;
  plan.hours = given.hours;
  plan.hours_in = given.hours_in;
  if (!given.rule.empty()) plan.when_unconfirmed = rule_of(given.rule);
  plan.unconfirmed_wait = std::chrono::seconds(given.rule_wait_seconds);
  plan.actor = who(given);
  plan.credits_per_message = need(runner.credits_per_message(plan.content, rates));

  draft campaign(runner, need(runner.create_campaign(plan)));
  const bulkmsg::import_report imported = import_recipients(runner, campaign.id(), given);
  if (interrupt::asked()) give_up(errc::closed, "interrupted before the start; nothing was sent");
  if (imported.added == 0) {
    std::string why = recipients_name(given) + ": none of its " + grouped(imported.rows) + " rows can be sent to";
    if (const auto first = need(runner.rejected(campaign.id(), 0, 1)); !first.empty()) {
      why += " (line " + std::to_string(first.front().line) + ": " + first.front().reason + ")";
    }
    give_up(errc::csv_empty, why + "; correct the rows and try again");
  }
  if (!given.consent_source.empty()) need(runner.state_consent(campaign.id(), given.consent_source));
  if (given.dry_run) {
    const bulkmsg::plan_summary summary = need(runner.dry_run(campaign.id()));
    for (const std::string& warning : summary.warnings) say("bulkmsg: warning: " + one_line(warning));
    std::optional<bulkmsg::credits::estimate> cost;
    if (!given.rates_file.empty()) cost = need(runner.estimate(campaign.id(), rates));
    if (given.json) {
      json_object plan_ = plan_json(summary, imported);
      if (cost) plan_.raw("estimate", estimate_json(*cost).str());
      print_line(plan_.str());
    } else {
      print_plan(summary, imported);
      if (cost) print_estimate(*cost);
    }
    flush_stdout();
    return exit_code::ok;
  }

  if (given.draft) {
    campaign.started();  // it stays
    if (given.json) {
      print_line(status_json(need(runner.status(campaign.id()))).str());
    } else {
      const std::string id = std::to_string(campaign.id().value);
      print_line("campaign " + id + " is a draft of " + grouped(imported.added) +
                 " recipients; look at it (bulkmsg status " + id +
                 "), send a test of it (test-send), then start it (start) or schedule it (schedule)");
    }
    need(runner.close(drain));
    flush_stdout();
    return exit_code::ok;
  }

  start_listening(runner, given.listen);
  const bulkmsg::plan_summary summary = need(runner.start(campaign.id(), {.actor = who(given)}));
  for (const std::string& warning : summary.warnings) say("bulkmsg: warning: " + one_line(warning));
  campaign.started();
  const std::string id = std::to_string(campaign.id().value);
  if (!given.quiet) {
    say("campaign " + id + ": " + grouped(summary.messages) + " messages, " + grouped(summary.credits) +
        " credits, at least " + duration_text(summary.duration) + "; " + grouped(imported.rejected) +
        " rows rejected, " + grouped(imported.duplicates) + " duplicates, " + grouped(summary.suppressed) +
        " suppressed, " + grouped(summary.without_consent) + " without consent (bulkmsg rejected " + id + " --store " +
        shell_word(given.store) + ")");
    mention_others(runner, campaign.id());
  }
  return finish(runner, campaign.id(), account, given);
}

int resume(const options& given) {
  campaign_id campaign{given.campaign};
  {
    // Looked up before the store is run, because running it is what makes campaigns go on.
    engine reader = open_to_read(given.store);
    if (!campaign) {
      const auto only = the_unfinished(reader);
      if (!only) {
        say("nothing to resume: every campaign is finished");
        return exit_code::ok;
      }
      campaign = *only;
    }
    if (need(reader.status(campaign)).state == campaign_state::draft) {
      give_up(errc::wrong_state,
              "campaign " + std::to_string(campaign.value) +
                  " was never started and sent nothing; `bulkmsg start` starts it, `bulkmsg discard` removes it");
    }
  }
  std::optional<engine> runner;
  try {
    runner.emplace(open_to_run(given.store, sending::yes, missing_store::refuse));
  } catch (const failure& refused) {
    if (refused.why.code != errc::store_in_use) throw;
    return resume_elsewhere(campaign, given);
  }
  const auto found = runner->recovered();
  if (found.window > 0) {
    say("recovered: " + std::to_string(found.unconfirmed) + " of the " + std::to_string(found.window) +
        " messages that were about to leave when the store was last used are unconfirmed");
  }
  start_listening(*runner, given.listen);
  if (need(runner->status(campaign)).state == campaign_state::paused)
    need(runner->resume(campaign, std::chrono::seconds(5), who(given)));
  if (!given.quiet) mention_others(*runner, campaign);
  return finish(*runner, campaign, {}, given);
}

int retry(const options& given) {
  engine runner = open_to_run(given.store, sending::yes, missing_store::refuse);
  const auto made = make_child(runner, given);
  const std::string id = std::to_string(made.child.value);
  draft campaign(runner, made.child);  // what cannot be started is the parent's again
  start_listening(runner, given.listen);
  need(runner.start(made.child));
  campaign.started();
  if (!given.quiet) {
    say("campaign " + id + " sends " + grouped(made.messages) + " messages of campaign " +
        std::to_string(given.campaign) + " again" +
        (made.not_yet > 0 ? "; " + grouped(made.not_yet) + " may pass later" : std::string()) +
        (made.hopeless > 0 ? "; " + grouped(made.hopeless) + " would fail again (--all takes them, too)"
                           : std::string()));
    mention_others(runner, made.child);
  }
  return finish(runner, made.child, {}, given);
}

int pause(const options& given) {
  engine door = open_to_command(given.store);
  const campaign_id campaign{given.campaign};
  need(door.pause(campaign, given.reason.empty() ? "paused at the command line" : given.reason, std::chrono::seconds(5),
                  who(given)));
  return report_command(door, campaign, given, "paused");
}

int stop(const options& given) {
  engine door = open_to_command(given.store);
  const campaign_id campaign{given.campaign};
  need(door.stop(campaign, given.reason.empty() ? "stopped at the command line" : given.reason, std::chrono::seconds(5),
                 who(given)));
  return report_command(door, campaign, given, "stopped");
}

int discard(const options& given) {
  engine door = open_to_run(given.store, sending::no, missing_store::refuse);
  need(door.discard({given.campaign}, who(given)));
  need(door.close(drain));
  return exit_code::ok;
}

int start(const options& given) {
  const campaign_id campaign{given.campaign};
  engine runner = open_to_run(given.store, sending::yes, missing_store::refuse);
  start_listening(runner, given.listen);
  const bulkmsg::plan_summary summary = need(runner.start(
      campaign, {.idempotency_key = given.start_key, .expected_hash = given.expected_hash, .actor = who(given)}));
  for (const std::string& warning : summary.warnings) say("bulkmsg: warning: " + one_line(warning));
  if (!given.quiet) {
    say("campaign " + std::to_string(campaign.value) + ": " + grouped(summary.messages) + " messages, " +
        grouped(summary.credits) + " credits, at least " + duration_text(summary.duration));
    mention_others(runner, campaign);
  }
  return finish(runner, campaign, {}, given);
}

int test_send(const options& given) {
  std::vector<std::string> to;
  for (std::size_t from = 0; from <= given.to.size();) {
    const std::size_t end = std::min(given.to.find(',', from), given.to.size());
    to.push_back(given.to.substr(from, end - from));
    from = end + 1;
  }
  engine runner = open_to_run(given.store, sending::yes, missing_store::refuse);
  start_listening(runner, given.listen);
  const campaign_id test = need(runner.test_send({given.campaign}, to, given.row - 1, who(given)));
  return finish(runner, test, {}, given);
}

int run_store(const options& given) {
  engine runner = open_to_run(given.store, sending::yes, missing_store::refuse);
  start_listening(runner, given.listen);
  if (!given.quiet)
    say("running " + given.store + ": what is unfinished goes on, what is scheduled starts; Ctrl-C ends it");
  while (!interrupt::asked()) interrupt::sleep_for(std::chrono::seconds(1));
  need(runner.close(drain));
  return exit_code::ok;
}

}  // namespace cli
