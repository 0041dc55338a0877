// Recipients come in: how they are read, and what became of their rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/records/reason_count.hpp"

namespace bulkmsg {

// How recipients are read; every default suits most lists.
struct import_options {
  char delimiter = 0;                     // CSV: `,` `;` `|` or a tab; 0: the one that the header row holds most of
  std::string default_region = {};        // ISO 3166, "DE": where numbers without a country code are from; empty: none
  std::vector<std::string> columns = {};  // JSON: the keys to take, others are left out; empty: the first object's
};

// How an import went. A bad row never stops the good ones.
struct import_report {
  std::int64_t rows = 0;  // all data rows
  std::int64_t added = 0;
  std::int64_t duplicates = 0;
  std::int64_t rejected = 0;                 // without the duplicates
  std::vector<reason_count> by_reason = {};  // rejected and duplicates, the most frequent first
};

// Rows one after another in one run of bytes; the first row names the columns. Cell i is [offsets[i], offsets[i + 1]).
struct cell_table {
  std::string_view bytes = {};
  std::span<const std::uint64_t> offsets = {};  // rows * cells_per_row + 1, ascending, the last within `bytes`
  std::size_t cells_per_row = 0;                // 1..256
};

struct rejected_row {
  std::int64_t number = 0;  // of the campaign's rejected rows, from 1: the place to page on from
  std::int64_t line = 0;    // 1-based line of the input
  std::int64_t column = 0;  // 1-based, 0: the whole row
  std::string column_name = {};
  errc code = errc::ok;
  std::string reason = {};
  std::string address = {};  // as written
};

}  // namespace bulkmsg
