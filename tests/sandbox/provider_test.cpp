#include "provider.hpp"

#include <gtest/gtest.h>

#include "provider_driver.hpp"

namespace sandbox {
namespace {

using testing::driver;

TEST(messages, common_fields) {
  driver them;
  const auto with = [&](std::string_view fields) {
    return them.code("{" + std::string(fields) + R"(,"text":{"body":"x"}})");
  };
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","type":"text")"), 0);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111")"), 0);
  EXPECT_EQ(with(R"("to":"+15550001111","type":"text")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"sms","to":"+15550001111","type":"text")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","type":"text")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":15550001111,"type":"text")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"12","type":"text")"), 131009);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"15550783881","type":"text")"), 131021);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","type":"text","extra":1)"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","to":"+15550001112","type":"text")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","type":"letter")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","type":"image")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","recipient_type":"crowd","to":"+15550001111","type":"text")"), 100);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","recipient_type":"group","to":"Y2FwaV9ncm91cA==","type":"text")"),
            0);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","recipient":"US.13491208655302741918","type":"text")"), 0);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","type":"text","biz_opaque_callback_data":")" +
                 std::string(512, 'x') + "\""),
            0);
  EXPECT_EQ(with(R"("messaging_product":"whatsapp","to":"+15550001111","type":"text","biz_opaque_callback_data":")" +
                 std::string(513, 'x') + "\""),
            100);
}

