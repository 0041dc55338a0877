#include "store/namesakes.hpp"

#include <utility>

#include "store/keys.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

bool namesakes::look(database& db) {
  constexpr std::int64_t at_once = 50'000;  // rows: some milliseconds
  if (looked_ >= recipients_ || db.number("SELECT EXISTS(SELECT 1 FROM identities)") == 0) return false;
  // Keys of numbers are not negative, and hardly ever another name of somebody.
  const bool numbers = db.number("SELECT EXISTS(SELECT 1 FROM identities WHERE alias >= 0)") != 0;
  auto r = db.select("SELECT address FROM recipients WHERE id >= ?1 AND id < ?2", row_key(campaign_, looked_),
                     row_key(campaign_, looked_ + at_once));
  while (r.next()) {
    const auto address = r.text(0);
    if (!numbers && address.starts_with('+')) continue;
    if (const auto person = person_of(db, address); person != person_key(address)) met_.emplace(person, false);
  }
  looked_ += at_once;
  return looked_ < recipients_;
}

bool namesakes::again(database& db, std::string_view address) {
  if (met_.empty()) return false;
  const auto met = met_.find(person_of(db, address));
  return met != met_.end() && std::exchange(met->second, true);
}

}  // namespace bulkmsg::store
