// A row of the inbox: what some verified bodies say, in the order in which they came.
//
// Nearly all that comes are receipts, and merging needs a sixth of their JSON. So they are kept without the rest: a
// body is parsed once, when it comes, and few bytes go through the store's log and file. A body that holds anything
// else, or is no webhook, is kept as it came.
//
// A row is a sequence of records, each a letter and its fields; numbers are LEB128, texts a number of bytes and these.
//   h  account, field, phone_number_id, display_phone_number, time: of the receipts up to the next h or b
//   r  status (receipt_status), timestamp, error_code, message_id, recipient_id, recipient_user_id, callback,
//      participant, error_title, error_details
//   b  a body
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bulkmsg/channels/whatsapp_webhook_json.hpp"

namespace bulkmsg::inbound {

// Thread: one at a time per object.
class row_maker {
 public:
  // Adds what the body says to `row`, the same one as before or an empty one. Throws std::bad_alloc; then the row is as
  // before.
  void add(std::string_view body, std::string& row);

 private:
  struct receipts_only;

  // Longer ones are parsed on the store's thread, where nobody waits for it.
  static constexpr std::size_t parsed_bytes_max = std::size_t{64} * 1024;

  std::string head_;  // the record that holds at the row's end; empty: none
  channels::webhook_parser parser_;
};

class record_reader {
 public:
  explicit record_reader(std::string_view row) : at_(row.data()), end_(row.data() + row.size()) {}
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool more() const noexcept { return good_ && at_ != end_; }
  char letter() noexcept { return *at_++; }  // there are more
  std::uint64_t number() noexcept {
    std::uint64_t n = 0;
    for (unsigned shift = 0; at_ != end_ && shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      n |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return n;
    }
    good_ = false;
    return 0;
  }
  template <class T>
  void to(T& value) noexcept {
    value = static_cast<T>(number());
  }
  void to(std::string_view& text) noexcept {
    const auto size = number();
    if (size > static_cast<std::uint64_t>(end_ - at_)) good_ = false;
    if (!good_) return;
    text = {at_, static_cast<std::size_t>(size)};
    at_ += size;
  }

 private:
  const char* at_;
  const char* end_;
  bool good_ = true;
};

// Tells the sink what parsing the bodies would have told it, but for pricing, and a head that still holds. What is no
// row is read up to there.
template <channels::webhook_sink Sink>
void read_row(std::string_view row, channels::webhook_parser& parser, Sink& sink) {
  record_reader in(row);
  const auto all = [&](auto&... fields) {
    (in.to(fields), ...);
    return in.good();
  };
  channels::change_head h;
  while (in.more()) {
    switch (in.letter()) {
      case 'h':
        if (!all(h.account, h.field, h.phone_number_id, h.display_phone_number, h.time_unix_s)) return;
        sink.begin_change(h);
        break;
      case 'r': {
        channels::receipt r;
        if (!all(r.status, r.timestamp_unix_s, r.error_code, r.message_id, r.recipient_id, r.recipient_user_id,
                 r.callback, r.participant, r.error_title, r.error_details)) {
          return;
        }
        r.phone_number_id = h.phone_number_id;
        sink.receipt(r);
        break;
      }
      case 'b': {
        // A signed body that is no webhook cannot become one later: it is dropped.
        if (std::string_view body; all(body)) static_cast<void>(parser.parse(body, sink));
        break;
      }
      default:
        return;
    }
  }
}

}  // namespace bulkmsg::inbound
