// The one door for hosts: opens a store, takes recipients, a message and a sender, sends, and accounts for everything.
//
//   auto opened = bulkmsg::engine::open("shop.bulkmsg");
//   bulkmsg::engine& engine = *opened;
//   auto sender = engine.put_sender({.name = "shop", .origin = "https://graph.facebook.com",
//                                    .phone_number_id = "106540352242922", .token = "env:WHATSAPP_TOKEN"});
//   auto words = engine.put_template(template_json);
//   auto campaign = engine.create_campaign({.name = "spring", .sender = *sender, .content = *words});
//   engine.import_csv_file(*campaign, "contacts.csv");
//   engine.start(*campaign);
//   while (engine.status(*campaign)->state < bulkmsg::campaign_state::paused) engine.poll(...);  // it sends meanwhile
//
// What goes in and out of the calls is in records/, by topic. A result needs a name before a range-for goes over its
// value: in `for (auto& m : engine.messages(c).value())` C++20 destroys it before the first round.
// Thread: every function may be called from any thread, unless it says otherwise; a moved-from engine only destroyed.
// Errors: `result<T>`; the message says what, where and what to do. After close() every call answers errc::closed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/base/result.hpp"
#include "bulkmsg/campaign/steps.hpp"
#include "bulkmsg/content/preview.hpp"
#include "bulkmsg/credits/ledger.hpp"
#include "bulkmsg/credits/plan.hpp"
#include "bulkmsg/credits/rate_table.hpp"
#include "bulkmsg/recipients/consent.hpp"
#include "bulkmsg/recipients/contact.hpp"
#include "bulkmsg/records/accounts.hpp"
#include "bulkmsg/records/campaigns.hpp"
#include "bulkmsg/records/contacts.hpp"
#include "bulkmsg/records/content.hpp"
#include "bulkmsg/records/events.hpp"
#include "bulkmsg/records/imports.hpp"
#include "bulkmsg/records/media.hpp"
#include "bulkmsg/records/messages.hpp"
#include "bulkmsg/records/opening.hpp"
#include "bulkmsg/records/people.hpp"
#include "bulkmsg/records/plan.hpp"
#include "bulkmsg/records/reason_count.hpp"
#include "bulkmsg/records/replies.hpp"
#include "bulkmsg/records/senders.hpp"

namespace bulkmsg {

class engine {
 public:
  // Opens or creates the store, recovers what a crash left (open intents become unconfirmed), and in mode `run` goes
  // on sending. Errors: store_in_use, store_newer, store_foreign, store_failed. Blocks: for recovery.
  [[nodiscard]] static result<engine> open(const std::string& path, const engine_options& options = {});

  engine(engine&&) noexcept;
  engine& operator=(engine&&) noexcept;
  ~engine();  // close() without waiting

  // Stops sending, lets what is on the wire settle until the deadline, then leaves the rest unconfirmed for the next
  // opening. Idempotent. Blocks: up to `drain` plus one commit.
  result<void> close(std::chrono::milliseconds drain = std::chrono::seconds(5));

  // Copies and backups (src/engine/copies.cpp). A store file that is a copy, by its inode and birth time, opens for
  // reading only, in every mode: two that send the same would reach people twice. adopt() makes it a store of its own:
  // it gets another id, the campaigns that were under way are paused, and receipts for what was sent before the copy
  // are still taken. A cloned disk or virtual machine cannot be told from the original. Errors: store_in_use, conflict
  // (it is no copy), as open.
  [[nodiscard]] static result<adoption> adopt(const std::string& path, const std::string& actor = {});
  [[nodiscard]] bool is_copy() const noexcept;
  // Writes a whole copy of the store to a new file, while it is being used, in every mode. Errors: conflict (the file
  // exists), store_failed. Blocks: for the copying.
  result<void> backup(const std::string& to, const std::string& actor = {});

  // Personal data (src/engine/privacy.cpp). Forgets a person: their contact, replies, and in every campaign the
  // address, parameters, and texts; what is queued for them is skipped. Suppressions and consent stay, under a keyed
  // hash, so that the person stays barred; counters and the ledger stay as they are. Blocks: for a look at all
  // recipients.
  result<forget_report> forget(std::string_view address, const std::string& actor = {}, const std::string& reason = {});
  // How long campaigns that have ended keep addresses, parameters and texts of their messages; 0: for ever. Longer than
  // a day, so that limits over a day stay true. Applied while the store is run.
  result<void> set_retention(std::chrono::hours keep, const std::string& actor = {});
  result<std::chrono::hours> retention();

