#include "sim/scenario.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/time/time.h"

#include "bulkmsg/engine.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "sim/judge.hpp"
#include "sim/world.hpp"
#include "store/schema.hpp"

namespace bulkmsg::sim {

namespace {

const std::string app_secret = "an app secret";

constexpr const char* template_json =
    R"({"name":"t","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
    R"({"type":"BODY","text":"Hi {{1}}","example":{"body_text":[["Ana"]]}}]})";

constexpr const char* marketing_json =
    R"({"name":"m","language":"en_US","status":"APPROVED","category":"MARKETING","components":[)"
    R"({"type":"BODY","text":"Buy, {{1}}","example":{"body_text":[["Ana"]]}}]})";

constexpr std::array limits_of{"200/s; in-flight=8",       "50/s; in-flight=4",          "40/s; 50/2s; in-flight=6",
                               "100/10s; in-flight=16",    "10/batch,500ms; 80/s",       "1000/s; in-flight=64",
                               "25/batch,2s; in-flight=3", "30/s; 200/30s; in-flight=12"};

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
    ::setenv("BULKMSG_SIM_TOKEN", "t", 1);
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

std::string number_of(std::int64_t person) { return "+4915" + std::to_string(100'000'000 + person); }

std::string recipients(std::int64_t count, std::int64_t first) {
  std::string csv = "phone_number,who\n";
  for (std::int64_t i = 0; i < count; ++i) csv += number_of(first + i) + ",n\n";
  return csv;
}

class scenario {
 public:
  scenario(std::uint64_t seed, bool tells)
      : file_(store_file()), world_(seed, tells), d_(world_.dice()), judge_(world_, file_.path()) {
    world_.disk().put(file_.path(), file_.bytes());
    world_.after_commit = [this] {
      if (world_.provider().light) return;
      if (++commits_ % look_every_ == 0) judge_.look();
    };
  }
  ~scenario() {
    world_.disk().kill();  // whatever the engine still does on its way out is of no account
    engine_.reset();
    judge_.rise();
  }

  verdict faults();
  verdict day(std::int64_t people);
  verdict end(const std::string& broken) {
    said_.broken = broken;
    said_.trace = world_.trace();
    said_.requests = world_.provider().requests();
    said_.accepted = world_.provider().accepted();
    said_.seconds = static_cast<double>(world_.clock().now()) / 1e9;
    return said_;
  }

