#include "sim/disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace bulkmsg::sim {

namespace {

constexpr std::size_t sector = 512;

disk* mounted = nullptr;
std::int64_t wall_ms = 0;

struct handle {
  sqlite3_file base;
  std::shared_ptr<file> of;
  std::string* path;  // to be removed when closed; null: stays
  int lock;
  unsigned shared_slots, exclusive_slots;
};

handle& at(sqlite3_file* f) { return *reinterpret_cast<handle*>(f); }

int close(sqlite3_file* f) {
  auto& h = at(f);
  if (h.path != nullptr) {
    mounted->remove(*h.path);
    delete h.path;
  }
  h.of.~shared_ptr();
  return SQLITE_OK;
}

int read(sqlite3_file* f, void* to, int n, sqlite3_int64 offset) {
  if (mounted->dead()) return SQLITE_IOERR_READ;
  const auto& c = at(f).of->content;
  const auto from = std::min(static_cast<std::size_t>(offset), c.size());
  const auto there = std::min(static_cast<std::size_t>(n), c.size() - from);
  std::memcpy(to, c.data() + from, there);
  if (there == static_cast<std::size_t>(n)) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + there, 0, static_cast<std::size_t>(n) - there);
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 offset) {
  const bool was_dead = mounted->dead();
  const bool alive = mounted->operate();
  if (was_dead) return SQLITE_IOERR_WRITE;
  // Dying within it, only some of its bytes are written.
  const auto whole = static_cast<std::size_t>(n);
  const auto size = alive ? whole : mounted->random() % (whole + 1);
  mounted->note(*at(f).of, static_cast<std::size_t>(offset), static_cast<const char*>(from), size);
  return alive ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (!mounted->operate()) return SQLITE_IOERR_TRUNCATE;
  mounted->cut(*at(f).of, static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int sync(sqlite3_file* f, int) {
  if (!mounted->operate()) return SQLITE_IOERR_FSYNC;
  if (mounted->sync_fails()) return SQLITE_IOERR_FSYNC;
  mounted->synced(*at(f).of);
  return SQLITE_OK;
}

int size(sqlite3_file* f, sqlite3_int64* n) {
  *n = static_cast<sqlite3_int64>(at(f).of->content.size());
  return SQLITE_OK;
}

int unlock(sqlite3_file* f, int level) {
  auto& h = at(f);
  auto& of = *h.of;
  if (h.lock >= SQLITE_LOCK_EXCLUSIVE && level < SQLITE_LOCK_EXCLUSIVE) of.exclusive = 0;
  if (h.lock >= SQLITE_LOCK_PENDING && level < SQLITE_LOCK_PENDING) of.pending = 0;
  if (h.lock >= SQLITE_LOCK_RESERVED && level < SQLITE_LOCK_RESERVED) of.reserved = 0;
  if (h.lock >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED) --of.readers;
  h.lock = std::min(h.lock, level);
  return SQLITE_OK;
}

int lock(sqlite3_file* f, int level) {
  auto& h = at(f);
  auto& of = *h.of;
  if (h.lock >= level) return SQLITE_OK;
  if (h.lock == SQLITE_LOCK_NONE) {
    if (of.pending > 0 || of.exclusive > 0) return SQLITE_BUSY;
    ++of.readers;
    h.lock = SQLITE_LOCK_SHARED;
  }
  if (level >= SQLITE_LOCK_RESERVED && h.lock < SQLITE_LOCK_RESERVED) {
    if (of.reserved > 0) return SQLITE_BUSY;
    of.reserved = 1;
    h.lock = SQLITE_LOCK_RESERVED;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    of.pending = 1;
    h.lock = SQLITE_LOCK_PENDING;
    if (of.readers > 1) return SQLITE_BUSY;
    of.exclusive = 1;
    h.lock = SQLITE_LOCK_EXCLUSIVE;
  }
  return SQLITE_OK;
}

int reserved(sqlite3_file* f, int* out) {
  *out = at(f).of->reserved;
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return static_cast<int>(sector); }
int traits(sqlite3_file*) { return 0; }

int shm_map(sqlite3_file* f, int page, int bytes, int extend, void volatile** out) {
  auto& regions = at(f).of->shared;
  const auto i = static_cast<std::size_t>(page);
  *out = nullptr;
  if (i >= regions.size()) {
    if (extend == 0) return SQLITE_OK;
    regions.reserve(256);  // regions stay where they are
    if (i >= regions.capacity()) return SQLITE_IOERR_SHMMAP;
    while (regions.size() <= i) regions.emplace_back(static_cast<std::size_t>(bytes), '\0');
  }
  *out = regions[i].data();
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* f, int first, int n, int flags) {
  auto& h = at(f);
  auto& slots = h.of->slots;
  const unsigned mask = ((1u << n) - 1) << first;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (int i = first; i < first + n; ++i) {
      if ((h.exclusive_slots >> i & 1) != 0) slots[i] = 0;
      if ((h.shared_slots >> i & 1) != 0) --slots[i];
    }
    h.exclusive_slots &= ~mask;
    h.shared_slots &= ~mask;
    return SQLITE_OK;
  }
  for (int i = first; i < first + n; ++i) {
    const bool mine = ((h.shared_slots | h.exclusive_slots) >> i & 1) != 0;
    if (mine) continue;
    if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 ? slots[i] != 0 : slots[i] < 0) return SQLITE_BUSY;
  }
  for (int i = first; i < first + n; ++i) {
    if (((h.shared_slots | h.exclusive_slots) >> i & 1) != 0) continue;
    if ((flags & SQLITE_SHM_EXCLUSIVE) != 0) {
      slots[i] = -1;
      h.exclusive_slots |= 1u << i;
    } else {
      ++slots[i];
      h.shared_slots |= 1u << i;
    }
  }
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) {}

