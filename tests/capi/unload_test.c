/* Loads the library, works, unloads it, and forks: nothing of it may be called any more. unload_test LIBRARY STORE */
#include <bulkmsg/bulkmsg.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ISO C has no conversion from dlsym's result to a function. */
static void find(void* library, const char* name, void* to_function_pointer) {
  void* found = dlsym(library, name);
  memcpy(to_function_pointer, &found, sizeof found);
}

int main(int argc, char** argv) {
  bulkmsg_status (*create)(int32_t, bulkmsg_config**, bulkmsg_error**) = NULL;
  bulkmsg_status (*set)(bulkmsg_config*, const char*, size_t, const char*, size_t, bulkmsg_error**) = NULL;
  bulkmsg_status (*open)(const bulkmsg_config*, bulkmsg_engine**, bulkmsg_error**) = NULL;
  void (*destroy_config)(bulkmsg_config*) = NULL;
  void (*destroy)(bulkmsg_engine*) = NULL;
  bulkmsg_config* config = NULL;
  bulkmsg_engine* engine = NULL;
  void* library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  int status = -1;
  pid_t child;
  if (library == NULL) {
    fprintf(stderr, "usage: %s LIBRARY STORE: %s\n", argv[0], argc == 3 ? dlerror() : "two arguments");
    return 2;
  }
  find(library, "bulkmsg_config_create", &create);
  find(library, "bulkmsg_config_set", &set);
  find(library, "bulkmsg_config_destroy", &destroy_config);
  find(library, "bulkmsg_engine_open", &open);
  find(library, "bulkmsg_engine_destroy", &destroy);
  if (!create || !set || !open || !destroy || !destroy_config) return 2;
  if (create(BULKMSG_CONFIG_ENGINE, &config, NULL) != BULKMSG_OK ||
      set(config, "path", 4, argv[2], strlen(argv[2]), NULL) != BULKMSG_OK ||
      open(config, &engine, NULL) != BULKMSG_OK) {
    fprintf(stderr, "cannot open %s\n", argv[2]);
    return 1;
  }
  destroy_config(config);
  destroy(engine);
  dlclose(library);
  printf("unloaded: %s\n", dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL ? "yes" : "no");
  child = fork();
  if (child == 0) _exit(0);
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
