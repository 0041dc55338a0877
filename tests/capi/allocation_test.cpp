// Every allocation of every entry point fails in turn: allocation_test DIRECTORY (an empty one, for stores). What a
// running campaign needs is in allocation_running_test.cpp.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "allocation_sweep.hpp"

namespace {

constexpr char sender[] =
    R"({"name":"s","origin":"http://127.0.0.1:1","phone_number_id":"106540352242922","agent":"ana","token":"env:ALLOCATION_TOKEN",)"
    R"("app_secret":"env:ALLOCATION_TOKEN"})";
constexpr char words[] =
    R"({"id":"7","name":"hello","language":"en_US","status":"APPROVED","category":"UTILITY",)"
    R"("components":[{"type":"BODY","text":"Hello {{1}}, how are you?","example":{"body_text":[["Ana"]]}}]})";
constexpr char list[] = "phone_number,param1\n+447700900123,Ana\nabc,Eve\n";

// Everything about recipients, contents and credits, and the pieces that need no engine.
void more(bulkmsg_engine* engine, std::int64_t from, std::int64_t content, std::int64_t account,
          std::int64_t campaign) {
  constexpr char message[] = R"({"type":"text","text":{"body":"Hi {{first_name}}, a text that is not a short one"}})";
  constexpr char segment[] = R"({"all":[{"attribute":"city","is":"Lisbon"}]})";
  constexpr char rates[] = R"({"rates":{"*":{"utility":1000}},"credits":{"utility":2}})";
  constexpr char people[] = "phone_number,city,labels\n+447700900123,Lisbon,a;b\nabc,Rome,\n";
  constexpr char address[] = "+447700900199";
  constexpr std::uint64_t offsets[] = {0, 12, 18, 31, 34};
  constexpr char cells[] = "phone_numberparam1+447700900177Eve";
  bulkmsg_text *text = nullptr, *second = nullptr;
  std::int64_t number = 0;
  const auto fresh = [](bulkmsg_text*& one) {
    bulkmsg_text_destroy(one);
    one = nullptr;
    return &one;
  };
  const auto json = BULKMSG_E_JSON_MALFORMED;
  SWEEP(BULKMSG_E_BAD_OPTION_VALUE, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_template_fetch(engine, from, 0, fresh(text), err));
  SWEEP(BULKMSG_E_NOT_FOUND, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_template_find(engine, TEXT("none of this name"), nullptr, &number, fresh(text), err));
  SWEEP(BULKMSG_OK, BULKMSG_E_TEMPLATE_MALFORMED, bulkmsg_template_csv(engine, content, fresh(text), err));
  SWEEP(BULKMSG_OK, BULKMSG_E_MESSAGE_MALFORMED,
        bulkmsg_message_put(engine, TEXT("hello"), TEXT(message), &number, err));
  OK(bulkmsg_message_find(engine, TEXT("hello"), &number, fresh(text), err));
  SWEEP(BULKMSG_E_CONNECT_FAILED, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_media_put(engine, from, TEXT("what is this"), nullptr, fresh(text), err));
  SWEEP(BULKMSG_E_FILE_UNREADABLE, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_media_put_file(engine, from, TEXT("/none"), nullptr, fresh(text), err));
  OK(bulkmsg_account_adjust(engine, account, 7, TEXT("a gift"), TEXT("the shop's owner"), TEXT("once"), err));
  SWEEP(BULKMSG_OK, json, bulkmsg_account_price(engine, content, TEXT(rates), &number, err));
  SWEEP(BULKMSG_OK, json, bulkmsg_campaign_estimate(engine, campaign, TEXT(rates), fresh(text), err));
  SWEEP(BULKMSG_OK, BULKMSG_E_TEMPLATE_MALFORMED,
        bulkmsg_campaign_preview(engine, campaign, 0, fresh(text), fresh(second), err));
  OK(bulkmsg_campaign_reasons(engine, campaign, fresh(text), err));
  OK(bulkmsg_campaign_write_rejected(engine, campaign, TEXT("/dev/null"), err));
  OK(bulkmsg_campaign_state_consent(engine, campaign, TEXT("at the counter of the shop"), err));
  SWEEP(BULKMSG_E_COLUMN_MISSING, BULKMSG_E_TEMPLATE_MALFORMED,
        bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_LIST, TEXT(address), nullptr, nullptr, 0, err));
  SWEEP(BULKMSG_E_FILE_UNREADABLE, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_campaign_import_file(engine, campaign, BULKMSG_FORMAT_CSV, TEXT("/none"), nullptr, nullptr, 0, err));
  SWEEP(BULKMSG_OK, BULKMSG_E_TEMPLATE_MALFORMED,
        bulkmsg_campaign_add(engine, campaign, TEXT(cells), offsets, 2, 2, nullptr, nullptr, 0, err));
  OK(bulkmsg_contacts_import_csv(engine, TEXT(people), nullptr, fresh(text), err));
  SWEEP(BULKMSG_E_FILE_UNREADABLE, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_contacts_import_csv_file(engine, TEXT("/none"), nullptr, fresh(text), err));
  OK(bulkmsg_attribute_declare(engine, TEXT("born"), TEXT("date"), 1, err));
  SWEEP(BULKMSG_OK, BULKMSG_E_SEGMENT_MALFORMED, bulkmsg_segment_put(engine, TEXT("lisbon"), TEXT(segment), err));
  OK(bulkmsg_segment_add(engine, TEXT("group"), TEXT("+447700900123"), err));
  SWEEP(BULKMSG_OK, BULKMSG_E_SEGMENT_MALFORMED, bulkmsg_contacts_count(engine, TEXT("lisbon"), &number, err));
  OK(bulkmsg_suppression_put(engine, TEXT(address), nullptr, err));
  // Every list, on a store that has a row of most.
  for (std::int32_t what = BULKMSG_LIST_TEMPLATES; what <= BULKMSG_LIST_CONSENT_LOG; ++what) {
    const bool campaigns = what == BULKMSG_LIST_MESSAGES || what == BULKMSG_LIST_REJECTED;
    const std::int64_t of = campaigns                           ? campaign
                            : what == BULKMSG_LIST_LEDGER       ? account
                            : what == BULKMSG_LIST_PARTICIPANTS ? 1
                                                                : 0;
    bulkmsg_config* filter = config_of(what);
    if (what == BULKMSG_LIST_CONTACTS) set(filter, "selection", "lisbon");
    SWEEP(BULKMSG_OK, BULKMSG_E_SEGMENT_MALFORMED,
          bulkmsg_engine_list(engine, what, of, filter, 10, nullptr, fresh(text), nullptr, err));
    bulkmsg_config_destroy(filter);
  }
  OK(bulkmsg_consent_put(engine, TEXT(address), 1, TEXT("marketing"), TEXT("a web form, long ago"), err));

  SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_recipients_parse(BULKMSG_FORMAT_CSV, TEXT(list), nullptr, nullptr, 0, fresh(text), fresh(second), err));
  SWEEP(BULKMSG_OK, BULKMSG_E_MESSAGE_MALFORMED,
        bulkmsg_content_preview(TEXT(message), TEXT("first_name\nAna\n"), nullptr, fresh(text), fresh(second), err));
  bulkmsg_limiter* limiter = nullptr;
  sweep("limiter_create", BULKMSG_OK, [&](bulkmsg_error** err) {
    bulkmsg_limiter_destroy(limiter);
    return bulkmsg_limiter_create(TEXT("80/s; 1/6s per recipient; in-flight=2"), &limiter, err);
  });
  OK(bulkmsg_limiter_take(limiter, 1, TEXT(address), &number, err));
  sweep("limiter_release", BULKMSG_OK, [&](bulkmsg_error** err) { return bulkmsg_limiter_release(limiter, err); });
  bulkmsg_limiter_destroy(limiter);
  SWEEP(BULKMSG_E_SIGNATURE_MISMATCH, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_webhook_verify(TEXT("{}"), TEXT("sha256=00"), TEXT("a secret that is not a short one"), err));
  SWEEP(BULKMSG_OK, BULKMSG_E_MESSAGE_MALFORMED, bulkmsg_content_csv(TEXT(message), nullptr, fresh(text), err));
  OK(bulkmsg_time_parse(TEXT("2030-12-01 09:00 Europe/Berlin"), &number, err));
  bulkmsg_text_destroy(text);
  bulkmsg_text_destroy(second);
}

