/* bulkmsg: an embeddable engine for bulk messaging, behind a C ABI.
 *
 * Open a store (one file), give it a sender, a template and a list of recipients, start the campaign, poll for events.
 * examples/c/send_csv.c does all of it in about a hundred lines.
 *
 * Conventions. They hold for every function; the comments below say only what is special.
 *
 * Handles. Pointers to incomplete structs, made by _create or _open and ended by _destroy. Destroying NULL does
 *   nothing; a _destroy never fails, and any order is legal, also while another thread is inside a call on the same
 *   engine. What lives in the store (senders, templates, accounts, campaigns) has an int64_t id that stays valid across
 *   restarts; 0 is no id. There is nothing to initialize or to clean up globally; several engines may coexist.
 * Strings. Input text is pointer + length in bytes, UTF-8, need not end in NUL; {NULL, 0} is empty, NULL with a length
 *   above 0 is an error. Input is copied before a call returns. Output text is a bulkmsg_text: yours, to be destroyed;
 *   its bytes are borrowed until then. Never free() anything of ours.
 * Errors. A function that can fail returns a bulkmsg_status; 0 is success, the number alone is authoritative. Details
 *   are optional: `err`, always last, may be NULL; on failure *err becomes an object to destroy (or NULL when there is
 *   no memory for one), on success it is left untouched. Ranges: 1xxx change the call, 2xxx fix the input, 3xxx wait or
 *   buy, 4xxx the network (retry later), 5xxx the provider said no, 6xxx the store, 9xxx no memory or a bug. New codes
 *   may appear in a minor release: keep a default branch.
 *   Every function may return E_INVALID_ARGUMENT (an argument is NULL or out of its range; fix the call),
 *   E_OUT_OF_MEMORY (nothing was done; try again) and E_INTERNAL (a bug; report it); every function that takes an
 *   engine also E_CLOSED (closed or destroyed; open it again), E_FORKED and E_STORE_FAILED (SQLite said no: disk full,
 *   I/O error). What a function returns beyond these is listed there.
 * Out-parameters. They are named out_*; one that may be NULL says "optional". After a failure pointers are NULL and
 *   numbers 0, structs are untouched. A struct comes with its size (sizeof): later versions only append fields.
 * Threads. Engines are for any thread. A config, an error or a text is for one thread at a time; a const parameter
 *   means that several may read at once. "Blocks: no" still takes a lock for a moment.
 * Fork. A handle from before fork() answers E_FORKED in the child, and destroying it there does nothing. An engine
 *   opened after the fork works.
 * Guest manners. No signal handlers, no output, no callbacks: your code never runs on our threads.
 * Time. `_ms` is milliseconds; `_unix_ms` since 1970-01-01 UTC.
 */
#ifndef BULKMSG_BULKMSG_H
#define BULKMSG_BULKMSG_H

#include <stddef.h>
#include <stdint.h>

#ifndef BULKMSG_API
#if defined(__GNUC__)
#define BULKMSG_API __attribute__((visibility("default")))
#else
#define BULKMSG_API
#endif
#endif

/* The version of this header, 0xMMmmpp. */
#define BULKMSG_VERSION_NUMBER 0x000100

