// Contacts, segments, consent and suppression as a host sees them.
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using recipients::attribute_type;

std::string marketing_json() {
  auto json = template_json();
  const std::string from = "UTILITY";
  return json.replace(json.find(from), from.size(), "MARKETING");
}

campaign_id marketing_draft(host& h, int count, std::optional<bool> require_consent = {}) {
  h.sender = must(h->put_sender(sender_at(h.origin)));
  const auto words = must(h->put_template(marketing_json()));
  const auto made = must(
      h->create_campaign({.name = "sale", .sender = h.sender, .content = words, .require_consent = require_consent}));
  if (count > 0) must(h->import_csv_text(made, csv(count)));
  return made;
}

result<contacts_report> import_contacts(engine& e, std::string text, const contacts_import& how = {}) {
  return e.import_contacts_csv(
      [&](char* to, std::size_t capacity) -> result<std::size_t> {
        const auto n = text.copy(to, std::min<std::size_t>(capacity, 7));
        text.erase(0, n);
        return n;
      },
      how);
}

std::map<std::int32_t, std::int64_t> skipped(host& h, campaign_id campaign) {
  std::map<std::int32_t, std::int64_t> by;
  for (const auto& r : must(h->skipped_by_reason(campaign))) by[r.code] = r.count;
  return by;
}
constexpr auto code(errc e) { return static_cast<std::int32_t>(e); }

TEST(contacts, of_a_long_file_have_their_own_values_each) {
  host h;
  std::string text = "phone_number,city\n";
  for (int i = 0; i < 200; ++i) text += number(i) + ",City " + std::to_string(i) + "\n";
  const engine::byte_source whole = [&text](char* to, std::size_t capacity) -> result<std::size_t> {
    const auto n = text.copy(to, capacity);
    text.erase(0, n);
    return n;
  };
  EXPECT_EQ(must(h->import_contacts_csv(whole)).added, 200);
  const auto all = must(h->contacts());
  ASSERT_EQ(all.size(), 200u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].address, number(static_cast<int>(i)));
    EXPECT_EQ(all[i].attributes, "{\"city\":\"City " + std::to_string(i) + "\"}");
  }
}

TEST(contacts, come_from_a_file_and_are_updated_by_the_next) {
  host h;
  must(h->declare_attribute("spent", attribute_type::number));
  must(h->declare_attribute("since", attribute_type::date));
  const auto first = must(import_contacts(*h,
                                          "phone_number,City,spent,since,labels,test\n"
                                          "+15551000001,\"Lisbon \"\"L\"\"\",12.50,2026/01/02,vip; new ,no\n"
                                          "+15551000002,Porto,,,,yes\n"
                                          "+15551000003,Porto,\"12,5\",,,\n"
                                          "+15551000004,Porto,,31.12.2026,,\n"
                                          "+15551000001,Twice,,,,\n"
                                          "12,Faro,,,,\n",
                                          {.labels = {"imported"}, .group = "june"}));
  EXPECT_EQ(first.rows, 6);
  EXPECT_EQ(first.added, 2);
  EXPECT_EQ(first.updated, 0);
  EXPECT_EQ(first.rejected, 4);
  ASSERT_EQ(first.problems.size(), 4u);
  EXPECT_EQ(first.problems[0].line, 4);
  EXPECT_EQ(first.problems[0].column_name, "spent");
  EXPECT_EQ(first.problems[0].code, errc::attribute_mismatch);
  EXPECT_EQ(first.problems[1].column_name, "since");
  EXPECT_EQ(first.problems[2].code, errc::duplicate_recipient);
  EXPECT_EQ(first.problems[3].code, errc::phone_too_short);

  const auto second = must(import_contacts(*h, "phone_number,spent\n+15551000001,20\n+15551000005,1\n"));
  EXPECT_EQ(second.added, 1);
  EXPECT_EQ(second.updated, 1);
  const auto all = must(h->contacts());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].attributes, R"({"City":"Lisbon \"L\"","spent":20,"since":"2026-01-02"})");
  EXPECT_EQ(all[0].labels, (std::vector<std::string>{"imported", "new", "vip"}));
  EXPECT_FALSE(all[0].test);
  EXPECT_TRUE(all[1].test);
  EXPECT_EQ(must(h->count_contacts("june")), 2);
  EXPECT_EQ(must(h->contacts("june", all[0].id)).size(), 1u);
  const auto known = must(h->attributes());
  ASSERT_EQ(known.size(), 3u);
  EXPECT_EQ(known[0].name, "City");
  EXPECT_EQ(known[0].type, attribute_type::text);
}

