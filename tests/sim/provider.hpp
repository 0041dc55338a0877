// The simulated provider: answers, loses, refuses and reports as drawn, and keeps the books by which the engine is
// judged.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/net/transport.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "sim/library.hpp"
#include "sim/notices.hpp"
#include "sim/rule_book.hpp"

namespace bulkmsg::sim {

class world;

// Of a failure that is told later: nothing is delivered until somebody has paid.
inline constexpr int payment_problem = 131042;

// "POST /v23.0/1/messages ..." is of number 1.
std::string number_of_request(const std::string& request);

// In thousandths of all requests.
struct troubles {
  int unsent = 0;        // the connection was found closed before the first byte
  int cut = 0;           // it broke within the request
  int lost = 0;          // accepted, and the answer was lost
  int garbled = 0;       // accepted, and the answer is a gateway's page
  int temporary = 0;     // 131000
  int throttled = 0;     // 130429
  int pair = 0;          // 131056
  int refused = 0;       // 131026, for good
  int token = 0;         // 190: the sender is braked
  int slow = 0;          // the answer takes seconds
  int webhook_lost = 0;  // of all receipts
  int webhook_twice = 0;
  int webhook_late = 0;  // minutes
  int undelivered = 0;   // accepted, and failed later
  int replies = 0;       // of those who got it
  int calls = 0;         // of what is asked beside sending: lost, refused or slow
};

class provider {
 public:
  explicit provider(world& in) : shelf(in), told(in), in_(in) {}

  struct answer {
    net::fate fate = net::fate::answered;
    int status = 200;
    nanoseconds_t retry_after = 0;
    std::string body;
    nanoseconds_t latency = 0;
    bool refused = false, may_retry = false;  // whoever hears the latter may send again
    std::size_t request = 0;
    std::string number;  // that sent it; empty: it was no message
  };
  // A request's first byte. Throws broken when it must not have come.
  answer take(const std::string& request);
  void heard(const answer& a);  // the engine was given it

  // The host's word.
  void expect_silence(std::int64_t campaign, bool silent);
  void judge_by(const std::string& number, const std::vector<pacing::limit>& limits) {
    numbers_[number].limits = limits;
  }
  [[nodiscard]] const std::vector<pacing::limit>& limits(const std::string& number) { return numbers_[number].limits; }
  // What was sent before is not counted any more: the clock was moved while nobody could see by how much.
  void forget_times() {
    for (auto& [id, n] : numbers_) n.times.clear();
  }
  void new_life() {
    for (auto& [id, n] : numbers_) n.in_flight = 0;
  }
  // From then on, by the engine's clock, nothing may leave for them.
  void bar(const std::string& address, nanoseconds_t from);
  // A campaign for those who agreed, and to nobody else; it ends for whoever takes it back, by the engine's clock.
  void only_to(std::int64_t campaign, std::set<std::string> numbers) { agreed_[campaign] = std::move(numbers); }
  void withdraw(const std::string& address, nanoseconds_t from) { withdrawn_.emplace(digits(address), from); }
  // Nothing of the campaign may leave before, by the wall clock.
  void not_before(std::int64_t campaign, std::int64_t wall_ms) { not_before_[campaign] = wall_ms; }
  // Who fired by a clock that is set back then sends all the same.
  void clock_set(std::int64_t back_ms) {
    rules.clock_set({now().at, now().wall_ms + back_ms});
    if (back_ms > 0) {
      for (auto& [campaign, wall_ms] : not_before_) wall_ms -= back_ms;
    }
  }
  [[nodiscard]] rule_book::moment now() const;
  // The campaign sends again what failed of its parent, or is unconfirmed there.
  void is_child(std::int64_t campaign, std::int64_t parent, bool of_failed) {
    parents_[campaign] = {parent, of_failed};
    if (const auto agreed = agreed_.find(parent); agreed != agreed_.end()) agreed_[campaign] = agreed->second;
  }

  troubles trouble;
  bool down = false;  // nobody can connect
  nanoseconds_t usual = 20 * millisecond;
  bool reports = true;  // sends receipts
  bool light = false;   // no books by person: for millions

