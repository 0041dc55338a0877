// What people write to us: kept, opt-outs acted on at once, then matched with the message that it answers and told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "bulkmsg/channels/whatsapp_webhook.hpp"
#include "bulkmsg/inbound/opt_out_words.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::inbound {

// A reply that quotes nothing answers the latest message to that person, when it is not older than this.
inline constexpr std::int64_t reply_window_ms = std::int64_t{7} * 24 * 3600 * 1000;

// The words of a campaign's message to one of its recipients (a key of `recipients`), as they saw them; may be empty.
using words_of_message = std::function<std::string(store::database&, std::int64_t campaign, std::int64_t recipient)>;

// For one merge.
class replies {
 public:
  replies(store::database& db, std::int64_t now_ms) : db_(db), now_ms_(now_ms) {}

  // Keeps one message, once however often it comes, opens the service window, and suppresses who asks for it.
  void take(const channels::reply& r);
  // Finds out what kept ones answer, counts `responded` and adds their events. Those whose message may be there but is
  // not indexed yet wait. True when there are more that need not wait.
  bool match(const words_of_message& words);
  // When to match again though nothing comes; 0: never.
  std::int64_t next_ms();

  bool told = false;  // events were added

 private:
  struct waiting;
  const opt_out_words& words_of(std::string_view phone_number_id);
  void open_window(const channels::reply& r, const std::string& address, std::int64_t at_ms, std::int64_t id);
  void tell(const waiting& w, std::string_view matched_by, const words_of_message& words);

  store::database& db_;
  const std::int64_t now_ms_;
  std::map<std::string, opt_out_words, std::less<>> words_;
};

// Whether a kept reply waits for the index of sent messages.
bool replies_waiting(store::database& db);

}  // namespace bulkmsg::inbound