TEST(contacts, a_header_or_a_name_that_cannot_be_is_refused) {
  host h;
  EXPECT_EQ(code_of(import_contacts(*h, "phone_number,a\\b\n+15551000001,1\n")), errc::csv_bad_header);
  EXPECT_EQ(code_of(import_contacts(*h, "phone_number\n", {.labels = {""}})), errc::invalid_argument);
  EXPECT_EQ(code_of(import_contacts(*h, "phone_number\n", {.group = "all"})), errc::invalid_argument);
  EXPECT_EQ(code_of(h->declare_attribute("labels", attribute_type::text)), errc::invalid_argument);
  EXPECT_EQ(code_of(h->declare_attribute("a\"b", attribute_type::text)), errc::invalid_argument);
  must(h->declare_attribute("city", attribute_type::text, true));
  EXPECT_EQ(code_of(h->declare_attribute("City", attribute_type::number)), errc::attribute_mismatch);
}

TEST(contacts, segments_are_checked_when_stored_and_follow_the_contacts) {
  host h;
  must(import_contacts(*h, "phone_number,city\n+15551000001,Lisbon\n+15551000002,Porto\n"));
  must(h->declare_attribute("city", attribute_type::text, true));
  const auto why = refused(h->put_segment("s", R"({"all":[{"attribute":"citty","is":"x"}]})"));
  EXPECT_EQ(why.code, errc::segment_malformed);
  EXPECT_NE(why.message.find("$.all[0].attribute"), std::string::npos);
  EXPECT_EQ(code_of(h->put_segment("all", R"({"label":"x"})")), errc::invalid_argument);
  must(h->put_segment("s", R"({"attribute":"city","starts_with":"lis"})"));
  EXPECT_EQ(must(h->count_contacts("s")), 1);
  EXPECT_EQ(code_of(h->count_contacts("t")), errc::not_found);
  must(h->add_to_group("g", std::vector<std::string>{"+1 555 100 0002"}));
  EXPECT_EQ(must(h->segments()).size(), 2u);
  must(h->remove_segment("g"));
  EXPECT_EQ(code_of(h->count_contacts("g")), errc::not_found);
}

TEST(contacts, become_recipients_of_an_own_message) {
  host h;
  must(import_contacts(*h, "phone_number,first_name\n+15551000001,Ana\n+15551000002,\n"));
  const auto campaign = must(h->create_campaign(
      {.name = "hello",
       .sender = must(h->put_sender(sender_at(nowhere))),
       .content = must(h->put_message("hello", R"({"type":"text","text":{"body":"Hi {{first_name}}"}})"))}));
  const auto done = must(h->import_contacts(campaign));
  EXPECT_EQ(done.added, 1);
  EXPECT_EQ(done.rejected, 1);  // has no first name
}