// Schedules, edits, tests, settling, copies and personal data. The store's own files lie in `directory`.
void doors(bulkmsg_engine* engine, std::int64_t from, std::int64_t campaign, const std::string& directory) {
  bulkmsg_text* text = nullptr;
  std::int64_t number = 0;
  const auto fresh = [](bulkmsg_text*& one) {
    bulkmsg_text_destroy(one);
    one = nullptr;
    return &one;
  };
  const auto words_lost = BULKMSG_E_TEMPLATE_MALFORMED;  // simdjson without memory
  OK(bulkmsg_engine_status(engine, fresh(text), err));
  OK(bulkmsg_engine_metrics(engine, fresh(text), err));
  const std::string copy = directory + "/copy of the store";
  sweep("engine_backup", BULKMSG_OK, [&](bulkmsg_error** err) {
    std::remove(copy.c_str());
    return bulkmsg_engine_backup(engine, copy.data(), copy.size(), nullptr, err);
  });
  sweep("store_adopt", BULKMSG_OK, [&](bulkmsg_error** err) {
    unhindered([&] {
      std::remove(copy.c_str());
      bulkmsg_engine_backup(engine, copy.data(), copy.size(), nullptr, nullptr);
    });
    return bulkmsg_store_adopt(copy.data(), copy.size(), nullptr, fresh(text), err);
  });
  OK(bulkmsg_engine_set_retention(engine, 48, nullptr, err));
  OK(bulkmsg_engine_forget(engine, TEXT("+447700900155"), nullptr, fresh(text), err));
  SWEEP(BULKMSG_E_CONNECT_FAILED, BULKMSG_E_JSON_MALFORMED,
        bulkmsg_sender_check(engine, 0, TEXT(sender), fresh(text), err));
  SWEEP(BULKMSG_E_CONNECT_FAILED, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_sender_check(engine, from, nullptr, 0, fresh(text), err));
  SWEEP(BULKMSG_E_SIGNATURE_MISMATCH, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_webhook_handshake(engine, TEXT("subscribe"), TEXT("a word that is not known here"), TEXT("1"),
                                  fresh(text), err));
  OK(bulkmsg_window_closes(engine, 0, TEXT("+447700900155"), &number, err));
  SWEEP(BULKMSG_OK, words_lost, bulkmsg_campaign_csv(engine, campaign, fresh(text), err));

  bulkmsg_config* config = config_of(BULKMSG_CONFIG_SCHEDULE);
  const std::time_t next_month = std::time(nullptr) + 30 * 86'400;
  char at[40];
  std::strftime(at, sizeof at, "%Y-%m-%d %H:%M UTC", std::gmtime(&next_month));
  set(config, "at", at);
  set(config, "actor", "somebody with a name that is not short");
  // Once it is scheduled the same call is refused, so each try begins with a draft.
  sweep(
      "campaign_schedule", BULKMSG_OK,
      [&](bulkmsg_error** err) {
        unhindered([&] { bulkmsg_campaign_cancel(engine, campaign, nullptr, nullptr); });
        return bulkmsg_campaign_schedule(engine, campaign, config, nullptr, 0, err);
      },
      words_lost);
  bulkmsg_config_destroy(config);
  OK(bulkmsg_campaign_status(engine, campaign, fresh(text), err));
  if (bulkmsg_campaign_cancel(engine, campaign, nullptr, nullptr) != BULKMSG_OK) ++failures;
  SWEEP(BULKMSG_E_WRONG_STATE, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_campaign_cancel(engine, campaign, nullptr, err));

  config = config_of(BULKMSG_CONFIG_CAMPAIGN);
  set(config, "name", "a campaign with another name that is long");
  set(config, "sender", std::to_string(from));
  set(config, "hours", "mon-fri 09:00-20:00");
  OK(bulkmsg_campaign_edit(engine, campaign, config, err));
  bulkmsg_config_destroy(config);
  SWEEP(BULKMSG_E_WRONG_STATE, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_campaign_test_send(engine, campaign, TEXT("+447700900166"), nullptr, &number, err));
  config = config_of(BULKMSG_CONFIG_RESOLVE);
  set(config, "as", "not_sent");
  set(config, "actor", "somebody with a name that is not short");
  SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_campaign_resolve(engine, campaign, config, &number, err));
  bulkmsg_config_destroy(config);
  SWEEP(BULKMSG_E_WRONG_STATE, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_campaign_retry(engine, campaign, nullptr, fresh(text), err));
  OK(bulkmsg_suppression_put(engine, TEXT("+447700900181; +447700900182"), nullptr, err));
  if (bulkmsg_suppression_lift(engine, TEXT("+447700900181"), nullptr, nullptr) != BULKMSG_OK) ++failures;
  SWEEP(BULKMSG_E_NOT_FOUND, BULKMSG_E_OUT_OF_MEMORY,
        bulkmsg_suppression_lift(engine, TEXT("+447700900181"), nullptr, err));
  for (const auto command : {bulkmsg_campaign_pause, bulkmsg_campaign_resume, bulkmsg_campaign_stop}) {
    SWEEP(BULKMSG_E_WRONG_STATE, BULKMSG_E_OUT_OF_MEMORY, command(engine, campaign, nullptr, err));
  }
  // A removed draft is not found by the try after one whose answer was lost.
  SWEEP(BULKMSG_OK, BULKMSG_E_NOT_FOUND, bulkmsg_campaign_discard(engine, campaign, nullptr, err));
  bulkmsg_text_destroy(text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  ::setenv("ALLOCATION_TOKEN", "token", 1);
  bulkmsg_text* text = nullptr;
  std::int64_t id = 0, sender_id = 0, template_id = 0, campaign = 0;
  std::int32_t state = 0;
  std::size_t count = 0;
  bulkmsg_engine* engine = nullptr;
  const auto fresh_text = [&] {
    bulkmsg_text_destroy(text);
    text = nullptr;
    return &text;
  };

  sweep("config_describe", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_config_describe(BULKMSG_CONFIG_ENGINE, fresh_text(), err); });
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_ENGINE);
  sweep("an unknown option", BULKMSG_E_UNKNOWN_OPTION,
        [&](bulkmsg_error** err) { return bulkmsg_config_set(config, "paht", 4, "x", 1, err); });
  sweep("open without a path", BULKMSG_E_BAD_OPTION_VALUE,
        [&](bulkmsg_error** err) { return bulkmsg_engine_open(config, &engine, err); });
  set(config, "path", std::string(argv[1]) + "/allocation");
  sweep("open", BULKMSG_OK, [&](bulkmsg_error** err) { return bulkmsg_engine_open(config, &engine, err); });
  bulkmsg_config_destroy(config);
  if (engine == nullptr) return 1;

  sweep(
      "sender_put", BULKMSG_OK,
      [&](bulkmsg_error** err) { return bulkmsg_sender_put(engine, sender, sizeof sender - 1, &sender_id, err); },
      BULKMSG_E_JSON_MALFORMED);
  // simdjson without memory looks like a malformed document.
  sweep(
      "template_put", BULKMSG_OK,
      [&](bulkmsg_error** err) { return bulkmsg_template_put(engine, words, sizeof words - 1, &template_id, err); },
      BULKMSG_E_TEMPLATE_MALFORMED);
  config = config_of(BULKMSG_CONFIG_ACCOUNT);
  set(config, "name", "account");
  sweep("account_put", BULKMSG_OK, [&](bulkmsg_error** err) { return bulkmsg_account_put(engine, config, &id, err); });
  bulkmsg_config_destroy(config);
  sweep("account_find", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_account_find(engine, "account", 7, &id, err); });
  bulkmsg_balances balances;
  sweep("account_balances", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_account_balances(engine, id, &balances, sizeof balances, err); });
  sweep("account_audit", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_account_audit(engine, id, nullptr, 0, err); });

  config = config_of(BULKMSG_CONFIG_CAMPAIGN);
  set(config, "name", "a campaign with a name that is too long for the small string optimization");
  set(config, "sender", std::to_string(sender_id));
  set(config, "template", std::to_string(template_id));
  set(config, "map.body.1", "param1");
  sweep("campaign_create", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_campaign_create(engine, config, &campaign, err); });
  bulkmsg_config_destroy(config);
  sweep("state of nothing", BULKMSG_E_NOT_FOUND,
        [&](bulkmsg_error** err) { return bulkmsg_campaign_state(engine, 987654321, &state, err); });
  if (bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, list, sizeof list - 1, nullptr, nullptr, 0,
                              nullptr) != BULKMSG_OK)
    return 1;
  sweep(
      "campaign_dry_run", BULKMSG_OK,
      [&](bulkmsg_error** err) {
        return bulkmsg_campaign_dry_run(engine, campaign, nullptr, 0, fresh_text(), nullptr, err);
      },
      BULKMSG_E_TEMPLATE_MALFORMED);
  sweep("campaign_status", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_campaign_status(engine, campaign, fresh_text(), err); });
  std::int64_t ids[10];
  sweep("campaign_list", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_campaign_list(engine, 0, ids, 10, &count, err); });
  sweep("campaign_pause", BULKMSG_E_WRONG_STATE,
        [&](bulkmsg_error** err) { return bulkmsg_campaign_pause(engine, campaign, nullptr, err); });
  bulkmsg_event event;
  sweep("poll", BULKMSG_OK,
        [&](bulkmsg_error** err) { return bulkmsg_engine_poll(engine, &event, sizeof event, 1, 0, &count, err); });
  sweep("webhook_ingest", BULKMSG_E_SIGNATURE_MISMATCH,
        [&](bulkmsg_error** err) { return bulkmsg_webhook_ingest(engine, "{}", 2, "sha256=00", 9, err); });

  more(engine, sender_id, template_id, id, campaign);
  doors(engine, sender_id, campaign, argv[1]);
  bulkmsg_text_destroy(text);
  sweep("close", BULKMSG_OK, [&](bulkmsg_error** err) { return bulkmsg_engine_close(engine, 1000, err); });
  bulkmsg_engine_destroy(engine);
  std::printf("%s: %ld allocations failed\n", failures == 0 ? "ok" : "failed", tried);
  return failures == 0 ? 0 : 1;
}
