// Numbers, times and quoting, as the program prints them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

// 1234567 -> "1,234,567"
std::string grouped(std::int64_t n);

// "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"
std::string duration_text(std::chrono::milliseconds d);

// "2026-11-21 03:40:12Z"; "-" for 0.
std::string time_text(std::int64_t unix_ms);

// A CSV cell: quoted when it has to be. A leading = + - @ is kept as it is: this is data to feed back, not a
// spreadsheet to open with macros on.
std::string csv_cell(std::string_view cell);

// On one line: control characters become blanks.
std::string one_line(std::string_view text);

// Code points, which is close enough to columns for aligning.
std::size_t width(std::string_view utf8);

std::string padded(std::string_view utf8, std::size_t columns);  // left-aligned

// The program that a person can paste: `bulkmsg resume 3 --store 'my file'`.
std::string shell_word(std::string_view word);

}  // namespace cli
