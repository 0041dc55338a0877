// How many messages or rows have one reason.
#pragma once

#include <cstdint>
#include <string>

namespace bulkmsg {

struct reason_count {
  std::int32_t code = 0;  // provider code (failed, undelivered) or errc (skipped)
  std::string reason = {};
  std::int64_t count = 0;
};

}  // namespace bulkmsg
