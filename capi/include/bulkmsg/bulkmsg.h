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
 *   restarts; 0 is no id. The parameters sender, account, campaign and content (a template or an own message) are such
 *   ids. There is nothing to initialize or to clean up globally; several engines may coexist.
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
 * Options. A call with options takes a bulkmsg_config of the kind that its comment names; NULL, where that is allowed,
 *   is every option at its default. bulkmsg_config_describe() lists them, and so does the guide's options page.
 * JSON. Whatever has many fields is told as JSON, UTF-8. Integers may need 64 bits; later versions add fields, so pass
 *   over those you do not know.
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

/* What a config configures. BULKMSG_LIST_* are kinds, too: the filter of that list. */
enum {
  BULKMSG_CONFIG_ENGINE = 1,
  BULKMSG_CONFIG_CAMPAIGN = 2,
  BULKMSG_CONFIG_ACCOUNT = 3,
  BULKMSG_CONFIG_START = 4,
  BULKMSG_CONFIG_IMPORT = 5,
  BULKMSG_CONFIG_CONTACTS = 6,
  BULKMSG_CONFIG_MEDIA = 7,
  BULKMSG_CONFIG_PREVIEW = 8,
  BULKMSG_CONFIG_COMMAND = 9, /* who does something, why, and how long to wait: of many calls */
  BULKMSG_CONFIG_SCHEDULE = 10,
  BULKMSG_CONFIG_TEST_SEND = 11,
  BULKMSG_CONFIG_RESOLVE = 12,
  BULKMSG_CONFIG_RETRY = 13,
  BULKMSG_CONFIG_SUPPRESSION = 14
};

/* What bulkmsg_engine_list() lists: whose rows `of` chooses, the order, and the fields of a row. Every list can also be
 * the kind of a config, its filter, where it has options (*). Fields that end in _unix_ms are 0 for "not yet". */
enum {
  /* The fetched templates, by number: template (its id), number, business_account_id, provider_id, name, language,
   * status, category, quality, parameter_format, rejected_reason, gone, fetched_at_unix_ms, json. */
  BULKMSG_LIST_TEMPLATES = 101, /* (*) */
  /* The newest own message of each name, by name: template (its id), name, message. */
  BULKMSG_LIST_OWN_MESSAGES = 102,
  /* The uploaded files, by number: as bulkmsg_media_put() tells them. */
  BULKMSG_LIST_MEDIA = 103,
  /* By id: account (its id), name, renews_at_unix_ms, uncollected, monthly_credits, the options of
   * BULKMSG_CONFIG_ACCOUNT, the fields of bulkmsg_balances, and available (both). */
  BULKMSG_LIST_ACCOUNTS = 104,
  /* of: an account. Its ledger, oldest first: id, at_unix_ms, kind, credits, bucket, period, campaign (0: none), key,
   * reason, actor. */
  BULKMSG_LIST_LEDGER = 105,
  /* By id: as bulkmsg_campaign_status() tells them, without rate, time_left_ms and missing. */
  BULKMSG_LIST_CAMPAIGNS = 106, /* (*) */
  /* of: a campaign. Its messages, by number: message (the number that events carry), address, state and receipt
   * (numbers, BULKMSG_MESSAGE_*, BULKMSG_RECEIPT_*), attempt, provider_id, code, detail, at_unix_ms, sent_at_unix_ms,
   * delivered_at_unix_ms, read_at_unix_ms, failed_at_unix_ms, line (of the input, from 1), next_at_unix_ms (when a
   * retry is due), superseded_by (the child campaign that sends it again, or 0), sender (the name of the one it goes
   * over). */
  BULKMSG_LIST_MESSAGES = 107, /* (*) */
  /* of: a message, to a group. What its participants did: participant, receipt, code, sent_at_unix_ms,
   * delivered_at_unix_ms, read_at_unix_ms, failed_at_unix_ms. */
  BULKMSG_LIST_PARTICIPANTS = 108,
  /* of: a campaign. Rows that were left out, in the order of finding: number, line, column (from 1; 0: the whole row),
   * column_name, code (a bulkmsg_status), reason, address (as written). */
  BULKMSG_LIST_REJECTED = 109,
  /* of: a campaign, or 0 for all. Who did what, oldest first: id, at_unix_ms, campaign (0: the store as a whole),
   * action, reason, actor ("engine": by itself). */
  BULKMSG_LIST_HISTORY = 110,
  /* of: a campaign, or 0 for all. What was written to us, oldest first: number, provider_id, at_unix_ms, address,
   * user_id, profile, group_id, kind, text, payload, answers (the provider id it quotes), campaign and message (0: it
   * answers nothing of ours that is known), conversation, resumed, opt_out. */
  BULKMSG_LIST_REPLIES = 111, /* (*) */
  /* The durable events that are not acknowledged, oldest first, without taking them from bulkmsg_engine_poll(): id,
   * kind and state (numbers, as of bulkmsg_event), campaign (0: none), at_unix_ms, payload. */
  BULKMSG_LIST_EVENTS = 112,
  /* By id: id, address, attributes (an object), labels, test, sandbox. */
  BULKMSG_LIST_CONTACTS = 113, /* (*) */
  /* The declared attributes of contacts: name, type, indexed. */
  BULKMSG_LIST_ATTRIBUTES = 114,
  /* The segments and groups: name, conditions (null: a static group), contacts (of a group). */
  BULKMSG_LIST_SEGMENTS = 115,
  /* Who is not to be written to: person, address, scope, source, note, at_unix_ms. A person's rows stay on one page,
   * which may so be up to three rows longer than `limit`. */
  BULKMSG_LIST_SUPPRESSIONS = 116, /* (*) */
  /* Every change of suppressions, consent and identities, oldest first: id, at_unix_ms, address, what, source, old,
   * now, note. */
  BULKMSG_LIST_CONSENT_LOG = 117
};