int shm_unmap(sqlite3_file* f, int remove) {
  static_cast<void>(shm_lock(f, 0, 8, SQLITE_SHM_UNLOCK));
  if (remove != 0) at(f).of->shared.clear();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods methods = {2,        close,       read,      write,   truncate,    sync,   size,
                                        lock,     unlock,      reserved,  control, sector_size, traits, shm_map,
                                        shm_lock, shm_barrier, shm_unmap, nullptr, nullptr};

int vfs_open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* out_flags) {
  f->pMethods = nullptr;
  static std::uint64_t temporaries = 0;
  const std::string path = name != nullptr ? name : "temporary-" + std::to_string(++temporaries);
  auto of = mounted->open(path, (flags & SQLITE_OPEN_CREATE) != 0 || name == nullptr);
  if (!of) return SQLITE_CANTOPEN;
  auto& h = *new (f) handle{};
  h.of = std::move(of);
  if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0 || name == nullptr) h.path = new std::string(path);
  h.base.pMethods = &methods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs*, const char* name, int) {
  if (!mounted->operate()) return SQLITE_IOERR_DELETE;
  if (!mounted->exists(name)) return SQLITE_IOERR_DELETE_NOENT;
  mounted->remove(name);
  return SQLITE_OK;
}

int vfs_access(sqlite3_vfs*, const char* name, int, int* out) {
  *out = mounted->exists(name) ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full(sqlite3_vfs*, const char* name, int n, char* out) {
  sqlite3_snprintf(n, out, "%s", name);
  return SQLITE_OK;
}

int vfs_random(sqlite3_vfs*, int n, char* out) {
  for (int i = 0; i < n; ++i) out[i] = static_cast<char>(mounted->random());
  return n;
}

int vfs_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int vfs_time_ms(sqlite3_vfs*, sqlite3_int64* out) {
  *out = 210866760000000 + wall_ms;  // of the Julian day
  return SQLITE_OK;
}

int vfs_time(sqlite3_vfs* v, double* out) {
  sqlite3_int64 ms = 0;
  vfs_time_ms(v, &ms);
  *out = static_cast<double>(ms) / 86'400'000.0;
  return SQLITE_OK;
}

int vfs_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

void set_wall_ms(std::int64_t now_ms) { wall_ms = now_ms; }

void disk::mount() {
  mounted = this;
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs v{};
    v.iVersion = 2;
    v.szOsFile = sizeof(handle);
    v.mxPathname = 512;
    v.zName = "simulated";
    v.xOpen = vfs_open;
    v.xDelete = vfs_delete;
    v.xAccess = vfs_access;
    v.xFullPathname = vfs_full;
    v.xRandomness = vfs_random;
    v.xSleep = vfs_sleep;
    v.xCurrentTime = vfs_time;
    v.xGetLastError = vfs_error;
    v.xCurrentTimeInt64 = vfs_time_ms;
    return v;
  }();
  sqlite3_vfs_register(&vfs, 1);
  sqlite3_randomness(0, nullptr);  // SQLite's own generator is seeded from this disk again
}

