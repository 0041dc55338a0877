#include "bulkmsg/channels/whatsapp_cloud_json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::channels {
namespace {

using kind = answer::kind;

constexpr std::string_view accepted = R"({"messaging_product":"whatsapp",
 "contacts":[{"input":"+15550001111","wa_id":"15550001111"}],
 "messages":[{"id":"wamid.HBgL","message_status":"accepted"}]})";
constexpr std::string_view throttled =
    R"({"error":{"message":"(#130429) Rate limit hit","type":"OAuthException","code":130429,
 "error_data":{"messaging_product":"whatsapp","details":"Too fast"},"error_subcode":2494055,"fbtrace_id":"A"}})";

TEST(classify, a_message_id_in_a_2xx_is_acceptance) {
  answer_reader reader;
  const answer read = reader.classify(200, accepted);
  EXPECT_EQ(read.what, kind::accepted);
  EXPECT_EQ(read.message_id, "wamid.HBgL");
  EXPECT_EQ(read.wa_id, "15550001111");
  EXPECT_EQ(read.message_status, "accepted");
  EXPECT_EQ(reader.classify(201, R"({"messages":[{"id":"x"}]})").what, kind::accepted);
}

TEST(classify, a_complete_envelope_is_refusal) {
  answer_reader reader;
  for (const int status : {400, 401, 403, 408, 429, 500, 503}) {
    const answer read = reader.classify(status, throttled);
    EXPECT_EQ(read.what, kind::refused) << status;
    EXPECT_EQ(read.provider_code, 130429);
    EXPECT_EQ(read.next, action::slow);
    EXPECT_EQ(read.title, "(#130429) Rate limit hit");
    EXPECT_EQ(read.details, "Too fast");
  }
  EXPECT_EQ(reader.classify(400, R"({"error":{"type":"OAuthException","code":131009,"error_data":"plain"}})").details,
            "plain");
  EXPECT_EQ(reader.classify(400, R"({"error":{"fbtrace_id":"A","code":424242,"is_transient":true}})").next,
            action::retry);
}

TEST(classify, a_refusal_brings_the_tables_wait_and_bound) {
  answer_reader reader;
  const auto of = [&](const char* code) {
    return reader.classify(400, R"({"error":{"type":"OAuthException","code":)" + std::string(code) + "}}");
  };
  EXPECT_EQ(of("131057").wait, 60 * second);
  EXPECT_EQ(of("131049").wait, 24 * 3600 * second);
  EXPECT_EQ(of("1").retries_max, 3);
  EXPECT_EQ(of("131000").retries_max, 0);
  EXPECT_EQ(of("424242").wait, 0);
}

TEST(classify, everything_else_proves_nothing) {
  answer_reader reader;
  const struct {
    int status;
    std::string_view body;
  } cases[] = {
      {200, ""},
      {200, "{}"},
      {200, R"({"messages":[]})"},
      {200, R"({"messages":[{"id":""}]})"},
      {200, R"({"messages":[{"id":7}]})"},
      {200, throttled},  // contradicts itself
      {302, throttled},
      {400, accepted},
      {500, "<html>502 Bad Gateway</html>"},
      {502, ""},
      {503, "{}"},
      {400, R"({"error":"x"})"},
      {400, R"({"error":{"message":"no code"}})"},
      {400, R"({"error":{"code":"130429"}})"},
      {400, R"({"error":{"code":1.5}})"},
      {400, R"({"error":{"code":99999999999}})"},
      {400, R"([{"error":{"code":1}}])"},
  };
  for (const auto& each : cases) EXPECT_EQ(reader.classify(each.status, each.body).what, kind::unproven) << each.body;
}

TEST(classify, a_truncated_answer_proves_nothing_wherever_it_is_cut) {
  answer_reader reader;
  for (std::size_t size = 0; size < accepted.size(); ++size) {
    ASSERT_EQ(reader.classify(200, accepted.substr(0, size)).what, kind::unproven) << size;
  }
  for (std::size_t size = 0; size < throttled.size(); ++size) {
    ASSERT_EQ(reader.classify(400, throttled.substr(0, size)).what, kind::unproven) << size;
  }
}

TEST(classify, a_gateways_own_error_proves_nothing) {
  answer_reader reader;
  const std::string_view gateway = R"({"error":{"code":504,"message":"late","status":"DEADLINE_EXCEEDED"}})";
  for (const int status : {400, 408, 502, 504}) EXPECT_EQ(reader.classify(status, gateway).what, kind::unproven);
  EXPECT_EQ(reader.classify(500, R"({"error":{"code":1,"type":"OAuthException"}})").what, kind::unproven);
}

TEST(classify, server_faults_can_be_made_to_prove_nothing) {
  answer_reader trusting;
  answer_reader doubting(answer_rules{.server_faults_refuse = false});
  for (const std::string_view code : {"1", "131000", "131016"}) {
    const std::string body = R"({"error":{"type":"OAuthException","fbtrace_id":"A","code":)" + std::string(code) + "}}";
    EXPECT_EQ(trusting.classify(500, body).what, kind::refused);
    EXPECT_EQ(trusting.classify(500, body).next, action::retry);
    EXPECT_EQ(doubting.classify(500, body).what, kind::unproven);
  }
  EXPECT_EQ(doubting.classify(400, throttled).what, kind::refused);
}

TEST(number_health, reads_rate_and_tier) {
  answer_reader reader;
  const auto health =
      reader.parse_number_health(200, R"({"id":"106","display_phone_number":"+1 555","verified_name":"Shop",
    "quality_rating":"GREEN","throughput":{"level":"HIGH"},"whatsapp_business_manager_messaging_limit":"TIER_10K","status":"CONNECTED"})");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->verified_name, "Shop");
  EXPECT_EQ(health->quality_rating, "GREEN");
  EXPECT_EQ(health->status, "CONNECTED");
  EXPECT_EQ(health->messages_per_second, 1000u);
  EXPECT_EQ(health->unique_users_per_day, 10'000);
  EXPECT_EQ(
      reader.parse_number_health(200, R"({"id":"1","messaging_limit_tier":"TIER_UNLIMITED"})")->unique_users_per_day,
      -1);
  EXPECT_EQ(reader.parse_number_health(200, R"({"id":"1","messaging_limit_tier":"TIER_NEW"})")->unique_users_per_day,
            250);
  EXPECT_EQ(reader.parse_number_health(200, R"({"id":"1"})")->messages_per_second, 80u);
}

TEST(number_health, says_why_not) {
  answer_reader reader;
  const auto token = reader.parse_number_health(401, R"({"error":{"message":"Session expired","code":190}})");
  EXPECT_EQ(token.error().code, errc::token_rejected);
  EXPECT_EQ(token.error().provider_code, 190);
  EXPECT_EQ(reader.parse_number_health(400, R"({"error":{"code":33}})").error().code, errc::provider_refused);
  EXPECT_EQ(reader.parse_number_health(502, "<html>").error().code, errc::provider_unreadable);
  EXPECT_EQ(reader.parse_number_health(200, "{}").error().code, errc::provider_unreadable);
  EXPECT_EQ(reader.explain(401, R"({"error":{"code":190}})").code, errc::token_rejected);
}

}  // namespace
}  // namespace bulkmsg::channels
