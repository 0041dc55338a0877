// Any bytes as a time with its zone: an error in one line, or an instant that is read again from its UTC form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bulkmsg/campaign/time_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg;
  const auto read = read_time({reinterpret_cast<const char*>(data), size});
  if (!read) {
    if (read.error().code != errc::bad_option_value || read.error().message.empty()) std::abort();
    return 0;
  }
  const auto utc = absl::FormatTime("%E4Y-%m-%d %H:%M:%SZ", absl::FromUnixMillis(*read), absl::UTCTimeZone());
  const auto again = read_time(utc);
  // The first and last years leave the four digits in another zone.
  if (utc.size() == 20 && utc[0] != '-' && (!again || *again != *read)) std::abort();
  return 0;
}
