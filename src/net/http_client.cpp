#include "net/http_client.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/origin.hpp"
#include "net/ready_set.hpp"
#include "net/response_reader.hpp"

namespace bulkmsg::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using io_executor = asio::io_context::executor_type;  // concrete: any_io_executor costs 1.7 us a request
using tcp = asio::ip::tcp;
using plain_stream = asio::basic_stream_socket<tcp, io_executor>;
using tls_stream = asio::ssl::stream<plain_stream>;
using resolver = asio::ip::basic_resolver<tcp, io_executor>;

constexpr nanoseconds_t tick = 100 * millisecond;  // grain of all deadlines
constexpr nanoseconds_t backoff_min = 100 * millisecond;
constexpr nanoseconds_t backoff_max = 5 * second;
constexpr nanoseconds_t recheck_after = 100 * microsecond;  // a connection seen healthy is believed this long
constexpr nanoseconds_t addresses_valid = 60 * second;
constexpr nanoseconds_t short_life = second;     // closed unused within this: the peer does not want us
constexpr std::size_t addresses_max = 16;        // of one name
constexpr std::size_t input_start_bytes = 4096;  // a provider's answer is a few hundred bytes

// ---- words for people ----------------------------------------------------------------------------------------------

std::string seconds_text(nanoseconds_t t) {
  return t % second == 0 ? std::to_string(t / second) + " s" : std::to_string(t / millisecond) + " ms";
}

// Names inside a certificate are the peer's text: kept short and printable before a person sees them.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 100)) out += c >= ' ' && c < 127 ? c : '?';
  return out;
}

std::string certificate_names(X509* certificate) {
  std::string out;
  int count = 0;
  const auto add = [&](std::string_view name) {
    if (++count > 3) return;
    if (!out.empty()) out += ", ";
    out += printable(name);
  };
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) {
      add({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
           static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))});
    } else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4) {
      const unsigned char* a = ASN1_STRING_get0_data(name->d.iPAddress);
      add(std::to_string(a[0]) + '.' + std::to_string(a[1]) + '.' + std::to_string(a[2]) + '.' + std::to_string(a[3]));
    }
  }
  GENERAL_NAMES_free(names);
  if (count > 3) out += ", ...";
  return out.empty() ? "another name" : out;
}

std::string asn1_time_text(const ASN1_TIME* time) {
  tm t{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &t) != 1) return "an unreadable date";
  char text[32];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%d", &t);
  return {text, n};
}

// ---- one connection ------------------------------------------------------------------------------------------------

class pool;

enum class phase : std::uint8_t {
  connecting,
  idle,
  held,  // acquired, or its buffer being written
  busy,  // a request was given; its end has not been told
  gone,  // closed; lives on only while Asio still holds handlers
};

enum class health : std::uint8_t {
  good,
  unsure,
  closed
};

// Counted without atomics: a connection never leaves the I/O thread.
class connection {
 public:
  connection(pool& p, int at, response_limits limits) : owner(&p), slot(at), reader(limits), input(input_start_bytes) {}
  virtual ~connection() = default;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  virtual void try_address(const tcp::endpoint& to) = 0;
  virtual void write() = 0;
  virtual void read() = 0;
  virtual void remember_session() = 0;
  virtual void shut() noexcept = 0;
  [[nodiscard]] virtual int descriptor() noexcept = 0;
  [[nodiscard]] virtual std::string explain(const error_code& ec, errc& code) const = 0;

  [[nodiscard]] health look() noexcept {
    pollfd p{descriptor(), POLLIN | POLLRDHUP, 0};
    const int n = ::poll(&p, 1, 0);
    if (n == 0) return health::good;
    if (n < 0 || (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) return health::closed;
    // Unasked-for bytes: on TLS a session ticket or a close_notify, which the pending read will tell apart; in plain
    // HTTP nobody speaks before being asked, except to say goodbye (408).
    return secure ? health::unsure : health::closed;
  }

  // Nothing that arrives matters any more.
  [[nodiscard]] bool is_over() const noexcept {
    return state == phase::gone || (state == phase::held && lost_while_held);
  }

  friend void intrusive_ptr_add_ref(connection* c) noexcept { ++c->references; }
  friend void intrusive_ptr_release(connection* c) noexcept {
    if (--c->references == 0) delete c;
  }

  pool* owner;
  const int slot;
  int references = 0;
  phase state = phase::connecting;
  bool secure = false;
  bool lost_while_held = false;
  bool served = false;  // an answer came over it
  bool handed = false;  // a byte of the current request may have left
  std::size_t written = 0;
  std::uint64_t token = 0;
  nanoseconds_t deadline = 0;    // of what `state` waits for
  nanoseconds_t give_up_at = 0;  // connecting: the deadline over all addresses
  nanoseconds_t ready_at = 0;
  nanoseconds_t looked_at = 0;
  std::size_t first_address = 0;
  std::size_t addresses_tried = 0;
  std::string output;
  response_reader reader;
  std::vector<char> input;
  std::size_t input_used = 0;
};

using connection_ptr = boost::intrusive_ptr<connection>;

// ---- the pool ------------------------------------------------------------------------------------------------------

class pool : public std::enable_shared_from_this<pool> {
 public:
  pool(io_thread& io, transport_options o, origin to, std::optional<asio::ssl::context> context)
      : options(std::move(o)),
        target(std::move(to)),
        tls(std::move(context)),
        sockets(std::make_shared<ready_set>(io.context(), io.time())),
        io_(io) {
    slots_.resize(static_cast<std::size_t>(options.connections_max));
    idle_.reserve(slots_.size());
    where_ = (target.host.find(':') == std::string::npos ? target.host : '[' + target.host + ']') + ':' +
             std::to_string(target.port);
  }
  ~pool() {
    if (session != nullptr) SSL_SESSION_free(session);
  }
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  // -- calls of the transport --

