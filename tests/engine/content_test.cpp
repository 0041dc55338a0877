// What a campaign says, through the engine's door: own messages, sources of values, previews, content rules.
#include "bulkmsg/content/window.hpp"
#include "hosted.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::testing {
namespace {

constexpr std::string_view hello = R"({"type":"text","text":{"body":"Hi {{first_name}}, see {{link}}"}})";
constexpr std::string_view people = "group_id,first_name,link\nG1,Ana,https://x.example/1\nG2,,https://bit.ly/2\n";

campaign_id campaign_of(host& h, campaign_settings settings) {
  settings.name = "spring";
  settings.sender = must(h->put_sender(sender_at(nowhere)));
  if (!settings.content) settings.content = must(h->put_message("hello", hello));
  return must(h->create_campaign(settings));
}

TEST(own_message, is_saved_under_a_name_and_the_newest_is_found) {
  host h;
  const auto one = must(h->put_message("hello", hello));
  EXPECT_EQ(must(h->put_message("hello", hello)), one);
  EXPECT_NE(must(h->put_message("other", hello)), one);
  const auto two = must(h->put_message("hello", R"({"type":"text","text":{"body":"Hello"}})"));
  EXPECT_NE(two, one);
  EXPECT_EQ(must(h->find_message("hello")).id, two);
  EXPECT_EQ(must(h->saved_messages()).at(0).id, two);
  EXPECT_EQ(must(h->saved_messages("hello")).at(0).name, "other");
  EXPECT_TRUE(must(h->saved_messages("other")).empty());
  EXPECT_EQ(code_of(h->find_message("nobody")), errc::not_found);
  EXPECT_EQ(code_of(h->put_message("", hello)), errc::invalid_argument);
  EXPECT_EQ(code_of(h->put_message("a", R"({"type":"text"})")), errc::message_malformed);
}

TEST(own_message, an_empty_cell_is_rejected_unless_there_is_a_fallback) {
  host h;
  const auto strict = campaign_of(h, {});
  EXPECT_EQ(must(h->import_csv_text(strict, people)).rejected, 1);
  const auto kind = campaign_of(h, {.mapping = {{"first_name", "first_name|friend"}}});
  EXPECT_EQ(must(h->import_csv_text(kind, people)).added, 2);
  EXPECT_EQ(must(h->preview(kind)).body, "Hi Ana, see https://x.example/1");
  EXPECT_EQ(must(h->preview(kind, 1)).body, "Hi friend, see https://bit.ly/2");
  EXPECT_EQ(code_of(h->preview(kind, 2)), errc::not_found);
  EXPECT_EQ(must(h->dry_run(kind)).preview, "Hi Ana, see https://x.example/1");
}

TEST(mapping, a_source_that_cannot_be_read_is_refused_when_the_campaign_is_made) {
  host h;
  const auto sender = must(h->put_sender(sender_at(nowhere)));
  const auto words = must(h->put_message("hello", hello));
  EXPECT_EQ(code_of(h->create_campaign(
                {.name = "c", .sender = sender, .content = words, .mapping = {{"first_name", "\"open"}}})),
            errc::invalid_argument);
}

TEST(content_rules, warn_in_the_plan_and_block_the_start) {
  host h;
  const auto fallback = std::pair<std::string, std::string>{"first_name", "|friend"};
  const auto warned = campaign_of(h, {.mapping = {fallback}, .content_rules = "warn bit.ly\nwarn see\nblock never"});
  must(h->import_csv_text(warned, people));
  EXPECT_EQ(must(h->dry_run(warned)).warnings,
            (std::vector<std::string>{"content rules: 'bit.ly' is in 1 row, line 3",
                                      "content rules: 'see' is in the message's own text"}));
  const auto blocked = campaign_of(h, {.mapping = {fallback}, .content_rules = "block bit.ly"});
  must(h->import_csv_text(blocked, people));
  const auto why = refused(h->start(blocked));
  EXPECT_EQ(why.code, errc::content_blocked);
  EXPECT_NE(why.message.find("'bit.ly' is in 1 row, line 3"), std::string::npos) << why.message;
  EXPECT_EQ(h.state(blocked), campaign_state::draft);
  const auto sender = must(h->put_sender(sender_at(nowhere)));
  EXPECT_EQ(code_of(h->create_campaign({.name = "c",
                                        .sender = sender,
                                        .content = must(h->put_message("hello", hello)),
                                        .content_rules = "forbid x"})),
            errc::invalid_argument);
}

TEST(preview, needs_no_store) {
  const std::vector<std::string> columns{"first_name", "link"};
  const std::vector<std::string_view> cells{"Ana", "https://x.example"};
  EXPECT_EQ(must(preview_content(hello, columns, cells)).body, "Hi Ana, see https://x.example");
  EXPECT_EQ(
      must(preview_content(template_json(), std::vector<std::string>{"param1"}, std::vector<std::string_view>{"Ana"}))
          .kind,
      "template");
  const std::vector<std::string_view> empty{"", "x"};
  const auto why = refused(preview_content(hello, columns, empty));
  EXPECT_EQ(why.code, errc::parameter_missing);
  EXPECT_NE(why.message.find("column first_name: text.body {{first_name}} is empty"), std::string::npos) << why.message;
}

TEST(service_window, opens_with_a_persons_reply) {
  host h;
  must(h->put_sender(sender_at(nowhere)));
  must(ingest(*h, reply("wamid.in1")));
  ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
  h.close();
  store::database db(h.path(), store::database::access::read);
  const auto at = store::last_inbound(db, "+15551000000");
  EXPECT_GT(at, 0);
  EXPECT_EQ(content::allowed_free_form("+15551000000", at, at + 1000), errc::ok);
  EXPECT_EQ(store::last_inbound(db, "+15551000009"), 0);
  EXPECT_EQ(store::last_inbound(db, "user:US.1"), 0);
}

}  // namespace
}  // namespace bulkmsg::testing
