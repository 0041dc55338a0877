// One kept-alive connection: a socket among the ready ones, a byte layer over it, and the response that is read off it.
//
//   connection c(pool, sockets, io.time(), make_plain_bytes(), limits, slot);
//   if (const int why = c.connect(address)) ...;        // pool.connected(c) or pool.not_connected(c, why) follows
//   c.output = request; c.state = phase::busy;
//   if (!c.write()) ...;                                // pool.answered(c, keep) or pool.lost(c, why) follows
#pragma once

#include <string>
#include <vector>

#include "net/byte_layer.hpp"
#include "net/names.hpp"
#include "net/ready_set.hpp"
#include "net/response_reader.hpp"

namespace bulkmsg::net {

enum class phase : std::uint8_t {
  closed,
  connecting,
  idle,
  held,  // acquired, or its buffer being written
  busy,  // a request was given; its end has not been told
};

// Closed, it can be opened anew. Thread: the I/O thread.
class connection final : private watcher {
 public:
  // Called when a socket is ready and never inside a call to the connection, which may be closed and opened anew there.
  class user {
   public:
    virtual void connected(connection& c) = 0;
    virtual void not_connected(connection& c, error why) = 0;
    // A complete response is in `reader`; unless `keep`, the connection is good for no other.
    virtual void answered(connection& c, bool keep) = 0;
    // Ended, reset, or spoken to in a way that is not HTTP.
    virtual void lost(connection& c, errc why) = 0;

   protected:
    ~user() = default;
  };

  connection(user& by, ready_set& sockets, const clock& time, std::unique_ptr<byte_layer> bytes, response_limits limits,
             int at)
      : slot(at), reader(limits), user_(by), sockets_(sockets), clock_(time), bytes_(std::move(bytes)) {}
  ~connection() { close(); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Leaves the address tried before. Returns why it failed at once (errno), or 0.
  [[nodiscard]] int connect(const address& to);
  // Goes on with `output` as far as the socket takes it. False: nothing has left, and nothing can.
  [[nodiscard]] bool write();
  // Whether the peer has neither closed nor spoken unasked, as far as this machine knows. Where nobody writes or
  // connects.
  [[nodiscard]] bool is_sound();
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

  static std::string why_not_connected(const address& to, int system_error);

  const int slot;
  phase state = phase::closed;
  std::string output;
  std::size_t written = 0;
  bool handed = false;  // a byte of `output` may have left
  response_reader reader;

  // The owner's notes.
  bool served = false;  // an answer came over it
  std::uint64_t token = 0;
  nanoseconds_t deadline = 0;    // of what `state` waits for
  nanoseconds_t give_up_at = 0;  // connecting: the deadline over all addresses
  nanoseconds_t ready_at = 0;
  nanoseconds_t looked_at = 0;
  std::size_t first_address = 0;
  std::size_t addresses_tried = 0;

 private:
  void on_ready(bool readable, bool writable) override;
  void go_on_connecting();
  void receive();
  void has_read();
  void ended(step how);
  void watch_writing(bool on) noexcept;

  user& user_;
  ready_set& sockets_;
  const clock& clock_;
  std::unique_ptr<byte_layer> bytes_;
  address address_;
  int fd_ = -1;
  bool greeting_ = false;
  bool watches_writing_ = false;
  std::vector<char> input_;
  std::size_t input_used_ = 0;
};

}  // namespace bulkmsg::net
