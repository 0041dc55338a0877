// UTF-8 checked while it streams: chunks may end inside a character.
//
// Well-formed as in Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bulkmsg::recipients {

class utf8_checker {
 public:
  // Reads on; returns the length of the prefix of `chunk` that may still be UTF-8. Less than chunk.size(): the byte
  // there is wrong, and character_start() is where the broken character began, counted from the stream's first byte.
  [[nodiscard]] std::size_t read(std::string_view chunk) noexcept {
    std::size_t i = 0;
    while (i < chunk.size()) {
      if (missing_ == 0) {
        i = skip_ascii(chunk, i);
        if (i == chunk.size()) break;
        start_ = offset_ + i;
        if (!open(static_cast<unsigned char>(chunk[i]))) return i;
        ++i;
        continue;
      }
      const auto byte = static_cast<unsigned char>(chunk[i]);
      if (byte < low_ || byte > high_) return i;
      low_ = 0x80;
      high_ = 0xbf;
      --missing_;
      ++i;
    }
    offset_ += chunk.size();
    return chunk.size();
  }

  // True when the stream may end here, false inside a character.
  [[nodiscard]] bool complete() const noexcept { return missing_ == 0; }
  [[nodiscard]] std::uint64_t character_start() const noexcept { return start_; }

 private:
  static std::size_t skip_ascii(std::string_view chunk, std::size_t i) noexcept {
    for (; i + 16 <= chunk.size(); i += 16) {
      std::uint64_t words[2];
      std::memcpy(words, chunk.data() + i, sizeof words);
      if (((words[0] | words[1]) & 0x8080808080808080U) != 0) break;
    }
    while (i < chunk.size() && static_cast<unsigned char>(chunk[i]) < 0x80) ++i;
    return i;
  }

  bool open(unsigned char lead) noexcept {
    low_ = 0x80;
    high_ = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      missing_ = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      missing_ = 2;
      if (lead == 0xe0) low_ = 0xa0;   // shorter form exists
      if (lead == 0xed) high_ = 0x9f;  // surrogates
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      missing_ = 3;
      if (lead == 0xf0) low_ = 0x90;   // shorter form exists
      if (lead == 0xf4) high_ = 0x8f;  // above U+10FFFF
    } else {
      return false;
    }
    return true;
  }

  std::uint64_t offset_ = 0;
  std::uint64_t start_ = 0;
  unsigned missing_ = 0;  // continuation bytes still to come
  unsigned char low_ = 0x80;
  unsigned char high_ = 0xbf;
};

}  // namespace bulkmsg::recipients
