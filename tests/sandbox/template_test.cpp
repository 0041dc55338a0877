#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "provider_driver.hpp"

namespace sandbox {
namespace {

using testing::driver;

constexpr const char* templates = R"({"data":[
{"name":"plain","language":"en","status":"APPROVED","category":"MARKETING","components":[{"type":"BODY","text":"Hello"}]},
{"name":"two","language":"en_US","status":"APPROVED","category":"MARKETING","components":[
  {"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Hi {{1}}, your {{2}}, {{1}}!"},
  {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Stop"},{"type":"URL","text":"a","url":"https://a.example/"},
    {"type":"URL","text":"b","url":"https://b.example/{{1}}"},{"type":"COPY_CODE","text":"c"},{"type":"PHONE_NUMBER","text":"d"}]}]},
{"name":"place","language":"en","components":[{"type":"HEADER","format":"LOCATION"},{"type":"BODY","text":"Here"}]},
{"name":"flow","language":"en","components":[{"type":"BODY","text":"Fill in"},{"type":"BUTTONS","buttons":[{"type":"FLOW","text":"Go"}]}]},
{"name":"offer","language":"en","components":[{"type":"BODY","text":"Deal"},
  {"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Hurry","has_expiration":true}}]},
{"name":"code","language":"en","category":"AUTHENTICATION","components":[{"type":"BODY","text":"{{1}} is your code"},
  {"type":"BUTTONS","buttons":[{"type":"OTP","text":"Copy"}]}]},
{"name":"cards","language":"en","components":[{"type":"BODY","text":"See {{1}}"},{"type":"CAROUSEL","cards":[
  {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"A {{1}}"}]},
  {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"B {{1}}"}]}]}]},
{"name":"old","language":"en","status":"PAUSED","components":[{"type":"BODY","text":"x"}]},
{"name":"dead","language":"en","status":"DISABLED","components":[{"type":"BODY","text":"x"}]},
{"name":"young","language":"en","status":"PENDING","components":[{"type":"BODY","text":"x"}]}
]})";

class template_message : public ::testing::Test {
 protected:
  static settings with_templates() {
    const auto path =
        std::filesystem::temp_directory_path() / ("sandbox-templates-" + std::to_string(::getpid()) + ".json");
    std::ofstream(path) << templates;
    settings out;
    out.template_files = {path.string()};
    return out;
  }
  void TearDown() override { std::filesystem::remove(with_templates().template_files.at(0)); }

  int two(std::string_view body_parameters, std::string_view buttons = good_buttons,
          std::string_view header = good_header) {
    return them.template_code(R"({"name":"two","language":{"code":"en_US"},"components":[)" + std::string(header) +
                              R"({"type":"body","parameters":[)" + std::string(body_parameters) + "]}" +
                              std::string(buttons) + "]}");
  }
  int named(std::string_view name, std::string_view components) {
    return them.template_code(R"({"name":")" + std::string(name) + R"(","language":{"code":"en"},"components":[)" +
                              std::string(components) + "]}");
  }

  static constexpr const char* good_header =
      R"({"type":"header","parameters":[{"type":"image","image":{"id":"123"}}]},)";
  static constexpr const char* good_buttons =
      R"(,{"type":"button","sub_type":"url","index":"2","parameters":[{"type":"text","text":"A-17"}]},)"
      R"({"type":"button","sub_type":"copy_code","index":3,"parameters":[{"type":"coupon_code","coupon_code":"SAVE10"}]})";
  static constexpr const char* good_body = R"({"type":"text","text":"Ana"},{"type":"text","text":"shoes"})";

  driver them{with_templates()};
};

TEST_F(template_message, good_ones_are_accepted) {
  EXPECT_EQ(them.template_code(R"({"name":"plain","language":{"code":"en"}})"), 0);
  EXPECT_EQ(two(good_body), 0);
  EXPECT_EQ(two(R"({"type":"currency","currency":{"fallback_value":"$1","code":"USD","amount_1000":1000}},)"
                R"({"type":"date_time","date_time":{"fallback_value":"1 May"}})"),
            0);
  EXPECT_EQ(
      two(good_body,
          std::string(good_buttons) +
              R"(,{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"p"}]})"),
      0);
}