void disk::put(const std::string& path, const std::string& content) {
  auto f = std::make_shared<file>();
  f->content = content;
  files_[path] = std::move(f);
}

std::size_t disk::bytes() const {
  std::size_t n = 0;
  for (const auto& [path, f] : files_) n += f->content.size();
  return n;
}

std::shared_ptr<file> disk::open(const std::string& path, bool create) {
  if (dead_) return nullptr;
  const auto it = files_.find(path);
  if (it != files_.end()) return it->second;
  if (!create) return nullptr;
  return files_[path] = std::make_shared<file>();
}

void disk::remove(const std::string& path) {
  if (!dead_) files_.erase(path);
}

bool disk::operate() {
  if (dead_) return false;
  if (left_ < 0 || left_-- > 0) return true;
  dead_ = true;
  return false;
}

void disk::cover(file& f, std::size_t at, std::size_t written, std::size_t covered) {
  if (!tracked_) return;
  f.unsynced.push_back({at, written, f.content.size(), f.covered.size(), covered});
  f.covered.append(f.content, at, covered);
}

void disk::note(file& f, std::size_t at, const char* bytes, std::size_t n) {
  const auto size = f.content.size();
  cover(f, std::min(at, size), n + at - std::min(at, size), at < size ? std::min(n, size - at) : 0);
  if (size < at + n) {
    if (f.content.capacity() < at + n) f.content.reserve(2 * (at + n));
    f.content.resize(at + n);
  }
  std::memcpy(f.content.data() + at, bytes, n);
}

void disk::cut(file& f, std::size_t to) {
  const auto size = f.content.size();
  if (to < size) cover(f, to, 0, size - to);
  f.truncated = true;
  f.content.resize(to);
}

void disk::synced(file& f) {
  f.unsynced.clear();
  f.covered.clear();
  f.truncated = false;
}

// Back to what was synced, and then any part of what was written since.
void disk::lose_power(file& f) {
  const auto size = f.content.size();
  std::vector<std::string> written;
  for (auto w = f.unsynced.rbegin(); w != f.unsynced.rend(); ++w) {
    written.push_back(f.content.substr(w->at, w->size));
    f.content.resize(w->file_size_before);
    f.content.replace(w->at, w->covered, f.covered, w->covered_from, w->covered);
  }
  const bool all = dice_() % 4 == 0, none = dice_() % 4 == 0;
  for (std::size_t i = 0; i < f.unsynced.size(); ++i) {
    const auto& bytes = written[written.size() - 1 - i];
    const auto at = f.unsynced[i].at;
    for (std::size_t from = 0; from < bytes.size(); from += sector) {
      if (none || (!all && dice_() % 2 == 0)) continue;
      const auto n = std::min(sector, bytes.size() - from);
      if (f.content.size() < at + from + n) f.content.resize(at + from + n);
      std::memcpy(f.content.data() + at + from, bytes.data() + from, n);
    }
  }
  if (f.truncated && dice_() % 2 == 0) f.content.resize(std::min(f.content.size(), size));
  synced(f);
}

void disk::reboot(end how) {
  for (auto& [path, f] : files_) {
    // What a dead process wrote, the next one may find lost by a later loss of power all the same.
    if (how == end::of_power) lose_power(*f);
    auto clean = std::make_shared<file>();
    clean->content = std::move(f->content);
    clean->unsynced = std::move(f->unsynced);
    clean->covered = std::move(f->covered);
    clean->truncated = f->truncated;
    f = std::move(clean);
  }
  dead_ = false;
  left_ = -1;
}

}  // namespace bulkmsg::sim
