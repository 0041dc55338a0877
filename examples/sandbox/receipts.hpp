// What becomes of accepted messages, and the webhooks that tell it. A message is a compact row from which its webhooks
// are rendered whenever they are sent, so that millions can be replayed without keeping one body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "faults.hpp"

namespace sandbox {

enum class receipt_status : std::uint8_t {
  sent,
  delivered,
  read,
  failed
};
inline constexpr unsigned receipt_statuses = 4;

enum class price_category : std::uint8_t {
  service,
  utility,
  marketing,
  authentication
};

struct accepted_message {
  std::string_view recipient;  // wa_id, group id or user id
  std::string_view callback;
  std::uint64_t request = 0;  // all chances are drawn from this number
  std::int64_t unix_ms = 0;
  price_category category = price_category::service;
  bool group = false;
  bool user = false;  // recipient is a business-scoped user id
};

/// A unique id, like the provider's in that it holds the recipient.
std::string make_wamid(std::string_view recipient, std::uint64_t run, std::uint64_t sequence);

class receipts {
 public:
  static constexpr std::size_t most_rows = 2'000'000;
  static constexpr std::size_t most_text = std::size_t{256} << 20;
  static constexpr std::size_t most_queued = 6'000'000;
  static constexpr std::size_t most_bodies = 1'000;

  struct item {
    std::uint64_t sequence;
    receipt_status status;
  };
  /// One POST: either statuses or one body made elsewhere.
  struct batch {
    std::string body;
    std::vector<item> items;
  };

  receipts(std::string waba_id, std::string phone_number_id, std::string display_number, std::uint64_t seed);

  /// Decides the message's fate and queues its webhooks when somebody listens; returns its wamid.
  std::string add(const accepted_message& message, const faults& chances, bool listening);

  /// Any other webhook: one "changes" entry. The latest thousand are kept for replay.
  void add_change(std::string_view field, std::string_view value, std::int64_t unix_ms);

  /// The value of a "messages" change around `inner`, which is JSON without its braces.
  std::string messages_value(std::string_view inner) const;

  /// The webhooks due now, up to `most` statuses; false when there are none.
  bool take(std::int64_t now_ms, std::size_t most, bool shuffle, batch& out);
  /// After the 200, or when the attempts are used up.
  void settle(const batch& done, bool delivered);

  /// Sends every webhook once more, or only those that were never delivered.
  void replay(bool only_lost);

  /// Webhooks waiting or in flight; while a replay looks for what to send, also the places still to look at.
  std::size_t pending() const;
  std::size_t lost() const { return lost_; }
  std::uint64_t delivered() const { return delivered_; }

 private:
  struct row {
    std::uint64_t text_at;  // recipient, then callback
    std::uint64_t request;
    std::int64_t unix_ms;
    std::int32_t failure;
    std::int32_t delays[receipt_statuses - 1];  // of sent (or failed), delivered, read
    std::uint16_t callback_size;
    std::uint8_t recipient_size;
    price_category category;
    std::uint8_t due;     // bit set of receipt_status
    std::uint8_t queued;  // waiting or in flight
    std::uint8_t acked;
    bool group : 1;
    bool user : 1;
  };
  struct queued_item {
    std::int64_t at_ms;
    std::uint64_t order;  // keeps equal times in order
    item what;
    bool operator>(const queued_item& other) const {
      return at_ms != other.at_ms ? at_ms > other.at_ms : order > other.order;
    }
  };

  row* find(std::uint64_t sequence);
  template <class Change>
  void change(row& which, Change&& how);
  bool push(std::uint64_t sequence, receipt_status status, std::int64_t at_ms);
  void forget_oldest();
  std::int64_t time_of(const row& which, receipt_status status) const;
  std::string envelope(std::string_view field, std::string_view value, std::int64_t unix_s) const;
  void append_status(std::string& out, const row& which, item what) const;
  void append_status(std::string& out, const row& which, item what, std::string_view recipient,
                     std::string_view callback, std::string_view participant) const;

  std::string waba_id_;
  std::string metadata_;
  std::uint64_t seed_;
  std::uint64_t run_;
  std::deque<row> rows_;
  std::uint64_t first_ = 0;  // sequence of rows_.front()
  std::deque<std::string> texts_;
  std::uint64_t texts_first_ = 0;  // number of texts_.front()
  std::priority_queue<queued_item, std::vector<queued_item>, std::greater<>> queue_;
  std::uint64_t order_ = 0;
  std::deque<std::string> bodies_;       // to send
  std::deque<std::string> sent_bodies_;  // for replay
  std::uint64_t replay_next_ = 0;        // sequence and status in one number
  std::uint64_t replay_end_ = 0;
  bool replay_only_lost_ = false;
  std::size_t in_flight_ = 0;
  std::size_t lost_ = 0;
  std::uint64_t delivered_ = 0;
  std::mt19937_64 shuffler_;
};

}  // namespace sandbox
