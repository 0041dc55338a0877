#include "sending/batch_sender.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/recipients/cells.hpp"

namespace bulkmsg::sending {

namespace {

// Only what is due soon is opened: after a crash everything open and unanswered is unconfirmed.
constexpr nanoseconds_t claim_horizon = 100 * millisecond;
constexpr std::uint32_t claim_min = 16;
constexpr std::uint32_t claim_max = 2048;  // also keeps one store job well below 20 ms
// A range that must wait longer than this for a permit is taken back.
constexpr nanoseconds_t patience = 200 * millisecond;

constexpr std::uint32_t attempts_max = 8;
constexpr nanoseconds_t retry_base = 500 * millisecond;
constexpr nanoseconds_t slow_base = 250 * millisecond;
constexpr nanoseconds_t slow_max = 8 * second;
constexpr int slow_forgiven = 20;
// A number that is out of service for no longer than this is waited for; else its campaigns are paused.
constexpr nanoseconds_t waited_out_max = 15 * 60 * second;

// How long a store that refuses to write is left alone.
constexpr nanoseconds_t stalled_min = 250 * millisecond;
constexpr nanoseconds_t stalled_max = 5 * second;

std::int64_t backoff(nanoseconds_t base, std::uint32_t attempt, std::int64_t key) {
  const auto whole = base << std::min<std::uint32_t>(attempt - 1, 6);
  // Up to a quarter more, different for each message, so that refused ones do not come back as one block.
  const auto spread = static_cast<std::uint64_t>(key * 0x9E3779B97F4A7C15ull) >> 40;
  return whole + static_cast<nanoseconds_t>(spread % static_cast<std::uint64_t>(whole / 4 + 1));
}

// The provider's name of the recipient, where it is another than the number we wrote.
std::string_view other_than(std::string_view address, std::string_view wa_id) {
  return address.starts_with('+') && address.substr(1) == wa_id ? std::string_view() : wa_id;
}

}  // namespace

batch_sender::batch_sender(executor& on, net::transport& over, store::writer& to, std::unique_ptr<channels::channel> by,
                           pacing::permits permits, std::uint64_t store_id, observer& owner)
    : executor_(on),
      transport_(over),
      writer_(to),
      channel_(std::move(by)),
      permits_(std::move(permits)),
      store_id_(store_id),
      owner_(owner) {}

void batch_sender::add(const lane_settings& settings) {
  if (!timer_) {
    timer_ = executor_.make_timer();
    stalled_timer_ = executor_.make_timer();
  }
  auto l = std::make_unique<lane>();
  l->settings = settings;
  l->claim_size = claim_min;
  l->cells.resize(settings.content->column_count());
  // Retries of an earlier run: the first claim finds out when they are due.
  l->retry_at = 1;
  lanes_.push_back(std::move(l));
  pump();
}

void batch_sender::set_content(campaign_id campaign, const std::shared_ptr<const content::compiled_message>& content) {
  for (auto& l : lanes_) {
    if (l->settings.campaign == campaign) l->settings.content = content;
  }
}

void batch_sender::remove(campaign_id campaign) {
  std::erase_if(lanes_, [&](const auto& l) { return l->settings.campaign == campaign; });
}

void batch_sender::hold(campaign_id campaign) {
  for (auto& l : lanes_) {
    if (campaign && l->settings.campaign != campaign) continue;
    l->held = true;
    take_back(*l);
    flush(*l);
    tell_if_idle(*l);
  }
}

void batch_sender::release(campaign_id campaign) {
  for (auto& l : lanes_) {
    if (campaign && l->settings.campaign != campaign) continue;
    l->held = false;
    l->told_idle = false;
  }
  pump();
}

void batch_sender::look_again(campaign_id campaign) {
  for (auto& l : lanes_) {
    if (l->settings.campaign != campaign) continue;
    l->retry_at = 1;
    l->told_idle = false;
  }
  pump();
}

bool batch_sender::idle(campaign_id campaign) const noexcept {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [&](const auto& l) { return (campaign && l->settings.campaign != campaign) || settled_all(*l); });
}

