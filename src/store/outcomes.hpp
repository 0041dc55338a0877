// Settling: the outcomes of attempts, the ledger postings and the counters they lead to, in one transaction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/campaign/counters.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct outcome {
  message_id id;
  message_state state = message_state::unconfirmed;
  std::uint32_t attempt = 1;
  std::int32_t code = 0;  // the provider's, or an errc
  std::int64_t at_ms = 0;
  std::int64_t next_at_ms = 0;  // state retry
  // Both in outcomes::text, one after the other. The detail of an accepted message is the number under which the
  // provider knows the recipient, where that is not the address.
  std::uint32_t text_at = 0, provider_id_size = 0, detail_size = 0;
};

// Outcomes of one campaign, reused: texts in one buffer, so that nothing is allocated per message.
struct outcomes {
  std::string text;
  std::vector<outcome> items;
  std::vector<std::int64_t> intents;  // these are now settled whole

  void add(outcome o, std::string_view provider_id, std::string_view detail) {
    o.text_at = static_cast<std::uint32_t>(text.size());
    o.provider_id_size = static_cast<std::uint32_t>(provider_id.size());
    o.detail_size = static_cast<std::uint32_t>(detail.size());
    text.append(provider_id).append(detail);
    items.push_back(o);
  }
  [[nodiscard]] std::string_view provider_id(const outcome& o) const {
    return std::string_view(text).substr(o.text_at, o.provider_id_size);
  }
  [[nodiscard]] std::string_view detail(const outcome& o) const {
    return std::string_view(text).substr(o.text_at + o.provider_id_size, o.detail_size);
  }
  [[nodiscard]] bool empty() const { return items.empty() && intents.empty(); }
  void clear() {
    text.clear();
    items.clear();
    intents.clear();
  }
};

// A message that a receipt already settled keeps what the receipt said.
void settle(database& db, std::int64_t campaign, const outcomes& batch, std::int64_t now_ms);

// Adds to the campaign's counters, posts what `charge` messages cost and returns what `give_back` messages would have.
void account_for(database& db, std::int64_t campaign, const counters& change, std::int64_t settled_by_receipt,
                 std::int64_t charge, std::int64_t give_back, std::int64_t now_ms);

}  // namespace bulkmsg::store
