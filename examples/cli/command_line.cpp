// The program `bulkmsg`: reads the command line, runs one command, answers with an exit code.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "bulkmsg/version.hpp"
#include "commands.hpp"
#include "exit.hpp"
#include "interrupt.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

#define BULKMSG_TEXT_OF(x) #x
#define BULKMSG_TEXT(x) BULKMSG_TEXT_OF(x)
constexpr const char* version_text = "bulkmsg " BULKMSG_TEXT(BULKMSG_VERSION_MAJOR) "." BULKMSG_TEXT(
    BULKMSG_VERSION_MINOR) "." BULKMSG_TEXT(BULKMSG_VERSION_PATCH);

constexpr const char* footer = R"(Exit codes:
  0  done; for send and resume: every message is accounted for (none queued, none unconfirmed)
  1  an error; one line on stderr says what and what to do
  3  finished, but some messages are unconfirmed: they may or may not have gone
  4  paused or stopped before the end

Ctrl-C while sending pauses the campaign and says how to go on; a second one kills the process, which is safe too:
what may have been on its way is then unconfirmed and never sent again by itself.

Secrets are only named, in the sender file, as "env:NAME" or "file:PATH"; their values never appear anywhere.)";

constexpr const char* linger_help =
    "After everything is sent, stay up to this many seconds while receipts come in: until every sent message is read "
    "or "
    "undelivered and none is unconfirmed, or nothing has come for a quarter of that time";

using command = int (*)(const options&);

