// Which persons were seen: a set of keys within the memory bound of an import.
//
// The bound is 24 bytes a recipient at any instant (design 3.7). One hash table passes it while it grows, since the
// old and the new one exist together; so the keys are spread over many tables, of which one grows at a time, and by
// half of its size only: 11 to 16 bytes a key. Keys are found by linear probing, mostly in one line of the cache.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace bulkmsg::recipients {

class seen_set {
 public:
  seen_set() = default;

  // True when the key is new.
  bool insert(std::uint64_t key) {
    if (key == empty) return !std::exchange(has_empty_, true);
    const std::uint64_t hash = hashed(key);
    table& in = tables_[hash >> (64 - table_bits)];
    if (in.size >= in.capacity / 4 * 3) [[unlikely]]
      grow(in);
    std::uint64_t* const place = find(in, hash, key);
    if (*place == key) return false;
    *place = key;
    ++in.size;
    return true;
  }
  [[nodiscard]] bool contains(std::uint64_t key) const {
    if (key == empty) return has_empty_;
    const std::uint64_t hash = hashed(key);
    const table& in = tables_[hash >> (64 - table_bits)];
    return in.capacity != 0 && *find(in, hash, key) == key;
  }
  // Fetches into the cache what insert() will look at.
  void expect(std::uint64_t key) const noexcept {
    const std::uint64_t hash = hashed(key);
    const table& in = tables_[hash >> (64 - table_bits)];
    __builtin_prefetch(in.keys.get() + home(in, hash), 1);
  }

  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t total = has_empty_ ? 1 : 0;
    for (const table& each : tables_) total += each.size;
    return total;
  }

 private:
  static constexpr unsigned table_bits = 6;
  static constexpr std::uint64_t empty = 0;

  struct table {
    std::unique_ptr<std::uint64_t[]> keys;
    std::uint32_t capacity = 0;  // 4,294,967,295 keys in each of 64 tables are more than an import has
    std::uint32_t size = 0;
  };

  // Not to be guessed by who writes the list, who else could make every key fall on one place: it differs by process.
  [[nodiscard]] static std::uint64_t seed() noexcept {
    static const char here = 0;
    static const std::uint64_t made = reinterpret_cast<std::uintptr_t>(&here) * 0x9e3779b97f4a7c15U;
    return made;
  }
  [[nodiscard]] std::uint64_t hashed(std::uint64_t key) const noexcept {
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(key ^ seed_) * 0xd6e8feb86659fd93U;
    return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  }

  // The bits below those that chose the table, scaled to its capacity.
  static std::size_t home(const table& in, std::uint64_t hash) noexcept {
    const std::uint64_t bits = hash << table_bits >> 32;
    return static_cast<std::size_t>(bits * in.capacity >> 32);
  }

  // Where the key is, or the empty place where it belongs.
  static std::uint64_t* find(const table& in, std::uint64_t hash, std::uint64_t key) noexcept {
    std::uint64_t* const begin = in.keys.get();
    std::uint64_t* const end = begin + in.capacity;
    for (std::uint64_t* place = begin + home(in, hash);;) {
      if (*place == key || *place == empty) return place;
      if (++place == end) place = begin;
    }
  }

  [[gnu::noinline]] void grow(table& old) const {
    table larger;
    larger.capacity = old.capacity + old.capacity / 2 + 16;
    larger.size = old.size;
    larger.keys = std::make_unique<std::uint64_t[]>(larger.capacity);
    std::uint64_t* const begin = larger.keys.get();
    std::uint64_t* const end = begin + larger.capacity;
    for (std::size_t i = 0; i < old.capacity; ++i) {
      const std::uint64_t key = old.keys[i];
      if (key == empty) continue;
      std::uint64_t* place = begin + home(larger, hashed(key));
      while (*place != empty) {
        if (++place == end) place = begin;
      }
      *place = key;
    }
    old = std::move(larger);
  }

  std::array<table, std::size_t{1} << table_bits> tables_;
  std::uint64_t seed_ = seed();
  bool has_empty_ = false;
};

}  // namespace bulkmsg::recipients
