// Text as it comes in files, to UTF-8, while it streams: chunks may end inside a character.
//
// UTF-8 with or without a byte order mark is checked and handed on as it is; UTF-16 of either order, which it is by its
// byte order mark, is converted. Everything else (Latin-1, say) is an error that names the line and the byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/recipients/utf8.hpp"

namespace bulkmsg::recipients {

class text_decoder {
 public:
  // what: begins the messages ("csv").
  explicit text_decoder(std::string_view what) : what_(what) {}

  // Reads on: take(std::string_view) -> result<void> is called with the text in pieces, valid during the call. Errors:
  // what take() gave, and text_not_utf8; what comes before a bad byte was then taken, so that it does not depend on
  // where chunks end. line(): the line that was reached, for the message.
  template <class Take, class Line>
  result<void> read(std::string_view chunk, Take&& take, Line&& line) {
    if (form_ == form::unknown && !chunk.empty()) {
      if (auto begun = find_form(chunk, take, line); !begun) return begun;
    }
    if (chunk.empty()) return {};
    return form_ == form::utf8 ? read_utf8(chunk, take, line) : read_utf16(chunk, take, line);
  }

  // The input is complete.
  template <class Take, class Line>
  result<void> finish(Take&& take, Line&& line) {
    if (form_ == form::unknown && head_size_ != 0) {
      form_ = form::utf8;
      if (auto read = read_utf8({head_.data(), head_size_}, take, line); !read) return read;
    }
    if (!utf8_.complete()) return not_utf8(utf8_.character_start(), line());
    if (has_half_) return not_utf16(offset_, "is half a character", line());
    if (high_ != 0) return not_utf16(offset_ - 2, "is half a surrogate pair", line());
    return {};
  }

 private:
  enum class form : std::uint8_t {
    unknown,
    utf8,
    utf16_little,
    utf16_big
  };

  // Looks at up to three bytes, and takes them from the chunk.
  template <class Take, class Line>
  result<void> find_form(std::string_view& chunk, Take& take, Line& line) {
    constexpr std::string_view marks[] = {"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"};
    while (!chunk.empty()) {
      head_[head_size_++] = chunk.front();
      chunk.remove_prefix(1);
      const std::string_view head(head_.data(), head_size_);
      if (head == marks[0]) {
        form_ = form::utf8;
        static_cast<void>(utf8_.read(head));
        return {};
      }
      if (head == marks[1] || head == marks[2]) {
        form_ = head == marks[1] ? form::utf16_little : form::utf16_big;
        offset_ = 2;
        return {};
      }
      bool possible = false;
      for (const std::string_view mark : marks) possible = possible || mark.starts_with(head);
      if (possible) continue;
      form_ = form::utf8;
      return read_utf8(head, take, line);
    }
    return {};
  }

  template <class Take, class Line>
  result<void> read_utf8(std::string_view chunk, Take& take, Line& line) {
    const std::size_t good = utf8_.read(chunk);
    if (auto taken = take(chunk.substr(0, good)); !taken) return taken;
    if (good == chunk.size()) return {};
    return not_utf8(utf8_.character_start(), line());
  }

  template <class Take, class Line>
  result<void> read_utf16(std::string_view chunk, Take& take, Line& line) {
    if (!converted_) converted_ = std::make_unique<char[]>(piece_max);
    while (!chunk.empty()) {
      // Two bytes become three at most, a pair of units four.
      const std::string_view piece = chunk.substr(0, piece_max / 2);
      chunk.remove_prefix(piece.size());
      char* out = converted_.get();
      const char* fault = nullptr;
      for (const char c : piece) {
        const unsigned byte = static_cast<unsigned char>(c);
        if (!has_half_) {
          half_ = byte;
          has_half_ = true;
          continue;
        }
        has_half_ = false;
        const unsigned unit = form_ == form::utf16_little ? half_ | byte << 8 : half_ << 8 | byte;
        const bool low = unit >= 0xdc00 && unit < 0xe000;
        if (low != (high_ != 0)) {
          fault = low ? "is the second half of a surrogate pair, without the first" : "is half a surrogate pair";
          if (!low) offset_ -= 2;
          break;
        }
        offset_ += 2;
        if (low) {
          out = append(out, 0x10000 + ((high_ - 0xd800) << 10) + (unit - 0xdc00));
          high_ = 0;
        } else if (unit >= 0xd800 && unit < 0xdc00) {
          high_ = unit;
        } else {
          out = append(out, unit);
        }
      }
      if (auto taken = take({converted_.get(), static_cast<std::size_t>(out - converted_.get())}); !taken) return taken;
      if (fault != nullptr) return not_utf16(offset_, fault, line());
    }
    return {};
  }

  static char* append(char* out, unsigned c) noexcept {
    const auto put = [&](unsigned byte) { *out++ = static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
      return out;
    }
    if (c < 0x800) {
      put(0xc0 | c >> 6);
    } else {
      if (c < 0x10000) {
        put(0xe0 | c >> 12);
      } else {
        put(0xf0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3f));
      }
      put(0x80 | (c >> 6 & 0x3f));
    }
    put(0x80 | (c & 0x3f));
    return out;
  }

  [[nodiscard]] std::string place(std::uint64_t line, std::uint64_t byte) const {
    return what_ + ": line " + std::to_string(line) + ", byte " + std::to_string(byte) + " of the file ";
  }
  [[nodiscard]] tl::unexpected<error> not_utf8(std::uint64_t byte, std::uint64_t line) const {
    return fail(errc::text_not_utf8,
                place(line, byte) + "is not UTF-8; save the file as UTF-8 (in Excel: \"CSV UTF-8\")");
  }
  [[nodiscard]] tl::unexpected<error> not_utf16(std::uint64_t byte, const char* what, std::uint64_t line) const {
    return fail(errc::text_not_utf8, place(line, byte) + what +
                                         ", though the file begins as UTF-16; it is damaged, so save it again, best as "
                                         "UTF-8 (in Excel: \"CSV UTF-8\")");
  }

  static constexpr std::size_t piece_max = std::size_t{32} * 1024;

  std::string what_;
  form form_ = form::unknown;
  std::array<char, 3> head_{};
  std::size_t head_size_ = 0;
  utf8_checker utf8_;
  // UTF-16
  std::unique_ptr<char[]> converted_;
  std::uint64_t offset_ = 0;  // of the unit that is being read
  unsigned half_ = 0;         // its first byte
  bool has_half_ = false;
  unsigned high_ = 0;  // the first half of a surrogate pair, 0: none
};

}  // namespace bulkmsg::recipients
