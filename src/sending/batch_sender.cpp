#include "sending/batch_sender.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/channels/http_text.hpp"
#include "bulkmsg/recipients/address.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "net/insist.hpp"
#include "sending/breaker_rules.hpp"

namespace bulkmsg::sending {

namespace {

// Only what is due soon is opened: after a crash everything open and unanswered is unconfirmed.
constexpr nanoseconds_t claim_horizon = 100 * millisecond;
constexpr std::uint32_t claim_min = 16;
constexpr std::uint32_t claim_max = 2048;  // also keeps one store job well below 20 ms
// Where a limit sets the pace there is time for smaller ones, which outcomes need not wait for: this, or on a slow disk
// what goes out while two are opened.
constexpr std::uint32_t claim_paced = 256;
// A range that must wait longer than this for a permit is taken back.
constexpr nanoseconds_t patience = 200 * millisecond;

// Bytes kept of the provider's name of a message; the longest known have about 128.
constexpr std::size_t provider_id_max = 512;

// So many messages for people who are not in the count of a used-up `recipients` limit are set aside in search of one
// who is; then all the lane's are taken for new.
constexpr std::uint32_t new_in_a_row_max = 64;

// Somebody who is in no count.
constexpr pacing::addressee nobody{1};

// How long a store that refuses to write is left alone.
constexpr nanoseconds_t stalled_min = 250 * millisecond;
constexpr nanoseconds_t stalled_max = 5 * second;

// How long nothing is sent when there was no memory for it.
constexpr nanoseconds_t starved_pause = 100 * millisecond;

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
      owner_(owner),
      watch_(sender_rules()) {}

void batch_sender::share(std::shared_ptr<pacing::shared_limits> limits) {
  permits_.share(std::move(limits), [this] {
    executor_.post([this] {
      look_for_room();
      pump();
    });
  });
}

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
  const auto found =
      std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g->campaign == settings.campaign; });
  if (found == groups_.end()) {
    groups_.push_back(std::make_unique<group>(settings));
    turns_.add(settings.campaign.value, settings.share);
    groups_.back()->lanes.push_back(l.get());
  } else {
    (*found)->lanes.push_back(l.get());
  }
  lanes_.push_back(std::move(l));
  pump();
}

void batch_sender::set_content(campaign_id campaign, const std::shared_ptr<const content::compiled_message>& content) {
  for (auto& l : lanes_) {
    if (l->settings.campaign == campaign) l->settings.content = content;
  }
}

void batch_sender::remove(campaign_id campaign) {
  std::erase_if(groups_, [&](const auto& g) { return g->campaign == campaign; });
  turns_.remove(campaign.value);
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
  watch_.reset();
  for (auto& g : groups_) {
    if (!campaign || g->campaign == campaign) g->watch.reset();
  }
  for (auto& l : lanes_) {
    if (campaign && l->settings.campaign != campaign) continue;
    l->held = false;
    l->told_idle = false;
  }
  pump();
}

void batch_sender::screen_again(campaign_id campaign) {
  ++screenings_;
  for (auto& l : lanes_) {
    if (campaign && l->settings.campaign != campaign) continue;
    take_back(*l);
    flush(*l);
  }
}

void batch_sender::look_again(campaign_id campaign) {
  for (auto& l : lanes_) {
    if (campaign && l->settings.campaign != campaign) continue;
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
    permits_.set_wall_offset(wall_offset_);
  }
  try {
    send_what_may_go(now);
  } catch (const std::bad_alloc&) {
    wake_at(now + starved_pause);
  }
  pumping_ = false;
  for (auto& l : lanes_) {
    claim_more(*l, now);
    flush(*l);
  }
}

