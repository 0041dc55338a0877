/* Sends a template to everyone in a CSV file, and waits until every message is accounted for.
 *
 *   send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]
 *
 * With LISTEN_ADDRESS ("127.0.0.1:8080") it also answers the provider's webhooks there and waits for the receipts.
 * Killed in the middle, run it again: it finds the unfinished campaign in the store and goes on with it.
 * Ends with 0 when every message is accounted for, with 3 when the campaign is paused or messages are unconfirmed. */
#include <bulkmsg/bulkmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bulkmsg_error* err; /* details of the last failure */

static void check(bulkmsg_status status, const char* doing) {
  if (status == BULKMSG_OK) return;
  fprintf(stderr, "%s: %s [%s]\n", doing, bulkmsg_error_message(err, NULL), bulkmsg_status_name(status));
  exit(1); /* nothing is lost: the store is as safe as after a crash */
}

static char* read_file(const char* path, size_t* length) {
  FILE* file = fopen(path, "rb");
  char* bytes = malloc(1 << 20);
  if (file == NULL || bytes == NULL) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  *length = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static void set(bulkmsg_config* config, const char* key, const char* value) {
  check(bulkmsg_config_set(config, key, strlen(key), value, strlen(value), &err), key);
}

static void set_number(bulkmsg_config* config, const char* key, long long value) {
  char digits[24];
  sprintf(digits, "%lld", value);
  set(config, key, digits);
}

/* The campaign that an earlier run left unfinished, or 0. */
static int64_t unfinished_campaign(bulkmsg_engine* engine, int32_t* state) {
  int64_t id = 0;
  size_t count = 0;
  for (;;) {
    check(bulkmsg_campaign_list(engine, id, &id, 1, &count, &err), "list campaigns");
    if (count == 0) return 0;
    check(bulkmsg_campaign_state(engine, id, state, &err), "campaign state");
    if (*state > BULKMSG_CAMPAIGN_DRAFT && *state < BULKMSG_CAMPAIGN_COMPLETED) return id;
  }
}

static int64_t new_campaign(bulkmsg_engine* engine, const char* sender_file, const char* template_file,
                            const char* csv) {
  bulkmsg_config* config;
  bulkmsg_import_report report;
  bulkmsg_plan plan;
  int64_t sender, content, account, campaign;
  size_t length;
  char* json = read_file(sender_file, &length);
  check(bulkmsg_sender_put(engine, json, length, &sender, &err), sender_file);
  free(json);
  json = read_file(template_file, &length);
  check(bulkmsg_template_put(engine, json, length, &content, &err), template_file);
  free(json);

  check(bulkmsg_config_create(BULKMSG_CONFIG_ACCOUNT, &config, &err), "account");
  set(config, "name", "send_csv");
  set(config, "users", "5"); /* 3,000 credits a month each */
  check(bulkmsg_account_put(engine, config, &account, &err), "account");
  bulkmsg_config_destroy(config);

  check(bulkmsg_config_create(BULKMSG_CONFIG_CAMPAIGN, &config, &err), "campaign");
  set(config, "name", csv);
  set_number(config, "sender", sender);
  set_number(config, "template", content);
  set_number(config, "account", account);
  check(bulkmsg_campaign_create(engine, config, &campaign, &err), "campaign");
  bulkmsg_config_destroy(config);

  check(bulkmsg_campaign_import_file(engine, campaign, BULKMSG_FORMAT_CSV, csv, strlen(csv), NULL, &report,
                                     sizeof report, &err),
        csv);
  printf("%lld rows: %lld added, %lld duplicates, %lld rejected\n", (long long)report.rows, (long long)report.added,
         (long long)report.duplicates, (long long)report.rejected);
  check(bulkmsg_campaign_start(engine, campaign, NULL, &plan, sizeof plan, &err), "start");
  printf("sending %lld messages, at least %.1f s\n", (long long)plan.messages, (double)plan.duration_ms / 1000);
  return campaign;
}

/* Takes what happened, for up to timeout_ms; returns how many events there were. */
static size_t take_events(bulkmsg_engine* engine, int64_t timeout_ms) {
  bulkmsg_event events[256];
  size_t i, count = 0;
  int64_t last = 0;
  check(bulkmsg_engine_poll(engine, events, sizeof events[0], 256, timeout_ms, &count, &err), "poll");
  for (i = 0; i < count; ++i) {
    if (events[i].id != 0) last = events[i].id; /* durable: comes again until acknowledged */
  }
  if (last != 0) check(bulkmsg_engine_ack(engine, last, &err), "acknowledge");
  return count;
}

int main(int argc, char** argv) {
  bulkmsg_config* config;
  bulkmsg_engine* engine;
  bulkmsg_counters c;
  bulkmsg_text* status;
  int64_t campaign;
  int32_t state = BULKMSG_CAMPAIGN_SENDING;
  const int listens = argc == 6;
  if (argc != 5 && argc != 6) {
    fprintf(stderr, "usage: %s STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]\n", argv[0]);
    return 2;
  }

  check(bulkmsg_config_create(BULKMSG_CONFIG_ENGINE, &config, &err), "config");
  set(config, "path", argv[1]);
  check(bulkmsg_engine_open(config, &engine, &err), argv[1]);
  bulkmsg_config_destroy(config);

  campaign = unfinished_campaign(engine, &state);
  if (campaign == 0) {
    campaign = new_campaign(engine, argv[2], argv[3], argv[4]);
  } else if (state == BULKMSG_CAMPAIGN_PAUSED) {
    check(bulkmsg_campaign_resume(engine, campaign, NULL, &err), "resume");
  }
  if (listens) check(bulkmsg_webhook_listen(engine, argv[5], strlen(argv[5]), NULL, &err), argv[5]);

  do {
    take_events(engine, 1000);
    check(bulkmsg_campaign_state(engine, campaign, &state, &err), "campaign state");
  } while (state < BULKMSG_CAMPAIGN_COMPLETED && state != BULKMSG_CAMPAIGN_PAUSED);
  while (listens && take_events(engine, 3000) > 0) {
  } /* receipts: until none came for three seconds */

  check(bulkmsg_campaign_counters(engine, campaign, &c, sizeof c, &err), "counters");
  printf("total %lld\nsent %lld\nfailed %lld\nunconfirmed %lld\nskipped %lld\nqueued %lld\n", (long long)c.total,
         (long long)c.sent, (long long)c.failed, (long long)c.unconfirmed, (long long)c.skipped, (long long)c.queued);
  printf("delivered %lld\nread %lld\nundelivered %lld\ncredits_spent %lld\n", (long long)c.delivered, (long long)c.read,
         (long long)c.undelivered, (long long)c.credits_spent);
  check(bulkmsg_campaign_reasons(engine, campaign, &status, &err), "reasons");
  printf("not sent: %s\n", bulkmsg_text_data(status, NULL));
  bulkmsg_text_destroy(status);
  if (state != BULKMSG_CAMPAIGN_COMPLETED) {
    check(bulkmsg_campaign_status(engine, campaign, &status, &err), "campaign status");
    fprintf(stderr, "not completed; put right what its reason says and run this again: %s\n",
            bulkmsg_text_data(status, NULL));
    bulkmsg_text_destroy(status);
  }
  check(bulkmsg_engine_close(engine, 5000, &err), "close");
  bulkmsg_engine_destroy(engine);
  return state == BULKMSG_CAMPAIGN_COMPLETED && c.unconfirmed == 0 ? 0 : 3;
}