  void set_listener(listener* to) { listener_ = to; }

  int acquire() {
    if (closed_) return transport::none;
    const nanoseconds_t now = time();
    bool unsure = false;
    for (std::size_t i = idle_.size(); i-- > 0;) {
      connection_ptr c = slots_[static_cast<std::size_t>(idle_[i])];
      if (now - c->looked_at > recheck_after) {
        const health h = c->look();
        if (h == health::closed) {
          drop(*c);  // removes it from idle_; the ones below keep their places
          continue;
        }
        if (h == health::unsure) {
          unsure = true;
          continue;
        }
        c->looked_at = now;
      }
      idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));  // mostly the last one
      c->state = phase::held;
      c->output.clear();
      return c->slot;
    }
    wanted_ = true;
    // The pending read sorts an unsure connection out in this turn of the loop; then it may be had, or it is gone.
    if (unsure) request_drain();
    grow(now);
    return transport::none;
  }

  void release(int slot) {
    connection_ptr c = at(slot);
    if (!c || c->state != phase::held) return;
    if (c->lost_while_held) {
      drop(*c);
    } else {
      become_idle(*c, time());
    }
  }

  std::string& buffer(int slot) {
    connection* c = at(slot).get();
    if (c == nullptr || c->state != phase::held) return nowhere_.assign({});
    c->output.clear();
    return c->output;
  }

  void send(int slot, std::uint64_t token) {
    connection_ptr c = at(slot);
    if (!c || c->state != phase::held) {
      end_later({token, fate::unsent, errc::wrong_state, 0, 0, {}});
      ++in_flight_;
      return;
    }
    ++in_flight_;
    const nanoseconds_t now = time();
    c->token = token;
    c->state = phase::busy;
    c->handed = false;
    c->written = 0;
    health h = c->lost_while_held ? health::closed : health::good;
    if (h == health::good && now - c->looked_at > recheck_after) h = c->look();
    if (h == health::unsure) {
      end_later({token, fate::unsent, errc::connection_lost, 0, 0, {}});
      become_idle(*c, now);
      return;
    }
    if (h == health::closed) {
      end_later({token, fate::unsent, errc::connection_lost, 0, 0, {}});
      drop(*c);
      return;
    }
    c->deadline = now + options.response_timeout;
    wake_by(c->deadline, now);
    c->write();
  }

  [[nodiscard]] int in_flight() const noexcept { return in_flight_; }

  void close() {
    if (closed_) return;
    closed_ = true;
    wanted_ = false;
    if (tick_) tick_->cancel();
    if (resolver_) resolver_->cancel();
    for (connection_ptr c : slots_) {
      if (!c) continue;
      if (c->state == phase::busy) {
        end_later({c->token, c->handed ? fate::unknown : fate::unsent, errc::closed, 0, 0, {}});
      }
      forget(*c);
    }
  }

  // The transport is being destroyed: nothing is told any more, and no handler finds its way back.
  void abandon() {
    listener_ = nullptr;
    close();
    tick_.reset();
    resolver_.reset();
    sockets->close();
  }

  // -- what connections report --

  [[nodiscard]] nanoseconds_t time() const noexcept { return sockets->now(); }
  [[nodiscard]] const clock& clocks() const noexcept { return io_.time(); }
  [[nodiscard]] io_executor executor() { return io_.context().get_executor(); }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  void established(connection& c) {
    const nanoseconds_t now = time();
    --connecting_;
    ++established_;
    preferred_ = c.first_address + c.addresses_tried - 1;
    c.ready_at = now;
    c.looked_at = now;
    become_idle(c, now);
    c.read();
    tell_ready();
  }

  void attempt_failed(connection& c, const error_code& ec) {
    if (c.state != phase::connecting) return;
    errc code = errc::connect_failed;
    std::string why = c.explain(ec, code);
    // A name or a certificate that is wrong at one address is most likely wrong at all, but another one may be sound.
    if (c.addresses_tried < addresses_.size()) {
      next_address(c, time());
      return;
    }
    connect_failed(c, error{code, std::move(why), 0, 0});
  }

  // Bytes were read into the connection's input.
  void arrived(connection& c, std::size_t n) {
    c.input_used += n;
    if (c.state != phase::busy) {
      lost(c);  // an answer that nobody asked for
      return;
    }
    const std::size_t used = c.reader.put({c.input.data(), c.input_used}, clocks());
    c.input_used -= used;
    if (c.input_used > 0 && used > 0) {
      std::copy_n(c.input.data() + used, c.input_used, c.input.data());
    }
    switch (c.reader.state()) {
      case read_state::reading:
        // The reader bounds what it leaves unused, so this ends.
        if (c.input_used == c.input.size()) c.input.resize(c.input.size() * 2);
        c.read();
        return;
      case read_state::done:
        answered(c, c.reader.keep_alive() && c.input_used == 0 && c.written == c.output.size());
        return;
      case read_state::oversized:
        ended_without_answer(c, errc::too_large);
        return;
      case read_state::garbage:
      case read_state::truncated:
        ended_without_answer(c, errc::provider_unreadable);
        return;
    }
  }

  // The stream ended. `in_order`: by FIN, or by close_notify on TLS.
  void ended(connection& c, bool in_order) {
    if (c.state == phase::busy && in_order) {
      c.reader.put_eof();
      if (c.reader.state() == read_state::done) {
        answered(c, false);
        return;
      }
    }
    lost(c);
  }

  void lost(connection& c) {
    switch (c.state) {
      case phase::busy:
        ended_without_answer(c, errc::connection_lost);
        return;
      case phase::held:  // the slot is the caller's: send() or release() will notice
        c.lost_while_held = true;
        c.shut();
        return;
      case phase::idle:
        drop(c);
        return;
      case phase::connecting:
      case phase::gone:
        return;
    }
  }

  // A write failed. Called from inside send() too, so the end is told later.
  void write_failed(connection& c) {
    end_later({c.token, c.handed ? fate::unknown : fate::unsent, errc::connection_lost, 0, 0, {}});
    drop(c);
  }

  transport_options options;
  const origin target;
  std::optional<asio::ssl::context> tls;
  SSL_SESSION* session = nullptr;            // the last one a server gave us: saves the next handshake's signatures
  const std::shared_ptr<ready_set> sockets;  // plain ones; TLS goes through Asio

 private:
  connection_ptr at(int slot) const {
    return slot >= 0 && static_cast<std::size_t>(slot) < slots_.size() ? slots_[static_cast<std::size_t>(slot)]
                                                                       : nullptr;
  }

  // -- ends --

  void answered(connection& c, bool keep) {
    const connection_ptr alive(&c);  // the body lives in it
    c.served = true;
    failures_ = 0;
    const exchange_end end{c.token,           fate::answered,         errc::ok,
                           c.reader.status(), c.reader.retry_after(), c.reader.body()};
    c.remember_session();
    if (keep) {
      const nanoseconds_t now = time();
      c.looked_at = now;
      become_idle(c, now);
      c.read();
    } else {
      drop(c);
    }
    tell(end);
    tell_ready();
  }

  void ended_without_answer(connection& c, errc reason) {
    const exchange_end end{c.token, c.handed ? fate::unknown : fate::unsent, reason, 0, 0, {}};
    const connection_ptr alive(&c);
    drop(c);
    tell(end);
    tell_ready();
  }

  void tell(const exchange_end& end) {
    --in_flight_;
    if (listener_ != nullptr) listener_->on_end(end);
  }

  void tell_ready() {
    if (!wanted_ || idle_.empty()) return;
    wanted_ = false;
    if (listener_ != nullptr) listener_->on_ready();
  }

  void end_later(const exchange_end& end) {
    ends_.push_back(end);
    request_drain();
  }

  void request_drain() {
    if (draining_) return;
    draining_ = true;
    asio::post(io_.context(), [self = shared_from_this()] { self->drain(); });
  }

  void drain() {
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

  // -- connections --

  void become_idle(connection& c, nanoseconds_t now) {
    c.state = phase::idle;
    c.deadline = now + options.idle_timeout;
    idle_.push_back(c.slot);  // the one used last is used first, so that those not needed grow old and close
    wake_by(c.deadline, now);
  }

  // Closes a connection and frees its slot, without a word about its exchange.
  void forget(connection& c) noexcept {
    const connection_ptr alive(&c);
    if (c.state == phase::gone) return;
    if (c.state == phase::connecting) {
      --connecting_;
    } else {
      --established_;
    }
    std::erase(idle_, c.slot);
    c.state = phase::gone;
    c.shut();
    slots_[static_cast<std::size_t>(c.slot)] = nullptr;
  }

  void drop(connection& c) {
    const nanoseconds_t now = time();
    const bool unwelcome = !c.served && c.state != phase::connecting && now - c.ready_at < short_life;
    forget(c);
    // Otherwise a peer that accepts and closes at once would be called again as fast as it hangs up.
    if (unwelcome && !closed_) {
      failed({errc::connect_failed,
              where_ + " takes connections and closes them at once; is the provider or the proxy up?", 0, 0},
             now);
    }
  }

  void grow(nanoseconds_t now) {
    if (closed_) return;
    if (now < retry_at_) {
      wake_by(retry_at_, now);
      return;
    }
    // Doubling: a short campaign opens one connection, a long one has all of them after a few round trips.
    const int at_once = failures_ > 0 ? 1 : std::max(1, established_);
    while (connecting_ < at_once && connecting_ + established_ < options.connections_max) {
      const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
      const connection_ptr c = make_connection(static_cast<int>(free - slots_.begin()));
      *free = c;
      ++connecting_;
      c->give_up_at = now + options.connect_timeout;
      c->deadline = c->give_up_at;
      wake_by(c->deadline, now);
      connect(*c, now);
    }
  }

  connection_ptr make_connection(int slot);

  void connect(connection& c, nanoseconds_t now) {
    if (now < addresses_until_) {
      next_address(c, now);
      return;
    }
    if (looking_up_) return;  // it waits with the others
    looking_up_ = true;
    if (target.is_address) {
      looked_up({}, {tcp::endpoint(asio::ip::make_address(target.host), target.port)});
      return;
    }
    if (!resolver_) resolver_.emplace(executor());
    resolver_->async_resolve(target.host, std::to_string(target.port), resolver::numeric_service,
                             [self = shared_from_this()](const error_code& ec, const resolver::results_type& found) {
                               std::vector<tcp::endpoint> addresses;
                               for (const auto& entry : found) {
                                 // "localhost" over plain HTTP must stay on this machine whatever the resolver says.
                                 if (!self->target.tls && !entry.endpoint().address().is_loopback()) continue;
                                 if (addresses.size() < addresses_max) addresses.push_back(entry.endpoint());
                               }
                               self->looked_up(ec, std::move(addresses));
                             });
  }

  void looked_up(const error_code& ec, std::vector<tcp::endpoint> addresses) {
    looking_up_ = false;
    if (closed_) return;
    const nanoseconds_t now = time();
    addresses_ = std::move(addresses);
    preferred_ = 0;
    addresses_until_ = addresses_.empty() ? 0 : now + addresses_valid;
    for (connection_ptr c : slots_) {
      if (!c || c->state != phase::connecting || c->addresses_tried > 0) continue;
      if (addresses_.empty()) {
        const std::string why = ec ? ec.message() : std::string("no usable address");
        connect_failed(*c, {errc::connect_failed,
                            "the name " + target.host + " cannot be looked up: " + why +
                                "; check the host name and this machine's DNS",
                            0, 0});
      } else {
        next_address(*c, now);
      }
    }
  }

  void next_address(connection& from, nanoseconds_t now) {
    connection_ptr c(&from);
    if (c->addresses_tried > 0) {
      // A new object, because handlers of the attempt that is given up still refer to the old one's stream.
      connection_ptr fresh = make_connection(c->slot);
      fresh->give_up_at = c->give_up_at;
      fresh->first_address = c->first_address;
      fresh->addresses_tried = c->addresses_tried;
      c->state = phase::gone;
      c->shut();
      slots_[static_cast<std::size_t>(c->slot)] = fresh;
      c = std::move(fresh);
    } else {
      c->first_address = preferred_;
    }
    const std::size_t left = addresses_.size() - c->addresses_tried;
    const std::size_t index = (c->first_address + c->addresses_tried) % addresses_.size();
    ++c->addresses_tried;
    c->deadline = now + (c->give_up_at - now) / static_cast<nanoseconds_t>(left);
    wake_by(c->deadline, now);
    c->try_address(addresses_[index]);
  }

  void connect_failed(connection& c, error why) {
    addresses_until_ = 0;  // look the name up again: the provider may have moved
    forget(c);
    failed(std::move(why), time());
  }

  void failed(error why, nanoseconds_t now) {
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

  // -- time --

  // One timer for everything, on a grid, so that a busy pool arms it about once per deadline and not per message.
  void wake_by(nanoseconds_t at, nanoseconds_t now) {
    const nanoseconds_t grid = (std::max(at, now) / tick + 1) * tick;
    if (ticking_until_ != 0 && ticking_until_ <= grid) return;
    ticking_until_ = grid;
    if (!tick_) tick_ = io_.make_timer();
    tick_->arm(grid, [self = weak_from_this()] {
      if (const auto p = self.lock()) p->on_tick();
    });
  }

  void on_tick() {
    ticking_until_ = 0;
    const nanoseconds_t now = time();
    nanoseconds_t next = 0;
    const auto earliest = [&next](nanoseconds_t at) { next = next == 0 ? at : std::min(next, at); };
    for (std::size_t i = 0; i < slots_.size() && !closed_; ++i) {
      const connection_ptr c = slots_[i];
      if (!c || c->state == phase::held) continue;
      if (now < c->deadline) {
        earliest(c->deadline);
        continue;
      }
      switch (c->state) {
        case phase::connecting:
          late_to_connect(*c, now);
          break;
        case phase::idle:
          forget(*c);
          break;
        case phase::busy:
          ended_without_answer(*c, errc::timed_out);
          break;
        case phase::held:
        case phase::gone:
          break;
      }
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

  void late_to_connect(connection& c, nanoseconds_t now) {
    if (c.addresses_tried == 0) {
      connect_failed(c, {errc::connect_failed,
                         "the name " + target.host + " was not looked up within " +
                             seconds_text(options.connect_timeout) + "; check this machine's DNS",
                         0, 0});
    } else if (c.addresses_tried < addresses_.size() && now < c.give_up_at) {
      next_address(c, now);
    } else {
      connect_failed(c, {errc::connect_failed,
                         "no answer from " + where_ + " within " + seconds_text(options.connect_timeout) +
                             "; is the way there blocked by a firewall?",
                         0, 0});
    }
  }

  io_thread& io_;
  listener* listener_ = nullptr;
  std::string where_;
  std::vector<connection_ptr> slots_;
  std::vector<int> idle_;
  int connecting_ = 0;
  int established_ = 0;
  int in_flight_ = 0;
  bool wanted_ = false;  // acquire() found none, and on_ready() has not followed
  bool closed_ = false;
  int failures_ = 0;  // since the last answer
  nanoseconds_t retry_at_ = 0;
  bool step_told_ = false;  // on_unreachable() was called in this back-off step

  std::optional<resolver> resolver_;
  std::vector<tcp::endpoint> addresses_;
  std::size_t preferred_ = 0;
  nanoseconds_t addresses_until_ = 0;
  bool looking_up_ = false;

  std::vector<exchange_end> ends_;
  std::optional<error> unreachable_;
  bool draining_ = false;
  std::unique_ptr<timer> tick_;
  nanoseconds_t ticking_until_ = 0;
  std::string nowhere_;  // what buffer() of a slot that is not held returns
};

// ---- sockets -------------------------------------------------------------------------------------------------------

// Not opened by Asio, which would let the descriptor leak into programs that the host starts.
int open_socket(const tcp::endpoint& to, error_code& ec) {
  const int family = to.address().is_v6() ? AF_INET6 : AF_INET;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) ec.assign(errno, boost::system::system_category());
  return fd;
}

std::string explain_connect(const tcp::endpoint& address, const error_code& ec) {
  std::string at =
      address.address().is_v6() ? '[' + address.address().to_string() + ']' : address.address().to_string();
  at += ':' + std::to_string(address.port());
  if (ec == asio::error::connection_refused) {
    return "connection refused by " + at + "; is the provider or the proxy up?";
  }
  if (ec == asio::error::no_descriptors) {
    return "no file descriptor left to connect to " + at + "; raise the limit of open files (ulimit -n)";
  }
  return "cannot connect to " + at + ": " + ec.message() + "; check this machine's network";
}

// ---- plain, without Asio -------------------------------------------------------------------------------------------

class plain_connection final : public connection, private watcher {
  using self_ptr = boost::intrusive_ptr<plain_connection>;

 public:
  using connection::connection;
  ~plain_connection() override { shut(); }

  void try_address(const tcp::endpoint& to) override {
    address_ = to;
    error_code ec;
    fd_ = open_socket(to, ec);
    if (!ec && ::connect(fd_, to.data(), static_cast<socklen_t>(to.size())) != 0 && errno != EINPROGRESS) {
      ec.assign(errno, boost::system::system_category());
    }
    if (!ec && !owner->sockets->watch(fd_, *this, true)) ec = asio::error::no_descriptors;
    if (ec) asio::post(owner->executor(), [self = self_ptr(this), ec] { self->owner->attempt_failed(*self, ec); });
  }

  void write() override {
    // At once and without a queue: one system call in the usual case, and the count says exactly whether a byte has
    // left.
    while (written < output.size()) {
      const ssize_t n = ::send(fd_, output.data() + written, output.size() - written, MSG_NOSIGNAL);
      if (n > 0) {
        handed = true;
        written += static_cast<std::size_t>(n);
      } else if (n < 0 && errno == EAGAIN) {
        owner->sockets->change(fd_, *this, true);
        waits_to_write_ = true;
        return;
      } else if (n == 0 || errno != EINTR) {
        // Once a byte has left, what is read tells the end: a server may answer (413) and hang up on the rest.
        if (!handed) owner->write_failed(*this);
        return;
      }
    }
  }

  void read() override {}  // always watched
  void remember_session() override {}

  void shut() noexcept override {
    if (fd_ < 0) return;
    owner->sockets->forget(fd_, *this);
    ::close(fd_);
    fd_ = -1;
  }

  int descriptor() noexcept override { return fd_; }

  std::string explain(const error_code& ec, errc&) const override { return explain_connect(address_, ec); }

 private:
  void on_ready(bool readable, bool writable) override {
    const self_ptr alive(this);
    if (state == phase::connecting) {
      connected();
      return;
    }
    if (writable && waits_to_write_) {
      owner->sockets->change(fd_, *this, false);
      waits_to_write_ = false;
      if (state == phase::busy) write();
    }
    if (readable && fd_ >= 0 && !is_over()) receive();
  }

  void connected() {
    int why = 0;
    socklen_t size = sizeof why;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
    if (why != 0) {
      owner->attempt_failed(*this, {why, boost::system::system_category()});
      return;
    }
    const int on = 1;  // a request is one write: waiting for more only costs
    (void)::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    owner->sockets->change(fd_, *this, false);
    owner->established(*this);
  }

  void receive() {
    const ssize_t n = ::recv(fd_, input.data() + input_used, input.size() - input_used, 0);
    if (n > 0) {
      owner->arrived(*this, static_cast<std::size_t>(n));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      owner->ended(*this, n == 0);
    }
  }

  int fd_ = -1;
  tcp::endpoint address_;
  bool waits_to_write_ = false;
};

// ---- TLS, over Asio ------------------------------------------------------------------------------------------------

class tls_connection final : public connection {
  using self_ptr = boost::intrusive_ptr<tls_connection>;

 public:
  tls_connection(pool& p, int at, response_limits limits) : connection(p, at, limits), executor_(p.executor()) {
    secure = true;
  }

  void try_address(const tcp::endpoint& to) override {
    address_ = to;
    stream_.emplace(plain_stream(executor_), *owner->tls);
    error_code ec;
    const int fd = open_socket(to, ec);
    if (fd >= 0) {
      socket().assign(to.protocol(), fd, ec);
      if (ec) ::close(fd);
    }
    if (!ec) socket().non_blocking(true, ec);
    if (ec) {
      asio::post(executor_, [self = self_ptr(this), ec] { self->failed(ec); });
      return;
    }
    socket().async_connect(to, [self = self_ptr(this)](const error_code& e) {
      if (self->state != phase::connecting) return;
      if (e) {
        self->failed(e);
      } else {
        self->connected();
      }
    });
  }

  void write() override {
    handed = true;  // what OpenSSL has done with a byte cannot be asked
    stream_->async_write_some(asio::const_buffer(output.data() + written, output.size() - written),
                              [self = self_ptr(this)](const error_code& ec, std::size_t n) {
                                if (self->state != phase::busy) return;
                                self->written += n;
                                if (ec) {
                                  self->owner->write_failed(*self);
                                } else if (self->written < self->output.size()) {
                                  self->write();
                                }
                              });
  }

  void read() override {
    stream_->async_read_some(asio::mutable_buffer(input.data() + input_used, input.size() - input_used),
                             [self = self_ptr(this)](const error_code& ec, std::size_t n) {
                               if (self->is_over()) return;
                               // TLS: a FIN without close_notify arrives as stream_truncated, not as eof.
                               if (ec) {
                                 self->owner->ended(*self, ec == asio::error::eof);
                               } else {
                                 self->owner->arrived(*self, n);
                               }
                             });
  }

  void remember_session() override {
    if (session_kept_) return;
    session_kept_ = true;
    SSL_SESSION* fresh = SSL_get1_session(stream_->native_handle());
    if (fresh == nullptr) return;
    if (SSL_SESSION_is_resumable(fresh) != 1) {
      SSL_SESSION_free(fresh);
      return;
    }
    std::swap(owner->session, fresh);
    if (fresh != nullptr) SSL_SESSION_free(fresh);
  }

  void shut() noexcept override {
    if (!stream_) return;
    // Says "closed in order" to OpenSSL only, which would otherwise declare the session unfit for resumption.
    SSL_set_shutdown(stream_->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    error_code ignored;
    socket().close(ignored);
  }

  int descriptor() noexcept override { return socket().native_handle(); }

  std::string explain(const error_code& ec, errc& code) const override {
    if (handshaking_) {
      code = errc::tls_failed;
      return explain_tls(ec);
    }
    return explain_connect(address_, ec);
  }

 private:
  plain_stream& socket() noexcept { return stream_->next_layer(); }

  void failed(const error_code& ec) { owner->attempt_failed(*this, ec); }

  void connected() {
    error_code ignored;
    socket().set_option(tcp::no_delay(true), ignored);  // a request is one write: waiting for more only costs
    shake_hands();
  }

  void shake_hands() {
    handshaking_ = true;
    verify_error_ = X509_V_OK;
    SSL* ssl = stream_->native_handle();
    const std::string& name = server_name();
    X509_VERIFY_PARAM* check = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // An address is looked for among the certificate's addresses, and SNI does not carry one (RFC 6066, 3).
    bool ready = X509_VERIFY_PARAM_set1_ip_asc(check, name.c_str()) == 1;
    if (!ready) {
      ERR_clear_error();
      ready = X509_VERIFY_PARAM_set1_host(check, name.c_str(), name.size()) == 1 &&
              SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
    }
    static constexpr unsigned char http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_set_alpn_protos(ssl, http_1_1, sizeof http_1_1);
    if (owner->session != nullptr) SSL_set_session(ssl, owner->session);
    error_code ec;
    stream_->set_verify_mode(asio::ssl::verify_peer, ec);
    if (!ec) {
      stream_->set_verify_callback([this](bool ok, asio::ssl::verify_context& v) { return note_certificate(ok, v); },
                                   ec);
    }
    if (ec || !ready) {
      // Never go on without the check.
      if (!ec) ec = asio::error::invalid_argument;
      failed(ec);
      return;
    }
    stream_->async_handshake(asio::ssl::stream_base::client, [self = self_ptr(this)](const error_code& e) {
      if (self->state != phase::connecting) return;
      if (e) {
        self->failed(e);
        return;
      }
      self->handshaking_ = false;
      self->owner->established(*self);
    });
  }

  const std::string& server_name() const {
    return owner->options.tls.server_name.empty() ? owner->target.host : owner->options.tls.server_name;
  }

  // Keeps the first complaint and the words for it: after a failed handshake OpenSSL has let go of the certificate.
  bool note_certificate(bool ok, asio::ssl::verify_context& v) {
    if (ok || verify_error_ != X509_V_OK) return ok;
    X509_STORE_CTX* store = v.native_handle();
    verify_error_ = X509_STORE_CTX_get_error(store);
    X509* certificate = X509_STORE_CTX_get_current_cert(store);
    certificate_detail_.clear();
    if (certificate == nullptr) return ok;
    if (verify_error_ == X509_V_ERR_HOSTNAME_MISMATCH || verify_error_ == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      certificate_detail_ = certificate_names(certificate);
    } else if (verify_error_ == X509_V_ERR_CERT_HAS_EXPIRED) {
      certificate_detail_ = asn1_time_text(X509_get0_notAfter(certificate));
    } else if (verify_error_ == X509_V_ERR_CERT_NOT_YET_VALID) {
      certificate_detail_ = asn1_time_text(X509_get0_notBefore(certificate));
    }
    return ok;
  }

  std::string explain_tls(const error_code& ec) const {
    const std::string& name = server_name();
    switch (verify_error_) {
      case X509_V_OK:
        return "the TLS handshake with " + owner->where() + " failed: " + printable(ec.message()) +
               "; is it an https address, and does it speak TLS 1.2 or later?";
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the certificate is for " + certificate_detail_ + ", not " + name +
               "; check the address, or set tls.server_name";
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the certificate of " + name + " expired on " + certificate_detail_ +
               "; the server needs a new one (or this machine's clock is wrong)";
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the certificate of " + name + " is not valid before " + certificate_detail_ +
               "; check this machine's clock";
      default:
        return "the certificate of " + name + " is not trusted: " + X509_verify_cert_error_string(verify_error_) +
               "; give a CA file with tls.ca_file";
    }
  }

  io_executor executor_;
  std::optional<tls_stream> stream_;
  tcp::endpoint address_;
  bool handshaking_ = false;
  bool session_kept_ = false;
  int verify_error_ = X509_V_OK;
  std::string certificate_detail_;
};

connection_ptr pool::make_connection(int slot) {
  const response_limits limits{options.head_bytes_max, options.body_bytes_max};
  if (tls) return connection_ptr(new tls_connection(*this, slot, limits));
  return connection_ptr(new plain_connection(*this, slot, limits));
}

// ---- the transport -------------------------------------------------------------------------------------------------

class http_client final : public transport {
 public:
  http_client(io_thread& io, std::shared_ptr<pool> p) : io_(io), pool_(std::move(p)) {}
  ~http_client() override {
    if (!used_) return;
    // Without memory the pool cannot be reached, and left alone it would go on telling a listener that may be gone.
    for (;;) {
      try {
        io_.call([this] { pool_->abandon(); });
        // Destroyed inside one of its own callbacks: the handler that called still has to return through the pool.
        if (io_.on_thread()) io_.post([keep = pool_] {});
        return;
      } catch (const std::bad_alloc&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void set_listener(listener* to) override {
    used_ = true;
    pool_->set_listener(to);
  }
  int acquire() override {
    used_ = true;
    return pool_->acquire();
  }
  void release(int slot) override { pool_->release(slot); }
  std::string& buffer(int slot) override { return pool_->buffer(slot); }
  void send(int slot, std::uint64_t token) override { pool_->send(slot, token); }
  [[nodiscard]] int in_flight() const noexcept override { return pool_->in_flight(); }
  void close() override { pool_->close(); }

 private:
  io_thread& io_;
  std::shared_ptr<pool> pool_;
  bool used_ = false;  // before, nothing on the I/O thread knows of the pool
};

result<asio::ssl::context> make_tls(const tls_options& options) {
  try {
    asio::ssl::context context(asio::ssl::context::tls_client);
    SSL_CTX* c = context.native_handle();
    if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
      return fail(errc::tls_failed, "TLS 1.2 is not available");
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    error_code ec;
    if (options.ca_file.empty()) {
      context.set_default_verify_paths(ec);
      if (ec) return fail(errc::tls_failed, "the system's certificates cannot be read: " + ec.message());
    } else {
      context.load_verify_file(options.ca_file, ec);
      if (ec) {
        return fail(errc::file_unreadable, "the CA file " + options.ca_file + " cannot be read: " + ec.message() +
                                               "; tls.ca_file names a file of PEM certificates");
      }
    }
    return context;
  } catch (const boost::system::system_error& e) {
    return fail(errc::tls_failed, std::string("no TLS context: ") + e.what());
  }
}

struct checked_options {
  origin target;
  std::optional<asio::ssl::context> tls;
};

result<checked_options> check(const transport_options& options) {
  auto target = parse_origin(options.origin);
  if (!target) return fail(target.error());
  if (options.connections_max < 1 || options.connections_max > 1024) {
    return fail(errc::invalid_argument,
                "connections_max is " + std::to_string(options.connections_max) + "; use 1 to 1024");
  }
  for (const nanoseconds_t t : {options.connect_timeout, options.response_timeout, options.idle_timeout}) {
    if (t <= 0 || t > 3600 * second) return fail(errc::invalid_argument, "a timeout is outside 1 ns to 1 h");
  }
  if (options.head_bytes_max < 256 || options.head_bytes_max > 1024 * 1024 ||
      options.body_bytes_max > 64 * 1024 * 1024) {
    return fail(errc::invalid_argument, "head_bytes_max is 256 to 1 Mi, body_bytes_max at most 64 Mi");
  }
  checked_options checked{std::move(*target), std::nullopt};
  if (checked.target.tls) {
    auto made = make_tls(options.tls);
    if (!made) return fail(made.error());
    checked.tls.emplace(std::move(*made));
  }
  return checked;
}

}  // namespace

result<void> check_http_client(const transport_options& options) {
  if (auto checked = check(options); !checked) return fail(checked.error());
  return {};
}

result<std::unique_ptr<transport>> make_http_client(io_thread& io, transport_options options) {
  auto checked = check(options);
  if (!checked) return fail(checked.error());
  auto p = std::make_shared<pool>(io, std::move(options), std::move(checked->target), std::move(checked->tls));
  return std::make_unique<http_client>(io, std::move(p));
}

}  // namespace bulkmsg::net
