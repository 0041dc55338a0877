#include "bulkmsg/recipients/utf8.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace bulkmsg::recipients {
namespace {

struct verdict {
  std::size_t good;  // bytes that were taken
  bool complete;
  std::uint64_t start;  // of the last character that is not ASCII or is wrong; only when something is wrong
  friend bool operator==(const verdict&, const verdict&) = default;
};
void PrintTo(const verdict& v, std::ostream* out) { *out << v.good << (v.complete ? " " : "... ") << v.start; }

verdict read(std::string_view text, std::size_t chunk) {
  utf8_checker checker;
  std::size_t good = 0;
  while (good < text.size()) {
    const auto part = text.substr(good, chunk);
    const std::size_t taken = checker.read(part);
    good += taken;
    if (taken < part.size()) return {good, false, checker.character_start()};
  }
  return {good, checker.complete(), checker.complete() ? 0 : checker.character_start()};
}

// A byte at a time takes the plain path, the whole at once the fast one, where the processor has it.
void expect_same(const std::string& text) {
  const verdict plain = read(text, 1);
  ASSERT_EQ(read(text, text.size()), plain) << testing::PrintToString(text);
}

TEST(utf8, every_pair_of_bytes_is_judged_alike_at_every_place_of_a_block) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      for (const std::size_t place : {0U, 30U, 31U, 32U, 62U}) {
        std::string text(96, 'x');
        text[place] = static_cast<char>(a);
        text[place + 1] = static_cast<char>(b);
        expect_same(text);
      }
    }
  }
}

TEST(utf8, every_border_of_longer_characters_is_judged_alike) {
  constexpr std::array<int, 19> borders = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
                                           0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf4, 0xf5};
  for (const int a : {0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff}) {
    for (const int b : borders) {
      for (const int c : borders) {
        for (const int d : borders) {
          for (const std::size_t place : {0U, 29U, 30U, 61U}) {
            std::string text(96, 'x');
            const std::array<int, 4> bytes = {a, b, c, d};
            for (std::size_t i = 0; i < 4; ++i) text[place + i] = static_cast<char>(bytes[i]);
            expect_same(text);
          }
        }
      }
    }
  }
}

TEST(utf8, random_texts_with_a_fault_are_judged_alike_in_any_chunks) {
  std::mt19937 random(20261121);
  const std::array<std::string, 5> words = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789abcdef"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 60; n > 0; --n) text += words[random() % words.size()];
    if (!text.empty() && round % 2 == 0) text[random() % text.size()] = static_cast<char>(random());
    expect_same(text);
    ASSERT_EQ(read(text, 1 + random() % 80), read(text, 1));
  }
}

}  // namespace
}  // namespace bulkmsg::recipients
