// Any bytes as what a provider's server sends: the reader stays within its bounds, whatever slices they come in, and
// ends the same; what it lets through is classified without a word that was not said.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/whatsapp_cloud_json.hpp"
#include "net/response_reader.hpp"

namespace {

using namespace bulkmsg;

constexpr net::response_limits limits{.head_bytes_max = 512, .body_bytes_max = 1024};

void require(bool truth) {
  if (!truth) std::abort();
}

struct seen {
  int status = 0;
  nanoseconds_t retry_after = 0;
  std::string body;
  friend bool operator==(const seen&, const seen&) = default;
};

// The responses in these bytes, read `step` at a time; the last state is told, too.
std::vector<seen> read(std::string_view bytes, std::size_t step, net::read_state& last) {
  const manual_clock time;
  net::response_reader reader(limits);
  std::vector<seen> all;
  std::string waiting;
  while (!bytes.empty()) {
    waiting += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (!waiting.empty()) {
      const std::size_t used = reader.put(waiting, time);
      require(used <= waiting.size() && reader.body().size() <= limits.body_bytes_max);
      waiting.erase(0, used);
      if (reader.state() != net::read_state::done) break;
      require(reader.status() != 0 && reader.retry_after() >= 0);
      all.push_back({reader.status(), reader.retry_after(), std::string(reader.body())});
      if (!reader.keep_alive()) break;
    }
    last = reader.state();
    if (last != net::read_state::reading && last != net::read_state::done) return all;
    if (last == net::read_state::done && !reader.keep_alive()) return all;
    require(waiting.size() <= limits.head_bytes_max + 4096 + step);
  }
  if (last == net::read_state::reading) {
    reader.put_eof();
    last = reader.state();
    require(last != net::read_state::reading);
    if (last == net::read_state::done)
      all.push_back({reader.status(), reader.retry_after(), std::string(reader.body())});
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 8192));
  net::read_state whole = net::read_state::done, sliced = net::read_state::done;
  const auto at_once = read(bytes, 8192, whole);
  const auto in_bits = read(bytes, 3, sliced);
  // A bound may be met a little sooner or later; what was read before is the same.
  const std::size_t both = std::min(at_once.size(), in_bits.size());
  for (std::size_t i = 0; i < both; ++i) require(at_once[i] == in_bits[i]);
  channels::answer_reader answers;
  for (const auto& response : at_once) {
    const auto answer = answers.classify(response.status, response.body);
    require(answer.what != channels::answer::kind::accepted || !answer.message_id.empty());
  }
  return 0;
}
