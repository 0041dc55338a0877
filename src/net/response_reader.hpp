// Reads HTTP/1.x responses off a connection, one after another, whatever the slices the bytes come in.
//
//   response_reader reader({.head_bytes_max = 16384, .body_bytes_max = 262144});
//   std::size_t used = reader.put(bytes);       // keep what was not used, and put it again with more behind it
//   if (reader.state() == read_state::done) use(reader.status(), reader.body());
//
// The parsing is Beast's; nothing is allocated per response once the body's buffer has grown to the usual size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "bulkmsg/base/clock.hpp"

namespace bulkmsg::net {

enum class read_state : std::uint8_t {
  reading,    // put more
  done,       // a complete response; the next put() begins the next one
  oversized,  // head or body over its bound; close the connection
  garbage,    // not HTTP, or HTTP that was not asked for (101); close the connection
  truncated,  // the stream ended inside the response
};

struct response_limits {
  std::uint32_t head_bytes_max = 16 * 1024;
  std::uint32_t body_bytes_max = 256 * 1024;
};

class response_reader {
 public:
  explicit response_reader(response_limits limits);
  ~response_reader();
  response_reader(const response_reader&) = delete;
  response_reader& operator=(const response_reader&) = delete;

  // Takes in bytes and says how many were used; the rest must come again, contiguous with what follows it. At most
  // head_bytes_max + 4096 bytes are ever left unused. 100 Continue and other interim responses are skipped. `now` is
  // the clock by which a Retry-After date is turned into a waiting time.
  std::size_t put(std::string_view bytes, const clock& now);
  // The peer ended the stream in good order: completes a response without a length, truncates any other.
  void put_eof();
  // The next put() begins a response, whatever came before; what was read stays until then.
  void restart() noexcept;

  [[nodiscard]] read_state state() const noexcept;
  // After `done`, until the next put():
  [[nodiscard]] int status() const noexcept;
  [[nodiscard]] bool keep_alive() const noexcept;
  [[nodiscard]] nanoseconds_t retry_after() const noexcept;  // 0 when absent or unreadable, a day at most
  [[nodiscard]] std::string_view body() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace bulkmsg::net