  // Receipts on their way, by time; the host hands them to the engine.
  struct receipt {
    std::string json;
    std::int64_t message = 0;  // key
    int rank = 0;
    std::string number;  // of ours
    std::string reply;   // its id; empty: a receipt
    bool quotes = false, stop = false;
    rule_book::moment attempt = {};  // when the request that it tells of came
    std::string quoted = {};         // the provider's id of what a reply answers
    std::string from = {};           // whose reply it is
    int notice = -1;                 // what it tells of the account; -1: nothing
  };
  std::multimap<nanoseconds_t, receipt> mail;
  std::string webhook(const std::vector<receipt>& of) const;
  // Every receipt there is once more.
  void replay();

  struct entry {
    rule_book::moment at;  // of the last request
    std::int64_t campaign = 0;
    message_id message;
    std::string to;
    bool accepted = false;   // any of its requests
    bool may_retry = false;  // the last one was refused, and that was heard
    int rank = 0;            // the best that it reports of an accepted message: 1 sent, 2 failed, 3 delivered, 4 read
    int failed_as = 0;       // the code of that failure
    bool again = false;      // sent again by the campaign's rule, though it may have gone
    bool refused = false;    // the last one, for now or for good, and that was heard
    bool resolved = false;   // called not sent by a person
    nanoseconds_t known_at = -1;  // since then it is durable that it was accepted
  };
  [[nodiscard]] std::map<std::int64_t, entry>& messages() { return last_; }  // by message key
  // Somebody asks for it; it may come to be though whoever asked has died before the answer.
  void may_bar(const std::string& address) { asked_for_.insert(digits(address)); }
  // May not be written to by now: suppressed, or no longer agreed.
  [[nodiscard]] bool may_be_barred(const std::string& address) const {
    return barred_.contains(digits(address)) || asked_for_.contains(digits(address));
  }
  // The store calls it failed: throws broken when nobody refused it and no rule allows that.
  void keep_failed(const entry& of, const std::string& where);
  rule_book rules;
  library shelf;
  notices told;
  // The campaign is paused durably since then; `still` knows whether it is that pause.
  void paused(std::int64_t campaign, nanoseconds_t since, std::int64_t mark) {
    paused_.try_emplace(campaign, std::pair{since, mark});
  }
  void goes_on(std::int64_t campaign) { paused_.erase(campaign); }
  std::function<bool(std::int64_t campaign, std::int64_t mark)> still_paused;
  [[nodiscard]] std::size_t requests() const { return requests_; }
  // When the last one came.
  [[nodiscard]] nanoseconds_t last_at(const std::string& number) {
    const auto& times = numbers_[number].times;
    return times.empty() ? 0 : times.back();
  }
  [[nodiscard]] std::size_t accepted() const { return accepted_; }

 private:
  struct line {
    std::vector<pacing::limit> limits;
    std::deque<nanoseconds_t> times;
    int in_flight = 0;
  };
  answer take_call(const std::string& request);
  void keep_limits(line& of, const std::string& who);
  void keep_consent(const entry& of, const std::string& who) const;
  void keep_family(const entry& of);
  [[nodiscard]] bool repeated(const entry& of) const {
    const auto last = last_.find(of.message.key());
    return last != last_.end() && last->second.again;
  }
  void keep_once(entry& of, const entry& before, std::uint32_t attempt, const std::string& number,
                 const std::string& who);
  void report(const entry& of, const std::string& id, const std::string& callback, const std::string& number);
  void answer_to(const entry& of, const std::string& id, const std::string& number);
  [[nodiscard]] receipt receipt_of(const entry& of, const std::string& id, const std::string& callback, int rank) const;
  [[nodiscard]] static std::string digits(const std::string& address) {
    return address.substr(address.starts_with('+') ? 1 : 0);
  }

  world& in_;
  std::map<std::int64_t, entry> last_;
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> reached_;  // campaign and address -> message
  std::vector<bool> came_;                                                // light: by sequence
  std::set<std::int64_t> silent_;
  std::map<std::int64_t, std::pair<nanoseconds_t, std::int64_t>> paused_;
  std::map<std::string, line> numbers_;
  std::map<std::string, nanoseconds_t> barred_, withdrawn_;
  std::set<std::string> asked_for_;
  std::map<std::int64_t, std::set<std::string>> agreed_;  // by campaign
  std::map<std::int64_t, std::int64_t> not_before_;
  std::map<std::int64_t, std::pair<std::int64_t, bool>> parents_;
  std::map<std::pair<std::int64_t, std::string>, entry> reached_in_;  // campaign and address -> what became of it
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> sent_again_;  // parent and address -> its child
  std::vector<receipt> all_;
  std::size_t requests_ = 0, accepted_ = 0, replies_ = 0;
};

}  // namespace bulkmsg::sim
