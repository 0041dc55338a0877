/* Mistakes that a caller can make are answered with a code: misuse_test DIRECTORY (an empty one, for stores). NULL, and
 * handles that are closed or from before a fork, are in misuse_sweep_test.py, for every function. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "c_test.h"

static const char* directory;

static const char sender_json[] =
    "{\"name\":\"s\",\"origin\":\"http://127.0.0.1:1\",\"phone_number_id\":\"106540352242922\",\"agent\":\"ana\","
    "\"token\":\"env:MISUSE_TOKEN\",\"app_secret\":\"env:MISUSE_SECRET\"}";
static const char template_json[] =
    "{\"id\":\"7\",\"name\":\"hello\",\"language\":\"en_US\",\"status\":\"APPROVED\",\"category\":\"UTILITY\","
    "\"components\":[{\"type\":\"BODY\",\"text\":\"Hello {{1}}, how are you?\","
    "\"example\":{\"body_text\":[[\"Ana\"]]}}]}";
static const char csv[] = "phone_number,param1\n+447700900123,Ana\n+447700900124,Ben\nabc,Eve\n+447700900123,Ana\n";

static bulkmsg_config* config_of(int32_t kind) {
  bulkmsg_config* config = NULL;
  OK(bulkmsg_config_create(kind, &config, err));
  return config;
}

static void set(bulkmsg_config* config, const char* key, const char* value) {
  OK(bulkmsg_config_set(config, key, strlen(key), value, strlen(value), err));
}

static bulkmsg_engine* open_store(const char* name) {
  char path[4096];
  bulkmsg_engine* engine = NULL;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_ENGINE);
  snprintf(path, sizeof path, "%s/%s", directory, name);
  set(config, "path", path);
  OK(bulkmsg_engine_open(config, &engine, err));
  bulkmsg_config_destroy(config);
  return engine;
}

static int64_t draft(bulkmsg_engine* engine) {
  char digits[24];
  int64_t sender = 0, content = 0, campaign = 0;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_CAMPAIGN);
  OK(bulkmsg_sender_put(engine, TEXT(sender_json), &sender, err));
  OK(bulkmsg_template_put(engine, TEXT(template_json), &content, err));
  CHECK(sender > 0 && content > 0);
  set(config, "name", "misuse");
  snprintf(digits, sizeof digits, "%lld", (long long)sender);
  set(config, "sender", digits);
  snprintf(digits, sizeof digits, "%lld", (long long)content);
  set(config, "template", digits);
  OK(bulkmsg_campaign_create(engine, config, &campaign, err));
  CHECK(campaign > 0);
  bulkmsg_config_destroy(config);
  return campaign;
}

static void constants_and_null_objects(void) {
  size_t length = 9;
  CHECK(bulkmsg_version_number() == BULKMSG_VERSION_NUMBER);
  CHECK(strcmp(bulkmsg_version_text(), "0.1.0") == 0 || BULKMSG_VERSION_NUMBER != 0x000100);
  CHECK(bulkmsg_abi_check(BULKMSG_VERSION_NUMBER, sizeof(bulkmsg_event)) == BULKMSG_OK);
  CHECK(bulkmsg_abi_check(BULKMSG_VERSION_NUMBER + 0x100, sizeof(bulkmsg_event)) == BULKMSG_E_INVALID_ARGUMENT);
  CHECK(bulkmsg_abi_check(BULKMSG_VERSION_NUMBER, 56) == BULKMSG_E_INVALID_ARGUMENT);
  CHECK(strcmp(bulkmsg_status_name(BULKMSG_E_WRONG_STATE), "wrong_state") == 0);
  CHECK(strcmp(bulkmsg_status_name(-5), "unknown") == 0);
  CHECK(*bulkmsg_status_message(BULKMSG_E_CREDITS_SHORT) != 0 && *bulkmsg_status_message(12345) != 0);
  CHECK(*bulkmsg_error_message(NULL, &length) == 0 && length == 0);
  CHECK(bulkmsg_error_code(NULL) == BULKMSG_E_OUT_OF_MEMORY);
  CHECK(bulkmsg_error_retry_after_ms(NULL) == 0 && bulkmsg_error_provider_code(NULL) == 0);
  CHECK(*bulkmsg_text_data(NULL, &length) == 0);
  bulkmsg_error_destroy(NULL);
  bulkmsg_text_destroy(NULL);
  bulkmsg_config_destroy(NULL);
  bulkmsg_engine_destroy(NULL);
}

static void configs(void) {
  bulkmsg_config* config = (bulkmsg_config*)&failures;
  bulkmsg_engine* engine = (bulkmsg_engine*)&failures;
  bulkmsg_text* json = NULL;
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_config_create(99, &config, err));
  CHECK(config == NULL);
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_config_create(BULKMSG_CONFIG_ENGINE, NULL, err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_config_describe(0, &json, err));
  OK(bulkmsg_config_describe(BULKMSG_CONFIG_ENGINE, &json, err));
  CHECK(strstr(bulkmsg_text_data(json, NULL), "\"progress_max\"") != NULL);
  bulkmsg_text_destroy(json);

  config = config_of(BULKMSG_CONFIG_ENGINE);
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_engine_open(config, &engine, err)); /* no path */
  CHECK(engine == NULL);
  EXPECT(BULKMSG_E_UNKNOWN_OPTION, bulkmsg_config_set(config, TEXT("paht"), TEXT("x"), err));
  EXPECT(BULKMSG_E_UNKNOWN_OPTION, bulkmsg_config_set(config, NULL, 0, TEXT("x"), err));
  EXPECT(BULKMSG_E_UNKNOWN_OPTION, bulkmsg_config_set(config, TEXT("map.body.1"), TEXT("x"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("path"), NULL, 0, err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("path"), TEXT("a\0b"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("mode"), TEXT("run|read"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("mode"), TEXT("ru"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("send"), TEXT("yes"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("progress_max"), TEXT("-1"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("progress_max"), TEXT("1000001"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(config, TEXT("progress_max"), TEXT("12x"), err));
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE,
         bulkmsg_config_set(config, TEXT("progress_max"), TEXT("99999999999999999999"), err));
  OK(bulkmsg_config_set(config, TEXT("progress_max"), TEXT("1000000"), err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_config_set(config, NULL, 3, TEXT("x"), err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_config_set(config, TEXT("path"), NULL, 1, err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_config_set(NULL, TEXT("path"), TEXT("x"), err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_engine_open(NULL, &engine, err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_engine_open(config, NULL, err));
  bulkmsg_config_destroy(config);

  config = config_of(BULKMSG_CONFIG_START); /* of another kind */
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_engine_open(config, &engine, err));
  bulkmsg_config_destroy(config);
}

static void bad_arguments(bulkmsg_engine* engine, int64_t campaign) {
  bulkmsg_event events[2];
  bulkmsg_counters counters;
  bulkmsg_import_report report;
  bulkmsg_text* text = NULL;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_ACCOUNT);
  size_t count = 0;
  int64_t id = 0;
  int32_t state = 0;
  char big[sizeof counters + 16];
  char not_zero[sizeof counters];
  const bulkmsg_status invalid = BULKMSG_E_INVALID_ARGUMENT;
  EXPECT(invalid, bulkmsg_engine_poll(engine, NULL, sizeof events[0], 2, 0, &count, err));
  EXPECT(invalid, bulkmsg_engine_poll(engine, events, sizeof events[0], 2, 0, NULL, err));
  EXPECT(invalid, bulkmsg_engine_poll(engine, events, 32, 2, 0, &count, err));
  EXPECT(invalid, bulkmsg_engine_poll(engine, events, sizeof events[0], 0, 0, &count, err));
  EXPECT(invalid, bulkmsg_engine_poll(engine, events, sizeof events[0], 2, -2, &count, err));
  EXPECT(invalid, bulkmsg_engine_event_fd(engine, NULL, err));
  EXPECT(invalid, bulkmsg_engine_close(engine, -1, err));
  EXPECT(invalid, bulkmsg_sender_put(engine, NULL, 5, &id, err));
  EXPECT(invalid, bulkmsg_sender_put(engine, TEXT(sender_json), NULL, err));
  EXPECT(invalid, bulkmsg_template_put(engine, TEXT(template_json), NULL, err));
  EXPECT(invalid, bulkmsg_account_put(engine, NULL, &id, err));
  EXPECT(invalid, bulkmsg_campaign_create(engine, config, &id, err));                /* of another kind */
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_account_put(engine, config, &id, err)); /* no name */
  {
    bulkmsg_config* several = config_of(BULKMSG_CONFIG_CAMPAIGN);
    EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(several, TEXT("more_senders"), TEXT("1,two"), err));
    EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_config_set(several, TEXT("more_senders"), TEXT("0"), err));
    OK(bulkmsg_config_set(several, TEXT("more_senders"), TEXT("98765, 98766"), err));
    OK(bulkmsg_config_set(several, TEXT("name"), TEXT("n"), err));
    EXPECT(invalid, bulkmsg_campaign_create(engine, several, &id, err)); /* no first sender */
    bulkmsg_config_destroy(several);
  }
  EXPECT(invalid, bulkmsg_campaign_start(engine, campaign, config, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_state(engine, campaign, NULL, err));
  EXPECT(invalid, bulkmsg_campaign_state(engine, 0, &state, err));
  EXPECT(invalid, bulkmsg_campaign_counters(engine, campaign, NULL, sizeof counters, err));
  EXPECT(invalid, bulkmsg_campaign_counters(engine, campaign, &counters, sizeof counters - 8, err));
  EXPECT(invalid, bulkmsg_campaign_counters(engine, campaign, &counters, (size_t)-1, err));
  EXPECT(invalid,
         bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, NULL, 10, NULL, &report, sizeof report, err));
  EXPECT(invalid, bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, TEXT(csv), NULL, &report, 8, err));
  EXPECT(invalid, bulkmsg_campaign_import_file(engine, campaign, BULKMSG_FORMAT_CSV, TEXT("a\0b"), NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_pause(engine, campaign, config, err));
  EXPECT(invalid, bulkmsg_campaign_list(engine, 0, NULL, 1, &count, err));
  EXPECT(invalid, bulkmsg_campaign_list(engine, 0, &id, 0, &count, err));
  EXPECT(invalid, bulkmsg_account_top_up(engine, 1, 0, NULL, 0, err));

  EXPECT(BULKMSG_E_JSON_MALFORMED, bulkmsg_sender_put(engine, TEXT("not json"), &id, err));
  EXPECT(BULKMSG_E_TEMPLATE_MALFORMED, bulkmsg_template_put(engine, TEXT("not json"), &id, err));
  EXPECT(BULKMSG_E_NOT_FOUND, bulkmsg_account_find(engine, TEXT("nobody"), &id, err));
  EXPECT(BULKMSG_E_NOT_FOUND, bulkmsg_campaign_state(engine, 987654321, &state, err));
  EXPECT(BULKMSG_E_NOT_FOUND, bulkmsg_sender_check(engine, 987654321, NULL, 0, &text, err));
  EXPECT(BULKMSG_E_NOT_FOUND, bulkmsg_engine_event_payload(engine, 987654321, &text, err));
  CHECK(text == NULL && id == 0 && state == 0);

  /* A caller of a later version passes a larger struct: what we do not know is 0. */
  memset(big, 'x', sizeof big);
  memset(not_zero, 'x', sizeof not_zero);
  OK(bulkmsg_campaign_counters(engine, campaign, (bulkmsg_counters*)(void*)big, sizeof big, err));
  CHECK(memcmp(big, not_zero, sizeof not_zero) != 0 && big[sizeof big - 1] == 0 && big[sizeof counters] == 0);
  bulkmsg_config_destroy(config);
}

static void one_campaign(bulkmsg_engine* engine, int64_t campaign) {
  bulkmsg_import_report report;
  bulkmsg_counters counters;
  bulkmsg_plan dry, plan;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_START);
  bulkmsg_text* text = NULL;
  bulkmsg_event events[64];
  struct pollfd waiting;
  int64_t ids[10], number = 0, durable = 0;
  size_t count = 0, i;
  int32_t state = 0;

  EXPECT(BULKMSG_E_CSV_EMPTY,
         bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, NULL, 0, NULL, &report, sizeof report, err));
  EXPECT(BULKMSG_E_CSV_NO_PHONE_COLUMN,
         bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, TEXT("a,b\n1,2\n"), NULL, NULL, 0, err));
  EXPECT(BULKMSG_E_FILE_UNREADABLE,
         bulkmsg_campaign_import_file(engine, campaign, BULKMSG_FORMAT_CSV, TEXT("/no/such/file"), NULL, NULL, 0, err));
  OK(bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, TEXT(csv), NULL, &report, sizeof report, err));
  CHECK(report.rows == 4 && report.added == 2 && report.duplicates == 1 && report.rejected == 1);
  OK(bulkmsg_engine_list(engine, BULKMSG_LIST_REJECTED, campaign, NULL, 10, &number, &text, &count, err));
  CHECK(strncmp(bulkmsg_text_data(text, NULL), TEXT("[{\"number\":1,\"line\":4,")) == 0);
  CHECK(number == 2 && count == 2);
  bulkmsg_text_destroy(text);

  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_campaign_pause(engine, campaign, NULL, err));
  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_campaign_resume(engine, campaign, NULL, err));
  OK(bulkmsg_campaign_dry_run(engine, campaign, &dry, sizeof dry, &text, NULL, err));
  CHECK(dry.messages == 2 && dry.credits_available == -1 && strlen(dry.hash) == 64);
  CHECK(strstr(bulkmsg_text_data(text, NULL), "Hello Ana") != NULL);
  bulkmsg_text_destroy(text);

  set(config, "expected_hash", "0000");
  EXPECT(BULKMSG_E_CONFLICT, bulkmsg_campaign_start(engine, campaign, config, &plan, sizeof plan, err));
  OK(bulkmsg_campaign_state(engine, campaign, &state, err));
  CHECK(state == BULKMSG_CAMPAIGN_DRAFT);
  set(config, "expected_hash", dry.hash);
  set(config, "idempotency_key", "once");
  OK(bulkmsg_campaign_start(engine, campaign, config, &plan, sizeof plan, err));
  CHECK(strcmp(plan.hash, dry.hash) == 0 && plan.messages == 2);
  OK(bulkmsg_campaign_start(engine, campaign, config, &plan, sizeof plan, err)); /* the same start again */
  bulkmsg_config_destroy(config);
  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_campaign_start(engine, campaign, NULL, NULL, 0, err));
  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_campaign_discard(engine, campaign, NULL, err));
  EXPECT(BULKMSG_E_WRONG_STATE,
         bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, TEXT(csv), NULL, NULL, 0, err));

  /* Nobody listens on port 1: nothing can be sent, so this may have paused by itself. */
  OK(bulkmsg_campaign_state(engine, campaign, &state, err));
  if (state == BULKMSG_CAMPAIGN_SENDING) OK(bulkmsg_campaign_pause(engine, campaign, NULL, err));
  OK(bulkmsg_campaign_pause(engine, campaign, NULL, err)); /* again */
  OK(bulkmsg_campaign_stop(engine, campaign, NULL, err));
  OK(bulkmsg_campaign_stop(engine, campaign, NULL, err));
  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_campaign_pause(engine, campaign, NULL, err));
  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_campaign_resume(engine, campaign, NULL, err));
  OK(bulkmsg_campaign_state(engine, campaign, &state, err));
  CHECK(state == BULKMSG_CAMPAIGN_STOPPED);
  OK(bulkmsg_campaign_counters(engine, campaign, &counters, sizeof counters, err));
  CHECK(counters.total == 4 && counters.skipped == 2 && counters.sent == 0);
  CHECK(counters.total == counters.queued + counters.sent + counters.failed + counters.unconfirmed + counters.skipped);
  OK(bulkmsg_campaign_status(engine, campaign, &text, err));
  CHECK(strstr(bulkmsg_text_data(text, NULL), "\"state\":\"stopped\"") != NULL);
  bulkmsg_text_destroy(text);
  OK(bulkmsg_campaign_list(engine, 0, ids, 10, &count, err));
  CHECK(count == 1 && ids[0] == campaign);
  OK(bulkmsg_campaign_list(engine, campaign, ids, 10, &count, err));
  CHECK(count == 0);

  waiting.fd = -1;
  waiting.events = POLLIN;
  OK(bulkmsg_engine_event_fd(engine, &waiting.fd, err));
  CHECK(poll(&waiting, 1, 5000) == 1);
  OK(bulkmsg_engine_poll(engine, events, sizeof events[0], 64, 5000, &count, err));
  CHECK(count > 0);
  for (i = 0; i < count; ++i) {
    if (events[i].id != 0) durable = events[i].id;
    CHECK(events[i].reserved[0] == 0 && events[i].reserved[1] == 0);
  }
  CHECK(durable != 0);
  OK(bulkmsg_engine_event_payload(engine, durable, &text, err));
  CHECK(*bulkmsg_text_data(text, NULL) == '{');
  OK(bulkmsg_engine_ack(engine, durable, err));
  bulkmsg_text_destroy(text);

  EXPECT(BULKMSG_E_SIGNATURE_MISMATCH, bulkmsg_webhook_ingest(engine, TEXT("{}"), TEXT("sha256=00"), err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_webhook_listen(engine, TEXT("nowhere"), NULL, err));
}