TEST(contacts, become_recipients_without_those_who_are_not_meant) {
  host h;
  const auto campaign = marketing_draft(h, 0);
  must(import_contacts(
      *h, "phone_number,param1,labels\n+15551000001,Ana,vip\n+15551000002,\"B \"\"o\"\"\",\n+15551000003,Cy,vip\n",
      {.consent_source = "web form"}));
  must(import_contacts(*h, "phone_number,param1\n+15551000004,Test\n", {.consent_source = "w", .test = true}));
  must(import_contacts(*h, "phone_number,param1\n+15551000005,Box\n", {.consent_source = "w", .sandbox = true}));
  must(import_contacts(*h, "phone_number,param1\n+15551000006,Nobody asked\n"));
  must(import_contacts(*h, "phone_number\n+15551000007\n", {.consent_source = "w"}));  // lacks what the template needs
  must(h->suppress("+15551000003", {.scope = consent_scope::marketing}));
  const auto done = must(h->import_contacts(campaign));
  EXPECT_EQ(done.chosen, 7);
  EXPECT_EQ(done.added, 2);
  EXPECT_EQ(done.rejected, 1);
  EXPECT_EQ(done.tests, 1);
  EXPECT_EQ(done.sandbox, 1);
  EXPECT_EQ(done.suppressed, 1);
  EXPECT_EQ(done.without_consent, 1);
  const auto by = skipped(h, campaign);
  EXPECT_EQ(by.at(code(errc::recipient_for_tests)), 2);
  EXPECT_EQ(by.at(code(errc::recipient_suppressed)), 1);
  EXPECT_EQ(by.at(code(errc::consent_missing)), 1);
  EXPECT_EQ(by.at(code(errc::parameter_missing)), 1);
  for (const auto& r : must(h->rejected(campaign))) {
    EXPECT_EQ(r.line, 1 + (r.address.back() - '0')) << r.address;  // its place in the selection
  }
  EXPECT_EQ(h.told(campaign).total, 7);
  EXPECT_EQ(must(h->dry_run(campaign)).messages, 2);
  // Again, and by name: everybody is there already.
  must(h->put_segment("vips", R"({"label":"vip"})"));
  const auto again = must(h->import_contacts(campaign, "vips"));
  EXPECT_EQ(again.chosen, 2);
  EXPECT_EQ(again.added, 0);
  EXPECT_EQ(again.duplicates, 1);
  EXPECT_EQ(code_of(h->import_contacts(campaign, "nobody")), errc::not_found);
}

TEST(contacts, a_template_whose_columns_are_no_attributes_is_refused_with_their_names) {
  host h;
  const auto campaign = h.draft(0);
  must(import_contacts(*h, "phone_number,city\n+15551000001,Lisbon\n"));
  const auto why = refused(h->import_contacts(campaign));
  EXPECT_EQ(why.code, errc::column_missing);
  EXPECT_NE(why.message.find("param1"), std::string::npos);
  EXPECT_EQ(h.told(campaign).total, 0);
}

TEST(consent, marketing_needs_it_and_utility_does_not) {
  host h;
  const auto campaign = marketing_draft(h, 3);
  const auto why = refused(h->dry_run(campaign));
  EXPECT_EQ(why.code, errc::consent_missing);
  EXPECT_NE(why.message.find("--consent"), std::string::npos);
  EXPECT_EQ(code_of(h->start(campaign)), errc::consent_missing);
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
  must(h->put_consent(number(1), {.source = "web form"}));
  const auto plan = must(h->dry_run(campaign));
  EXPECT_EQ(plan.messages, 1);
  EXPECT_EQ(plan.without_consent, 2);
  EXPECT_EQ(code_of(h->state_consent(campaign, "")), errc::invalid_argument);
  must(h->state_consent(campaign, "shop checkout"));
  EXPECT_EQ(must(h->dry_run(campaign)).messages, 3);
  EXPECT_EQ(must(h->dry_run(h.draft(3))).messages, 3);
  EXPECT_EQ(must(h->consent_log()).back().what, "statement");
}

TEST(consent, a_campaign_may_say_otherwise) {
  host h;
  EXPECT_EQ(must(h->dry_run(marketing_draft(h, 3, false))).messages, 3);
}

TEST(suppression, recipients_are_left_out_of_the_plan_and_reported) {
  host h;
  must(h->put_account("shop", {}));
  const auto account = must(h->find_account("shop"));
  const auto campaign = h.draft(6, account);
  const auto whole = must(h->dry_run(campaign));
  for (const int n : {0, 3, 4}) must(h->suppress(number(n), {.note = "asked"}));
  must(h->suppress(number(5), {.scope = consent_scope::marketing}));  // this is no marketing
  const auto plan = must(h->dry_run(campaign));
  EXPECT_EQ(plan.messages, 3);
  EXPECT_EQ(plan.suppressed, 3);
  EXPECT_EQ(plan.credits, 3);
  EXPECT_NE(plan.hash, whole.hash);
  EXPECT_EQ(must(h->start(campaign, {.expected_hash = plan.hash})).hash, plan.hash);
  const auto c = h.told(campaign);
  EXPECT_EQ(c.total, 6);
  EXPECT_EQ(c.skipped, 3);
  EXPECT_EQ(c.queued(), 3);
  EXPECT_EQ(must(h->account(account)).balances.reserved, 3);
  EXPECT_EQ(skipped(h, campaign).at(code(errc::recipient_suppressed)), 3);
  const auto rows = must(h->messages(campaign));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].address, number(1));
  EXPECT_EQ(rows[2].id.sequence, 2u);
  EXPECT_EQ(rows[2].address, number(5));
  must(h->audit(account));
}

