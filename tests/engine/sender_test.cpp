// Senders of every channel: what is filled in, what is refused.
#include <fstream>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

constexpr const char* website =
    R"({"name":"website","limits":"20/s","request":{"path":"/m","headers":{"X-Api-Key":"{{token}}"},)"
    R"("body":{"to":"{{address}}","text":"{{text}}"}},"answer":{"id":"/id"}})";

sender_settings chat_at(const std::string& origin) {
  return {.name = "chat",
          .channel = "chat",
          .channel_description = website,
          .origin = origin,
          .token = "env:BULKMSG_TEST_TOKEN"};
}

TEST(sender, of_a_described_channel_needs_no_phone_number) {
  host h;
  EXPECT_EQ(code_of(h->put_sender(chat_at(nowhere))), errc::ok);
  EXPECT_EQ(code_of(h->put_sender(
                {.name = "bot", .channel = "telegram", .origin = nowhere, .token = "env:BULKMSG_TEST_TOKEN"})),
            errc::ok);
  EXPECT_EQ(must(h->check_sender(chat_at(nowhere))).status, "not described");
}

TEST(sender, a_description_may_be_a_file) {
  host h;
  auto settings = chat_at(nowhere);
  settings.channel_description = h.folder.file("website.json");
  EXPECT_EQ(code_of(h->put_sender(settings)), errc::file_unreadable);
  std::ofstream(settings.channel_description) << website;
  const auto one = must(h->put_sender(settings));
  EXPECT_EQ(must(h->put_sender(chat_at(nowhere))), one);
}

TEST(sender, what_a_channel_cannot_use_or_lacks_is_refused) {
  host h;
  const auto with = [&](auto change) {
    auto bad = chat_at(nowhere);
    change(bad);
    const auto put = h->put_sender(bad);
    EXPECT_EQ(code_of(h->check_sender(bad)), code_of(put));
    return code_of(put);
  };
  EXPECT_EQ(with([](auto& s) { s.channel = "pigeon"; }), errc::bad_option_value);
  EXPECT_EQ(with([](auto& s) { s.channel_description = R"({"name":"x"})"; }), errc::channel_malformed);
  EXPECT_EQ(with([](auto& s) { s.origin = ""; }), errc::bad_option_value) << "the description gives none";
  EXPECT_EQ(with([](auto& s) { s.marketing_endpoint = true; }), errc::bad_option_value);
  EXPECT_EQ(with([](auto& s) { s.channel = "telegram"; }), errc::bad_option_value) << "described twice";
  EXPECT_EQ(with([](auto& s) { s.channel = "whatsapp_cloud"; }), errc::bad_option_value);
  EXPECT_EQ(with([](auto& s) { s.token = "env:BULKMSG_TEST_NO_SUCH_THING"; }), errc::secret_missing);
}

TEST(sender, with_campaigns_does_not_change_its_channel) {
  host h;
  must(h->put_sender(sender_at(nowhere)));
  auto other = chat_at(nowhere);
  other.name = "shop";
  EXPECT_EQ(code_of(h->put_sender(other)), errc::ok);
  h.draft(0);
  EXPECT_EQ(code_of(h->put_sender(chat_at(nowhere))), errc::ok) << "another name";
  EXPECT_EQ(code_of(h->put_sender(other)), errc::conflict);
}

TEST(sender, has_any_limit_of_the_grammar_and_no_other) {
  host h;
  auto settings = sender_at(nowhere);
  for (const char* limits : {"2000 recipients/24h", "80/s; 5000/day", "80/s; inbound=20%"}) {
    settings.limits = limits;
    EXPECT_TRUE(h->put_sender(settings)) << limits;
  }
  settings.limits = "2000 people/24h";
  EXPECT_EQ(code_of(h->put_sender(settings)), errc::bad_option_value);
}

TEST(sender, of_the_marketing_endpoint_sends_marketing_templates_there_and_all_others_as_usual) {
  provider p;
  host h({}, p.origin());
  auto settings = sender_at(p.origin());
  settings.marketing_endpoint = true;
  h.sender = must(h->put_sender(settings));
  auto marketing = template_json("APPROVED", "m");
  marketing.replace(marketing.find("UTILITY"), 7, "MARKETING");
  int sent = 0;
  for (const auto& [words, path] : {std::pair(marketing, "marketing_messages"), {template_json(), "messages"}}) {
    const auto campaign =
        must(h->create_campaign({.name = path, .sender = h.sender, .content = must(h->put_template(words))}));
    must(h->import_csv_text(campaign, csv(1)));
    must(h->state_consent(campaign, "web form"));
    must(h->start(campaign));
    ASSERT_TRUE(h.until([&] { return h.told(campaign).sent == 1; }));
    EXPECT_EQ(p.requests()[static_cast<std::size_t>(sent++)].line,
              std::string("POST /v23.0/106540352242922/") + path + " HTTP/1.1");
  }
}

TEST(sender_file, names_the_channel_and_holds_its_description_or_where_it_is) {
  const auto made = must(parse_sender_json(
      R"({"name":"s","channel":"chat","channel_description":{"name":"x"},"agent":"ana","reply_to":"support"})"));
  EXPECT_EQ(made.channel, "chat");
  EXPECT_EQ(made.channel_description, R"({"name":"x"})");
  EXPECT_EQ(made.agent, "ana");
  EXPECT_EQ(made.reply_to, "support");
  EXPECT_EQ(must(parse_sender_json(R"({"name":"s","channel_description":"x.json"})")).channel_description, "x.json");
  EXPECT_TRUE(must(parse_sender_json(R"({"name":"s","marketing_endpoint":true})")).marketing_endpoint);
  EXPECT_EQ(code_of(parse_sender_json(R"({"name":"s","channel_description":7})")), errc::bad_option_value);
  EXPECT_EQ(code_of(parse_sender_json(R"({"name":"s","marketing_endpoint":"yes"})")), errc::bad_option_value);
}

}  // namespace
}  // namespace bulkmsg::testing
