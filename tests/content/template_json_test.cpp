#include "bulkmsg/content/template_json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::content {
namespace {

// Facts, WhatsApp, templates: the provider's own example.
constexpr std::string_view example = R"({"id":"1667192013751005","name":"order_ready","language":"en_US",
 "status":"APPROVED","category":"UTILITY","parameter_format":"NAMED","components":[
 {"type":"HEADER","format":"TEXT","text":"Order {{num}}","example":{"header_text_named_params":[{"param_name":"num","example":"A-17"}]}},
 {"type":"BODY","text":"Hi {{first_name}}, it is ready","example":{"body_text_named_params":[{"param_name":"first_name","example":"Ana"}]}},
 {"type":"FOOTER","text":"Shop"},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Track","url":"https://x.example/{{1}}","example":["https://x.example/A-17"]},{"type":"QUICK_REPLY","text":"Stop"},
  {"type":"PHONE_NUMBER","text":"Call","phone_number":"+15550009999"},{"type":"COPY_CODE","example":["SAVE10"]}]}]})";

std::string with(std::string_view components, std::string_view more = "") {
  return R"({"name":"n","language":"en","status":"APPROVED","category":"MARKETING")" + std::string(more) +
         R"(,"components":)" + std::string(components) + "}";
}

error refused(std::string_view json) {
  const auto read = parse_template_json(json);
  return read ? error{errc::ok, {}, 0, 0} : read.error();
}

TEST(template_json, reads_the_providers_example) {
  const auto read = parse_template_json(example);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, "1667192013751005");
  EXPECT_EQ(read->name, "order_ready");
  EXPECT_EQ(read->language, "en_US");
  EXPECT_EQ(read->category, "UTILITY");
  EXPECT_EQ(read->format, parameter_format::named);
  EXPECT_EQ(read->header.kind, header_kind::text);
  EXPECT_EQ(read->header.text, "Order {{num}}");
  EXPECT_EQ(read->body, "Hi {{first_name}}, it is ready");
  EXPECT_EQ(read->footer, "Shop");
  ASSERT_EQ(read->buttons.size(), 4u);
  EXPECT_EQ(read->buttons[0].url, "https://x.example/{{1}}");
  EXPECT_EQ(read->buttons[1].kind, button_kind::quick_reply);
  EXPECT_EQ(read->buttons[2].phone_number, "+15550009999");
  EXPECT_EQ(read->buttons[3].kind, button_kind::copy_code);
}

TEST(template_json, reads_a_list_of_exactly_one) {
  EXPECT_TRUE(parse_template_json("\xef\xbb\xbf{\"data\":[" + std::string(example) + "],\"paging\":{}}"));
  EXPECT_EQ(refused("{\"data\":[]}").code, errc::template_malformed);
  const error two = refused("{\"data\":[" + std::string(example) + "," + std::string(example) + "]}");
  EXPECT_EQ(two.code, errc::template_malformed);
  EXPECT_NE(two.message.find("2 templates"), std::string::npos);
}