void batch_sender::send_what_may_go(nanoseconds_t& now) {
  while (lane* l = next_ready(now)) {
    const int slot = transport_.acquire();
    if (slot == net::transport::none) {
      paced_ = false;
      break;
    }
    try {
      if (!send_one(*l, slot, now)) break;
    } catch (const std::bad_alloc&) {
      transport_.release(slot);
      throw;
    }
  }
  take_back_what_urgent_ones_displace(now);
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
  if (free_flights_.empty()) {
    free_flights_.reserve(flights_.size() + 1);  // so that an end needs no memory
    flights_.emplace_back();
    free_flights_.push_back(static_cast<std::uint32_t>(flights_.size() - 1));
  }

  // The permit is taken when nothing is left to do but to write.
  now = executor_.time().now();
  const auto to = addressee_of(m);
  const auto leave = permits_.take(now, to);
  if (!leave.granted) {
    transport_.release(slot);
    if (leave.this_recipient) {
      // Only this recipient waits; the others go on.
      set_aside(l, p, message_state::retry, wall_ms(leave.next) + 1, errc::rate_limited);
      return true;
    }
    if (leave.by != nullptr && leave.by->kind == pacing::limit_kind::recipients) {
      no_room_for(l, p, leave.next, now);
      return true;
    }
    paced_ = leave.next != pacing::only_by_release;
    if (paced_) {
      wake_at(pacing::wake_up(leave, now));
      if (leave.next - now > patience) {
        for (auto& each : lanes_) take_back(*each);
      }
    }
    return false;
  }
  const auto token = free_flights_.back();
  free_flights_.pop_back();
  flights_[token] = {&l, p, now, now, wall_ms(now), to, screenings_};
  hand_over(l, p);
  l.moved_at = now;
  l.new_in_a_row = 0;
  turns_.served(l.settings.campaign.value);
  transport_.send(slot, token);
  if (permits_.spaced()) {
    // The thread may have been held up since it had leave, and limits are judged by the first byte.
    now = executor_.time().now();
    permits_.left_by(now);
    flights_[token].left_by = now;
    flights_[token].first_byte_ms = wall_ms(now);
  }
  return true;
}

pacing::addressee batch_sender::addressee_of(const store::claimed& m) const {
  if (!permits_.looks_at_recipients()) return {};
  return {recipients::person_key(m.address), m.conversation_open};
}

// A `recipients` limit is used up. While something is in flight its refusal may bring a place back, so the lane waits
// for the answers. Whoever is in the count already may go, so then some others are set aside to look for them; when
// there are none, the lane waits until somebody leaves the count.
void batch_sender::no_room_for(lane& l, place p, nanoseconds_t next, nanoseconds_t now) {
  const bool answers_to_come = free_flights_.size() < flights_.size();
  if (!l.only_new && !answers_to_come && next - now > patience) {
    l.only_new = ++l.new_in_a_row >= new_in_a_row_max;
    return set_aside(l, p, message_state::retry, wall_ms(next) + 1, errc::rate_limited);
  }
  l.blocked_until = next;
  wake_at(next);
  if (next - now > patience) take_back(l);
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

// Somebody left the count of a `recipients` limit before their time.
void batch_sender::look_for_room() {
  if (!permits_.counts_recipients()) return;
  for (auto& l : lanes_) l->blocked_until = 0;
}

void batch_sender::claim_more(lane& l, nanoseconds_t now) {
  if (l.held || l.claiming > 0 || l.takes_back > 0 || stalled_step_ > 0 || l.waiting > l.claim_size / 2) return;
  const bool retries = l.retry_at != 0 && l.retry_at <= now;
  if (l.at_end && !retries) {
    if (l.retry_at != 0) wake_at(l.retry_at);
    tell_if_idle(l);
    return;
  }
  if (!may_send(l, now) || !reachable()) return;

  // About as much as goes out in the horizon, more when the lane ran dry although it could have sent.
  if (l.claimed_at != 0) {
    const auto elapsed = std::max<nanoseconds_t>(now - l.claimed_at, microsecond);
    auto size = static_cast<std::uint64_t>(static_cast<double>(l.handed_since) * static_cast<double>(claim_horizon) /
                                           static_cast<double>(elapsed));
    if (l.starved && l.handed_since > 0) size = std::max<std::uint64_t>(size, std::uint64_t{2} * l.claim_size);
    l.claim_size = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(size, claim_min, claim_max));
  }
  auto allowed = permits_.allowed_until(now, now + claim_horizon);
  if (l.only_new) allowed = std::min(allowed, permits_.new_recipients_until(now, now + claim_horizon));
  if (allowed == 0) {
    const auto next = permits_.check(now, l.only_new ? nobody : pacing::addressee());
    if (!next.granted && next.next != pacing::only_by_release) {
      wake_at(std::max(next.next - claim_horizon / 2, now + millisecond));
    }
    return;
  }
  auto count = claim_count(l, allowed);
  if (paced_) {
    const auto meanwhile = nanoseconds_t{2} * l.claim_size * std::min(l.claim_took, claim_horizon) / claim_horizon;
    count = std::min(count, std::max(claim_paced, static_cast<std::uint32_t>(meanwhile)));
  }
  if (count == 0) return;  // enough until the next turn
  l.claimed_at = now;
  l.handed_since = 0;
  l.starved = false;
  l.claiming = count;

  struct made_claim {
    std::unique_ptr<open_claim> claim = std::make_unique<open_claim>();
    std::int64_t retry_at_ms = 0;
  };
  auto made = net::insist([] { return std::make_shared<made_claim>(); });
  store_surely(
      [made, retries, count, lane = l.settings.lane, at_ms = wall_ms(now),
       conversations = permits_.counts_recipients()](store::database& db) {
        made->claim->retries = false;
        if (retries) {
          store::open_retries(db, lane, count, at_ms, made->claim->range, conversations);
          made->claim->retries = !made->claim->range.messages.empty();
        }
        if (!made->claim->retries) store::open_range(db, lane, count, at_ms, made->claim->range, conversations);
        made->retry_at_ms = store::next_retry_at(db, lane);
      },
      [this, made, &l] { claimed(l, std::move(made->claim), made->retry_at_ms); });
}