class command_line {
 public:
  command_line() {
    app_.require_subcommand(1);
    app_.footer(footer);
    app_.set_version_flag("--version", version_text);
    add_running();
    add_looking();
    add_webhooks();
    add_credits();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& wanted) {  // --help, --version
      return app_.exit(wanted);
    } catch (const CLI::ParseError& e) {
      give_up(bulkmsg::errc::invalid_argument, std::string(e.what()) + "; see `bulkmsg " + chosen_path() + "--help`");
    }
    interrupt::install();
    const int code = chosen_(given_);
    flush_stdout();
    return code;
  }

 private:
  CLI::App* add(CLI::App& parent, const char* verb, const char* what, command then) {
    CLI::App* sub = parent.add_subcommand(verb, what);
    sub->add_option("--store", given_.store, "The store: one file that holds everything")
        ->required()
        ->type_name("FILE");
    sub->callback([this, then] { chosen_ = then; });
    return sub;
  }

  void add_json(CLI::App* sub, const char* what = "Print JSON") { sub->add_flag("--json", given_.json, what); }

  CLI::Option* add_campaign(CLI::App* sub, const char* what) {
    return sub->add_option("id", given_.campaign, what)->check(CLI::PositiveNumber)->type_name("ID");
  }

  void add_receiving(CLI::App* sub) {
    sub->add_option("--listen", given_.listen,
                    "Also receive the provider's webhooks here, while this process runs (port 0: any)")
        ->type_name("127.0.0.1:PORT");
    sub->add_option("--linger", given_.linger_seconds, linger_help)
        ->check(CLI::Range(0, 7 * 24 * 3600))
        ->type_name("SECONDS");
    sub->add_flag("--quiet", given_.quiet, "No progress on stderr");
    add_json(sub, "Print the final report as one JSON object on stdout");
  }

  void add_running() {
    CLI::App* send_ = add(app_, "send", "Send a template to everyone in a CSV file, and stay until it is done", send);
    send_
        ->add_option("--sender", given_.sender_file,
                     "Sender file (JSON): origin, phone_number_id, names of secrets, limits")
        ->required()
        ->type_name("FILE");
    send_->add_option("--template", given_.template_file, "One entry of the provider's message_templates (JSON)")
        ->required()
        ->type_name("FILE");
    send_
        ->add_option("--csv", given_.csv_file,
                     "Recipients: a phone_number column, the rest are parameters; -: standard input")
        ->required()
        ->type_name("FILE");
    send_->add_option("--name", given_.name, "The campaign's name (default: the CSV file's)");
    send_->add_option("--account", given_.account, "Pay with this credit account (default: metered only)");
    add_rates(send_);
    send_
        ->add_option(
            "--map", maps_,
            "Fill a slot of the template from this column instead of its usual one; may be repeated. Slots are "
            "body.1, body.NAME, header.1, header.media, button.0 and so on; a wrong one is answered by the list")
        ->type_name("SLOT=COLUMN")
        ->expected(1)
        ->take_all();
    send_->add_option("--limits", given_.limits,
                      "Instead of the sender file's limits, such as \"80/s; 500/batch,10s; in-flight=64\"");
    send_->add_flag("--dry-run", given_.dry_run,
                    "Everything but the network: validate, price, hash; then leave no campaign");
    add_receiving(send_);
    send_->callback([this] {
      for (const std::string& map : maps_) {
        const std::size_t equals = map.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == map.size()) {
          throw CLI::ValidationError("--map", "must be SLOT=COLUMN, not " + map);
        }
        given_.mapping.emplace_back(map.substr(0, equals), map.substr(equals + 1));
      }
      chosen_ = send;
    });

    CLI::App* resume_ = add(
        app_, "resume", "Go on with a campaign after a pause, a crash or a reboot, and stay until it is done", resume);
    add_campaign(resume_, "Which campaign (default: the only unfinished one)");
    add_receiving(resume_);

    const auto command_of = [this](const char* verb, const char* what, command then) {
      CLI::App* sub = add(app_, verb, what, then);
      add_campaign(sub, "Which campaign")->required();
      sub->add_option("--reason", given_.reason, "A sentence, kept with the campaign");
      add_json(sub);
    };
    command_of("pause", "Stop sending for now; also from another process. When it returns, no new request leaves",
               pause);
    command_of("stop", "Stop for good: what is queued is never sent. Also from another process", stop);
    add_campaign(add(app_, "discard", "Remove a draft that was never started", discard), "Which campaign")->required();
  }

  void add_looking() {
    add_json(add(app_, "list", "All campaigns of the store", list), "Print a JSON array");

    CLI::App* status_ =
        add(app_, "status", "One campaign's counters, reasons and credits; also while it is being sent", status);
    add_campaign(status_, "Which campaign (default: the newest)");
    add_json(status_);

    CLI::App* messages_ = add(app_, "messages", "Every message of a campaign", messages);
    add_campaign(messages_, "Which campaign")->required();
    messages_->add_option("--state", given_.state,
                          "Only these: queued, retry, attempting, sent, failed, unconfirmed, skipped, undelivered");
    add_rows(messages_);

    CLI::App* rejected_ = add(app_, "rejected", "The rows of the CSV file that were left out, and why", rejected);
    add_campaign(rejected_, "Which campaign")->required();
    add_rows(rejected_);
  }

  void add_rows(CLI::App* sub) {
    CLI::Option* csv = sub->add_flag("--csv", given_.csv, "Print CSV with a header row");
    sub->add_flag("--json", given_.json, "Print one JSON object a line")->excludes(csv);
  }

  void add_webhooks() {
    CLI::App* receive_ =
        add(app_, "receive", "Receive the provider's webhooks until Ctrl-C, beside whatever sends or alone", receive);
    receive_->add_option("--listen", given_.listen, "Where (port 0: any)")->required()->type_name("127.0.0.1:PORT");

    CLI::App* ingest_ = add(app_, "ingest", "Take one webhook whose body comes on standard input", ingest);
    ingest_->add_option("--signature", given_.signature, "Its X-Hub-Signature-256 header")
        ->required()
        ->type_name("sha256=HEX");
  }

  void add_credits() {
    CLI::App* credits = app_.add_subcommand("credits", "Credit accounts: one credit a message");
    credits->require_subcommand(1);
    const auto account_command = [this, credits](const char* verb, const char* what, command then) {
      CLI::App* sub = add(*credits, verb, what, then);
      sub->add_option("account", given_.account, "The account's name")->required()->type_name("NAME");
      add_json(sub);
      return sub;
    };
    const auto add_id = [this](CLI::App* sub) {
      sub->add_option("--id", given_.call_id, "A name for this call: the same one twice is booked once");
    };
    CLI::App* plan_ = account_command("plan", "Make an account or change its plan, and grant this month's credits once",
                                      credits_plan);
    plan_->add_option("--users", given_.plan.users, "Users, each with monthly credits")->capture_default_str();
    plan_->add_option("--phones", given_.plan.additional_phones, "Phones beside the first, which is free and adds none")
        ->capture_default_str();
    plan_->add_option("--per-user", given_.plan.per_user_credits, "Credits a month for each user and additional phone")
        ->capture_default_str();
    plan_->add_option("--topup-price", given_.plan.topup_price_micros, "Micro-dollars a bought credit")
        ->capture_default_str();
    plan_->add_option("--billing-day", given_.plan.billing_day, "Day of the month, 1-31, on which credits are renewed")
        ->capture_default_str();
    plan_->add_option("--time-zone", given_.plan.time_zone, "Where that day begins (IANA name)")->capture_default_str();
    add_id(plan_);

    CLI::App* top_up_ = account_command("topup", "Add bought credits, which never expire", credits_top_up);
    top_up_->add_option("credits", given_.credits, "How many")->required()->check(CLI::PositiveNumber)->type_name("N");
    add_id(top_up_);

    CLI::App* adjust_ = account_command("adjust", "Add credits by hand, or take some away", credits_adjust);
    adjust_->add_option("--by", given_.credits, "How many; negative: taken away")->required()->type_name("N");
    adjust_->add_option("--reason", given_.reason, "Why; kept with the entry")->required();
    adjust_->add_option("--actor", given_.actor, "Who does it; kept with the entry")->required();
    add_id(adjust_);

    account_command("show", "Plan and balances", credits_show);

    CLI::App* ledger_ = add(*credits, "ledger", "Every entry of an account's ledger, oldest first", credits_ledger);
    ledger_->add_option("account", given_.account, "The account's name")->required()->type_name("NAME");
    add_rows(ledger_);

    CLI::App* audit_ = add(*credits, "audit", "Recompute every balance from the ledger's entries", credits_audit);
    audit_->add_option("account", given_.account, "The account's name (default: all accounts)")->type_name("NAME");
    add_json(audit_);

    CLI::App* estimate_ = add(*credits, "estimate", "What a campaign costs, by destination, before or after its start",
                              credits_estimate);
    add_campaign(estimate_, "Which campaign")->required();
    add_rates(estimate_)->required();
    add_json(estimate_);
  }

  CLI::Option* add_rates(CLI::App* sub) {
    return sub
        ->add_option("--rates", given_.rates_file,
                     "Rate table (JSON): micro-dollars by destination and category, credits by category")
        ->type_name("FILE");
  }

  // "send ", "credits plan ", or nothing: for the advice after a mistake.
  [[nodiscard]] std::string chosen_path() const {
    std::string path;
    for (const CLI::App* at = &app_; !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      path += at->get_name() + " ";
    }
    return path;
  }

  CLI::App app_{"bulkmsg: bulk messages, each person once, every message accounted for", "bulkmsg"};
  options given_;
  std::vector<std::string> maps_;
  command chosen_ = nullptr;
};

