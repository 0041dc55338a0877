// The schema and its versions. One store file holds everything; anyone may read it with sqlite3.
#pragma once

#include <string>

#include "store/sqlite.hpp"

namespace bulkmsg::store {

inline constexpr int schema_version = 1;
inline constexpr int application_id = 0x626d7367;  // "bmsg"

// Checks the store that is there, or makes one, under another name first: whoever sees the file sees a whole store.
// Under the run lock. Throws store_error.
void create_if_missing(const std::string& path, std::int64_t now_ms, std::int64_t store_id);

// Is this a store of this version? Throws store_error: store_newer, store_foreign. Writes nothing.
void check_schema(database& db, const std::string& path);

}  // namespace bulkmsg::store
