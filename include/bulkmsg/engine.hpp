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
//   while (!is_final(engine.status(*campaign)->state)) engine.poll(...);
//
// Thread: every function may be called from any thread, unless it says otherwise; a moved-from engine only destroyed.
// Errors: `result<T>`; the message says what, where and what to do. After close() every call answers errc::closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/base/result.hpp"
#include "bulkmsg/campaign/counters.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/campaign/steps.hpp"
#include "bulkmsg/campaign/unconfirmed.hpp"
#include "bulkmsg/content/preview.hpp"
#include "bulkmsg/credits/ledger.hpp"
#include "bulkmsg/credits/plan.hpp"
#include "bulkmsg/credits/rate_table.hpp"
#include "bulkmsg/recipients/consent.hpp"
#include "bulkmsg/recipients/contact.hpp"

namespace boost::asio {
class io_context;
}

namespace bulkmsg {

// How a store file is opened.
enum class open_mode : std::uint8_t {
  run,   // sends; one process at a time (errc::store_in_use while another runs); creates the file when missing
  read,  // looks only; always possible
  post,  // any process beside the runner: ingests webhooks and posts commands, taken up by the runner within 100 ms
};

// How the engine is opened. For `host_loop` a host includes Asio itself; nothing of it is included here.
struct engine_options {
  open_mode mode = open_mode::run;
  bool send = true;                 // mode run: false opens and recovers but sends nothing (inspection, tests)
  bool create = true;               // mode run: make the file when it is missing
  std::size_t progress_max = 8192;  // messages in the progress ring, 0..1,000,000; older ones collapse into a resync
  int io_threads = 1;               // 1..64: senders are spread over them, each stays on one
  // The host's own loop, on which all sending runs instead of a thread of ours (then io_threads is 1). Exactly one
  // thread runs it, from before open() until close() has returned; the engine leaves it as it was. Every call of the
  // engine may block until the loop has gone on, so it is refused on the loop's own thread: wrong_state.
  boost::asio::io_context* host_loop = nullptr;
};

// A sending identity. Secrets are given by name, "env:NAME" or "file:PATH"; only the name is stored, never the value.
struct sender_settings {
  std::string name = {};                   // unique in the store
  std::string channel = "whatsapp_cloud";  // "whatsapp_cloud", "telegram", or "chat": see channel_description
  std::string channel_description = {};    // "chat": JSON as in channels/chat.hpp, or the path of a file with it
  std::string origin = {};                 // empty: the channel's own; "http://" only for loopback
  std::string api_version = "v23.0";       // WhatsApp
  std::string phone_number_id = {};        // WhatsApp
  std::string business_account_id = {};    // WABA id; may be empty
  bool marketing_endpoint = false;         // WhatsApp: templates of category MARKETING go to /marketing_messages
  bool server_faults_refuse = true;        // WhatsApp: errors 1, 131000 and 131016 prove that a message was not taken,
                                           // which no source settles; false: such a message is unconfirmed
  std::string token = {};                  // name of the access token's secret
  std::string app_secret = {};             // name of the webhook signing secret; may be empty. While it is rotated:
                                           // several names, separated by blanks
  std::string verify_token = {};           // name of the webhook handshake secret; may be empty
  std::string agent = {};                  // the primary agent, whom campaigns are sent from
  std::string reply_to = {};               // agent or group who gets the replies; empty: the agent
  // As in pacing/limit.hpp: "80/s; 2000 recipients/24h; inbound=20%", or names of pacing/presets.hpp in place of a
  // limit: "whatsapp_standard; in-flight=64". WhatsApp: the word "provider" stands for what the provider's webhooks say
  // of the number and its account, as in pacing/provider_limits.hpp; what else is written is never raised. Empty: the
  // channel's own ("provider; in-flight=64").
  std::string limits = {};
  std::string time_zone = {};  // IANA, "Europe/Berlin": where its days begin and its hours are meant; empty: UTC
  // Senders that name the same one share their `recipients` limits: each of these holds for all of them together.
  std::string portfolio = {};
  int connections_max = 64;  // 1..1024
  std::chrono::milliseconds response_timeout{30'000};
  std::string tls_ca_file = {};    // PEM; empty: the system's store
  std::string opt_out_words = {};  // as in inbound/opt_out_words.hpp; empty: the usual ones in many languages
};

// The sender file of the command-line tool and the C ABI: a JSON object with the field names above
// (`response_timeout_ms` for the timeout; `channel_description` may be an object). Errors: json_malformed,
// unknown_option, bad_option_value.
[[nodiscard]] result<sender_settings> parse_sender_json(std::string_view json);

// The CSV to fill in for one entry of the provider's message_templates, or for an own message: the header row that it
// needs, and an example row. mapping: as in campaign_settings. Errors: template_*, message_malformed.
[[nodiscard]] result<std::string> template_csv(std::string_view json,
                                               const std::vector<std::pair<std::string, std::string>>& mapping = {});

// What the provider says of a sender's number or account; `status` is "not described" when its channel's description
// does not say how to ask.
struct sender_health {
  std::string display_phone_number = {}, verified_name = {}, status = {}, quality = {}, throughput = {},
              messaging_limit = {};
};

// One of the provider's templates as last fetched, whatever its state.
struct template_info {
  template_id id = {};      // its words: what a campaign is made of
  std::int64_t number = 0;  // the place to page on from
  std::string business_account_id = {}, provider_id = {}, name = {}, language = {};
  std::string status = {};  // the provider's word; only APPROVED ones can be sent
  std::string category = {}, quality = {}, parameter_format = {};
  std::string rejected_reason = {};  // the provider's, may be empty
  std::string json = {};             // as put_template() takes it; says APPROVED whatever `status` is
  bool gone = false;                 // no longer listed by the provider
  std::int64_t fetched_at_ms = 0;    // Unix
};

struct template_filter {
  std::string business_account_id = {}, name = {}, language = {}, status = {};  // empty: any
  bool gone = false;                                                            // also those that are gone
  std::int64_t after = 0;                                                       // paging: those with a larger `number`
  std::size_t limit = 100;                                                      // 1..10,000
};

// An own message as put_message() keeps it.
struct saved_message {
  template_id id = {};
  std::string name = {};
  std::string json = {};
};

// What a fetch found, against what was known.
struct template_report {
  std::int64_t added = 0;
  std::int64_t changed = 0;  // words, status, category or quality; or it was gone
  std::int64_t unchanged = 0;
  std::int64_t gone = 0;           // newly so
  std::int64_t paused = 0;         // campaigns that were sending what is now changed, gone or not approved
  std::int64_t fetched_at_ms = 0;  // Unix
  bool asked = true;               // false: what was known is young enough, the provider was not asked
};

struct media_options {
  std::string kind = {};  // image, video, audio, document or sticker; empty: whatever the bytes usually are
  std::string mime = {};  // only for a document of a type that is not known by its bytes
  std::string name = {};  // of bytes that come from no file: for messages, its extension for office files
};

// A file that the provider keeps for a sender's number.
struct media_info {
  std::int64_t number = 0;  // the place to page on from
  std::string phone_number_id = {};
  std::string provider_id = {};  // what a message refers to; a new one after each upload
  std::string sha256 = {}, mime = {};
  std::int64_t bytes = 0;
  std::string path = {};            // where it is read again before it expires; empty: it was given as bytes
  std::int64_t uploaded_at_ms = 0;  // Unix; the provider keeps it for 30 days
  bool uploaded = false;            // by this call, not before
};

// A draft may begin with a name alone: what is still missing before it can start, missing() says.
struct campaign_settings {
  std::string name = {};
  sender_id sender = {};
  // Further senders, up to 63, of the same channel and each another number: when it is frozen every recipient gets one
  // of them, the same as in other campaigns that name it (src/engine/sender_choice.hpp). Each keeps its own limits.
  std::vector<sender_id> more_senders = {};
  template_id content = {};
  account_id account = {};               // none: metered only
  std::int64_t credits_per_message = 1;  // 1..1000
  // Slot (content/slots.hpp) -> where its value comes from, written as in content/mapping.hpp: `first_name|friend`.
  std::vector<std::pair<std::string, std::string>> mapping = {};
  std::string agent = {};     // "sent from"; empty: the sender's. WhatsApp campaigns do not start without one
  std::string reply_to = {};  // agent or group who gets the replies; empty: the sender's
  // Whether recipients need a known or stated consent; unset: those of MARKETING templates do.
  std::optional<bool> require_consent = {};
  std::string content_rules = {};  // words and links to warn of or to block, see content/content_check.hpp
  std::string actor = {};          // who makes or edits it, for the history
  std::int64_t weight = 1;         // 1..100: its share of a sender, against other campaigns' weights
  bool urgent = false;             // goes before all that are not: one-time codes, alerts
  // When messages may leave, as in pacing/weekly_hours.hpp: "mon-fri 09:00-20:00"; empty: always.
  std::string hours = {};
  // Whose clock the hours are read from: empty: the sender's time zone; "recipient": the country of each number, all of
  // its zones at once, the sender's where it has none; an IANA zone; or "column:NAME", a column with one per recipient,
  // which counts as "recipient" where it is empty.
  std::string hours_in = {};
  // What becomes of messages that may have gone, see campaign/unconfirmed.hpp; the wait: a second to 30 days.
  unconfirmed_rule when_unconfirmed = unconfirmed_rule::hold;
  std::chrono::milliseconds unconfirmed_wait = std::chrono::hours(1);
};

// A person's word on messages that may have gone.
struct resolution {
  bool sent = false;        // they went: charged; false: they did not: failed, the credit returned
  message_id message = {};  // lane 0: all unconfirmed ones of the campaign
  std::string actor = {};   // who says so, and why; both are kept, up to 1,000 bytes
  std::string reason = {};
};

struct retry_options {
  retry_kind what = retry_kind::failed;
  bool all = false;        // failed: also those that would fail again as they are, for who has put right the cause
  std::string name = {};   // of the child; empty: the parent's, with what it is
  std::string actor = {};  // for the history
};

// What a child campaign took over.
struct retry_report {
  campaign_id child = {};     // a draft
  std::int64_t messages = 0;  // recipients of the child
  std::int64_t not_yet = 0;   // left: they may pass later, the first of them at `next_at_ms` (Unix)
  std::int64_t next_at_ms = 0;
  std::int64_t hopeless = 0;  // left: they would fail again
};

struct reason_count {
  std::int32_t code = 0;  // provider code (failed, undelivered) or errc (skipped)
  std::string reason = {};
  std::int64_t count = 0;
};

// How recipients are read; every default suits most lists.
struct import_options {
  char delimiter = 0;                     // CSV: `,` `;` `|` or a tab; 0: the one that the header row holds most of
  std::string default_region = {};        // ISO 3166, "DE": where numbers without a country code are from; empty: none
  std::vector<std::string> columns = {};  // JSON: the keys to take, others are left out; empty: the first object's
};

// How an import went. A bad row never stops the good ones.
struct import_report {
  std::int64_t rows = 0;  // all data rows
  std::int64_t added = 0;
  std::int64_t duplicates = 0;
  std::int64_t rejected = 0;                 // without the duplicates
  std::vector<reason_count> by_reason = {};  // rejected and duplicates, the most frequent first
};

// Rows one after another in one run of bytes; the first row names the columns. Cell i is [offsets[i], offsets[i + 1]).
struct cell_table {
  std::string_view bytes = {};
  std::span<const std::uint64_t> offsets = {};  // rows * cells_per_row + 1, ascending, the last within `bytes`
  std::size_t cells_per_row = 0;                // 1..256
};

struct rejected_row {
  std::int64_t number = 0;  // of the campaign's rejected rows, from 1: the place to page on from
  std::int64_t line = 0;    // 1-based line of the input
  std::int64_t column = 0;  // 1-based, 0: the whole row
  std::string column_name = {};
  errc code = errc::ok;
  std::string reason = {};
  std::string address = {};  // as written
};

// The frozen plan, or what it would be.
struct plan_summary {
  std::string hash = {};  // content hash over every request body; hex SHA-256
  std::int64_t messages = 0;
  std::int64_t suppressed = 0;             // recipients left out, reported with the rejected rows from the start on
  std::int64_t without_consent = 0;        // likewise
  std::int64_t window_closed = 0;          // likewise: no template, and they have not written for 24 hours
  std::int64_t credits = 0;                // price in credits
  std::int64_t credits_available = 0;      // -1 without an account
  std::chrono::milliseconds duration{0};   // under the sender's limits and within the hours, at best
  std::string preview = {};                // the first message as plain text
  std::vector<std::string> warnings = {};  // what the content rules warn of, a sentence each
  // With several senders: the name of each, and how many messages go over it.
  std::vector<std::pair<std::string, std::int64_t>> by_sender = {};
};

struct start_options {
  std::string idempotency_key = {};  // starting twice with the same key runs once; empty: none
  std::string expected_hash = {};    // refuse (errc::conflict) when the plan's hash differs; empty: any
  std::string actor = {};            // who starts it, for the history
};

struct schedule_options {
  std::string at = {};  // as parse_time() reads it: "2026-12-01 09:00 Europe/Berlin"
  // Fired later than this, because no process ran the store, it fails instead; up to 30 days.
  std::chrono::milliseconds max_lateness = std::chrono::hours(1);
  std::string actor = {};  // who schedules it, for the history
};

// A time as people write it, in Unix ms: date and time, then a zone: a name ("Europe/Berlin"), "Z" or an offset
// ("+01:00"); T or a blank between date and time, seconds if wanted. A time that comes twice when clocks go back is the
// first. Errors: bad_option_value (malformed, no zone, an unknown one, skipped when clocks go forward).
[[nodiscard]] result<std::int64_t> parse_time(std::string_view text);

// Who did what, when and why.
struct history_row {
  std::int64_t id = 0;  // ascending: the place to page on from
  std::int64_t at_ms = 0;
  campaign_id campaign = {};  // none: of the store as a whole (discard, adopt, backup, forget, retention)
  std::string action = {};
  std::string reason = {};
  std::string actor = {};  // "engine": by itself; empty: the call did not say
};

struct history_filter {
  campaign_id campaign = {};  // none: everything
  std::int64_t after = 0;
  std::size_t limit = 1000;
};

struct campaign_status {
  campaign_id id = {};
  std::string name = {};
  campaign_state state = campaign_state::draft;
  std::string reason = {};  // why paused, failed or stopped; a sentence
  bulkmsg::counters counters = {};
  std::int64_t credits_reserved = 0, credits_spent = 0;
  std::int64_t settled_by_receipt = 0;    // messages whose fate a receipt decided
  std::string sender = {}, content = {};  // several senders: their names, separated by ", "
  std::string agent = {}, reply_to = {};
  std::string plan_hash = {};
  campaign_id test_of = {};                                               // of a test send: the campaign that it shows
  std::int64_t created_at_ms = 0, started_at_ms = 0, finished_at_ms = 0;  // Unix, 0: not yet
  std::int64_t scheduled_at_ms = 0;                                       // 0: never was
  std::string scheduled_as = {};                                          // as it was written
  std::chrono::milliseconds max_lateness{0};
  unconfirmed_rule when_unconfirmed = unconfirmed_rule::hold;
  std::chrono::milliseconds unconfirmed_wait = {};
  campaign_id parent = {};                 // whose messages this one sends again
  std::vector<campaign_id> children = {};  // which send some of this one's messages again; at most 100
  double rate = 0;                         // messages a second now, over the last ten seconds; of status() only

