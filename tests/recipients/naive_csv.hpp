// The CSV reader that is obviously right: whole text in memory, one character at a time. Shares no code with csv.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace naive {

struct row {
  std::uint64_t line = 0;
  std::vector<std::string> cells;
  bool too_long = false;  // then without cells
  friend bool operator==(const row&, const row&) = default;
};

struct file {
  std::vector<row> rows;
  std::optional<std::uint64_t> unclosed_quote_line;
  friend bool operator==(const file&, const file&) = default;
};

// text: valid UTF-8 without a BOM. Lines end in CRLF, LF or CR.
inline file read_csv(std::string_view text, char delimiter, std::size_t row_bytes_max) {
  file out;
  std::uint64_t line = 1;
  std::size_t at = 0;
  while (at < text.size()) {
    row next{line, {}, false};
    const std::size_t begin = at;
    bool row_over = false;
    while (!row_over) {
      std::string cell;
      if (at < text.size() && text[at] == '"') {
        const std::uint64_t opened = line;
        ++at;
        for (;;) {
          if (at == text.size()) {
            out.unclosed_quote_line = opened;
            return out;
          }
          if (text[at] == '"') {
            if (at + 1 < text.size() && text[at + 1] == '"') {
              cell += '"';
              at += 2;
              continue;
            }
            ++at;
            break;
          }
          if (text[at] == '\r') ++line;
          if (text[at] == '\n' && text[at - 1] != '\r') ++line;
          cell += text[at++];
        }
      }
      while (at < text.size() && text[at] != delimiter && text[at] != '\r' && text[at] != '\n') cell += text[at++];
      next.cells.push_back(cell);
      if (at < text.size() && text[at] == delimiter) {
        ++at;
      } else {
        row_over = true;
      }
    }
    const std::size_t raw = at - begin;
    if (at < text.size()) {
      at += text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1;
      ++line;
    }
    if (raw == 0) continue;
    if (raw > row_bytes_max) {
      next.cells.clear();
      next.too_long = true;
    }
    out.rows.push_back(next);
  }
  return out;
}

// The delimiter of which the first row that is not empty holds most outside quotes; of equals, the first of `,` `;`
// tab.
inline char delimiter_of(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size() && (text[begin] == '\r' || text[begin] == '\n')) ++begin;
  char best = ',';
  std::size_t most = 0;
  for (const char candidate : {',', ';', '\t'}) {
    std::size_t count = 0;
    bool quoted = false;
    bool cell_start = true;
    for (std::size_t at = begin; at < text.size(); ++at) {
      const char c = text[at];
      if (quoted) {
        if (c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
          ++at;
        } else if (c == '"') {
          quoted = false;
        }
        cell_start = false;
        continue;
      }
      if (c == '\r' || c == '\n') break;
      if (c == '"' && cell_start) {
        quoted = true;
        continue;
      }
      if (c == candidate) ++count;
      cell_start = c == ',' || c == ';' || c == '\t';
    }
    if (count > most) {
      most = count;
      best = candidate;
    }
  }
  return best;
}

// UTF-8 (valid) to UTF-16 with its byte order mark.
inline std::string to_utf16(std::string_view utf8, bool big) {
  std::string out;
  const auto put = [&](unsigned unit) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xff);
    out += big ? high : low;
    out += big ? low : high;
  };
  put(0xfeff);
  for (std::size_t at = 0; at < utf8.size();) {
    const unsigned lead = static_cast<unsigned char>(utf8[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned c = size == 1 ? lead : lead & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) c = c * 64 + (static_cast<unsigned char>(utf8[at + i]) & 63U);
    at += size;
    if (c < 0x10000) {
      put(c);
    } else {
      put(0xd800 + (c - 0x10000) / 1024);
      put(0xdc00 + (c - 0x10000) % 1024);
    }
  }
  return out;
}

}  // namespace naive