TEST_F(template_message, must_exist_and_be_approved) {
  EXPECT_EQ(them.template_code(R"({"name":"nobody","language":{"code":"en"}})"), 132001);
  EXPECT_EQ(them.template_code(R"({"name":"plain","language":{"code":"en_US"}})"), 132001);
  EXPECT_EQ(named("old", ""), 132015);
  EXPECT_EQ(named("dead", ""), 132016);
  EXPECT_EQ(named("young", ""), 132001);
  const auto answer = them.post(
      R"({"messaging_product":"whatsapp","to":"+15550001111","type":"template","template":{"name":"x","language":{"code":"en"}}})");
  EXPECT_EQ(answer.status, 404U);
}

TEST_F(template_message, counts_parameters) {
  EXPECT_EQ(two(R"({"type":"text","text":"Ana"})"), 132000);
  EXPECT_EQ(two(std::string(good_body) + R"(,{"type":"text","text":"x"})"), 132000);
  EXPECT_EQ(
      them.template_code(
          R"({"name":"two","language":{"code":"en_US"},"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]}]})"),
      132000);
}

TEST_F(template_message, compares_the_format) {
  EXPECT_EQ(two(R"({"type":"text","parameter_name":"a","text":"Ana"},{"type":"text","text":"x"})"), 132012);
  EXPECT_EQ(two(good_body, good_buttons, R"({"type":"header","parameters":[{"type":"video","video":{"id":"1"}}]},)"),
            132012);
  EXPECT_EQ(two(good_body, good_buttons, ""), 132012);
  EXPECT_EQ(two(good_body, good_buttons, R"({"type":"HEADER","parameters":[{"type":"image","image":{"id":"1"}}]},)"),
            132012);
  EXPECT_EQ(two(good_body, good_buttons, std::string(good_header) + good_header), 132012);
  EXPECT_EQ(named("plain", R"({"type":"header","parameters":[{"type":"text","text":"x"}]})"), 132012);
  EXPECT_EQ(named("plain", R"({"type":"footer"})"), 132012);
}

TEST_F(template_message, judges_values) {
  const auto value = [&](std::string_view text) {
    return two(R"({"type":"text","text":")" + std::string(text) + R"("},{"type":"text","text":"x"})");
  };
  EXPECT_EQ(value(""), 132018);
  EXPECT_EQ(value("a\\nb"), 132018);
  EXPECT_EQ(value("a\\tb"), 132018);
  EXPECT_EQ(value("a     b"), 132018);
  EXPECT_EQ(value("a    b"), 0);
  // "Hi , your , !" has 13 characters, "x" one, and the first value comes twice.
  EXPECT_EQ(value(std::string(505, 'a')), 0);
  EXPECT_EQ(value(std::string(506, 'a')), 132005);
  std::string accents;
  for (int i = 0; i < 505; ++i) accents += "\xc3\xa9";
  EXPECT_EQ(value(accents), 0);
  EXPECT_EQ(two(R"({"type":"text"},{"type":"text","text":"x"})"), 131008);
  EXPECT_EQ(two(R"({"type":"text","text":5},{"type":"text","text":"x"})"), 100);
  EXPECT_EQ(two(R"({"type":"text","text":"a","bold":true},{"type":"text","text":"x"})"), 100);
}

TEST_F(template_message, judges_buttons) {
  const auto url = [&](std::string_view index, std::string_view sub_type, std::string_view parameter) {
    return two(
        good_body,
        R"(,{"type":"button","sub_type":"copy_code","index":3,"parameters":[{"type":"coupon_code","coupon_code":"S"}]},)"
        R"({"type":"button","sub_type":")" +
            std::string(sub_type) + R"(","index":)" + std::string(index) + R"(,"parameters":[)" +
            std::string(parameter) + "]}");
  };
  constexpr const char* text = R"({"type":"text","text":"A"})";
  EXPECT_EQ(url("2", "url", text), 0);
  EXPECT_EQ(url("1", "url", text), 132012);  // static
  EXPECT_EQ(url("4", "url", text), 132012);  // phone number
  EXPECT_EQ(url("0", "url", text), 132012);  // quick reply
  EXPECT_EQ(url("5", "url", text), 132012);  // none
  EXPECT_EQ(url("10", "url", text), 100);
  EXPECT_EQ(url("\"x\"", "url", text), 100);
  EXPECT_EQ(url("2", "url", R"({"type":"payload","payload":"A"})"), 132012);
  EXPECT_EQ(url("2", "url", ""), 132000);
  EXPECT_EQ(two(good_body, ""), 131008);
}

