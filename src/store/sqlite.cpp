#include "store/sqlite.hpp"

#include <pthread.h>

#include <array>
#include <new>

namespace bulkmsg::store {

void no_such(const char* what, std::int64_t id) {
  throw store_error{error{errc::not_found, std::string("no ") + what + " with id " + std::to_string(id), 0, 0}};
}

namespace {
// How long a connection waits for another process's short transaction (a webhook or a command).
constexpr int busy_wait_ms = 5'000;

// A child of fork() has only the forking thread: a mutex of SQLite's own that another thread held at that moment would
// stay locked in it for ever (its allocator's is taken by every call), and no store could be opened there. So they are
// held over the fork, in the order in which SQLite itself takes one inside another.
constexpr std::array sqlite_mutexes{SQLITE_MUTEX_STATIC_OPEN, SQLITE_MUTEX_STATIC_PRNG, SQLITE_MUTEX_STATIC_MASTER,
                                    SQLITE_MUTEX_STATIC_VFS1, SQLITE_MUTEX_STATIC_VFS2, SQLITE_MUTEX_STATIC_VFS3,
                                    SQLITE_MUTEX_STATIC_LRU,  SQLITE_MUTEX_STATIC_PMEM, SQLITE_MUTEX_STATIC_MEM};

void enter_sqlite_mutexes() {
  for (const int id : sqlite_mutexes) sqlite3_mutex_enter(sqlite3_mutex_alloc(id));
}
void leave_sqlite_mutexes() {
  for (auto id = sqlite_mutexes.rbegin(); id != sqlite_mutexes.rend(); ++id) {
    sqlite3_mutex_leave(sqlite3_mutex_alloc(*id));
  }
}
bool watch_forks() {
  if (sqlite3_initialize() != SQLITE_OK) throw std::bad_alloc();
  if (::pthread_atfork(enter_sqlite_mutexes, leave_sqlite_mutexes, leave_sqlite_mutexes) != 0) throw std::bad_alloc();
  return true;
}
}  // namespace

database::database(const std::string& path, access mode) : path_(path) {
  [[maybe_unused]] static const bool watching = watch_forks();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (mode == access::read) flags |= SQLITE_OPEN_READONLY;
  if (mode == access::write) flags |= SQLITE_OPEN_READWRITE;
  if (mode == access::create) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* db = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) raise("open the store");
  sqlite3_busy_timeout(db, busy_wait_ms);
  if (mode != access::read) {
    exec("PRAGMA synchronous=FULL");
    // A larger log between checkpoints: pages that settle many messages are then written back once, not each time.
    exec("PRAGMA wal_autocheckpoint=4000");
    // What was deleted stays nowhere in a page that is written anyway.
    exec("PRAGMA secure_delete=FAST");
  }
  exec("PRAGMA cache_size=-16000");
}

void database::exec(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) raise(sql.c_str());
}

sqlite3_stmt* database::prepare(const char* sql) {
  auto& slot = statements_[sql];
  if (!slot) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr) != SQLITE_OK) raise(sql);
    slot.reset(s);
  }
  return slot.get();
}

int database::finish(sqlite3_stmt* s, const char* sql) {
  int code = sqlite3_step(s);
  while (code == SQLITE_ROW) code = sqlite3_step(s);
  sqlite3_reset(s);
  if (code != SQLITE_DONE) raise(sql);
  return sqlite3_changes(db_.get());
}

void database::raise(const char* doing) const {
  int code = db_ ? sqlite3_errcode(db_.get()) & 0xff : SQLITE_NOMEM;
  std::string why = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
  std::string advice;
  errc what = errc::store_failed;
  switch (code) {
    case SQLITE_NOTADB:
      what = errc::store_foreign;
      why = "the file is not a bulkmsg store";
      advice = "; give another path";
      break;
    case SQLITE_CORRUPT:
      what = errc::store_corrupt;
      advice = "; restore a backup, or check the file with sqlite3 and PRAGMA integrity_check";
      break;
    case SQLITE_FULL:
      advice = "; free some disk space and open the store again";
      break;
    case SQLITE_CANTOPEN:
      advice = "; does the file exist, and may this user read and write it and its folder?";
      break;
    case SQLITE_READONLY:
      advice = "; may this user write the file and its folder?";
      break;
    case SQLITE_BUSY:
      advice = "; another program holds the file locked, close it and try again";
      break;
    default:
      advice = std::string(" (while running: ") + doing + ")";
  }
  throw store_error{error{what, path_ + ": " + why + advice, 0, 0}};
}

}  // namespace bulkmsg::store
