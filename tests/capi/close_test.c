/* Closes and destroys an engine while other threads are inside calls: close_test DIRECTORY ROUNDS
 * Every call ends with OK, E_NOT_FOUND or E_CLOSED. */
#include <bulkmsg/bulkmsg.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  threads = 6
};

static bulkmsg_config* config_of(int32_t kind, const char* key, const char* value) {
  bulkmsg_config* config = NULL;
  if (bulkmsg_config_create(kind, &config, NULL) != BULKMSG_OK ||
      bulkmsg_config_set(config, key, strlen(key), value, strlen(value), NULL) != BULKMSG_OK) {
    abort();
  }
  return config;
}

static void* write_until_closed(void* engine) {
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_ACCOUNT, "name", "a");
  bulkmsg_status status;
  int64_t id;
  do {
    status = bulkmsg_account_put(engine, config, &id, NULL);
  } while (status == BULKMSG_OK);
  bulkmsg_config_destroy(config);
  return status == BULKMSG_E_CLOSED ? NULL : (void*)bulkmsg_status_name(status);
}

static void* read_until_closed(void* engine) {
  bulkmsg_status status;
  int64_t ids[4];
  size_t count;
  do {
    status = bulkmsg_account_find(engine, "a", 1, ids, NULL);
    if (status == BULKMSG_OK) status = bulkmsg_campaign_list(engine, 0, ids, 4, &count, NULL);
  } while (status == BULKMSG_OK || status == BULKMSG_E_NOT_FOUND);
  return status == BULKMSG_E_CLOSED ? NULL : (void*)bulkmsg_status_name(status);
}

static void* poll_until_closed(void* engine) {
  bulkmsg_status status;
  bulkmsg_event events[4];
  size_t count;
  do {
    status = bulkmsg_engine_poll(engine, events, sizeof events[0], 4, 1, &count, NULL);
  } while (status == BULKMSG_OK);
  return status == BULKMSG_E_CLOSED ? NULL : (void*)bulkmsg_status_name(status);
}

int main(int argc, char** argv) {
  void* (*const bodies[])(void*) = {write_until_closed, read_until_closed, poll_until_closed};
  char path[4096];
  int failures = 0, round, i;
  bulkmsg_config* config;
  if (argc != 3) {
    fprintf(stderr, "usage: %s DIRECTORY ROUNDS\n", argv[0]);
    return 2;
  }
  snprintf(path, sizeof path, "%s/store", argv[1]);
  config = config_of(BULKMSG_CONFIG_ENGINE, "path", path);
  for (round = 0; round < atoi(argv[2]); ++round) {
    struct timespec a_while;
    bulkmsg_engine* engine = NULL;
    pthread_t thread[threads];
    a_while.tv_sec = 0;
    a_while.tv_nsec = 2000000 + 10000 * (round % 500);
    if (bulkmsg_engine_open(config, &engine, NULL) != BULKMSG_OK) {
      fprintf(stderr, "FAILED: round %d: the store is not free\n", round);
      return 1;
    }
    for (i = 0; i < threads; ++i) pthread_create(&thread[i], NULL, bodies[i % 3], engine);
    nanosleep(&a_while, NULL);
    if (round % 2 == 0) bulkmsg_engine_close(engine, 0, NULL);
    bulkmsg_engine_destroy(engine);
    for (i = 0; i < threads; ++i) {
      void* wrong = NULL;
      pthread_join(thread[i], &wrong);
      if (wrong == NULL) continue;
      ++failures;
      fprintf(stderr, "FAILED: round %d: a call ended with %s\n", round, (const char*)wrong);
    }
  }
  bulkmsg_config_destroy(config);
  printf("%s\n", failures == 0 ? "ok" : "failed");
  return failures == 0 ? 0 : 1;
}
