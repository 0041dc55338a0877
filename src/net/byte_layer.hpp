// What lies between a connection and its socket: the bytes as they are, or TLS. Nothing here blocks, and nothing raises
// SIGPIPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::net {

// What a step came to.
enum class step : std::uint8_t {
  done,
  waits_to_read,   // again when the socket is readable
  waits_to_write,  // again when it is writable
  ended,           // reading: the peer ended the stream in good order (FIN; on TLS close_notify)
  broken,          // reset, or ended otherwise
};

struct moved {
  step what = step::broken;
  std::size_t bytes = 0;       // done: how many, at least one
  bool may_have_left = false;  // writing: something was given to the network, whatever `what` says
};

// Serves one socket after another. Thread: the I/O thread.
class byte_layer {
 public:
  virtual ~byte_layer() = default;
  // Over a non-blocking socket that is connected. The descriptor stays the caller's, who calls end() before closing it.
  [[nodiscard]] virtual result<void> begin(int fd) = 0;
  // Until `done`: nothing else before.
  [[nodiscard]] virtual step greet() = 0;
  // Why greet() came to `ended` or `broken`.
  [[nodiscard]] virtual error why_not() const = 0;
  [[nodiscard]] virtual moved read(char* to, std::size_t room) = 0;
  // The rest must be offered again, with the same bytes at its beginning; they may have moved.
  [[nodiscard]] virtual moved write(const char* from, std::size_t bytes) = 0;
  // Bytes were taken from the socket that no read() has looked at, so that waiting for the socket would miss them.
  [[nodiscard]] virtual bool holds_more() const noexcept = 0;
  virtual void end() noexcept = 0;
};

[[nodiscard]] std::unique_ptr<byte_layer> make_plain_bytes();

}  // namespace bulkmsg::net
