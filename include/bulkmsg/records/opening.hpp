// How a store is opened, and what that found.
#pragma once

#include <cstddef>
#include <cstdint>

namespace boost::asio {
class io_context;
}

namespace bulkmsg {

// How a store file is opened.
enum class open_mode : std::uint8_t {
  run,   // sends; one process at a time (errc::store_in_use while another runs); creates the file when missing
  read,  // looks only; always possible
  post,  // any process beside the runner: ingests webhooks and posts commands, taken up by the runner within 100 ms
};

// How the engine is opened. For `host_loop` a host includes Asio itself; nothing of it is included here.
struct engine_options {
  open_mode mode = open_mode::run;
  bool send = true;                 // mode run: false opens and recovers but sends nothing (inspection, tests)
  bool create = true;               // mode run: make the file when it is missing
  std::size_t progress_max = 8192;  // messages in the progress ring, 0..1,000,000; older ones collapse into a resync
  int io_threads = 1;               // 1..64: senders are spread over them, each stays on one
  // The host's own loop, on which all sending runs instead of a thread of ours (then io_threads is 1). Exactly one
  // thread runs it, from before open() until close() has returned; the engine leaves it as it was. Every call of the
  // engine may block until the loop has gone on, so it is refused on the loop's own thread: wrong_state.
  boost::asio::io_context* host_loop = nullptr;
};

// What opening found after a crash (or a close that ran out of time).
struct recovery {
  std::int64_t unconfirmed = 0;  // messages that may have gone and have no outcome: now unconfirmed
  std::int64_t window = 0;       // messages inside ranges that were open, with or without an outcome
};

// What adopting a copy did.
struct adoption {
  std::uint64_t old_id = 0, new_id = 0;  // of the store
  std::int64_t paused = 0;               // campaigns
  std::int64_t last_entry_ms = 0;        // Unix: the last that the copy knows
};

}  // namespace bulkmsg