/* Arguments out of their ranges, of the calls about recipients, contents and credits. */
static void more_bad_arguments(bulkmsg_engine* engine, int64_t campaign) {
  static const uint64_t falling[] = {0, 7, 3}, beyond[] = {0, 7, 21};
  const bulkmsg_status invalid = BULKMSG_E_INVALID_ARGUMENT;
  bulkmsg_config* other = config_of(BULKMSG_CONFIG_START);
  bulkmsg_text* text = NULL;
  int64_t id = 0, before = -1;
  EXPECT(invalid, bulkmsg_engine_list(engine, 0, 0, NULL, 10, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_CONFIG_START, 0, NULL, 10, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MEDIA, 0, NULL, 0, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MEDIA, 0, NULL, 10001, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MEDIA, 0, NULL, 10, &before, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MEDIA, 0, NULL, 10, NULL, NULL, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MEDIA, 0, other, 10, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MEDIA, campaign, NULL, 10, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_engine_list(engine, BULKMSG_LIST_MESSAGES, 0, NULL, 10, NULL, &text, NULL, err));
  EXPECT(BULKMSG_E_NOT_FOUND,
         bulkmsg_engine_list(engine, BULKMSG_LIST_MESSAGES, 98765, NULL, 9, NULL, &text, NULL, err));
  EXPECT(invalid, bulkmsg_sender_check(engine, 1, TEXT(sender_json), &text, err));
  EXPECT(BULKMSG_E_JSON_MALFORMED, bulkmsg_sender_check(engine, 0, NULL, 0, &text, err));
  EXPECT(invalid, bulkmsg_template_fetch(engine, 0, 0, NULL, err));
  EXPECT(invalid, bulkmsg_template_fetch(engine, 1, -1, NULL, err));
  EXPECT(invalid, bulkmsg_message_put(engine, TEXT("n"), NULL, 5, &id, err));
  EXPECT(invalid, bulkmsg_message_find(engine, TEXT("n"), NULL, NULL, err));
  EXPECT(invalid, bulkmsg_media_put_file(engine, 1, TEXT("a\0b"), NULL, &text, err));
  EXPECT(invalid, bulkmsg_media_put(engine, 1, TEXT("x"), other, &text, err));
  EXPECT(invalid, bulkmsg_account_adjust(engine, 1, 0, TEXT("why"), TEXT("who"), NULL, 0, err));
  EXPECT(invalid, bulkmsg_account_price(engine, 1, TEXT("{}"), NULL, err));
  EXPECT(invalid, bulkmsg_campaign_import(engine, campaign, 9, TEXT("1"), NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_import_file(engine, campaign, BULKMSG_FORMAT_LIST, TEXT("/x"), NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_LIST, TEXT("1"), other, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_add(engine, campaign, TEXT("x"), NULL, 1, 2, NULL, NULL, 0, err));
  EXPECT(invalid,
         bulkmsg_campaign_add(engine, campaign, TEXT("address+447700900123"), falling, 1, 2, NULL, NULL, 0, err));
  EXPECT(invalid,
         bulkmsg_campaign_add(engine, campaign, TEXT("address+447700900123"), beyond, 1, 2, NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_add(engine, campaign, TEXT("x"), falling, 0, 2, NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_add(engine, campaign, TEXT("x"), falling, 1, 0, NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_preview(engine, campaign, -1, &text, NULL, err));
  EXPECT(invalid, bulkmsg_attribute_declare(engine, TEXT("a"), TEXT("colour"), 0, err));
  EXPECT(invalid, bulkmsg_attribute_declare(engine, TEXT("a"), TEXT("text"), 2, err));
  EXPECT(invalid, bulkmsg_suppression_put(engine, TEXT("+447700900123"), other, err));
  EXPECT(invalid, bulkmsg_suppression_put(engine, TEXT(" ;\n"), NULL, err));
  EXPECT(BULKMSG_E_PHONE_HAS_LETTERS, bulkmsg_suppression_put(engine, TEXT("+447700900123; none"), NULL, err));
  EXPECT(invalid, bulkmsg_engine_set_retention(engine, -1, NULL, err));
  EXPECT(invalid, bulkmsg_engine_set_retention(engine, 48, other, err));
  EXPECT(invalid, bulkmsg_engine_backup(engine, NULL, 0, NULL, err));
  EXPECT(BULKMSG_E_PHONE_HAS_LETTERS, bulkmsg_engine_forget(engine, TEXT("none"), NULL, NULL, err));
  EXPECT(invalid, bulkmsg_campaign_edit(engine, campaign, NULL, err));
  EXPECT(invalid, bulkmsg_campaign_edit(engine, campaign, other, err));
  EXPECT(invalid, bulkmsg_campaign_schedule(engine, campaign, NULL, NULL, 0, err));
  EXPECT(invalid, bulkmsg_campaign_resolve(engine, campaign, NULL, NULL, err));
  EXPECT(invalid, bulkmsg_campaign_test_send(engine, campaign, NULL, 0, NULL, &id, err));
  EXPECT(invalid, bulkmsg_campaign_test_send(engine, campaign, TEXT("+447700900123"), NULL, NULL, err));
  EXPECT(invalid, bulkmsg_window_closes(engine, 0, TEXT("+447700900123"), NULL, err));
  EXPECT(BULKMSG_E_SIGNATURE_MISMATCH,
         bulkmsg_webhook_handshake(engine, TEXT("subscribe"), NULL, 0, NULL, 0, &text, err));
  EXPECT(invalid, bulkmsg_store_adopt(NULL, 0, NULL, NULL, err));
  EXPECT(invalid, bulkmsg_store_adopt(TEXT("/none/none"), other, NULL, err));
  EXPECT(BULKMSG_E_STORE_FAILED, bulkmsg_store_adopt(TEXT("/none/none"), NULL, NULL, err));
  EXPECT(invalid, bulkmsg_consent_put(engine, TEXT("+447700900123"), 2, TEXT("all"), TEXT("web"), err));
  EXPECT(BULKMSG_E_SEGMENT_MALFORMED, bulkmsg_segment_put(engine, TEXT("s"), TEXT("{}"), err));
  EXPECT(BULKMSG_E_NOT_FOUND, bulkmsg_contacts_count(engine, TEXT("nobody"), &id, err));
  EXPECT(BULKMSG_E_NOT_FOUND, bulkmsg_campaign_reasons(engine, 987654321, &text, err));
  EXPECT(BULKMSG_E_FILE_UNREADABLE, bulkmsg_campaign_write_rejected(engine, campaign, TEXT("/none/none"), err));
  bulkmsg_config_destroy(other);
}

static void* poll_for_ever(void* engine) {
  static bulkmsg_status last;
  bulkmsg_event event;
  size_t count = 0;
  do {
    last = bulkmsg_engine_poll(engine, &event, sizeof event, 1, -1, &count, NULL);
  } while (last == BULKMSG_OK);
  return &last;
}

/* Ends a thread that waits in poll: by closing, and by destroying. */
static void end_a_waiting_poll(int destroy) {
  struct timespec a_while = {0, 100000000};
  bulkmsg_engine* engine = open_store(destroy ? "destroyed" : "closed");
  pthread_t thread;
  void* last = NULL;
  CHECK(pthread_create(&thread, NULL, poll_for_ever, engine) == 0);
  nanosleep(&a_while, NULL);
  OK(bulkmsg_engine_wakeup(engine, err));
  nanosleep(&a_while, NULL);
  if (destroy) {
    bulkmsg_engine_destroy(engine);
  } else {
    OK(bulkmsg_engine_close(engine, 1000, err));
  }
  pthread_join(thread, &last);
  CHECK(*(bulkmsg_status*)last == BULKMSG_E_CLOSED);
  bulkmsg_engine_destroy(engine); /* the second time, in one case */
}

static void any_order(void) {
  char path[4096];
  bulkmsg_engine* engine = NULL;
  bulkmsg_error* error = NULL;
  bulkmsg_text* text = NULL;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_ENGINE);
  snprintf(path, sizeof path, "%s/any_order", directory);
  set(config, "path", path);
  OK(bulkmsg_engine_open(config, &engine, err));
  OK(bulkmsg_campaign_status(engine, draft(engine), &text, err));
  CHECK(bulkmsg_campaign_discard(engine, 987654321, NULL, &error) == BULKMSG_E_NOT_FOUND);
  bulkmsg_engine_destroy(engine); /* not closed; its texts, errors and config live on */
  bulkmsg_engine_destroy(engine); /* twice */
  CHECK(strstr(bulkmsg_text_data(text, NULL), "misuse") != NULL);
  CHECK(*bulkmsg_error_message(error, NULL) != 0);
  OK(bulkmsg_engine_open(config, &engine, err)); /* the store is free again */
  bulkmsg_config_destroy(config);
  bulkmsg_error_destroy(error);
  bulkmsg_engine_destroy(engine);
  bulkmsg_text_destroy(text);
}

static int in_child(void (*body)(bulkmsg_engine*), bulkmsg_engine* engine) {
  int status = -1;
  pid_t child;
  fflush(NULL);
  child = fork();
  if (child == 0) {
    failures = 0;
    alarm(60); /* a deadlock must not hang the test */
    body(engine);
    _exit(failures == 0 ? 0 : 1);
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void forked(bulkmsg_engine* engine) {
  EXPECT(BULKMSG_E_FORKED, bulkmsg_engine_close(engine, 0, err));
  bulkmsg_engine_destroy(engine);
  EXPECT(BULKMSG_E_FORKED, bulkmsg_engine_wakeup(engine, err)); /* nothing was freed */
#ifndef __SANITIZE_THREAD__                                     /* which does not allow threads after a fork */
  {
    bulkmsg_engine* own = open_store("child");
    draft(own);
    OK(bulkmsg_engine_close(own, 1000, err));
    bulkmsg_engine_destroy(own);
  }
#endif
}

int main(int argc, char** argv) {
  bulkmsg_engine* engine;
  int64_t campaign;
  if (argc != 2) {
    fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  directory = argv[1];
  setenv("MISUSE_TOKEN", "token", 1);
  setenv("MISUSE_SECRET", "secret", 1);

  constants_and_null_objects();
  configs();

  engine = open_store("main");
  CHECK(in_child(forked, engine)); /* while it is quiet */
  campaign = draft(engine);
  bad_arguments(engine, campaign);
  more_bad_arguments(engine, campaign);
  one_campaign(engine, campaign);
  CHECK(in_child(forked, engine));
  OK(bulkmsg_engine_close(engine, 1000, err));
  OK(bulkmsg_engine_close(engine, 1000, err)); /* again */
  bulkmsg_engine_destroy(engine);

  end_a_waiting_poll(0);
  end_a_waiting_poll(1);
  any_order();
  printf("%s\n", failures == 0 ? "ok" : "failed");
  return failures == 0 ? 0 : 1;
}
