// A campaign on virtual time: the shipped batch sender, the shipped SQL and writer, a scripted provider, one thread.
// Nothing sleeps, and the same script gives the same run.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/channels/whatsapp_channel.hpp"
#include "bulkmsg/content/template_json.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "sending/batch_sender.hpp"
#include "short_memory.hpp"
#include "store/accounts.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/past_recipients.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"
#include "store/schema.hpp"
#include "store/senders.hpp"
#include "store/suppressions.hpp"
#include "store/templates.hpp"

namespace bulkmsg::testing {

// Tasks in the order posted, timers in the order of their time.
class virtual_executor final : public executor {
 public:
  explicit virtual_executor(manual_clock& time) : time_(time) {}
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  std::unique_ptr<timer> make_timer() override { return std::make_unique<sleeper>(*this); }
  [[nodiscard]] const clock& time() const noexcept override { return time_; }

  void at(nanoseconds_t when, std::function<void()> task) {
    const spared mine;
    timers_.emplace(when, std::move(task));
  }

  bool run_task() {
    if (tasks_.empty()) return false;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  // Moves the clock to the next timer, not beyond `until`, and runs it.
  bool run_timer(nanoseconds_t until) {
    if (timers_.empty() || timers_.begin()->first > until) return false;
    time_.advance_to(timers_.begin()->first);
    auto task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
    return true;
  }

 private:
  class sleeper final : public timer {
   public:
    explicit sleeper(virtual_executor& on) : on_(on) {}
    void arm(nanoseconds_t at, std::function<void()> task) override {
      on_.at(at, [task = std::move(task), mine = ++*turn_, turn = turn_] {
        if (*turn == mine) task();
      });
    }
    void cancel() noexcept override { ++*turn_; }

   private:
    virtual_executor& on_;
    std::shared_ptr<std::uint64_t> turn_ = std::make_shared<std::uint64_t>(0);
  };
  manual_clock& time_;
  std::deque<std::function<void()>> tasks_;
  std::multimap<nanoseconds_t, std::function<void()>> timers_;
};

// One request as it left: the instant of its first byte.
struct arrival {
  nanoseconds_t at = 0;
  std::string to;
  channels::callback_key key;
};

// How the provider deals with a request. `accepted`: it would deliver, whatever we hear of it.
struct verdict {
  net::fate fate = net::fate::answered;
  int status = 200;
  std::string body;
  bool accepted = false;
  nanoseconds_t latency = 20 * millisecond;
  nanoseconds_t retry_after = 0;  // as its header says
};

inline verdict accept(nanoseconds_t latency = 20 * millisecond) {
  return {net::fate::answered, 200, R"({"messages":[{"id":"wamid.x"}]})", true, latency};
}
inline verdict refuse(int code, int status = 400) {
  return {net::fate::answered, status,
          R"({"error":{"message":"no","type":"OAuthException","fbtrace_id":"A","code":)" + std::to_string(code) + "}}",
          false, 20 * millisecond};
}
inline verdict lose(bool accepted) { return {net::fate::unknown, 0, {}, accepted, 30 * millisecond}; }
inline verdict unsent() { return {net::fate::unsent, 0, {}, false, millisecond}; }

// What outlives a crash of ours: the provider's books.
struct provider_books {
  std::vector<arrival> arrivals;
  std::multiset<std::string> accepted;
  // Who was suppressed before their message was taken up, and how many requests had come by then.
  std::map<std::string, std::size_t> barred;
  std::function<verdict(const arrival&, std::size_t nth)> script = [](const arrival&, std::size_t) { return accept(); };
};

class virtual_transport final : public net::transport {
 public:
  virtual_transport(virtual_executor& on, provider_books& books, int slots) : on_(on), books_(books), slots_(slots) {}