/* What recipients are read from. */
enum {
  BULKMSG_FORMAT_CSV = 1,  /* a header row, then a row each; UTF-8, or UTF-16 with a byte order mark */
  BULKMSG_FORMAT_JSON = 2, /* an object a line, or one array of objects; keys are columns */
  BULKMSG_FORMAT_LIST = 3  /* addresses separated by commas, semicolons, tabs or line breaks */
};

/* A campaign's life: draft (-> scheduled) -> starting -> sending <-> paused -> completed | stopped | failed. Values
 * from COMPLETED on are final: nothing more is sent, but receipts are still taken. */
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

typedef struct bulkmsg_engine bulkmsg_engine;   /* a store being worked on */
typedef struct bulkmsg_config bulkmsg_config;   /* options by name */
typedef struct bulkmsg_error bulkmsg_error;     /* the details of a failure */
typedef struct bulkmsg_text bulkmsg_text;       /* a text handed to the caller */
typedef struct bulkmsg_limiter bulkmsg_limiter; /* limits on their own, without an engine */

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
  int64_t duration_ms;       /* under the sender's limits and within the hours, at best */
  char hash[72];             /* over every request body: hex digits, then NULs */
  int64_t suppressed;        /* recipients left out: not to be written to */
  int64_t without_consent;   /* likewise: marketing, and they are not known to have agreed */
  int64_t window_closed;     /* likewise: no template, and they have not written for 24 hours */
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
 * kind: BULKMSG_CONFIG_*, or BULKMSG_LIST_* for its filter. out_config: to be destroyed.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_config_create(int32_t kind, bulkmsg_config** out_config, bulkmsg_error** err);

/* Sets one option; again replaces it.
 * key: bulkmsg_config_describe() lists those of a kind.
 * value: as text: a number in decimal digits, "true" or "false", a word from the option's list, or free text.
 * Returns OK; E_UNKNOWN_OPTION (no such key for this kind); E_BAD_OPTION_VALUE (the message says what is allowed). The
 *   config is unchanged after a failure.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_config_set(bulkmsg_config* config, const char* key, size_t key_len,
                                              const char* value, size_t value_len, bulkmsg_error** err);

/* All options of a kind, as a JSON array of objects: key, type, allowed, default, required, description.
 * kind: BULKMSG_CONFIG_* or BULKMSG_LIST_*.
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
 * event_size: sizeof(bulkmsg_event). capacity: above 0; one call brings at most 1,024. out_count: how many came.
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

/* Says that all durable events up to and including this one are dealt with; they do not come again.
 * event_id: bulkmsg_event.id.
 * Returns OK; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_ack(bulkmsg_engine* engine, int64_t event_id, bulkmsg_error** err);

/* One page of anything that the store keeps in rows, as a JSON array of objects; the constant says what there is.
 * what: BULKMSG_LIST_*. of: whose rows, where the list is of a campaign, an account or a message; else 0.
 * filter: of kind `what`, or NULL for all. limit: rows of a page, 1..10,000.
 * inout_cursor: optional. Where the page begins: 0 at the first row; then where this page ended, for the next call. It
 *   may be kept: what is added later begins there. Untouched after a failure. NULL: the first page.
 * out_json: to be destroyed. out_count: optional, the rows of this page; fewer than `limit`: there are no more now.
 * Returns OK; E_NOT_FOUND (no such campaign, account, message, segment); E_PHONE_*, E_ADDRESS_MALFORMED (an address
 *   of the filter).
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_list(bulkmsg_engine* engine, int32_t what, int64_t of,
                                               const bulkmsg_config* filter, size_t limit, int64_t* inout_cursor,
                                               bulkmsg_text** out_json, size_t* out_count, bulkmsg_error** err);

/* What is known of the store as a whole, as a JSON object: copy (it is a copy of a store, opens for reading only, and
 * bulkmsg_store_adopt() makes it one of its own), recovered_unconfirmed (messages that may have gone before a crash,
 * found by this opening), recovered_window (messages that were open then, whatever became of them), retention_hours
 * (0: personal data is kept for ever).
 * out_json: to be destroyed.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_status(bulkmsg_engine* engine, bulkmsg_text** out_json, bulkmsg_error** err);

/* The engine's counters in Prometheus' text format, version 0.0.4; names and meaning are in the text.
 * out_text: to be destroyed.
 * Thread: any.  Blocks: for a read of counters.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_metrics(bulkmsg_engine* engine, bulkmsg_text** out_text, bulkmsg_error** err);

/* Writes a whole copy of the store to a new file while it is being used, in every mode.
 * path: UTF-8; must not exist. config: of kind COMMAND (actor), or NULL.
 * Returns OK; E_CONFLICT (the file exists).
 * Thread: any.  Blocks: for the copying.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_backup(bulkmsg_engine* engine, const char* path, size_t path_len,
                                                 const bulkmsg_config* config, bulkmsg_error** err);

/* Forgets a person: their contact and replies, and in every campaign the address, parameters and texts; what is queued
 * for them is skipped. Suppressions and consent stay, under a keyed hash, so that they stay barred; counters and the
 * ledger stay as they are.
 * address: as people write it. config: of kind COMMAND (actor, reason), or NULL.
 * out_json: optional, to be destroyed: recipients, rejected, replies, contact: what was forgotten.
 * Returns OK, also when nothing was known; E_PHONE_*, E_ADDRESS_MALFORMED; E_READ_ONLY.
 * Thread: any.  Blocks: for a look at all recipients.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_forget(bulkmsg_engine* engine, const char* address, size_t address_len,
                                                 const bulkmsg_config* config, bulkmsg_text** out_json,
                                                 bulkmsg_error** err);

/* How long campaigns that have ended keep addresses, parameters and texts of their messages; kept in the store and
 * applied while it is run.
 * hours: 0: for ever; else above 24, so that limits over a day stay true. config: of kind COMMAND (actor), or NULL.
 * Returns OK; E_BAD_OPTION_VALUE (1 to 24 hours); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_engine_set_retention(bulkmsg_engine* engine, int64_t hours,
                                                        const bulkmsg_config* config, bulkmsg_error** err);

/* Makes a store of its own of a file that is a copy of one: it gets another id, campaigns that were under way are
 * paused, scheduled ones are drafts again, and receipts for what was sent before the copy are still taken. Two that
 * send the same would reach people twice: adopt only when the original is gone or is to go on for itself.
 * path: UTF-8; nobody has it open. config: of kind COMMAND (actor), or NULL.
 * out_json: optional, to be destroyed: old_id, new_id (of the store, hex digits), paused (campaigns),
 *   last_entry_unix_ms (the last that the copy knows).
 * Returns OK; E_CONFLICT (it is no copy); E_STORE_IN_USE; as bulkmsg_engine_open().
 * Thread: any.  Blocks: for recovery.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_store_adopt(const char* path, size_t path_len, const bulkmsg_config* config,
                                               bulkmsg_text** out_json, bulkmsg_error** err);

/* ---- senders and templates ----------------------------------------------------------------------------------- */

