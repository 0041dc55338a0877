#include "store/namesakes.hpp"

#include <algorithm>

#include "store/keys.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

bool namesakes::look(database& db) {
  constexpr std::int64_t at_once = 50'000;  // rows: some milliseconds
  if (looked_ >= recipients_) return false;
  if (looked_ == 0 && db.number("SELECT EXISTS(SELECT 1 FROM identities)") == 0) return false;
  // Keys of numbers are not negative, and hardly ever another name of somebody.
  const bool numbers = db.number("SELECT EXISTS(SELECT 1 FROM identities WHERE alias >= 0)") != 0;
  auto r = db.select("SELECT address FROM recipients WHERE id >= ?1 AND id < ?2", row_key(campaign_, looked_),
                     row_key(campaign_, looked_ + at_once));
  while (r.next()) {
    const auto address = r.text(0);
    if (!numbers && address.starts_with('+')) continue;
    if (const auto person = person_of(db, address); person != person_key(address)) people_.push_back(person);
  }
  looked_ += at_once;
  if (looked_ < recipients_) return true;
  std::sort(people_.begin(), people_.end());
  people_.erase(std::unique(people_.begin(), people_.end()), people_.end());
  met_.resize(people_.size());
  return false;
}

bool namesakes::again(database& db, std::string_view address) {
  if (people_.empty()) return false;
  const auto person = person_of(db, address);
  const auto at = std::lower_bound(people_.begin(), people_.end(), person);
  if (at == people_.end() || *at != person) return false;
  const auto place = static_cast<std::size_t>(at - people_.begin());
  const bool before = met_[place];
  met_[place] = true;
  return before;
}

}  // namespace bulkmsg::store
