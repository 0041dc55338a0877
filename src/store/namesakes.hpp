// People who are among a campaign's recipients under several names that the provider has shown to be one person's (a
// number and a user id, a number and the one after it): they are written to once. Spellings of one number are found
// when rows are imported.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

// Memory: 8 bytes for each recipient who is named otherwise than they were first known, none for the others.
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
  std::vector<std::int64_t> people_;  // who is among them by another name, sorted
  std::vector<bool> met_;             // and was asked for
};

}  // namespace bulkmsg::store
