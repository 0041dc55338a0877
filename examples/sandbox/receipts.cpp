#include "receipts.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "crypto.hpp"
#include "json_text.hpp"
#include "refusal.hpp"

namespace sandbox {
namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 20;

constexpr std::uint8_t bit(receipt_status status) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(status));
}

constexpr unsigned group_size = 3;

constexpr std::string_view names[] = {"sent", "delivered", "read", "failed"};
constexpr std::string_view categories[] = {"service", "utility", "marketing", "authentication"};

std::string hex(std::uint64_t value, int digits) {
  constexpr char alphabet[] = "0123456789ABCDEF";
  std::string out;
  for (int i = digits - 1; i >= 0; --i) out += alphabet[(value >> (4 * i)) & 15U];
  return out;
}

}  // namespace

std::string make_wamid(std::string_view recipient, std::uint64_t run, std::uint64_t sequence) {
  std::string inner("\x1c\x18", 2);
  inner += static_cast<char>(recipient.size());
  inner += recipient;
  inner += std::string_view("\x15\x02\x00\x11\x18\x12", 6);
  inner += hex(run, 8) + hex(sequence, 10);
  inner += '\0';
  return "wamid." + base64(inner);
}

receipts::receipts(std::string waba_id, std::string phone_number_id, std::string display_number, std::uint64_t seed)
    : waba_id_(std::move(waba_id)), seed_(seed), shuffler_(seed) {
  metadata_ = R"("metadata":{"display_phone_number":)" + json_string(display_number) + R"(,"phone_number_id":)" +
              json_string(phone_number_id) + '}';
  // Ids of different runs must differ even with one seed: a log may be appended to by many runs.
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  run_ = static_cast<std::uint64_t>(
      draw(static_cast<std::uint64_t>(now), static_cast<std::uint64_t>(::getpid()), purpose{}) * 4294967296.0);
}

receipts::row* receipts::find(std::uint64_t sequence) {
  if (sequence < first_ || sequence - first_ >= rows_.size()) return nullptr;
  return &rows_[sequence - first_];
}

/// Keeps the count of webhooks that nobody has and nobody is going to get.
template <class Change>
void receipts::change(row& which, Change&& how) {
  const auto lost = [&] {
    return static_cast<std::size_t>(std::popcount(static_cast<unsigned>(which.due & ~which.acked & ~which.queued)));
  };
  lost_ -= lost();
  how(which);
  lost_ += lost();
}

bool receipts::push(std::uint64_t sequence, receipt_status status, std::int64_t at_ms) {
  if (queue_.size() >= most_queued) return false;
  queue_.push({at_ms, order_++, {sequence, status}});
  return true;
}

std::string receipts::add(const accepted_message& message, const faults& chances, bool listening) {
  const auto chance = [&](purpose why, unsigned extra = 0) { return draw(seed_, message.request, why, extra); };
  const std::uint64_t sequence = first_ + rows_.size();

  row fresh{};
  fresh.request = message.request;
  fresh.unix_ms = message.unix_ms;
  fresh.category = message.category;
  fresh.group = message.group;
  fresh.user = message.user;
  fresh.recipient_size = static_cast<std::uint8_t>(message.recipient.size());
  fresh.callback_size = static_cast<std::uint16_t>(message.callback.size());
  if (texts_.empty() || texts_.back().size() + message.recipient.size() + message.callback.size() > chunk_size) {
    texts_.emplace_back().reserve(chunk_size);
  }
  fresh.text_at = (texts_first_ + texts_.size() - 1) * chunk_size + texts_.back().size();
  texts_.back() += message.recipient;
  texts_.back() += message.callback;

  for (unsigned i = 0; i < receipt_statuses - 1; ++i) {
    fresh.delays[i] = static_cast<std::int32_t>(draw_delay(chances.webhook_delay, chance(purpose::webhook_delay, i)));
  }
  if (!chances.webhook_shuffle) {  // each follows the one before; otherwise they overtake each other
    for (unsigned i = 1; i < receipt_statuses - 1; ++i) fresh.delays[i] += fresh.delays[i - 1];
  }
  fresh.failure = draw_code(chances.undelivered, chance(purpose::undelivered));
  if (fresh.failure != 0) {
    fresh.due = bit(receipt_status::failed);
  } else {
    fresh.due = bit(receipt_status::sent);
    if (chance(purpose::delivered) < chances.delivered_ratio) {
      fresh.due |= bit(receipt_status::delivered);
      if (chance(purpose::read) < chances.read_ratio) fresh.due |= bit(receipt_status::read);
    }
  }
  for (unsigned i = 0; listening && i < receipt_statuses; ++i) {
    const auto status = static_cast<receipt_status>(i);
    if ((fresh.due & bit(status)) == 0) continue;
    if (chance(purpose::lose, i) < chances.webhook_lose || chance(purpose::late, i) < chances.webhook_late) continue;
    const auto at_ms = time_of(fresh, status);
    if (!push(sequence, status, at_ms)) continue;
    fresh.queued |= bit(status);
    if (chance(purpose::duplicate, i) < chances.webhook_duplicate) push(sequence, status, at_ms + fresh.delays[0]);
  }
  lost_ += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(fresh.due & ~fresh.queued)));
  rows_.push_back(fresh);
  while (rows_.size() > most_rows || texts_.size() * chunk_size > most_text) forget_oldest();
  return make_wamid(message.recipient, run_, sequence);
}