  // The engine in Prometheus' text format, version 0.0.4 (src/engine/metrics.cpp; names and meaning are in the text).
  // Reads counters only, no messages.
  result<std::string> metrics();

  [[nodiscard]] recovery recovered() const noexcept;

  // Adds or replaces the sender of that name. Errors: bad_option_value, secret_missing (the named secret is empty),
  // channel_malformed, file_unreadable (the channel description), conflict (it has campaigns over another channel). A
  // sender that is at work goes on with the new settings as soon as what is on the wire is answered.
  result<sender_id> put_sender(const sender_settings& settings);
  // Asks the provider about the number or account: token, status, quality; stores nothing. Errors: token_rejected,
  // connect_failed, tls_failed, provider_refused, provider_unreadable. Blocks: up to the response timeout.
  result<sender_health> check_sender(const sender_settings& settings);
  result<sender_health> check_sender(sender_id sender);

  // Takes one entry of the provider's message_templates. Errors: template_malformed, template_not_approved,
  // template_not_supported. The same JSON gives the same id.
  result<template_id> put_template(std::string_view provider_json);

  // Fetches all templates of the sender's business account, whatever their state, and keeps them; nothing is asked when
  // all are younger than `younger_than` (0: always asks). A campaign's words never change: other words at the provider
  // are another template_id, and campaigns that are sending the old ones, or one that is gone or not approved any more,
  // are paused with the reason. Errors: bad_option_value (the sender has no business_account_id), token_rejected,
  // provider_refused, provider_unreadable, too_large, those of the network; what was known then stays, or part of it is
  // newer. Blocks: for all pages.
  result<template_report> fetch_templates(sender_id sender, std::chrono::milliseconds younger_than = {});
  result<std::vector<template_info>> templates(const template_filter& filter = {});
  // The one of that name. Errors: not_found (none is kept), conflict (several; the message lists the languages or
  // accounts to choose from). business_account_id, language: empty: the only one there is.
  result<template_info> find_template(const std::string& name, const std::string& language = {},
                                      const std::string& business_account_id = {});

  // Uploads a file for the sender's number, unless the provider has the same bytes and had them for less than 25 days.
  // Errors: media_not_supported, too_large (both before anything is sent), file_unreadable, invalid_argument, conflict
  // (the file changed while it was read), token_rejected, provider_refused, provider_unreadable, those of the network.
  // Blocks: for the upload; uploads go one after another.
  result<media_info> put_media(sender_id sender, const std::string& path, const media_options& options = {});
  result<media_info> put_media_bytes(sender_id sender, std::string_view bytes, const media_options& options = {});
  result<std::vector<media_info>> media(std::int64_t after_number = 0, std::size_t limit = 100);  // limit: 1..10,000

  // Own messages and previews (src/engine/content.cpp).
  // Saves an own message, JSON as in content/message_json.hpp, under a name; a later one of the same name does not
  // change campaigns that use this one. Errors: message_malformed, invalid_argument (the name).
  result<template_id> put_message(const std::string& name, std::string_view json);
  result<saved_message> find_message(const std::string& name);  // the newest of that name; not_found
  // The newest of each name, by name; after: the last name of the page before. limit: 1..10,000.
  result<std::vector<saved_message>> saved_messages(const std::string& after = {}, std::size_t limit = 100);
  // What the recipient in this row of the campaign will see, rows counted from 0 in the order of the import. Errors:
  // not_found.
  result<content::card> preview(campaign_id campaign, std::int64_t row = 0);

  // Credits. `id` makes a call idempotent: the same id again does nothing, with other contents it is errc::conflict;
  // empty: no id. Ids are an account's own.
  //
  // Makes the account or changes its plan, and grants the running period's credits once: more seats count at once,
  // fewer from the next period on, a new billing date from the end of the running period. Errors: bad_option_value.
  result<account_id> put_account(const std::string& name, const credits::plan& plan, const std::string& id = {});
  result<account_id> find_account(const std::string& name);
  result<std::vector<account_status>> accounts(account_id after = {}, std::size_t limit = 100);
  // As billed now; with the store open to run that is written, too.
  result<account_status> account(account_id account);
  result<void> top_up(account_id account, std::int64_t credits, const std::string& id);
  // Errors: credits_short (less is available than would be taken), invalid_argument (no reason, no actor).
  result<void> adjust(account_id account, const credit_adjustment& change);
  result<std::vector<ledger_row>> ledger(account_id account, std::int64_t after = 0, std::size_t limit = 1000);
  // Recomputes every balance and reservation from the ledger's entries; errc::store_corrupt names the first that
  // differs.
  result<credits::balances> audit(account_id account);
  // What a table asks for one message of this content, in credits: a host gives it to campaign_settings.
  result<std::int64_t> credits_per_message(template_id content, const credits::rate_table& rates);
  // What the campaign would cost if every recipient that its plan takes were sent to. The credits are those that would
  // be charged; the money is an estimate by the table. Errors: not_found, invalid_argument (sums out of range), of a
  // draft those of compiling its content.
  result<credits::estimate> estimate(campaign_id campaign, const credits::rate_table& rates);

