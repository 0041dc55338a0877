// The program `bulkmsg`: reads the command line, runs one command, answers with an exit code.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>

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

// Of the commands that send, and of the whole.
constexpr const char* footer = R"(Exit codes:
  0  done; of commands that send: every message is accounted for (none queued, none unconfirmed)
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

constexpr const char* state_help =
    "Only these, separated by commas: queued, retry, attempting, sent, failed, unconfirmed, skipped, undelivered, "
    "delivered, read. Who got nothing: failed,undelivered,unconfirmed,skipped, and the rows of `bulkmsg rejected`";

using command = int (*)(const options&);

class command_line {
 public:
  command_line() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", version_text);
    add_running();
    add_campaigns();
    add_looking();
    add_contacts();
    add_consent();
    add_messages();
    add_own_messages();
    add_webhooks();
    add_credits();
    add_templates();
    add_media();
    app_.footer(footer);
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& wanted) {  // --help, --version
      return app_.exit(wanted);
    } catch (const CLI::ParseError& e) {
      const auto [chosen, path] = chosen_command();
      std::string why = e.what();
      if (const auto words = chosen->remaining(); chosen->get_require_subcommand_min() > 0 && !words.empty()) {
        why = "no command is named \"" + one_line(path + words.front()) + "\"";
      }
      give_up(bulkmsg::errc::invalid_argument, why + "; see `bulkmsg " + path + "--help`");
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
    sub->footer(footer);
  }

  void add_mapping(CLI::App* sub) {
    sub->add_option_function<std::vector<std::string>>(
           "--map",
           [this](const std::vector<std::string>& maps) {
             for (const std::string& map : maps) {
               const std::size_t equals = map.find('=');
               if (equals == std::string::npos || equals == 0 || equals + 1 == map.size()) {
                 throw CLI::ValidationError("--map", "must be SLOT=SOURCE, not " + map);
               }
               given_.mapping.emplace_back(map.substr(0, equals), map.substr(equals + 1));
             }
           },
           "Fill a slot from this source instead of its usual column; may be repeated. A source is COLUMN, "
           "COLUMN|FALLBACK, |FALLBACK or \"CONSTANT\"; slots are body.1, body.NAME, header.1, header.media, button.0 "
           "and "
           "so on, a wrong one is answered by the list")
        ->type_name("SLOT=SOURCE")
        ->expected(1)
        ->take_all();
  }

  // What is said, and where its values come from.
  void add_content(CLI::App* sub, const char* template_help, const char* template_type) {
    CLI::Option_group* content = sub->add_option_group("content", "What is said; one of these");
    content->require_option(1);
    content->add_option("--template", given_.template_file, template_help)->type_name(template_type);
    content
        ->add_option("--message", given_.message_file,
                     "An own message (JSON in the provider's shape, {{variables}} in its texts) instead of a template; "
                     "send also takes own:NAME, a saved one")
        ->type_name("FILE");
    add_mapping(sub);
  }

  void add_own_messages() {
    CLI::App* own = app_.add_subcommand("own", "Own messages that are saved to be used again");
    own->require_subcommand(1);
    CLI::App* save = add(*own, "save", "Save one under a name; campaigns that use an earlier one keep it", own_save);
    save->add_option("name", given_.name, "Its name")->required();
    save->add_option("file", given_.file, "JSON in the provider's shape")->required()->type_name("FILE");
    add_json(add(*own, "list", "Their names", own_list), "Print a JSON array, with the messages");
    add(*own, "show", "One of them, its JSON", own_show)->add_option("name", given_.name, "Which")->required();
  }

  void add_messages() {
    CLI::App* preview_ = app_.add_subcommand("preview", "What a row of a CSV file will see; sends and stores nothing");
    add_content(preview_, "One entry of the provider's message_templates (JSON)", "FILE");
    preview_->add_option("--csv", given_.csv_file, "The file")->required()->type_name("FILE");
    preview_->add_option("--row", given_.row, "Which row, counted from 1 below the header")
        ->default_val(1)
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    add_json(preview_, "Print the card as JSON");
    preview_->callback([this] { chosen_ = preview; });
  }

  void add_running() {
    CLI::App* send_ =
        add(app_, "send", "Send a template or an own message to everyone in a list, and stay until it is done", send);
    send_
        ->add_option("--sender", given_.sender_files,
                     "Sender file (JSON): channel, origin, phone_number_id, names of secrets, limits. Given several "
                     "times, the recipients are dealt out among these senders, each person always to the same one")
        ->required()
        ->allow_extra_args(false)
        ->type_name("FILE");
    add_content(
        send_,
        "A file with one entry of the provider's message_templates (JSON), or the name of one of the provider's "
        "templates, which are fetched when they are older than an hour",
        "FILE|NAME[:LANG]");
    CLI::Option_group* from = send_->add_option_group("recipients", "Where the recipients are; one of these");
    from->require_option(1);
    from->add_option(
            "--csv", given_.csv_file,
            "CSV with a header row: a column phone_number (or group_id, user_id, chat_id, or address for any), "
            "the rest are parameters; -: standard input")
        ->type_name("FILE");
    from->add_option("--json-rows", given_.json_file,
                     "JSON, an object a line or one array of objects, with keys like the columns of a CSV; -: standard "
                     "input")
        ->type_name("FILE");
    from->add_option("--contacts", given_.selection,
                     "The stored contacts of this segment or group, or all; without test, sandbox, suppressed and, for "
                     "marketing, "
                     "consent-less ones")
        ->type_name("NAME");
    from->add_option("--list", given_.list, "Addresses separated by commas")->type_name("LIST");
    send_->add_option("--delimiter", given_.delimiter, "Of the CSV: , ; | or tab (default: found)");
    send_->add_option("--region", given_.region, "Where numbers without a country code are from, such as DE")
        ->type_name("COUNTRY");
    send_
        ->add_option("--consent", given_.consent_source,
                     "The recipients agreed to marketing, and this is where and how; it is recorded. MARKETING "
                     "templates are sent only to people whose consent is known")
        ->type_name("SOURCE");
    send_->get_option("--consent")->excludes(from->get_option("--contacts"));
    send_->add_option("--name", given_.name, "The campaign's name (default: the CSV file's)");
    send_->add_option("--account", given_.account, "Pay with this credit account (default: metered only)");
    add_rates(send_);
    send_
        ->add_option("--rules", given_.rules_file,
                     "Words and links that `warn` or `block`, one a line: `block bit.ly`, `warn free money`")
        ->type_name("FILE");
    send_->add_option("--limits", given_.limits,
                      "Instead of the sender file's limits, such as \"80/s; 2000 recipients/24h; in-flight=64\", or a "
                      "preset: whatsapp_standard, whatsapp_upgraded, coexistence, conservative, ceiling, telegram");
    send_
        ->add_option("--weight", given_.weight,
                     "Its share of the sender against other campaigns': 1 to 100 (default: 1)")
        ->type_name("N");
    send_->add_flag("--urgent", given_.urgent, "Goes before all campaigns that are not urgent: codes, alerts");
    send_
        ->add_option("--hours", given_.hours,
                     "Only then: \"mon-fri 09:00-20:00; sat 10:00-14:00\" (default: at any time)")
        ->type_name("HOURS");
    send_
        ->add_option("--hours-in", given_.hours_in,
                     "Whose clock the hours are read from: `recipient` (each number's country), `column:NAME`, or a "
                     "time zone such as Europe/Berlin (default: the sender's time zone)")
        ->type_name("WHERE");
    send_
        ->add_option("--agent", given_.agent, "Sent from this person, on channels that show it (default: the sender's)")
        ->type_name("ID");
    send_->add_option("--reply-to", given_.reply_to, "Who gets the replies, on such channels (default: the sender's)")
        ->type_name("ID");
    send_
        ->add_option("--unconfirmed", given_.rule,
                     "What becomes of messages that may have gone and of which no receipt comes: hold (default), "
                     "resend (once a receipt of a later message shows that webhooks arrive) or give_up (failed)")
        ->check(CLI::IsMember({"hold", "resend", "give_up"}))
        ->type_name("RULE");
    send_->add_option("--unconfirmed-wait", given_.rule_wait_seconds, "How long that rule waits before it acts")
        ->check(CLI::Range(1, 30 * 24 * 3600))
        ->type_name("SECONDS")
        ->capture_default_str();
    send_->add_flag("--dry-run", given_.dry_run,
                    "Everything but the network: validate, price, hash; then leave no campaign");
    send_
        ->add_flag("--draft", given_.draft,
                   "Leave it as a draft, to be tested, scheduled or started later; nothing is sent")
        ->excludes(send_->get_option("--dry-run"));
    add_actor(send_);
    add_receiving(send_);

    CLI::App* resume_ = add(
        app_, "resume", "Go on with a campaign after a pause, a crash or a reboot, and stay until it is done", resume);
    add_campaign(resume_, "Which campaign (default: the only unfinished one)");
    add_actor(resume_);
    add_receiving(resume_);

    CLI::App* retry_ =
        add(app_, "retry",
            "Send some messages of a campaign again, as a campaign of its own, and stay until it is done; "
            "nobody is taken twice, however often it is called",
            retry);
    add_campaign(retry_, "Which campaign")->required();
    CLI::Option_group* which = retry_->add_option_group("which", "Which of its messages; one of these");
    which->require_option(1);
    which->add_flag("--failed", given_.failed, "Those that failed, or were not delivered, where that may pass");
    which->add_flag("--unconfirmed", given_.unconfirmed, "Those that may have gone: some people may get it twice");
    retry_->add_flag("--all", given_.all,
                     "Of the failed also those that would fail again unless the cause is put right");
    retry_->add_option("--name", given_.name, "The new campaign's name (default: by that of the old one)");
    add_actor(retry_);
    add_receiving(retry_);

    CLI::App* resolve_ =
        add(app_, "resolve",
            "A person's word on messages that may have gone; also from another process, and of finished "
            "campaigns",
            resolve);
    add_campaign(resolve_, "Which campaign")->required();
    resolve_
        ->add_option("--as", given_.as, "sent: they went and are paid for; not-sent: they failed, their credit returns")
        ->required()
        ->check(CLI::IsMember({"sent", "not-sent"}));
    resolve_->add_option("--message", given_.message, "Only this one, as `bulkmsg messages` prints it")
        ->type_name("LANE/NUMBER");
    add_actor(resolve_);
    resolve_->add_option("--reason", given_.reason, "Why; kept");
    add_json(resolve_);

    const auto command_of = [this](const char* verb, const char* what, command then) {
      CLI::App* sub = add(app_, verb, what, then);
      add_campaign(sub, "Which campaign")->required();
      sub->add_option("--reason", given_.reason, "A sentence, kept with the campaign");
      add_actor(sub);
      add_json(sub);
    };
    command_of("pause", "Stop sending for now; also from another process. When it returns, no new request leaves",
               pause);
    command_of("stop", "Stop for good: what is queued is never sent. Also from another process", stop);
    add_campaign(add(app_, "discard", "Remove a draft that was never started", discard), "Which campaign")->required();
  }

  void add_actor(CLI::App* sub) {
    sub->add_option("--actor", given_.actor, "Who does it, for the history (default: the user of this machine)");
  }

  // From the draft on, and what is done to a store as a whole.
  void add_campaigns() {
    CLI::App* start_ = add(app_, "start", "Start a draft (see send --draft), and stay until it is done", start);
    add_campaign(start_, "Which campaign")->required();
    start_->add_option("--hash", given_.expected_hash, "Only if its plan still has this hash, as a dry run told it");
    start_->add_option("--key", given_.start_key, "Starting again with the same key starts nothing again");
    add_actor(start_);
    add_receiving(start_);

    CLI::App* test =
        add(app_, "test-send",
            "Send what one row of a draft would see to other addresses, outside the campaign's counters", test_send);
    add_campaign(test, "Which campaign")->required();
    test->add_option("--to", given_.to, "Addresses separated by commas")->required()->type_name("LIST");
    test->add_option("--row", given_.row, "Whose data, counted from 1 in the order of the import")
        ->default_val(1)
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    add_actor(test);
    add_receiving(test);

    CLI::App* schedule_ = add(
        app_, "schedule", "Start a draft later, while a process runs the store; also from another process", schedule);
    add_campaign(schedule_, "Which campaign")->required();
    schedule_->add_option("--at", given_.at, "When: \"2026-12-01 09:00 Europe/Berlin\", or with Z or +01:00")
        ->required()
        ->type_name("TIME");
    schedule_
        ->add_option("--max-lateness", given_.max_lateness_minutes,
                     "When nothing ran the store at that time: how much later it may still start, in minutes")
        ->default_val(60)
        ->check(CLI::Range(0, 30 * 24 * 60))
        ->type_name("MINUTES");
    add_actor(schedule_);
    add_json(schedule_);
    CLI::App* cancel_ = add(app_, "cancel", "Cancel a schedule: the campaign is a draft again", cancel);
    add_campaign(cancel_, "Which campaign")->required();
    add_actor(cancel_);

    CLI::App* run_ = add(
        app_, "run", "Run the store until Ctrl-C: go on with what is unfinished, start what is scheduled", run_store);
    run_->add_option("--listen", given_.listen, "Also receive the provider's webhooks here (port 0: any)")
        ->type_name("127.0.0.1:PORT");
    run_->add_flag("--quiet", given_.quiet, "Say nothing on stderr");

    CLI::App* history_ = add(app_, "history", "Who did what, when and why", history);
    add_campaign(history_, "Of this campaign (default: of the whole store)");
    add_json(history_, "Print one JSON object a line");

    CLI::App* backup_ = add(app_, "backup", "Make a safe copy of the store, also while it is being used", backup);
    backup_->add_option("--to", given_.to, "A new file")->required()->type_name("FILE");
    add_actor(backup_);
    add_actor(
        add(app_, "adopt",
            "Make a copied store file a store of its own, when the original sends no more; its campaigns are paused",
            adopt));
    add(app_, "metrics", "Counters and gauges in Prometheus' text format", metrics);

    CLI::App* forget_ =
        add(app_, "forget", "Remove a person's data everywhere; suppressions stay, under a hash", forget);
    forget_->add_option("address", given_.address, "Who")->required()->type_name("ADDRESS");
    forget_->add_option("--reason", given_.reason, "A sentence, kept in the history");
    add_actor(forget_);
    CLI::App* retention_ =
        add(app_, "retention", "How long finished campaigns keep addresses, parameters and texts", retention);
    retention_->add_option("--days", given_.days, "From 2 days; 0: for ever (default: only tell)")
        ->default_val(-1)
        ->type_name("DAYS");
    add_actor(retention_);
  }

  void add_looking() {
    CLI::App* list_ = add(app_, "list", "All campaigns of the store", list);
    list_->add_option("--state", given_.state, "Only these: draft, scheduled, sending, paused, completed, ...");
    list_->add_option("--agent", given_.agent, "Only this agent's")->type_name("ID");
    list_->add_option("--name", given_.name, "Only those whose name holds this");
    list_->add_flag("--tests", given_.tests, "Also test sends");
    add_json(list_, "Print a JSON array");

    CLI::App* log_ =
        add(app_, "log", "The message log: every recipient with every time and the provider's error", messages);
    add_campaign(log_, "Which campaign")->required();
    log_->add_option("--state", given_.state, state_help);
    log_->add_option("--code", given_.code, "Only with this error code")->type_name("CODE");
    log_->add_option("--address", given_.address, "Only to this address, as stored")->type_name("ADDRESS");
    add_rows(log_);

    CLI::App* status_ =
        add(app_, "status", "One campaign's counters, reasons and credits; also while it is being sent", status);
    add_campaign(status_, "Which campaign (default: the newest)");
    add_json(status_);

    CLI::App* messages_ = add(app_, "messages", "Every message of a campaign", messages);
    add_campaign(messages_, "Which campaign")->required();
    messages_->add_option("--state", given_.state, state_help);
    add_rows(messages_);

    CLI::App* rejected_ = add(app_, "rejected", "The rows that were left out, and why", rejected);
    add_campaign(rejected_, "Which campaign")->required();
    CLI::Option* csv =
        rejected_->add_flag("--csv", given_.csv, "Print the rows whole, as a CSV to correct and send to");
    rejected_->add_flag("--json", given_.json, "Print one JSON object a line")->excludes(csv);

    CLI::App* fill_in = app_.add_subcommand("template-csv", "The CSV to fill in for a template, with an example row");
    fill_in->add_option("--template", given_.template_file, "One entry of the provider's message_templates (JSON)")
        ->required()
        ->type_name("FILE");
    add_mapping(fill_in);
    fill_in->callback([this] { chosen_ = template_csv; });
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

    CLI::App* replies_ = add(app_, "replies", "What people wrote back, and to which campaign", replies);
    add_campaign(replies_, "Only to this campaign");
    add_rows(replies_);
    CLI::App* events_ =
        add(app_, "events", "What a host was told and has not acknowledged: replies, opt-outs, the provider's notices",
            events);
    events_->add_option("--ack", given_.event, "Done with: all up to and including this one; then nothing is listed")
        ->check(CLI::PositiveNumber)
        ->type_name("ID");
    add_json(events_);
  }

  void add_contacts() {
    CLI::App* contacts = app_.add_subcommand("contacts", "Stored persons: attributes, labels, test and sandbox flags");
    contacts->require_subcommand(1);
    CLI::App* import_ = add(*contacts, "import", "Add or update contacts from a CSV file", contacts_import);
    import_
        ->add_option("file", given_.csv_file,
                     "A phone_number column; labels (by ;), test, sandbox; the rest are attributes")
        ->required()
        ->type_name("FILE");
    import_->add_option("--label", given_.contacts.labels, "Gives every one this label; may be repeated")
        ->expected(1)
        ->take_all();
    import_->add_option("--group", given_.contacts.group, "Puts every one into this static group");
    import_
        ->add_option("--consent", given_.contacts.consent_source, "They agreed to marketing, and this is where and how")
        ->type_name("SOURCE");
    import_->add_flag("--test", given_.contacts.test, "They are test contacts");
    import_->add_flag("--sandbox", given_.contacts.sandbox, "They are the provider's sandbox contacts");
    add_json(import_);

    CLI::App* list_ = add(*contacts, "list", "Contacts, or those of a segment or group", contacts_list);
    list_->add_option("selection", given_.selection, "A segment or group (default: all)")->type_name("NAME");
    add_rows(list_);
    CLI::App* count_ = add(*contacts, "count", "How many contacts, or how many of a segment or group", contacts_count);
    count_->add_option("selection", given_.selection, "A segment or group (default: all)")->type_name("NAME");
    add_json(count_);

    CLI::App* attribute_ = add(*contacts, "attribute", "Declare an attribute of contacts", contacts_attribute);
    attribute_->add_option("name", given_.name, "As in the files' header row")->required()->type_name("NAME");
    attribute_->add_option("type", given_.type, "What its values are")
        ->required()
        ->check(CLI::IsMember({"text", "number", "date", "boolean"}));
    attribute_->add_flag("--indexed", given_.indexed, "Conditions on it are then fast among millions");
    add_json(add(*contacts, "attributes", "The declared attributes", contacts_attributes));

    CLI::App* segments = app_.add_subcommand("segments", "Stored conditions that pick contacts, and static groups");
    segments->require_subcommand(1);
    const auto segment_command = [this, segments](const char* verb, const char* what, command then) {
      CLI::App* sub = add(*segments, verb, what, then);
      sub->add_option("name", given_.selection, "Its name")->required()->type_name("NAME");
      return sub;
    };
    segment_command("put", "Store conditions under a name", segments_put)
        ->add_option("file", given_.file,
                     R"(JSON, such as {"all": [{"attribute": "city", "is": "Lisbon"}, {"label": "vip"}]})")
        ->required()
        ->type_name("FILE");
    segment_command("add", "Add contacts to a static group", segments_add)
        ->add_option("addresses", given_.addresses, "Who")
        ->required()
        ->type_name("ADDRESS...");
    add_json(add(*segments, "list", "All segments and groups", segments_list));
    add_json(segment_command("count", "How many contacts it picks now", contacts_count));
    segment_command("remove", "Forget a segment or group", segments_remove);
  }

  void add_consent() {
    const auto addressed = [this](const char* verb, const char* what, command then) {
      CLI::App* sub = add(app_, verb, what, then);
      sub->add_option("addresses", given_.addresses, "Phone numbers, or user:ID, group:ID, chat:ID")
          ->required()
          ->type_name("ADDRESS...");
      return sub;
    };
    const auto add_scope = [this](CLI::App* sub, const char* otherwise) {
      sub->add_option("--scope", given_.scope, std::string("marketing or all (default: ") + otherwise + ")")
          ->check(CLI::IsMember({"marketing", "all"}));
    };
    CLI::App* suppress_ =
        addressed("suppress", "Never write to them again, from now on; also while a campaign is being sent", suppress);
    suppress_->get_option("addresses")->required(false);
    suppress_->add_option("--file", given_.file, "Those of a file, one a line")->type_name("FILE");
    add_scope(suppress_, "all");
    suppress_->add_option("--note", given_.reason, "Who said so, and why");
    addressed("unsuppress", "Take that back; what the platform says of them stays", unsuppress)
        ->add_option("--note", given_.reason, "Who said so, and why");
    CLI::App* suppressions_ = add(app_, "suppressions", "Who is not to be written to, by which source", suppressions);
    suppressions_->add_option("address", given_.addresses, "Only this person")->expected(0, 1)->type_name("ADDRESS");
    add_json(suppressions_, "Print one JSON object a line");

    CLI::App* consent_ = add(app_, "consent", "Record a person's own word", consent);
    consent_->add_option("state", given_.state, "granted or withdrawn")
        ->required()
        ->check(CLI::IsMember({"granted", "withdrawn"}));
    consent_->add_option("addresses", given_.addresses, "Who")->required()->type_name("ADDRESS...");
    consent_->add_option("--source", given_.consent_source, "Where and how")->required()->type_name("SOURCE");
    add_scope(consent_, "marketing");
    add_json(add(app_, "consent-log", "Every change of suppressions and consent", consent_log),
             "Print one JSON object a line");
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

    CLI::App* estimate_ =
        add(*credits, "estimate", "What a campaign costs, by destination, before or after its start", credits_estimate);
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

  void add_sender(CLI::App* sub) {
    sub->add_option("--sender", given_.sender_file, "Sender file (JSON), kept like that of `bulkmsg send`")
        ->required()
        ->type_name("FILE");
  }

  void add_templates() {
    CLI::App* templates = app_.add_subcommand("templates", "The provider's message templates");
    templates->require_subcommand(1);
    CLI::App* fetch = add(*templates, "fetch",
                          "Ask the provider for all of them, and keep them; campaigns that send one which is changed, "
                          "gone or not approved any more are paused",
                          templates_fetch);
    add_sender(fetch);
    add_json(fetch);
    CLI::App* list_ = add(*templates, "list", "Those that are kept, whatever their state", templates_list);
    list_->add_option("--status", given_.state, "Only these: APPROVED, PENDING, REJECTED, PAUSED, ...");
    list_->add_flag("--gone", given_.gone, "Also those that the provider does not list any more");
    add_json(list_, "Print a JSON array");
    CLI::App* show = add(*templates, "show", "One of them, with its JSON", templates_show);
    show->add_option("template", given_.template_file, "Which")->required()->type_name("NAME[:LANG]");
    add_json(show);
  }

  void add_media() {
    CLI::App* media = app_.add_subcommand("media", "Pictures, films, sound and documents at the provider");
    media->require_subcommand(1);
    CLI::App* put = add(*media, "put",
                        "Upload a file for the sender's number and print its id, which is good for 30 days; a file "
                        "that is there already is not uploaded again",
                        media_put);
    put->add_option("file", given_.media_file, "Which")->required()->type_name("FILE");
    add_sender(put);
    put->add_option("--kind", given_.media_kind,
                    "What it is to be sent as: image, video, audio, document, sticker (default: by its bytes)");
    put->add_option("--mime", given_.mime, "For a document of a type that is not known by its bytes");
    put->add_flag("--quiet", given_.quiet, "Print only the id");
    add_json(put);
    add_json(add(*media, "list", "What is kept there, and since when", media_list), "Print a JSON array");
  }

  // And its "send ", "credits plan ", or nothing: for the advice after a mistake.
  [[nodiscard]] std::pair<const CLI::App*, std::string> chosen_command() const {
    const CLI::App* at = &app_;
    std::string path;
    while (!at->get_subcommands().empty()) {
      at = at->get_subcommands().front();
      path += at->get_name() + " ";
    }
    return {at, path};
  }

  CLI::App app_{"bulkmsg: bulk messages, each person once, every message accounted for", "bulkmsg"};
  options given_;
  command chosen_ = nullptr;
};

// What to do, by the kind of error, for messages that only say what happened.
const char* advice(bulkmsg::errc code) {
  if (code == bulkmsg::errc::not_found) return "`bulkmsg list` shows the campaigns";
  if (code == bulkmsg::errc::wrong_state) return "`bulkmsg history` tells how it came there";
  if (code == bulkmsg::errc::secret_missing) return "then try again";
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
