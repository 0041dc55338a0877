// Which persons were seen: a set of keys within the memory bound of an import.
//
// The bound is 24 bytes a recipient at any instant (design 3.7). One hash table passes it while it grows, since the
// old and the new one exist together; so the keys are spread over many tables, of which one grows at a time: 9 to 19
// bytes a key. A table is made of groups of eight keys, each a line of the cache: a key is in the group that its hash
// names, or, when that is full, in one of the next. All eight are looked at without asking where they end, since a
// branch on that would be guessed wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
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
    if (in.size >= in.groups * (group_size - 1)) [[unlikely]]
      grow(in);
    const spot found = find(in, hash, key);
    if (found.known) return false;
    *found.place = key;
    ++in.size;
    return true;
  }
  [[nodiscard]] bool contains(std::uint64_t key) const {
    if (key == empty) return has_empty_;
    const std::uint64_t hash = hashed(key);
    const table& in = tables_[hash >> (64 - table_bits)];
    return in.groups != 0 && find(in, hash, key).known;
  }
  // Fetches into the cache what insert() will look at. Inlined by force: else the compiler takes it for a function
  // without effect and leaves its calls out.
  [[gnu::always_inline]] void expect(std::uint64_t key) const noexcept {
    const std::uint64_t hash = hashed(key);
    const table& in = tables_[hash >> (64 - table_bits)];
    __builtin_prefetch(in.first + home(in, hash), 1);
  }

  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t total = has_empty_ ? 1 : 0;
    for (const table& each : tables_) total += each.size;
    return total;
  }

 private:
  static constexpr unsigned table_bits = 6;
  static constexpr std::uint64_t empty = 0;

  static constexpr std::size_t group_size = 8;

  struct alignas(64) group {
    std::array<std::uint64_t, group_size> keys;  // used from the front, `empty` behind
  };
  struct spot {
    std::uint64_t* place;  // where the key belongs; nowhere when it is known
    bool known;
  };
  struct release {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  struct table {
    std::unique_ptr<void, release> memory;
    group* first = nullptr;
    std::uint32_t groups = 0;  // a power of two
    std::uint32_t size = 0;    // of 64 tables each may have 2^32 keys, more than an import has
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

  // The bits below those that chose the table, scaled to its groups.
  static std::size_t home(const table& in, std::uint64_t hash) noexcept {
    const std::uint64_t bits = hash << table_bits >> 32;
    return static_cast<std::size_t>(bits * in.groups >> 32);
  }

  static unsigned used(const group& in) noexcept {
    unsigned count = 0;
#pragma GCC unroll 8
    for (const std::uint64_t key : in.keys) count += key != empty ? 1U : 0U;
    return count;
  }

  static spot find(const table& in, std::uint64_t hash, std::uint64_t key) noexcept {
    for (std::size_t at = home(in, hash);; at = at + 1 == in.groups ? 0 : at + 1) {
      group& here = in.first[at];
      unsigned equal = 0;
#pragma GCC unroll 8
      for (const std::uint64_t other : here.keys) equal |= other == key ? 1U : 0U;
      if (equal != 0) return {nullptr, true};
      if (const unsigned count = used(here); count < group_size) return {&here.keys[count], false};
    }
  }

  [[gnu::noinline]] void grow(table& old) const {
    table larger;
    larger.groups = old.groups == 0 ? 2 : 2 * old.groups;
    larger.size = old.size;
    // Zeroed memory, new from the system where it is large; one group more than used, to begin at a line.
    larger.memory.reset(std::calloc(larger.groups + std::size_t{1}, sizeof(group)));
    if (larger.memory == nullptr) throw std::bad_alloc();
    void* begin = larger.memory.get();
    std::size_t room = (larger.groups + std::size_t{1}) * sizeof(group);
    larger.first = static_cast<group*>(std::align(alignof(group), larger.groups * sizeof(group), begin, room));
    for (std::size_t i = 0; i < old.groups; ++i) {
      for (const std::uint64_t key : old.first[i].keys) {
        if (key == empty) break;
        std::size_t at = home(larger, hashed(key));
        while (larger.first[at].keys.back() != empty) at = at + 1 == larger.groups ? 0 : at + 1;
        larger.first[at].keys[used(larger.first[at])] = key;
      }
    }
    old = std::move(larger);
  }

  std::array<table, std::size_t{1} << table_bits> tables_;
  std::uint64_t seed_ = seed();
  bool has_empty_ = false;
};

}  // namespace bulkmsg::recipients