void batch_sender::claimed(lane& l, std::unique_ptr<open_claim> made, std::int64_t retry_at_ms) {
  l.claiming = 0;
  l.claim_took = executor_.time().now() - l.claimed_at;
  const bool unwanted = std::exchange(l.unwanted, false);
  l.retry_at = 0;  // what was settled later is told later, too
  retry_due(l, retry_at_ms);
  if (made->range.messages.empty()) {
    // Else what was taken back is there to be claimed again, or everybody in the range was skipped.
    l.at_end = !unwanted && !made->range.more;
  } else {
    made->outstanding = made->range.messages.size();
    l.waiting += made->outstanding;
    l.moved_at = executor_.time().now();
    net::insist([&] { l.open.push_back(std::move(made)); });
  }
  if (l.held || unwanted || !may_send(l, executor_.time().now())) take_back(l);
  pump();
  tell_if_idle(l);
}

void batch_sender::on_end(const net::exchange_end& end) {
  const auto token = static_cast<std::uint32_t>(end.token);
  const auto f = flights_[token];
  free_flights_.push_back(token);
  if (free_flights_.size() == flights_.size()) look_for_room();
  auto& l = *f.of;
  --l.in_flight;
  const auto& m = f.at.message();
  const store::outcome settled{.id = m.id, .attempt = m.attempt, .at_ms = f.first_byte_ms};
  switch (end.fate) {
    case net::fate::unsent:
      // Not an attempt: it goes first, as if it had never left.
      permits_.refund(f.permit_at, f.left_by, f.to);
      look_for_room();
      turns_.unserved(l.settings.campaign.value);
      net::insist([&] { l.again.push_back(f.at); });
      // Whoever is not to be written to any more was screened while this was on its way.
      if (l.held || f.screenings != screenings_) take_back(l);
      break;
    case net::fate::unknown: {
      permits_.release();
      auto o = settled;
      o.state = message_state::unconfirmed;
      o.code = static_cast<std::int32_t>(end.reason);
      settle(l, o, f.at, {}, name(end.reason));
      watch(l, f, error_class::lost, name(end.reason));
      break;
    }
    case net::fate::answered: {
      const auto answer = net::insist([&] { return channel_->classify(end.status, end.body); });
      if (answer.what == channels::answer::kind::accepted) {
        permits_.release();
        if (permits_.pairs_wait()) permits_.went_through(recipients::person_key(m.address));
        auto o = settled;
        o.state = message_state::accepted;
        settle(l, o, f.at, channels::cut(answer.message_id, provider_id_max), other_than(m.address, answer.wa_id));
        watch(l, f, error_class::none, {});
      } else if (answer.what == channels::answer::kind::unproven) {
        permits_.release();
        auto o = settled;
        o.state = message_state::unconfirmed;
        o.code = static_cast<std::int32_t>(errc::provider_unreadable);
        const auto words =
            net::insist([&] { return "HTTP " + std::to_string(end.status) + " without a word from the provider"; });
        settle(l, o, f.at, {}, words);
        watch(l, f, error_class::lost, words);
      } else {
        permits_.refused(f.permit_at, f.to);
        look_for_room();
        act_on(l, f, answer, end.retry_after);
      }
      break;
    }
  }
  pump();
  tell_if_idle(l);
}

