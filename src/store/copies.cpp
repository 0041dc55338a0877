#include "store/copies.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <vector>

#include "store/brakes.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"

namespace bulkmsg::store {

namespace {

// Of a backup, so that it is a copy wherever it is put, also into the original's own file.
constexpr file_identity nobodys{.inode = -1, .born_ns = -1};

[[noreturn]] void failed(const std::string& path) {
  throw store_error{error{errc::store_failed, path + ": " + std::strerror(errno) + "; the backup was not made", 0, 0}};
}

void sync(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) failed(path);
  const int done = ::fsync(fd);
  ::close(fd);
  if (done != 0) failed(path);
}

std::string age_text(std::int64_t ms) {
  const auto minutes = ms / 60'000;
  if (minutes < 120) return std::to_string(minutes) + " minutes";
  if (minutes < 48 * 60) return std::to_string(minutes / 60) + " hours";
  return std::to_string(minutes / (24 * 60)) + " days";
}

}  // namespace

file_identity identity_of(const std::string& path) {
  struct ::statx found {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &found) != 0) return {};
  file_identity is;
  if ((found.stx_mask & STATX_INO) != 0) is.inode = static_cast<std::int64_t>(found.stx_ino);
  if ((found.stx_mask & STATX_BTIME) != 0) {
    is.born_ns = found.stx_btime.tv_sec * 1'000'000'000 + static_cast<std::int64_t>(found.stx_btime.tv_nsec);
  }
  return is;
}

void put_identity(database& db, const file_identity& is) {
  db.run("UPDATE store SET inode = ?1, born_ns = ?2", is.inode, is.born_ns);
}

bool is_copy(database& db, const file_identity& is) {
  auto r = db.select("SELECT inode, born_ns FROM store");
  if (!r.next()) return false;
  const auto differs = [](std::int64_t stored, std::int64_t now) { return stored != 0 && now != 0 && stored != now; };
  return differs(r.integer(0), is.inode) || differs(r.integer(1), is.born_ns);
}

adoption adopt(database& db, const file_identity& is, std::uint64_t new_id, std::int64_t now_ms,
               std::string_view actor) {
  adoption done;
  done.new_id = new_id;
  done.old_id = static_cast<std::uint64_t>(db.number("SELECT store_id FROM store"));
  done.last_entry_ms = db.number(
      "SELECT max(coalesce((SELECT max(at_ms) FROM history), 0), coalesce((SELECT max(at_ms) FROM intents), 0), "
      "coalesce((SELECT max(at_ms) FROM consent_log), 0), coalesce((SELECT max(at_ms) FROM ledger), 0))");
  undo_interrupted_starts(db, now_ms);  // the numbers of their lanes will be used again
  db.run(
      "INSERT INTO former_stores(store_id, lanes_to, adopted_at_ms) SELECT store_id, "
      "(SELECT coalesce(max(id), 0) FROM lanes), ?1 "
      "FROM store WHERE true ON CONFLICT DO NOTHING",
      now_ms);
  db.run("UPDATE store SET store_id = ?1", static_cast<std::int64_t>(new_id));
  put_identity(db, is);
  const auto why = "the store was adopted from a copy whose last entry is " + age_text(now_ms - done.last_entry_ms) +
                   " old; what the original sent since then is not known here, so go on only if it sends no more";
  std::vector<std::pair<std::int64_t, campaign_state>> under_way;
  {
    auto r = db.select("SELECT id, state FROM campaigns WHERE state IN (2, 4) ORDER BY id");
    while (r.next()) under_way.emplace_back(r.integer(0), static_cast<campaign_state>(r.integer(1)));
  }
  for (const auto& [id, state] : under_way) {
    const bool sends = state == campaign_state::sending;
    change_state(db, id, sends ? campaign_state::paused : campaign_state::draft, sends ? "pause" : "cancel", why,
                 now_ms, actor);
    if (!sends) set_schedule(db, id, {.max_lateness = std::chrono::milliseconds(0)}, 0);
    done.paused += sends ? 1 : 0;
  }
  // Nor does what only the provider held go on, or what somebody asked the original for.
  std::vector<std::int64_t> braked;
  {
    auto r = db.select("SELECT DISTINCT campaign FROM brakes WHERE sender = 0 ORDER BY campaign");
    while (r.next()) braked.push_back(r.integer(0));
  }
  for (const auto id : braked) hold_braked(db, id, why, now_ms, actor);
  done.paused += static_cast<std::int64_t>(braked.size());
  db.run("UPDATE commands SET done_at_ms = ?1, code = ?2, message = ?3 WHERE done_at_ms = 0", now_ms, errc::conflict,
         "the store was adopted from a copy; what was asked before is for the original");
  note_history(db, 0, "adopt", "store " + std::to_string(done.old_id) + " is now " + std::to_string(new_id), now_ms,
               actor);
  return done;
}

bool formerly_ours(database& db, std::uint64_t store_id, std::int64_t lane) {
  return db.number("SELECT EXISTS(SELECT 1 FROM former_stores WHERE store_id = ?1 AND lanes_to >= ?2)",
                   static_cast<std::int64_t>(store_id), lane) != 0;
}

void back_up(database& db, const std::string& to) {
  std::error_code problem;
  if (std::filesystem::exists(to, problem)) {
    throw store_error{error{errc::conflict, to + ": the file exists already; give another name", 0, 0}};
  }
  const std::string making = to + ".new";
  // Also when there was no room for all of it.
  struct remnants {
    const std::string& of;
    void remove() const {
      std::error_code ignored;
      for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(of + suffix, ignored);
    }
    ~remnants() {
      try {
        remove();
      } catch (const std::bad_alloc&) {  // the next backup of this name removes them
      }
    }
  } const left{making};
  left.remove();
  db.run("VACUUM INTO ?1", making);
  {
    database made(making, database::access::write);
    made.exec("PRAGMA journal_mode=WAL");
    put_identity(made, nobodys);
    made.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  sync(making, O_RDONLY);
  // Fails when somebody made the file meanwhile.
  if (::link(making.c_str(), to.c_str()) != 0) failed(to);
  auto folder = std::filesystem::path(to).parent_path();
  sync(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace bulkmsg::store