  // Which call is allowed in which state: campaign/life_cycle.hpp; every other is errc::wrong_state.
  result<campaign_id> create_campaign(const campaign_settings& settings);
  // Replaces what a draft was made with; its recipients stay. Errors: not_found, invalid_argument, wrong_state,
  // conflict (its recipients are addresses of another channel).
  result<void> edit(campaign_id campaign, const campaign_settings& settings);
  // What a draft still needs before it can start, in the order of the steps; none: it is complete.
  result<std::vector<missing_step>> missing(campaign_id campaign);
  // Removes a draft and its recipients. Errors: wrong_state.
  result<void> discard(campaign_id campaign, const std::string& actor = {});
  result<std::vector<history_row>> history(const history_filter& filter = {});

  // Recipients come in, and what became of the rows (src/engine/import.cpp, import_report.cpp). Each of these adds to a
  // draft; rows are judged as recipients/judge.hpp says: one column holds the addresses (`phone_number`, `group_id`,
  // `user_id`, `chat_id`, or `address` for any form), all others are parameters. A bad row is left out and kept for
  // rejected(); an input that is unusable as a whole adds nothing. Blocks: for the import. Errors: csv_*,
  // text_not_utf8, json_malformed, column_missing, bad_option_value, conflict (other columns than before), wrong_state.
  //
  // read: fills at most `capacity` bytes and returns how many, 0 at the end.
  using byte_source = std::function<result<std::size_t>(char* to, std::size_t capacity)>;
  // CSV: UTF-8, or UTF-16 with a byte order mark.
  result<import_report> import_csv(campaign_id campaign, const byte_source& read, const import_options& how = {});
  result<import_report> import_csv_file(campaign_id campaign, const std::string& path, const import_options& how = {});
  result<import_report> import_csv_text(campaign_id campaign, std::string_view text, const import_options& how = {});
  // JSON: an object a line (NDJSON), or one array of objects; keys are columns.
  result<import_report> import_json(campaign_id campaign, const byte_source& read, const import_options& how = {});
  result<import_report> import_json_file(campaign_id campaign, const std::string& path, const import_options& how = {});
  result<import_report> import_json_text(campaign_id campaign, std::string_view text, const import_options& how = {});
  // Addresses separated by commas, semicolons, tabs or line breaks; for messages without parameters.
  result<import_report> import_list(campaign_id campaign, std::string_view addresses, const import_options& how = {});
  // Rows from the host's own data, in UTF-8; a row's line in the report is its place, from 1.
  result<import_report> add_recipients(campaign_id campaign, std::span<const std::string> columns,
                                       std::span<const std::vector<std::string>> rows, const import_options& how = {});
  // Errors beside those: invalid_argument (the offsets are not what is said there).
  result<import_report> add_recipients(campaign_id campaign, const cell_table& rows, const import_options& how = {});

  result<std::vector<rejected_row>> rejected(campaign_id campaign, std::int64_t after_number = 0,
                                             std::size_t limit = 1000);
  // The rejected rows as a CSV to correct and import again: `bulkmsg_reason` and `bulkmsg_line`, which an import does
  // not read, then the columns as they came. `to` takes the text in pieces; what it fails with is returned.
  using byte_sink = std::function<result<void>(std::string_view text)>;
  result<void> write_rejected_csv(campaign_id campaign, const byte_sink& to);
  // The CSV to fill in for a template: the header row that it needs, and an example row.
  result<std::string> template_csv(template_id content);
  result<std::string> template_csv(campaign_id campaign);  // with the campaign's mapping

