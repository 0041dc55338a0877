#include "store/contacts.hpp"

#include "scratch_store.hpp"
#include "store/privacy.hpp"
#include "store/segments.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::testing {
namespace {

using recipients::attribute_type;

store::contact_batch one(const std::string& address, const std::string& attributes = "{}",
                         std::vector<std::string> labels = {}) {
  return {.rows = {{.address = address, .attributes = attributes, .labels = std::move(labels)}}};
}

TEST(contacts, a_person_is_one_contact_however_the_number_is_written) {
  scratch_store s;
  EXPECT_EQ(store::put_contacts(s.db(), one("+5511987654321", R"({"name":"Ana","city":"Porto"})", {"vip"}), {}, noon_ms)
                .added,
            1);
  // Brazil without the ninth digit: the same person; what the row does not name stays.
  const auto again =
      store::put_contacts(s.db(), one("+551187654321", R"({"city":"Braga"})", {"new", "VIP"}), {}, noon_ms + 5);
  EXPECT_EQ(again.added, 0);
  EXPECT_EQ(again.updated, 1);
  EXPECT_EQ(table(s.db(), "SELECT address, attributes, created_at_ms, updated_at_ms FROM contacts"),
            R"(+5511987654321|{"name":"Ana","city":"Braga"}|1800000000000|1800000000005 )");
  EXPECT_EQ(table(s.db(), "SELECT label FROM contact_labels ORDER BY 1"), "new vip ");
}

TEST(contacts, flags_are_set_by_row_or_by_import_and_taken_back_by_row_only) {
  scratch_store s;
  auto batch = one("+15551000001");
  store::put_contacts(s.db(), batch, {.test = true}, noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT test, sandbox FROM contacts"), "1|0 ");
  store::put_contacts(s.db(), batch, {.sandbox = true}, noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT test, sandbox FROM contacts"), "1|1 ");
  batch.rows[0].test = false;
  store::put_contacts(s.db(), batch, {}, noon_ms);
  EXPECT_EQ(table(s.db(), "SELECT test, sandbox FROM contacts"), "0|1 ");
}

TEST(contacts, attributes_keep_their_type) {
  scratch_store s;
  const auto id = store::put_attribute(s.db(), "City", attribute_type::text);
  EXPECT_EQ(store::put_attribute(s.db(), "city", attribute_type::text), id);
  const auto why = refusal([&] { store::put_attribute(s.db(), "city", attribute_type::date); });
  EXPECT_EQ(why.code, errc::attribute_mismatch);
  EXPECT_NE(why.message.find("declared as text, not date"), std::string::npos);
  for (std::size_t i = 1; i < recipients::attributes_max; ++i) {
    store::put_attribute(s.db(), "a" + std::to_string(i), attribute_type::text);
  }
  EXPECT_EQ(refusal([&] { store::put_attribute(s.db(), "one more", attribute_type::text); }).code, errc::too_large);
}

TEST(contacts, an_index_is_built_in_steps_and_kept_by_imports_on_the_way) {
  scratch_store s;
  const auto city = store::put_attribute(s.db(), "city", attribute_type::text);
  const auto put = [&](int i, const std::string& value) {
    auto batch = one("+1555" + std::to_string(1'000'000 + i), value.empty() ? "{}" : R"({"city":")" + value + "\"}");
    batch.attributes = {city};
    store::put_contacts(s.db(), batch, {}, noon_ms);
  };
  for (int i = 0; i < 10; ++i) put(i, i % 2 == 0 ? "Lisbon" : "");
  EXPECT_FALSE(store::index_more(s.db(), city, 4));
  EXPECT_FALSE(store::read_attributes(s.db())[0].indexed);
  put(10, "Lisbon");  // behind the part that is done
  put(0, "Porto");    // within it
  put(8, "Porto");    // before it comes to it
  while (!store::index_more(s.db(), city, 4)) {
  }
  EXPECT_TRUE(store::read_attributes(s.db())[0].indexed);
  put(2, "Porto");
  EXPECT_EQ(table(s.db(), "SELECT value, contact FROM contact_index"),
            "Lisbon|5 Lisbon|7 Lisbon|11 Porto|1 Porto|3 Porto|9 ");
}

TEST(contacts, what_an_import_states_is_each_ones_consent_but_for_who_withdrew) {
  scratch_store s;
  store::put_consent(s.db(), "+15551000002",
                     {.state = consent_state::withdrawn, .scope = consent_scope::all, .source = "a call"}, noon_ms);
  auto batch = one("+15551000001");
  batch.rows.push_back({.address = "+15551000002", .attributes = "{}"});
  store::put_contacts(s.db(), batch, {.consent_source = "web form"}, noon_ms + 1);
  EXPECT_EQ(table(s.db(), "SELECT state, scope, at_ms, source FROM consents ORDER BY person"),
            "1|1|1800000000001|web form 2|2|1800000000000|a call ");
  // The same word again is no change.
  const auto changes = store::last_consent_change(s.db());
  store::put_contacts(s.db(), batch, {.consent_source = "web form"}, noon_ms + 2);
  EXPECT_EQ(store::last_consent_change(s.db()), changes);
}

TEST(contacts, what_an_import_states_does_not_outweigh_who_withdrew_before_they_were_forgotten) {
  scratch_store s;
  const std::string ana = "+15551000001";
  store::put_consent(s.db(), ana, {.state = consent_state::withdrawn, .source = "mail"}, noon_ms);
  forget_report report;
  store::forget_person(s.db(), store::who_is(s.db(), ana), noon_ms, report);
  store::put_contacts(s.db(), one(ana), {.consent_source = "list"}, noon_ms + 1);
  store::put_contacts(s.db(), one("+15551000002"), {.consent_source = "list"}, noon_ms + 1);
  store::screen screened(s.db(), s.draft(), {.marketing = true, .needs_consent = true});
  EXPECT_EQ(screened.check(ana, 0), errc::consent_missing);
  EXPECT_EQ(screened.check("+15551000002", 0), errc::ok);
  store::put_consent(s.db(), ana, {.source = "their own word"}, noon_ms + 2);
  EXPECT_EQ(store::screen(s.db(), s.draft(), {.marketing = true, .needs_consent = true}).check(ana, 0), errc::ok);
}

// The provider shows whose user id that is; they stay the contact that they were, with its flags, labels and groups.
TEST(contacts, stay_the_same_when_another_name_of_theirs_is_learned) {
  scratch_store s;
  store::put_contacts(s.db(), one("user:US.1", "{}", {"vip"}), {.test = true}, noon_ms);
  store::link_identities(s.db(), "+15551000001", "user:US.1", noon_ms);
  for (const std::string name : {"user:US.1", "+15551000001"}) {
    EXPECT_EQ(store::put_contacts(s.db(), one(name), {}, noon_ms).updated, 1) << name;
    EXPECT_NO_THROW(store::add_to_group(s.db(), store::put_group(s.db(), "g", noon_ms), name)) << name;
  }
  EXPECT_EQ(table(s.db(), "SELECT address, test FROM contacts"), "user:US.1|1 ");
  // Who was a contact under both names stays so.
  store::put_contacts(s.db(), one("user:US.2"), {}, noon_ms);
  store::put_contacts(s.db(), one("+15551000002"), {}, noon_ms);
  store::link_identities(s.db(), "+15551000002", "user:US.2", noon_ms);
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM contacts"), 3);
}

}  // namespace
}  // namespace bulkmsg::testing
