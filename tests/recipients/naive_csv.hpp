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

}  // namespace naive