  // The stored contacts. A CSV file has a phone_number column; `labels` (separated by ;), `test` and `sandbox` have
  // their meaning, all others are attributes: of the declared type, else declared as text. A person who is there
  // already is updated: blank cells leave what is stored, labels are added. Errors: as import_csv, attribute_mismatch
  // (the header is no attribute name). Blocks: for the import.
  result<contacts_report> import_contacts_csv(const byte_source& read, const contacts_import& how = {});
  result<contacts_report> import_contacts_csv_file(const std::string& path, const contacts_import& how = {});
  // Declares an attribute, or makes a declared one indexed, which blocks for about a second a million contacts. Errors:
  // attribute_mismatch (it has another type), invalid_argument (its name).
  result<void> declare_attribute(const std::string& name, recipients::attribute_type type, bool indexed = false);
  result<std::vector<recipients::attribute>> attributes();
  // Stores conditions under a name (grammar: recipients/segment.hpp). Errors: segment_malformed (points at the
  // condition), conflict (a static group has this name).
  result<void> put_segment(const std::string& name, std::string_view conditions_json);
  // Adds stored contacts to a static group, made when missing. Errors: not_found (names the first who is no contact).
  result<void> add_to_group(const std::string& name, std::span<const std::string> addresses);
  result<void> remove_segment(const std::string& name);
  result<std::vector<segment_row>> segments();
  // A selection is the name of a segment or group; empty: every contact.
  result<std::int64_t> count_contacts(const std::string& selection = {});
  result<std::vector<contact_row>> contacts(const std::string& selection = {}, std::int64_t after = 0,
                                            std::size_t limit = 1000);
  // Makes recipients of a draft from stored contacts: its columns are the attributes of the names it needs. Test,
  // sandbox, suppressed and, where consent is needed, consent-less contacts are left out and counted; the rows are
  // judged as those of a file. Errors: as import_csv, not_found (no such segment).
  result<selection_report> import_contacts(campaign_id campaign, const std::string& selection = {});

  // This person is not to be written to, from the next message on that is taken up for sending: also in campaigns that
  // are under way. Also in mode `post`. Errors: phone_*, address_malformed.
  result<void> suppress(std::string_view address, const suppression& why = {});
  // A whole list; one that cannot be read leaves it as it was, and is named. Blocks: for a commit a thousand.
  result<void> suppress(std::span<const std::string> addresses, const suppression& why = {});
  // Takes back what these sources said, and no other. Errors: not_found (they said nothing).
  result<void> lift_suppression(std::string_view address, std::span<const suppression_source> sources = own_sources,
                                const std::string& note = {});
  result<std::vector<suppression_row>> suppressions(const suppression_filter& filter = {});
  // Records a person's own word. Withdrawn marketing bars from marketing, withdrawn `all` from everything.
  result<void> put_consent(std::string_view address, const consent& given);
  // The host's word that all recipients the draft holds now have agreed to its content; recorded with the time. A word
  // of a person's own outweighs it. Errors: wrong_state, invalid_argument (no source).
  result<void> state_consent(campaign_id campaign, const std::string& source);
  result<std::vector<consent_log_row>> consent_log(std::int64_t after = 0, std::size_t limit = 1000);

  // Everything but the network: renders every message, prices, hashes. Errors: content_blocked (the content rules).
  result<plan_summary> dry_run(campaign_id campaign);
  // Freezes the plan, reserves credits, begins to send; a sender that cannot send yet is tried again, and the status
  // says why. Errors: credits_short (with the shortfall), conflict, wrong_state, content_blocked; the campaign is then
  // still a draft. Blocks: for the freezing.
  result<plan_summary> start(campaign_id campaign, const start_options& options = {});
  // Starts it later (src/engine/schedule.cpp). All is checked and estimated now, and again when the time comes: then
  // the plan is frozen and credits are reserved, and what fails ends the campaign as failed, with the reason.
  // Recipients may still be added. Survives restarts. Also in mode `post`. Errors: as start, bad_option_value (the
  // time).
  result<plan_summary> schedule(campaign_id campaign, const schedule_options& when,
                                std::chrono::milliseconds wait = std::chrono::seconds(30));
  // A draft again. Also in mode `post`. Errors: wrong_state (it has been fired already).
  result<void> cancel_schedule(campaign_id campaign, const std::string& actor = {},
                               std::chrono::milliseconds wait = std::chrono::seconds(5));
  // Sends what the recipient in this row (from 0) would see to other addresses, as a campaign of its own: its counters,
  // limits, receipts and credits are its own, too. Consent is not asked for; suppressions hold. Errors: not_found (the
  // row), invalid_argument (1..100 addresses), those of an import's rows, as start.
  result<campaign_id> test_send(campaign_id campaign, std::span<const std::string> addresses, std::int64_t row = 0,
                                const std::string& actor = {});
  // When these return, no new request leaves (pause, stop) and the change is durable. In mode `post` they return when
  // the runner has acknowledged, or errc::timed_out after `wait`. `actor`: who does it, for the history.
  result<void> pause(campaign_id campaign, const std::string& reason = {},
                     std::chrono::milliseconds wait = std::chrono::seconds(5), const std::string& actor = {});
  result<void> resume(campaign_id campaign, std::chrono::milliseconds wait = std::chrono::seconds(5),
                      const std::string& actor = {});
  result<void> stop(campaign_id campaign, const std::string& reason = {},
                    std::chrono::milliseconds wait = std::chrono::seconds(5), const std::string& actor = {});

