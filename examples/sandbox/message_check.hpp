// Is a message what the provider accepts? Only the request is judged here, not the limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json_fields.hpp"
#include "templates.hpp"

namespace sandbox {

enum class recipient_kind : std::uint8_t {
  phone,
  group,
  user
};

struct checked_message {
  recipient_kind kind = recipient_kind::phone;
  std::string input;    // as it was sent
  std::string address;  // digits as they were sent, or the id of a group or user
  std::string wa_id;    // WhatsApp's own digits, or the id again
  std::string type;
  std::string callback;
  const message_template* filled = nullptr;  // for type "template"
  bool read_mark = false;                    // not a message at all: {"status":"read"}
};

enum class endpoint {
  messages,
  marketing_messages
};

/// Throws refusal.
checked_message check_message(json body, endpoint where, std::string_view own_number,
                              const template_catalogue& catalogue, std::int64_t now_ms);

}  // namespace sandbox