  void set_listener(net::listener* to) override { to_ = to; }
  int acquire() override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].busy) {
        slots_[i].busy = true;
        slots_[i].request.clear();
        return static_cast<int>(i);
      }
    }
    wanted_ = true;
    return none;
  }
  void release(int slot) override { slots_[static_cast<std::size_t>(slot)].busy = false; }
  std::string& buffer(int slot) override { return slots_[static_cast<std::size_t>(slot)].request; }
  void send(int slot, std::uint64_t token) override {
    const spared mine;
    ++in_flight_;
    arrival a{on_.time().now(), field(buffer(slot), R"("to":")"), {}};
    const auto key = channels::callback_key::parse(field(buffer(slot), R"("biz_opaque_callback_data":")"));
    ASSERT_TRUE(key);
    a.key = *key;
    auto v = books_.script(a, books_.arrivals.size());
    if (v.fate != net::fate::unsent) books_.arrivals.push_back(a);
    if (v.accepted) books_.accepted.insert(a.to);
    on_.at(on_.time().now() + v.latency, [this, slot, token, v, alive = std::weak_ptr(alive_)] {
      if (alive.expired()) return;
      release(slot);
      --in_flight_;
      to_->on_end({.token = token,
                   .fate = v.fate,
                   .reason = errc::ok,
                   .status = v.status,
                   .retry_after = v.retry_after,
                   .body = v.body});
      if (!wanted_) return;
      wanted_ = false;
      to_->on_ready();
    });
  }
  [[nodiscard]] int in_flight() const noexcept override { return in_flight_; }
  void close() override {}

 private:
  struct slot_state {
    bool busy = false;
    std::string request;
  };
  static std::string field(const std::string& request, const std::string& before) {
    const auto from = request.find(before) + before.size();
    return request.substr(from, request.find('"', from) - from);
  }
  virtual_executor& on_;
  provider_books& books_;
  std::vector<slot_state> slots_;
  net::listener* to_ = nullptr;
  bool wanted_ = false;
  int in_flight_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

// One life of the process, from opening the store to its end or its crash.
class process final : public sending::observer {
 public:
  process(const std::string& path, manual_clock& time, provider_books& books, const std::string& limits, int slots)
      : time_(time),
        books_(books),
        executor_(time),
        transport_(executor_, books, slots),
        writer_(open(path), store::writer::runs::by_step),
        reader_(path, store::database::access::read) {
    auto encoder = channels::request_encoder::make(
        {.host = "provider", .api_version = "v23.0", .phone_number_id = "1", .access_token = "t"});
    pacing::permits permits(*pacing::parse_limits(limits));
    for (const auto& p : store::recent_sends(reader_, 1, wall_ms() - 60'000, wall_ms())) {
      permits.assume(p.at_ms * millisecond - (time.wall() - time.now()), p.count);
    }
    store::assume_past_recipients(reader_, 1, permits, wall_ms(), time.wall() - time.now());
    sender_ = std::make_unique<sending::batch_sender>(executor_, transport_, writer_,
                                                      std::make_unique<channels::whatsapp_channel>(std::move(*encoder)),
                                                      std::move(permits), 7, *this);
    transport_.set_listener(sender_.get());
    const auto message = content::parse_template_json(store::read_template(reader_, 1));
    const std::vector<std::string> columns{"param1"};
    auto content = std::make_shared<const content::compiled_message>(*channels::compile_whatsapp(*message, columns));
    sender_->add({1, {1}, content});
  }

  // Runs until nothing moves before `until`, or `steps` are done. Returns the steps done.
  int run(nanoseconds_t until, int steps = 1 << 30) {
    int done = 0;
    for (; done < steps; ++done) {
      plan_commit();
      if (!executor_.run_task() && !executor_.run_timer(until)) break;
    }
    return done;
  }
  void run_for(nanoseconds_t time) {
    const auto until = time_.now() + time;
    run(until);
    time_.advance_to(until);
  }

  void let_commits_fail(int in_16) { commits_fail_in_16_ = in_16; }
  void lose_the_provider() { sender_->on_unreachable({errc::connect_failed, "nobody there", 0, 0}); }
  // An opt-out, durable with one of the next commits.
  void suppress(const std::string& to) {
    auto untouched = std::make_shared<bool>();
    writer_.submit(
        [=, this](store::database& db) {
          store::suppress(db, to, {}, wall_ms());
          const auto id =
              db.number("SELECT p.id FROM plan p JOIN recipients r ON r.id = p.recipient WHERE r.address = ?1", to);
          const auto state = db.number("SELECT coalesce((SELECT state FROM messages WHERE id = ?1), 0)", id);
          const bool behind = message_id::from_key(id).sequence >= store::position(db, 1);
          *untouched = state == static_cast<int>(message_state::retry) || (state == 0 && behind);
        },
        [=, this](const error* failed) {
          if (!failed && *untouched) books_.barred.emplace(to, books_.arrivals.size());
        });
  }
  sending::batch_sender& sender() { return *sender_; }
  store::writer& writer() { return writer_; }
  virtual_executor& executor() { return executor_; }
  store::database& reader() { return reader_; }
  counters count() { return store::read_status(reader_, 1).counters; }
  bool idle = false;
  std::vector<std::string> brakes;
  nanoseconds_t commits_take = 0;  // 0: now more and now less

 private:
  // Commits take their time, now more and now less, so that everything else gets in between.
  void plan_commit() {
    if (commit_planned_ || !writer_.waiting()) return;
    const spared mine;
    commit_planned_ = true;
    const auto takes = commits_take > 0 ? commits_take : static_cast<nanoseconds_t>(dice_() % 12) * millisecond;
    executor_.at(time_.now() + takes, [this] {
      commit_planned_ = false;
      writer_.step();
    });
  }
  store::database open(const std::string& path) {
    store::database db(path, store::database::access::write);
    db.exec("PRAGMA synchronous=OFF");  // this crash takes the process, not the machine: a commit is a commit
    sqlite3_commit_hook(
        db.handle(),
        [](void* self) {
          auto& p = *static_cast<process*>(self);
          return static_cast<int>(p.dice_() % 16) < p.commits_fail_in_16_ ? 1 : 0;
        },
        this);
    db.exec("BEGIN IMMEDIATE");
    static_cast<void>(store::recover(db, wall_ms()));
    db.exec("COMMIT");
    return db;
  }
  [[nodiscard]] std::int64_t wall_ms() const { return time_.wall() / millisecond; }

  void on_settled(campaign_id, const store::outcomes&) override {}
  void on_idle(campaign_id) override { idle = true; }
  void on_brake(campaign_id, const std::string& reason) override { brakes.push_back(reason); }
  void on_trouble(const error&) override {}

  manual_clock& time_;
  provider_books& books_;
  std::mt19937 dice_{static_cast<unsigned>(time_.now())};
  bool commit_planned_ = false;
  int commits_fail_in_16_ = 0;
  virtual_executor executor_;
  virtual_transport transport_;
  store::writer writer_;
  store::database reader_;
  std::unique_ptr<sending::batch_sender> sender_;
};

// A store with one campaign of `count` messages, already sending, and the provider beyond it.
class world {
 public:
  static std::string number(int i) { return "+1555" + std::to_string(1'000'000 + i); }

  // `people`: so many different addresses, in turn; 0: one each.
  explicit world(int count, std::string limits = "in-flight=1000", int slots = 8, int people = 0)
      : count_(count), limits_(std::move(limits)), slots_(slots) {
    char name[] = "/tmp/bulkmsg-sending-XXXXXX";
    dir_ = ::mkdtemp(name);
    path_ = dir_ + "/store";
    const auto now_ms = time.wall() / millisecond;
    store::create_if_missing(path_, now_ms, 7);
    store::database db(path_, store::database::access::write);
    db.exec("PRAGMA synchronous=OFF");  // only of this connection, to set up quickly
    db.exec("BEGIN");
    store::put_sender(db, {.name = "s", .phone_number_id = "1", .token = "env:T", .limits = limits_});
    store::put_template(db, "t", "en_US",
                        R"({"name":"t","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
                        R"({"type":"BODY","text":"Hi {{1}}","example":{"body_text":[["Ana"]]}}]})");
    credits::plan plan;
    plan.users = 10;
    const auto account = store::put_account(db, "a", plan, time.wall());
    store::insert_campaign(db, {.name = "c", .sender = 1, .content = 1, .account = account}, now_ms);
    store::recipient_batch batch;
    for (int i = 0; i < count; ++i) {
      batch.added.push_back({i + 2, number(people == 0 ? i : i % people), "n" + std::to_string(i)});
    }
    store::append_recipients(db, 1, batch, "param1");
    store::change_state(db, 1, campaign_state::starting, "start", "", now_ms);
    store::lay(db, 1, store::insert_lane(db, 1, count), 0, count);
    db.run("UPDATE campaigns SET reservation = ?1", store::reserve(db, account, 1, count, now_ms));
    store::change_state(db, 1, campaign_state::sending, "start", "", now_ms);
    db.exec("COMMIT");
  }
  ~world() {
    running.reset();
    std::filesystem::remove_all(dir_);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  process& open() {
    running.reset();
    running = std::make_unique<process>(path_, time, books, limits_, slots_);
    return *running;
  }
  void crash() { running.reset(); }

  // What must hold whenever nothing is on the wire (design: guarantees 1 and 2).
  void expect_accounted_for() {
    auto& db = running->reader();
    const auto c = running->count();
    EXPECT_EQ(c.total, count_);
    EXPECT_EQ(c.queued(), count_ - c.sent - c.failed - c.unconfirmed - c.skipped);
    const auto held = store::read_reservation(db, 1).held();
    EXPECT_EQ(held, c.queued() + c.unconfirmed);
    EXPECT_NO_THROW(static_cast<void>(store::audit(db, 1)));
    EXPECT_EQ(store::read_account(db, 1).balances.spent, c.sent);
  }
  // Nobody who was suppressed before their message was taken up got a request after that.
  void expect_nobody_barred() const {
    for (const auto& [to, from] : books.barred) {
      for (auto i = from; i < books.arrivals.size(); ++i) EXPECT_NE(books.arrivals[i].to, to);
    }
  }
  void expect_nobody_twice() const {
    for (const auto& to : books.accepted) EXPECT_EQ(books.accepted.count(to), 1u) << to;
  }

  manual_clock time;
  provider_books books;
  std::unique_ptr<process> running;

 private:
  const int count_;
  const std::string limits_;
  const int slots_;
  std::string dir_, path_;
};

}  // namespace bulkmsg::testing