/* Adds a sender, or replaces the one of the same name.
 * json: an object with `name`, `phone_number_id`, `token` and, where the defaults do not fit, `channel`,
 *   `channel_description`, `origin`, `api_version`, `business_account_id`, `marketing_endpoint`, `app_secret`,
 *   `verify_token`, `agent`, `reply_to`, `limits`, `time_zone`, `portfolio`, `connections_max`, `response_timeout_ms`,
 *   `tls_ca_file`, `opt_out_words`, `server_faults_refuse`. Secrets (token, app_secret, verify_token) are named,
 *   "env:NAME" or "file:PATH", never given.
 * out_sender: its id.
 * Returns OK; E_JSON_MALFORMED; E_UNKNOWN_OPTION; E_BAD_OPTION_VALUE; E_SECRET_MISSING (the named secret has no value:
 *   set the variable or write the file); E_CHANNEL_MALFORMED, E_FILE_UNREADABLE (the channel's description);
 *   E_CONFLICT (it has campaigns over another channel); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_sender_put(bulkmsg_engine* engine, const char* json, size_t json_len,
                                              int64_t* out_sender, bulkmsg_error** err);

/* Asks the provider about a sender's number or account; stores nothing.
 * sender: its id; or 0, with settings in `json` that are tried before they are put.
 * json: as bulkmsg_sender_put(); empty with an id.
 * out_json: optional, to be destroyed: display_phone_number, verified_name, status, quality, throughput,
 *   messaging_limit.
 * Returns OK; E_NOT_FOUND; E_TOKEN_REJECTED (put a sender with a good token); E_CONNECT_FAILED, E_TLS_FAILED,
 *   E_TIMED_OUT, E_CONNECTION_LOST, E_PROVIDER_UNREADABLE (try later); E_PROVIDER_REFUSED (the provider's code is in
 *   the error); of settings also what bulkmsg_sender_put() returns.
 * Thread: any.  Blocks: up to the sender's response timeout.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_sender_check(bulkmsg_engine* engine, int64_t sender, const char* json,
                                                size_t json_len, bulkmsg_text** out_json, bulkmsg_error** err);

/* Takes a template as the provider shows it.
 * json: one entry of `GET /{business-account-id}/message_templates`.
 * out_template: its id; the same JSON gives the same id.
 * Returns OK; E_TEMPLATE_MALFORMED; E_TEMPLATE_NOT_APPROVED (only APPROVED ones are sent); E_TEMPLATE_NOT_SUPPORTED (a
 *   component this version cannot fill); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_template_put(bulkmsg_engine* engine, const char* json, size_t json_len,
                                                int64_t* out_template, bulkmsg_error** err);

/* Fetches all templates of the sender's business account and keeps them, whatever their state; campaigns whose template
 * is now other, gone or not approved are paused with the reason.
 * younger_than_ms: when all that is kept is younger, nobody is asked; 0: always asks; 0..86,400,000.
 * out_json: optional, to be destroyed: added, changed, unchanged, gone, paused, asked, fetched_at_unix_ms.
 * Returns OK; E_NOT_FOUND; E_BAD_OPTION_VALUE (the sender has no business_account_id); E_TOO_LARGE; E_READ_ONLY; the
 *   network's and the provider's as bulkmsg_sender_check(): what was known stays, or part of it is newer.
 * Thread: any.  Blocks: for all pages.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_template_fetch(bulkmsg_engine* engine, int64_t sender, int64_t younger_than_ms,
                                                  bulkmsg_text** out_json, bulkmsg_error** err);

/* The fetched template of that name.
 * name: the provider's. filter: of kind LIST_TEMPLATES (language, business_account_id), or NULL: the only one there is.
 * out_template: its id. out_json: optional, to be destroyed, as a row of BULKMSG_LIST_TEMPLATES.
 * Returns OK; E_NOT_FOUND; E_CONFLICT (several; the message lists the languages or accounts).
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_template_find(bulkmsg_engine* engine, const char* name, size_t name_len,
                                                 const bulkmsg_config* filter, int64_t* out_template,
                                                 bulkmsg_text** out_json, bulkmsg_error** err);

/* The CSV to fill in for a template or an own message: the header row it needs, and an example row.
 * out_csv: to be destroyed.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_template_csv(bulkmsg_engine* engine, int64_t content, bulkmsg_text** out_csv,
                                                bulkmsg_error** err);

/* Saves an own message under a name; a later one of that name does not change campaigns that use this one.
 * name: of the host's choice. json: {"type":"text","text":{"body":"Hi {{first_name}}"}} and the like.
 * out_template: an id as templates have.
 * Returns OK; E_MESSAGE_MALFORMED; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_message_put(bulkmsg_engine* engine, const char* name, size_t name_len,
                                               const char* json, size_t json_len, int64_t* out_template,
                                               bulkmsg_error** err);

/* The newest own message of that name.
 * name: as it was put. out_template: its id. out_json: optional, to be destroyed: as it was put.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_message_find(bulkmsg_engine* engine, const char* name, size_t name_len,
                                                int64_t* out_template, bulkmsg_text** out_json, bulkmsg_error** err);

/* Uploads a file's contents for the sender's number, unless the provider has the same ones young enough.
 * bytes: an image, a video, a document or the like. config: of kind MEDIA, or NULL.
 * out_json: to be destroyed: number, phone_number_id, provider_id (what a message refers to), sha256, mime, bytes,
 *   path, uploaded_at_unix_ms, uploaded (by this call).
 * Returns OK; E_NOT_FOUND; E_MEDIA_NOT_SUPPORTED, E_TOO_LARGE (before anything is sent); E_READ_ONLY; the network's and
 *   the provider's as bulkmsg_sender_check().
 * Thread: any.  Blocks: for the upload; uploads go one after another.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_media_put(bulkmsg_engine* engine, int64_t sender, const char* bytes,
                                             size_t bytes_len, const bulkmsg_config* config, bulkmsg_text** out_json,
                                             bulkmsg_error** err);

/* The same from a file, which is read and uploaded again before the provider forgets it.
 * path: UTF-8. config, out_json: as bulkmsg_media_put().
 * Returns as bulkmsg_media_put(); also E_FILE_UNREADABLE, E_CONFLICT (the file changed while it was read).
 * Thread: any.  Blocks: for the upload.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_media_put_file(bulkmsg_engine* engine, int64_t sender, const char* path,
                                                  size_t path_len, const bulkmsg_config* config,
                                                  bulkmsg_text** out_json, bulkmsg_error** err);

/* ---- credits ------------------------------------------------------------------------------------------------- */

