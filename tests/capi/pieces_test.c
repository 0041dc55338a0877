/* The pieces that need no engine: what they answer, and every mistake with a code. */
#include <string.h>

#include "c_test.h"

static const char template_json[] =
    "{\"id\":\"7\",\"name\":\"hello\",\"language\":\"en_US\",\"status\":\"APPROVED\",\"category\":\"UTILITY\","
    "\"components\":[{\"type\":\"BODY\",\"text\":\"Hello {{1}}, how are you?\","
    "\"example\":{\"body_text\":[[\"Ana\"]]}}]}";
static const char csv[] = "phone_number,param1\n+447700900123,Ana\n+447700900124,Ben\nabc,Eve\n+447700900123,Ana\n";
static const char message_json[] = "{\"type\":\"text\",\"text\":{\"body\":\"Hi {{first_name}}\"}}";

int main(void) {
  static const char body[] = "{\"object\":\"x\"}";
  bulkmsg_limiter* limiter = (bulkmsg_limiter*)&failures;
  bulkmsg_import_report report;
  bulkmsg_text *good = NULL, *bad = NULL;
  int64_t next = 9;
  OK(bulkmsg_recipients_parse(BULKMSG_FORMAT_CSV, TEXT(csv), NULL, &report, sizeof report, &good, &bad, err));
  CHECK(report.rows == 4 && report.added == 2 && report.duplicates == 1 && report.rejected == 1);
  CHECK(strcmp(bulkmsg_text_data(good, NULL), "phone_number,param1\r\n+447700900123,Ana\r\n+447700900124,Ben\r\n") ==
        0);
  CHECK(strstr(bulkmsg_text_data(bad, NULL), "\r\n4,1,phone_number,2011,") != NULL);
  bulkmsg_text_destroy(good);
  bulkmsg_text_destroy(bad);
  EXPECT(BULKMSG_E_CSV_EMPTY, bulkmsg_recipients_parse(BULKMSG_FORMAT_CSV, NULL, 0, NULL, NULL, 0, &good, &bad, err));
  CHECK(good == NULL && bad == NULL);
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_recipients_parse(0, TEXT(csv), NULL, NULL, 0, NULL, NULL, err));

  OK(bulkmsg_content_preview(TEXT(message_json), TEXT("first_name\nAna\n"), NULL, &good, &bad, err));
  CHECK(strcmp(bulkmsg_text_data(bad, NULL), "Hi Ana") == 0);
  CHECK(strstr(bulkmsg_text_data(good, NULL), "\"body\":\"Hi Ana\"") != NULL);
  bulkmsg_text_destroy(good);
  bulkmsg_text_destroy(bad);
  EXPECT(BULKMSG_E_COLUMN_MISSING,
         bulkmsg_content_preview(TEXT(message_json), TEXT("x\nAna\n"), NULL, NULL, NULL, err));
  EXPECT(BULKMSG_E_PARAMETER_MISSING,
         bulkmsg_content_preview(TEXT(template_json), TEXT("param1,x\n,y\n"), NULL, NULL, NULL, err));

  OK(bulkmsg_content_csv(TEXT(message_json), NULL, &good, err));
  CHECK(strncmp(bulkmsg_text_data(good, NULL), TEXT("phone_number,first_name")) == 0);
  bulkmsg_text_destroy(good);
  EXPECT(BULKMSG_E_MESSAGE_MALFORMED, bulkmsg_content_csv(TEXT("{\"type\":\"dance\"}"), NULL, &good, err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_content_csv(TEXT(message_json), NULL, NULL, err));
  OK(bulkmsg_time_parse(TEXT("2026-12-01 09:00 Europe/Berlin"), &next, err));
  CHECK(next == 1796112000000);
  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_time_parse(TEXT("2026-12-01 09:00"), &next, err));
  CHECK(next == 0);
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_time_parse(TEXT("2026-12-01 09:00 Z"), NULL, err));

  EXPECT(BULKMSG_E_BAD_OPTION_VALUE, bulkmsg_limiter_create(TEXT("fast"), &limiter, err));
  CHECK(limiter == NULL);
  OK(bulkmsg_limiter_create(TEXT("2/1s; in-flight=1"), &limiter, err));
  OK(bulkmsg_limiter_take(limiter, 1000, NULL, 0, &next, err));
  CHECK(next == 0);
  OK(bulkmsg_limiter_take(limiter, 600000000, NULL, 0, &next, err));
  CHECK(next == -1); /* one is in flight */
  OK(bulkmsg_limiter_release(limiter, err));
  EXPECT(BULKMSG_E_WRONG_STATE, bulkmsg_limiter_release(limiter, err));
  OK(bulkmsg_limiter_take(limiter, 600000000, NULL, 0, &next, err));
  CHECK(next == 0);
  OK(bulkmsg_limiter_release(limiter, err));
  OK(bulkmsg_limiter_take(limiter, 600000001, NULL, 0, &next, err));
  CHECK(next > 600000001); /* two in the last second */
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_limiter_take(limiter, -1, NULL, 0, &next, err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_limiter_take(NULL, 0, NULL, 0, &next, err));
  bulkmsg_limiter_destroy(limiter);
  bulkmsg_limiter_destroy(NULL);

  OK(bulkmsg_webhook_verify(TEXT(body), TEXT("sha256=f80b67d3bbf0da9880ff25b1f682aa543e333082af35cc1849b1bdcae91a719f"),
                            TEXT("secret"), err));
  EXPECT(BULKMSG_E_SIGNATURE_MISMATCH, bulkmsg_webhook_verify(TEXT(body), TEXT("sha256=00"), TEXT("secret"), err));
  EXPECT(BULKMSG_E_INVALID_ARGUMENT, bulkmsg_webhook_verify(TEXT(body), TEXT("sha256=00"), NULL, 0, err));
  printf("%s\n", failures == 0 ? "ok" : "failed");
  return failures == 0 ? 0 : 1;
}
