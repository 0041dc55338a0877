// What a WhatsApp webhook tells: receipts, replies, and events of templates and users. Filled by
// whatsapp_webhook_json.hpp; all texts are views that stay valid during the sink's call.
#pragma once

#include <cstdint>
#include <string_view>

namespace bulkmsg::channels {

// In the order of rank: a later one says more than an earlier one (design 6, inbound). `other` ranks below all.
enum class receipt_status : std::uint8_t {
  other,
  sent,
  failed,
  delivered,
  read,
  played
};

struct receipt {
  std::string_view phone_number_id;  // ours
  std::string_view message_id;       // the wamid; never empty
  receipt_status status = receipt_status::other;
  std::int64_t timestamp_unix_s = 0;  // 0: missing
  std::string_view recipient_id;      // digits; may be empty
  std::string_view recipient_user_id;
  std::string_view callback;     // biz_opaque_callback_data: ours when callback_key::parse takes it; may be empty
  std::string_view participant;  // of a group message
  std::int32_t error_code = 0;   // of a failed one
  std::string_view error_title;
  std::string_view error_details;
  std::string_view pricing_category;  // "marketing" ...; empty when not stated
  std::string_view pricing_type;      // "regular", "free_customer_service" ...
};

struct reply {
  std::string_view phone_number_id;  // ours
  std::string_view id;               // the inbound message's; never empty, the same in a repeated webhook
  std::string_view from;             // digits; may be empty when the user has a user name
  std::string_view from_user_id;
  std::int64_t timestamp_unix_s = 0;
  std::string_view type;        // "text", "button", "interactive", "image" ...
  std::string_view text;        // the words: text, caption, button or list title, emoji of a reaction
  std::string_view payload;     // of a button, or id of an interactive choice
  std::string_view context_id;  // the wamid of ours that it answers; may be empty
  std::string_view group_id;
  std::string_view profile_name;
  std::string_view changed_wa_id, changed_user_id;  // type "system": the person is now known by these
  std::string_view raw;  // the message's JSON where there is more in it than words: media, a place, an order ...
};

// What the provider calls the account and the number that a change is about; each may be empty.
struct change_head {
  std::string_view account;  // the business account
  std::string_view field;    // "messages", "account_update" ...
  std::string_view phone_number_id, display_phone_number;
  std::int64_t time_unix_s = 0;  // 0: not stated, as with messages
};

// A user stopped or resumed marketing at the platform.
struct preference {
  std::string_view wa_id;
  std::string_view user_id;
  std::string_view category;  // "marketing_messages"
  std::string_view value;     // "stop", "resume", "signup"
  std::int64_t timestamp_unix_s = 0;
};

// A template was paused, disabled, approved ...
struct template_change {
  std::string_view name;
  std::string_view language;  // as told: seen as en-US and en_US
  std::string_view event;     // PAUSED, DISABLED, APPROVED ...
  std::string_view reason;
};

// What one body held. `skipped`: elements without the parts that make them usable.
struct webhook_counts {
  std::uint32_t receipts = 0;
  std::uint32_t replies = 0;
  std::uint32_t others = 0;
  std::uint32_t skipped = 0;
};

}  // namespace bulkmsg::channels
