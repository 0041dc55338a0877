// Keys of rows that lie together: a campaign's recipients and rejected rows, a lane's messages.
#pragma once

#include <cstdint>

namespace bulkmsg::store {

// `place`: the row's number at its owner, from 0.
constexpr std::int64_t row_key(std::int64_t owner, std::int64_t place = 0) { return (owner << 32) + place; }

}  // namespace bulkmsg::store
