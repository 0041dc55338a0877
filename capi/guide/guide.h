/* What the programs of this guide have in common. */
#include <bulkmsg/bulkmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bulkmsg_error* err; /* details of the last failure */

static inline void check(bulkmsg_status status, const char* doing) {
  if (status == BULKMSG_OK) return;
  fprintf(stderr, "%s: %s [%s]\n", doing, bulkmsg_error_message(err, NULL), bulkmsg_status_name(status));
  exit(1); /* nothing is lost: the store is as safe as after a crash */
}

/* Ends the program, which was called without its arguments. */
static inline void need(int given, int wanted, const char* arguments) {
  if (given - 1 == wanted) return;
  fprintf(stderr, "give it %s\n", arguments);
  exit(2);
}

static inline void set(bulkmsg_config* config, const char* key, const char* value) {
  check(bulkmsg_config_set(config, key, strlen(key), value, strlen(value), &err), key);
}

static inline void set_number(bulkmsg_config* config, const char* key, int64_t value) {
  char digits[24];
  snprintf(digits, sizeof digits, "%lld", (long long)value);
  set(config, key, digits);
}

static inline bulkmsg_engine* open_store(const char* path) {
  bulkmsg_engine* engine = NULL;
  bulkmsg_config* config = NULL;
  check(bulkmsg_config_create(BULKMSG_CONFIG_ENGINE, &config, &err), "config");
  set(config, "path", path);
  check(bulkmsg_engine_open(config, &engine, &err), path);
  bulkmsg_config_destroy(config);
  return engine;
}

static inline void close_store(bulkmsg_engine* engine) {
  check(bulkmsg_engine_close(engine, 5000, &err), "close");
  bulkmsg_engine_destroy(engine);
}

static inline size_t read_file(const char* path, char* to, size_t capacity) {
  FILE* file = fopen(path, "rb");
  size_t length = file == NULL ? 0 : fread(to, 1, capacity, file);
  if (length == 0) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  fclose(file);
  return length;
}

/* A draft for the sender and the template in two files. */
static inline int64_t new_campaign(bulkmsg_engine* engine, const char* sender_file, const char* template_file) {
  static char text[1 << 16];
  int64_t sender = 0, content = 0, campaign = 0;
  bulkmsg_config* config = NULL;
  check(bulkmsg_sender_put(engine, text, read_file(sender_file, text, sizeof text), &sender, &err), sender_file);
  check(bulkmsg_template_put(engine, text, read_file(template_file, text, sizeof text), &content, &err), template_file);
  check(bulkmsg_config_create(BULKMSG_CONFIG_CAMPAIGN, &config, &err), "config");
  set(config, "name", "spring");
  set_number(config, "sender", sender);
  set_number(config, "template", content);
  check(bulkmsg_campaign_create(engine, config, &campaign, &err), "campaign");
  bulkmsg_config_destroy(config);
  return campaign;
}

static inline void import_csv_file(bulkmsg_engine* engine, int64_t campaign, const char* path) {
  check(bulkmsg_campaign_import_file(engine, campaign, BULKMSG_FORMAT_CSV, path, strlen(path), NULL, NULL, 0, &err),
        path);
}

static inline int32_t state_of(bulkmsg_engine* engine, int64_t campaign) {
  int32_t state = 0;
  check(bulkmsg_campaign_state(engine, campaign, &state, &err), "state");
  return state;
}

/* Whether it goes on by itself: not when it is final, nor when it was paused, by people or since it could not go on. */
static inline int goes_on(bulkmsg_engine* engine, int64_t campaign) {
  return state_of(engine, campaign) < BULKMSG_CAMPAIGN_PAUSED;
}

static inline void print_counters(bulkmsg_engine* engine, int64_t campaign) {
  bulkmsg_counters c;
  bulkmsg_text* status = NULL;
  check(bulkmsg_campaign_counters(engine, campaign, &c, sizeof c, &err), "counters");
  printf("sent %lld, delivered %lld, unconfirmed %lld of %lld\n", (long long)c.sent, (long long)c.delivered,
         (long long)c.unconfirmed, (long long)c.total);
  if (state_of(engine, campaign) == BULKMSG_CAMPAIGN_COMPLETED) return;
  check(bulkmsg_campaign_status(engine, campaign, &status, &err), "status");
  printf("not completed: %s\n", bulkmsg_text_data(status, NULL));
  bulkmsg_text_destroy(status);
}