bool batch_sender::has(campaign_id campaign) const noexcept {
  return std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& l) { return l->settings.campaign == campaign; });
}

bool batch_sender::settled_all(const lane& l) noexcept {
  return l.in_flight == 0 && l.claiming == 0 && !l.settling && l.takes_back == 0 && l.done.empty();
}

// Hands over as much as connections and limits allow, then looks after claims and outcomes.
void batch_sender::pump() {
  if (pumping_) return;
  pumping_ = true;
  auto now = executor_.time().now();
  if (now - wall_read_at_ >= millisecond) {  // the store's times are in milliseconds
    wall_read_at_ = now;
    wall_offset_ = executor_.time().wall() - now;
  }
  while (now >= slow_until_) {
    lane* l = next_ready();
    if (l == nullptr) break;
    const int slot = transport_.acquire();
    if (slot == net::transport::none) break;
    if (!send_one(*l, slot, now)) break;
  }
  if (now < slow_until_) wake_at(slow_until_);
  pumping_ = false;
  for (auto& l : lanes_) {
    claim_more(*l, now);
    flush(*l);
  }
}

batch_sender::lane* batch_sender::next_ready() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& l = *lanes_[(turn_ + i) % lanes_.size()];
    if (l.held) continue;
    if (l.waiting > 0 || !l.again.empty()) {
      turn_ = (turn_ + i + 1) % lanes_.size();
      return &l;
    }
    l.starved = true;
  }
  return nullptr;
}

// False: no permit now. Brings `now` up to date.
bool batch_sender::send_one(lane& l, int slot, nanoseconds_t& now) {
  const auto p = next_of(l);
  const auto& m = p.message();
  auto& request = transport_.buffer(slot);
  callback_.clear();
  channels::callback_key{store_id_, l.settings.campaign.value, m.id, m.attempt}.append_to(callback_);
  if (!recipients::split_cells(m.parameters, l.cells)) {  // cannot be: it was checked when the row came in
    transport_.release(slot);
    set_aside(l, p, message_state::refused, 0, errc::store_corrupt);
    return true;
  }
  channel_->encode(request, {*l.settings.content, l.settings.route, m.address, callback_, l.cells});

  // The permit is taken when nothing is left to do but to write.
  now = executor_.time().now();
  const auto recipient = permits_.per_recipient() ? pacing::recipient_key(m.address) : 0;
  const auto leave = permits_.take(now, recipient);
  if (!leave.granted) {
    transport_.release(slot);
    if (leave.this_recipient) {
      // Only this recipient waits; the others go on.
      set_aside(l, p, message_state::retry, wall_ms(leave.next) + 1, errc::rate_limited);
      return true;
    }
    if (leave.next != pacing::only_by_release) {
      wake_at(leave.next);
      if (leave.next - now > patience) {
        for (auto& each : lanes_) take_back(*each);
      }
    }
    return false;
  }
  std::uint32_t token;
  if (free_flights_.empty()) {
    token = static_cast<std::uint32_t>(flights_.size());
    flights_.emplace_back();
  } else {
    token = free_flights_.back();
    free_flights_.pop_back();
  }
  flights_[token] = {&l, p, now, wall_ms(now), recipient};
  hand_over(l, p);
  transport_.send(slot, token);
  return true;
}

// Messages that came back unsent go first; fresh ones of a lane are handed over in the order of their sequence, so that
// everything from the first waiting one on can be taken back.
batch_sender::place batch_sender::next_of(lane& l) {
  if (!l.again.empty()) return l.again.back();
  for (auto& c : l.open) {
    if (c->next < c->range.messages.size()) return {c.get(), c->next};
  }
  return {};
}

