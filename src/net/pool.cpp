#include "net/pool.hpp"

#include <algorithm>
#include <utility>

#include "net/insist.hpp"

namespace bulkmsg::net {
namespace {

constexpr nanoseconds_t tick = 100 * millisecond;  // grain of all deadlines
constexpr nanoseconds_t backoff_min = 100 * millisecond;
constexpr nanoseconds_t backoff_max = 5 * second;
constexpr nanoseconds_t recheck_after = 100 * microsecond;  // a connection seen healthy is believed this long
constexpr nanoseconds_t short_life = second;                // closed unused within this: the peer does not want us
constexpr nanoseconds_t lookup_patience = 2 * second;       // then the addresses known before will do

std::string seconds_text(nanoseconds_t t) {
  return t % second == 0 ? std::to_string(t / second) + " s" : std::to_string(t / millisecond) + " ms";
}

}  // namespace

pool::pool(io_thread& io, transport_options options, origin target, std::unique_ptr<tls_server> tls)
    : options_(std::move(options)),
      target_(std::move(target)),
      tls_(std::move(tls)),
      io_(io),
      sockets_(std::make_shared<ready_set>(io)),
      names_(std::in_place, io, target_, io.time()) {
  slots_.reserve(static_cast<std::size_t>(options_.connections_max));
  idle_.reserve(slots_.capacity());
}

// ---- calls of the transport ----------------------------------------------------------------------------------------

int pool::acquire() {
  if (closed_) return transport::none;
  const nanoseconds_t now = sockets_->now();
  while (!idle_.empty()) {
    connection& c = *slots_[static_cast<std::size_t>(idle_.back())];
    if (now - c.looked_at > recheck_after) {
      if (!c.is_sound()) {
        drop(c);  // takes it from idle_
        continue;
      }
      c.looked_at = now;
    }
    idle_.pop_back();
    c.state = phase::held;
    c.output.clear();
    return c.slot;
  }
  wanted_ = true;
  grow(now);
  return transport::none;
}

void pool::release(int slot) {
  connection* c = held(slot);
  if (c == nullptr) return;
  if (c->is_open()) {
    become_idle(*c, sockets_->now());
  } else {
    drop(*c);
  }
}

std::string& pool::buffer(int slot) {
  connection* c = held(slot);
  std::string& to = c != nullptr ? c->output : nowhere_;
  to.clear();
  return to;
}

void pool::send(int slot, std::uint64_t token) {
  ++in_flight_;
  connection* c = held(slot);
  if (c == nullptr) {
    end_later({token, fate::unsent, errc::wrong_state});
    return;
  }
  const nanoseconds_t now = sockets_->now();
  c->token = token;
  c->state = phase::busy;
  c->handed = false;
  c->written = 0;
  const bool sound = c->is_open() && (now - c->looked_at <= recheck_after || c->is_sound());
  if (sound) {
    c->deadline = now + options_.response_timeout;
    wake_by(c->deadline, now);
    if (c->write()) return;
  }
  end_later({token, fate::unsent, errc::connection_lost});
  drop(*c);
}

void pool::close() {
  if (closed_) return;
  closed_ = true;
  wanted_ = false;
  if (tick_) tick_->cancel();
  names_.reset();
  for (const auto& c : slots_) {
    if (c->state == phase::busy) {
      end_later({c->token, c->handed ? fate::unknown : fate::unsent, errc::closed});
    }
    forget(*c);
  }
}

void pool::abandon() {
  listener_ = nullptr;
  close();
  tick_.reset();
  sockets_->close();
}

// ---- what connections report ---------------------------------------------------------------------------------------

void pool::connected(connection& c) {
  const nanoseconds_t now = sockets_->now();
  --connecting_;
  ++established_;
  preferred_ = c.first_address + c.addresses_tried - 1;
  c.ready_at = now;
  c.looked_at = now;
  become_idle(c, now);
  tell_ready();
}

void pool::not_connected(connection& c, error why) {
  // A name or a certificate that is wrong at one address is most likely wrong at all, but another one may be sound.
  if (c.addresses_tried < names_->addresses().size()) {
    next_address(c, sockets_->now());
  } else {
    give_up_connecting(c, std::move(why));
  }
}

void pool::answered(connection& c, bool keep) {
  c.served = true;
  failures_ = 0;
  const exchange_end end{c.token, fate::answered, errc::ok, c.reader.status(), c.reader.retry_after(), c.reader.body()};
  if (keep) {
    const nanoseconds_t now = sockets_->now();
    c.looked_at = now;
    become_idle(c, now);
  } else {
    drop(c);
  }
  tell(end);
  tell_ready();
}

void pool::lost(connection& c, errc why) {
  if (c.state == phase::busy) {
    end_without_answer(c, why);
  } else if (c.state == phase::held) {
    c.close();  // the slot is the caller's: send() or release() will notice
  } else {
    drop(c);
  }
}

// ---- ends ----------------------------------------------------------------------------------------------------------

connection* pool::held(int slot) const noexcept {
  if (slot < 0 || static_cast<std::size_t>(slot) >= slots_.size()) return nullptr;
  connection* c = slots_[static_cast<std::size_t>(slot)].get();
  return c->state == phase::held ? c : nullptr;
}

void pool::end_without_answer(connection& c, errc why) {
  const exchange_end end{c.token, c.handed ? fate::unknown : fate::unsent, why};
  drop(c);
  tell(end);
  tell_ready();
}

void pool::tell(const exchange_end& end) {
  --in_flight_;
  if (listener_ != nullptr) listener_->on_end(end);
}

void pool::tell_ready() {
  if (!wanted_ || idle_.empty()) return;
  wanted_ = false;
  if (listener_ != nullptr) listener_->on_ready();
}

void pool::end_later(const exchange_end& end) {
  insist([&] { ends_.push_back(end); });  // who sent waits for it
  request_drain();
}

void pool::request_drain() {
  if (draining_) return;
  insist([this] { io_.post([self = shared_from_this()] { self->drain(); }); });
  draining_ = true;
}

void pool::drain() {
  draining_ = false;
  std::vector<exchange_end> ends;
  ends.swap(ends_);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    try {
      tell(ends[i]);
    } catch (...) {  // a listener that fails at one end must still hear the others
      ends_.insert(ends_.begin(), ends.begin() + static_cast<std::ptrdiff_t>(i) + 1, ends.end());
      if (!ends_.empty() || unreachable_) request_drain();
      throw;
    }
  }
  if (unreachable_) {
    const error why = *std::exchange(unreachable_, std::nullopt);
    if (listener_ != nullptr) listener_->on_unreachable(why);
  }
  tell_ready();
}