/* Adds an account, or gives the one of that name another plan. Grants the running month's credits, once a month.
 * config: of kind ACCOUNT; `name` must be set. out_account: its id.
 * Returns OK; E_BAD_OPTION_VALUE; E_CONFLICT (the `key` was used with another plan); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_put(bulkmsg_engine* engine, const bulkmsg_config* config,
                                               int64_t* out_account, bulkmsg_error** err);

/* The id of the account of that name.
 * name: as bulkmsg_account_put() was given it. out_account: its id.
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

/* Adds credits, or takes them away, by hand; written to the ledger with reason and actor.
 * credits: not 0. reason, actor: 1..1,000 bytes. key: as bulkmsg_account_top_up().
 * Returns OK; E_NOT_FOUND; E_CREDITS_SHORT (less is available than would be taken); E_CONFLICT; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_adjust(bulkmsg_engine* engine, int64_t account, int64_t credits,
                                                  const char* reason, size_t reason_len, const char* actor,
                                                  size_t actor_len, const char* key, size_t key_len,
                                                  bulkmsg_error** err);

/* What a rate table asks for one message of this content; the option `credits_per_message` of a campaign.
 * rates: a JSON object, see examples/data/rates.json. out_credits: 1..1,000.
 * Returns OK; E_NOT_FOUND; E_JSON_MALFORMED; E_BAD_OPTION_VALUE.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_account_price(bulkmsg_engine* engine, int64_t content, const char* rates,
                                                 size_t rates_len, int64_t* out_credits, bulkmsg_error** err);

/* ---- campaigns ----------------------------------------------------------------------------------------------- */

