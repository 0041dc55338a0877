// People who are among a campaign's recipients under several names that the provider has shown to be one person's (a
// number and a user id, a number and the one after it): they are written to once. Spellings of one number are found
// when rows are imported.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string_view>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Memory: some 20 bytes for each recipient who is named otherwise than they were first known, none for the others.
class namesakes {
 public:
  namesakes(std::int64_t campaign, std::int64_t recipients) : campaign_(campaign), recipients_(recipients) {}

  // First the campaign's recipients are looked through, in steps: true while there are more.
  bool look(database& db);
  // Then each is asked for once, in order: whether somebody before is the same person.
  [[nodiscard]] bool again(database& db, std::string_view address);

 private:
  std::int64_t campaign_, recipients_;
  std::int64_t looked_ = 0;
  absl::flat_hash_map<std::int64_t, bool> met_;  // who is among them by another name; and was asked for
};

}  // namespace bulkmsg::store