TEST(messages, hostile_bodies_are_answered) {
  driver them;
  for (const std::string bad : {"", " ", "{", "nope", "[]", "5", "null", "{}", R"({"a":)", "\xff\xfe", R"({"type":[]})",
                                R"({"type":5})", R"({"status":{}})", R"({"messaging_product":{}})"}) {
    EXPECT_GT(them.code(bad), 0) << bad;
  }
  EXPECT_EQ(them.code(std::string(500'000, '[')), 100);
  std::string many = "{";
  for (int i = 0; i < 20'000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  many.back() = '}';
  EXPECT_EQ(them.code(many), 100);
}

TEST(messages, free_form_types) {
  driver them;
  EXPECT_EQ(them.typed_code("text", R"({"body":")" + std::string(4096, 'x') + "\"}"), 0);
  EXPECT_EQ(them.typed_code("text", R"({"body":")" + std::string(4097, 'x') + "\"}"), 100);
  EXPECT_EQ(them.typed_code("text", R"({"body":""})"), 131008);
  EXPECT_EQ(them.typed_code("text", R"({"body":"x","preview_url":"yes"})"), 100);
  for (const char* type : {"image", "video", "document", "audio", "sticker"}) {
    EXPECT_EQ(them.typed_code(type, R"({"id":"123"})"), 0) << type;
    EXPECT_EQ(them.typed_code(type, R"({"link":"https://x.example/a"})"), 0) << type;
    EXPECT_EQ(them.typed_code(type, R"({"id":"123","link":"https://x.example/a"})"), 100) << type;
    EXPECT_EQ(them.typed_code(type, R"({})"), 131008) << type;
    EXPECT_EQ(them.typed_code(type, R"({"link":"x.example"})"), 100) << type;
  }
  EXPECT_EQ(them.typed_code("image", R"({"id":"1","caption":")" + std::string(1025, 'x') + "\"}"), 100);
  EXPECT_EQ(them.typed_code("audio", R"({"id":"1","caption":"x"})"), 100);
  EXPECT_EQ(them.typed_code("document", R"({"id":"1","caption":"x","filename":"a.pdf"})"), 0);
  EXPECT_EQ(them.typed_code("location", R"({"latitude":"37.44","longitude":-122.16,"name":"n"})"), 0);
  EXPECT_EQ(them.typed_code("location", R"({"latitude":"91","longitude":0})"), 131009);
  EXPECT_EQ(them.typed_code("location", R"({"latitude":"north","longitude":0})"), 100);
  EXPECT_EQ(
      them.typed_code(
          "contacts",
          R"([{"name":{"formatted_name":"A B","first_name":"A"},"phones":[{"phone":"+1","type":"CELL"}],"birthday":"2000-01-31"}])"),
      0);
  EXPECT_EQ(them.typed_code("contacts", R"([{"name":{"first_name":"A"}}])"), 131008);
  EXPECT_EQ(them.typed_code("contacts", R"([{"name":{"formatted_name":"A"}}])"), 131009);
  EXPECT_EQ(them.typed_code("contacts", "[]"), 131009);
  EXPECT_EQ(them.typed_code("reaction", R"({"message_id":"wamid.x","emoji":""})"), 0);
  EXPECT_EQ(them.typed_code("reaction", R"({"emoji":"x"})"), 131008);
}

TEST(messages, interactive_ones) {
  driver them;
  const auto buttons = [&](std::string_view list) {
    return them.typed_code("interactive",
                           R"({"type":"button","body":{"text":"x"},"action":{"buttons":[)" + std::string(list) + "]}}");
  };
  const auto button = [](std::string_view id, std::string_view title) {
    return R"({"type":"reply","reply":{"id":")" + std::string(id) + R"(","title":")" + std::string(title) + "\"}}";
  };
  EXPECT_EQ(buttons(button("a", "A") + "," + button("b", "B") + "," + button("c", "C")), 0);
  EXPECT_EQ(buttons(""), 131009);
  EXPECT_EQ(buttons(button("a", "A") + "," + button("a", "B")), 131009);
  EXPECT_EQ(buttons(button("a", "A") + "," + button("b", "A")), 131009);
  EXPECT_EQ(buttons(button("a", std::string(21, 'x'))), 100);
  const auto list = [&](std::string_view sections) {
    return them.typed_code("interactive", R"({"type":"list","body":{"text":"x"},"action":{"button":"Go","sections":[)" +
                                              std::string(sections) + "]}}");
  };
  EXPECT_EQ(list(R"({"rows":[{"id":"1","title":"a"}]})"), 0);
  EXPECT_EQ(list(R"({"rows":[{"id":"1","title":"a"}]},{"title":"s","rows":[{"id":"2","title":"a"}]})"), 131008);
  EXPECT_EQ(list(R"({"rows":[{"id":"1","title":"a","description":")" + std::string(73, 'x') + R"("}]})"), 100);
  EXPECT_EQ(
      them.typed_code(
          "interactive",
          R"({"type":"cta_url","body":{"text":"x"},"action":{"name":"cta_url","parameters":{"display_text":"Go","url":"https://x.example"}}})"),
      0);
  EXPECT_EQ(them.typed_code(
                "interactive",
                R"({"type":"cta_url","body":{"text":"x"},"footer":{"text":")" + std::string(61, 'x') +
                    R"("},"action":{"name":"cta_url","parameters":{"display_text":"Go","url":"https://x.example"}}})"),
            100);
  EXPECT_EQ(them.typed_code("interactive", R"({"type":"dance","body":{"text":"x"},"action":{}})"), 100);
}

TEST(messages, token_and_number) {
  settings configured;
  configured.expire_token_after = 2;
  driver them(configured);
  const auto messages = "/v23.0/106540352242922/messages";
  EXPECT_EQ(driver::code_of(them.ask("POST", messages, "{}", "")), 190);
  EXPECT_EQ(driver::code_of(them.ask("POST", messages, "{}", "Bearer wrong")), 190);
  EXPECT_EQ(them.ask("POST", messages, "{}", "Bearer wrong").status, 401U);
  EXPECT_EQ(driver::code_of(them.ask("POST", "/v23.0/1/messages", "{}")), 100);
  EXPECT_EQ(them.text_code("+15550001111"), 0);
  EXPECT_EQ(them.text_code("+15550001111"), 190);
  EXPECT_EQ(them.ask("POST", "/_sandbox/token", "fresh", "").status, 200U);
  EXPECT_EQ(them.ask("GET", "/106540352242922", "", "Bearer fresh").status, 200U);
}

TEST(limits, answer_their_codes) {
  settings configured;
  configured.rate = 100;
  configured.pair_limit = true;
  configured.unique_limit = 3;
  configured.throttle_status = 429;
  driver them(configured);
  for (int i = 0; i < 45; ++i) ASSERT_EQ(them.text_code("+15550001111"), 0);
  EXPECT_EQ(them.text_code("+15550001111"), 131056);
  EXPECT_EQ(them.text_code("+15550001112"), 0);
  EXPECT_EQ(them.text_code("+15550001113"), 0);
  EXPECT_EQ(them.text_code("+15550001114"), 131048);
  for (int i = 0; i < 44; ++i) ASSERT_EQ(them.text_code("+15550001112"), 0);
  for (int i = 0; i < 9; ++i) ASSERT_EQ(them.text_code("+15550001113"), 0);
  EXPECT_EQ(them.text_code("+15550001113"), 130429);
  EXPECT_EQ(them.post(R"({"messaging_product":"whatsapp","to":"+15550001113","text":{"body":"x"}})").status, 429U);
  them.pass(1);
  EXPECT_EQ(them.text_code("+15550001113"), 0);
  them.pass(24 * 3600);
  EXPECT_EQ(them.text_code("+15550001114"), 0);
}

TEST(window, opens_when_they_write) {
  settings configured;
  configured.strict_window = true;
  driver them(configured);
  EXPECT_EQ(them.text_code("+5531987654321"), 131047);
  EXPECT_EQ(them.template_code(R"({"name":"hello_world","language":{"code":"en_US"}})"), 0);
  EXPECT_EQ(them.ask("POST", "/_sandbox/inbound", R"({"from":"+553187654321","text":"Hi"})", "").status, 200U);
  EXPECT_EQ(them.text_code("+5531987654321"), 0);
  them.pass(24 * 3600);
  EXPECT_EQ(them.text_code("+5531987654321"), 131047);
}

TEST(templates, are_listed_in_pages) {
  driver them;
  simdjson::dom::parser parser;
  const auto page = them.ask("GET", "/v23.0/102290129340398/message_templates?limit=1");
  const simdjson::padded_string text(page.body);
  const auto document = parser.parse(text);
  EXPECT_EQ(std::string_view(document["data"].at(0)["name"]), "order_ready");
  EXPECT_TRUE(document["data"].at(0)["components"].at(3)["buttons"].is_array());
  const std::string next(document["paging"]["next"].get_string().value());
  const auto second = them.ask("GET", next.substr(next.find("/v23.0")));
  EXPECT_NE(second.body.find("hello_world"), std::string::npos);
  EXPECT_EQ(second.body.find("\"next\""), std::string::npos);
  EXPECT_EQ(driver::code_of(them.ask("GET", "/v23.0/102290129340398/message_templates?after=bad")), 131059);
  EXPECT_EQ(driver::code_of(them.ask("GET", "/v23.0/102290129340398/message_templates?fields=secret")), 100);
  EXPECT_EQ(them.ask("GET", "/v23.0/102290129340398/message_templates?name=none").body, R"({"data":[]})");
  EXPECT_EQ(them.ask("POST", "/_sandbox/template-status", R"({"name":"hello_world","status":"PAUSED"})", "").status,
            200U);
  EXPECT_EQ(them.template_code(R"({"name":"hello_world","language":{"code":"en_US"}})"), 132015);
}

TEST(faults, are_switched_at_run_time) {
  driver them;
  const auto set = [&](std::string_view json) { return them.ask("POST", "/_sandbox/faults", json, "").status; };
  EXPECT_EQ(set(R"({"drop_before":1})"), 200U);
  EXPECT_EQ(them.post("{}").how, answer::delivery::reset);
  EXPECT_EQ(set(R"({"drop_before":0,"errors":"131049:1"})"), 200U);
  EXPECT_EQ(them.text_code("+15550001111"), 131049);
  EXPECT_EQ(set(R"({"errors":"131049:2"})"), 400U);
  EXPECT_EQ(set(R"({"bogus":1})"), 400U);
  EXPECT_EQ(set("nonsense"), 400U);
  EXPECT_EQ(them.text_code("+15550001111"), 131049);
  EXPECT_EQ(set(R"({"off":true})"), 200U);
  EXPECT_EQ(them.text_code("+15550001111"), 0);
  EXPECT_EQ(set(R"({"truncate":1})"), 200U);
  EXPECT_EQ(them.post(R"({"messaging_product":"whatsapp","to":"+15550001111","text":{"body":"x"}})").how,
            answer::delivery::cut_short);
}

TEST(faults, same_seed_same_fates) {
  const auto run = [](std::uint64_t seed) {
    settings configured;
    configured.seed = seed;
    configured.misbehaviour.set("drop_before", "0.2");
    configured.misbehaviour.set("drop_after", "0.2");
    configured.misbehaviour.set("errors", "130429:0.2,131000:0.1");
    configured.misbehaviour.set("latency", "1..9");
    driver them(configured);
    std::string fates;
    for (int i = 0; i < 300; ++i) {
      const auto got = them.post(R"({"messaging_product":"whatsapp","to":"+15550001111","text":{"body":"x"}})");
      fates += std::to_string(got.status) + (got.how == answer::delivery::reset ? "r" : "a") +
               std::to_string(got.delay_ms) + " ";
    }
    return fates;
  };
  EXPECT_EQ(run(3), run(3));
  EXPECT_NE(run(3), run(4));
}

}  // namespace
}  // namespace sandbox
