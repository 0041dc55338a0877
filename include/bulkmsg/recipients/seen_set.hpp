// Which persons were seen: a set of deduplication keys within the memory bound of an import.
//
// The bound is 24 bytes a recipient at any instant (design 3.7). One hash table passes it while it grows, since the
// old and the new one exist together; so the keys are spread over many tables, of which one grows at a time.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace bulkmsg::recipients {

class seen_set {
 public:
  // True when the key is new.
  bool insert(std::uint64_t key) { return tables_[slot(key)].insert(key).second; }
  [[nodiscard]] bool contains(std::uint64_t key) const { return tables_[slot(key)].contains(key); }

  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t total = 0;
    for (const auto& table : tables_) total += table.size();
    return total;
  }

 private:
  static constexpr unsigned table_bits = 6;

  // Fibonacci hashing: neighbouring numbers go to different tables.
  static std::size_t slot(std::uint64_t key) noexcept {
    return static_cast<std::size_t>((key * 0x9e3779b97f4a7c15U) >> (64 - table_bits));
  }

  std::array<absl::flat_hash_set<std::uint64_t>, std::size_t{1} << table_bits> tables_;
};

}  // namespace bulkmsg::recipients
