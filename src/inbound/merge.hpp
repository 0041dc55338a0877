// Webhooks become facts: verified bodies wait in the inbox, and are merged in groups sorted by message.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "inbound/intake.hpp"
#include "inbound/replies.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::inbound {

// What a merge changed, for progress events; of a message with several receipts the highest.
struct merged_message {
  campaign_id campaign;
  message_id message;
  receipt_rank receipt = receipt_rank::none;
};
struct merge_result {
  std::vector<merged_message> changed;
  std::vector<std::int64_t> paused, resumed;                        // campaigns, by what the provider says
  std::vector<std::pair<std::int64_t, std::int64_t>> held, lifted;  // likewise one sender of a campaign with several
  std::vector<std::int64_t> limits_changed;  // senders whose limits follow what the provider says
  std::vector<std::int64_t>
      overtaken;             // campaigns in which somebody who was about to be sent to again had been reached
  bool barred = false;       // somebody may not be written to any more
  bool replies = false;      // durable events were added
  bool heard = false;        // of a later message than ever since the store was opened: webhooks arrive
  bool more = false;         // the inbox holds more, or there is more to be indexed
  std::int64_t next_ms = 0;  // when to merge again though no webhook comes; 0: never
};

struct merge_options {
  words_of_message words = nullptr;  // told with a reply
  bool idle = true;                  // nothing is being sent: sent messages are indexed before anybody asks for them
  // Receipts that were taken in up to then do not show that webhooks arrive: the store was opened to run then.
  std::int64_t opened_at_ms = 0;
};

// Merges rows up to about 2,000 receipts or 2 MiB (some milliseconds of work). Any order and any repetition of receipts
// gives the same rows. A receipt for a message whose answer is not stored yet settles it: the provider cannot report
// what it did not accept.
merge_result merge(store::database& db, std::uint64_t store_id, std::int64_t now_ms, const merge_options& how = {});

}  // namespace bulkmsg::inbound