/* Makes a draft. Only a name is needed to begin with; what else it takes before it can start, `missing` in its status
 * says.
 * config: of kind CAMPAIGN; `name` must be set. out_campaign: its id.
 * Returns OK; E_BAD_OPTION_VALUE; E_NOT_FOUND (no such sender, template or account); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_create(bulkmsg_engine* engine, const bulkmsg_config* config,
                                                   int64_t* out_campaign, bulkmsg_error** err);

/* Replaces all that a draft was made with (what the config does not set is at its default again); recipients stay.
 * config: as bulkmsg_campaign_create().
 * Returns OK; E_BAD_OPTION_VALUE; E_NOT_FOUND; E_WRONG_STATE (not a draft); E_CONFLICT (its recipients are addresses of
 *   another channel); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_edit(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                                 bulkmsg_error** err);

/* Removes a draft and its recipients.
 * config: of kind COMMAND (actor), or NULL.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not a draft); E_READ_ONLY.
 * Thread: any.  Blocks: for the removal.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_discard(bulkmsg_engine* engine, int64_t campaign,
                                                    const bulkmsg_config* config, bulkmsg_error** err);

/* Everything but the network: renders every message, prices, hashes; changes nothing.
 * out_plan: optional. plan_size: sizeof(bulkmsg_plan). out_preview: optional, to be destroyed: the first message as
 *   plain text.
 * out_json: optional, to be destroyed: `warnings` of the content rules, a sentence each, and, with several senders,
 *   `by_sender`: sender (its name), messages.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not a draft, or not complete); E_CONTENT_BLOCKED (by the content rules).
 * Thread: any.  Blocks: for the rendering.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_dry_run(bulkmsg_engine* engine, int64_t campaign, bulkmsg_plan* out_plan,
                                                    size_t plan_size, bulkmsg_text** out_preview,
                                                    bulkmsg_text** out_json, bulkmsg_error** err);

/* Freezes the plan, reserves the credits and begins to send.
 * config: of kind START, or NULL for the defaults. out_plan: optional. plan_size: sizeof(bulkmsg_plan).
 * Returns OK, also when this start was made before under the same `idempotency_key`; E_NOT_FOUND; E_WRONG_STATE
 *   (not a draft, or not complete); E_CREDITS_SHORT (the message says how many are missing); E_CONFLICT (the plan's
 *   hash is not `expected_hash`); E_CONTENT_BLOCKED; E_SECRET_MISSING; E_READ_ONLY. After a failure the campaign is
 *   still a draft.
 * Thread: any.  Blocks: for the freezing.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_start(bulkmsg_engine* engine, int64_t campaign,
                                                  const bulkmsg_config* config, bulkmsg_plan* out_plan,
                                                  size_t plan_size, bulkmsg_error** err);

/* Starts it later. All is checked and estimated now, and again when the time comes: then the plan is frozen, and what
 * fails ends the campaign as failed, with the reason. Recipients may still be added. Survives restarts; also in mode
 * "post".
 * config: of kind SCHEDULE; `at` must be set. out_plan: optional, an estimate. plan_size: sizeof(bulkmsg_plan).
 * Returns OK; E_BAD_OPTION_VALUE (the time); as bulkmsg_campaign_start(); E_TIMED_OUT (the runner did not answer).
 * Thread: any.  Blocks: for the rendering, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_schedule(bulkmsg_engine* engine, int64_t campaign,
                                                     const bulkmsg_config* config, bulkmsg_plan* out_plan,
                                                     size_t plan_size, bulkmsg_error** err);

/* Makes a draft of a scheduled campaign again.
 * config: of kind COMMAND, or NULL.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not scheduled, or fired already); E_TIMED_OUT; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_cancel(bulkmsg_engine* engine, int64_t campaign,
                                                   const bulkmsg_config* config, bulkmsg_error** err);

/* Sends what one recipient of a draft would see to other people, as a campaign of its own: its counters, limits,
 * receipts and credits are its own, too. Consent is not asked for; suppressions hold.
 * addresses: 1..100, separated by commas, semicolons or line breaks. config: of kind TEST_SEND, or NULL.
 * out_campaign: the id of the test's own campaign, which is being sent.
 * Returns OK; E_NOT_FOUND (no such campaign or row); E_INVALID_ARGUMENT (not 1..100 addresses); E_PHONE_* and others of
 *   an address; as bulkmsg_campaign_start().
 * Thread: any.  Blocks: for its freezing.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_test_send(bulkmsg_engine* engine, int64_t campaign, const char* addresses,
                                                      size_t addresses_len, const bulkmsg_config* config,
                                                      int64_t* out_campaign, bulkmsg_error** err);

/* When it returns OK no new request leaves, and the pause is durable. Pausing what is paused is OK.
 * config: of kind COMMAND, or NULL: `reason` is shown in the status, `wait_ms` is how long to wait for the process that
 *   runs the store to answer (only when that is another one: mode "post").
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (a draft, or final); E_TIMED_OUT (the runner did not answer; the command
 *   stays posted); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_pause(bulkmsg_engine* engine, int64_t campaign,
                                                  const bulkmsg_config* config, bulkmsg_error** err);

/* Sends exactly the rest. Resuming what is sending is OK.
 * config: as bulkmsg_campaign_pause().
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (a draft, or final); E_SECRET_MISSING; E_TIMED_OUT; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_resume(bulkmsg_engine* engine, int64_t campaign,
                                                   const bulkmsg_config* config, bulkmsg_error** err);

/* Ends a campaign for good: what was not sent is kept and never sent. When it returns OK no new request leaves.
 * Stopping what is stopped is OK.
 * config: as bulkmsg_campaign_pause().
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (a draft, completed or failed); E_TIMED_OUT; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_stop(bulkmsg_engine* engine, int64_t campaign, const bulkmsg_config* config,
                                                 bulkmsg_error** err);

/* A person's word on messages that may have gone, also of finished campaigns: sent ones are charged, the others failed
 * and their credits returned. A receipt that says otherwise still counts.
 * config: of kind RESOLVE; `as` and `actor` must be set.
 * out_count: optional, how many: 0 when a receipt or another call was first, and in mode "post".
 * Returns OK; E_BAD_OPTION_VALUE; E_NOT_FOUND; E_WRONG_STATE (the one message is not unconfirmed); E_TIMED_OUT;
 *   E_READ_ONLY.
 * Thread: any.  Blocks: for the commits, or up to wait_ms.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_resolve(bulkmsg_engine* engine, int64_t campaign,
                                                    const bulkmsg_config* config, int64_t* out_count,
                                                    bulkmsg_error** err);

/* Makes a child campaign, a draft, of those messages that failed or are unconfirmed, with the same content, settings
 * and rules. No two calls ever take the same message: start the child to send it, discard the child to give it back.
 * While there is such a draft a further call adds to it. config: of kind RETRY, or NULL: what failed and may pass.
 * out_json: optional, to be destroyed: child (its id), messages, not_yet (left: may pass from next_at_unix_ms on),
 *   next_at_unix_ms, hopeless (left: would fail again; the option `all` takes them).
 * Returns OK; E_NOT_FOUND (nothing is left; the message says where it went); E_WRONG_STATE (nothing was sent yet);
 *   E_CONFLICT; E_READ_ONLY.
 * Thread: any.  Blocks: about a second a million messages.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_retry(bulkmsg_engine* engine, int64_t campaign,
                                                  const bulkmsg_config* config, bulkmsg_text** out_json,
                                                  bulkmsg_error** err);

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
 * sender, template, agent, reply_to, plan_hash, created_at_unix_ms, started_at_unix_ms, finished_at_unix_ms,
 * scheduled_at_unix_ms (0: not yet, or never), scheduled_as (as it was written), max_lateness_ms, when_unconfirmed (a
 * word), unconfirmed_wait_ms, settled_by_receipt, test_of (of a test send: the campaign that it shows), parent,
 * children (ids), `counters` with the fields of bulkmsg_counters, rate (messages a second now), time_left_ms (at this
 * rate; -1: not known), and `missing`: what a draft still needs before it can start: step, what.
 * out_json: to be destroyed.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_status(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_json,
                                                   bulkmsg_error** err);

/* The ids of the store's campaigns, oldest first; this is how a host finds what it left unfinished.
 * after: 0, or the last id of the page before. out_campaigns: room for `capacity` ids. capacity: 1..1,000.
 * out_count: how many were written; 0 when there are no more.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_list(bulkmsg_engine* engine, int64_t after, int64_t* out_campaigns,
                                                 size_t capacity, size_t* out_count, bulkmsg_error** err);

/* Adds recipients to a draft, or to a scheduled campaign, from text of any format. One column holds the addresses
 * (`phone_number`, `group_id`, `user_id`, `chat_id`, or `address` for any form), the others are the content's
 * parameters. A bad row is left out and kept (BULKMSG_LIST_REJECTED), the good ones go on.
 * format: BULKMSG_FORMAT_*. text: the whole list. config: of kind IMPORT, or NULL. out_report: optional.
 * report_size: sizeof(bulkmsg_import_report).
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (started already); E_CSV_EMPTY, E_CSV_NO_PHONE_COLUMN, E_CSV_BAD_HEADER,
 *   E_TEXT_NOT_UTF8, E_COLUMN_MISSING (the content needs it), E_JSON_MALFORMED, E_BAD_OPTION_VALUE, E_CONFLICT (other
 *   columns than the rows before) (nothing was added: fix the list); E_READ_ONLY.
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_import(bulkmsg_engine* engine, int64_t campaign, int32_t format,
                                                   const char* text, size_t text_len, const bulkmsg_config* config,
                                                   bulkmsg_import_report* out_report, size_t report_size,
                                                   bulkmsg_error** err);

/* The same from a file, read in pieces: memory does not grow with its size.
 * format: CSV or JSON. path: UTF-8. config, out_report, report_size: as bulkmsg_campaign_import().
 * Returns as bulkmsg_campaign_import(); also E_FILE_UNREADABLE.
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_import_file(bulkmsg_engine* engine, int64_t campaign, int32_t format,
                                                        const char* path, size_t path_len, const bulkmsg_config* config,
                                                        bulkmsg_import_report* out_report, size_t report_size,
                                                        bulkmsg_error** err);

/* Adds recipients to a draft from the host's own memory: row after row, cell after cell, in one run of bytes. The first
 * row names the columns.
 * bytes: UTF-8. offsets: row_count * cells_per_row + 1 values, ascending, the last at most bytes_len: cell i is
 *   [offsets[i], offsets[i + 1]). cells_per_row: 1..256. row_count: with the names, from 1.
 * config: of kind IMPORT, or NULL. out_report: optional. report_size: sizeof(bulkmsg_import_report). A rejected row's
 *   line is its place, from 1.
 * Returns as bulkmsg_campaign_import().
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_add(bulkmsg_engine* engine, int64_t campaign, const char* bytes,
                                                size_t bytes_len, const uint64_t* offsets, size_t cells_per_row,
                                                size_t row_count, const bulkmsg_config* config,
                                                bulkmsg_import_report* out_report, size_t report_size,
                                                bulkmsg_error** err);

/* Makes recipients of a draft from stored contacts; its columns are the attributes of the names that the content needs.
 * selection: name of a segment or group; empty: everybody but test and sandbox contacts.
 * out_json: optional, to be destroyed: chosen, added, duplicates, rejected, tests, sandbox, suppressed,
 *   without_consent.
 * Returns as bulkmsg_campaign_import(); also E_NOT_FOUND (no such selection).
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_import_contacts(bulkmsg_engine* engine, int64_t campaign,
                                                            const char* selection, size_t selection_len,
                                                            bulkmsg_text** out_json, bulkmsg_error** err);

/* Writes the rejected rows to a file as CSV to correct and import again: `bulkmsg_reason`, `bulkmsg_line`, then the
 * columns as they came.
 * path: UTF-8; replaced when it is there.
 * Returns OK; E_NOT_FOUND; E_FILE_UNREADABLE (cannot be written).
 * Thread: any.  Blocks: for the writing.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_write_rejected(bulkmsg_engine* engine, int64_t campaign, const char* path,
                                                           size_t path_len, bulkmsg_error** err);

/* The host's word that all recipients the draft holds now have agreed to its content; recorded with the time.
 * source: where and how, 1..1,000 bytes.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (not a draft); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_state_consent(bulkmsg_engine* engine, int64_t campaign, const char* source,
                                                          size_t source_len, bulkmsg_error** err);

/* What the recipient in this row will see.
 * row: from 0, in the order of the import. out_json: optional, to be destroyed: kind, header, body, offer, footer,
 *   buttons, cards. out_text: optional, to be destroyed: the same as plain text.
 * Returns OK; E_NOT_FOUND (no such campaign or row).
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_preview(bulkmsg_engine* engine, int64_t campaign, int64_t row,
                                                    bulkmsg_text** out_json, bulkmsg_text** out_text,
                                                    bulkmsg_error** err);

/* The CSV to fill in for this campaign, by its content and mapping: the header row it needs, and an example row.
 * out_csv: to be destroyed.
 * Returns OK; E_NOT_FOUND; E_WRONG_STATE (it has no content yet).
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_csv(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_csv,
                                                bulkmsg_error** err);

/* What the campaign would cost by a rate table, as a JSON object: messages, credits, micros (an estimate in
 * micro-dollars), unpriced, and `lines` of destination, category, messages, credits, micros, priced.
 * rates: as bulkmsg_account_price(). out_json: to be destroyed.
 * Returns OK; E_NOT_FOUND; E_JSON_MALFORMED; E_BAD_OPTION_VALUE; of a draft those of compiling its content.
 * Thread: any.  Blocks: for a read of all recipients.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_estimate(bulkmsg_engine* engine, int64_t campaign, const char* rates,
                                                     size_t rates_len, bulkmsg_text** out_json, bulkmsg_error** err);

/* Why messages failed (or were undelivered) and rows were skipped, as a JSON object of two arrays, `failed` and
 * `skipped`: code, reason, count; the most frequent first.
 * out_json: to be destroyed.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_campaign_reasons(bulkmsg_engine* engine, int64_t campaign, bulkmsg_text** out_json,
                                                    bulkmsg_error** err);

/* ---- contacts, consent and suppression ----------------------------------------------------------------------- */