void batch_sender::hand_over(lane& l, place p) {
  if (!l.again.empty()) {
    l.again.pop_back();
  } else {
    ++p.claim->next;
    --l.waiting;
  }
  ++l.in_flight;
  ++l.handed_since;
}

// Takes the next message out of its turn without sending it, and so without counting an attempt.
void batch_sender::set_aside(lane& l, place p, message_state as, std::int64_t next_at_ms, errc why) {
  const auto& m = p.message();
  const store::outcome o{.id = m.id,
                         .state = as,
                         .attempt = m.attempts_before(),
                         .code = static_cast<std::int32_t>(why),
                         .at_ms = wall_ms(executor_.time().now()),
                         .next_at_ms = next_at_ms};
  hand_over(l, p);
  --l.in_flight;
  settle(l, o, p, {}, name(why));
}

void batch_sender::claim_more(lane& l, nanoseconds_t now) {
  if (l.held || l.claiming > 0 || l.takes_back > 0 || stalled_step_ > 0 || l.waiting > l.claim_size / 2) return;
  const bool retries = l.retry_at != 0 && l.retry_at <= now;
  if (l.at_end && !retries) {
    if (l.retry_at != 0) wake_at(l.retry_at);
    tell_if_idle(l);
    return;
  }
  if (now < slow_until_ || !reachable()) return;

  // About as much as goes out in the horizon, more when the lane ran dry although it could have sent.
  if (l.claimed_at != 0) {
    const auto elapsed = std::max<nanoseconds_t>(now - l.claimed_at, microsecond);
    auto size = static_cast<std::uint64_t>(static_cast<double>(l.handed_since) * static_cast<double>(claim_horizon) /
                                           static_cast<double>(elapsed));
    if (l.starved && l.handed_since > 0) size = std::max<std::uint64_t>(size, std::uint64_t{2} * l.claim_size);
    l.claim_size = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(size, claim_min, claim_max));
  }
  std::uint64_t waiting = 0;
  for (const auto& each : lanes_) waiting += each->waiting + each->again.size() + each->claiming;
  const auto allowed = permits_.allowed_until(now, now + claim_horizon);
  if (waiting > 0 && waiting > allowed / 2) return;  // enough until the next turn
  if (allowed == 0) {
    const auto next = permits_.check(now);
    if (!next.granted && next.next != pacing::only_by_release) {
      wake_at(std::max(next.next - claim_horizon / 2, now + millisecond));
    }
    return;
  }
  const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(l.claim_size, allowed - waiting));
  l.claimed_at = now;
  l.handed_since = 0;
  l.starved = false;
  l.claiming = count;

  struct made_claim {
    std::unique_ptr<open_claim> claim = std::make_unique<open_claim>();
    std::int64_t retry_at_ms = 0;
  };
  auto made = std::make_shared<made_claim>();
  store_surely(
      [made, retries, count, lane = l.settings.lane, at_ms = wall_ms(now)](store::database& db) {
        made->claim->retries = false;
        if (retries) {
          store::open_retries(db, lane, count, at_ms, made->claim->range);
          made->claim->retries = !made->claim->range.messages.empty();
        }
        if (!made->claim->retries) store::open_range(db, lane, count, at_ms, made->claim->range);
        made->retry_at_ms = store::next_retry_at(db, lane);
      },
      [this, made, &l] { claimed(l, std::move(made->claim), made->retry_at_ms); });
}

void batch_sender::claimed(lane& l, std::unique_ptr<open_claim> made, std::int64_t retry_at_ms) {
  l.claiming = 0;
  const bool unwanted = std::exchange(l.unwanted, false);
  l.retry_at = 0;  // what was settled later is told later, too
  retry_due(l, retry_at_ms);
  if (made->range.messages.empty()) {
    // Else what was taken back is there to be claimed again, or everybody in the range was skipped.
    l.at_end = !unwanted && !made->range.more;
  } else {
    made->outstanding = made->range.messages.size();
    l.waiting += made->outstanding;
    l.open.push_back(std::move(made));
  }
  if (l.held || unwanted) take_back(l);
  pump();
  tell_if_idle(l);
}

