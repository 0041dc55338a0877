// How one provider is spoken to, as the batch sender sees it: the bytes of a request, and what an answer means.
//
// WhatsApp (whatsapp_channel.hpp) and every chat platform that a description fits (chat.hpp, Telegram among them)
// implement it. One indirect call a message each way.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/answer.hpp"
#include "bulkmsg/content/compiled_message.hpp"

namespace bulkmsg::channels {

// One message to be sent; everything is borrowed for the call.
struct outgoing {
  const content::compiled_message& content;  // laid out for this channel
  std::uint32_t route = 0;                   // which of the channel's endpoints takes that content
  std::string_view address;                  // "+4915112345678", "chat:17"
  std::string_view callback;                 // our key
  std::span<const std::string_view> cells;
};

// What a provider says of a sender's account; what it does not say is empty.
struct account_health {
  std::string name, number, status, quality, throughput, messaging_limit;
};

// Thread: one at a time per object.
class channel {
 public:
  virtual ~channel() = default;

  // Replaces `buffer` by exactly one request. Allocates only while the buffer grows.
  virtual void encode(std::string& buffer, const outgoing& message) = 0;

  // Whatever keeps anyone from getting a message twice is decided here: accepted only by a success with a message id,
  // refused only by the provider's complete error, everything else unproven. Never fails. The texts are views that stay
  // valid until the next call, as long as `body` does.
  virtual answer classify(int http_status, std::string_view body) = 0;

  // Replaces `buffer` by the request that asks how the account is; false, and an empty buffer: it cannot be asked.
  [[nodiscard]] virtual bool encode_health(std::string& buffer) const = 0;
  // Its answer. Errors: token_rejected, provider_refused (both with provider_code), provider_unreadable.
  virtual result<account_health> read_health(int http_status, std::string_view body) = 0;

  // What the provider said, fit to be stored and shown.
  [[nodiscard]] virtual std::string without_token(std::string_view text) const = 0;
};

}  // namespace bulkmsg::channels