TEST(template_json, type_names_match_in_any_case) {
  const auto read = parse_template_json(with(R"([{"type":"header","format":"image"},{"type":"body","text":"x"}])"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->header.kind, header_kind::image);
}

TEST(template_json, format_left_out_is_positional_unless_a_variable_has_a_name) {
  EXPECT_EQ(parse_template_json(with(R"([{"type":"BODY","text":"{{1}} x"}])"))->format, parameter_format::positional);
  EXPECT_EQ(parse_template_json(with(R"([{"type":"BODY","text":"{{who}} x"}])"))->format, parameter_format::named);
}

TEST(template_json, only_approved_ones_and_the_status_is_named) {
  for (const std::string status : {"PENDING", "REJECTED", "PAUSED", "DISABLED", "SOMETHING_NEW"}) {
    std::string json(example);
    json.replace(json.find("APPROVED"), 8, status);
    const error e = refused(json);
    EXPECT_EQ(e.code, errc::template_not_approved);
    EXPECT_NE(e.message.find(status), std::string::npos) << e.message;
    EXPECT_NE(e.message.find("order_ready"), std::string::npos) << e.message;
  }
}

TEST(template_json, what_is_wrong_is_pointed_at) {
  const struct {
    std::string json;
    std::string_view says;
  } cases[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"[]", "not a JSON object"},
      {"{}", "'name'"},
      {R"({"name":"n"})", "'language'"},
      {R"({"name":"n","language":"en"})", "'status'"},
      {R"({"name":"a b","language":"en","status":"APPROVED"})", "'name'"},
      {R"({"name":7,"language":"en","status":"APPROVED"})", "'name'"},
      {R"({"name":"n","language":"en","status":"APPROVED"})", "'components'"},
      {with("[]"), "BODY"},
      {with("[1]"), "components[0]"},
      {with(R"([{"type":"BODY","text":"x"},{"type":"BODY","text":"x"}])"), "components[1]"},
      {with(R"([{"type":"BODY"}])"), "'text'"},
      {with(R"([{"text":"x"}])"), "'type'"},
      {with(R"([{"type":"BODY","text":"{{1}} {{3}}"}])"), "without a gap"},
      {with(R"([{"type":"BODY","text":"x"},{"type":"HEADER","format":"TEXT","text":"{{1}} {{2}}"}])"), "header"},
      {with(R"([{"type":"BODY","text":"{{a}}"}])", R"(,"parameter_format":"POSITIONAL")"), "{{a}}"},
      {with(R"([{"type":"BODY","text":"x"}])", R"(,"parameter_format":"ODD")"), "parameter_format"},
      {with(R"([{"type":"BODY","text":"x"},{"type":"BUTTONS"}])"), "'buttons'"},
      {with(R"([{"type":"BODY","text":"x"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"t"}]}])"),
       "components[1].buttons[0]"},
      {with(
           R"([{"type":"BODY","text":"x"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"t","url":"https://a/{{1}}/b"}]}])"),
       "URL"},
  };
  for (const auto& each : cases) {
    const error e = refused(each.json);
    EXPECT_EQ(name(e.code), name(errc::template_malformed)) << each.json;
    EXPECT_NE(e.message.find(each.says), std::string::npos) << each.json << "\n" << e.message;
    EXPECT_EQ(e.message.find('\n'), std::string::npos);
  }
}

TEST(template_json, what_cannot_be_filled_is_refused_by_name) {
  const struct {
    std::string json;
    std::string_view says;
  } cases[] = {
      {with(R"([{"type":"HEADER","format":"PRODUCT"},{"type":"BODY","text":"x"}])"), "PRODUCT"},
      {with(R"([{"type":"BODY","text":"x"},{"type":"BUTTONS","buttons":[{"type":"MPM","text":"t"}]}])"), "MPM"},
      {with(
           R"([{"type":"BODY","text":"x"},{"type":"CAROUSEL","cards":[{"components":[{"type":"FOOTER","text":"t"}]}]}])"),
       "FOOTER components in a carousel"},
  };
  for (const auto& each : cases) {
    const error e = refused(each.json);
    EXPECT_EQ(name(e.code), name(errc::template_not_supported)) << each.json;
    EXPECT_NE(e.message.find(each.says), std::string::npos) << e.message;
  }
}

constexpr std::string_view a_card =
    R"({"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"{{1}} off"},
        {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"More"}]}]})";

TEST(template_json, reads_a_carousel_whose_cards_are_alike) {
  const auto of = [](const std::string& cards) {
    return with(R"([{"type":"BODY","text":"x"},{"type":"CAROUSEL","cards":[)" + cards + "]}]");
  };
  const std::string card(a_card);
  const auto read = parse_template_json(of(card + "," + card));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->cards.size(), 2u);
  EXPECT_EQ(read->cards[1].header.kind, header_kind::image);
  EXPECT_EQ(read->cards[1].body, "{{1}} off");
  EXPECT_EQ(read->cards[1].buttons[0].kind, button_kind::quick_reply);
  EXPECT_NE(refused(of(card)).message.find("2 to 10 cards"), std::string::npos);
  std::string eleven = card;
  for (int i = 0; i < 10; ++i) eleven += "," + card;
  EXPECT_NE(refused(of(eleven)).message.find("2 to 10 cards"), std::string::npos);
  const error other = refused(of(card + R"(,{"components":[{"type":"HEADER","format":"VIDEO"}]})"));
  EXPECT_NE(other.message.find("components[1].cards[1]: other components"), std::string::npos) << other.message;
  const error bare = refused(of(card + R"(,{"components":[{"type":"BODY","text":"x"}]})"));
  EXPECT_NE(bare.message.find("no HEADER"), std::string::npos) << bare.message;
}

TEST(template_json, reads_an_offer_and_flow_catalog_and_gif) {
  const auto read = parse_template_json(with(R"([{"type":"HEADER","format":"gif"},{"type":"BODY","text":"x"},
       {"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Ends soon","has_expiration":true}},
       {"type":"BUTTONS","buttons":[{"type":"FLOW","text":"t"},{"type":"CATALOG","text":"c"}]}])"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->header.kind, header_kind::gif);
  ASSERT_TRUE(read->offer);
  EXPECT_TRUE(read->offer->expires);
  EXPECT_EQ(read->offer->text, "Ends soon");
  EXPECT_EQ(read->buttons[0].kind, button_kind::flow);
  EXPECT_EQ(read->buttons[1].kind, button_kind::catalog);
}

TEST(template_json, one_time_password_buttons_read_back_as_urls) {
  const auto read = parse_template_json(
      R"({"name":"n","language":"en","status":"APPROVED","category":"AUTHENTICATION","components":[
       {"type":"BODY","text":"*{{1}}* is your code","add_security_recommendation":true},
       {"type":"FOOTER","code_expiration_minutes":10},
       {"type":"BUTTONS","buttons":[{"type":"URL","text":"Copy code",
         "url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}]}]})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->is_authentication());
  EXPECT_EQ(read->buttons[0].kind, button_kind::one_time_password);
}

TEST(template_json, size_is_bounded) {
  EXPECT_EQ(refused(std::string(template_json_bytes_max + 1, ' ')).code, errc::too_large);
}

}  // namespace
}  // namespace bulkmsg::content
