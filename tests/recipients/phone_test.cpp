#include "bulkmsg/recipients/phone.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "recipients/naive_phone.hpp"

namespace bulkmsg::recipients {
namespace {

std::uint64_t digits(std::string_view text) {
  const phone_verdict verdict = parse_phone(text);
  return verdict.code == errc::ok ? verdict.number.digits : 0;
}

// What a text is read as in a region: "+4915112345678", or the name of the error.
std::string read(std::string_view text, std::string_view letters = "") {
  const phone_verdict verdict = parse_phone(text, letters.empty() ? region() : region::parse(letters).value());
  if (verdict.code != errc::ok) return std::string(name(verdict.code));
  std::string out;
  append_e164(out, verdict.number);
  return out;
}

std::uint64_t key(std::string_view text) { return deduplication_key(parse_phone(text).number); }

TEST(phone, usual_spellings_are_one_number) {
  for (const std::string_view text :
       {"+15550001111", "15550001111", "0015550001111", "+1 555 000 1111", "+1 (555) 000-1111", "+1.555.000.1111",
        " +1-555-000-1111 ", "(+1) 555 000 1111", "'+15550001111", "tel:+1-555-000-1111", "15550001111.0",
        "+1/555/0001111",
        "\xe2\x80\xaa+1\xc2\xa0"
        "555\xe2\x80\x91"
        "0001111\xe2\x80\xac",
        "\xef\xbc\x8b\xef\xbc\x91"
        "5550001111",
        "+\xd9\xa1\xd9\xa5\xd9\xa5\xd9\xa5\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1",
        // Devanagari, Bengali and Tamil digits
        "+\xe0\xa5\xa7 \xe0\xa7\xab\xe0\xaf\xab\xe0\xa5\xab 0001111"}) {
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
      {"+15550001111 x5", errc::phone_has_letters},
      {"+1555000\xc3\xa4", errc::phone_has_letters},
      {"\xff", errc::phone_has_letters},
      {"+155500", errc::phone_too_short},
      {"+1555000", errc::phone_too_short},
      {"12", errc::phone_too_short},
      {"0", errc::phone_too_short},
      {"+1555000111122223", errc::phone_too_long},
      {"99999999999999999999999999999999", errc::phone_too_long},
      {"0151 12345678", errc::phone_needs_country},
      {"08123", errc::phone_too_short},
      {"+44 7911 1234567", errc::phone_too_long},
      {"+49 1", errc::phone_too_short},
      {"+1 055 500 1111", errc::phone_unknown_country},
      {"tel:0151 12345678", errc::phone_needs_country},
      {"tel:", errc::phone_missing},
      {"tel", errc::phone_has_letters},
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

TEST(phone, lengths_are_those_of_the_country) {
  EXPECT_EQ(read("+33 6 12 34 56 7"), "phone_too_short");
  EXPECT_EQ(read("+33 6 12 34 56 78"), "+33612345678");
  EXPECT_EQ(read("+33 6 12 34 56 789"), "phone_too_long");
  EXPECT_EQ(read("+683 4002"), "+6834002");  // Niue has landlines of four digits
  EXPECT_EQ(read("+683 88812"), "phone_too_short");
  EXPECT_EQ(read("+225 07 12 34 56 78"), "+2250712345678");  // Ivory Coast's ten begin with 0
  EXPECT_EQ(read("+229 01 97 12 34 56"), "+2290197123456");  // Benin since 2024 ...
  EXPECT_EQ(read("+229 97 12 34 56"), "+22997123456");       // ... and before
  EXPECT_EQ(read("+229 1197 12 34 56"), "phone_too_long");
  EXPECT_EQ(read("+39 06 1234"), "+39061234");
  EXPECT_EQ(read("+55 11 98765 4321"), "+5511987654321");
  EXPECT_EQ(read("+1 155 500 1111"), "phone_too_short");  // 1 is dialled before the area, and none begins with 1
  EXPECT_EQ(read("+999999999999999"), "phone_unknown_country");
}

TEST(phone, a_refusal_names_the_country_and_its_lengths) {
  const auto advice = [](std::string_view text, std::string_view letters) {
    return phone_advice(parse_phone(text, letters.empty() ? region() : *region::parse(letters)));
  };
  EXPECT_EQ(advice("+49 15", ""),
            "too few digits: a number of Germany (+49) usually has 10 to 11 digits after the country code");
  EXPECT_EQ(advice("0151 1234567890123", "DE"),
            "too many digits: a number of Germany (+49) usually has 10 to 11 digits after the country code");
  EXPECT_EQ(advice("+41 79 1234", ""),
            "too few digits: a number of Switzerland (+41) usually has 9 digits after the country code");
  EXPECT_EQ(advice("555 2671", "US"),
            "too few digits: a number of the United States (+1) usually has 10 digits after the country code");
  EXPECT_EQ(advice("+967 12345", ""),
            "too few digits: a number of Yemen (+967) usually has 7 to 9 digits after the country code");
  EXPECT_EQ(advice("+850 12345", ""),
            "too few digits: a number of North Korea (+850) usually has 8 or 10 digits after the country code");
  EXPECT_EQ(advice("+1 055 500 1111", ""),
            "no number begins so: a number of the United States (+1) usually has 10 digits after the country code");
  EXPECT_EQ(advice("", ""), phone_advice(errc::phone_missing));
  EXPECT_EQ(advice("030 1234567", ""), phone_advice(errc::phone_needs_country));
  EXPECT_EQ(advice("+4915112345678", ""), "");
}

TEST(phone, national_numbers_are_read_in_their_region) {
  const struct {
    const char* text;
    const char* letters;
    const char* number;
  } cases[] = {
      // A trunk zero, in most of the world; spreadsheets drop it.
      {"0151 23456789", "DE", "+4915123456789"},
      {"151 23456789", "de", "+4915123456789"},
      {"(0)151/23456789", "DE", "+4915123456789"},
      {"020 7183 8750", "GB", "+442071838750"},
      {"(020) 7183 8750", "UK", "+442071838750"},
      {"06 12 34 56 78", "FR", "+33612345678"},
      {"0712 345678", "KE", "+254712345678"},
      {"098765 43210", "IN", "+919876543210"},
      {"0412 345 678", "AU", "+61412345678"},
      {"090-1234-5678", "JP", "+819012345678"},
      {"010-1234-5678", "KR", "+821012345678"},
      // Eight in Russia and its neighbours, 06 in Hungary, 1 in North America, 01 and others once in Mexico.
      {"8 (916) 123-45-67", "RU", "+79161234567"},
      {"8 (701) 123-45-67", "KZ", "+77011234567"},
      {"8 029 491 19 11", "BY", "+375294911911"},
      {"8 612 34567", "LT", "+37061234567"},
      {"06 30 123 4567", "HU", "+36301234567"},
      {"(415) 555-2671", "US", "+14155552671"},
      {"1-415-555-2671", "CA", "+14155552671"},
      {"044 55 1234 5678", "MX", "+525512345678"},
      // None: a zero is part of the number, or there is none.
      {"06 1234 5678", "IT", "+390612345678"},
      {"347 123 4567", "IT", "+393471234567"},
      {"612 345 678", "ES", "+34612345678"},
      {"07 12 34 56 78", "CI", "+2250712345678"},
      {"9123 4567", "SG", "+6591234567"},
      // Carriers of Brazil and Colombia, Argentina's 15.
      {"011 98765-4321", "BR", "+5511987654321"},
      {"0 21 11 98765-4321", "BR", "+5511987654321"},
      {"11 98765-4321", "BR", "+5511987654321"},
      {"(55) 99999-8888", "BR", "+5555999998888"},
      {"03 300 123 4567", "CO", "+573001234567"},
      {"011 15 2345-6789", "AR", "+5491123456789"},
      {"11 15 2345-6789", "AR", "+5491123456789"},
      {"0351 15 234-5678", "AR", "+5493512345678"},
      {"02954 15 23-4567", "AR", "+5492954234567"},
      {"011 2345-6789", "AR", "+541123456789"},
      {"9 11 2345-6789", "AR", "+5491123456789"},
      // Islands with one area write without it.
      {"426 1234", "BB", "+12464261234"},
      {"716123", "GG", "+441481716123"},
      {"22123", "NF", "+672322123"},
      // The international prefix of the region, and 00 and + anywhere.
      {"011 44 20 7183 8750", "US", "+442071838750"},
      {"00 44 20 7183 8750", "US", "+442071838750"},
      {"+44 20 7183 8750", "US", "+442071838750"},
      {"8~10 49 151 23456789", "RU", "phone_has_letters"},
      {"8 10 49 151 23456789", "RU", "+4915123456789"},
      {"0011 49 151 23456789", "AU", "+4915123456789"},
      {"010 49 151 23456789", "JP", "+4915123456789"},
      {"00 1 415 555 2671", "DE", "+14155552671"},
      // Without +: the own code, then national, then any other.
      {"4915123456789", "DE", "+4915123456789"},
      {"49611234567", "DE", "+4949611234567"},
      {"393471234567", "IT", "+393471234567"},
      {"39312345678", "IT", "+39312345678"},
      {"3931234567", "IT", "+393931234567"},
      {"5511987654321", "BR", "+5511987654321"},
      {"919876543210", "IN", "+919876543210"},
      {"9198765432", "IN", "+919198765432"},
      {"79161234567", "RU", "+79161234567"},
      {"447911123456", "US", "+447911123456"},
      {"436641234567", "CH", "+436641234567"},
      // Not a number there.
      {"0612", "FR", "phone_too_short"},
      {"06 12 34 56 78 90 12", "FR", "phone_too_long"},
      {"00999 12345678", "FR", "phone_unknown_country"},
      {"555-2671", "US", "phone_too_short"},
  };
  for (const auto& each : cases)
    EXPECT_EQ(read(each.text, each.letters), each.number) << each.text << ' ' << each.letters;
}

TEST(phone, a_trunk_prefix_behind_the_country_code_is_dropped) {
  EXPECT_EQ(read("+49 (0) 151 2345 6789"), "+4915123456789");
  EXPECT_EQ(read("+49 0151 2345 6789"), "+4915123456789");
  EXPECT_EQ(read("+44(0)2071838750"), "+442071838750");
  EXPECT_EQ(read("+44(020)71838750"), "+442071838750");
  EXPECT_EQ(read("0044 (0)20 7183 8750"), "+442071838750");
  EXPECT_EQ(read("+7 8 916 123 45 67"), "+79161234567");
  EXPECT_EQ(read("+7 800 555 35 35"), "+78005553535");
  EXPECT_EQ(read("+36 06 30 123 4567"), "+36301234567");
  EXPECT_EQ(read("+1 1 415 555 2671"), "+14155552671");
  EXPECT_EQ(read("+52 044 55 1234 5678"), "+525512345678");
  EXPECT_EQ(read("+54 9 11 15 2345 6789"), "phone_too_long");
  EXPECT_EQ(read("+54 11 15 2345 6789"), "+5491123456789");
  EXPECT_EQ(read("+34 (0) 612 345 678"), "+34612345678");  // Spain has none, but the brackets say so
  EXPECT_EQ(read("+34 0 612 345 678"), "phone_unknown_country");
  EXPECT_EQ(read("+39 (0)6 12345678"), "+390612345678");  // Italy's is part of the number
}

TEST(phone, regions_are_iso_letters) {
  EXPECT_EQ(region::parse("de")->letters(), "DE");
  EXPECT_EQ(region::parse("BR")->name(), "Brazil");
  EXPECT_EQ(region::parse("KZ")->calling_code(), 7u);
  EXPECT_EQ(*region::parse("UK"), *region::parse("GB"));
  EXPECT_TRUE(region().empty());
  EXPECT_EQ(region().letters(), "");
  for (const char* const text : {"", "D", "DEU", "ZZ", "49", "+49", " DE"}) {
    const auto parsed = region::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::invalid_argument);
  }
  EXPECT_EQ(region::parse("Germany").error().message,
            "region: 'Germany' is not known; give the two letters of ISO 3166, as DE, US or BR");
}

TEST(phone, knows_where_a_number_is_from) {
  const struct {
    const char* number;
    unsigned code;
    const char* letters;
  } cases[] = {
      {"+4915112345678", 49, "DE"}, {"+14155552671", 1, "US"},    {"+16045552671", 1, "CA"},
      {"+18764261234", 1, "JM"},    {"+12464261234", 1, "BB"},    {"+18005552671", 1, ""},
      {"+79161234567", 7, "RU"},    {"+77011234567", 7, "KZ"},    {"+442071838750", 44, "GB"},
      {"+441481716123", 44, "GG"},  {"+447797123456", 44, "JE"},  {"+393471234567", 39, "IT"},
      {"+390669812345", 39, "VA"},  {"+61891621234", 61, "CC"},   {"+61412345678", 61, "AU"},
      {"+262639123456", 262, "YT"}, {"+262692123456", 262, "RE"}, {"+59995181234", 599, "CW"},
      {"+5997181234", 599, "BQ"},   {"+6834002", 683, "NU"},      {"+35818123456", 358, "AX"},
      {"+590690123456", 590, "GP"}, {"+80012345678", 800, ""},
  };
  for (const auto& each : cases) {
    const phone_verdict verdict = parse_phone(each.number);
    ASSERT_EQ(verdict.code, errc::ok) << each.number;
    EXPECT_EQ(country_of(verdict.number).calling_code, each.code) << each.number;
    EXPECT_EQ(country_of(verdict.number).where.letters(), each.letters) << each.number;
  }
  for (const std::uint64_t n : {0ull, 1ull, 49151ull, 999999999ull, ~0ull}) EXPECT_EQ(country_of({n}).calling_code, 0u);
}

TEST(phone, the_numbering_plan_is_in_order) {
  std::set<std::string_view> letters;
  std::set<unsigned> codes;
  for (std::size_t i = 0; i < std::size(numbering_plan); ++i) {
    const numbering_row& row = numbering_plan[i];
    EXPECT_FALSE(row.name.empty());
    EXPECT_TRUE(row.region.empty() || letters.insert(row.region).second) << row.region;
    // The regions of a code follow its main region, and no digits are given to two of them.
    EXPECT_EQ(codes.insert(row.code).second, !row.usual.empty()) << row.name;
    EXPECT_TRUE(!row.usual.empty() || row.code == numbering_plan[i - 1].code) << row.name;
    for (const std::string& word : naive::words(row.within)) {
      for (std::size_t k = 0; k < std::size(numbering_plan); ++k) {
        if (k == i || numbering_plan[k].code != row.code) continue;
        for (const std::string& other : naive::words(numbering_plan[k].within)) {
          EXPECT_FALSE(other.starts_with(word)) << row.name << ' ' << word;
        }
      }
    }
  }
  EXPECT_EQ(letters.size(), 245u);
}

TEST(phone, every_assigned_country_code_is_known_and_no_other) {
  // The list of the ITU, once more, written out by hand from the world numbering zones; without 379, which
  // the Vatican does not use, and with 888, which was withdrawn.
  const std::set<int> assigned = {
      1,   7,   20,  27,  30,  31,  32,  33,  34,  36,  39,  40,  41,  43,  44,  45,  46,  47,  48,  49,  51,  52,
      53,  54,  55,  56,  57,  58,  60,  61,  62,  63,  64,  65,  66,  81,  82,  84,  86,  90,  91,  92,  93,  94,
      95,  98,  211, 212, 213, 216, 218, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234,
      235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256,
      257, 258, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 290, 291, 297, 298, 299, 350, 351, 352, 353, 354,
      355, 356, 357, 358, 359, 370, 371, 372, 373, 374, 375, 376, 377, 378, 380, 381, 382, 383, 385, 386, 387, 389,
      420, 421, 423, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 590, 591, 592, 593, 594, 595, 596, 597, 598,
      599, 670, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 683, 685, 686, 687, 688, 689, 690, 691, 692,
      800, 808, 850, 852, 853, 855, 856, 870, 878, 880, 881, 882, 883, 886, 888, 960, 961, 962, 963, 964, 965, 966,
      967, 968, 970, 971, 972, 973, 974, 975, 976, 977, 979, 992, 993, 994, 995, 996, 998};
  for (int three = 0; three < 1000; ++three) {
    const int length = assigned.contains(three)         ? 3
                       : assigned.contains(three / 10)  ? 2
                       : assigned.contains(three / 100) ? 1
                                                        : 0;
    EXPECT_EQ(country_code_length(static_cast<unsigned>(three)), three < 100 ? 0u : static_cast<unsigned>(length))
        << three;
  }
  EXPECT_EQ(country_code_length(1000), 0u);
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
  EXPECT_NE(key("+5511941234567"), key("+551141234567"));  // a mobile made after the ninth digit, and a landline
  EXPECT_NE(key("+15550001111"), key("+15550001112"));
  EXPECT_EQ(key("+15550001111"), 15550001111u);
  EXPECT_EQ(key("+491512345678"), 491512345678u);
  EXPECT_EQ(key("+551132345678"), 551132345678u);
}

// Two numbers are one person's only by the three rules, written here as cutting one digit out of the longer.
bool same_person(const std::string& a, const std::string& b) {
  if (a == b) return true;
  if (a.size() < b.size()) return same_person(b, a);
  if (a.size() != 13 || b.size() != 12) return false;
  const auto without = [&](std::size_t i) { return a.substr(0, i) + a.substr(i + 1); };
  if (a.starts_with("55")) return a[4] == '9' && a[5] >= '6' && b == without(4);
  return (a.starts_with("521") || a.starts_with("549")) && b == without(2);
}

TEST(phone, keys_are_shared_by_the_three_rules_and_no_other) {
  std::mt19937 random(7);
  const auto digits_of = [&](std::size_t n) {
    std::string text;
    while (text.size() < n) text += static_cast<char>('0' + random() % 10);
    return text;
  };
  std::uint64_t shared = 0;
  for (int round = 0; round < 3000; ++round) {
    // Numbers near each other: one with a digit put in, taken out or changed, at every place.
    const char* const fronts[] = {"55", "5531", "55119", "52", "521", "54", "549", "5411", "49", "1", "91"};
    std::string base = fronts[random() % std::size(fronts)];
    base += digits_of(12 + random() % 2 - base.size());
    std::set<std::string> near{base};
    for (std::size_t i = 0; i < base.size(); ++i) {
      near.insert(base.substr(0, i) + base.substr(i + 1));
      near.insert(base.substr(0, i) + digits_of(1) + base.substr(i + 1));
      near.insert(base.substr(0, i) + "9" + base.substr(i));
      near.insert(base.substr(0, i) + "1" + base.substr(i));
    }
    for (const std::string& a : near) {
      const std::uint64_t key_a = deduplication_key({std::stoull(a)});
      ASSERT_EQ(deduplication_key({key_a}), key_a) << a;
      for (const std::string& b : near) {
        if (a[0] == '0' || b[0] == '0') continue;
        const bool same = deduplication_key({std::stoull(b)}) == key_a;
        ASSERT_EQ(same, same_person(a, b)) << a << ' ' << b;
        shared += same && a != b ? 1 : 0;
      }
    }
  }
  EXPECT_GT(shared, 1000u);
}

void expect_as_naive(const std::string& text, const std::string& letters, region where) {
  const phone_verdict verdict = parse_phone(text, where);
  const auto number = naive::read(text, letters);
  ASSERT_EQ(verdict.code == errc::ok, number.has_value()) << '\'' << text << "' " << letters;
  ASSERT_EQ(number.value_or("0"), std::to_string(verdict.number.digits)) << '\'' << text << "' " << letters;
}

TEST(phone, every_short_text_is_read_as_the_plain_reader_reads_it) {
  // All texts of up to six characters, behind the beginnings of numbers.
  constexpr std::string_view alphabet = "0149+(";
  std::vector<std::string> texts{""};
  for (std::size_t from = 0, length = 1; length <= 6; ++length) {
    const std::size_t end = texts.size();
    for (; from < end; ++from) {
      for (const char c : alphabet) texts.push_back(texts[from] + (c == '(' ? "(0)" : std::string(1, c)));
    }
  }
  for (const char* const front : {"+49", "", "+390", "00", "011"}) {
    for (const char* const letters : {"", "DE", "IT", "US", "AR"}) {
      const region where = *letters == 0 ? region() : *region::parse(letters);
      for (std::size_t i = 0; i < texts.size(); i += *letters == 0 ? 1 : 7)
        expect_as_naive(front + texts[i], letters, where);
    }
  }
}

TEST(phone, random_digits_are_read_as_the_plain_reader_reads_them) {
  std::mt19937 random(3);
  std::size_t accepted = 0;
  for (const numbering_row& row : numbering_plan) {
    const std::string letters(row.region);
    const region where = letters.empty() ? region() : *region::parse(letters);
    std::vector<std::string> fronts{"",
                                    "+",
                                    "00",
                                    "0",
                                    std::to_string(row.code),
                                    "+" + std::to_string(row.code),
                                    "+" + std::to_string(row.code) + "(0)",
                                    "15",
                                    "0549"};
    for (const std::string_view list : {row.trunk, row.international}) {
      for (std::string word : naive::words(list)) {
        std::replace(word.begin(), word.end(), 'x', '7');
        fronts.push_back(word);
        fronts.push_back(word + std::to_string(row.code));
        fronts.push_back("+" + std::to_string(row.code) + word);
      }
    }
    for (const std::string& front : fronts) {
      for (int i = 0; i < 40; ++i) {
        std::string text = front;
        for (std::size_t n = 3 + random() % 11; n > 0; --n) text += static_cast<char>('0' + random() % 10);
        expect_as_naive(text, letters, where);
        accepted += parse_phone(text, where).code == errc::ok ? 1 : 0;
      }
    }
  }
  EXPECT_GT(accepted, 20'000u);
}

TEST(phone, the_canonical_form_reads_as_itself_in_every_region) {
  std::mt19937 random(5);
  for (int i = 0; i < 200'000; ++i) {
    const region from = region::at(random() % std::size(numbering_plan));
    std::string text;
    for (std::size_t n = 5 + random() % 10; n > 0; --n) text += static_cast<char>('0' + random() % 10);
    const phone_verdict verdict = parse_phone(text, from);
    if (verdict.code != errc::ok) continue;
    std::string canonical;
    append_e164(canonical, verdict.number);
    ASSERT_LE(canonical.size(), phone_digits_max + 1) << text;
    ASSERT_GT(canonical.size(), phone_digits_min) << text;
    ASSERT_EQ(parse_phone(canonical).number, verdict.number) << text;
    ASSERT_EQ(parse_phone(canonical, region::at(random() % std::size(numbering_plan))).number, verdict.number) << text;
  }
}

// By the short cuts and without them.
void expect_no_difference(const std::string& text, region where) {
  const phone_verdict quick = parse_phone(text, where);
  const phone_verdict slow = detail::read_phone(text, where);
  ASSERT_EQ(quick.code, slow.code) << '\'' << text << "' " << where.letters();
  ASSERT_EQ(quick.number, slow.number) << '\'' << text << "' " << where.letters();
  ASSERT_EQ(quick.where, slow.where) << '\'' << text << "' " << where.letters();
  const std::uint64_t plain = detail::plain_number(text);
  if (plain != 0 && (where.empty() || text[0] == '+')) {
    ASSERT_EQ(plain, slow.number.digits) << text;
  }
}

// All regions, first digits and lengths, with all that may stand in front, as plain digits and spelled at random.
TEST(phone, the_short_cuts_change_no_verdict) {
  const std::vector<std::string> between{" ", "-", "/", ".", "(", ")", "(0)", "'", "\t", "[", "\u00a0", "+", "x", ".0"};
  std::mt19937 random(6);
  for (std::size_t place = 0; place < std::size(numbering_plan); ++place) {
    const numbering_row& row = numbering_plan[place];
    const std::string code = std::to_string(row.code);
    std::vector<std::string> fronts{"", "+", "+" + code, code, "00"};
    for (const std::string_view list : {row.trunk, row.international}) {
      for (const std::string& word : naive::words(list)) fronts.push_back(word);
    }
    for (const std::string& front : fronts) {
      for (int lead = 0; lead < 100; ++lead) {
        for (std::size_t rest = 0; rest < 15; ++rest) {
          std::string text = front + std::to_string(100 + lead).substr(1);
          for (std::size_t n = rest; n > 0; --n) text += static_cast<char>('0' + random() % 10);
          expect_no_difference(text, region::at(place));
          if (lead % 10 != 0) continue;
          expect_no_difference(text, {});
          expect_no_difference(text + ".0", {});  // of a spreadsheet's float
          for (int n = 0; n < 3; ++n) text.insert(random() % (text.size() + 1), between[random() % between.size()]);
          expect_no_difference(text, region::at(place));
          expect_no_difference(text, {});
        }
      }
    }
  }
}

// The short cuts read no byte behind the text: it ends where memory does.
TEST(phone, nothing_behind_the_text_is_read) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const memory = ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  char* const end = static_cast<char*>(memory) + page;
  ASSERT_EQ(::mprotect(end, page, PROT_NONE), 0);
  const std::string text = "          +49 (0) 151-2345.67 89  ";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::copy(text.end() - static_cast<std::ptrdiff_t>(size), text.end(), end - size);
    EXPECT_EQ(parse_phone({end - size, size}).number.digits,
              size < 24 ? digits(text.substr(text.size() - size)) : 4915123456789)
        << size;
  }
  ::munmap(memory, 2 * page);
}

TEST(phone, writes_e164) {
  std::string out = "to:";
  append_e164(out, phone{15550001111});
  EXPECT_EQ(out, "to:+15550001111");
}

}  // namespace
}  // namespace bulkmsg::recipients
