#include "bulkmsg/recipients/phone.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace bulkmsg::recipients {
namespace {

std::uint64_t digits(std::string_view text) {
  const phone_verdict verdict = parse_phone(text);
  return verdict.code == errc::ok ? verdict.number.digits : 0;
}

std::uint64_t key(std::string_view text) { return deduplication_key(parse_phone(text).number); }

TEST(phone, usual_spellings_are_one_number) {
  for (const std::string_view text :
       {"+15550001111", "15550001111", "0015550001111", "+1 555 000 1111", "+1 (555) 000-1111", "+1.555.000.1111",
        " +1-555-000-1111 ", "(+1) 555 000 1111", "+1/555/0001111",
        "\xe2\x80\xaa+1\xc2\xa0"
        "555\xe2\x80\x91"
        "0001111\xe2\x80\xac",
        "\xef\xbc\x8b\xef\xbc\x91"
        "5550001111",
        "+\xd9\xa1\xd9\xa5\xd9\xa5\xd9\xa5\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1"}) {
    EXPECT_EQ(digits(text), 15550001111u) << text;
  }
}

TEST(phone, each_fault_has_its_code) {
  const struct {
    std::string_view text;
    errc code;
  } cases[] = {
      {"", errc::phone_missing},
      {"  \t", errc::phone_missing},
      {"+", errc::phone_missing},
      {"-", errc::phone_missing},
      {"n/a", errc::phone_has_letters},
      {"+1555000111a", errc::phone_has_letters},
      {"1.5550001E+10", errc::phone_has_letters},
      {"+1555+0001111", errc::phone_has_letters},
      {"++15550001111", errc::phone_has_letters},
      {"+15550001111;ext=5", errc::phone_has_letters},
      {"+1555000\xc3\xa4", errc::phone_has_letters},
      {"\xff", errc::phone_has_letters},
      {"+155500", errc::phone_too_short},
      {"+1555000", errc::phone_too_short},
      {"12", errc::phone_too_short},
      {"0", errc::phone_too_short},
      {"+1555000111122223", errc::phone_too_long},
      {"99999999999999999999999999999999", errc::phone_too_long},
      {"015112345678", errc::phone_unknown_country},
      {"+015112345678", errc::phone_unknown_country},
      {"000015550001111", errc::phone_unknown_country},
      {"+0015550001111", errc::phone_unknown_country},
      {"00000000", errc::phone_unknown_country},
      {"+99912345678", errc::phone_unknown_country},
      {"+21012345678", errc::phone_unknown_country},
      {"+38412345678", errc::phone_unknown_country},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(name(parse_phone(each.text).code), name(each.code)) << each.text;
    EXPECT_FALSE(phone_advice(each.code).empty());
  }
  EXPECT_TRUE(phone_advice(errc::ok).empty());
}

TEST(phone, length_bounds_are_exact) {
  EXPECT_EQ(parse_phone("+5511111").code, errc::phone_too_short);
  EXPECT_EQ(parse_phone("+55111111").code, errc::ok);
  EXPECT_EQ(parse_phone("+551111111111111").code, errc::ok);
  EXPECT_EQ(parse_phone("+5511111111111111").code, errc::phone_too_long);
  EXPECT_EQ(parse_phone("+6834002").code, errc::ok);  // Niue has seven
}

TEST(phone, bracketed_trunk_zero_is_dropped_except_in_italy) {
  EXPECT_EQ(digits("+49 (0) 151 2345 6789"), 4915123456789u);
  EXPECT_EQ(digits("+44(0)2071838750"), 442071838750u);
  EXPECT_EQ(digits("0044 (0)20 7183 8750"), 442071838750u);
  EXPECT_EQ(digits("+39 (0)6 12345678"), 390612345678u);
  EXPECT_EQ(digits("+44(01)2071838750"), 44012071838750u);
  EXPECT_EQ(digits("+7(0)(0)1234567"), 71234567u);
}

TEST(phone, every_assigned_country_code_is_known_and_no_other) {
  // The list of the ITU, once more, written out by hand from the world numbering zones.
  const std::set<int> assigned = {
      1,   7,   20,  27,  30,  31,  32,  33,  34,  36,  39,  40,  41,  43,  44,  45,  46,  47,  48,  49,  51,  52,
      53,  54,  55,  56,  57,  58,  60,  61,  62,  63,  64,  65,  66,  81,  82,  84,  86,  90,  91,  92,  93,  94,
      95,  98,  211, 212, 213, 216, 218, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234,
      235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256,
      257, 258, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 290, 291, 297, 298, 299, 350, 351, 352, 353, 354,
      355, 356, 357, 358, 359, 370, 371, 372, 373, 374, 375, 376, 377, 378, 379, 380, 381, 382, 383, 385, 386, 387,
      389, 420, 421, 423, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 590, 591, 592, 593, 594, 595, 596, 597,
      598, 599, 670, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 683, 685, 686, 687, 688, 689, 690, 691,
      692, 800, 808, 850, 852, 853, 855, 856, 870, 878, 880, 881, 882, 883, 886, 960, 961, 962, 963, 964, 965, 966,
      967, 968, 970, 971, 972, 973, 974, 975, 976, 977, 979, 992, 993, 994, 995, 996, 998};
  for (int three = 100; three < 1000; ++three) {
    const bool known = assigned.contains(three) || assigned.contains(three / 10) || assigned.contains(three / 100);
    EXPECT_EQ(parse_phone("+" + std::to_string(three) + "2345678").code == errc::ok, known) << three;
  }
  for (const int code : assigned) {
    const std::string text = std::to_string(code);
    const int three = std::stoi((text + "55").substr(0, 3));
    EXPECT_EQ(country_code_length(static_cast<unsigned>(three)), text.size()) << code;
  }
}

TEST(phone, spellings_of_one_person_share_a_key) {
  EXPECT_EQ(key("+5531987654321"), key("+553187654321"));        // Brazil, ninth digit
  EXPECT_EQ(key("+5211234567890"), key("+521234567890"));        // Mexico, old 1
  EXPECT_EQ(key("+5491123456789"), key("+541123456789"));        // Argentina, mobile 9
  EXPECT_EQ(key("+54 11 15 2345 6789"), key("+5491123456789"));  // ... and the local 15
  EXPECT_EQ(key("+54 351 15 234 5678"), key("+5493512345678"));
  EXPECT_EQ(key("+54 2954 15 23 4567"), key("+5492954234567"));
}

TEST(phone, different_persons_keep_different_keys) {
  EXPECT_NE(key("+5531987654321"), key("+5531987654322"));
  EXPECT_NE(key("+5531987654321"), key("+5532987654321"));
  EXPECT_NE(key("+15550001111"), key("+15550001112"));
  EXPECT_EQ(key("+15550001111"), 15550001111u);
  EXPECT_EQ(key("+491512345678"), 491512345678u);
  EXPECT_EQ(key("+551132345678"), 551132345678u);
}

TEST(phone, the_key_is_the_same_for_the_key) {
  for (const std::uint64_t n : {5531987654321u, 5211234567890u, 5491123456789u, 54111523456789u, 15550001111u}) {
    const std::uint64_t once = deduplication_key({n});
    EXPECT_EQ(deduplication_key({once}), once);
  }
}

TEST(phone, the_short_cut_for_plain_digits_gives_the_same_verdicts) {
  std::string text;
  for (std::uint64_t n = 1; n < 2'000'000; n += 37) {
    for (const char* tail : {"", "00", "0000000", "123456789", "1234567890"}) {
      text = "+" + std::to_string(n) + tail;
      const phone_verdict fast = parse_phone(text);
      const phone_verdict slow = parse_phone(text + " ");
      ASSERT_EQ(fast.code, slow.code) << text;
      ASSERT_EQ(fast.number, slow.number) << text;
    }
  }
}

TEST(phone, writes_e164) {
  std::string out = "to:";
  append_e164(out, phone{15550001111});
  EXPECT_EQ(out, "to:+15550001111");
}

}  // namespace
}  // namespace bulkmsg::recipients