// ---- connections ---------------------------------------------------------------------------------------------------

void pool::become_idle(connection& c, nanoseconds_t now) {
  c.state = phase::idle;
  c.deadline = now + options_.idle_timeout;
  idle_.push_back(c.slot);  // the one used last is used first, so that those not needed grow old and close
  wake_by(c.deadline, now);
}

// Closes a connection without a word about its exchange.
void pool::forget(connection& c) noexcept {
  if (c.state == phase::closed) return;
  --(c.state == phase::connecting ? connecting_ : established_);
  std::erase(idle_, c.slot);
  c.state = phase::closed;
  c.close();
}

void pool::drop(connection& c) {
  const nanoseconds_t now = sockets_->now();
  const bool unwelcome = !c.served && now - c.ready_at < short_life;
  forget(c);
  // Otherwise a peer that accepts and closes at once would be called again as fast as it hangs up.
  if (unwelcome && !closed_) {
    failed({errc::connect_failed,
            target_.host_and_port() + " takes connections and closes them at once; is the provider or the proxy up?"},
           now);
  }
}

void pool::grow(nanoseconds_t now) {
  // Doubling: a short campaign opens one connection, a long one has all of them after a few round trips.
  const int at_once = failures_ > 0 ? 1 : std::max(1, established_);
  while (!closed_ && now >= retry_at_ && connecting_ < at_once &&
         connecting_ + established_ < options_.connections_max) {
    connection& c = closed_one();
    ++connecting_;
    c.state = phase::connecting;
    c.served = false;
    c.addresses_tried = 0;
    c.give_up_at = now + options_.connect_timeout;
    c.deadline = c.give_up_at;
    wake_by(c.deadline, now);
    find_the_way(c, now);
  }
  if (now < retry_at_) wake_by(retry_at_, now);
}

connection& pool::closed_one() {
  const auto found = std::ranges::find_if(slots_, [](const auto& c) { return c->state == phase::closed; });
  if (found != slots_.end()) return **found;
  connection::user& self = *this;
  slots_.push_back(std::make_unique<connection>(
      self, *sockets_, io_.time(), tls_ ? tls_->make_bytes() : make_plain_bytes(),
      response_limits{options_.head_bytes_max, options_.body_bytes_max}, static_cast<int>(slots_.size())));
  return *slots_.back();
}