 private:
  struct campaign {
    campaign_id id;
    std::int64_t people = 0, first = 0;  // how many, and the first one's number
    std::size_t sender = 0;
    bool started = false, stopped = false;
    bool unsure = false;                       // a resume was posted, and nobody knows when it is carried out
    bool marketing = false;                    // to contacts who agreed
    bool discarded = false;                    // all of its people want no more
    std::int64_t due_ms = 0, lateness_ms = 0;  // of its schedule; 0: it has none
  };

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
  bool ask(const std::string& what, F&& f) {
    const auto r = f();
    world_.say(what + (r ? ": done" : ": " + r.error().message));
    const bool told = r.has_value();
    if (!world_.alive()) {
      die();
      return told;
    }
    const bool excused =
        !told && (r.error().code == errc::wrong_state || r.error().code == errc::not_found ||
                  r.error().code == errc::recipient_suppressed || r.error().code == errc::consent_missing ||
                  r.error().code == errc::duplicate_recipient || r.error().code == errc::timed_out ||
                  r.error().code == errc::closed || (syncs_fail_ && r.error().code == errc::store_failed));
    if (!told && !excused) throw broken{what + ": " + r.error().message};
    return told;
  }
  void set_up(const std::vector<std::string>& limits, int connections, const std::vector<std::int64_t>& people);
  void choose_contacts(campaign& c);
  void withdraw(const campaign& c);
  void start(campaign& c);
  void schedule(campaign& c);
  void suppress(const campaign& c);
  void resolve(const campaign& c, bool one = true);
  void help_resend();
  void send_again(const campaign& c);
  template <class F>
  result<void> by_another(F&& f);
  void post(campaign& c);
  void poll();
  void judge_schedules();
  void run_for(nanoseconds_t time);
  void deliver();
  void misfortune();
  void draw_troubles();
  campaign_state state(const campaign& c) {
    return static_cast<campaign_state>(
        judge_.number("SELECT state FROM campaigns WHERE id = " + std::to_string(c.id.value)));
  }
  bool all_final() {
    return std::all_of(campaigns_.begin(), campaigns_.end(),
                       [&](auto& c) { return c.discarded || is_final(state(c)); });
  }
  // Everything is sent of those that are not at their end, and what may have gone is waited for.
  bool waits_for_receipts() {
    return std::all_of(campaigns_.begin(), campaigns_.end(), [&](auto& c) {
      return c.discarded || is_final(state(c)) ||
             (world_.provider().rules.of(c.id.value).is == unconfirmed_rule::resend &&
              judge_.number("SELECT state = 4 AND total = sent + failed + unconfirmed + skipped FROM campaigns WHERE "
                            "id = " +
                            std::to_string(c.id.value)) != 0);
    });
  }
  // Somebody among its recipients may be written to.
  bool has_people(const campaign& c) {
    return judge_.number("SELECT EXISTS(SELECT 1 FROM recipients r WHERE id >> 32 = " + std::to_string(c.id.value) +
                         " AND NOT EXISTS(SELECT 1 FROM suppressions s WHERE s.address = r.address) AND (" +
                         (c.marketing ? "0" : "1") +
                         " OR NOT EXISTS(SELECT 1 FROM consent_log k JOIN consents n ON n.person = k.person WHERE "
                         "k.address = r.address AND n.state = 2)) AND NOT EXISTS("
                         // Of a child campaign: whom the parent's request reached after all.
                         "SELECT 1 FROM messages m WHERE m.superseded = r.id AND m.state = 2 AND m.receipt <> 2))") !=
           0;
  }
  void expect_used(nanoseconds_t began);
  void pause(campaign& c);
  void resume(campaign& c);

