#include "bulkmsg/recipients/address.hpp"

#include <gtest/gtest.h>

#include <set>

namespace bulkmsg::recipients {
namespace {

std::string read(std::string_view written, const address_rules& rules = {}) {
  const address_verdict v = parse_address(written, rules);
  return v.code == errc::ok ? std::string(v.text()) : std::string(name(v.code));
}
std::string read_as(address_kind kind, std::string_view written, const address_rules& rules = {}) {
  const address_verdict v = parse_address_of(kind, written, rules);
  return v.code == errc::ok ? std::string(v.text()) : std::string(name(v.code));
}

TEST(address, every_kind_has_one_text_form) {
  EXPECT_EQ(read(" +49 151 1234-5678 "), "+4915112345678");
  EXPECT_EQ(read("4915112345678"), "+4915112345678");
  EXPECT_EQ(read("group:Y2FwaV9ncm91cDox=="), "group:Y2FwaV9ncm91cDox==");
  EXPECT_EQ(read(" Group: Y2Fw "), "group:Y2Fw");
  EXPECT_EQ(read("user:US.13491208655302741918"), "user:US.13491208655302741918");
  EXPECT_EQ(read("USER:US.ENT.11815799212886844830"), "user:US.ENT.11815799212886844830");
  EXPECT_EQ(read("chat:-1001234567"), "chat:-1001234567");
}

TEST(address, the_text_form_reads_back_as_itself) {
  for (const std::string_view text : {"+15550001111", "group:abc", "user:US.1", "chat:@name"}) {
    EXPECT_EQ(read(text), text);
    EXPECT_EQ(read(text, {.bare = address_kind::chat}), text == "+15550001111" ? "chat:+15550001111" : text);
  }
}

TEST(address, without_a_prefix_the_rules_decide) {
  EXPECT_EQ(read("12345", {.bare = address_kind::chat}), "chat:12345");
  EXPECT_EQ(read("+4915112345678", {.bare = address_kind::chat}), "chat:+4915112345678");
  EXPECT_EQ(read("12345"), "phone_too_short");
  EXPECT_EQ(read("@name"), "phone_has_letters");
  EXPECT_EQ(read(""), "phone_missing");
  EXPECT_EQ(read("", {.bare = address_kind::chat}), "address_malformed");
}

TEST(address, a_column_of_one_kind_needs_no_prefix) {
  EXPECT_EQ(read_as(address_kind::group, " 1203630 "), "group:1203630");
  EXPECT_EQ(read_as(address_kind::group, "group:1203630"), "group:1203630");
  EXPECT_EQ(read_as(address_kind::user, "DE.9a"), "user:DE.9a");
  EXPECT_EQ(read_as(address_kind::chat, "42"), "chat:42");
  EXPECT_EQ(read_as(address_kind::phone, "group:1203630"), "phone_has_letters");
}

TEST(address, ids_are_bounded_printable_and_fit_into_lists) {
  EXPECT_EQ(read("chat:" + std::string(address_id_max, 'x')), "chat:" + std::string(address_id_max, 'x'));
  EXPECT_EQ(read("chat:" + std::string(address_id_max + 1, 'x')), "address_malformed");
  for (const std::string_view bad :
       {"chat:", "chat:a b", "chat:a,b", "chat:a;b", "chat:\"a\"", "chat:a\x01", "chat:\x7f", "chat:\xc3\xa4",
        "group:", "user:US", "user:us.1", "user:US.", "user:US.1-2", "user:US.1.", "user:1349"}) {
    EXPECT_EQ(read(bad), "address_malformed") << bad;
  }
  EXPECT_EQ(read("user:US." + std::string(address_id_max - 3, '1')).size(), 5 + address_id_max);
  EXPECT_EQ(read("user:US." + std::string(address_id_max - 2, '1')), "address_malformed");
}

TEST(address, what_the_channel_cannot_reach_is_said_so) {
  const address_rules phones{.allowed = address_kinds::only(address_kind::phone).with(address_kind::group)};
  EXPECT_EQ(read("+15550001111", phones), "+15550001111");
  EXPECT_EQ(read("group:a", phones), "group:a");
  EXPECT_EQ(read("user:US.1", phones), "address_not_for_channel");
  EXPECT_EQ(read("chat:1", phones), "address_not_for_channel");
  EXPECT_EQ(read("chat:a b", phones), "address_malformed") << "what is wrong with it comes first";
  const address_rules chats{.bare = address_kind::chat, .allowed = address_kinds::only(address_kind::chat)};
  EXPECT_EQ(read_as(address_kind::phone, "+15550001111", chats), "address_not_for_channel");
}

TEST(address, every_refusal_has_its_advice) {
  std::set<std::string_view> said;
  for (const address_kind kind : {address_kind::phone, address_kind::group, address_kind::user, address_kind::chat}) {
    if (kind != address_kind::phone) said.insert(address_advice(errc::address_malformed, kind));
    said.insert(address_advice(errc::address_not_for_channel, kind));
  }
  EXPECT_EQ(said.size(), 7u) << "one each";
  EXPECT_EQ(said.count(""), 0u);
  EXPECT_FALSE(address_advice(errc::phone_missing, address_kind::phone).empty());
}

TEST(person_key, is_the_same_for_all_spellings_of_a_number) {
  EXPECT_EQ(person_key("+5511987654321"), person_key("+551187654321"));
  EXPECT_EQ(person_key("+15550001111"), deduplication_key(phone{15550001111}));
  EXPECT_EQ(person_key(parse_address("0052 1 55 1234 5678")), person_key("+525512345678"));
}

// These numbers are in stores: they may never change.
TEST(person_key, of_ids_is_pinned_and_has_the_top_bit) {
  EXPECT_EQ(person_key("group:Y2FwaV9n"), 0xc9f34221a1a63623U);
  EXPECT_EQ(person_key("user:US.13491208655302741918"), 0x9db072895dde508fU);
  EXPECT_EQ(person_key("chat:-1001234567"), 0xa5ef0a6eee0ac282U);
  EXPECT_NE(person_key("group:1"), person_key("chat:1"));
  EXPECT_EQ(person_key(parse_address("CHAT:1")), person_key("chat:1"));
}

}  // namespace
}  // namespace bulkmsg::recipients
