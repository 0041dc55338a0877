/* Checks for tests in C: a call must answer with one code, with an error object and without. */
#include <bulkmsg/bulkmsg.h>
#include <stdio.h>

static int failures = 0;

#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      ++failures;                                                            \
      fprintf(stderr, "%s:%d: FAILED %s\n", __FILE__, __LINE__, #condition); \
    }                                                                        \
  } while (0)

/* The call, once with and once without an error object. */
#define EXPECT(expected, call_with_err)                                 \
  do {                                                                  \
    bulkmsg_error* details = NULL;                                      \
    bulkmsg_error** err = &details;                                     \
    expect(__LINE__, #call_with_err, expected, call_with_err, details); \
    bulkmsg_error_destroy(details);                                     \
    err = NULL;                                                         \
    expect(__LINE__, #call_with_err, expected, call_with_err, NULL);    \
  } while (0)

#define OK(call_with_err)                                                 \
  do {                                                                    \
    bulkmsg_error* details = NULL;                                        \
    bulkmsg_error** err = &details;                                       \
    expect(__LINE__, #call_with_err, BULKMSG_OK, call_with_err, details); \
    bulkmsg_error_destroy(details);                                       \
  } while (0)

static void expect(int line, const char* what, bulkmsg_status expected, bulkmsg_status got,
                   const bulkmsg_error* details) {
  int good = expected == got;
  if (details != NULL) good = good && bulkmsg_error_code(details) == got && *bulkmsg_error_message(details, NULL) != 0;
  if (good) return;
  ++failures;
  fprintf(stderr, "%s:%d: FAILED %s\n  wanted %s, got %s: %s\n", __FILE__, line, what, bulkmsg_status_name(expected),
          bulkmsg_status_name(got), bulkmsg_error_message(details, NULL));
}

#define TEXT(literal) literal, sizeof(literal) - 1
