// Any bytes as limits: an error or limits within their ranges, whose print parses back to the same; and every limit so
// read can be enforced without overflow.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/pacing/permit.hpp"

using namespace bulkmsg;
using namespace bulkmsg::pacing;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto limits = parse_limits(text);
  if (!limits) {
    require(limits.error().code == errc::bad_option_value && limits.error().message.size() < 400);
    for (const char c : limits.error().message) require(c >= ' ' && c <= '~');
    return 0;
  }
  require(!limits->empty() && limits->size() <= limits_max);
  for (const limit& l : *limits) {
    require(l.count >= 1 && l.count <= limit_count_max);
    require(l.window >= 0 && l.window <= limit_window_max);
    const bool timeless =
        l.kind == limit_kind::in_flight || l.kind == limit_kind::daily || l.kind == limit_kind::inbound_share;
    require((l.window == 0) == timeless);
    require(l.kind != limit_kind::inbound_share || l.count <= inbound_share_max);
  }
  auto again = parse_limits(to_string(*limits));
  require(again.has_value() && *again == *limits);

  permits p(*limits);
  nanoseconds_t now = 0;
  for (int i = 0; i < 40; ++i) {
    const addressee to(1 + static_cast<std::uint64_t>(i) % 3, i % 7 == 0);
    const std::uint64_t bound = p.allowed_until(now, now + second);
    const decision d = p.take(now, to);
    if (d.granted) {
      require(bound > 0);
      if (i % 11 == 0) p.throttled(now, now, static_cast<nanoseconds_t>(size) * second);
    } else {
      require(d.next > now);
      if (d.next == only_by_release) {
        p.release();
      } else {
        now = d.next;
        require(p.check(now, to).granted || p.check(now, to).next == only_by_release);
      }
    }
  }
  return 0;
}