void receipts::forget_oldest() {
  change(rows_.front(), [](row& r) { r.due = 0; });
  rows_.pop_front();
  ++first_;
  const std::uint64_t needed = rows_.empty() ? texts_first_ + texts_.size() - 1 : rows_.front().text_at / chunk_size;
  while (texts_first_ < needed) {
    texts_.pop_front();
    ++texts_first_;
  }
}

std::int64_t receipts::time_of(const row& which, receipt_status status) const {
  const unsigned step = status == receipt_status::failed ? 0 : static_cast<unsigned>(status);
  return which.unix_ms + which.delays[step];
}

std::string receipts::envelope(std::string_view field, std::string_view value, std::int64_t unix_s) const {
  std::string out = R"({"object":"whatsapp_business_account","entry":[{"id":)" + json_string(waba_id_);
  if (field != "messages") out += R"(,"time":)" + std::to_string(unix_s);
  out += R"(,"changes":[{"field":)" + json_string(field) + R"(,"value":)";
  out += value;
  out += "}]}]}";
  return out;
}

void receipts::add_change(std::string_view field, std::string_view value, std::int64_t unix_ms) {
  if (bodies_.size() >= most_bodies) bodies_.pop_front();
  bodies_.push_back(envelope(field, value, unix_ms / 1000));
}

std::string receipts::messages_value(std::string_view inner) const {
  std::string out = R"({"messaging_product":"whatsapp",)" + metadata_ + ',';
  out += inner;
  out += '}';
  return out;
}

void receipts::append_status(std::string& out, const row& which, item what) const {
  const std::string& chunk = texts_[which.text_at / chunk_size - texts_first_];
  const std::string_view text(chunk);
  const auto recipient = text.substr(which.text_at % chunk_size, which.recipient_size);
  const auto callback = text.substr(which.text_at % chunk_size + which.recipient_size, which.callback_size);
  // A group has as many delivered and read as it has participants.
  const bool by_participant =
      which.group && (what.status == receipt_status::delivered || what.status == receipt_status::read);
  for (unsigned participant = 0; participant < (by_participant ? group_size : 1); ++participant) {
    if (participant > 0) out += ',';
    append_status(out, which, what, recipient, callback,
                  by_participant ? "1555999000" + std::to_string(participant) : "");
  }
}

