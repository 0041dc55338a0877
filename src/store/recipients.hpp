// The rows of imports: recipients of a draft, and what was rejected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/records/imports.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Recipients of a draft, in batches.
struct recipient_batch {
  struct good {
    std::int64_t line;
    std::string address, parameters;
  };
  std::vector<good> added;
  std::vector<rejected_row> rejected;
  std::vector<std::string> rejected_rows;  // by the same index, the whole row as CSV; may be shorter: not known
  std::string address_column;              // in which the rejected rows have their addresses
};
void append_recipients(database& db, std::int64_t campaign, const recipient_batch& batch, const std::string& columns);

std::vector<rejected_row> list_rejected(database& db, std::int64_t campaign, std::int64_t after_number,
                                        std::size_t limit);
// Rejected rows to correct: each as CSV, `address_column` first, then campaigns.columns, then cells too many.
struct rejected_text {
  std::int64_t number = 0, line = 0;  // of the campaign's rejected rows, from 1; of the input
  std::string reason, address_column, row;
};
std::vector<rejected_text> list_rejected_text(database& db, std::int64_t campaign, std::int64_t after_number,
                                              std::size_t limit);
// The columns that held the addresses of rejected rows.
std::vector<std::string> rejected_address_columns(database& db, std::int64_t campaign);

// Removes what an import added beyond these numbers of rows, up to 10,000 rows a call; true when done.
bool undo_import(database& db, std::int64_t campaign, std::int64_t recipients, std::int64_t rejects);

}  // namespace bulkmsg::store