TEST(suppression, reaches_a_campaign_that_is_under_way) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(200);
  p.hold();
  must(h->start(campaign));
  ASSERT_TRUE(p.wait_for(8));  // as many as may be in flight
  must(h->pause(campaign));
  for (int n = 150; n < 200; ++n) must(h->suppress(number(n)));
  p.let_go();
  must(h->resume(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  for (const auto& r : p.requests()) EXPECT_LT(r.to, number(150));
  EXPECT_EQ(h.told(campaign).sent, 150);
  EXPECT_EQ(h.told(campaign).skipped, 50);
}

TEST(suppression, can_be_told_by_a_process_beside_the_runner) {
  host h;
  engine guest = must(engine::open(h.path(), {.mode = open_mode::post}));
  must(guest.suppress("+1 (555) 100-0001", {.source = suppression_source::stop_word, .note = "STOP"}));
  const auto list = must(h->suppressions());
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].address, "+15551000001");
  EXPECT_EQ(list[0].why.note, "STOP");
  EXPECT_EQ(must(h->suppressions({.address = "15551000001"})).size(), 1u);
  EXPECT_EQ(must(h->suppressions({.after = {list[0].person, list[0].why.source}})).size(), 0u);
  EXPECT_EQ(code_of(guest.lift_suppression("+15551000001", platform_sources)), errc::not_found);
  must(guest.lift_suppression("+15551000001"));
  EXPECT_TRUE(must(h->suppressions()).empty());
  engine reader = must(engine::open(h.path(), {.mode = open_mode::read}));
  EXPECT_EQ(code_of(reader.suppress("+15551000001")), errc::read_only);
}

TEST(suppression, addresses_are_read_as_people_write_them) {
  host h;
  EXPECT_EQ(code_of(h->suppress("12")), errc::phone_too_short);
  EXPECT_EQ(code_of(h->suppress("user:")), errc::address_malformed);
  EXPECT_EQ(code_of(h->suppress("+15551000001", {.note = std::string(501, 'x')})), errc::invalid_argument);
  must(h->suppress("user:US.1349"));
  must(h->suppress("chat:42"));
  EXPECT_EQ(must(h->suppressions()).size(), 2u);
}

// The provider has shown that a number and a user id are one person's.
TEST(recipients, one_person_by_two_names_gets_one_message) {
  for (const bool number_first : {true, false}) {
    provider p;
    host h({}, p.origin());
    auto wrote = reply("in.1", "hi");
    wrote.insert(wrote.find(R"("timestamp")"), R"("from_user_id":"US.1",)");  // of number(0)
    const auto campaign = h.draft(0);
    must(ingest(*h, wrote));
    ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
    const std::string first = number_first ? number(0) : "user:US.1", second = number_first ? "user:US.1" : number(0);
    must(h->import_csv_text(
        campaign, "address,param1\n" + first + ",Ana\n" + number(1) + ",Ben\n" + second + ",Ana\nuser:US.2,Cid\n"));
    const auto planned = must(h->dry_run(campaign));
    EXPECT_EQ(planned.messages, 3);
    EXPECT_EQ(must(h->estimate(campaign, {})).messages, 3);
    EXPECT_EQ(must(h->start(campaign)).hash, planned.hash);
    ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
    EXPECT_EQ(p.count(), 3);
    EXPECT_EQ(must(h->messages(campaign))[0].address, first);
    EXPECT_EQ(h.told(campaign).skipped, 1);
    const auto rejected = must(h->rejected(campaign));
    ASSERT_EQ(rejected.size(), 1u);
    EXPECT_EQ(rejected[0].code, errc::duplicate_recipient);
    EXPECT_EQ(rejected[0].line, 4);
  }
}

}  // namespace
}  // namespace bulkmsg::testing
