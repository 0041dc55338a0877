// Whether a store file is the one that was made, or a copy of it; and how a copy becomes a store of its own.
#pragma once

#include <cstdint>
#include <string>

#include "bulkmsg/records/opening.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// What tells a file from its copy; zeros where the file system does not say.
struct file_identity {
  std::int64_t inode = 0, born_ns = 0;
  friend bool operator==(const file_identity&, const file_identity&) = default;
};
file_identity identity_of(const std::string& path);

void put_identity(database& db, const file_identity& is);
// What is unknown of either is no difference.
bool is_copy(database& db, const file_identity& is);

// Gives the store this identity and id. Campaigns that are sending are paused, scheduled ones are drafts again.
adoption adopt(database& db, const file_identity& is, std::uint64_t new_id, std::int64_t now_ms,
               std::string_view actor);
// Whether a receipt with this store's id in its key is for a message of ours: sent before the copy was made.
bool formerly_ours(database& db, std::uint64_t store_id, std::int64_t lane);

// A whole copy as of now, under another name first, so that whoever sees it sees a whole one. Throws conflict when the
// file exists.
void back_up(database& db, const std::string& to);

}  // namespace bulkmsg::store