  // At this rate; -1: not known, because nothing goes out now.
  [[nodiscard]] std::chrono::milliseconds time_left() const {
    if (counters.queued() == 0 || is_final(state)) return std::chrono::milliseconds(0);
    return std::chrono::milliseconds(
        rate > 0 ? static_cast<std::int64_t>(static_cast<double>(counters.queued()) * 1000.0 / rate) : -1);
  }
};

struct campaign_filter {
  std::optional<campaign_state> state = {};
  std::string agent = {};  // exactly; empty: any
  std::string name = {};   // a part of it, in any case of ASCII letters; empty: any
  std::int64_t created_from_ms = 0;
  bool tests = false;      // test sends, too
  campaign_id after = {};  // keyset paging
  std::size_t limit = 100;
};

struct message_row {
  message_id id = {};
  std::string address = {};
  message_state state = message_state::queued;
  receipt_rank receipt = receipt_rank::none;
  std::int32_t attempt = 0;
  std::string provider_id = {};
  std::int32_t code = 0;  // provider's code of a refusal or failed receipt, or errc when unconfirmed
  std::string detail = {};
  std::int64_t at_ms = 0, sent_at_ms = 0, delivered_at_ms = 0, read_at_ms = 0, failed_at_ms = 0;
  std::int64_t line = 0;           // 1-based line of the input
  std::int64_t next_at_ms = 0;     // when a retry is due
  campaign_id superseded_by = {};  // the child campaign that sends it again
  std::string sender = {};         // the name of the one that it goes over
};

// What one participant of a WhatsApp group did with a message to the group.
struct participant_row {
  std::string participant = {};  // the provider's id
  receipt_rank receipt = receipt_rank::none;
  std::int32_t code = 0;  // of a failed receipt
  std::int64_t sent_at_ms = 0, delivered_at_ms = 0, read_at_ms = 0, failed_at_ms = 0;
};

struct message_filter {
  std::optional<message_state> state = {};
  bool undelivered = false;  // only accepted messages that a receipt failed
  std::optional<receipt_rank> receipt = {};
  std::int32_t code = 0;     // only with this code; 0: any
  std::string address = {};  // only to this one, in its canonical form
  message_id after = {};     // keyset paging: rows after this one
  std::size_t limit = 1000;  // 1..10,000
};

enum class event_kind : std::uint8_t {
  campaign_changed = 1,  // durable: `state` is the new campaign_state
  reply = 2,             // durable; text and context in the payload
  message = 3,           // progress: `state` is the message_state, `receipt` the rank
  resync = 4,            // progress was dropped: read the rows of `campaign`
  opt_out = 5,           // durable; a person stopped (or resumed) messages: `state` is 1, or 0 for resumed
  notice = 6,            // durable; the provider said something of a template, a number or the account: in the payload
};

// Durable events have an id and come at least once until acknowledged; progress has none.
struct event {
  event_id id = {};
  event_kind kind = event_kind::message;
  std::uint8_t state = 0;
  std::uint8_t receipt = 0;
  std::int32_t code = 0;
  campaign_id campaign = {};
  message_id message = {};
  std::int64_t at_ms = 0;
};

// What a person wrote to us, and which message of ours it answers.
struct reply_row {
  std::int64_t number = 0;       // ascending: the place to page on from
  std::string provider_id = {};  // of theirs
  std::int64_t at_ms = 0;        // Unix: when it was written
  std::string address = {};      // of whom wrote: +digits or user:ID
  std::string user_id = {}, profile = {};
  std::string group_id = {};      // where it was written, when it was in a group
  std::string kind = {};          // the provider's word: text, button, interactive, image ...
  std::string text = {};          // words, caption, or the title of a button or choice
  std::string payload = {};       // of a button; the id of a choice
  std::string answers = {};       // provider id of the message it quotes
  campaign_id campaign = {};      // none: it answers nothing of ours that is known
  message_id message = {};        // with a campaign only
  std::int64_t conversation = 0;  // with this person over this number of ours; 0: written in a group
  bool resumed = false;           // they had written to this number before
  bool opt_out = false;           // it is one of the sender's opt-out words or buttons
};

struct reply_filter {
  campaign_id campaign = {};  // none: any
  std::string address = {};   // one person's, by any of their names; empty: any
  std::int64_t after = 0;     // paging: those with a larger `number`
  std::size_t limit = 100;    // 1..10,000
};

// What opening found after a crash (or a close that ran out of time).
struct recovery {
  std::int64_t unconfirmed = 0;  // messages that may have gone and have no outcome: now unconfirmed
  std::int64_t window = 0;       // messages inside ranges that were open, with or without an outcome
};

// What adopting a copy did.
struct adoption {
  std::uint64_t old_id = 0, new_id = 0;  // of the store
  std::int64_t paused = 0;               // campaigns
  std::int64_t last_entry_ms = 0;        // Unix: the last that the copy knows
};

struct forget_report {
  std::int64_t recipients = 0;  // rows of campaigns
  std::int64_t rejected = 0;    // rejected rows
  std::int64_t replies = 0;
  bool contact = false;
};

struct account_status {
  account_id id = {};
  std::string name = {};
  credits::plan plan = {};
  credits::balances balances = {};
  std::int64_t uncollected = 0;   // proved sent after their credits were given back, with nothing left to charge
  std::int64_t renews_at_ms = 0;  // Unix: when the next period begins
};

// Credits added (or taken away, when negative) by hand.
struct credit_adjustment {
  std::int64_t credits = 0;
  std::string reason = {};  // both are kept with the entry; up to 1,000 bytes
  std::string actor = {};
  std::string id = {};  // makes it idempotent; empty: none
};

// One entry of an account's ledger.
struct ledger_row {
  std::int64_t id = 0;  // ascending: the place to page on from
  std::int64_t at_ms = 0;
  credits::entry entry = {};
  campaign_id campaign = {};                            // of the entry's reservation
  std::string client_id = {}, reason = {}, actor = {};  // where the call had one
};

// Contacts, segments, consent and suppression. Addresses are given as people write them: a phone number, or user:ID,
// group:ID, chat:ID.

struct suppression {
  consent_scope scope = consent_scope::all;
  suppression_source source = suppression_source::own_list;
  std::string note = {};  // for people: who said so, and why
};

struct suppression_row {
  std::int64_t person = 0;
  std::string address = {};  // as it was told
  suppression why = {};
  std::int64_t at_ms = 0;
};

struct suppression_filter {
  std::string address = {};                                             // only this person's; empty: all
  std::pair<std::int64_t, suppression_source> after = {INT64_MIN, {}};  // keyset paging: person and source
  std::size_t limit = 1000;
};

struct consent {
  consent_state state = consent_state::granted;
  consent_scope scope = consent_scope::marketing;
  std::string source = {};  // where and how, such as "web form, 2026-03"
};

// One change of suppressions, consent or identities. Never removed.
struct consent_log_row {
  std::int64_t id = 0;
  std::int64_t at_ms = 0;
  std::string address = {};
  std::string what = {};    // suppress, lift, consent, identity, statement
  std::string source = {};  // who said so
  std::string old = {}, now = {}, note = {};
};

struct contact_row {
  std::int64_t id = 0;
  std::string address = {};
  std::string attributes = {};  // a JSON object
  std::vector<std::string> labels = {};
  bool test = false, sandbox = false;
};

struct contacts_import {
  std::vector<std::string> labels = {};  // given to every contact of the file
  std::string group = {};                // a static group that they join; made when missing
  std::string consent_source = {};       // they have agreed to marketing, says the host; empty: nothing is said
  bool test = false, sandbox = false;    // marks them; to be left out of "everybody"
};

// How an import of contacts went; rows = added + updated + rejected.
struct contacts_report {
  std::int64_t rows = 0, added = 0, updated = 0, rejected = 0;
  std::vector<rejected_row> problems = {};  // the first 1000
};

// How contacts became recipients: who was chosen = added + rejected + what follows.
struct selection_report {
  std::int64_t chosen = 0, added = 0, duplicates = 0, rejected = 0;
  std::int64_t tests = 0, sandbox = 0, suppressed = 0, without_consent = 0;
};

struct segment_row {
  std::string name = {};
  std::string conditions = {};  // JSON; empty: a static group
  std::int64_t contacts = 0;    // of a static group: its members
};

// A preview without a store: of a template's or an own message's JSON, filled with one row of a file. `mapping` as in
// campaign_settings. Errors: those of compiling; the row's own problem (parameter_missing ...) with its column.
[[nodiscard]] result<content::card> preview_content(std::string_view json, std::span<const std::string> columns,
                                                    std::span<const std::string_view> cells,
                                                    std::span<const std::pair<std::string, std::string>> mapping = {});

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
  // Freezes the plan, reserves credits, begins to send. Errors: credits_short (with the shortfall), conflict,
  // wrong_state, content_blocked; the campaign is then still a draft. Blocks: for the freezing.
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
  // What was written to us, oldest first; a reply appears when it is known what it answers.
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
