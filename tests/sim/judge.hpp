// Reads the store beside the engine and holds it against the provider's books: the guarantees that must hold at every
// durable point.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "sim/world.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::sim {

class judge {
 public:
  judge(world& in, std::string path) : in_(in), path_(std::move(path)) {}

  void sit();   // opens the store for reading
  void rise();  // closes it
  [[nodiscard]] bool sits() const { return db_.has_value(); }
  // Throws broken. Counters against rows, rows against the provider's books, the ledger against its entries.
  void look(bool at_rest = false);
  // What was told to the host stays: the best receipt that was taken for each message.
  void took(std::int64_t message, int rank);
  // A reply was taken; quoted: the message that it answers by the provider's id `by`, 0: none; stop: it says so.
  void took_reply(const std::string& id, std::int64_t quoted, const std::string& by, bool stop);
  // Who took it died before saying so: it may have come before what it quotes was known.
  void may_have_taken(const std::string& reply) { doubted_.insert(reply); }
  // The host is about to acknowledge the events up to this one.
  void heard(std::int64_t event);
  // Every reply there is was taken, told to the host, and counted once for its message.
  void end_of_replies();
  // With nothing on the wire: nobody is in doubt whom nothing has brought into doubt. `all_told`: every receipt there
  // is was taken.
  void end(std::int64_t campaign, bool all_told);
  [[nodiscard]] std::int64_t number(const std::string& sql);
  [[nodiscard]] std::string text(const std::string& sql);
  // The first row's only column for which it is so; empty: none.
  [[nodiscard]] std::string first(const char* sql, const std::function<bool(const std::string&)>& so);

 private:
  world& in_;
  const std::string path_;
  std::optional<store::database> db_;
  std::map<std::int64_t, int> told_;             // message -> rank
  std::map<std::string, std::int64_t> replies_;  // taken -> the message that it must be matched with; 0: any or none
  std::set<std::string> stops_;                  // those that want no more
  std::set<std::string> doubted_;                // those that may have been taken before
  std::map<std::string, std::int64_t> heard_;    // reply -> its event
  std::map<std::int64_t, std::int64_t> sent_;    // campaign -> the most that was counted
};

}  // namespace bulkmsg::sim