/* Stores contacts from CSV text, or updates those who are there: blank cells leave what is stored, labels are added.
 * csv: the column `phone_number` is required; `labels` (separated by ;), `test`, `sandbox` have their meaning, all
 *   others are attributes.
 * config: of kind CONTACTS, or NULL. out_json: optional, to be destroyed: rows, added, updated, rejected, and
 *   `problems`, the first 1,000: line, column, column_name, code, reason, address.
 * Returns OK; E_CSV_*; E_TEXT_NOT_UTF8; E_ATTRIBUTE_MISMATCH (the header is no attribute name); E_READ_ONLY.
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_contacts_import_csv(bulkmsg_engine* engine, const char* csv, size_t csv_len,
                                                       const bulkmsg_config* config, bulkmsg_text** out_json,
                                                       bulkmsg_error** err);

/* The same from a file, read in pieces.
 * path: UTF-8. config, out_json: as bulkmsg_contacts_import_csv().
 * Returns as bulkmsg_contacts_import_csv(); also E_FILE_UNREADABLE.
 * Thread: any.  Blocks: for the import.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_contacts_import_csv_file(bulkmsg_engine* engine, const char* path, size_t path_len,
                                                            const bulkmsg_config* config, bulkmsg_text** out_json,
                                                            bulkmsg_error** err);

/* How many contacts a selection has.
 * selection: name of a segment or group; empty: every contact. out_count: the number.
 * Returns OK; E_NOT_FOUND.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_contacts_count(bulkmsg_engine* engine, const char* selection, size_t selection_len,
                                                  int64_t* out_count, bulkmsg_error** err);

/* Declares an attribute of contacts, or makes a declared one indexed.
 * name: a column of their CSV. type: "text", "number", "date" or "boolean". indexed: 1 or 0.
 * Returns OK; E_ATTRIBUTE_MISMATCH (it has another type); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit; with `indexed` about a second a million contacts.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_attribute_declare(bulkmsg_engine* engine, const char* name, size_t name_len,
                                                     const char* type, size_t type_len, int32_t indexed,
                                                     bulkmsg_error** err);

/* Stores conditions on contacts under a name.
 * name: again replaces its conditions. json: {"all": [{"attribute": "city", "is": "Lisbon"}, ...]} and the like.
 * Returns OK; E_SEGMENT_MALFORMED (the message points at the condition); E_CONFLICT (a group has this name);
 *   E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_segment_put(bulkmsg_engine* engine, const char* name, size_t name_len,
                                               const char* json, size_t json_len, bulkmsg_error** err);

/* Adds stored contacts to a static group, made when missing.
 * group: its name. addresses: separated by commas, semicolons or line breaks.
 * Returns OK; E_NOT_FOUND (names the first who is no contact); E_CONFLICT (a segment has this name); E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_segment_add(bulkmsg_engine* engine, const char* group, size_t group_len,
                                               const char* addresses, size_t addresses_len, bulkmsg_error** err);

/* Removes a segment or group; its contacts stay.
 * name: the segment's or group's.
 * Returns OK; E_NOT_FOUND; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_segment_remove(bulkmsg_engine* engine, const char* name, size_t name_len,
                                                  bulkmsg_error** err);

/* These people are not to be written to, from the next message on that is taken up: in running campaigns, too.
 * addresses: as people write them, separated by commas, semicolons or line breaks; one that cannot be read leaves the
 *   list as it was, and is named. config: of kind SUPPRESSION, or NULL: from everything, by the host's own list.
 * Returns OK; E_PHONE_*, E_ADDRESS_MALFORMED; E_READ_ONLY (mode "read").
 * Thread: any.  Blocks: for a commit a thousand.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_suppression_put(bulkmsg_engine* engine, const char* addresses, size_t addresses_len,
                                                   const bulkmsg_config* config, bulkmsg_error** err);

/* Takes back what the host's list and stop words said, or what the `source` of the config said; nothing else.
 * address: as people write it. config: of kind SUPPRESSION (source, note), or NULL.
 * Returns OK; E_NOT_FOUND (they said nothing); E_PHONE_*, E_ADDRESS_MALFORMED; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_suppression_lift(bulkmsg_engine* engine, const char* address, size_t address_len,
                                                    const bulkmsg_config* config, bulkmsg_error** err);

/* Records a person's own word.
 * address: as people write it. granted: 1 they agreed, 0 they withdrew. scope: "marketing" or "all".
 * source: where and how.
 * Returns OK; E_PHONE_*, E_ADDRESS_MALFORMED; E_READ_ONLY.
 * Thread: any.  Blocks: for a commit.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_consent_put(bulkmsg_engine* engine, const char* address, size_t address_len,
                                               int32_t granted, const char* scope, size_t scope_len, const char* source,
                                               size_t source_len, bulkmsg_error** err);

/* ---- webhooks and replies ------------------------------------------------------------------------------------- */

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

