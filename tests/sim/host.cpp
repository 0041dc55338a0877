#include "sim/host.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "store/schema.hpp"

namespace bulkmsg::sim {

namespace {

const std::string app_secret = "an app secret";
constexpr std::uint64_t look_every = 5;  // commits

std::string sign(const std::string& body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned int size = 0;
  HMAC(EVP_sha256(), app_secret.data(), static_cast<int>(app_secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), mac.data(), &size);
  std::string hex = "sha256=";
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[mac[i] >> 4];
    hex += "0123456789abcdef"[mac[i] & 15];
  }
  return hex;
}

// An empty store; its name is on the real disk, too, for the lock and for whoever asks whether there is one.
class empty_store {
 public:
  empty_store() {
    char name[] = "/tmp/bulkmsg-sim-XXXXXX";
    dir_ = ::mkdtemp(name);
    ::setenv("BULKMSG_SIM_TOKEN", "a-token", 1);
    ::setenv("BULKMSG_SIM_APP_SECRET", app_secret.c_str(), 1);
    store::create_if_missing(path(), 1'800'000'000'000, 7);
    std::ostringstream all;
    all << std::ifstream(path(), std::ios::binary).rdbuf();
    bytes_ = all.str();
  }
  ~empty_store() { std::filesystem::remove_all(dir_); }
  [[nodiscard]] std::string path() const { return dir_ + "/store"; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string dir_;
  std::string bytes_;
};

// Made before any disk is mounted.
const empty_store& store_file() {
  static const empty_store one;
  return one;
}

}  // namespace

host::host(std::uint64_t seed, bool tells)
    : path_(store_file().path()), world_(seed, tells), d_(world_.dice()), judge_(world_, path_) {
  world_.disk().put(path_, store_file().bytes());
  world_.after_commit = [this] {
    if (world_.provider().light) return;
    if (++commits_ % look_every == 0) look();
  };
  world_.provider().still_paused = [this](std::int64_t of, std::int64_t mark) {
    const auto id = std::to_string(of);
    return judge_.number("SELECT state = 5 FROM campaigns WHERE id = " + id) != 0 &&
           judge_.number("SELECT max(id) FROM history WHERE campaign = " + id) == mark;
  };
}

host::~host() {
  world_.disk().kill();  // whatever the engine still does on its way out is of no account
  engine_.reset();
  judge_.rise();
}

verdict host::end(const std::string& broken) {
  said_.broken = broken;
  said_.trace = world_.trace();
  said_.requests = world_.provider().requests();
  said_.accepted = world_.provider().accepted();
  said_.seconds = static_cast<double>(world_.clock().now()) / 1e9;
  return said_;
}

std::string host::words_of(const error& e) const {
  auto words = e.message;
  const auto folder = path_.substr(0, path_.rfind('/') + 1);
  for (auto at = words.find(folder); at != std::string::npos; at = words.find(folder)) words.erase(at, folder.size());
  return words;
}

void host::open() {
  for (int tries = 0;; ++tries) {
    world_.provider().rules.opened(world_.provider().now());
    auto opened = engine::open(path_, {});
    if (opened && world_.alive()) {
      engine_.emplace(std::move(*opened));
      break;
    }
    // A disk that fails to sync may be said to; the host's next process tries again.
    const bool excused = syncs_fail_ && !opened && opened.error().code == errc::store_failed;
    if (world_.alive() && !excused) throw broken{"the store does not open again: " + opened.error().message};
    if (tries > 20) throw broken{"the store does not open at all"};
    if (opened) {
      engine late(std::move(*opened));
    }
    world_.reboot(d_.chance(500) ? disk::end::of_power : disk::end::of_process);
  }
  const auto found = engine_->recovered();
  world_.say("opened, unconfirmed " + std::to_string(found.unconfirmed) + " of " + std::to_string(found.window));
  if (found.unconfirmed > found.window) throw broken{"more unconfirmed than the window held"};
  said_.unconfirmed_found += found.unconfirmed;
  judge_.sit();
  judge_.look();
}

void host::look() {
  judge_.look();
  if (judge_.sits()) look_at_notices();
}

void host::die() {
  world_.disk().kill();
  const bool power = d_.chance(500);
  world_.say(power ? "the power fails" : "the process is killed");
  ++said_.deaths;
  judge_.rise();
  engine_.reset();
  world_.provider().rules.ended(world_.provider().now());
  world_.reboot(power ? disk::end::of_power : disk::end::of_process);
  if (d_.chance(100)) world_.disk().die_after(d_.between(0, 30));
  world_.run_until(world_.clock().now() + d_.between(0, d_.chance(500) ? 20 : 2000) * millisecond);
  // A clock that was set forward hides from the next process how long ago the last requests were.
  if (jumped_forward_at_ >= 0 && world_.clock().now() - jumped_forward_at_ < 40 * second)
    world_.provider().forget_times();
  world_.disk().fail_syncs(0);
  syncs_fail_ = false;
  open();
  for (auto& c : campaigns_) {
    if (c.started && state(c) == campaign_state::draft) throw broken{"a campaign was started, and is a draft again"};
    if (c.stopped && state(c) != campaign_state::stopped) throw broken{"a campaign was stopped, and is not"};
  }
}

// The host closes in good order, and opens again later.
void host::leave_for(nanoseconds_t time) {
  const auto drain = std::chrono::milliseconds(d_.between(0, 1500));
  judge_.rise();
  world_.say("close");
  static_cast<void>(engine_->close(drain));
  if (!world_.alive()) return die();
  engine_.reset();
  world_.provider().rules.ended(world_.provider().now());
  const bool power = d_.chance(300);
  world_.reboot(power ? disk::end::of_power : disk::end::of_process);
  world_.run_until(world_.clock().now() + time);
  if (jumped_forward_at_ >= 0 && world_.clock().now() - jumped_forward_at_ < 40 * second)
    world_.provider().forget_times();
  if (d_.chance(200)) {  // nobody runs it, and somebody posts
    posts_ = 1;
    if (!world_.provider().mail.empty() && world_.provider().mail.begin()->first <= world_.clock().now()) deliver();
  }
  open();
}

void host::run_for(nanoseconds_t time) {
  const auto until = world_.clock().now() + time;
  while (world_.alive()) {
    auto& mail = world_.provider().mail;
    if (mail.empty() || mail.begin()->first > until) {
      world_.run_until(until);
      break;
    }
    // The provider gathers for a moment.
    world_.run_until(mail.begin()->first + d_.between(0, 200) * millisecond);
    deliver();
  }
  check_alive();
}

// One webhook of what has gathered; what was not acknowledged comes again.
void host::deliver() {
  if (!world_.alive()) return;
  auto& mail = world_.provider().mail;
  std::vector<provider::receipt> gathered;
  for (auto most = d_.between(1, 60); most > 0 && !mail.empty() && mail.begin()->first <= world_.clock().now();
       --most) {
    const auto& next = mail.begin()->second;
    if (!gathered.empty() && gathered.front().number != next.number) break;
    gathered.push_back(std::move(mail.extract(mail.begin()).mapped()));
  }
  for (const auto& r : gathered) {
    if (r.stop) world_.provider().may_bar(r.from);
    if (r.notice >= 0) world_.provider().told.comes(r.notice);
  }
  const auto body = world_.provider().webhook(gathered);
  const auto take = [&](engine& by) { return by.ingest(body, sign(body)); };
  const bool by_other = posts_ > 0 && posts_-- > 0;
  if (by_other) world_.say("another process takes a webhook");
  const auto done = by_other ? by_another(take) : take(*engine_);
  for (auto& r : gathered) {
    if (r.notice >= 0) {
      world_.say("notice " + std::to_string(r.notice) + (done ? " taken" : " not taken: " + words_of(done.error())));
      world_.provider().told.taken(r.notice, done.has_value());
      continue;
    }
    world_.say("webhook " + std::to_string(r.message >> 32) + ":" + std::to_string(r.message & 0xffffffff) + " rank " +
               (r.reply.empty() ? std::to_string(r.rank) : r.reply) +
               (done ? " taken" : " not taken: " + words_of(done.error())));
    // Who died after the commit did not say so; the engine knows.
    if (r.reply.empty() && (done || by_other)) world_.provider().rules.heard(r.number, r.attempt);
    if (!done) {
      if (by_other) judge_.may_have_taken(r.reply);
      continue;
    }
    if (r.reply.empty()) {
      judge_.took(r.message, r.rank);
    } else {
      judge_.took_reply(r.reply, r.quotes ? r.message : 0, r.quoted, r.stop);
    }
  }
  // The host may die before its answer is out: then it is not acknowledged, though it was taken.
  const bool unanswered = done && world_.alive() && !calm_ && d_.chance(4);
  if (unanswered) world_.disk().kill();
  if (done && !unanswered) return;
  for (auto& r : gathered) mail.emplace(world_.clock().now() + second, std::move(r));
}

void host::poll() {
  std::array<event, 64> events;
  auto got = engine_->poll(events, std::chrono::milliseconds(0));
  if (!got) return;
  event_id last;
  for (std::size_t i = 0; i < *got; ++i) last = std::max(last, events[i].id);
  if (!last) return;
  judge_.heard(last.value);
  static_cast<void>(ask("ack", [&] { return engine_->ack(last); }));
}

}  // namespace bulkmsg::sim