// What to do, by the kind of error, for messages that only say what happened.
const char* advice(bulkmsg::errc code) {
  const int range = static_cast<int>(code) / 1000;
  switch (range) {
    case 1:
      return "see `bulkmsg --help`";
    case 2:
      return "correct the input and try again";
    case 3:
      return "wait, or add what is missing, and try again";
    case 4:
      return "check the origin and the network, and try again";
    case 5:
      return "correct what the provider refuses, and try again";
    case 6:
      return "check the store's path, permissions and disk space";
    default:
      return "please report it";
  }
}

int complain(const bulkmsg::error& why) {
  std::string line = one_line(why.message.empty() ? name(why.code) : std::string_view(why.message));
  if (line.find(';') == std::string::npos) line += std::string("; ") + advice(why.code);
  std::fprintf(stderr, "bulkmsg: %s\n", line.c_str());
  return exit_code::error;
}

}  // namespace

}  // namespace cli

int main(int argc, char** argv) {
  try {
    return cli::command_line().run(argc, argv);
  } catch (const cli::failure& failed) {
    return cli::complain(failed.why);
  } catch (const std::bad_alloc&) {
    return cli::complain({bulkmsg::errc::out_of_memory, "out of memory; close other programs or use a larger machine"});
  } catch (const std::exception& bug) {
    return cli::complain({bulkmsg::errc::internal, std::string(bug.what()) + "; please report it"});
  }
}
