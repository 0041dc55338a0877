// Every option of every kind: the one table that parsing, ranges, defaults and the options page come from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "bulkmsg/bulkmsg.h"
#include "bulkmsg/campaign/unconfirmed.hpp"
#include "bulkmsg/content/content_check.hpp"
#include "bulkmsg/credits/plan.hpp"

namespace bulkmsg::capi {

enum class option_type : std::uint8_t {
  text,
  word,
  boolean,
  integer,
  integers  // separated by commas
};

struct option {
  std::int32_t kind;
  std::string_view key;  // a `*` at the end stands for any further name
  option_type type;
  std::string_view words;  // of a `word`, one `|` between two
  std::int64_t low, high;  // of an `integer` and each of the `integers`; of a `text` the most bytes, 0: option_text_max
  std::string_view fallback;
  bool required;
  std::string_view description;
};

inline constexpr std::int64_t any_id = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t day = 86'400'000;
// Longest text accepted; far above any name, path or key.
inline constexpr std::size_t option_text_max = 4096;
using enum option_type;

inline constexpr std::array options{
    option{BULKMSG_CONFIG_ENGINE, "path", text, "", 0, 0, "", true, "The store file."},
    option{BULKMSG_CONFIG_ENGINE, "mode", word, "run|read|post", 0, 0, "run", false,
           "run: sends, one process at a time; read: looks only; post: takes webhooks and posts commands beside the "
           "process that runs."},
    option{BULKMSG_CONFIG_ENGINE, "create", boolean, "", 0, 0, "true", false,
           "Mode run: make the file when it is missing."},
    option{BULKMSG_CONFIG_ENGINE, "send", boolean, "", 0, 0, "true", false,
           "Mode run: false opens and recovers but sends nothing."},
    option{BULKMSG_CONFIG_ENGINE, "progress_max", integer, "", 0, 1'000'000, "8192", false,
           "Messages that the progress ring holds; older ones collapse into a resync."},
    option{BULKMSG_CONFIG_ENGINE, "io_threads", integer, "", 1, 64, "1", false,
           "Threads that senders are spread over; each sender stays on one."},

    option{BULKMSG_CONFIG_CAMPAIGN, "name", text, "", 0, 0, "", true, "What people call the campaign."},
    option{BULKMSG_CONFIG_CAMPAIGN, "sender", integer, "", 0, any_id, "0", false,
           "Id of the sender; 0: not chosen yet."},
    option{BULKMSG_CONFIG_CAMPAIGN, "more_senders", integers, "", 1, any_id, "", false,
           "Ids of further senders, of the same channel and each another number; every recipient gets one of them."},
    option{BULKMSG_CONFIG_CAMPAIGN, "template", integer, "", 0, any_id, "0", false,
           "Id of the template or own message; 0: not chosen yet."},
    option{BULKMSG_CONFIG_CAMPAIGN, "account", integer, "", 0, any_id, "0", false,
           "Id of the account that pays; 0: none, sending is metered only."},
    option{BULKMSG_CONFIG_CAMPAIGN, "credits_per_message", integer, "", 1, 1000, "1", false,
           "Price of one message; see bulkmsg_account_price()."},
    option{BULKMSG_CONFIG_CAMPAIGN, "agent", text, "", 0, 0, "", false, "Who it is sent from; empty: the sender's."},
    option{BULKMSG_CONFIG_CAMPAIGN, "reply_to", text, "", 0, 0, "", false,
           "Who gets the replies; empty: the sender's."},
    option{BULKMSG_CONFIG_CAMPAIGN, "require_consent", word, "auto|true|false", 0, 0, "auto", false,
           "Whether recipients need a known or stated consent; auto: those of MARKETING templates do."},
    option{BULKMSG_CONFIG_CAMPAIGN, "content_rules", text, "", 0, content::content_rules_bytes_max, "", false,
           "Words and links to warn of or to block, a rule a line."},
    option{BULKMSG_CONFIG_CAMPAIGN, "weight", integer, "", 1, 100, "1", false,
           "Its share of a sender, against other campaigns' weights."},
    option{BULKMSG_CONFIG_CAMPAIGN, "urgent", boolean, "", 0, 0, "false", false,
           "Goes before all that are not urgent: one-time codes, alerts."},
    option{BULKMSG_CONFIG_CAMPAIGN, "hours", text, "", 0, 0, "", false,
           "When messages may leave, for example mon-fri 09:00-20:00; empty: always."},
    option{BULKMSG_CONFIG_CAMPAIGN, "hours_in", text, "", 0, 0, "", false,
           "Whose clock the hours are read from: empty: the sender's; recipient: the country of each number; an IANA "
           "zone; column:NAME: a column with one per recipient."},
    option{BULKMSG_CONFIG_CAMPAIGN, "when_unconfirmed", word, "hold|resend|give_up", 0, 0, "hold", false,
           "What becomes of messages that may have gone: hold: wait for a receipt or a person; resend: send them again "
           "after the wait, once webhooks are seen to arrive; give_up: count them as failed after the wait."},
    option{BULKMSG_CONFIG_CAMPAIGN, "unconfirmed_wait_ms", integer, "", unconfirmed_wait_min.count(),
           unconfirmed_wait_max.count(), "3600000", false, "How long to wait for a receipt before that."},
    option{BULKMSG_CONFIG_CAMPAIGN, "actor", text, "", 0, 0, "", false, "Who makes or edits it, for the history."},
    option{BULKMSG_CONFIG_CAMPAIGN, "map.*", text, "", 0, 0, "", false,
           "Where the value of a place of the content comes from: a column, and what stands for an empty cell, for "
           "example map.body.1 = first_name|friend; "
           "without it the default column, for body.1 param1."},

    option{BULKMSG_CONFIG_ACCOUNT, "name", text, "", 0, 0, "", true, "Unique in the store."},
    option{BULKMSG_CONFIG_ACCOUNT, "per_user_credits", integer, "", 0, credits::per_user_credits_max, "3000", false,
           "Credits a month for each user and each additional phone."},
    option{BULKMSG_CONFIG_ACCOUNT, "users", integer, "", 0, credits::seats_max, "1", false, "Users."},
    option{BULKMSG_CONFIG_ACCOUNT, "additional_phones", integer, "", 0, credits::seats_max, "0", false,
           "Phones beyond the first, which is free and adds no credits."},
    option{BULKMSG_CONFIG_ACCOUNT, "topup_price_micros", integer, "", 0, credits::topup_price_micros_max, "6000", false,
           "Price of a bought credit in micro-dollars."},
    option{BULKMSG_CONFIG_ACCOUNT, "billing_day", integer, "", 1, 31, "1", false,
           "Day of the month on which monthly credits begin anew; in shorter months the last day."},
    option{BULKMSG_CONFIG_ACCOUNT, "time_zone", text, "", 0, 0, "UTC", false,
           "IANA name of the zone in which the billing day begins, for example Europe/Berlin."},
    option{
        BULKMSG_CONFIG_ACCOUNT, "key", text, "", 0, 0, "", false,
        "Made by the caller: the same key again does nothing, so that a call whose answer was lost can be repeated."},

    option{BULKMSG_CONFIG_START, "idempotency_key", text, "", 0, 0, "", false,
           "Made by the caller: starting again under the same key runs once."},
    option{BULKMSG_CONFIG_START, "expected_hash", text, "", 0, 0, "", false,
           "Refuse when the plan's hash is another, for example than that of the dry run people approved."},
    option{BULKMSG_CONFIG_START, "actor", text, "", 0, 0, "", false, "Who starts it, for the history."},

    option{BULKMSG_CONFIG_IMPORT, "delimiter", word, "auto|comma|semicolon|bar|tab", 0, 0, "auto", false,
           "What separates the cells of a CSV; auto: the one that its header row holds most of."},
    option{BULKMSG_CONFIG_IMPORT, "default_region", text, "", 0, 0, "", false,
           "ISO 3166 code of the country that numbers without a country code are from, for example DE."},
    option{BULKMSG_CONFIG_IMPORT, "columns", text, "", 0, 0, "", false,
           "JSON: the keys to take, separated by commas; empty: those of the first object."},

    option{BULKMSG_CONFIG_CONTACTS, "labels", text, "", 0, 0, "", false,
           "Given to every contact, separated by semicolons."},
    option{BULKMSG_CONFIG_CONTACTS, "group", text, "", 0, 0, "", false,
           "A static group that they join; made when missing."},
    option{BULKMSG_CONFIG_CONTACTS, "consent_source", text, "", 0, 0, "", false,
           "They have agreed to marketing, and this is where; empty: nothing is said."},
    option{BULKMSG_CONFIG_CONTACTS, "test", boolean, "", 0, 0, "false", false, "Marks them as test contacts."},
    option{BULKMSG_CONFIG_CONTACTS, "sandbox", boolean, "", 0, 0, "false", false, "Marks them as sandbox contacts."},

    option{BULKMSG_CONFIG_MEDIA, "kind", word, "auto|image|video|audio|document|sticker", 0, 0, "auto", false,
           "What it is sent as; auto: whatever the bytes usually are."},
    option{BULKMSG_CONFIG_MEDIA, "mime", text, "", 0, 0, "", false,
           "Type of a document that is not known by its bytes."},
    option{BULKMSG_CONFIG_MEDIA, "name", text, "", 0, 0, "", false, "A file name for bytes that come from no file."},

    option{BULKMSG_CONFIG_PREVIEW, "map.*", text, "", 0, 0, "", false,
           "As of a campaign: the column that fills a place of the content."},

    option{BULKMSG_CONFIG_COMMAND, "actor", text, "", 0, 0, "", false, "Who does it, for the history."},
    option{BULKMSG_CONFIG_COMMAND, "reason", text, "", 0, 0, "", false, "Why; where there is a status it is shown."},
    option{BULKMSG_CONFIG_COMMAND, "wait_ms", integer, "", 0, day, "5000", false,
           "Mode post: how long to wait for the process that runs the store."},

    option{BULKMSG_CONFIG_SCHEDULE, "at", text, "", 0, 0, "", true,
           "When, with a zone: 2026-12-01 09:00 Europe/Berlin, or 2026-12-01T09:00:00+01:00."},
    option{BULKMSG_CONFIG_SCHEDULE, "max_lateness_ms", integer, "", 0, 30 * day, "3600000", false,
           "Fired later than this, because no process ran the store, it fails instead."},
    option{BULKMSG_CONFIG_SCHEDULE, "actor", text, "", 0, 0, "", false, "Who schedules it, for the history."},
    option{BULKMSG_CONFIG_SCHEDULE, "wait_ms", integer, "", 0, day, "30000", false,
           "Mode post: how long to wait for the process that runs the store."},

    option{BULKMSG_CONFIG_TEST_SEND, "row", integer, "", 0, any_id, "0", false,
           "The recipient who is shown, from 0 in the order of the import."},
    option{BULKMSG_CONFIG_TEST_SEND, "actor", text, "", 0, 0, "", false, "Who sends it, for the history."},

    option{BULKMSG_CONFIG_RESOLVE, "as", word, "sent|not_sent", 0, 0, "", true,
           "sent: they went, and are charged; not_sent: they did not: failed, credits returned."},
    option{BULKMSG_CONFIG_RESOLVE, "actor", text, "", 0, 0, "", true, "Who says so; kept."},
    option{BULKMSG_CONFIG_RESOLVE, "reason", text, "", 0, 0, "", false, "Why; kept."},
    option{BULKMSG_CONFIG_RESOLVE, "message", integer, "", 0, any_id, "0", false,
           "Number of one message; 0: all unconfirmed ones of the campaign."},
    option{BULKMSG_CONFIG_RESOLVE, "wait_ms", integer, "", 0, day, "5000", false,
           "Mode post: how long to wait for the process that runs the store."},

    option{BULKMSG_CONFIG_RETRY, "what", word, "failed|unconfirmed", 0, 0, "failed", false,
           "failed: refused or undelivered, where the error says that it may pass; unconfirmed: may have gone."},
    option{BULKMSG_CONFIG_RETRY, "all", boolean, "", 0, 0, "false", false,
           "Of failed also those that would fail again as they are, for who has put right the cause."},
    option{BULKMSG_CONFIG_RETRY, "name", text, "", 0, 0, "", false, "Of the child; empty: made of the parent's."},
    option{BULKMSG_CONFIG_RETRY, "actor", text, "", 0, 0, "", false, "Who does it, for the history."},

    option{BULKMSG_CONFIG_SUPPRESSION, "scope", word, "all|marketing", 0, 0, "all", false,
           "What they are barred from."},
    option{BULKMSG_CONFIG_SUPPRESSION, "source", word, "auto|own_list|stop_word|platform_preference|provider_error", 0,
           0, "auto", false, "Who said so; auto: own_list, and of a lift stop_word, too."},
    option{BULKMSG_CONFIG_SUPPRESSION, "note", text, "", 0, 0, "", false, "For people: who said so, and why."},

    option{BULKMSG_LIST_TEMPLATES, "business_account_id", text, "", 0, 0, "", false, "Only this account's."},
    option{BULKMSG_LIST_TEMPLATES, "name", text, "", 0, 0, "", false, "Only those of this name."},
    option{BULKMSG_LIST_TEMPLATES, "language", text, "", 0, 0, "", false, "Only those in this language."},
    option{BULKMSG_LIST_TEMPLATES, "status", text, "", 0, 0, "", false,
           "Only those of this state, for example APPROVED."},
    option{BULKMSG_LIST_TEMPLATES, "gone", boolean, "", 0, 0, "false", false,
           "Also those that the provider no longer lists."},

    option{BULKMSG_LIST_CAMPAIGNS, "state", word,
           "any|draft|scheduled|starting|sending|paused|completed|stopped|failed", 0, 0, "any", false,
           "Only campaigns in this state."},
    option{BULKMSG_LIST_CAMPAIGNS, "agent", text, "", 0, 0, "", false, "Only this agent's."},
    option{BULKMSG_LIST_CAMPAIGNS, "name", text, "", 0, 0, "", false,
           "Only those whose name has this part, in any case of ASCII letters."},
    option{BULKMSG_LIST_CAMPAIGNS, "created_from_unix_ms", integer, "", 0, any_id, "0", false, "Only younger ones."},
    option{BULKMSG_LIST_CAMPAIGNS, "tests", boolean, "", 0, 0, "false", false, "Test sends, too."},

    option{BULKMSG_LIST_MESSAGES, "state", word,
           "any|queued|retry|accepted|refused|unconfirmed|skipped|attempting|sent|failed", 0, 0, "any", false,
           "Only messages in this state; sent and failed, as the counters call them, are accepted and refused."},
    option{BULKMSG_LIST_MESSAGES, "undelivered", boolean, "", 0, 0, "false", false,
           "Only accepted messages that a receipt failed."},
    option{BULKMSG_LIST_MESSAGES, "receipt", word, "any|none|sent|failed|delivered|read", 0, 0, "any", false,
           "Only messages whose highest receipt is this."},
    option{BULKMSG_LIST_MESSAGES, "code", integer, "", 0, 2'147'483'647, "0", false, "Only with this code; 0: any."},
    option{BULKMSG_LIST_MESSAGES, "address", text, "", 0, 0, "", false, "Only to this one, in its one spelling."},

    option{BULKMSG_LIST_REPLIES, "address", text, "", 0, 0, "", false, "Only this person's, by any of their names."},

    option{BULKMSG_LIST_CONTACTS, "selection", text, "", 0, 0, "", false,
           "Name of a segment or group; empty: every contact."},

    option{BULKMSG_LIST_SUPPRESSIONS, "address", text, "", 0, 0, "", false, "Only this person's."},
};

}  // namespace bulkmsg::capi