#ifdef __cplusplus
extern "C" {
#endif

/* ---- constants ----------------------------------------------------------------------------------------------- */

/* Numbers are never reused. bulkmsg_status_name() and bulkmsg_status_message() say what each is. */
typedef int32_t bulkmsg_status;
enum {
  BULKMSG_OK = 0,

  BULKMSG_E_INVALID_ARGUMENT = 1001,
  BULKMSG_E_WRONG_STATE = 1002,
  BULKMSG_E_NOT_FOUND = 1003,
  BULKMSG_E_CONFLICT = 1004,
  BULKMSG_E_CLOSED = 1005,
  BULKMSG_E_FORKED = 1006,
  BULKMSG_E_UNKNOWN_OPTION = 1007,
  BULKMSG_E_BAD_OPTION_VALUE = 1008,
  BULKMSG_E_READ_ONLY = 1009,
  BULKMSG_E_SECRET_MISSING = 1010,

  BULKMSG_E_FILE_UNREADABLE = 2001,
  BULKMSG_E_CSV_EMPTY = 2002,
  BULKMSG_E_CSV_NO_PHONE_COLUMN = 2003,
  BULKMSG_E_CSV_BAD_HEADER = 2004,
  BULKMSG_E_TEXT_NOT_UTF8 = 2005,
  BULKMSG_E_ROW_TOO_LONG = 2006,
  BULKMSG_E_ROW_HAS_EXTRA_CELLS = 2007,
  BULKMSG_E_ROW_HAS_MISSING_CELLS = 2008,
  BULKMSG_E_CSV_UNCLOSED_QUOTE = 2009,
  BULKMSG_E_PHONE_MISSING = 2010,
  BULKMSG_E_PHONE_HAS_LETTERS = 2011,
  BULKMSG_E_PHONE_TOO_SHORT = 2012,
  BULKMSG_E_PHONE_TOO_LONG = 2013,
  BULKMSG_E_PHONE_UNKNOWN_COUNTRY = 2014,
  BULKMSG_E_PHONE_NEEDS_COUNTRY = 2015,
  BULKMSG_E_ADDRESS_MALFORMED = 2016,
  BULKMSG_E_ADDRESS_NOT_FOR_CHANNEL = 2017,
  BULKMSG_E_ROW_MALFORMED = 2018,
  BULKMSG_E_DUPLICATE_RECIPIENT = 2020,
  BULKMSG_E_RECIPIENT_SUPPRESSED = 2021,
  BULKMSG_E_CONSENT_MISSING = 2022,
  BULKMSG_E_RECIPIENT_FOR_TESTS = 2023,
  BULKMSG_E_WINDOW_CLOSED = 2024,
  BULKMSG_E_PARAMETER_MISSING = 2030,
  BULKMSG_E_PARAMETER_NOT_ALLOWED = 2031,
  BULKMSG_E_PARAMETER_TOO_LONG = 2032,
  BULKMSG_E_COLUMN_MISSING = 2033,
  BULKMSG_E_TEMPLATE_MALFORMED = 2040,
  BULKMSG_E_TEMPLATE_NOT_APPROVED = 2041,
  BULKMSG_E_TEMPLATE_NOT_SUPPORTED = 2042,
  BULKMSG_E_MESSAGE_MALFORMED = 2043,
  BULKMSG_E_CONTENT_BLOCKED = 2044,
  BULKMSG_E_JSON_MALFORMED = 2050,
  BULKMSG_E_SEGMENT_MALFORMED = 2051,
  BULKMSG_E_CHANNEL_MALFORMED = 2052,
  BULKMSG_E_ATTRIBUTE_MISMATCH = 2053,
  BULKMSG_E_SIGNATURE_MISMATCH = 2060,
  BULKMSG_E_TOO_LARGE = 2061,
  BULKMSG_E_MEDIA_NOT_SUPPORTED = 2062,

  BULKMSG_E_CREDITS_SHORT = 3001,
  BULKMSG_E_QUEUE_FULL = 3002,
  BULKMSG_E_RATE_LIMITED = 3003,

  BULKMSG_E_CONNECT_FAILED = 4001,
  BULKMSG_E_TLS_FAILED = 4002,
  BULKMSG_E_TIMED_OUT = 4003,
  BULKMSG_E_CONNECTION_LOST = 4004,

  BULKMSG_E_PROVIDER_REFUSED = 5001,
  BULKMSG_E_PROVIDER_UNREADABLE = 5002,
  BULKMSG_E_TOKEN_REJECTED = 5003,

  BULKMSG_E_STORE_FAILED = 6001,
  BULKMSG_E_STORE_NEWER = 6002,
  BULKMSG_E_STORE_IN_USE = 6003,
  BULKMSG_E_STORE_FOREIGN = 6004,
  BULKMSG_E_STORE_CORRUPT = 6005,

  BULKMSG_E_INTERNAL = 9001,
  BULKMSG_E_OUT_OF_MEMORY = 9002
};

/* What a config configures. */
enum {
  BULKMSG_CONFIG_ENGINE = 1,
  BULKMSG_CONFIG_CAMPAIGN = 2,
  BULKMSG_CONFIG_ACCOUNT = 3,
  BULKMSG_CONFIG_START = 4
};

/* A campaign's life: draft -> starting -> sending <-> paused -> completed | stopped | failed. Values from COMPLETED on
 * are final: nothing more is sent, but receipts are still taken. */
enum {
  BULKMSG_CAMPAIGN_DRAFT = 1,
  BULKMSG_CAMPAIGN_SCHEDULED = 2,
  BULKMSG_CAMPAIGN_STARTING = 3,
  BULKMSG_CAMPAIGN_SENDING = 4,
  BULKMSG_CAMPAIGN_PAUSED = 5,
  BULKMSG_CAMPAIGN_COMPLETED = 6,
  BULKMSG_CAMPAIGN_STOPPED = 7,
  BULKMSG_CAMPAIGN_FAILED = 8
};

/* What is known of one message. RETRY and ATTEMPTING count as queued. */
enum {
  BULKMSG_MESSAGE_QUEUED = 0,
  BULKMSG_MESSAGE_RETRY = 1,
  BULKMSG_MESSAGE_ACCEPTED = 2,
  BULKMSG_MESSAGE_REFUSED = 3,
  BULKMSG_MESSAGE_UNCONFIRMED = 4,
  BULKMSG_MESSAGE_SKIPPED = 5,
  BULKMSG_MESSAGE_ATTEMPTING = 6
};

/* A receipt's rank: the highest seen wins, whatever the order. */
enum {
  BULKMSG_RECEIPT_NONE = 0,
  BULKMSG_RECEIPT_SENT = 1,
  BULKMSG_RECEIPT_FAILED = 2,
  BULKMSG_RECEIPT_DELIVERED = 3,
  BULKMSG_RECEIPT_READ = 4
};

/* Kinds of events; new ones may appear, pass over those you do not know. */
enum {
  BULKMSG_EVENT_CAMPAIGN_CHANGED = 1, /* durable; `state` is the new BULKMSG_CAMPAIGN_* */
  BULKMSG_EVENT_REPLY = 2,            /* durable; text and context are in the payload */
  BULKMSG_EVENT_MESSAGE = 3,          /* progress; `state` is a BULKMSG_MESSAGE_*, `receipt` a BULKMSG_RECEIPT_* */
  BULKMSG_EVENT_RESYNC = 4,           /* progress of `campaign` was dropped: read its counters again */
  BULKMSG_EVENT_OPT_OUT = 5,          /* durable; `state` is 1: a person wants no more messages, 0: they resumed */
  BULKMSG_EVENT_NOTICE = 6            /* durable; what the provider says of a template, a number or the account */
};

/* ---- handles and structs ------------------------------------------------------------------------------------- */

typedef struct bulkmsg_engine bulkmsg_engine; /* a store being worked on */
typedef struct bulkmsg_config bulkmsg_config; /* options by name */
typedef struct bulkmsg_error bulkmsg_error;   /* the details of a failure */
typedef struct bulkmsg_text bulkmsg_text;     /* a text handed to the caller */

/* Something that happened. 64 bytes on every platform. Durable events have an id and come at least once until they are
 * acknowledged, across restarts; progress (id 0) may be dropped, which is told by a resync. */
typedef struct bulkmsg_event {
  int64_t id;           /* of a durable event, ascending; 0: progress */
  int64_t campaign;     /* 0: none */
  int64_t message;      /* number of the message in the store; 0 with events that are not about one */
  int64_t at_unix_ms;   /* when it happened */
  int32_t kind;         /* BULKMSG_EVENT_* */
  int32_t state;        /* by kind */
  int32_t receipt;      /* by kind */
  int32_t code;         /* a provider's code or a bulkmsg_status; 0: none */
  uint64_t reserved[2]; /* 0 */
} bulkmsg_event;

/* Counters of a campaign: total = queued + sent + failed + unconfirmed + skipped. */
typedef struct bulkmsg_counters {
  int64_t total;            /* every row of the list, good or bad */
  int64_t queued;           /* not sent yet */
  int64_t sent;             /* accepted by the provider; never falls */
  int64_t failed;           /* refused, never accepted */
  int64_t unconfirmed;      /* may have gone; a receipt or the campaign's rule settles it */
  int64_t skipped;          /* rejected or duplicate rows, suppressed, no consent */
  int64_t delivered;        /* part of sent */
  int64_t read;             /* part of sent */
  int64_t undelivered;      /* part of sent: a receipt said that it failed later */
  int64_t responded;        /* part of sent */
  int64_t credits_reserved; /* held for messages not settled yet; 0 without an account */
  int64_t credits_spent;    /* 0 without an account */
} bulkmsg_counters;

/* How an import went: rows = added + duplicates + rejected. */
typedef struct bulkmsg_import_report {
  int64_t rows;
  int64_t added;
  int64_t duplicates;
  int64_t rejected; /* without the duplicates */
} bulkmsg_import_report;

/* A frozen plan, or what it would be. */
typedef struct bulkmsg_plan {
  int64_t messages;
  int64_t credits;           /* price in credits */
  int64_t credits_available; /* -1 without an account */
  int64_t duration_ms;       /* under the sender's limits, at best */
  char hash[72];             /* over every request body: hex digits, then NULs */
} bulkmsg_plan;

/* An account: granted + bought + adjusted = available (both) + reserved + spent + expired, always. In credits. */
typedef struct bulkmsg_balances {
  int64_t granted;
  int64_t bought;
  int64_t adjusted; /* may be negative */
  int64_t available_monthly;
  int64_t available_topup;
  int64_t reserved;
  int64_t spent;
  int64_t expired;
  int64_t period; /* the running billing period, year * 12 + month; 0 before the first grant */
} bulkmsg_balances;

/* ---- version and status codes -------------------------------------------------------------------------------- */

/* The library's version, 0xMMmmpp.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API uint32_t bulkmsg_version_number(void);

/* The library's version as text, "0.1.0"; a static string.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API const char* bulkmsg_version_text(void);

/* Whether the loaded library fits the header a program was written against. Bindings call it once, before all else.
 * version_number: BULKMSG_VERSION_NUMBER. event_size: sizeof(bulkmsg_event).
 * Returns OK; E_INVALID_ARGUMENT (another major or, while 0.x, another minor version, or another layout: rebuild, or
 *   install the library that belongs to the header).
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_abi_check(uint32_t version_number, size_t event_size);

/* The code's name, "wrong_state"; "unknown" for a number this version does not know. A static string.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API const char* bulkmsg_status_name(bulkmsg_status status);

/* What the code means, in a sentence. A static string.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API const char* bulkmsg_status_message(bulkmsg_status status);

/* ---- error objects ------------------------------------------------------------------------------------------- */

/* The status that the failed function returned; E_OUT_OF_MEMORY for NULL, which is what a failure leaves when there was
 * no memory for the object.
 * Thread: one at a time per object, or several that only read.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_error_code(const bulkmsg_error* error);

/* One line: what, where, what to do; never a secret. Ends in NUL; borrowed until the error is destroyed; "" for NULL.
 * out_len: optional, bytes without the NUL.
 * Thread: one at a time per object, or several that only read.  Blocks: no.  Since: 0.1. */
BULKMSG_API const char* bulkmsg_error_message(const bulkmsg_error* error, size_t* out_len);

/* 1 when the same call may succeed later with nothing changed, else 0.
 * Thread: one at a time per object, or several that only read.  Blocks: no.  Since: 0.1. */
BULKMSG_API int32_t bulkmsg_error_retryable(const bulkmsg_error* error);

/* When to retry, in ms from the failure; 0: not known.
 * Thread: one at a time per object, or several that only read.  Blocks: no.  Since: 0.1. */
BULKMSG_API int64_t bulkmsg_error_retry_after_ms(const bulkmsg_error* error);

/* The provider's own code; 0: none.
 * Thread: one at a time per object, or several that only read.  Blocks: no.  Since: 0.1. */
BULKMSG_API int32_t bulkmsg_error_provider_code(const bulkmsg_error* error);

/* Gives an error back.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API void bulkmsg_error_destroy(bulkmsg_error* error);

/* ---- texts --------------------------------------------------------------------------------------------------- */

/* The bytes, UTF-8, ending in NUL; borrowed until the text is destroyed; "" for NULL.
 * out_len: optional, bytes without the NUL.
 * Thread: one at a time per object, or several that only read.  Blocks: no.  Since: 0.1. */
BULKMSG_API const char* bulkmsg_text_data(const bulkmsg_text* text, size_t* out_len);

/* Gives a text back; its bytes are gone.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API void bulkmsg_text_destroy(bulkmsg_text* text);

/* ---- configs ------------------------------------------------------------------------------------------------- */

/* Makes a config with every option at its default.
 * kind: BULKMSG_CONFIG_*. out_config: to be destroyed.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_config_create(int32_t kind, bulkmsg_config** out_config, bulkmsg_error** err);

/* Sets one option; again replaces it. bulkmsg_config_describe() lists the options of a kind.
 * value: as text: a number in decimal digits, "true" or "false", a word from the option's list, or free text.
 * Returns OK; E_UNKNOWN_OPTION (no such key for this kind); E_BAD_OPTION_VALUE (the message says what is allowed). The
 *   config is unchanged after a failure.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_config_set(bulkmsg_config* config, const char* key, size_t key_len,
                                              const char* value, size_t value_len, bulkmsg_error** err);

/* All options of a kind, as a JSON array of objects: key, type, allowed, default, required, description.
 * out_json: to be destroyed.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_config_describe(int32_t kind, bulkmsg_text** out_json, bulkmsg_error** err);

/* Gives a config back; legal as soon as the call that took it has returned, which copied what it keeps.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API void bulkmsg_config_destroy(bulkmsg_config* config);

/* ---- engine -------------------------------------------------------------------------------------------------- */

/* Opens or creates a store, recovers what a crash left (what may have gone becomes unconfirmed), and in mode "run" goes
 * on sending campaigns that were.
 * config: of kind ENGINE; `path` must be set.
 * out_engine: close it when done, then destroy it.
 * Returns OK; E_BAD_OPTION_VALUE (no path); E_STORE_IN_USE (another process runs it: open in mode "read" or "post");
 *   E_STORE_NEWER (written by a newer bulkmsg: upgrade); E_STORE_FOREIGN (not a bulkmsg store); E_STORE_FAILED;
 *   E_STORE_CORRUPT.
 * Thread: any.  Blocks: for recovery.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_open(const bulkmsg_config* config, bulkmsg_engine** out_engine,
                                               bulkmsg_error** err);

/* Stops sending and lets what is on the wire settle; what is not settled by then is unconfirmed at the next opening.
 * A poll that waits on another thread ends with E_CLOSED, other calls under way are waited for, every later call gets
 * E_CLOSED; closing again is OK.
 * timeout_ms: 0..86,400,000.
 * Thread: any.  Blocks: up to timeout_ms plus one commit, and for calls under way.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_close(bulkmsg_engine* engine, int64_t timeout_ms, bulkmsg_error** err);

/* Gives the handle back; closes first, with timeout 0, where that was not done. Nothing durable is lost. Destroying
 * twice is answered with nothing, a call on a destroyed engine with E_CLOSED, as long as we can tell (the last 64).
 * Thread: any.  Blocks: as bulkmsg_engine_close(), when not closed before.  Since: 0.1. */
BULKMSG_API void bulkmsg_engine_destroy(bulkmsg_engine* engine);

/* Takes waiting events, durable ones first.
 * out_events: room for `capacity` events; on success the first *out_count are filled, the rest is untouched.
 * event_size: sizeof(bulkmsg_event). capacity: above 0; one call brings at most 1,024.
 * timeout_ms: how long to wait while there is none; 0 never waits, -1 until an event or a wakeup. Fewer events than
 *   asked for, or none, may come early: call again.
 * Thread: any.  Blocks: up to timeout_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_poll(bulkmsg_engine* engine, bulkmsg_event* out_events, size_t event_size,
                                               size_t capacity, int64_t timeout_ms, size_t* out_count,
                                               bulkmsg_error** err);

/* Ends a poll that waits on another thread, or the next one; it returns OK.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_wakeup(bulkmsg_engine* engine, bulkmsg_error** err);

/* A file descriptor for poll(), epoll or an event loop: readable exactly while events wait. It stays ours: only ask it
 * whether it is readable.
 * out_fd: valid until the engine is destroyed; -1 after a failure.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_event_fd(bulkmsg_engine* engine, int32_t* out_fd, bulkmsg_error** err);

/* What belongs to a durable event, as a JSON object: a reply's text and broadcast context, the reason of a change.
 * event_id: bulkmsg_event.id, until acknowledged. out_json: to be destroyed.
 * Returns OK; E_NOT_FOUND (no such event, or acknowledged long ago).
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_event_payload(bulkmsg_engine* engine, int64_t event_id,
                                                        bulkmsg_text** out_json, bulkmsg_error** err);

/* Says that all durable events up to and including this id are dealt with; they do not come again.
 * Returns OK; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_ack(bulkmsg_engine* engine, int64_t event_id, bulkmsg_error** err);

/* ---- senders and templates ----------------------------------------------------------------------------------- */

/* Adds a sender, or replaces the one of the same name.
 * json: an object with `name`, `phone_number_id`, `token` and, where the defaults do not fit, `origin`, `api_version`,
 *   `business_account_id`, `app_secret`, `verify_token`, `limits`, `connections_max`, `response_timeout_ms`,
 *   `tls_ca_file`. Secrets (token, app_secret, verify_token) are named, "env:NAME" or "file:PATH", never given.
 * out_sender: its id.
 * Returns OK; E_JSON_MALFORMED; E_UNKNOWN_OPTION; E_BAD_OPTION_VALUE; E_SECRET_MISSING (the named secret has no value:
 *   set the variable or write the file); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_sender_put(bulkmsg_engine* engine, const char* json, size_t json_len,
                                              int64_t* out_sender, bulkmsg_error** err);

/* Asks the provider about the sender's number.
 * out_json: optional, to be destroyed: display_phone_number, verified_name, status, quality, throughput,
 *   messaging_limit.
 * Returns OK; E_NOT_FOUND; E_TOKEN_REJECTED (put a sender with a good token); E_CONNECT_FAILED, E_TLS_FAILED,
 *   E_TIMED_OUT, E_CONNECTION_LOST, E_PROVIDER_UNREADABLE (try later); E_PROVIDER_REFUSED (the provider's code is in
 *   the error).
 * Thread: any.  Blocks: up to the sender's response timeout.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_sender_check(bulkmsg_engine* engine, int64_t sender, bulkmsg_text** out_json,
                                                bulkmsg_error** err);

/* Takes a template as the provider shows it: one entry of `GET /{business-account-id}/message_templates`.
 * out_template: its id; the same JSON gives the same id.
 * Returns OK; E_TEMPLATE_MALFORMED; E_TEMPLATE_NOT_APPROVED (only APPROVED ones are sent); E_TEMPLATE_NOT_SUPPORTED (a
 *   component this version cannot fill); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_template_put(bulkmsg_engine* engine, const char* json, size_t json_len,
                                                int64_t* out_template, bulkmsg_error** err);

/* ---- credits ------------------------------------------------------------------------------------------------- */

/* Adds an account, or gives the one of that name another plan. Grants the running month's credits, once a month.
 * config: of kind ACCOUNT; `name` must be set. out_account: its id.
 * Returns OK; E_BAD_OPTION_VALUE; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_put(bulkmsg_engine* engine, const bulkmsg_config* config,
                                               int64_t* out_account, bulkmsg_error** err);

/* The id of the account of that name.
 * out_account: its id.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_find(bulkmsg_engine* engine, const char* name, size_t name_len,
                                                int64_t* out_account, bulkmsg_error** err);

/* Adds bought credits; they never expire.
 * credits: above 0. key: made by the caller: the same key again adds nothing, so that a call whose answer was lost can
 *   be repeated; empty: none.
 * Returns OK; E_NOT_FOUND; E_CONFLICT (the key was used with another amount or account); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_top_up(bulkmsg_engine* engine, int64_t account, int64_t credits,
                                                  const char* key, size_t key_len, bulkmsg_error** err);

/* What the account has.
 * out_balances: filled. balances_size: sizeof(bulkmsg_balances).
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_balances(bulkmsg_engine* engine, int64_t account,
                                                    bulkmsg_balances* out_balances, size_t balances_size,
                                                    bulkmsg_error** err);

/* Recomputes the account from its ledger's entries and compares.
 * out_balances: optional, as recomputed. balances_size: sizeof(bulkmsg_balances); anything when out_balances is NULL.
 * Returns OK; E_NOT_FOUND; E_STORE_CORRUPT (the message names the first sum that differs).
 * Thread: any.  Blocks: for a read of the whole ledger.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_audit(bulkmsg_engine* engine, int64_t account,
                                                 bulkmsg_balances* out_balances, size_t balances_size,
                                                 bulkmsg_error** err);

/* ---- campaigns ----------------------------------------------------------------------------------------------- */

/* Makes a draft.
 * config: of kind CAMPAIGN; `name`, `sender` and `template` must be set. out_campaign: its id.
 * Returns OK; E_BAD_OPTION_VALUE; E_NOT_FOUND (no such sender, template or account); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_create(bulkmsg_engine* engine, const bulkmsg_config* config,
                                                   int64_t* out_campaign, bulkmsg_error** err);

/* Removes a draft and its recipients.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not a draft); E_READ_ONLY.
 * Thread: any.  Blocks: for the removal.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_discard(bulkmsg_engine* engine, int64_t campaign, bulkmsg_error** err);

/* Adds recipients to a draft from CSV text with a header row; the column `phone_number` is required, the others are the
 * template's parameters. A bad row is left out and kept for bulkmsg_campaign_rejected(); the good ones go on.
 * csv: the whole text, UTF-8. out_report: optional. report_size: sizeof(bulkmsg_import_report).
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not a draft); E_CSV_EMPTY, E_CSV_NO_PHONE_COLUMN, E_CSV_BAD_HEADER,
 *   E_TEXT_NOT_UTF8, E_COLUMN_MISSING (the template needs it) (nothing was added: fix the list); E_READ_ONLY.
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_import_csv(bulkmsg_engine* engine, int64_t campaign, const char* csv,
                                                       size_t csv_len, bulkmsg_import_report* out_report,
                                                       size_t report_size, bulkmsg_error** err);

/* The same from a file, read in pieces: memory does not grow with its size.
 * path: UTF-8. out_report: optional. report_size: sizeof(bulkmsg_import_report).
 * Returns as bulkmsg_campaign_import_csv(); also E_FILE_UNREADABLE.
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_import_csv_file(bulkmsg_engine* engine, int64_t campaign, const char* path,
                                                            size_t path_len, bulkmsg_import_report* out_report,
                                                            size_t report_size, bulkmsg_error** err);

/* The rows that imports left out, as CSV with the header row `line,column,column_name,code,reason,phone_number`.
 * after_number: 0, or the number of the last row of the page before. limit: rows, 1..10,000.
 * out_csv: to be destroyed. out_last_number: optional, the number of the last row told of, or after_number when there
 * are no more.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_rejected(bulkmsg_engine* engine, int64_t campaign, int64_t after_number,
                                                     size_t limit, bulkmsg_text** out_csv, int64_t* out_last_number,
                                                     bulkmsg_error** err);

/* Everything but the network: renders every message, prices, hashes; changes nothing.
 * out_plan: optional. plan_size: sizeof(bulkmsg_plan). out_preview: optional, to be destroyed: the first message as
 *   plain text.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not a draft, or no recipients).
 * Thread: any.  Blocks: for the rendering.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_dry_run(bulkmsg_engine* engine, int64_t campaign, bulkmsg_plan* out_plan,
                                                    size_t plan_size, bulkmsg_text** out_preview, bulkmsg_error** err);

/* Freezes the plan, reserves the credits and begins to send.
 * config: of kind START, or NULL for the defaults. out_plan: optional. plan_size: sizeof(bulkmsg_plan).
 * Returns OK, also when this start was made before under the same `idempotency_key`; E_NOT_FOUND; E_WRONG_STATE
 *   (not a draft, or no recipients); E_CREDITS_SHORT (the message says how many are missing); E_CONFLICT (the plan's
 *   hash is not `expected_hash`); E_SECRET_MISSING; E_READ_ONLY. The campaign is still a draft after a failure.
 * Thread: any.  Blocks: for the freezing.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_start(bulkmsg_engine* engine, int64_t campaign,
                                                  const bulkmsg_config* config, bulkmsg_plan* out_plan,
                                                  size_t plan_size, bulkmsg_error** err);

/* When it returns OK no new request leaves, and the pause is durable. Pausing what is paused is OK.
 * reason: shown in the status; may be empty. wait_ms: 0..86,400,000, how long to wait for the process that runs the
 *   store to answer (only when that is another one: mode "post").
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (a draft, or final); E_TIMED_OUT (the runner did not answer; the command
 *   stays posted); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_pause(bulkmsg_engine* engine, int64_t campaign, const char* reason,
                                                  size_t reason_len, int64_t wait_ms, bulkmsg_error** err);

/* Sends exactly the rest. Resuming what is sending is OK.
 * wait_ms: as bulkmsg_campaign_pause().
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (a draft, or final); E_SECRET_MISSING; E_TIMED_OUT; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_resume(bulkmsg_engine* engine, int64_t campaign, int64_t wait_ms,
                                                   bulkmsg_error** err);

/* Ends a campaign for good: what was not sent is kept and never sent. When it returns OK no new request leaves.
 * Stopping what is stopped is OK.
 * reason, wait_ms: as bulkmsg_campaign_pause().
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (a draft, completed or failed); E_TIMED_OUT; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_stop(bulkmsg_engine* engine, int64_t campaign, const char* reason,
                                                 size_t reason_len, int64_t wait_ms, bulkmsg_error** err);

/* Where the campaign stands.
 * out_state: one of BULKMSG_CAMPAIGN_*.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_state(bulkmsg_engine* engine, int64_t campaign, int32_t* out_state,
                                                  bulkmsg_error** err);

/* The campaign's counters, consistent with each other.
 * out_counters: filled. counters_size: sizeof(bulkmsg_counters).
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_counters(bulkmsg_engine* engine, int64_t campaign,
                                                     bulkmsg_counters* out_counters, size_t counters_size,
                                                     bulkmsg_error** err);

/* All that is known of the campaign as a JSON object: id, name, state (a word), reason (why paused, stopped or failed),
 * sender, template, plan_hash, created_at_unix_ms, started_at_unix_ms, finished_at_unix_ms (0: not yet),
 * settled_by_receipt, and `counters` with the fields of bulkmsg_counters.
 * out_json: to be destroyed.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_status(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_json,
                                                   bulkmsg_error** err);

/* The ids of the store's campaigns, oldest first; this is how a host finds what it left unfinished.
 * after: 0, or the last id of the page before. out_campaigns: room for `capacity` ids, 1..1,000.
 * out_count: how many were written; 0 when there are no more.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_list(bulkmsg_engine* engine, int64_t after, int64_t* out_campaigns,
                                                 size_t capacity, size_t* out_count, bulkmsg_error** err);

/* ---- webhooks ------------------------------------------------------------------------------------------------ */

/* Takes one webhook as your server received it. When it returns OK the webhook is verified and durable: answer 200.
 * body: the raw bytes, up to 3 MiB. signature: the header X-Hub-Signature-256, "sha256=...".
 * Returns OK; E_SIGNATURE_MISMATCH (answer 401); E_TOO_LARGE (answer 413); E_SECRET_MISSING (no sender has an
 *   app_secret); E_READ_ONLY (mode "read"). After any other failure answer 500: the provider sends it again.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_webhook_ingest(bulkmsg_engine* engine, const char* body, size_t body_len,
                                                  const char* signature, size_t signature_len, bulkmsg_error** err);

/* Answers the provider's webhooks by itself until the engine is closed, for hosts without a web server and for tests;
 * put a TLS proxy in front. Called again it moves to the new address.
 * address: "127.0.0.1:8080"; port 0 takes any. out_port: optional, the port taken.
 * Returns OK; E_INVALID_ARGUMENT (not an address, or the port is taken); E_READ_ONLY (mode "read").
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_webhook_listen(bulkmsg_engine* engine, const char* address, size_t address_len,
                                                  int32_t* out_port, bulkmsg_error** err);

#ifdef __cplusplus
}
#endif

#endif /* BULKMSG_BULKMSG_H */
