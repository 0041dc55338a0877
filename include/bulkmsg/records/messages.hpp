// The message log, and what a person decides about messages: those that may have gone, those to be sent again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/campaign/unconfirmed.hpp"

namespace bulkmsg {

struct message_row {
  message_id id = {};
  std::string address = {};
  message_state state = message_state::queued;
  receipt_rank receipt = receipt_rank::none;
  std::int32_t attempt = 0;
  std::string provider_id = {};
  std::int32_t code = 0;  // provider's code of a refusal or failed receipt, or errc when unconfirmed
  std::string detail = {};
  std::int64_t at_ms = 0, sent_at_ms = 0, delivered_at_ms = 0, read_at_ms = 0, failed_at_ms = 0;
  std::int64_t line = 0;           // 1-based line of the input
  std::int64_t next_at_ms = 0;     // when a retry is due
  campaign_id superseded_by = {};  // the child campaign that sends it again
  std::string sender = {};         // the name of the one that it goes over
};

// What one participant of a WhatsApp group did with a message to the group.
struct participant_row {
  std::string participant = {};  // the provider's id
  receipt_rank receipt = receipt_rank::none;
  std::int32_t code = 0;  // of a failed receipt
  std::int64_t sent_at_ms = 0, delivered_at_ms = 0, read_at_ms = 0, failed_at_ms = 0;
};

struct message_filter {
  std::optional<message_state> state = {};
  bool undelivered = false;  // only accepted messages that a receipt failed
  std::optional<receipt_rank> receipt = {};
  std::int32_t code = 0;     // only with this code; 0: any
  std::string address = {};  // only to this one, in its canonical form
  message_id after = {};     // keyset paging: rows after this one
  std::size_t limit = 1000;  // 1..10,000
};

// A person's word on messages that may have gone.
struct resolution {
  bool sent = false;        // they went: charged; false: they did not: failed, the credit returned
  message_id message = {};  // lane 0: all unconfirmed ones of the campaign
  std::string actor = {};   // who says so, and why; both are kept, up to 1,000 bytes
  std::string reason = {};
};

struct retry_options {
  retry_kind what = retry_kind::failed;
  bool all = false;        // failed: also those that would fail again as they are, for who has put right the cause
  std::string name = {};   // of the child; empty: the parent's, with what it is
  std::string actor = {};  // for the history
};

// What a child campaign took over.
struct retry_report {
  campaign_id child = {};     // a draft
  std::int64_t messages = 0;  // recipients of the child
  std::int64_t not_yet = 0;   // left: they may pass later, the first of them at `next_at_ms` (Unix)
  std::int64_t next_at_ms = 0;
  std::int64_t hopeless = 0;  // left: they would fail again
};

}  // namespace bulkmsg