/* The provider's handshake of a webhook address, as your server received it (a GET with hub.mode, hub.verify_token and
 * hub.challenge).
 * mode, token, challenge: the three values, decoded. out_body: to be destroyed: answer 200 with it.
 * Returns OK; E_SIGNATURE_MISMATCH (no sender has this verify_token: answer 403); E_READ_ONLY (mode "read").
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_webhook_handshake(bulkmsg_engine* engine, const char* mode, size_t mode_len,
                                                     const char* token, size_t token_len, const char* challenge,
                                                     size_t challenge_len, bulkmsg_text** out_body,
                                                     bulkmsg_error** err);

/* Until when free-form messages may be sent to this person: 24 hours from what they last wrote.
 * sender: to this one's number, for which alone WhatsApp opens the window; 0: to any of ours.
 * address: as people write it. out_unix_ms: 0 when they never wrote.
 * Returns OK; E_NOT_FOUND (no such sender); E_PHONE_*, E_ADDRESS_MALFORMED.
 * Thread: any.  Blocks: for a read.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_window_closes(bulkmsg_engine* engine, int64_t sender, const char* address,
                                                 size_t address_len, int64_t* out_unix_ms, bulkmsg_error** err);

/* ---- the pieces alone: no engine, no store, no network ------------------------------------------------------- */

