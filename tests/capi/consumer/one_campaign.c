/* Opens the store argv[1], sets up an account, and opens it again: what it prints is "3000 credits". */
#include <bulkmsg/bulkmsg.h>
#include <stdio.h>
#include <string.h>

static bulkmsg_engine* open_store(const char* path) {
  bulkmsg_engine* engine = NULL;
  bulkmsg_config* config = NULL;
  bulkmsg_error* err = NULL;
  if (bulkmsg_config_create(BULKMSG_CONFIG_ENGINE, &config, &err) != BULKMSG_OK ||
      bulkmsg_config_set(config, "path", 4, path, strlen(path), &err) != BULKMSG_OK ||
      bulkmsg_engine_open(config, &engine, &err) != BULKMSG_OK) {
    fprintf(stderr, "%s\n", bulkmsg_error_message(err, NULL));
  }
  bulkmsg_config_destroy(config);
  return engine;
}

int main(int argc, char** argv) {
  bulkmsg_balances balances;
  int64_t account = 0;
  bulkmsg_config* config = NULL;
  bulkmsg_engine* engine = open_store(argc == 2 ? argv[1] : "");
  bulkmsg_config_create(BULKMSG_CONFIG_ACCOUNT, &config, NULL);
  bulkmsg_config_set(config, "name", 4, "shop", 4, NULL);
  if (bulkmsg_account_put(engine, config, &account, NULL) != BULKMSG_OK) return 1;
  bulkmsg_config_destroy(config);
  bulkmsg_engine_destroy(engine);
  engine = open_store(argv[1]);
  if (bulkmsg_account_balances(engine, account, &balances, sizeof balances, NULL) != BULKMSG_OK) return 1;
  printf("%d credits\n", (int)balances.available_monthly);
  bulkmsg_engine_destroy(engine);
  return 0;
}
