// What people write to us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "bulkmsg/base/ids.hpp"

namespace bulkmsg {

// What a person wrote to us, and which message of ours it answers.
struct reply_row {
  std::int64_t number = 0;       // ascending: the place to page on from
  std::string provider_id = {};  // of theirs
  std::int64_t at_ms = 0;        // Unix: when it was written
  std::string address = {};      // of whom wrote: +digits or user:ID
  std::string user_id = {}, profile = {};
  std::string group_id = {};      // where it was written, when it was in a group
  std::string kind = {};          // the provider's word: text, button, interactive, image ...
  std::string text = {};          // words, caption, or the title of a button or choice
  std::string payload = {};       // of a button; the id of a choice
  std::string answers = {};       // provider id of the message it quotes
  campaign_id campaign = {};      // none: it answers nothing of ours that is known
  message_id message = {};        // with a campaign only
  std::int64_t conversation = 0;  // with this person over this number of ours; 0: written in a group
  bool resumed = false;           // they had written to this number before
  bool opt_out = false;           // it is one of the sender's opt-out words or buttons
};

struct reply_filter {
  campaign_id campaign = {};  // none: any
  std::string address = {};   // one person's, by any of their names; empty: any
  std::int64_t after = 0;     // paging: those with a larger `number`
  std::size_t limit = 100;    // 1..10,000
};

}  // namespace bulkmsg