  const empty_store& file_;
  world world_;
  dice& d_;
  judge judge_;
  std::optional<engine> engine_;
  std::vector<campaign> campaigns_;
  std::map<std::string, bool> contacts_;  // whether they agreed
  std::uint64_t commits_ = 0;
  std::uint64_t look_every_ = 5;
  nanoseconds_t jumped_forward_at_ = -1;
  bool jumped_ = false;
  bool syncs_fail_ = false;
  std::int64_t posts_ = 0;        // so many webhooks come in by another process
  nanoseconds_t posted_at_ = -1;  // by another process, the last time
  bool calm_ = true;              // nothing goes wrong
  verdict said_;
};

void scenario::open() {
  for (int tries = 0;; ++tries) {
    world_.provider().rules.opened(world_.provider().now());
    auto opened = engine::open(file_.path(), {});
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

void scenario::die() {
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
void scenario::leave_for(nanoseconds_t time) {
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

void scenario::set_up(const std::vector<std::string>& limits, int connections,
                      const std::vector<std::int64_t>& people) {
  const auto must = [](auto r) {
    if (!r) throw broken{"setting up: " + r.error().message};
    return *r;
  };
  open();
  std::vector<sender_id> senders;
  for (const auto& each : limits) {
    const auto number = std::to_string(senders.size() + 1);
    world_.provider().judge_by(number, *pacing::parse_limits(each));
    world_.say("limits " + each + ", connections " + std::to_string(connections));
    senders.push_back(must(engine_->put_sender({.name = "s" + number,
                                                .origin = "http://127.0.0.1:1",
                                                .phone_number_id = number,
                                                .token = "env:BULKMSG_SIM_TOKEN",
                                                .app_secret = "env:BULKMSG_SIM_APP_SECRET",
                                                .agent = "ann",
                                                .limits = each,
                                                .connections_max = connections})));
  }
  const auto words = must(engine_->put_template(template_json));
  const auto marketing = must(engine_->put_template(marketing_json));
  credits::plan plan;
  plan.users = 1000;
  const auto account = must(engine_->put_account("a", plan));
  std::int64_t first = 0;
  for (const auto count : people) {
    campaign c;
    c.sender = campaigns_.size() % senders.size();
    c.first = first;
    c.marketing = !calm_ && d_.chance(200);
    rule_book::rule rule;
    if (const auto drawn = d_.between(0, 9); !calm_ && drawn < 5) {
      rule = {drawn < 3 ? unconfirmed_rule::resend : unconfirmed_rule::give_up, d_.between(1000, 6000)};
      world_.say("unconfirmed: " + std::string(name(rule.is)) + " after " + std::to_string(rule.wait_ms) + " ms");
    }
    c.id = must(engine_->create_campaign(
        {.name = "c" + std::to_string(campaigns_.size()),
         .sender = senders[c.sender],
         .content = c.marketing ? marketing : words,
         .account = account,
         .mapping = {{"body.1", "who"}},
         .when_unconfirmed = rule.is,
         .unconfirmed_wait = std::chrono::milliseconds(std::max<std::int64_t>(1000, rule.wait_ms))}));
    world_.provider().rules.put(c.id.value, rule);
    c.people = count;
    if (c.marketing) {
      choose_contacts(c);
    } else if (const auto added = must(engine_->import_csv_text(c.id, recipients(count, first))).added;
               added != count) {
      throw broken{"of " + std::to_string(count) + " recipients " + std::to_string(added) + " were taken"};
    }
    campaigns_.push_back(c);
    if (!d_.chance(300)) first += count;  // else the next one goes to the same people
  }
}

// Its people are contacts, of whom a segment picks some; some of these have agreed, and some of those are suppressed.
void scenario::choose_contacts(campaign& c) {
  const auto must = [](auto r) {
    if (!r) throw broken{"choosing contacts: " + r.error().message};
    return *r;
  };
  std::array<std::string, 2> files{"phone_number,who,town\n", "phone_number,who,town\n"};
  std::set<std::string> agreed;
  const auto town = "t" + std::to_string(c.id.value);
  std::int64_t chosen = 0, without = 0;
  for (std::int64_t i = 0; i < c.people; ++i) {
    const auto number = number_of(c.first + i);
    // Whoever was asked by an earlier campaign has said so already.
    const bool known = contacts_.contains(number), agrees = known ? contacts_.at(number) : d_.chance(800);
    const bool lives_there = i == 0 || d_.chance(800);
    contacts_.emplace(number, agrees);
    files[agrees && !known ? 1 : 0] += number + ",n," + (lives_there ? town : "elsewhere") + "\n";
    if (!lives_there) continue;
    ++chosen;
    without += agrees ? 0 : 1;
    if (agrees) agreed.insert(number.substr(1));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto read = [&text = files[i]](char* to, std::size_t capacity) -> result<std::size_t> {
      const auto n = text.copy(to, capacity);
      text.erase(0, n);
      return n;
    };
    static_cast<void>(must(engine_->import_contacts_csv(read, {.consent_source = i == 1 ? "a form" : ""})));
  }
  const auto stored = engine_->put_segment(town, R"({"attribute":"town","is":")" + town + "\"}");
  if (!stored) throw broken{"a segment: " + stored.error().message};
  const auto report = must(engine_->import_contacts(c.id, town));
  world_.say("contacts: " + std::to_string(report.chosen) + " of " + std::to_string(c.people) + ", agreed " +
             std::to_string(report.added));
  if (report.chosen != chosen || report.without_consent != without || report.added != chosen - without) {
    throw broken{"of " + std::to_string(chosen) + " contacts in " + town + ", " + std::to_string(without) +
                 " of them without consent, " + std::to_string(report.added) + " were chosen"};
  }
  world_.provider().only_to(c.id.value, std::move(agreed));
}

// Somebody takes back what they agreed to.
void scenario::withdraw(const campaign& c) {
  const auto who = number_of(c.first + d_.between(0, c.people - 1));
  world_.provider().may_bar(who);
  if (ask("withdraw " + who,
          [&] { return engine_->put_consent(who, {.state = consent_state::withdrawn, .source = "a call"}); })) {
    world_.provider().withdraw(who, world_.clock().now());
  }
}

void scenario::start(campaign& c) {
  const auto key = "k" + std::to_string(c.id.value);
  for (int tries = 0; !c.started; ++tries) {
    if (tries > 50) throw broken{"a campaign does not start"};
    c.started =
        ask("start " + std::to_string(c.id.value), [&] { return engine_->start(c.id, {.idempotency_key = key}); });
    if (c.started) return;
    if (!has_people(c)) {
      c.discarded = ask("discard " + std::to_string(c.id.value), [&] { return engine_->discard(c.id); });
      if (c.discarded) return;
    }
    world_.run_until(world_.clock().now() + 200 * millisecond);
  }
}

// Soon, and sometimes thought over.
void scenario::schedule(campaign& c) {
  const auto id = std::to_string(c.id.value);
  const auto at_s = world_.clock().wall() / second + d_.between(2, 8);
  const auto lateness_ms = d_.chance(500) ? 3'600'000 : d_.between(0, 3000);
  const auto at = absl::FormatTime("%Y-%m-%d %H:%M:%S Z", absl::FromUnixSeconds(at_s), absl::UTCTimeZone());
  world_.provider().not_before(c.id.value, at_s * 1000);
  if (!ask("schedule " + id + " at " + at, [&] {
        return engine_->schedule(c.id, {.at = at, .max_lateness = std::chrono::milliseconds(lateness_ms)});
      })) {
    if (state(c) == campaign_state::draft) {
      world_.provider().not_before(c.id.value, 0);
      return start(c);
    }
  }
  c.due_ms = at_s * 1000, c.lateness_ms = lateness_ms;
  if (d_.chance(200)) return leave_for(d_.between(0, 30'000) * millisecond);  // nobody runs it as it falls due
  if (!d_.chance(500)) return;
  if (d_.chance(500)) {
    run_for(d_.between(0, 6000) * millisecond);
  } else {  // as it fires
    world_.run_until(world_.clock().now() + std::max<nanoseconds_t>(0, at_s * second - world_.clock().wall()) +
                     d_.between(0, 30) * millisecond);
    if (!check_alive()) return;
  }
  // What the process did before it died is known from the store only.
  if (!ask("cancel " + id, [&] { return engine_->cancel_schedule(c.id); }) && state(c) != campaign_state::draft) return;
  world_.provider().expect_silence(c.id.value, true);
  c.due_ms = 0;
  run_for(d_.between(0, 6000) * millisecond);
  world_.provider().expect_silence(c.id.value, false);
  world_.provider().not_before(c.id.value, 0);
  start(c);
}

// Each schedule fired in time, or expired and sent nothing; that nobody is written to twice is the provider's to see.
void scenario::judge_schedules() {
  for (const auto& c : campaigns_) {
    if (c.due_ms == 0) continue;
    const auto in = "campaign " + std::to_string(c.id.value);
    const auto began_ms = judge_.number("SELECT started_at_ms FROM campaigns WHERE id = " + std::to_string(c.id.value));
    if (state(c) == campaign_state::failed) {
      const bool late = judge_.number("SELECT reason LIKE 'the schedule expired%' FROM campaigns WHERE id = " +
                                      std::to_string(c.id.value)) != 0;
      if (c.lateness_ms >= 3'600'000 && (late || has_people(c))) {
        throw broken{in + " failed when its time came: " +
                     judge_.text("SELECT reason FROM campaigns WHERE id = " + std::to_string(c.id.value))};
      }
      for (const auto& [key, sent] : world_.provider().messages()) {
        if (sent.campaign == c.id.value) throw broken{in + " expired, and has sent"};
      }
    } else if (began_ms == 0) {
      if (!c.stopped) throw broken{in + " was scheduled, and never started"};
    } else if (const auto late_ms = began_ms - c.due_ms - c.lateness_ms; late_ms > 5000 && !jumped_) {
      throw broken{in + " was started " + std::to_string(late_ms) + " ms too late"};  // freezing takes some commits
    }
  }
}

void scenario::suppress(const campaign& c) {
  const auto who = number_of(c.first + d_.between(0, c.people - 1));
  world_.provider().may_bar(who);
  if (ask("suppress " + who, [&] { return engine_->suppress(who, {.note = "asked us by telephone"}); })) {
    world_.provider().bar(who, world_.clock().now());
  }
}

// A person looks at the provider's own books; one: at a message that is drawn, else at all of them.
void scenario::resolve(const campaign& c, bool one) {
  const auto lanes =
      " FROM messages m JOIN lanes l ON l.id = m.id >> 32 WHERE m.state = 4 AND m.superseded IS NULL AND l.campaign "
      "= " +
      std::to_string(c.id.value);
  for (auto count = judge_.number("SELECT count(*)" + lanes); count > 0; --count) {
    const auto key = judge_.number("SELECT m.id" + lanes + " ORDER BY m.id LIMIT 1 OFFSET " +
                                   std::to_string(one ? d_.between(0, count - 1) : count - 1));
    if (key == 0) return;  // settled meanwhile
    const auto known = world_.provider().messages().find(key);
    const bool there = known != world_.provider().messages().end();
    const bool sent = there && known->second.accepted;
    if (there && !sent) known->second.resolved = true;
    const auto message = message_id::from_key(key);
    static_cast<void>(ask("resolve " + std::to_string(message.lane) + ":" + std::to_string(message.sequence),
                          [&] { return engine_->resolve(c.id, {.sent = sent, .message = message, .actor = "ann"}); }));
    if (one) return;
  }
}

// What is left of campaigns that send again once webhooks are seen to arrive. All receipts come once more; then the
// rule has acted on every message before the last that one told of, and a person settles the rest.
void scenario::help_resend() {
  world_.provider().replay();
  do {
    run_for(second);
  } while (!world_.provider().mail.empty());
  run_for(15 * second);
  const std::string told_of =
      "(SELECT max(o.at_ms) FROM lanes k JOIN messages o ON o.id >> 32 = k.id WHERE k.sender = l.sender AND "
      "o.state = 2 AND o.receipt > 0 AND o.repeat_until_ms IS NULL)";
  const auto idle = judge_.number(
      "SELECT m.id FROM messages m JOIN lanes l ON l.id = m.id >> 32 JOIN campaigns c ON c.id = l.campaign WHERE "
      "m.state = 4 AND m.superseded IS NULL AND c.state = 4 AND c.unconfirmed_rule = 1 AND m.attempt < 5 AND m.at_ms "
      "< " +
      std::to_string(world_.clock().wall() / millisecond - 10'000) + " AND max(m.at_ms, coalesce(m.left_by_ms, 0)) < " +
      told_of);
  if (idle != 0)
    throw broken{"message " + std::to_string(idle >> 32) + ":" + std::to_string(idle & 0xffffffff) +
                 " could be sent again by the rule, and is not"};
  for (auto& c : campaigns_) {
    if (state(c) == campaign_state::sending && world_.provider().rules.of(c.id.value).is == unconfirmed_rule::resend) {
      resolve(c, false);
    }
  }
}

// What failed, or may have gone, again: by a campaign of its own.
void scenario::send_again(const campaign& c) {
  if (campaigns_.size() > 6 || !c.started) return;
  const bool failed = d_.chance(600);
  campaign child{.people = c.people, .first = c.first, .sender = c.sender, .marketing = c.marketing};
  if (!ask("retry " + std::to_string(c.id.value) + (failed ? " failed" : " unconfirmed"), [&] {
        auto made = engine_->retry(
            c.id, {.what = failed ? retry_kind::failed : retry_kind::unconfirmed, .all = d_.chance(500)});
        if (made) child.id = made->child;
        return made;
      })) {
    return;
  }
  world_.provider().is_child(child.id.value, c.id.value, failed);
  world_.provider().rules.put(child.id.value, world_.provider().rules.of(c.id.value));
  campaigns_.push_back(child);
  start(campaigns_.back());
}

// Another process opens the store to post, and may die before it can tell the runner.
template <class F>
result<void> scenario::by_another(F&& f) {
  world_.tell_runner(!d_.chance(100));
  auto other = engine::open(file_.path(), {.mode = open_mode::post});
  auto told = other ? f(*other) : result<void>(fail(other.error()));
  if (other) static_cast<void>(other->close(std::chrono::milliseconds(0)));
  posted_at_ = world_.clock().now();
  if (!world_.told()) return fail(errc::closed, "the other process died");
  return told;
}

// Somebody at another process's command line.
void scenario::post(campaign& c) {
  const auto drawn = d_.between(0, 9);
  const auto who = number_of(c.first + d_.between(0, c.people - 1));
  const auto what = drawn < 4   ? "pause " + std::to_string(c.id.value)
                    : drawn < 8 ? "resume " + std::to_string(c.id.value)
                                : "suppress " + who;
  const bool resumes = drawn >= 4 && drawn < 8;
  if (resumes && (c.stopped || c.unsure)) return;
  if (resumes) world_.provider().expect_silence(c.id.value, false);
  if (drawn >= 8) world_.provider().may_bar(who);
  const auto deaths = said_.deaths;
  bool late = false;
  const bool done = ask("another process: " + what, [&] {
    const auto posted = by_another([&](engine& by) -> result<void> {
      const auto wait = std::chrono::seconds(world_.told() ? 5 : 0);
      if (drawn < 4) return by.pause(c.id, "a break", wait, "bob");
      return resumes ? by.resume(c.id, wait, "bob") : by.suppress(who, {.note = "asked bob"});
    });
    late = !posted && posted.error().code == errc::timed_out;
    return posted;
  });
  // Who was told of it acts at once; whoever was not, or has died, does so later.
  if (late && deaths == said_.deaths && !syncs_fail_) {
    throw broken{what + " was posted, and the runner does not take it up"};
  }
  if (resumes && !done) c.unsure = true;
  if (!done || resumes) return;
  if (drawn >= 8) {
    world_.provider().bar(who, world_.clock().now() + second);  // what is taken up already may go
  } else if (!c.unsure) {
    world_.provider().expect_silence(c.id.value, true);
  }
}

void scenario::poll() {
  std::array<event, 64> events;
  auto got = engine_->poll(events, std::chrono::milliseconds(0));
  if (!got) return;
  event_id last;
  for (std::size_t i = 0; i < *got; ++i) last = std::max(last, events[i].id);
  if (!last) return;
  judge_.heard(last.value);
  static_cast<void>(ask("ack", [&] { return engine_->ack(last); }));
}

void scenario::run_for(nanoseconds_t time) {
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
void scenario::deliver() {
  if (!world_.alive()) return;
  auto& mail = world_.provider().mail;
  std::vector<provider::receipt> gathered;
  for (auto most = d_.between(1, 60); most > 0 && !mail.empty() && mail.begin()->first <= world_.clock().now();
       --most) {
    if (!gathered.empty() && gathered.front().number != mail.begin()->second.number) break;
    gathered.push_back(std::move(mail.extract(mail.begin()).mapped()));
  }
  for (const auto& r : gathered) {
    if (r.stop) world_.provider().may_bar(r.from);
  }
  const auto body = provider::webhook(gathered);
  const auto take = [&](engine& by) { return by.ingest(body, sign(body)); };
  const bool by_other = posts_ > 0 && posts_-- > 0;
  if (by_other) world_.say("another process takes a webhook");
  const auto done = by_other ? by_another(take) : take(*engine_);
  for (auto& r : gathered) {
    world_.say("webhook " + std::to_string(r.message >> 32) + ":" + std::to_string(r.message & 0xffffffff) + " rank " +
               (r.reply.empty() ? std::to_string(r.rank) : r.reply) +
               (done ? " taken" : " not taken: " + done.error().message));
    // Who died after the commit did not say so; the engine knows.
    if (r.reply.empty() && (done || by_other)) world_.provider().rules.heard(r.number, r.attempt_ms);
    if (!done) continue;
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

void scenario::pause(campaign& c) {
  if (ask("pause " + std::to_string(c.id.value), [&] { return engine_->pause(c.id, "a break"); }) && !c.unsure) {
    world_.provider().expect_silence(c.id.value, true);
  }
}

void scenario::resume(campaign& c) {
  if (c.stopped) return;
  world_.provider().expect_silence(c.id.value, false);
  static_cast<void>(ask("resume " + std::to_string(c.id.value), [&] { return engine_->resume(c.id); }));
}

void scenario::draw_troubles() {
  auto& t = world_.provider().trouble;
  const auto some = [&](std::int64_t most) { return static_cast<int>(d_.chance(500) ? d_.between(0, most) : 0); };
  t = {.unsent = some(100),
       .cut = some(60),
       .lost = some(60),
       .garbled = some(40),
       .temporary = some(100),
       .throttled = some(60),
       .pair = some(20),
       .refused = some(60),
       .token = some(3),
       .slow = some(60),
       .webhook_lost = some(300),
       .webhook_twice = some(300),
       .webhook_late = some(200),
       .undelivered = some(200),
       .replies = some(200)};
}

void scenario::misfortune() {
  auto& c = campaigns_[static_cast<std::size_t>(d_.between(0, static_cast<std::int64_t>(campaigns_.size()) - 1))];
  switch (d_.between(0, 21)) {
    case 20:
      return post(c);
    case 21:
      posts_ = d_.between(1, 3);
      return;
    case 0:
      return pause(c);
    case 1:
    case 2:
      return resume(c);
    case 3:
      if (!d_.chance(150)) return;
      if (ask("stop " + std::to_string(c.id.value), [&] { return engine_->stop(c.id, "enough"); })) {
        c.stopped = true;
        world_.provider().expect_silence(c.id.value, true);
      }
      return;
    case 4:
      return leave_for(d_.between(0, 1000) * millisecond);
    case 5:
    case 6:
    case 7:
      return world_.die_after(d_.between(0, 600));
    case 8:
    case 9:
      return world_.disk().die_after(d_.between(0, 300));
    case 10:
      world_.provider().down = true;
      world_.say("the provider is gone");
      world_.at(world_.clock().now() + d_.between(50, 4000) * millisecond, [this] {
        world_.provider().down = false;
        world_.say("the provider is back");
      });
      return;
    case 11: {
      const auto by = d_.between(-5000, 20'000) * millisecond;
      world_.clock().shift_wall(by);
      if (by > 0) jumped_forward_at_ = world_.clock().now();
      world_.provider().clock_set(-by / millisecond);
      jumped_ = true;
      world_.say("the wall clock jumps by " + std::to_string(by / millisecond) + " ms");
      return;
    }
    case 12:
      world_.slow_disk(d_.between(1, 300) * millisecond);
      return;
    case 13:
      syncs_fail_ = d_.chance(500);
      world_.disk().fail_syncs(static_cast<int>(syncs_fail_ ? d_.between(1, 100) : 0));
      return;
    case 14:
      return poll();
    case 15:
      return suppress(c);
    case 16:
      return c.marketing ? withdraw(c) : suppress(c);
    case 17:
      return resolve(c);
    case 18:
      return d_.chance(300) ? send_again(c) : resolve(c);
    default:
      draw_troubles();
  }
}

// The limits were used to the full: it took no longer than they ask for, and a little.
void scenario::expect_used(nanoseconds_t began) {
  const auto requests = static_cast<std::int64_t>(world_.provider().requests());
  nanoseconds_t least = 0, between = 0;
  for (const auto& l : world_.provider().limits("1")) {
    if (l.kind == pacing::limit_kind::rate) between = std::max(between, l.window / l.count);
  }
  for (const auto& l : world_.provider().limits("1")) {
    if (l.kind == pacing::limit_kind::rate) least = std::max(least, requests * l.window / l.count);
    if (l.kind == pacing::limit_kind::batch)
      least = std::max(least, (requests - 1) / l.count * (l.window + (l.count - 1) * between));
    if (l.kind == pacing::limit_kind::in_flight) least = std::max(least, requests * 3 * millisecond / l.count);
  }
  // Up to the last request: webhooks that come one after the other hold up the end, not the sending.
  const auto took = world_.provider().last_at("1") - began;
  if (took > least + least / 20 + 1500 * millisecond) {
    throw broken{"the limits are not used: it took " + std::to_string(took / millisecond) + " ms, " +
                 std::to_string(least / millisecond) + " would do"};
  }
}

verdict scenario::faults() {
  const bool calm = calm_ = d_.chance(60);
  std::vector<std::string> limits;
  for (int senders = !calm && d_.chance(300) ? 2 : 1; senders > 0; --senders) {
    limits.emplace_back(limits_of[static_cast<std::size_t>(d_.between(0, limits_of.size() - 1))]);
  }
  std::vector<std::int64_t> people{d_.between(1, calm ? 400 : 150)};
  if (d_.chance(600)) people.push_back(d_.between(1, 100));
  // In calm weather nothing but the limits may hold it up.
  world_.provider().usual = calm ? millisecond : d_.between(2, 80) * millisecond;
  set_up(limits, static_cast<int>(calm ? 64 : d_.between(1, 16)), people);
  const auto began = world_.clock().now();
  if (!calm) draw_troubles();
  for (auto& c : campaigns_) {
    if (!calm && d_.chance(200)) world_.die_after(d_.between(0, 60));
    if (!calm && d_.chance(200)) {
      schedule(c);
    } else {
      start(c);
    }
    if (d_.chance(500)) run_for(d_.between(0, 800) * millisecond);
  }
  if (!calm) {
    for (auto steps = d_.between(5, 30); steps > 0; --steps) {
      misfortune();
      check_alive();
      run_for(d_.between(0, 600) * millisecond);
    }
  }

  // All is well again: what is not stopped comes to its end.
  calm_ = true;
  auto& p = world_.provider();
  p.trouble = {};
  p.down = false;
  world_.disk().fail_syncs(0);
  syncs_fail_ = false;
  world_.slow_disk(8 * millisecond);
  world_.die_after(-1);
  world_.disk().die_after(-1);
  const auto until = world_.clock().now() + 1200 * second;
  auto help_at = world_.clock().now() + 10 * second;
  do {
    for (auto& c : campaigns_) {
      if (state(c) == campaign_state::paused) resume(c);
    }
    run_for(250 * millisecond);
    if (world_.clock().now() > help_at && !all_final() && waits_for_receipts()) {
      help_resend();
      help_at = world_.clock().now() + 5 * second;
    }
    if (world_.clock().now() > until) {
      throw broken{"a campaign does not come to its end: " +
                   judge_.text("SELECT group_concat('campaign ' || id || ' in state ' || state || ', ' || "
                               "(total - sent - failed - unconfirmed - skipped) || ' queued and ' || unconfirmed || "
                               "' unconfirmed', '; ') FROM campaigns WHERE state < 6")};
    }
  } while (!all_final());
  if (calm) expect_used(began);
  run_for(3 * second);
  world_.run_until(world_.clock().now() + second);  // what came last is merged
  for (auto& c : campaigns_) judge_.end(c.id.value, false);
  judge_schedules();

  p.replay();
  while (!p.mail.empty()) run_for(second);
  // Of what another process posted before it died nobody tells: the runner looks once a minute.
  if (posted_at_ >= 0) run_for(61 * second);
  if (judge_.number("SELECT count(*) FROM commands WHERE done_at_ms = 0") != 0) {
    throw broken{"what another process posted is never carried out: " +
                 judge_.text("SELECT verb || ' ' || campaign || ' of ' || at_ms FROM commands WHERE done_at_ms = 0")};
  }
  run_for(12 * second);  // what is quoted and not known is waited for
  world_.run_until(world_.clock().now() + second);
  for (auto& c : campaigns_) judge_.end(c.id.value, true);
  judge_.end_of_replies();
  said_.settled_by_receipt = judge_.number("SELECT sum(settled_by_receipt) FROM campaigns");
  return end("");
}

verdict scenario::day(std::int64_t people) {
  auto& p = world_.provider();
  world_.disk().trust();
  p.light = true;
  p.reports = false;
  world_.slow_disk(60 * millisecond);  // several messages share a commit, as on a busy machine
  set_up({"80/s; " + std::to_string(people * 11 / 20) + "/24h; in-flight=64"}, 64, {people});
  const auto began = world_.clock().now();
  start(campaigns_[0]);
  while (!all_final()) {
    run_for(600 * second);
    if (world_.clock().now() - began > 72 * 3600 * second) throw broken{"it has not ended after three days"};
  }
  if (p.accepted() != static_cast<std::size_t>(people)) throw broken{"not everybody was reached"};
  judge_.look();
  return end("");
}

}  // namespace

verdict run_seed(std::uint64_t seed, bool tells) {
  scenario s(seed, tells);
  try {
    return s.faults();
  } catch (const broken& b) {
    return s.end(b.what);
  }
}

verdict run_day(std::int64_t people, bool tells) {
  scenario s(1, tells);
  try {
    return s.day(people);
  } catch (const broken& b) {
    return s.end(b.what);
  }
}

}  // namespace bulkmsg::sim