void batch_sender::on_end(const net::exchange_end& end) {
  const auto token = static_cast<std::uint32_t>(end.token);
  const auto f = flights_[token];
  free_flights_.push_back(token);
  auto& l = *f.of;
  --l.in_flight;
  const auto& m = f.at.message();
  const store::outcome settled{.id = m.id, .attempt = m.attempt, .at_ms = f.first_byte_ms};
  switch (end.fate) {
    case net::fate::unsent:
      // Not an attempt: it goes first, as if it had never left.
      permits_.refund(f.permit_at, f.recipient);
      l.again.push_back(f.at);
      if (l.held) take_back(l);
      break;
    case net::fate::unknown: {
      permits_.release();
      auto o = settled;
      o.state = message_state::unconfirmed;
      o.code = static_cast<std::int32_t>(end.reason);
      settle(l, o, f.at, {}, name(end.reason));
      break;
    }
    case net::fate::answered: {
      permits_.release();
      const auto answer = channel_->classify(end.status, end.body);
      if (answer.what == channels::answer::kind::accepted) {
        auto o = settled;
        o.state = message_state::accepted;
        ++accepted_since_slow_;
        settle(l, o, f.at, answer.message_id, other_than(m.address, answer.wa_id));
      } else if (answer.what == channels::answer::kind::unproven) {
        auto o = settled;
        o.state = message_state::unconfirmed;
        o.code = static_cast<std::int32_t>(errc::provider_unreadable);
        settle(l, o, f.at, {}, "HTTP " + std::to_string(end.status) + " without a word from the provider");
      } else {
        act_on(l, f, answer, end.retry_after);
      }
      break;
    }
  }
  pump();
  tell_if_idle(l);
}

// A proved refusal: what to do with the message, and with everybody else.
void batch_sender::act_on(lane& l, const flight& f, const channels::answer& answer, nanoseconds_t retry_after) {
  using enum channels::action;
  const auto& m = f.at.message();
  store::outcome o{.id = m.id,
                   .state = message_state::refused,
                   .attempt = m.attempt,
                   .code = answer.provider_code,
                   .at_ms = f.first_byte_ms};
  const auto now = executor_.time().now();
  retry_after = std::max(retry_after, answer.retry_after);
  const auto attempts = answer.retries_max == 0 ? attempts_max : std::min(attempts_max, answer.retries_max + 1u);
  // Of a message that has failed for now: from when on it may pass, for people who try it again.
  const auto wait = [&](nanoseconds_t for_time) {
    if (m.attempt < attempts) o.state = message_state::retry;
    o.next_at_ms = wall_ms(now + std::max(for_time, retry_after));
  };
  // Nothing is wrong with the message itself: it waits until people have seen to the cause.
  const auto keep = [&] {
    o.state = message_state::retry;
    o.next_at_ms = wall_ms(now);
  };
  const auto title = channel_->without_token(answer.title);
  const auto because = title + " (code " + std::to_string(answer.provider_code) + ")";
  campaign_id braked = l.settings.campaign;
  bool brakes = false;
  switch (answer.next) {
    case retry:
      wait(backoff(retry_base, m.attempt, m.id.key()));
      break;
    case slow:
      slow_down();
      slow_until_ = std::max(slow_until_, now + retry_after);
      wait(backoff(retry_base, m.attempt, m.id.key()));
      break;
    case pair:
      wait(second << std::min<std::uint32_t>(2 * (m.attempt - 1), 12));  // 4^X seconds
      break;
    case defer:
      o.next_at_ms = wall_ms(now + std::max(answer.wait, retry_after));
      break;
    case pause_number:
      if (answer.wait > 0 && answer.wait <= waited_out_max) {
        // It ends by itself, and soon.
        slow_until_ = std::max(slow_until_, now + std::max(answer.wait, retry_after));
        for (auto& each : lanes_) take_back(*each);
        wait(answer.wait);
        break;
      }
      [[fallthrough]];
    case pause_account:
      keep();
      braked = {};
      brakes = true;
      break;
    case pause_campaign:
      keep();
      brakes = true;
      break;
    case fail_campaign:
      brakes = true;
      break;
    default:
      break;
  }
  // The same request once more, and refused for now: of the first one that says nothing.
  if (m.repeats && channels::may_pass(answer.next)) {
    o.state = message_state::unconfirmed;
    o.next_at_ms = 0;
  }
  settle(l, o, f.at, {}, title);
  if (brakes) brake(braked, because);
}

