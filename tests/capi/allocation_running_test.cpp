// Every allocation of what a running campaign needs fails in turn, and of senders over other channels:
// allocation_running_test DIRECTORY (an empty one, for stores).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "allocation_sweep.hpp"

namespace {

// Nobody answers there: what is started stays unsent.
constexpr char whatsapp[] =
    R"({"name":"a sender with a name that is long","origin":"http://127.0.0.1:1","phone_number_id":"106540352242922",)"
    R"("agent":"ana","token":"env:ALLOCATION_TOKEN","limits":"whatsapp_standard; 2000 recipients/24h; in-flight=64",)"
    R"("time_zone":"Europe/Berlin","portfolio":"the portfolio of the shop"})";
constexpr char telegram[] =
    R"({"name":"a bot with a name that is long","channel":"telegram","origin":"http://127.0.0.1:1",)"
    R"("token":"env:ALLOCATION_TOKEN"})";
constexpr char words[] =
    R"({"id":"7","name":"hello","language":"en_US","status":"APPROVED","category":"UTILITY",)"
    R"("components":[{"type":"BODY","text":"Hello {{1}}, how are you?","example":{"body_text":[["Ana"]]}}]})";
constexpr char list[] = "phone_number,param1\n+447700900123,Ana\n+447700900124,Ben\n";
constexpr char people[] = "phone_number,param1\n+447700900125,Cyd\n";

// simdjson without memory looks like a malformed document.
constexpr auto json_lost = BULKMSG_E_JSON_MALFORMED;
constexpr auto words_lost = BULKMSG_E_TEMPLATE_MALFORMED;

void senders(bulkmsg_engine* engine, const char* examples) {
  std::int64_t number = 0;
  SWEEP(BULKMSG_OK, BULKMSG_E_CHANNEL_MALFORMED, bulkmsg_sender_put(engine, TEXT(telegram), &number, err));
  const std::string chat = std::string(R"({"name":"a website with a long name","channel":"chat","origin":)") +
                           R"("http://127.0.0.1:1","token":"env:ALLOCATION_TOKEN","channel_description":")" + examples +
                           R"(/channels/website_chat.json"})";
  SWEEP(BULKMSG_OK, BULKMSG_E_CHANNEL_MALFORMED, bulkmsg_sender_put(engine, chat.data(), chat.size(), &number, err));
}

std::int64_t draft(bulkmsg_engine* engine, std::int64_t sender, std::int64_t account) {
  std::int64_t content = 0, campaign = 0;
  SWEEP(BULKMSG_OK, words_lost, bulkmsg_template_put(engine, TEXT(words), &content, err));
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_CAMPAIGN);
  set(config, "name", "a campaign with a name that is too long for the small string optimization");
  set(config, "sender", std::to_string(sender));
  set(config, "template", std::to_string(content));
  set(config, "account", std::to_string(account));
  OK(bulkmsg_campaign_create(engine, config, &campaign, err));
  bulkmsg_config_destroy(config);
  return campaign;
}

void run(bulkmsg_engine* engine, std::int64_t campaign) {
  bulkmsg_text* text = nullptr;
  const auto fresh = [&] {
    bulkmsg_text_destroy(text);
    text = nullptr;
    return &text;
  };
  bulkmsg_counters counters{};
  bulkmsg_plan plan{};
  std::int32_t state = 0;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_START);
  set(config, "idempotency_key", "a key, so that a start whose answer was lost is not refused");
  SWEEP(BULKMSG_OK, words_lost, bulkmsg_campaign_start(engine, campaign, config, &plan, sizeof plan, err));
  bulkmsg_config_destroy(config);
  OK(bulkmsg_campaign_counters(engine, campaign, &counters, sizeof counters, err));
  OK(bulkmsg_campaign_state(engine, campaign, &state, err));
  if (counters.queued + counters.unconfirmed + counters.failed != 3) {
    ++failures;
    std::fprintf(stderr, "FAILED: not everybody who was added is accounted for\n");
  }

  bulkmsg_event event{};
  std::size_t count = 0;
  for (int tries = 0; event.id == 0 && tries < 100; ++tries) {
    bulkmsg_engine_poll(engine, &event, sizeof event, 1, 100, &count, nullptr);
  }
  std::int32_t fd = -1;
  OK(bulkmsg_engine_event_fd(engine, &fd, err));
  OK(bulkmsg_engine_wakeup(engine, err));
  OK(bulkmsg_engine_event_payload(engine, event.id, fresh(), err));
  OK(bulkmsg_engine_ack(engine, event.id, err));
  SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_campaign_pause(engine, campaign, nullptr, err));
  SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_campaign_resume(engine, campaign, nullptr, err));
  SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_campaign_stop(engine, campaign, nullptr, err));
  bulkmsg_text_destroy(text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s DIRECTORY EXAMPLES_DATA\n", argv[0]);
    return 2;
  }
  ::setenv("ALLOCATION_TOKEN", "token", 1);
  bulkmsg_engine* engine = nullptr;
  bulkmsg_text* text = nullptr;
  bulkmsg_config* config = config_of(BULKMSG_CONFIG_ENGINE);
  set(config, "path", std::string(argv[1]) + "/a store with a name that is not short");
  OK(bulkmsg_engine_open(config, &engine, err));
  bulkmsg_config_destroy(config);
  if (engine == nullptr) return 1;

  senders(engine, argv[2]);
  std::int64_t sender = 0, account = 0;
  SWEEP(BULKMSG_OK, json_lost, bulkmsg_sender_put(engine, TEXT(whatsapp), &sender, err));
  config = config_of(BULKMSG_CONFIG_ACCOUNT);
  set(config, "name", "an account with a name that is long");
  OK(bulkmsg_account_put(engine, config, &account, err));
  bulkmsg_config_destroy(config);
  OK(bulkmsg_account_top_up(engine, account, 7, TEXT("a key that makes it happen once"), err));

  const std::int64_t campaign = draft(engine, sender, account);
  if (bulkmsg_campaign_import(engine, campaign, BULKMSG_FORMAT_CSV, TEXT(list), nullptr, nullptr, 0, nullptr) != 0) {
    return 1;
  }
  SWEEP(BULKMSG_OK, BULKMSG_E_OUT_OF_MEMORY, bulkmsg_contacts_import_csv(engine, TEXT(people), nullptr, nullptr, err));
  SWEEP(BULKMSG_OK, words_lost, bulkmsg_campaign_import_contacts(engine, campaign, nullptr, 0, &text, err));
  bulkmsg_text_destroy(text);
  OK(bulkmsg_segment_add(engine, TEXT("a long name of a group"), TEXT("+447700900125"), err));
  sweep("segment_remove", BULKMSG_OK, [&](bulkmsg_error** err) {
    unhindered([&] { bulkmsg_segment_add(engine, TEXT("a long name of a group"), TEXT("+447700900125"), nullptr); });
    return bulkmsg_segment_remove(engine, TEXT("a long name of a group"), err);
  });
  run(engine, campaign);
  std::int32_t port = 0;
  OK(bulkmsg_webhook_listen(engine, TEXT("127.0.0.1:0"), &port, err));
  OK(bulkmsg_engine_close(engine, 1000, err));
  bulkmsg_engine_destroy(engine);
  std::printf("%s: %ld allocations failed\n", failures == 0 ? "ok" : "failed", tried);
  return failures == 0 ? 0 : 1;
}
