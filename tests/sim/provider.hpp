// The simulated provider: answers, loses, refuses and reports as drawn, and keeps the books by which the engine is
// judged.
#pragma once

#include <array>
#include <deque>
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

namespace bulkmsg::sim {

class world;

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
};

class provider {
 public:
  explicit provider(world& in) : in_(in) {}

  struct answer {
    net::fate fate = net::fate::answered;
    int status = 200;
    nanoseconds_t retry_after = 0;
    std::string body;
    nanoseconds_t latency = 0;
    bool refusal = false;  // whoever hears this may send again
    std::size_t request = 0;
  };
  // A request's first byte. Throws broken when it must not have come.
  answer take(const std::string& request);
  void heard(const answer& a);  // the engine was given it

  // The host's word.
  void expect_silence(std::int64_t campaign, bool silent);
  void judge_by(const std::vector<pacing::limit>& limits) { limits_ = limits; }
  [[nodiscard]] const std::vector<pacing::limit>& limits() const { return limits_; }
  // What was sent before is not counted any more: the clock was moved while nobody could see by how much.
  void forget_times() { times_.clear(); }
  void new_life() { in_flight_ = 0; }

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
  };
  std::multimap<nanoseconds_t, receipt> mail;
  static std::string webhook(const std::vector<receipt>& of);
  // Every receipt there is once more.
  void replay();

  struct entry {
    nanoseconds_t at = 0;
    std::int64_t campaign = 0;
    message_id message;
    std::string to;
    bool accepted = false;
    bool may_retry = false;
    int rank = 0;  // the last that it reports of an accepted message: 1 sent, 2 failed, 3 delivered, 4 read
  };
  [[nodiscard]] const std::map<std::int64_t, entry>& messages() const { return last_; }  // by message key
  [[nodiscard]] std::size_t requests() const { return requests_; }
  // When the last one came.
  [[nodiscard]] nanoseconds_t last_at() const { return times_.empty() ? 0 : times_.back(); }
  [[nodiscard]] std::size_t accepted() const { return accepted_; }

 private:
  void report(const entry& of, const std::string& id, const std::string& callback);
  [[nodiscard]] receipt receipt_of(const entry& of, const std::string& id, const std::string& callback, int rank) const;

  world& in_;
  std::map<std::int64_t, entry> last_;
  std::set<std::pair<std::int64_t, std::string>> reached_;  // campaign and address
  std::set<std::int64_t> silent_;
  std::vector<pacing::limit> limits_;
  std::deque<nanoseconds_t> times_;
  std::vector<receipt> all_;
  int in_flight_ = 0;
  std::size_t requests_ = 0, accepted_ = 0;
};

}  // namespace bulkmsg::sim