void batch_sender::brake(campaign_id campaign, const std::string& reason) {
  const auto all_held = std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& l) {
    return l->held || (campaign && l->settings.campaign != campaign);
  });
  if (all_held) return;  // told already
  hold(campaign);
  owner_.on_brake(campaign, reason);
}

void batch_sender::slow_down() {
  const auto now = executor_.time().now();
  if (now < slow_until_) return;  // refusals of one burst count once
  // The last wait was long enough when it let some through; else the next is twice as long.
  slow_step_ =
      slow_step_ == 0 || accepted_since_slow_ >= slow_forgiven ? slow_base : std::min(2 * slow_step_, slow_max);
  accepted_since_slow_ = 0;
  slow_until_ = now + slow_step_;
  for (auto& l : lanes_) take_back(*l);
}

void batch_sender::settle(lane& l, const store::outcome& o, place p, std::string_view provider_id,
                          std::string_view detail) {
  l.done.add(o, provider_id, detail);
  if (--p.claim->outstanding > 0) return;
  l.done.intents.push_back(p.claim->range.intent);
  std::erase_if(l.open, [&](const auto& c) { return c.get() == p.claim; });
}

// Takes back what was opened and not handed to the network.
void batch_sender::take_back(lane& l) {
  const auto now_ms = wall_ms(executor_.time().now());
  // A claim under way commits before what is taken back here, and is void when it arrives.
  l.unwanted = l.claiming > 0;
  // Proved unsent, but later ones of its range are gone: it becomes a retry that is due at once.
  for (const auto& p : l.again) {
    const auto& m = p.message();
    settle(l,
           {.id = m.id,
            .state = message_state::retry,
            .attempt = m.attempts_before(),
            .code = static_cast<std::int32_t>(errc::connect_failed),
            .at_ms = now_ms,
            .next_at_ms = now_ms},
           p, {}, "not sent");
  }
  l.again.clear();
  if (l.waiting == 0) return;
  std::int64_t from = std::numeric_limits<std::int64_t>::max();
  std::vector<message_id> retries;
  for (auto it = l.open.begin(); it != l.open.end();) {
    auto& c = **it;
    for (auto i = c.next; i < c.range.messages.size(); ++i) {
      const auto id = c.range.messages[i].id;
      if (c.retries) {
        retries.push_back(id);
      } else {
        from = std::min<std::int64_t>(from, id.sequence);
        l.at_end = false;
      }
    }
    c.outstanding -= c.range.messages.size() - c.next;
    c.range.messages.resize(c.next);
    if (c.outstanding == 0) {
      l.done.intents.push_back(c.range.intent);
      it = l.open.erase(it);
    } else {
      ++it;
    }
  }
  l.waiting = 0;
  ++l.takes_back;
  store_surely(
      [lane = l.settings.lane, from, retries, now_ms](store::database& db) {
        if (from != std::numeric_limits<std::int64_t>::max()) store::take_back(db, lane, from);
        for (const auto id : retries) store::take_back_retry(db, id, now_ms);
      },
      [this, &l, due_ms = retries.empty() ? 0 : now_ms] {
        --l.takes_back;
        retry_due(l, due_ms);
        pump();
        tell_if_idle(l);
      });
}

