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
#include "bulkmsg/credits/ledger.hpp"
#include "bulkmsg/credits/plan.hpp"
#include "bulkmsg/credits/rate_table.hpp"

namespace bulkmsg {

// How a store file is opened.
enum class open_mode : std::uint8_t {
  run,   // sends; one process at a time (errc::store_in_use while another runs); creates the file when missing
  read,  // looks only; always possible
  post,  // any process beside the runner: ingests webhooks and posts commands, taken up by the runner within 100 ms
};

struct engine_options {
  open_mode mode = open_mode::run;
  bool send = true;                 // mode run: false opens and recovers but sends nothing (inspection, tests)
  bool create = true;               // mode run: make the file when it is missing
  std::size_t progress_max = 8192;  // messages in the progress ring, 0..1,000,000; older ones collapse into a resync
};

// A sending identity. Secrets are given by name, "env:NAME" or "file:PATH"; only the name is stored, never the value.
struct sender_settings {
  std::string name = {};                              // unique in the store
  std::string origin = "https://graph.facebook.com";  // "http://" only for loopback
  std::string api_version = "v23.0";
  std::string phone_number_id = {};
  std::string business_account_id = {};       // WABA id; may be empty
  std::string token = {};                     // name of the access token's secret
  std::string app_secret = {};                // name of the webhook signing secret; may be empty
  std::string verify_token = {};              // name of the webhook handshake secret; may be empty
  std::string limits = "80/s; in-flight=64";  // see pacing/limit.hpp
  int connections_max = 64;                   // 1..1024
  std::chrono::milliseconds response_timeout{30'000};
  std::string tls_ca_file = {};  // PEM; empty: the system's store
};

// The sender file of the command-line tool and the C ABI: a JSON object with the field names above
// (`response_timeout_ms` for the timeout). Errors: json_malformed, unknown_option, bad_option_value.
[[nodiscard]] result<sender_settings> parse_sender_json(std::string_view json);

// What the provider says of a sender's number.
struct sender_health {
  std::string display_phone_number = {}, verified_name = {}, status = {}, quality = {}, throughput = {},
              messaging_limit = {};
};

struct campaign_settings {
  std::string name = {};
  sender_id sender = {};
  template_id content = {};
  account_id account = {};  // none: metered only
  std::int64_t credits_per_message = 1;  // 1..1000
  std::vector<std::pair<std::string, std::string>> mapping =
      {};  // slot -> column, see content/render.hpp; empty: default
};

// How an import went. A bad row never stops the good ones.
struct import_report {
  std::int64_t rows = 0;  // all data rows
  std::int64_t added = 0;
  std::int64_t duplicates = 0;
  std::int64_t rejected = 0;  // without the duplicates
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
  std::int64_t credits = 0;               // price in credits
  std::int64_t credits_available = 0;     // -1 without an account
  std::chrono::milliseconds duration{0};  // under the sender's limits, at best
  std::string preview = {};               // the first message as plain text
};

struct start_options {
  std::string idempotency_key = {};  // starting twice with the same key runs once; empty: none
  std::string expected_hash = {};    // refuse (errc::conflict) when the plan's hash differs; empty: any
};

struct campaign_status {
  campaign_id id = {};
  std::string name = {};
  campaign_state state = campaign_state::draft;
  std::string reason = {};  // why paused, failed or stopped; a sentence
  bulkmsg::counters counters = {};
  std::int64_t credits_reserved = 0, credits_spent = 0;
  std::int64_t settled_by_receipt = 0;  // messages whose fate a receipt decided
  std::string sender = {}, content = {}, plan_hash = {};
  std::int64_t created_at_ms = 0, started_at_ms = 0, finished_at_ms = 0;  // Unix, 0: not yet
};

struct reason_count {
  std::int32_t code = 0;  // provider code (failed, undelivered) or errc (skipped)
  std::string reason = {};
  std::int64_t count = 0;
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
};

struct message_filter {
  std::optional<message_state> state = {};
  bool undelivered = false;  // only accepted messages that a receipt failed
  message_id after = {};     // keyset paging: rows after this one
  std::size_t limit = 1000;  // 1..10,000
};

enum class event_kind : std::uint8_t {
  campaign_changed = 1,  // durable: `state` is the new campaign_state
  reply = 2,             // durable; text and context in the payload
  message = 3,           // progress: `state` is the message_state, `receipt` the rank
  resync = 4,            // progress was dropped: read the rows of `campaign`
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

// What opening found after a crash (or a close that ran out of time).
struct recovery {
  std::int64_t unconfirmed = 0;  // messages that may have gone and have no outcome: now unconfirmed
  std::int64_t window = 0;       // messages inside ranges that were open, with or without an outcome
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
  campaign_id campaign = {};                        // of the entry's reservation
  std::string client_id = {}, reason = {}, actor = {};  // where the call had one
};

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