TEST_F(template_message, special_templates) {
  EXPECT_EQ(named("place", ""), 132012);
  EXPECT_EQ(
      named(
          "place",
          R"({"type":"header","parameters":[{"type":"location","location":{"latitude":"1","longitude":2,"name":"n","address":"a"}}]})"),
      0);
  EXPECT_EQ(named("place",
                  R"({"type":"header","parameters":[{"type":"location","location":{"latitude":"1","longitude":2}}]})"),
            131008);
  EXPECT_EQ(named("flow", ""), 131008);
  EXPECT_EQ(
      named(
          "flow",
          R"({"type":"button","sub_type":"flow","index":"0","parameters":[{"type":"action","action":{"flow_token":"t"}}]})"),
      0);
  EXPECT_EQ(named("offer", ""), 131008);
  const auto offer = [&](std::int64_t when) {
    return named(
        "offer",
        R"({"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":)" +
            std::to_string(when) + "}}]}");
  };
  EXPECT_EQ(offer(them.unix_ms() + 1), 0);
  EXPECT_EQ(offer(them.unix_ms()), 131009);
  const auto code = [&](std::string_view body, std::string_view button) {
    return named("code",
                 R"({"type":"body","parameters":[{"type":"text","text":")" + std::string(body) +
                     R"("}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":")" +
                     std::string(button) + R"("}]})");
  };
  EXPECT_EQ(code("123456", "123456"), 0);
  EXPECT_EQ(code("123456", "123457"), 132018);
  EXPECT_EQ(code("1234567890123456", "1234567890123456"), 132018);
  EXPECT_EQ(named("code", R"({"type":"body","parameters":[{"type":"text","text":"123456"}]})"), 131008);
}

TEST_F(template_message, carousels) {
  const auto card = [](int index, std::string_view text) {
    return R"({"card_index":)" + std::to_string(index) +
           R"(,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://x.example/a.png"}}]},)"
           R"({"type":"body","parameters":[{"type":"text","text":")" +
           std::string(text) + R"("}]}]})";
  };
  const auto cards = [&](const std::string& list) {
    return named("cards", R"({"type":"body","parameters":[{"type":"text","text":"x"}]},{"type":"carousel","cards":[)" +
                              list + "]}");
  };
  EXPECT_EQ(cards(card(0, "a") + "," + card(1, "b")), 0);
  EXPECT_EQ(cards(card(0, "a")), 132012);
  EXPECT_EQ(cards(card(1, "a") + "," + card(0, "b")), 132012);
  EXPECT_EQ(cards(card(0, std::string(158, 'a')) + "," + card(1, "b")), 0);
  EXPECT_EQ(cards(card(0, std::string(159, 'a')) + "," + card(1, "b")), 132005);
  EXPECT_EQ(cards(R"({"card_index":0,"components":[]},)" + card(1, "b")), 132012);
  EXPECT_EQ(named("cards", R"({"type":"body","parameters":[{"type":"text","text":"x"}]})"), 132012);
}

TEST_F(template_message, named_parameters) {
  driver built_in;
  const auto send = [&](std::string_view body_parameter) {
    return built_in.template_code(
        R"({"name":"order_ready","language":{"code":"en_US"},"components":[)"
        R"({"type":"header","parameters":[{"type":"text","parameter_name":"num","text":"A-17"}]},)"
        R"({"type":"body","parameters":[)" +
        std::string(body_parameter) +
        R"(]},)"
        R"({"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"A-17"}]}]})");
  };
  EXPECT_EQ(send(R"({"type":"text","parameter_name":"first_name","text":"Ana"})"), 0);
  EXPECT_EQ(send(R"({"type":"text","text":"Ana"})"), 132012);
  EXPECT_EQ(send(R"({"type":"text","parameter_name":"last_name","text":"Ana"})"), 132012);
}

TEST_F(template_message, files_are_judged_too) {
  template_catalogue some;
  for (const char* bad :
       {"", "5", "[5]", R"({"name":"x"})", R"({"name":"x","language":"en","components":[{"type":"NEW"}]})",
        R"({"name":"x","language":"en","components":[{"type":"BODY","text":"{{2}} a"}]})",
        R"({"name":"x","language":"en","components":[{"type":"BODY","text":"{{name}} a"}]})"}) {
    EXPECT_THROW(some.add_json(bad), std::exception) << bad;
  }
  const std::string one = R"({"name":"x","language":"en","components":[{"type":"BODY","text":"a"}]})";
  some.add_json(one);
  EXPECT_THROW(some.add_json(one), std::exception);
}

}  // namespace
}  // namespace sandbox
