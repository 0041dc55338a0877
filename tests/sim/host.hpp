// The host of the simulated engine, and the people at it: it makes campaigns, starts, pauses and stops them, hands over
// webhooks, and lives again after each death of its process.
//
// host.cpp: the process; campaigns.cpp: how campaigns are made and started; templates.cpp: those with the provider's
// templates and files; misfortune.cpp: what happens meanwhile; ending.cpp: how they come to their end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "sim/judge.hpp"
#include "sim/scenario.hpp"
#include "sim/world.hpp"

namespace bulkmsg::sim {

std::string number_of(std::int64_t person);
inline constexpr int not_known = -2;
// What the network and the provider's answers may bring about.
bool may_be_asked_again(errc code);

class host {
 public:
  host(std::uint64_t seed, bool tells);
  ~host();

  verdict end(const std::string& broken);

 protected:
  struct campaign {
    campaign_id id;
    std::int64_t people = 0, first = 0;  // how many, and the first one's number
    std::size_t sender = 0;
    bool started = false, stopped = false;
    bool unsure = false;                       // a resume was posted, and nobody knows when it is carried out
    bool marketing = false;                    // to contacts who agreed
    bool discarded = false;                    // all of its people want no more, or its template is not what it was
    std::string words = {};                    // the provider's template by name; empty: the host's own
    std::string picture = {};                  // its bytes; empty: it shows none
    int accepted = -1;                         // changes of that template that a person resumed with; see below
    std::int64_t due_ms = 0, lateness_ms = 0;  // of its schedule; 0: it has none
  };

  // The process.
  void open();
  void die();  // and live again
  void leave_for(nanoseconds_t time);
  bool check_alive() {
    if (world_.alive()) return true;
    die();
    return false;
  }
  // A call of the host; false: the process died meanwhile, and another one is there.
  template <class F>
  bool ask(const std::string& what, F&& f);
  // The same, of what makes the engine ask the provider, who may not answer.
  template <class F>
  bool ask_provider(const std::string& what, F&& f);
  // Without the store's folder, which is another one in each run.
  [[nodiscard]] std::string words_of(const error& e) const;
  void look();
  void run_for(nanoseconds_t time);
  void deliver();
  void poll();

  // Campaigns.
  void set_up(const std::vector<std::string>& limits, int connections, const std::vector<std::int64_t>& people);
  void choose_contacts(campaign& c);
  void start(campaign& c);
  void schedule(campaign& c);
  void send_again(const campaign& c);
  campaign_state state(const campaign& c) {
    return static_cast<campaign_state>(
        judge_.number("SELECT state FROM campaigns WHERE id = " + std::to_string(c.id.value)));
  }
  bool has_people(const campaign& c);

  // The provider's templates and files.
  void fetch();
  void choose_words(campaign& c, campaign_settings& settings);
  void judge_start(const campaign& c);
  [[nodiscard]] bool fits(const campaign& c) const;  // its template is approved and says the same, as far as is known
  void template_misfortune();
  // What the engine was told is merged.
  bool settled() { return judge_.number("SELECT EXISTS(SELECT 1 FROM inbox)") == 0; }
  void look_at_notices();

  // What happens meanwhile.
  void pause(campaign& c);
  void resume(campaign& c);
  bool is_braked(const campaign& c) {
    return judge_.number("SELECT EXISTS(SELECT 1 FROM brakes WHERE campaign = " + std::to_string(c.id.value) + ")") !=
           0;
  }
  void suppress(const campaign& c);
  void withdraw(const campaign& c);
  void resolve(const campaign& c, bool one = true);
  result<void> by_another(const std::function<result<void>(engine&)>& f);
  void post(campaign& c);
  void draw_troubles();
  void misfortune();

  // The end.
  bool all_final();
  bool waits_for_receipts();
  void help_resend();
  void judge_schedules();
  void expect_used(nanoseconds_t began);

  const std::string path_;
  world world_;
  dice& d_;
  judge judge_;
  std::optional<engine> engine_;
  std::vector<sender_id> senders_;
  std::vector<campaign> campaigns_;
  std::map<std::string, bool> contacts_;  // whether they agreed
  std::uint64_t commits_ = 0;
  nanoseconds_t jumped_forward_at_ = -1;
  bool jumped_ = false;
  bool syncs_fail_ = false;
  bool asks_provider_ = false;
  errc refused_ = errc::ok;       // the last call that was refused
  bool has_templates_ = false;    // of the provider's
  library::listing known_;        // as they were fetched
  bool was_away_ = false;         // for weeks
  std::int64_t posts_ = 0;        // so many webhooks come in by another process
  nanoseconds_t posted_at_ = -1;  // by another process, the last time
  bool calm_ = true;              // nothing goes wrong
  verdict said_;
};

template <class F>
bool host::ask_provider(const std::string& what, F&& f) {
  world_.let_helpers_rest(true);
  asks_provider_ = true;
  const bool told = ask(what, std::forward<F>(f));
  asks_provider_ = false;
  world_.let_helpers_rest(false);
  return told;
}

template <class F>
bool host::ask(const std::string& what, F&& f) {
  const auto r = f();
  world_.say(what + (r ? ": done" : ": " + words_of(r.error())));
  const bool told = r.has_value();
  refused_ = told ? errc::ok : r.error().code;
  if (!world_.alive()) {
    die();
    return told;
  }
  const bool excused =
      !told && (r.error().code == errc::wrong_state || r.error().code == errc::not_found ||
                r.error().code == errc::recipient_suppressed || r.error().code == errc::consent_missing ||
                r.error().code == errc::duplicate_recipient || r.error().code == errc::timed_out ||
                r.error().code == errc::closed || (asks_provider_ && may_be_asked_again(refused_)) ||
                (syncs_fail_ && r.error().code == errc::store_failed));
  if (!told && !excused) throw broken{what + ": " + r.error().message};
  return told;
}

}  // namespace bulkmsg::sim
