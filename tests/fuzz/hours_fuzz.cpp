// Any bytes as hours of the week: an error or hours within their ranges, whose print parses back to the same; and what
// is read can be asked about at any time.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bulkmsg/pacing/sending_window.hpp"

using namespace bulkmsg;
using namespace bulkmsg::pacing;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_hours(text);
  if (!read) {
    require(read.error().code == errc::bad_option_value && read.error().message.size() < 400);
    for (const char c : read.error().message) require(c >= ' ' && c <= '~');
    return 0;
  }
  require(!read->empty() && read->size() <= hours_max);
  for (const hours& h : *read) {
    require(h.days >= 1 && h.days <= every_day);
    require(h.from_minute >= 0 && h.from_minute < 1'440);
    require(h.until_minute >= 1 && h.until_minute <= 1'440 && h.until_minute != h.from_minute);
  }
  const auto again = parse_hours(to_string(*read));
  require(again.has_value() && *again == *read);

  const auto window = sending_window::make(*read, "UTC");
  require(window.has_value());
  nanoseconds_t wall = static_cast<nanoseconds_t>(size) * 7'919 * second;
  for (int i = 0; i < 20; ++i) {
    const nanoseconds_t open = window->next_open(wall);
    require(open >= wall && open != sending_window::never && window->open_at(open));
    require(open == wall || !window->open_at(open - 1));
    const nanoseconds_t close = window->next_close(open);
    require(close > open);
    if (close == sending_window::never) break;
    require(!window->open_at(close) && window->open_at(close - 1));
    wall = close;
  }
  return 0;
}
