#include "store/schema.hpp"

#include <filesystem>
#include <system_error>

#include "store/copies.hpp"

namespace bulkmsg::store {

namespace {

// Times are Unix milliseconds, 0 or NULL for "not yet". Wide keys are two numbers in one: campaign<<32|row for
// recipients, lane<<32|sequence for the plan and messages, so that sending walks every table in ascending order.
constexpr const char* version_1 = R"sql(
CREATE TABLE store(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  store_id INTEGER NOT NULL,              -- names this store in callback keys
  created_at_ms INTEGER NOT NULL,
  foreign_receipts INTEGER NOT NULL DEFAULT 0,  -- counted and dropped
  inode INTEGER NOT NULL DEFAULT 0,       -- of this file, and when it was born: in a copy they are another's; 0: unknown
  born_ns INTEGER NOT NULL DEFAULT 0,
  retention_ms INTEGER NOT NULL DEFAULT 0,  -- finished campaigns lose personal data after this time; 0: never
  forget_key BLOB NOT NULL DEFAULT x'',   -- of the hashes that stand for persons; empty: none was needed yet
  forgotten INTEGER NOT NULL DEFAULT 0,   -- persons
  barred_by_hash INTEGER NOT NULL DEFAULT 0);  -- 1: somebody may be, whose address is not kept

CREATE TABLE former_stores(               -- of which this one is an adopted copy
  store_id INTEGER PRIMARY KEY,
  lanes_to INTEGER NOT NULL,              -- receipts for lanes up to here are ours, too
  adopted_at_ms INTEGER NOT NULL);

CREATE TABLE senders(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  origin TEXT NOT NULL,
  api_version TEXT NOT NULL,
  phone_number_id TEXT NOT NULL,
  business_account_id TEXT NOT NULL,
  token TEXT NOT NULL,                    -- the secret's name, never its value
  app_secret TEXT NOT NULL,
  verify_token TEXT NOT NULL,
  limits TEXT NOT NULL,
  time_zone TEXT NOT NULL DEFAULT '',     -- IANA; empty: UTC
  portfolio TEXT NOT NULL DEFAULT '',     -- whose `recipients` limits it shares; empty: nobody's
  connections_max INTEGER NOT NULL,
  response_timeout_ms INTEGER NOT NULL,
  tls_ca_file TEXT NOT NULL,
  channel TEXT NOT NULL,                  -- whatsapp_cloud, telegram, chat
  channel_description TEXT NOT NULL,      -- of channel chat, JSON
  marketing_endpoint INTEGER NOT NULL,
  agent TEXT NOT NULL,
  reply_to TEXT NOT NULL,
  server_faults_refuse INTEGER NOT NULL DEFAULT 1,
  opt_out_words TEXT NOT NULL DEFAULT '',  -- empty: the usual ones
  heard_of_ms INTEGER NOT NULL DEFAULT 0);  -- since the store was opened to run, receipts came of attempts up to then

CREATE TABLE templates(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  json TEXT NOT NULL,                     -- as the provider gave it, or the own message; never changed: a campaign's
                                          -- words stay its words
  kind TEXT NOT NULL DEFAULT 'provider',  -- or 'own'
  fetched INTEGER NOT NULL DEFAULT 0,     -- 1: came from the provider's list, see provider_templates
  UNIQUE(name, language, json));

CREATE TABLE provider_templates(          -- what an account has at the provider, as last fetched
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,                  -- the business account
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  status TEXT NOT NULL,
  category TEXT NOT NULL,
  quality TEXT NOT NULL,
  parameter_format TEXT NOT NULL,
  rejected_reason TEXT NOT NULL,
  template INTEGER NOT NULL,              -- its words now; a change of words is another row of `templates`
  fetched_at_ms INTEGER NOT NULL,
  gone INTEGER NOT NULL DEFAULT 0,        -- 1: no longer listed
  reworded INTEGER NOT NULL DEFAULT 0,    -- 1: it says something else by now, which is not fetched yet
  changes INTEGER NOT NULL DEFAULT 0,     -- of words, status and presence, so many so far
  UNIQUE(account, name, language));

CREATE TABLE media(                       -- files that the provider keeps for us
  id INTEGER PRIMARY KEY,
  origin TEXT NOT NULL,
  phone_number_id TEXT NOT NULL,          -- the only number that can send it
  sha256 TEXT NOT NULL,                   -- of the bytes, hex
  mime TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  path TEXT NOT NULL,                     -- where it is read again; empty: it was given as bytes
  media_id TEXT NOT NULL,                 -- the provider's; a new one after each upload
  uploaded_at_ms INTEGER NOT NULL,
  UNIQUE(origin, phone_number_id, sha256, mime));

CREATE TABLE campaign_media(              -- the files that a frozen campaign sends
  campaign INTEGER NOT NULL,
  sender INTEGER NOT NULL,                -- each number has ids of its own
  value TEXT NOT NULL,                    -- as it stands in its columns: file:PATH
  media INTEGER NOT NULL,
  PRIMARY KEY(campaign, sender, value)) WITHOUT ROWID;

CREATE TABLE accounts(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  per_user_credits INTEGER NOT NULL,
  users INTEGER NOT NULL,
  additional_phones INTEGER NOT NULL,
  topup_price_micros INTEGER NOT NULL,
  billing_day INTEGER NOT NULL,
  time_zone TEXT NOT NULL,
  period_ends_ms INTEGER NOT NULL DEFAULT 0,  -- by the billing date under which the running period began
  renews_ms INTEGER NOT NULL DEFAULT 0,       -- when the next one begins
  -- cached balances; `credits audit` recomputes them from the ledger
  period INTEGER NOT NULL DEFAULT 0,
  granted INTEGER NOT NULL DEFAULT 0,
  bought INTEGER NOT NULL DEFAULT 0,
  adjusted INTEGER NOT NULL DEFAULT 0,
  available_monthly INTEGER NOT NULL DEFAULT 0,
  available_topup INTEGER NOT NULL DEFAULT 0,
  reserved INTEGER NOT NULL DEFAULT 0,
  spent INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  uncollected INTEGER NOT NULL DEFAULT 0);  -- accepted after their credit was given back, nothing left to charge

CREATE TABLE reservations(
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  campaign INTEGER NOT NULL,
  period INTEGER NOT NULL,
  monthly INTEGER NOT NULL,               -- held now, by bucket
  topup INTEGER NOT NULL,
  posted INTEGER NOT NULL DEFAULT 0,
  voided INTEGER NOT NULL DEFAULT 0);

CREATE TABLE ledger(                      -- append-only
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  period INTEGER NOT NULL,
  reservation INTEGER NOT NULL DEFAULT 0,
  client_id TEXT,                         -- of the call that wrote it, where it had one
  reason TEXT,                            -- adjust: why, and who did it
  actor TEXT);
CREATE INDEX ledger_account ON ledger(account);
CREATE INDEX ledger_grants ON ledger(account, period) WHERE kind = 1;

CREATE TABLE credit_calls(                -- ids made by clients: a call with a known id does nothing
  account INTEGER NOT NULL,
  id TEXT NOT NULL,
  contents TEXT NOT NULL,                 -- what was asked for; another is a conflict
  reservation INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(account, id)) WITHOUT ROWID;

CREATE TABLE campaigns(
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: hosts remember it, and so does the history
  name TEXT NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  sender INTEGER NOT NULL,                -- the first of campaign_senders; 0: none yet
  template INTEGER NOT NULL,
  account INTEGER NOT NULL,               -- 0: metered only
  credits_per_message INTEGER NOT NULL DEFAULT 1,
  reservation INTEGER NOT NULL DEFAULT 0,
  mapping TEXT NOT NULL DEFAULT '',       -- slot and source by turns, joined by U+001F
  content_rules TEXT NOT NULL DEFAULT '', -- see bulkmsg/content/content_check.hpp
  columns TEXT NOT NULL DEFAULT '',       -- the recipients' parameter columns, joined by U+001F
  recipients INTEGER NOT NULL DEFAULT 0,  -- rows of `recipients`
  rejects INTEGER NOT NULL DEFAULT 0,     -- rows of `rejects`
  require_consent INTEGER,                -- 0 or 1; NULL: marketing needs it
  marketing INTEGER NOT NULL DEFAULT 0,   -- from here: as frozen
  needs_consent INTEGER NOT NULL DEFAULT 0,
  screened_at INTEGER NOT NULL DEFAULT 0,   -- the last entry of consent_log that the plan knows
  screened_out INTEGER NOT NULL DEFAULT 0,  -- the last so many rows of `rejects` are recipients that the plan left out
  same_media INTEGER NOT NULL DEFAULT 0,    -- 1: every message shows the same files
  plan_hash TEXT NOT NULL DEFAULT '',
  start_key TEXT NOT NULL DEFAULT '',     -- idempotency key of start
  weight INTEGER NOT NULL DEFAULT 1,
  urgent INTEGER NOT NULL DEFAULT 0,
  hours TEXT NOT NULL DEFAULT '',         -- see bulkmsg/pacing/weekly_hours.hpp; empty: always
  hours_in TEXT NOT NULL DEFAULT '',      -- sender (empty), recipient, column:NAME or an IANA zone
  parent INTEGER NOT NULL DEFAULT 0,      -- whose messages this one sends again
  retries INTEGER NOT NULL DEFAULT 0,     -- which of them: 1 failed, 2 unconfirmed
  unconfirmed_rule INTEGER NOT NULL DEFAULT 0,  -- 0 hold, 1 resend, 2 give up
  unconfirmed_wait_ms INTEGER NOT NULL DEFAULT 0,
  repeat_ms INTEGER NOT NULL DEFAULT 0,   -- so long the channel takes a request with a known key for the same; 0: never
  agent TEXT NOT NULL DEFAULT '',         -- "sent from", as it was when the campaign was made
  reply_to TEXT NOT NULL DEFAULT '',
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL DEFAULT 0,
  finished_at_ms INTEGER NOT NULL DEFAULT 0,
  test_of INTEGER NOT NULL DEFAULT 0,     -- a test send of this campaign; 0: a campaign of its own
  scheduled_at_ms INTEGER NOT NULL DEFAULT 0,  -- when it is to start; 0: not scheduled
  scheduled_as TEXT NOT NULL DEFAULT '',  -- the same as it was written, with its zone
  max_lateness_ms INTEGER NOT NULL DEFAULT 0,
  expired_to INTEGER NOT NULL DEFAULT 0,  -- so many of its rows have lost their personal data; -1: all have
  -- counters, see bulkmsg/campaign/counters.hpp
  total INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  unconfirmed INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  read INTEGER NOT NULL DEFAULT 0,
  undelivered INTEGER NOT NULL DEFAULT 0,
  responded INTEGER NOT NULL DEFAULT 0,
  settled_by_receipt INTEGER NOT NULL DEFAULT 0);
CREATE INDEX campaigns_children ON campaigns(parent) WHERE parent > 0;
CREATE INDEX campaigns_ruled ON campaigns(state, unconfirmed > 0) WHERE unconfirmed_rule > 0 OR repeat_ms > 0;

CREATE INDEX campaigns_scheduled ON campaigns(scheduled_at_ms) WHERE state = 2;

CREATE TABLE campaign_senders(            -- among which its recipients are dealt out when it is frozen
  campaign INTEGER NOT NULL,
  place INTEGER NOT NULL,                 -- as they were named, from 0
  sender INTEGER NOT NULL,
  accepted INTEGER NOT NULL DEFAULT -1,   -- provider_templates.changes when a person last resumed; -1: nobody did
  PRIMARY KEY(campaign, place)) WITHOUT ROWID;

CREATE TABLE recipients(
  id INTEGER PRIMARY KEY,                 -- campaign<<32 | row, from 0
  line INTEGER NOT NULL,
  address TEXT NOT NULL,                  -- +4915112345678, group:ID, user:ID, chat:ID
  parameters TEXT NOT NULL);              -- cells joined by U+001F, in the order of campaigns.columns

CREATE TABLE rejects(
  id INTEGER PRIMARY KEY,                 -- campaign<<32 | number, from 0
  line INTEGER NOT NULL,
  column_number INTEGER NOT NULL,
  column_name TEXT NOT NULL,
  code INTEGER NOT NULL,
  reason TEXT NOT NULL,
  address TEXT NOT NULL,                  -- as written
  address_column TEXT NOT NULL,           -- the input's, such as phone_number
  row TEXT NOT NULL);                     -- the whole row as CSV: address, campaigns.columns, cells too many

CREATE TABLE lanes(
  id INTEGER PRIMARY KEY,
  campaign INTEGER NOT NULL,
  sender INTEGER NOT NULL,                -- over which it goes
  size INTEGER NOT NULL,                  -- sequences are 0..size-1
  position INTEGER NOT NULL DEFAULT 0,    -- no sequence from here on was ever handed to the network
  indexed INTEGER NOT NULL DEFAULT 0,     -- what was accepted before here is in sent_index, or will be by to_index
  zones TEXT NOT NULL DEFAULT '');        -- IANA names: where the campaign's hours are meant; empty: it has none
CREATE INDEX lanes_campaign ON lanes(campaign);
CREATE INDEX lanes_to_index ON lanes(id) WHERE indexed < position;

CREATE TABLE pauses(                      -- of one sender, while its campaigns are sending: see store/pauses.hpp
  sender INTEGER NOT NULL,
  campaign INTEGER NOT NULL,              -- 0: everything of the sender
  until_ms INTEGER NOT NULL,              -- 9000000000000: until somebody resumes the campaign
  reason TEXT NOT NULL,
  PRIMARY KEY(sender, campaign)) WITHOUT ROWID;

CREATE TABLE plan(
  id INTEGER PRIMARY KEY,                 -- lane<<32 | sequence
  recipient INTEGER NOT NULL);

CREATE TABLE intents(                     -- "lane L, [first, last) may be on the wire from now on"
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: what closes a range must not close a later one
  lane INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  retries INTEGER NOT NULL DEFAULT 0,     -- opened retries, which have rows of their own; the range is then empty
  at_ms INTEGER NOT NULL,                 -- opened; from closing on: closed
  closed INTEGER NOT NULL DEFAULT 0);     -- every sequence has its outcome; kept while limits look back

CREATE TABLE messages(                    -- a row appears with the first outcome
  id INTEGER PRIMARY KEY,                 -- lane<<32 | sequence
  state INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  next_at_ms INTEGER,                     -- when a retry is due; of a refused one: from when it may pass, if ever
  provider_id TEXT,
  code INTEGER,
  detail TEXT,
  receipt INTEGER NOT NULL DEFAULT 0,
  sent_at_ms INTEGER, delivered_at_ms INTEGER, read_at_ms INTEGER, failed_at_ms INTEGER,
  repeat_until_ms INTEGER,                -- an earlier request may have gone; until then it is repeated under the same
                                          -- key, 0: it is sent again under another
  left_by_ms INTEGER,                     -- its request left between at_ms and then; NULL: at at_ms
  superseded INTEGER);                    -- the recipient of a child campaign who gets it instead
CREATE INDEX messages_due ON messages(id >> 32, next_at_ms) WHERE state = 1;
CREATE INDEX messages_attempting ON messages(id) WHERE state = 6;
CREATE INDEX messages_unconfirmed ON messages(id >> 32, superseded, at_ms) WHERE state = 4;
CREATE INDEX messages_superseded ON messages(superseded) WHERE superseded IS NOT NULL;

CREATE TABLE forgotten_names(             -- what stands for each of their names
  person INTEGER PRIMARY KEY);

CREATE TABLE forgotten_on_the_way(        -- the person was forgotten before the answer came, whose words are not kept
  message INTEGER PRIMARY KEY);

CREATE TABLE group_receipts(              -- of the participants of a group; the message itself counts once
  message INTEGER NOT NULL,
  participant TEXT NOT NULL,
  receipt INTEGER NOT NULL,
  sent_at_ms INTEGER, delivered_at_ms INTEGER, read_at_ms INTEGER, failed_at_ms INTEGER,
  code INTEGER,
  PRIMARY KEY(message, participant)) WITHOUT ROWID;

CREATE TABLE sent_index(                  -- accepted messages by provider id and by person, see store/sent_index.hpp
  run INTEGER NOT NULL,
  key INTEGER NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY(run, key, message)) WITHOUT ROWID;
CREATE TABLE index_runs(
  id INTEGER PRIMARY KEY,
  messages INTEGER NOT NULL,
  last_ms INTEGER NOT NULL);              -- when the latest of them was sent
CREATE TABLE to_index(                    -- accepted, or tried again, behind lanes.indexed
  message INTEGER PRIMARY KEY);

CREATE TABLE inbox(                       -- webhooks, verified and durable, waiting to be merged
  id INTEGER PRIMARY KEY,
  received_at_ms INTEGER NOT NULL,        -- of the first one
  bodies INTEGER NOT NULL,
  said BLOB NOT NULL);                    -- what they say; see src/inbound/inbox_row.hpp

CREATE TABLE parked(                      -- receipts without a key, bounded in rows and days
  id INTEGER PRIMARY KEY,
  received_at_ms INTEGER NOT NULL,
  provider_id TEXT NOT NULL,
  status INTEGER NOT NULL,                -- its rank
  at_ms INTEGER NOT NULL,
  code INTEGER NOT NULL,
  participant TEXT NOT NULL,
  detail TEXT NOT NULL,
  looked INTEGER NOT NULL DEFAULT 0,      -- 1: none of the messages indexed so far; later ones look for it
  person INTEGER NOT NULL DEFAULT 0,      -- the recipient; 0: none is named, or they were forgotten
  until_ms INTEGER NOT NULL DEFAULT 0);   -- of who was forgotten: it waits no longer
CREATE INDEX parked_forgotten ON parked(until_ms) WHERE until_ms > 0;
CREATE INDEX parked_by_age ON parked(received_at_ms);
CREATE INDEX parked_new ON parked(id) WHERE looked = 0;
CREATE UNIQUE INDEX parked_once ON parked(provider_id, status, at_ms, code, participant);

CREATE TABLE conversations(               -- with one person, over one number of ours
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: hosts remember it when the person is forgotten
  phone_number_id TEXT NOT NULL,          -- ours
  person INTEGER NOT NULL,                -- as known when it began; see `identities`
  address TEXT NOT NULL,
  began_at_ms INTEGER NOT NULL,
  last_inbound_ms INTEGER NOT NULL,       -- opens the customer service window
  UNIQUE(person, phone_number_id));

CREATE TABLE replies(
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: whoever pages through them remembers the last
  provider_id TEXT NOT NULL UNIQUE,
  received_at_ms INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,                 -- when it was written, by the provider; never after it was received
  phone_number_id TEXT NOT NULL,          -- ours
  address TEXT NOT NULL,                  -- +digits, user:ID; of whom wrote
  user_id TEXT NOT NULL,
  group_id TEXT NOT NULL,                 -- where it was written, when it was in a group
  profile TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  payload TEXT NOT NULL,                  -- of a button, or the id of a choice
  answers TEXT NOT NULL,                  -- provider id of the message it quotes
  raw TEXT NOT NULL,                      -- JSON, of what is more than words
  opt_out INTEGER NOT NULL DEFAULT 0,     -- scope of the suppression that it asks for
  message INTEGER,                        -- that it answers; NULL: none of ours, or not looked up yet
  campaign INTEGER NOT NULL DEFAULT 0,
  conversation INTEGER NOT NULL DEFAULT 0,
  resumed INTEGER NOT NULL DEFAULT 0,     -- 1: this person had written to this number before
  waits INTEGER NOT NULL DEFAULT 1);      -- not 0: what it answers is to be looked for at this time, and then told
CREATE INDEX replies_by_message ON replies(message) WHERE message IS NOT NULL;
CREATE INDEX replies_by_age ON replies(received_at_ms);
CREATE INDEX replies_waiting ON replies(waits) WHERE waits > 0;

-- Persons are known by the deduplication key of their number, or a hash of another address (person_key()).
CREATE TABLE identities(                  -- other keys under which the provider knows a person
  alias INTEGER PRIMARY KEY,
  person INTEGER NOT NULL);
CREATE INDEX identities_by_person ON identities(person);

CREATE TABLE attributes(                  -- of contacts
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  type INTEGER NOT NULL,                  -- 1 text, 2 number, 3 date, 4 boolean
  indexed INTEGER NOT NULL DEFAULT 0,     -- 1: contact_index is kept, 2: and complete
  indexed_to INTEGER NOT NULL DEFAULT 0); -- contacts up to here are in it

CREATE TABLE contacts(
  id INTEGER PRIMARY KEY,
  person INTEGER NOT NULL UNIQUE,
  address TEXT NOT NULL,
  attributes TEXT NOT NULL,               -- a JSON object: name -> value
  test INTEGER NOT NULL DEFAULT 0,
  sandbox INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL);

CREATE TABLE contact_index(               -- the values of attributes that are declared indexed
  attribute INTEGER NOT NULL,
  value NOT NULL COLLATE NOCASE,
  contact INTEGER NOT NULL,
  PRIMARY KEY(attribute, value, contact)) WITHOUT ROWID;

CREATE TABLE contact_labels(
  label TEXT NOT NULL COLLATE NOCASE,
  contact INTEGER NOT NULL,
  PRIMARY KEY(label, contact)) WITHOUT ROWID;
CREATE INDEX contact_labels_by_contact ON contact_labels(contact, label);

CREATE TABLE segments(
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: members of a removed group must not join another
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  conditions TEXT,                        -- JSON; NULL: a static group
  updated_at_ms INTEGER NOT NULL);

CREATE TABLE group_members(
  segment INTEGER NOT NULL,
  contact INTEGER NOT NULL,
  PRIMARY KEY(segment, contact)) WITHOUT ROWID;

CREATE TABLE suppressions(                -- not to be written to
  person INTEGER NOT NULL,
  source INTEGER NOT NULL,                -- 1 own list, 2 STOP word, 3 platform preference, 4 provider's error
  scope INTEGER NOT NULL,                 -- 1 marketing, 2 all
  at_ms INTEGER NOT NULL,
  address TEXT NOT NULL,                  -- as it was told
  note TEXT NOT NULL,
  PRIMARY KEY(person, source)) WITHOUT ROWID;

CREATE TABLE platform_words(              -- when the platform last said so, by its own clock: order of arrival is nothing
  person INTEGER NOT NULL,
  source INTEGER NOT NULL,                -- of a suppression; 0: the person resumed
  at_ms INTEGER NOT NULL,
  PRIMARY KEY(person, source)) WITHOUT ROWID;

CREATE TABLE consents(                    -- the latest word of each person
  person INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,                 -- 1 granted, 2 withdrawn
  scope INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  source TEXT NOT NULL);

CREATE TABLE consent_statements(          -- the host's word for rows [first, last) of a campaign's recipients
  id INTEGER PRIMARY KEY,
  campaign INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  source TEXT NOT NULL);
CREATE INDEX consent_statements_campaign ON consent_statements(campaign);

CREATE TABLE consent_log(                 -- append-only: every change of suppressions, consents, statements and identities
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  person INTEGER NOT NULL,                -- 0: a whole import
  address TEXT NOT NULL,                  -- as it was told
  what TEXT NOT NULL,                     -- suppress, lift, consent, identity, statement
  source TEXT NOT NULL,
  old TEXT NOT NULL,
  new TEXT NOT NULL,
  note TEXT NOT NULL);

CREATE TABLE provider_states(             -- what webhooks said last of a template, a number or an account
  account TEXT NOT NULL,                  -- the business account
  field TEXT NOT NULL,
  subject TEXT NOT NULL,                  -- template and language, display number, or nothing
  at_ms INTEGER NOT NULL,                 -- by the provider's clock; an older word changes nothing
  value TEXT NOT NULL,                    -- JSON as it came
  PRIMARY KEY(account, field, subject)) WITHOUT ROWID;

CREATE TABLE brakes(                      -- campaigns that the provider's word paused, and that go on by themselves
  campaign INTEGER NOT NULL,
  sender INTEGER NOT NULL DEFAULT 0,      -- not 0: only what goes over this one of several is paused, in `pauses`
  cause TEXT NOT NULL,
  until_ms INTEGER NOT NULL,              -- 0: when the provider takes its word back
  PRIMARY KEY(campaign, sender, cause)) WITHOUT ROWID;

CREATE TABLE commands(                    -- from other processes
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  verb TEXT NOT NULL,
  campaign INTEGER NOT NULL,
  reason TEXT NOT NULL,
  done_at_ms INTEGER NOT NULL DEFAULT 0,
  code INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  argument TEXT NOT NULL DEFAULT '',      -- what the verb needs beside the campaign
  actor TEXT NOT NULL DEFAULT '');
CREATE INDEX commands_waiting ON commands(id) WHERE done_at_ms = 0;

CREATE TABLE events(                      -- durable ones, until the host acknowledges them
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  campaign INTEGER NOT NULL,
  state INTEGER NOT NULL,
  payload TEXT NOT NULL);

CREATE TABLE history(                     -- who changed what, when and why
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: a discarded draft takes its entries with it
  at_ms INTEGER NOT NULL,
  campaign INTEGER NOT NULL,              -- 0: of the store as a whole
  action TEXT NOT NULL,
  reason TEXT NOT NULL,
  actor TEXT NOT NULL DEFAULT '');        -- who; "engine": by itself; empty: the call did not say
CREATE INDEX history_campaign ON history(campaign, id);
)sql";

int version_of(database& db, const std::string& path) {
  const auto version = static_cast<int>(db.number("PRAGMA user_version"));
  if (db.number("PRAGMA application_id") != application_id) {
    throw store_error{error{errc::store_foreign, path + ": the file is not a bulkmsg store; give another path", 0, 0}};
  }
  if (version > schema_version) {
    throw store_error{error{errc::store_newer,
                            path + ": the store was written by a newer bulkmsg (schema " + std::to_string(version) +
                                ", this one knows " + std::to_string(schema_version) + "); upgrade bulkmsg to open it",
                            0, 0}};
  }
  return version;
}

}  // namespace

void check_schema(database& db, const std::string& path) { static_cast<void>(version_of(db, path)); }

void create_if_missing(const std::string& path, std::int64_t now_ms, std::int64_t store_id) {
  std::error_code problem;
  if (std::filesystem::exists(path, problem)) {
    // Looked at through a reading connection first: a writing one would tidy up another program's file.
    database existing(path, database::access::read);
    check_schema(existing, path);
    return;
  }
  const std::string making = path + ".new";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(making + suffix, problem);
  {
    database db(making, database::access::create);
    db.exec("PRAGMA journal_mode=WAL");
    db.exec("BEGIN IMMEDIATE");
    db.exec(version_1);
    db.run("INSERT INTO store(id, store_id, created_at_ms) VALUES (1, ?1, ?2)", store_id, now_ms);
    put_identity(db, identity_of(making));  // renaming changes neither
    db.exec("PRAGMA application_id=" + std::to_string(application_id));
    db.exec("PRAGMA user_version=" + std::to_string(schema_version));
    db.exec("COMMIT");
  }  // closing the last connection writes the log back into the file
  std::filesystem::rename(making, path, problem);
  if (problem) throw store_error{error{errc::store_failed, path + ": " + problem.message(), 0, 0}};
}

}  // namespace bulkmsg::store