  [[nodiscard]] recovery recovered() const noexcept;

  // Adds or replaces the sender of that name. Errors: bad_option_value, secret_missing (the named secret is empty).
  result<sender_id> put_sender(const sender_settings& settings);
  // Asks the provider about the number: token, status, quality; stores nothing. Errors: token_rejected, connect_failed,
  // tls_failed, provider_refused, provider_unreadable. Blocks: up to the response timeout.
  result<sender_health> check_sender(const sender_settings& settings);
  result<sender_health> check_sender(sender_id sender);

  // Takes one entry of the provider's message_templates. Errors: template_malformed, template_not_approved,
  // template_not_supported. The same JSON gives the same id.
  result<template_id> put_template(std::string_view provider_json);

  // Credits. `id` makes a call idempotent: the same id again does nothing, with other contents it is errc::conflict;
  // empty: no id. Ids are an account's own.
  //
  // Makes the account or changes its plan, and grants the running period's credits once: more seats count at once, fewer
  // from the next period on, a new billing date from the end of the running period. Errors: bad_option_value.
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
  // What the campaign would cost if every recipient were sent to. The credits are those that would be charged; the
  // money is an estimate by the table. Errors: not_found, invalid_argument (sums out of range).
  result<credits::estimate> estimate(campaign_id campaign, const credits::rate_table& rates);

  result<campaign_id> create_campaign(const campaign_settings& settings);
  // Removes a draft and its recipients. Errors: wrong_state.
  result<void> discard(campaign_id campaign);

  // Adds recipients to a draft from CSV. `read` fills at most `capacity` bytes and returns how many, 0 at the end.
  // A file that is unusable as a whole adds nothing. Blocks: for the import. Errors: csv_*, text_not_utf8,
  // column_missing, wrong_state.
  using byte_source = std::function<result<std::size_t>(char* to, std::size_t capacity)>;
  result<import_report> import_csv(campaign_id campaign, const byte_source& read);
  result<import_report> import_csv_file(campaign_id campaign, const std::string& path);
  result<import_report> import_csv_text(campaign_id campaign, std::string_view text);
  result<std::vector<rejected_row>> rejected(campaign_id campaign, std::int64_t after_number = 0,
                                             std::size_t limit = 1000);

  // Everything but the network: renders every message, prices, hashes.
  result<plan_summary> dry_run(campaign_id campaign);
  // Freezes the plan, reserves credits, begins to send. Errors: credits_short (with the shortfall), conflict,
  // wrong_state; the campaign is then still a draft. Blocks: for the freezing.
  result<plan_summary> start(campaign_id campaign, const start_options& options = {});
  // When these return, no new request leaves (pause, stop) and the change is durable. In mode `post` they return when
  // the runner has acknowledged, or errc::timed_out after `wait`.
  result<void> pause(campaign_id campaign, const std::string& reason = {},
                     std::chrono::milliseconds wait = std::chrono::seconds(5));
  result<void> resume(campaign_id campaign, std::chrono::milliseconds wait = std::chrono::seconds(5));
  result<void> stop(campaign_id campaign, const std::string& reason = {},
                    std::chrono::milliseconds wait = std::chrono::seconds(5));

  result<campaign_status> status(campaign_id campaign);
  result<std::vector<campaign_status>> list(campaign_id after = {}, std::size_t limit = 100);
  result<std::vector<message_row>> messages(campaign_id campaign, const message_filter& filter = {});
  result<std::vector<reason_count>> failed_by_reason(campaign_id campaign);  // failed and undelivered
  result<std::vector<reason_count>> skipped_by_reason(campaign_id campaign);

  // Fills `into` with waiting events, durable ones first; 0 when none came within `timeout` (0: never waits).
  result<std::size_t> poll(std::span<event> into, std::chrono::milliseconds timeout);
  result<std::string> payload(event_id id);  // JSON of a durable event
  result<void> ack(event_id up_to);          // all durable events up to and including this one are done with
  void wakeup() noexcept;                    // ends a poll() that waits
  int event_fd() const noexcept;             // readable while events wait; owned by the engine; only to be polled

  // Takes one webhook: verified, durable when this returns ok. Errors: signature_mismatch, too_large (3 MiB),
  // secret_missing (no sender has an app secret). Blocks: for a commit.
  result<void> ingest(std::string_view body, std::string_view signature);
  // Answers the provider's webhooks at "127.0.0.1:PORT" (0: any); returns the port.
  result<std::uint16_t> listen(const std::string& address);

 private:
  friend class running_sender;  // src/engine/
  struct impl;
  explicit engine(std::unique_ptr<impl> self);
  std::unique_ptr<impl> self_;
};

}  // namespace bulkmsg