void batch_sender::settle(lane& l, const store::outcome& o, place p, std::string_view provider_id,
                          std::string_view detail) {
  net::insist([&] { l.done.add(o, provider_id, detail); });
  if (--p.claim->outstanding > 0) return;
  net::insist([&] { l.done.intents.push_back(p.claim->range.intent); });
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
  net::insist([&] { retries.reserve(l.waiting); });
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
      net::insist([&] { l.done.intents.push_back(c.range.intent); });
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
  auto batch = net::insist([&] { return std::make_shared<store::outcomes>(std::move(l.done)); });
  l.done.clear();
  std::int64_t retry_at_ms = 0;
  for (const auto& o : batch->items) {
    if (o.state == message_state::retry && (retry_at_ms == 0 || o.next_at_ms < retry_at_ms)) retry_at_ms = o.next_at_ms;
  }
  store_surely([batch, campaign = l.settings.campaign, at_ms = wall_ms(executor_.time().now())](
                   store::database& db) { store::settle(db, campaign.value, *batch, at_ms); },
               [this, batch, retry_at_ms, &l] {
                 l.settling = false;
                 retry_due(l, retry_at_ms);
                 try {
                   owner_.on_settled(l.settings.campaign, *batch);
                 } catch (const std::bad_alloc&) {  // it is stored; who looks sees it
                 }
                 flush(l);
                 pump();
                 tell_if_idle(l);
               });
}

template <class Job, class Then>
void batch_sender::store_surely(const Job& job, const Then& then) {
  // What waits for `then` would wait for ever: so for memory, too, it is waited.
  net::insist([&] { submit(job, then); });
}

void batch_sender::submit(const std::function<void(store::database&)>& job, const std::function<void()>& then) {
  writer_.submit(job, [this, job, then](const error* failed) {
    net::insist([&] {
      executor_.post([this, job, then, failed = failed ? std::optional(*failed) : std::nullopt] {
        if (!failed) {
          stalled_step_ = 0;
          return then();
        }
        if (failed->code == errc::closed) return;
        // An outcome that is lost would be a message forgotten, a range that is not taken back one never sent.
        net::insist([&] { stalled_.push_back([this, job, then] { store_surely(job, then); }); });
        stalled(*failed);
      });
    });
  });
}

void batch_sender::stalled(const error& why) {
  if (stalled_.size() == 1) {  // else the timer runs
    stalled_step_ = stalled_step_ == 0 ? stalled_min : std::min(2 * stalled_step_, stalled_max);
    net::insist([&] {
      stalled_timer_->arm(executor_.time().now() + stalled_step_, [this] {
        for (const auto& again : std::exchange(stalled_, {})) again();
      });
    });
  }
  owner_.on_trouble(why);
}

void batch_sender::tell_if_idle(lane& l) {
  const bool no_more = l.held || (l.at_end && l.waiting == 0 && l.again.empty() && l.retry_at == 0);
  if (l.told_idle || !no_more || !settled_all(l)) return;
  l.told_idle = true;
  net::insist([&] { executor_.post([this, campaign = l.settings.campaign] { owner_.on_idle(campaign); }); });
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
  net::insist([&] {
    timer_->arm(at, [this] {
      wake_ = 0;
      pump();
    });
  });
}

}  // namespace bulkmsg::sending