void pool::find_the_way(connection& c, nanoseconds_t now) {
  if (names_->fresh()) {
    next_address(c, now);
    return;
  }
  if (!names_->asking()) {  // else it waits with the others
    names_->look_up([this](const std::string& why_none) { looked_up(why_none); });
  }
  if (names_->asking() && !names_->addresses().empty()) {
    c.deadline = std::min(c.give_up_at, now + lookup_patience);
    wake_by(c.deadline, now);
  }
}

void pool::looked_up(const std::string& why_none) {
  const nanoseconds_t now = sockets_->now();
  if (!names_->unanswered()) preferred_ = 0;
  for (const auto& c : slots_) {
    if (c->state != phase::connecting || c->addresses_tried > 0) continue;
    if (!why_none.empty()) {
      give_up_connecting(*c, {errc::connect_failed, "the name " + target_.host + " cannot be looked up: " + why_none +
                                                        "; check the host name and this machine's DNS"});
    } else {
      next_address(*c, now);
    }
  }
}

void pool::next_address(connection& c, nanoseconds_t now) {
  const std::vector<address>& all = names_->addresses();
  if (c.addresses_tried == 0) c.first_address = preferred_;
  for (;;) {
    const auto left = static_cast<nanoseconds_t>(all.size() - c.addresses_tried);
    const address& to = all[(c.first_address + c.addresses_tried) % all.size()];
    ++c.addresses_tried;
    c.deadline = now + (c.give_up_at - now) / left;
    wake_by(c.deadline, now);
    const int why = c.connect(to);
    if (why == 0) return;
    if (left == 1) {
      give_up_connecting(c, {errc::connect_failed, connection::why_not_connected(to, why)});
      return;
    }
  }
}

void pool::give_up_connecting(connection& c, error why) {
  names_->doubt();
  forget(c);
  failed(std::move(why), sockets_->now());
}

void pool::failed(error why, nanoseconds_t now) {
  if (now >= retry_at_) {  // connections that fail together are one failure
    const int shift = std::min(failures_, 10);
    ++failures_;
    retry_at_ = now + std::min(backoff_min << shift, backoff_max);
    step_told_ = false;
  }
  if (established_ == 0 && !step_told_) {
    step_told_ = true;
    unreachable_ = std::move(why);
    request_drain();
  }
  if (wanted_) wake_by(retry_at_, now);
}

// ---- time ----------------------------------------------------------------------------------------------------------

// One timer for everything, on a grid, so that a busy pool arms it about once per deadline and not per message.
void pool::wake_by(nanoseconds_t at, nanoseconds_t now) {
  const nanoseconds_t grid = (std::max(at, now) / tick + 1) * tick;
  if (ticking_until_ != 0 && ticking_until_ <= grid) return;
  insist([&] {  // without it nothing would end that waits in vain
    if (!tick_) tick_ = io_.make_timer();
    tick_->arm(grid, [self = weak_from_this()] {
      if (const auto p = self.lock()) p->on_tick();
    });
  });
  ticking_until_ = grid;
}

void pool::on_tick() {
  ticking_until_ = 0;
  const nanoseconds_t now = sockets_->now();
  nanoseconds_t next = 0;
  const auto earliest = [&next](nanoseconds_t at) { next = next == 0 ? at : std::min(next, at); };
  try {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      connection& c = *slots_[i];
      if (c.state == phase::closed || c.state == phase::held) continue;
      if (now < c.deadline) {
        earliest(c.deadline);
      } else if (c.state == phase::connecting) {
        late_to_connect(c, now);
      } else if (c.state == phase::idle) {
        forget(c);
      } else {
        end_without_answer(c, errc::timed_out);
      }
    }
  } catch (...) {  // the others' deadlines are to be kept all the same
    wake_by(now, now);
    throw;
  }
  if (closed_) return;
  if (wanted_) {
    if (now >= retry_at_) {
      grow(now);
    } else {
      earliest(retry_at_);
    }
  }
  if (next != 0) wake_by(next, now);
}

void pool::late_to_connect(connection& c, nanoseconds_t now) {
  if (c.addresses_tried == 0 && names_->addresses().empty()) {
    give_up_connecting(
        c, {errc::connect_failed, "the name " + target_.host + " was not looked up within " +
                                      seconds_text(options_.connect_timeout) + "; check this machine's DNS"});
  } else if (c.addresses_tried < names_->addresses().size() && now < c.give_up_at) {
    next_address(c, now);
  } else {
    give_up_connecting(c, {errc::connect_failed, "no answer from " + target_.host_and_port() + " within " +
                                                     seconds_text(options_.connect_timeout) +
                                                     "; is the way there blocked by a firewall?"});
  }
}

}  // namespace bulkmsg::net