void receipts::append_status(std::string& out, const row& which, item what, std::string_view recipient,
                             std::string_view callback, std::string_view participant) const {
  out += R"({"id":)";
  append_quoted(out, make_wamid(recipient, run_, what.sequence));
  out += R"(,"status":")";
  out += names[static_cast<unsigned>(what.status)];
  out += R"(","timestamp":")" + std::to_string(time_of(which, what.status) / 1000) + '"';
  out += which.user ? R"(,"recipient_user_id":)" : R"(,"recipient_id":)";
  append_quoted(out, recipient);
  if (which.group) out += R"(,"recipient_type":"group")";
  if (!participant.empty()) {
    out += R"(,"recipient_participant_id":)";
    append_quoted(out, participant);
  }
  if (!callback.empty()) {
    out += R"(,"biz_opaque_callback_data":)";
    append_quoted(out, callback);
  }
  if (what.status == receipt_status::sent || what.status == receipt_status::delivered) {
    const bool free = which.category == price_category::service;
    out += R"(,"pricing":{"billable":)";
    out += free ? "false" : "true";
    out += R"(,"pricing_model":"PMP","type":")";
    out += free ? "free_customer_service" : "regular";
    out += R"(","category":")";
    out += categories[static_cast<unsigned>(which.category)];
    out += "\"}";
  }
  if (what.status == receipt_status::failed) {
    const auto kind = kind_of(which.failure);
    out += R"(,"errors":[{"code":)" + std::to_string(which.failure) + R"(,"title":)";
    append_quoted(out, kind.title);
    out += R"(,"message":)";
    append_quoted(out, kind.title);
    out += R"(,"error_data":{"details":)";
    append_quoted(out, "Not delivered, because the sandbox was told so.");
    out += R"(},"href":)";
    append_quoted(out, "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/");
    out += "}]";
  }
  out += '}';
}

bool receipts::take(std::int64_t now_ms, std::size_t most, bool shuffle, batch& out) {
  out.items.clear();
  if (!bodies_.empty()) {
    out.body = std::move(bodies_.front());
    bodies_.pop_front();
    ++in_flight_;
    return true;
  }
  while (out.items.size() < most && !queue_.empty() && queue_.top().at_ms <= now_ms) {
    if (find(queue_.top().what.sequence) != nullptr) out.items.push_back(queue_.top().what);
    queue_.pop();
  }
  for (; out.items.size() < most && replay_next_ < replay_end_; ++replay_next_) {
    const item what{replay_next_ / receipt_statuses, static_cast<receipt_status>(replay_next_ % receipt_statuses)};
    row* which = find(what.sequence);
    // What waits in the queue comes anyway.
    if (which == nullptr || (which->due & ~which->queued & bit(what.status)) == 0) continue;
    if (replay_only_lost_ && (which->acked & bit(what.status)) != 0) continue;
    out.items.push_back(what);
    change(*which, [&](row& r) { r.queued |= bit(what.status); });
  }
  if (out.items.empty()) return false;
  if (shuffle) std::shuffle(out.items.begin(), out.items.end(), shuffler_);
  in_flight_ += out.items.size();
  std::string statuses = R"("statuses":[)";
  for (const auto& what : out.items) {
    append_status(statuses, *find(what.sequence), what);
    statuses += ',';
  }
  statuses.back() = ']';
  out.body = envelope("messages", messages_value(statuses), now_ms / 1000);
  return true;
}

void receipts::settle(const batch& done, bool delivered) {
  if (done.items.empty()) {
    --in_flight_;
    if (sent_bodies_.size() >= most_bodies) sent_bodies_.pop_front();
    sent_bodies_.push_back(done.body);
  }
  in_flight_ -= done.items.size();
  for (const auto& what : done.items) {
    if (row* which = find(what.sequence)) {
      change(*which, [&](row& r) {
        r.queued &= static_cast<std::uint8_t>(~bit(what.status));
        if (delivered) r.acked |= bit(what.status);
      });
    }
  }
  if (delivered) delivered_ += std::max<std::size_t>(1, done.items.size());
}

void receipts::replay(bool only_lost) {
  replay_next_ = first_ * receipt_statuses;
  replay_end_ = (first_ + rows_.size()) * receipt_statuses;
  replay_only_lost_ = only_lost;
  if (!only_lost) {
    bodies_.insert(bodies_.end(), sent_bodies_.begin(), sent_bodies_.end());
    sent_bodies_.clear();
  }
}

std::size_t receipts::pending() const {
  return queue_.size() + in_flight_ + bodies_.size() + static_cast<std::size_t>(replay_end_ - replay_next_);
}

}  // namespace sandbox
