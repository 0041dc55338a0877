// A disk in memory, as SQLite's default VFS: what was written and what was synced are kept apart.
//
// A process that is killed leaves what it wrote. A machine that loses its power leaves what was synced, and of the rest
// any part: each sector of each write that was not synced may have reached the disk or not, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace bulkmsg::sim {

struct file {
  // What was written since the last sync, in order, each with what it covered; a truncation covers and writes nothing.
  struct write {
    std::size_t at, size;
    std::size_t file_size_before, covered_from, covered;
  };
  std::string content;  // as the processes see it
  std::vector<write> unsynced;
  std::string covered;
  bool truncated = false;           // since the last sync
  std::vector<std::string> shared;  // WAL index: in memory, so it is gone with the process
  // Locks of the WAL index: 8 slots, held by readers (counted) or one writer (-1); and of the file itself.
  int slots[8] = {};
  int readers = 0, reserved = 0, pending = 0, exclusive = 0;
};

class disk {
 public:
  explicit disk(std::uint64_t seed) : dice_(seed) {}

  // From now on files live here, for the whole process; one disk at a time.
  void mount();
  // The file of that path, copied from the real disk.
  void put(const std::string& path, const std::string& content);
  [[nodiscard]] std::size_t bytes() const;

  // After so many writes, syncs and truncations the process dies within one; negative: never.
  void die_after(std::int64_t operations) { left_ = operations; }
  void fail_syncs(int in_1024) { fails_in_1024_ = in_1024; }
  [[nodiscard]] bool dead() const { return dead_; }
  void kill() { dead_ = true; }
  // A day of a million messages does not crash: without the bookkeeping of what is unsynced.
  void trust() { tracked_ = false; }

  // All connections of the dead process must have been closed.
  enum class end : std::uint8_t {
    of_process,
    of_power,
  };
  void reboot(end how);

  // The VFS's side.
  std::shared_ptr<file> open(const std::string& path, bool create);
  void remove(const std::string& path);
  [[nodiscard]] bool exists(const std::string& path) const { return files_.contains(path); }
  bool operate();  // counts one; false: dead
  bool sync_fails() { return fails_in_1024_ > 0 && static_cast<int>(dice_() % 1024) < fails_in_1024_; }
  void note(file& f, std::size_t at, const char* bytes, std::size_t n);
  void cut(file& f, std::size_t to);
  void synced(file& f);
  std::uint64_t random() { return dice_(); }

 private:
  void lose_power(file& f);
  void cover(file& f, std::size_t at, std::size_t written, std::size_t covered);

  std::mt19937_64 dice_;
  std::map<std::string, std::shared_ptr<file>> files_;
  std::int64_t left_ = -1;
  int fails_in_1024_ = 0;
  bool dead_ = false;
  bool tracked_ = true;
};

// What SQLite takes for the time of day.
void set_wall_ms(std::int64_t now_ms);

}  // namespace bulkmsg::sim