void batch_sender::retry_due(lane& l, std::int64_t at_ms) {
  if (at_ms == 0) return;
  const auto due = std::max<nanoseconds_t>(1, at_ms * millisecond - wall_offset_);
  l.retry_at = l.retry_at == 0 ? due : std::min(l.retry_at, due);
}

// Never before a take-back: it narrows intents that the batch may close.
void batch_sender::flush(lane& l) {
  if (l.settling || l.takes_back > 0 || l.done.empty()) return;
  l.settling = true;
  auto batch = std::make_shared<store::outcomes>(std::move(l.done));
  l.done.clear();
  std::int64_t retry_at_ms = 0;
  for (const auto& o : batch->items) {
    if (o.state == message_state::retry && (retry_at_ms == 0 || o.next_at_ms < retry_at_ms)) retry_at_ms = o.next_at_ms;
  }
  store_surely([batch, campaign = l.settings.campaign, at_ms = wall_ms(executor_.time().now())](
                   store::database& db) { store::settle(db, campaign.value, *batch, at_ms); },
               [this, batch, retry_at_ms, &l] {
                 owner_.on_settled(l.settings.campaign, *batch);
                 l.settling = false;
                 retry_due(l, retry_at_ms);
                 flush(l);
                 pump();
                 tell_if_idle(l);
               });
}

void batch_sender::store_surely(const std::function<void(store::database&)>& job, const std::function<void()>& then) {
  writer_.submit(job, [this, job, then](const error* failed) {
    executor_.post([this, job, then, failed = failed ? std::optional(*failed) : std::nullopt] {
      if (!failed) {
        stalled_step_ = 0;
        return then();
      }
      if (failed->code == errc::closed) return;
      // An outcome that is lost would be a message forgotten, a range that is not taken back one never sent.
      stalled_.push_back([this, job, then] { store_surely(job, then); });
      stalled(*failed);
    });
  });
}

void batch_sender::stalled(const error& why) {
  owner_.on_trouble(why);
  if (stalled_.size() > 1) return;  // the timer runs
  stalled_step_ = stalled_step_ == 0 ? stalled_min : std::min(2 * stalled_step_, stalled_max);
  stalled_timer_->arm(executor_.time().now() + stalled_step_, [this] {
    for (const auto& again : std::exchange(stalled_, {})) again();
  });
}

void batch_sender::tell_if_idle(lane& l) {
  const bool no_more = l.held || (l.at_end && l.waiting == 0 && l.again.empty() && l.retry_at == 0);
  if (l.told_idle || !no_more || !settled_all(l)) return;
  l.told_idle = true;
  executor_.post([this, campaign = l.settings.campaign] { owner_.on_idle(campaign); });
}

void batch_sender::on_ready() {
  reachable_ = true;
  pump();
}

// Until there is a connection again nothing is opened that could not be sent.
void batch_sender::on_unreachable(const error& why) {
  reachable_ = false;
  for (auto& l : lanes_) {
    take_back(*l);
    flush(*l);
  }
  owner_.on_trouble(why);
  for (const auto& l : lanes_) {
    if (!l->held && reachable()) return pump();
  }
}

// Asking is what keeps the transport trying; on_ready() follows.
bool batch_sender::reachable() {
  if (reachable_) return true;
  const int slot = transport_.acquire();
  if (slot == net::transport::none) return false;
  transport_.release(slot);
  return reachable_ = true;
}

void batch_sender::wake_at(nanoseconds_t at) {
  const auto now = executor_.time().now();
  if (wake_ > now && wake_ <= at) return;
  wake_ = at;
  timer_->arm(at, [this] {
    wake_ = 0;
    pump();
  });
}

}  // namespace bulkmsg::sending