/* Judges recipients as an import does.
 * format: BULKMSG_FORMAT_*. text: the whole list. config: of kind IMPORT, or NULL.
 * out_report: optional. report_size: sizeof(bulkmsg_import_report).
 * out_accepted: optional, to be destroyed: CSV of the good rows, the address in its one spelling first.
 * out_rejected: optional, to be destroyed: CSV of the others: line, column, column_name, code, reason, phone_number.
 * Returns OK; E_CSV_*, E_JSON_MALFORMED, E_TEXT_NOT_UTF8, E_BAD_OPTION_VALUE (unusable as a whole).
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_recipients_parse(int32_t format, const char* text, size_t text_len,
                                                    const bulkmsg_config* config, bulkmsg_import_report* out_report,
                                                    size_t report_size, bulkmsg_text** out_accepted,
                                                    bulkmsg_text** out_rejected, bulkmsg_error** err);

/* What one recipient will see of a template or an own message.
 * json: as bulkmsg_template_put() or bulkmsg_message_put() take it. row: CSV, a header row and one row of values.
 * config: of kind PREVIEW, or NULL. out_json, out_text: optional, as bulkmsg_campaign_preview().
 * Returns OK; E_TEMPLATE_*, E_MESSAGE_MALFORMED; E_COLUMN_MISSING; E_PARAMETER_* (the row; the message names the
 *   column); E_CSV_*.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_content_preview(const char* json, size_t json_len, const char* row, size_t row_len,
                                                   const bulkmsg_config* config, bulkmsg_text** out_json,
                                                   bulkmsg_text** out_text, bulkmsg_error** err);

/* The CSV to fill in for a template or an own message: the header row it needs, and an example row.
 * json, config: as bulkmsg_content_preview(). out_csv: to be destroyed.
 * Returns OK; E_TEMPLATE_*, E_MESSAGE_MALFORMED.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_content_csv(const char* json, size_t json_len, const bulkmsg_config* config,
                                               bulkmsg_text** out_csv, bulkmsg_error** err);

/* Reads a time as people write it and as the option `at` of a schedule takes it.
 * text: "2026-12-01 09:00 Europe/Berlin", "2026-12-01T09:00:00+01:00" or "... Z". A time that comes twice when clocks
 *   go back is the first.
 * out_unix_ms: the time.
 * Returns OK; E_BAD_OPTION_VALUE (malformed, without a zone, or skipped when clocks go forward).
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_time_parse(const char* text, size_t text_len, int64_t* out_unix_ms,
                                              bulkmsg_error** err);

/* Makes a limiter of the limits that senders have.
 * limits: "80/s; 1/6s per recipient,burst=45; in-flight=64".
 * out_limiter: to be destroyed.
 * Returns OK; E_BAD_OPTION_VALUE (the message points at what is not a limit).
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_limiter_create(const char* limits, size_t limits_len, bulkmsg_limiter** out_limiter,
                                                  bulkmsg_error** err);

/* Asks leave to send now, from all limits at once: all of them or none.
 * now_ns: any clock that does not go back, from 0. address: for limits per recipient; may be empty.
 * out_next_ns: 0 when leave was given; else when to ask again; -1: after the next release.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_limiter_take(bulkmsg_limiter* limiter, int64_t now_ns, const char* address,
                                                size_t address_len, int64_t* out_next_ns, bulkmsg_error** err);

/* The answer to what was sent is in: it no longer counts as in flight. Once for each leave that was given.
 * Returns OK; E_WRONG_STATE (nothing is in flight).
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_limiter_release(bulkmsg_limiter* limiter, bulkmsg_error** err);

/* Gives a limiter back.
 * Thread: one at a time per object.  Blocks: no.  Since: 0.1. */
BULKMSG_API void bulkmsg_limiter_destroy(bulkmsg_limiter* limiter);

/* Whether a webhook was signed with this app secret; in constant time.
 * body: the raw bytes. signature: X-Hub-Signature-256, "sha256=...". secret: the value itself, from 1 byte.
 * Returns OK; E_SIGNATURE_MISMATCH.
 * Thread: any.  Blocks: no.  Since: 0.1. */
BULKMSG_API bulkmsg_status bulkmsg_webhook_verify(const char* body, size_t body_len, const char* signature,
                                                  size_t signature_len, const char* secret, size_t secret_len,
                                                  bulkmsg_error** err);

#ifdef __cplusplus
}
#endif

#endif /* BULKMSG_BULKMSG_H */