  // Settles unconfirmed messages by a person's word, also of finished campaigns; a receipt that says otherwise still
  // counts. How many: 0 when a receipt or another call was first. In mode `post` as pause(), and 0 always. Errors:
  // not_found, wrong_state (the one message is not unconfirmed), invalid_argument (no actor). Blocks: for the commits.
  result<std::int64_t> resolve(campaign_id campaign, const resolution& how,
                               std::chrono::milliseconds wait = std::chrono::seconds(5));
  // Makes a child campaign of those messages that failed or are unconfirmed, with the same content, settings and rules,
  // and marks them superseded in the same transactions, so that no two calls ever take the same one. The child is a
  // draft: start() sends it, discard() gives the messages back. While there is such a draft, a further call adds to
  // it. Who turns out to have been reached after all is left out up to the last moment. Errors: not_found (nothing is
  // left; the message says where it went), wrong_state (nothing was sent yet), conflict. Blocks: a second a million.
  result<retry_report> retry(campaign_id campaign, const retry_options& how = {});

  result<campaign_status> status(campaign_id campaign);
  result<std::vector<campaign_status>> list(campaign_id after = {}, std::size_t limit = 100);
  result<std::vector<campaign_status>> list(const campaign_filter& filter);
  result<std::vector<message_row>> messages(campaign_id campaign, const message_filter& filter = {});
  // Of a message to a group: its participants. The message itself is delivered with the first of them and read with the
  // first of them; one participant's failure leaves it as it is.
  result<std::vector<participant_row>> participants(message_id message);
  result<std::vector<reason_count>> failed_by_reason(campaign_id campaign);  // failed and undelivered
  result<std::vector<reason_count>> skipped_by_reason(campaign_id campaign);

  // Fills `into` with waiting events, durable ones first; 0 when none came within `timeout` (0: never waits).
  result<std::size_t> poll(std::span<event> into, std::chrono::milliseconds timeout);
  result<std::string> payload(event_id id);  // JSON of a durable event
  // The oldest durable events after this one, without taking them from poll().
  result<std::vector<event>> events(event_id after = {}, std::size_t limit = 100);
  result<void> ack(event_id up_to);  // all durable events up to and including this one are done with
  void wakeup() noexcept;            // ends a poll() that waits
  int event_fd() const noexcept;     // readable while events wait; owned by the engine; only to be polled

  // Takes one webhook: verified, durable when this returns ok. Errors: signature_mismatch, too_large (3 MiB),
  // secret_missing (no sender has an app secret). Blocks: for a commit.
  result<void> ingest(std::string_view body, std::string_view signature);
  // The provider's handshake of a webhook address (GET with hub.mode, hub.verify_token, hub.challenge, decoded): the
  // body to answer 200 with. Errors: signature_mismatch (no sender has this verify_token; answer 403).
  result<std::string> verify(std::string_view mode, std::string_view token, std::string_view challenge);
  // What was written to us, oldest first; a reply appears when it is known what it and all before it answer.
  result<std::vector<reply_row>> replies(const reply_filter& filter = {});
  // Until when free-form messages may be sent to this person (Unix ms): 24 hours from what they last wrote; 0: they
  // never wrote. WhatsApp opens the window for the number that they wrote to: that of `sender`; none: any of ours.
  // Errors: phone_*, address_malformed, not_found.
  result<std::int64_t> window_closes_at(std::string_view address, sender_id sender = {});
  // Answers the provider's webhooks at "127.0.0.1:PORT" (0: any); returns the port.
  result<std::uint16_t> listen(const std::string& address);

 private:
  friend class running_sender;  // src/engine/
  struct impl;
  explicit engine(std::unique_ptr<impl> self);
  std::unique_ptr<impl> self_;
};

}  // namespace bulkmsg
